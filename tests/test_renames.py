"""New names on the destination. Judged by pg_dump: the copy's equals that of a restored dump, renamed by hand."""

import re
from pathlib import Path

import psycopg
import pytest

from replicator import clone, plan, verify
from replicator.demo.server import reachable_folder
from replicator.errors import Interrupted, PreflightFailed
from replicator.settings import Settings
from replicator.settings.definition import DefinitionError
from tests.fix_cli import NEWEST, Run, both, notes, refuses, runs
from tests.fix_servers import SEVERAL, SOME, Database, Servers

RICH = r"""
CREATE SCHEMA app; CREATE SCHEMA "Odd.One"; CREATE EXTENSION pg_trgm;
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE app.pair AS (a int, b mood);
CREATE TABLE orders (id serial PRIMARY KEY, how mood DEFAULT 'ok', n positive, at timestamptz DEFAULT now(),
                     note text, CONSTRAINT noted CHECK (note <> '' OR how = 'sad'::public.mood));
CREATE INDEX orders_note ON orders USING gin (note gin_trgm_ops);
CREATE TABLE app.lines (id int GENERATED ALWAYS AS IDENTITY, "order" int NOT NULL REFERENCES orders, p app.pair,
                        next_one int DEFAULT nextval('public.orders_id_seq'));
CREATE TABLE "Odd.One"."T%s" (a int UNIQUE, b orders);
CREATE TABLE log (id int, day date) PARTITION BY RANGE (id);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (500);
CREATE TABLE app.log_2 PARTITION OF log FOR VALUES FROM (500) TO (2000);
CREATE TABLE hashed (id int) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE animals (id int); CREATE TABLE dogs (name text) INHERITS (animals);
CREATE VIEW seen AS SELECT orders.id, l.p, orders FROM orders JOIN app.lines l ON l."order" = orders.id;
CREATE MATERIALIZED VIEW app.summed AS SELECT how, count(*) FROM public.orders GROUP BY how;
CREATE UNIQUE INDEX ON app.summed (how);
CREATE FUNCTION counted(public.mood) RETURNS bigint LANGUAGE sql STABLE SET search_path = public, "Odd.One"
    AS 'SELECT count(*) FROM orders WHERE how = $1';
CREATE FUNCTION app.touched() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM count(*) FROM public.log; RETURN NEW; END';
CREATE TRIGGER touching BEFORE UPDATE OF note ON orders FOR EACH ROW WHEN (OLD.note <> NEW.note)
    EXECUTE FUNCTION app.touched();
CREATE RULE nothing AS ON DELETE TO log DO INSTEAD NOTHING;
CREATE STATISTICS both_of ON how, n FROM orders;
CREATE POLICY mine ON orders TO alice, bob USING (note = current_user OR id IN (SELECT id FROM log));
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE PUBLICATION published FOR TABLE orders, app.lines;
ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA public GRANT SELECT ON TABLES TO bob WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE bob GRANT SELECT ON TABLES TO alice;
COMMENT ON TABLE orders IS 'in public'; COMMENT ON COLUMN app.lines.p IS 'a pair'; COMMENT ON SCHEMA public IS 'mine';
ALTER TABLE orders OWNER TO alice; GRANT SELECT (id, note), UPDATE (note) ON orders TO bob;
GRANT USAGE ON SCHEMA app TO alice WITH GRANT OPTION; GRANT ALL ON app.lines TO PUBLIC;
ALTER FUNCTION app.touched() OWNER TO "Odd Role";
INSERT INTO orders (n, note) SELECT g, 'note ' || g FROM generate_series(1, 100) g;
INSERT INTO app.lines ("order", p) SELECT g, ROW(g, 'sad'::mood)::app.pair FROM generate_series(1, 100) g;
INSERT INTO log SELECT g, '2026-01-01' FROM generate_series(1, 1000) g;
INSERT INTO hashed SELECT generate_series(1, 100); INSERT INTO animals VALUES (1); INSERT INTO dogs VALUES (2, 'x');
INSERT INTO "Odd.One"."T%s" SELECT id, orders FROM orders;
REFRESH MATERIALIZED VIEW app.summed;
"""
NEW_SCHEMAS = {"public": "raw", "app": '"Odd.One"', '"Odd.One"': "app"}
NEW_TABLES = {
    "public.orders": '"Sales%d"',
    "app.lines": "Order_Lines",
    "public.log": "log_1",
    "public.log_1": "log",
    "public.hashed": '"ha""shed"',
    '"Odd.One"."T%s"': "t",
}
DEFINITION = {"rename": {"schemas": NEW_SCHEMAS, "tables": NEW_TABLES}}
BY_HAND = """
ALTER FUNCTION public.counted(public.mood) SET search_path = raw, app;
ALTER TABLE public.orders RENAME TO "Sales%d"; ALTER TABLE app.lines RENAME TO order_lines;
ALTER TABLE public.log RENAME TO aside; ALTER TABLE public.log_1 RENAME TO log;
ALTER TABLE public.aside RENAME TO log_1;
ALTER TABLE public.hashed RENAME TO "ha""shed"; ALTER TABLE "Odd.One"."T%s" RENAME TO t;
ALTER SCHEMA public RENAME TO raw; ALTER SCHEMA app RENAME TO aside; ALTER SCHEMA "Odd.One" RENAME TO app;
ALTER SCHEMA aside RENAME TO "Odd.One";
"""
NEW_PUBLIC = {
    False: "CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC;",
    True: "CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC;",
}


def renamed_by_hand(servers: Servers, source: Database) -> Database:
    """Return a copy by pg_dump that was renamed by hand."""
    other = servers.database(source.major)
    other.run(source.dump("--format=plain").replace("SET transaction_timeout = 0;", ""))
    other.run(BY_HAND + NEW_PUBLIC[source.major >= 15] + "COMMENT ON SCHEMA public IS 'standard public schema'")
    return other


def is_like(copy: Database, other: Database) -> None:
    assert copy.dump() == other.dump()
    for relation in ('raw."Sales%d"', '"Odd.One".order_lines', "raw.log_1", "raw.log", 'raw."ha""shed"', "app.t",
                     "raw.animals", '"Odd.One".summed'):  # fmt: skip
        query = f"SELECT t::text FROM {relation} AS t ORDER BY 1"
        assert copy.rows(query) == other.rows(query) != [], relation


@SEVERAL
def test_everything_follows_new_names(pair: tuple[Database, Database], servers: Servers) -> None:
    source, destination = pair
    source.run(RICH)
    seen: list = []
    settings = {"definition": DEFINITION, "jobs": 2}
    clone(Settings(source.dsn, destination.dsn, verify=True, **settings), on_event=seen.append)
    is_like(destination, renamed_by_hand(servers, source))
    (said,) = [text for text in notes(seen) if "Names within texts" in text]
    assert "function app.touched() (log, public)" in said
    assert "function public.counted(mood" in said or "function public.counted(public.mood" in said
    found = verify(Settings(source.dsn, destination.dsn, **settings))
    assert found.equal, list(map(str, found.differences))
    assert source.value("SELECT to_regclass('public.orders') IS NOT NULL")


@SOME
def test_rows_alone_and_sequences_go_to_new_names(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(RICH)
    settings = {"definition": DEFINITION}
    clone(Settings(source.dsn, destination.dsn, **settings))
    filled = 'SELECT count(*), sum(id) FROM raw."Sales%d"'
    destination.run('TRUNCATE raw."Sales%d", "Odd.One".order_lines, app.t; DELETE FROM raw.animals')
    destination.run("SELECT setval('raw.orders_id_seq', 1)")
    source.run("INSERT INTO hashed VALUES (1000)")
    found = verify(Settings(source.dsn, destination.dsn, **settings))
    wanted = {
        'table raw."Sales%d"',
        'table "Odd.One".order_lines',
        "table app.t",
        "table raw.animals",
    }
    named = {d.what for d in found.differences}
    assert wanted <= named and "sequence public.orders_id_seq" in named, named
    clone(Settings(source.dsn, destination.dsn, data_only=True, truncate=True, verify=True, **settings))
    assert destination.rows(filled) == source.rows("SELECT count(*), sum(id) FROM orders")
    assert destination.value("SELECT last_value FROM raw.orders_id_seq") == 200
    for data_only in (True, False):
        found = verify(Settings(source.dsn, destination.dsn, data_only=data_only, **settings))
        assert found.equal, list(map(str, found.differences))
    destination.run("""SET session_replication_role = replica; DELETE FROM raw.log WHERE id = 8;
        UPDATE raw."Sales%d" SET note = 'other' WHERE id = 7""")
    repaired = verify(Settings(source.dsn, destination.dsn, repair=True, **settings))
    assert all(d.repaired for d in repaired.differences) and len(repaired.differences) == 2
    assert destination.rows(filled) == source.rows("SELECT count(*), sum(id) FROM orders")


@SOME
def test_differing_definitions_of_a_renamed_copy_are_found_and_can_be_fixed(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(RICH)
    settings = {"definition": DEFINITION}
    clone(Settings(source.dsn, destination.dsn, **settings))
    before = destination.dump()
    destination.run("""DROP VIEW raw.seen; ALTER TABLE raw."Sales%d" ALTER COLUMN note SET DEFAULT 'x';
        CREATE TABLE public.mine (a int); ALTER TABLE "Odd.One".order_lines DISABLE TRIGGER ALL""")
    dump = destination.dump()
    found = verify(Settings(source.dsn, destination.dsn, **settings))
    assert destination.dump() == dump, "what was undone is back"
    by_name = {d.what: d for d in found.differences}
    assert by_name.keys() == {"view public.seen", "table public.orders", 'table "public (not renamed)".mine',
                              "foreign_key lines_order_fkey on app.lines"}, by_name  # fmt: skip
    destination.run("DROP TABLE public.mine")
    for what in ("view public.seen", "table public.orders"):
        destination.run("BEGIN; SET search_path = pg_catalog;" + "".join(f"{s};" for s in by_name[what].fix) + "COMMIT")
    destination.run('ALTER TABLE "Odd.One".order_lines ENABLE TRIGGER ALL')
    assert destination.dump() == before


ROLES = """
CREATE SCHEMA AUTHORIZATION "Odd Role"; CREATE TABLE t (id int PRIMARY KEY, a text); ALTER TABLE t OWNER TO alice;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f() OWNER TO alice;
GRANT SELECT ON t TO bob WITH GRANT OPTION; GRANT INSERT (a) ON t TO "Odd Role"; REVOKE TRUNCATE ON t FROM alice;
SET ROLE bob; GRANT SELECT ON t TO carol; RESET ROLE;
CREATE POLICY p ON t TO alice, "Odd Role", carol USING (a = current_user); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO bob, carol;
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR alice SERVER s;
CREATE USER MAPPING FOR "Odd Role" SERVER s; CREATE USER MAPPING FOR PUBLIC SERVER s;
ALTER DEFAULT PRIVILEGES FOR ROLE "Odd Role" GRANT SELECT ON TABLES TO carol;
SELECT lo_from_bytea(4711, 'large'); ALTER LARGE OBJECT 4711 OWNER TO alice; GRANT SELECT ON LARGE OBJECT 4711 TO bob;
INSERT INTO t VALUES (1, 'x');
"""
MARK = "replicator.definition={"
OF_DATABASE = """
SELECT CASE setrole WHEN 0 THEN 'etl' ELSE setrole::regrole::text END
     , ARRAY(SELECT regexp_replace(item, '{.*', '{') FROM unnest(setconfig) AS item)
     , (SELECT split_part(item::text, '/', 1) FROM unnest(datacl) AS item WHERE item::text LIKE 'etl=%')
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
 WHERE datname = current_database()
 ORDER BY s.setrole"""
NEW_ROLES = {"alice": "etl", "bob": '"The % ""new"" one"'}
THERE = [("alice", "etl"), ("bob", '"The % ""new"" one"')]


@SEVERAL
def test_roles_have_new_names_wherever_they_are_printed(servers: Servers, major: int) -> None:
    source, destination, other = (servers.database(major) for _ in range(3))
    with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
        for _, role in THERE:
            conn.execute(f"CREATE ROLE {role}")
    try:
        source.run(
            ROLES
            + f"""
            ALTER DATABASE {source.name} SET role = 'alice';
            ALTER ROLE bob IN DATABASE {source.name} SET work_mem = '8MB';
            GRANT CREATE ON DATABASE {source.name} TO alice"""
        )
        settings = {"definition": {"rename": {"roles": NEW_ROLES}}}
        clone(Settings(source.dsn, destination.dsn, verify=True, **settings))
        found = verify(Settings(source.dsn, destination.dsn, **settings))
        assert found.equal, list(map(str, found.differences))
        text = source.dump("--format=plain").replace("SET transaction_timeout = 0;", "")
        for old, new in THERE:
            text = re.sub(rf"\b{old}\b", new.replace("\\", r"\\"), text)
        other.run(text)
        assert destination.dump("--format=plain") == other.dump("--format=plain")
        assert destination.rows(OF_DATABASE) == [
            ("etl", ["role=etl", MARK], "etl=C"),
            ('"The % ""new"" one"', ["work_mem=8MB"], "etl=C"),
        ]
        with pytest.raises(PreflightFailed, match="made with a definition"):
            verify(Settings(source.dsn, destination.dsn))
    finally:
        with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
            for each in (source, destination, other):
                conn.execute(f"DROP DATABASE {each.name}")
            for _, role in THERE:
                conn.execute(f"DROP ROLE {role}")


@SOME
def test_tablespaces_have_new_names_and_the_default_has_none(servers: Servers, major: int) -> None:
    source, destination = servers.database(major), servers.database(major)
    with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
        for name in ("fast", "slow", "plain"):
            folder = reachable_folder(f"space-{name}-")
            conn.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
    source.run(f"""CREATE TABLE a (id int PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE plain;
        CREATE TABLE b (id int) TABLESPACE fast; CREATE INDEX i ON b (id) TABLESPACE plain;
        ALTER DATABASE {source.name} SET default_tablespace = 'fast';
        ALTER DATABASE {source.name} SET temp_tablespaces = fast, plain""")
    settings = {"definition": {"rename": {"tablespaces": {"fast": "slow", "plain": "pg_default"}}}}
    clone(Settings(source.dsn, destination.dsn, verify=True, **settings))
    where = "SELECT relname::text, reltablespace FROM pg_class WHERE relname IN ('a', 'a_pkey', 'b', 'i') ORDER BY 1"
    slow = destination.value("SELECT oid FROM pg_tablespace WHERE spcname = 'slow'")
    assert destination.rows(where) == [("a", 0), ("a_pkey", slow), ("b", slow), ("i", 0)]
    assert destination.rows("SELECT current_setting('default_tablespace'), current_setting('temp_tablespaces')") == [
        ("slow", "slow, pg_default")
    ]
    assert verify(Settings(source.dsn, destination.dsn, **settings)).equal


PLAIN = """
CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE lines (id int); CREATE SCHEMA app; CREATE VIEW v AS SELECT 1;
CREATE TYPE kind AS ENUM ('a'); CREATE TABLE app.t (a int); INSERT INTO orders VALUES (1); INSERT INTO lines VALUES (2);
"""


@SOME
@pytest.mark.parametrize(
    ("rename", "path", "words"),
    [
        ({"schemas": {"publik": "raw"}}, "rename.schemas.publik", "no schema publik. Did you mean public?"),
        ({"schemas": {"public": "app"}}, "rename.schemas.public", "the copy has another schema app."),
        ({"schemas": {"public": "x", "app": "x"}}, "rename.schemas.public", "x is the new name of 2 schemas"),
        ({"schemas": {"pg_catalog": "x"}}, "rename.schemas.pg_catalog", "belongs to PostgreSQL itself"),
        ({"schemas": {"app": "pg_mine"}}, "rename.schemas.app", "pg_mine is a reserved name"),
        ({"schemas": {"app": "replicator"}}, "rename.schemas.app", "replicator is a reserved name"),
        ({"schemas": {"app": "ä" * 32}}, "rename.schemas.app", "is too long: a name has at most 63 bytes"),
        ({"tables": {"public.order": "x"}}, "rename.tables", "no table public.order. Did you mean public.orders?"),
        ({"tables": {"public.orders": "lines"}}, "rename.tables", "the source has another relation public.lines"),
        ({"tables": {"public.orders": "orders_pkey"}}, "rename.tables", "another relation public.orders_pkey"),
        ({"tables": {"public.orders": "kind"}}, "rename.tables", "the source has another type public.kind"),
        ({"tables": {"public.v": "x"}}, "rename.tables", "public.v is a view, not a table"),
        ({"tables": {"public.orders": "x", "public.lines": "x"}}, "rename.tables", "x is the new name of 2 tables"),
        ({"roles": {"alic": "x"}}, "rename.roles.alic", "no role alic. Did you mean alice?"),
        ({"roles": {"pg_monitor": "x"}}, "rename.roles.pg_monitor", "belongs to PostgreSQL itself"),
        ({"roles": {"alice": "public"}}, "rename.roles.alice", "public is a reserved name"),
        ({"roles": {"alice": "x", "bob": "x"}}, "rename.roles.alice", "x is the new name of 2 roles"),
        ({"roles": {"alice": "bob"}}, "rename.roles.alice", "the source's database uses another role bob, and both"),
        ({"tablespaces": {"fest": "x"}}, "rename.tablespaces.fest", "the source has no tablespace fest"),
        (
            {"tables": {"public.orders": "a.b"}},
            "rename.tables",
            "a.b is no single name. A name with a dot needs double",
        ),
        ({"schemas": {"public": "x"}}, "rename", "named.r has the type regclass, whose values are names of objects"),
        ({"tables": {"public.orders": "x"}}, "rename", "named.r has the type regclass, whose values are names"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(
    pair: tuple[Database, Database], rename: dict, path: str, words: str
) -> None:
    source, destination = pair
    source.run(PLAIN)
    source.run("ALTER TABLE app.t OWNER TO bob")
    if "named.r" in words:
        source.run("CREATE DOMAIN relation AS regclass; CREATE TABLE named (q regrole, r relation)")
    with pytest.raises(DefinitionError) as raised:
        settings = Settings(source.dsn, destination.dsn, definition={"rename": rename})
        clone(settings)
    assert str(raised.value).startswith(path)
    assert words in f"{raised.value} {raised.value.hint}"
    with pytest.raises(DefinitionError):
        plan(Settings(source.dsn, destination.dsn, definition={"rename": rename}))
    assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0


@SOME
def test_functions_that_find_tables_by_the_path_are_named(pair: tuple[Database, Database], replicator: Run) -> None:
    source, destination = pair
    source.run(
        """
        CREATE TABLE orders (id int); CREATE TABLE "Odd one" (id int);
        CREATE FUNCTION counts() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM Orders); END';
        CREATE FUNCTION odd() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM "Odd one"';
        CREATE FUNCTION whole() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM pg_catalog.orders, reorders'
            SET check_function_bodies = off;
        CREATE FUNCTION fixed() RETURNS bigint LANGUAGE plpgsql SET search_path = public
            AS 'BEGIN RETURN (SELECT count(*) FROM orders); END';
    """.replace("CREATE FUNCTION whole", "SET check_function_bodies = off; CREATE FUNCTION whole")
    )
    noted = replicator("plan", "--define", 'rename.schemas.public = "raw"', *both(source, destination))
    runs(noted)
    said = noted.said + noted.out
    assert "find them only if search_path has raw: function public.counts(), function public.odd()." in said


@SOME
def test_a_renamed_copy_is_replaced_by_another(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(PLAIN)
    settings = {"definition": {"rename": {"schemas": {"public": "raw"}, "tables": {"public.orders": "sales"}}}}
    clone(Settings(source.dsn, destination.dsn, **settings))
    destination.run("CREATE SCHEMA own")
    for replace in ("drop", "swap", "drop"):
        clone(Settings(source.dsn, destination.dsn, replace=replace, verify=True, **settings))
        assert destination.rows("SELECT id FROM raw.sales") == [(1,)]
        assert destination.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    assert verify(Settings(source.dsn, destination.dsn, **settings)).equal


@SOME
def test_a_crash_leaves_all_names_or_none(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(PLAIN)
    settings = {"definition": {"rename": {"schemas": {"public": "raw"}, "tables": {"public.orders": "sales"}}}}

    def stop(event: object) -> None:
        if type(event).__name__ == "Done" and getattr(event, "step", "").startswith("rename schema"):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        clone(Settings(source.dsn, destination.dsn, **settings), on_event=stop)
    assert destination.rows("SELECT id FROM public.orders") == [(1,)]
    assert not verify(Settings(source.dsn, destination.dsn, **settings)).equal, "unfinished"
    destination.run("CREATE SCHEMA raw")
    with pytest.raises(PreflightFailed) as raised:
        clone(Settings(source.dsn, destination.dsn, resume="per-table", **settings))
    assert "cannot be renamed to raw: the destination has a schema of that name" in str(raised.value.findings)
    destination.run("DROP SCHEMA raw")
    clone(Settings(source.dsn, destination.dsn, resume="per-table", verify=True, **settings))
    assert destination.rows("SELECT id FROM raw.sales") == [(1,)]


@SOME
def test_settings_name_new_schemas_and_the_plan_ends_with_the_renames(
    pair: tuple[Database, Database], replicator: Run, tmp_path: Path
) -> None:
    source, destination = pair
    source.run(
        PLAIN
        + f"""ALTER DATABASE {source.name} SET search_path = public, "$user", app;
        ALTER ROLE alice IN DATABASE {source.name} SET search_path = 'app'"""
    )
    path = tmp_path / "shop.toml"
    path.write_text('[rename]\nschemas = { public = "raw" }\ntables = { "app.t" = "Odd t" }\n')
    given = ("--definition", str(path), *both(source, destination))
    lines = runs(replicator("plan", *given))
    assert "new names: rename schema public to raw, after" in lines
    assert 'new names: rename table app.t to "odd t", after' in lines
    script = runs(replicator("plan", "--sql", *given))
    renames = [line for line in script.splitlines() if "RENAME TO" in line]
    assert renames == ['ALTER TABLE "app"."t" RENAME TO "odd t";', 'ALTER SCHEMA "public" RENAME TO "raw";']
    assert script.index("CREATE TABLE public.orders") < script.index(renames[1]) < script.rindex("CREATE SCHEMA IF")
    runs(replicator("clone", "--verify", *given))
    settings = "SELECT array_agg(c ORDER BY c) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase," \
               " unnest(setconfig) c WHERE datname = current_database()" \
               " AND c NOT LIKE 'replicator.%'"  # fmt: skip
    assert destination.value(settings) == ["search_path=app", 'search_path=raw, "$user", app']
    assert destination.rows("SELECT id FROM orders") == [(1,)]
    path.write_text('[rename]\nschemas = { publick = "raw" }\n')
    refuses(replicator("clone", *given), 2, f"{path}:2: rename.schemas.publick: the source has no schema publick")


@SOME
def test_a_role_that_may_not_rename_compares_rows_alone(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(PLAIN)
    tables = {"public.orders": "lines", "public.lines": "orders"}
    settings = {"definition": {"rename": {"schemas": {"public": "raw"}, "tables": tables}}}
    clone(Settings(source.dsn, destination.dsn, **settings))
    with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
        conn.execute("ALTER ROLE carol LOGIN")
    destination.run("GRANT USAGE ON SCHEMA raw, app TO carol; GRANT SELECT ON ALL TABLES IN SCHEMA raw, app TO carol")
    reader = psycopg.conninfo.make_conninfo(destination.dsn, user="carol")
    seen: list = []
    found = verify(Settings(source.dsn, reader, **settings), on_event=seen.append)
    assert found.equal, list(map(str, found.differences))
    assert any("Only rows and sequences are compared." in text for text in notes(seen))
    destination.run("DELETE FROM raw.orders")
    assert [d.what for d in verify(Settings(source.dsn, reader, **settings)).differences] == ["table raw.orders"]


@pytest.mark.pg("in 12 18")
def test_across_versions_no_event_trigger_of_the_copy_fires(servers: Servers, major: int) -> None:
    source, destination = servers.database(12), servers.database(major)
    source.run(
        RICH
        + """CREATE FUNCTION app.never() RETURNS event_trigger LANGUAGE plpgsql
        AS 'BEGIN RAISE EXCEPTION ''no % here'', tg_tag; END'; CREATE EVENT TRIGGER never ON ddl_command_start
        EXECUTE FUNCTION app.never()"""
    )
    settings = {"definition": DEFINITION}
    clone(Settings(source.dsn, destination.dsn, verify=True, **settings))
    found = verify(Settings(source.dsn, destination.dsn, **settings))
    assert found.equal, list(map(str, found.differences))
    with pytest.raises(AssertionError, match="no CREATE TABLE here"):
        destination.run("CREATE TABLE x (a int)")


def test_work_that_names_tables_later_is_refused(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(PLAIN)
    settings = {"definition": {"rename": {"schemas": {"public": "raw"}}}, "defer_validation": True}
    with pytest.raises(DefinitionError, match="cannot be renamed while work is deferred"):
        clone(Settings(source.dsn, destination.dsn, **settings))
