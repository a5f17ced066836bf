"""A clone is the source: every object, every row, on every version, and from each to the newest."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from replicator import events
from replicator.catalog.read import read_catalog
from replicator.demo.server import Server, reachable_folder
from replicator.errors import Incomplete, Interrupted, PreflightFailed, VerificationFailed
from replicator.events import Event
from replicator.model import Format, Phase
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.runs.plan import plan_copy
from replicator.runs.status import clean_up, unfinished_clone
from replicator.sessions import snapshot
from replicator.settings import Settings
from tests.fix_cli import NEWEST, notes
from tests.fix_servers import BINARIES, SETTINGS, SOME, VERSIONS, Database, Servers
from tests.test_kinds import has_feature

SHOP = files("replicator.demo").joinpath("shop.sql").read_text("utf-8")

ODD_ROWS = Path(__file__).with_name("odd_rows.sql").read_text("utf-8")
STRANGE = Path(__file__).with_name("strange.sql").read_text("utf-8")
TABLES = ["everything", "no_columns", "parent", "child", "dropped", "by_enum", '"Un""logged"']


def copy(source: Database, destination: Database, **options: object) -> list[Event]:
    seen: list[Event] = []
    clone(Settings(source.dsn, destination.dsn, jobs=2, **options), seen.append)
    return seen


@pytest.fixture
def newest(servers: Servers) -> Database:
    return servers.database(NEWEST)


def test_the_shop_arrives_complete(database: Database, destination: Database) -> None:
    database.run(SHOP)
    copy(database, destination, verify=True)
    assert destination.dump() == database.dump()
    assert destination.value("SELECT to_regnamespace('replicator')") is None


def test_the_shop_arrives_on_the_newest_server(database: Database, newest: Database) -> None:
    database.run(SHOP)
    copy(database, newest, verify=True)


def test_a_strange_database_arrives_complete(database: Database, destination: Database, newest: Database) -> None:
    database.run(STRANGE)
    copy(database, destination, verify=True)
    assert destination.dump() == database.dump()
    copy(database, newest, verify=True)


def test_odd_rows_arrive_unchanged(database: Database, destination: Database) -> None:
    database.run(ODD_ROWS)
    copy(database, destination, verify=True)
    for table in TABLES:
        assert destination.value(f"SELECT count(*) FROM ONLY {table}") == database.value(
            f"SELECT count(*) FROM ONLY {table}"
        )
        query = f"SELECT t::text FROM {table} t ORDER BY 1"
        assert destination.rows(query) == database.rows(query)
    for query in (
        "SELECT last_value, is_called FROM counter",
        "SELECT last_value, is_called FROM untouched",
        "SELECT oid, md5(lo_get(oid)), pg_get_userbyid(lomowner), lomacl::text FROM pg_largeobject_metadata ORDER BY 1",
        "SELECT objoid, description FROM pg_description WHERE classoid = 'pg_largeobject'::regclass",
    ):
        assert destination.rows(query) == database.rows(query)


def test_awkward_settings_of_databases_change_no_value(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(ODD_ROWS)
    for database in (source, destination):
        database.run(
            f"""ALTER DATABASE {database.name} SET DateStyle = 'SQL, DMY';
            ALTER DATABASE {database.name} SET IntervalStyle = 'sql_standard';
            ALTER DATABASE {database.name} SET TimeZone = 'Asia/Kathmandu';
            ALTER DATABASE {database.name} SET extra_float_digits = -15;
            ALTER DATABASE {database.name} SET bytea_output = 'escape';
            ALTER DATABASE {database.name} SET statement_timeout = '1s';
            ALTER DATABASE {database.name} SET search_path = 'nowhere';"""
        )
    copy(source, destination, verify=True)
    rows = ("--data-only", "-t", "public.everything")
    assert destination.dump(*rows) == source.dump(*rows)


@pytest.mark.parametrize(
    ("from_encoding", "to_encoding"),
    [("LATIN1", "UTF8"), ("LATIN1", "LATIN1"), ("SQL_ASCII", "SQL_ASCII"), ("LATIN1", "SQL_ASCII")],
)
def test_text_survives_other_encodings(from_encoding: str, to_encoding: str, servers: Servers) -> None:
    source = servers.database(NEWEST, f"ENCODING '{from_encoding}'")
    destination = servers.database(NEWEST, f"ENCODING '{to_encoding}'")
    with psycopg.connect(source.dsn, client_encoding="latin1", autocommit=True) as conn:
        conn.execute('CREATE TABLE "Zürich" ("größe" text DEFAULT \'ä\')'.encode("latin1"))
        conn.execute("INSERT INTO \"Zürich\" VALUES ('Ærøskøbing')".encode("latin1"))
        conn.execute("COMMENT ON TABLE \"Zürich\" IS 'schöne Stadt'".encode("latin1"))
    copy(source, destination, verify=True)
    encoding = "utf8" if to_encoding == "UTF8" else "latin1"
    with psycopg.connect(destination.dsn, client_encoding=encoding, autocommit=True) as conn:
        query = 'SELECT "größe"::bytea, obj_description(\'"Zürich"\'::regclass)::bytea FROM "Zürich"'
        row = conn.execute(query.encode(encoding)).fetchone()
    assert row == ("Ærøskøbing".encode(encoding), "schöne Stadt".encode(encoding))


def test_bytes_that_are_not_utf8_stop_a_copy_into_utf8(servers: Servers) -> None:
    source, destination = servers.database(NEWEST, "ENCODING 'SQL_ASCII'"), servers.database(NEWEST)
    source.run("CREATE TABLE t (a text); INSERT INTO t SELECT convert_from('\\x41', 'SQL_ASCII')")
    copy(source, destination, verify=True)
    assert destination.value("SELECT a FROM t") == "A"


@pytest.mark.parametrize(
    "statement", ['CREATE TABLE "Z\xfcrich" ()', "COMMENT ON SCHEMA public IS 'sch\xf6n'"], ids=["name", "comment"]
)
def test_names_and_comments_that_are_not_utf8_are_told_before(statement: str, servers: Servers) -> None:
    source, destination = servers.database(NEWEST, "ENCODING 'SQL_ASCII' LOCALE 'C'"), servers.database(NEWEST)
    with psycopg.connect(source.dsn, client_encoding="latin1", autocommit=True) as conn:
        conn.execute(statement.encode("latin1"))
    with pytest.raises(PreflightFailed, match="destination's encoding cannot store a name") as caught:
        copy(source, destination)
    assert caught.value.hint and "(--create)" in caught.value.hint


def test_a_materialized_view_shows_what_its_owner_may_see(database: Database, destination: Database) -> None:
    database.run(
        """CREATE TABLE t AS SELECT generate_series(1, 10) AS a; ALTER TABLE t OWNER TO alice;
        ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a < 4);
        GRANT CREATE ON SCHEMA public TO alice; SET ROLE alice; CREATE MATERIALIZED VIEW m AS TABLE t;"""
    )
    copy(database, destination, verify=True)
    assert destination.value("SELECT count(*) FROM m") == 3


def test_unpopulated_and_nested_materialized_views(database: Database, destination: Database) -> None:
    database.run(
        """CREATE TABLE t AS SELECT generate_series(1, 10) AS a;
        CREATE MATERIALIZED VIEW z_first AS SELECT a FROM t WHERE a > 5;
        CREATE MATERIALIZED VIEW a_second AS SELECT count(*) AS n FROM z_first;
        CREATE UNIQUE INDEX ON z_first (a);
        CREATE MATERIALIZED VIEW empty AS SELECT a FROM t WITH NO DATA;
        CREATE INDEX ON empty (a);
        COMMENT ON INDEX z_first_a_idx IS 'on a materialized view'"""
    )
    copy(database, destination, verify=True)
    assert destination.dump() == database.dump()
    assert destination.value("SELECT n FROM a_second") == 5
    assert destination.value("SELECT relispopulated FROM pg_class WHERE relname = 'empty'") is False


STALE = """
    CREATE TABLE t AS SELECT generate_series(1, 10) AS a;
    CREATE MATERIALIZED VIEW stale AS SELECT a % 10 AS a FROM t;
    CREATE UNIQUE INDEX one ON stale (a);
    CREATE INDEX another ON stale (a);
    COMMENT ON INDEX another IS 'on a view that cannot be filled';
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM stale;
    CREATE TABLE grouped (a integer PRIMARY KEY, b integer);
    INSERT INTO grouped VALUES (1, 1);
    CREATE MATERIALIZED VIEW by_key AS SELECT b FROM grouped GROUP BY a;
    CREATE UNIQUE INDEX two ON by_key (b);
    CREATE MATERIALIZED VIEW good AS SELECT max(a) FROM t;
    INSERT INTO t VALUES (11);
    INSERT INTO grouped VALUES (2, 1)"""
"""What is in some views cannot be had by their queries any more."""
EMPTY = ("by_key", "counted", "stale")


def test_views_that_cannot_be_filled_hinder_nothing_else(database: Database, destination: Database) -> None:
    database.run(STALE)
    with pytest.raises(Incomplete, match="could not create unique index"):
        copy(database, destination, verify=True)
    assert destination.value("SELECT max FROM good") == 11
    assert sorted(unfinished_clone(destination.dsn).unfinished) == [f"refresh public.{name}" for name in EMPTY]
    with pytest.raises(Incomplete, match="could not create unique index"):
        copy(database, destination, resume="same-snapshot")
    copy(database, destination, resume="same-snapshot", skip_failed_refresh=True)
    assert unfinished_clone(destination.dsn) is None
    assert destination.dump() == database.dump()


def test_views_that_cannot_be_filled_are_left_empty_if_that_was_asked_for(
    database: Database, destination: Database
) -> None:
    database.run(STALE)
    seen = notes(copy(database, destination, verify=True, skip_failed_refresh=True))
    left_out = sorted(text.partition(" failed: ")[0] for text in seen if " failed: " in text)
    assert left_out == [f"Left out: refresh public.{name}" for name in EMPTY]
    assert destination.dump() == database.dump()
    found = verify_copy(Settings(database.dsn, destination.dsn), lambda event: None)
    empty = sorted(str(mismatch) for mismatch in found if mismatch.about != "rows")
    assert empty == [f"materialized view public.{name}: not populated on the destination" for name in EMPTY]


def test_statistics_are_there_at_the_end(database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE INDEX ON t ((a % 10));")
    copy(database, destination)
    assert destination.value("SELECT reltuples FROM pg_class WHERE relname = 't'") == 1000
    assert destination.value("SELECT count(*) FROM pg_stats WHERE tablename IN ('t', 't_expr_idx')") == 2


def test_owners_and_privileges_can_be_left_out(database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t (); ALTER TABLE t OWNER TO alice; GRANT SELECT ON t TO bob")
    copy(database, destination, owners=False, privileges=False, verify=True)
    query = "SELECT relowner::regrole::text, relacl FROM pg_class WHERE relname = 't'"
    assert destination.rows(query) == [("postgres", None)]


def test_what_an_owner_may_do_is_no_difference_where_owners_stay_behind(
    database: Database, destination: Database
) -> None:
    database.run("""CREATE ROLE "Reader";
        CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE u (a int); CREATE TABLE v (a int);
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT lo_create(4711);
        ALTER TABLE t OWNER TO alice; ALTER TABLE u OWNER TO alice; ALTER TABLE v OWNER TO alice;
        ALTER FUNCTION f() OWNER TO alice; ALTER LARGE OBJECT 4711 OWNER TO alice;
        GRANT SELECT ON t TO "Reader"; GRANT SELECT, UPDATE ON t TO postgres;
        GRANT SELECT (a) ON u TO postgres; REVOKE DELETE ON u FROM alice;
        GRANT SELECT ON v TO postgres WITH GRANT OPTION;
        REVOKE ALL ON FUNCTION f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO postgres, alice, "Reader";
        GRANT SELECT ON LARGE OBJECT 4711 TO postgres, "Reader";""")
    copy(database, destination, owners=False, verify=True)
    settings = Settings(database.dsn, destination.dsn, owners=False)
    assert verify_copy(settings, lambda event: None) == []
    destination.run("""REVOKE ALL ON t FROM "Reader"; GRANT UPDATE ON v TO "Reader";
        GRANT CREATE ON SCHEMA public TO postgres WITH GRANT OPTION;
        GRANT EXECUTE ON FUNCTION f() TO PUBLIC;
        REVOKE ALL ON LARGE OBJECT 4711 FROM "Reader" """)
    found = [mismatch.what for mismatch in verify_copy(settings, lambda event: None)]
    assert found == [
        "acl public (schema)",
        "acl public.f() (function)",
        "acl public.t (table)",
        "acl public.v (table)",
        "large objects 0-4294967295",
    ]
    destination.run('DROP OWNED BY "Reader"')
    database.run('DROP OWNED BY "Reader"; DROP ROLE "Reader"')


def test_events_tell_the_whole_story(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE INDEX ON t (a)")
    seen = copy(source, destination, verify=True)
    planned = [event for event in seen if isinstance(event, events.Planned)]
    done = [event for event in seen if isinstance(event, events.Done)]
    assert sum(sum(event.steps.values()) for event in planned) == len(done)
    data = next(event for event in done if event.step == "data public.t")
    moved = sum(event.bytes for event in seen if isinstance(event, events.Moved) and event.step == data.step)
    assert (data.rows, data.bytes) == (1000, moved)


def test_what_is_written_into_an_empty_table_later_does_not_come(database: Database, destination: Database) -> None:
    """Without a block when the catalog is read, it has no row of the snapshot: there is no step for it."""
    database.run("CREATE TABLE public.empty (a int PRIMARY KEY); CREATE TABLE public.t AS SELECT 1 AS a")

    def write(event: Event) -> None:
        if isinstance(event, events.Planned) and Phase.DATA in event.steps:  # verification has a plan of its own
            assert event.steps[Phase.DATA] == 1
            database.run("INSERT INTO public.empty SELECT generate_series(1, 1000); INSERT INTO public.t VALUES (2)")

    clone(Settings(database.dsn, destination.dsn, jobs=2, verify=True), write)
    assert destination.rows("SELECT (SELECT count(*) FROM public.empty), (SELECT count(*) FROM public.t)") == [(0, 1)]
    assert destination.value("SELECT count(*) FROM pg_index WHERE indrelid = 'public.empty'::regclass") == 1


def test_a_table_is_empty_only_if_it_was_so_in_the_snapshot(database: Database) -> None:
    database.run("""
        CREATE TABLE public.emptied AS SELECT 1 AS a;
        CREATE TABLE public.filled (a int);
        CREATE TABLE public.empty (a int);
    """)
    with snapshot.take(database.dsn) as moment:
        database.run("DELETE FROM public.emptied; INSERT INTO public.filled VALUES (1)")
        database.run("VACUUM public.emptied")
        moment.lock_tables()
        tables = {table.identity: table.empty for table in read_catalog(moment.holder).tables}
    assert tables == {"public.emptied": False, "public.filled": False, "public.empty": True}


def test_two_connections_read_what_one_reads(database: Database) -> None:
    database.run(SHOP)
    with snapshot.take(database.dsn) as moment, moment.another() as beside:
        assert beside is not None
        one, other = read_catalog(moment.holder, beside), read_catalog(moment.holder)
    assert one.objects == other.objects
    # What autovacuum finds out is not of the snapshot.
    assert [(t.identity, t.columns) for t in one.tables] == [(t.identity, t.columns) for t in other.tables]
    assert (one.sequences, one.large_objects, one.populated) == (other.sequences, other.large_objects, other.populated)


def test_a_second_clone_into_a_full_destination_is_refused(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t ()")
    copy(source, destination)
    with pytest.raises(PreflightFailed, match="not empty"):
        copy(source, destination)


def test_a_role_that_the_destination_lacks_is_named(servers: Servers) -> None:
    if len(VERSIONS) < 2:
        pytest.skip("needs two servers")
    source, destination = servers.database(VERSIONS[0]), servers.database(NEWEST)
    source.run(
        """CREATE ROLE an_owner; CREATE ROLE a_reader; CREATE ROLE in_a_policy;
        CREATE TABLE t (); ALTER TABLE t OWNER TO an_owner; GRANT SELECT ON t TO a_reader;
        CREATE POLICY p ON t TO in_a_policy"""
    )
    try:
        with pytest.raises(PreflightFailed, match=r"a_reader.*an_owner.*in_a_policy"):
            copy(source, destination)
        with pytest.raises(PreflightFailed, match='Role "in_a_policy" does not exist') as caught:
            copy(source, destination, owners=False, privileges=False)
        assert "a_reader" not in str(caught.value)
    finally:
        source.run("DROP TABLE t; DROP ROLE an_owner; DROP ROLE a_reader; DROP ROLE in_a_policy")


def test_verify_after_a_change_convicts(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a")
    copy(source, destination)
    destination.run("UPDATE t SET a = 0 WHERE a = 500")
    mismatches = verify_copy(Settings(source.dsn, destination.dsn), lambda event: None)
    assert [str(m) for m in mismatches] == [
        "table public.t: different: 1000 rows on both sides, but not the same: 1 extra, 1 missing"
    ]


def test_a_clone_that_fails_verification_keeps_its_journal(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t AS SELECT 1 AS a")

    def spoil(event: Event) -> None:
        if isinstance(event, events.Done) and event.step == "data public.t":
            destination.run("INSERT INTO t VALUES (2)")

    with pytest.raises(VerificationFailed) as caught:
        clone(Settings(source.dsn, destination.dsn, verify=True), spoil)
    assert caught.value.differences == [
        "table public.t: different: 1 rows on the source, 2 on the destination: 1 extra"
    ]
    assert destination.value("SELECT state FROM replicator.run") == "differs"


def make_invalid(source: Database, name: str, on: str) -> None:
    with psycopg.connect(source.dsn, autocommit=True) as conn, pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on}")


MADE_ANEW = (
    "Index public.broken is invalid, left by a failed CREATE INDEX CONCURRENTLY:"
    " the copy will have it valid, or not at all if rows violate it."
)


def test_an_invalid_index_is_made_anew_and_valid(database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    make_invalid(database, "broken", "t (a, (a + 1))")
    database.run("""
        ALTER INDEX broken ALTER COLUMN 2 SET STATISTICS 10; COMMENT ON INDEX broken IS 'still wanted';
        DELETE FROM t""")
    assert notes(copy(database, destination, verify=True)) == [MADE_ANEW]
    assert destination.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'broken'::regclass") is True
    database.run("REINDEX INDEX broken")
    assert destination.dump() == database.dump()


def test_an_invalid_index_that_the_rows_forbid_is_left_out(database: Database, destination: Database) -> None:
    database.run("""
        CREATE TABLE t (a int) PARTITION BY LIST (a);
        CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
        INSERT INTO t VALUES (1), (1);
        CREATE UNIQUE INDEX whole ON ONLY t (a)""")
    make_invalid(database, "broken", "t1 (a)")
    database.run("ALTER INDEX whole ATTACH PARTITION broken; COMMENT ON INDEX broken IS 'still wanted'")
    seen = copy(database, destination, verify=True)
    (first, *failed) = notes(seen)
    assert first == MADE_ANEW
    assert sorted(note.partition(" failed: ")[0] for note in failed) == [
        "Left out: attachment of index public.broken",
        "Left out: comment on index public.broken",
        "Left out: index public.broken",
    ]
    assert destination.value("SELECT to_regclass('broken')") is None
    assert destination.dump() == database.dump()


def test_an_index_that_is_invalid_on_the_destination_alone_is_a_difference(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    for database in (source, destination):
        database.run("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
        make_invalid(database, "broken", "t (a)")
    source.run("DELETE FROM t; REINDEX INDEX broken")
    destination.run("DELETE FROM t")
    found = verify_copy(Settings(source.dsn, destination.dsn), lambda event: None)
    assert [str(mismatch) for mismatch in found] == ["index public.broken: invalid on the destination"]


def test_what_is_left_out_is_said(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("""
        CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2);
        CREATE RULE ins AS ON INSERT TO t DO ALSO NOTIFY x;
        UPDATE pg_rewrite SET rulename = '_RETURN' WHERE rulename = 'ins'""")
    make_invalid(source, "t_ccnew", "t (a)")
    assert sorted(notes(copy(source, destination, verify=True))) == [
        "Not copied: index public.t_ccnew, which a failed REINDEX CONCURRENTLY left invalid.",
        'Not copied: the rule "_RETURN" on public.t, since no rule can be created under that name.',
    ]


def test_an_event_trigger_that_forbids_drops_does_not_keep_the_journal(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(
        """CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no drops''; END';
        CREATE EVENT TRIGGER no_drops ON sql_drop EXECUTE FUNCTION no();
        COMMENT ON EVENT TRIGGER no_drops IS 'never'"""
    )
    copy(source, destination, verify=True)
    assert destination.dump() == source.dump()


EXTENSION = """
CREATE TABLE setting (name text PRIMARY KEY, value text, built_in bool DEFAULT false);
INSERT INTO setting VALUES ('from the extension', 'x', true);
SELECT pg_extension_config_dump('setting', 'WHERE NOT built_in');
CREATE SEQUENCE ticket;
SELECT pg_extension_config_dump('ticket', '');
CREATE TABLE internal (a int);
CREATE TABLE a_choice (name text REFERENCES setting, previous text REFERENCES setting);
SELECT pg_extension_config_dump('a_choice', '');
"""


@contextmanager
def with_extension(servers: Servers, name: str, script: str) -> Iterator[tuple[Database, Database]]:
    """Two databases on the newest server, which find an extension of this script."""
    folder = reachable_folder("replicator-test-extension-")
    (folder / "extension").mkdir(mode=0o755)
    (folder / "extension" / f"{name}.control").write_text("default_version = '1'")
    (folder / "extension" / f"{name}--1.sql").write_text(script)
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    for database in (source, destination):
        database.run(f"ALTER DATABASE {database.name} SET extension_control_path = '{folder}:$system'")
    try:
        yield source, destination
    finally:
        shutil.rmtree(folder)


def test_an_extensions_event_triggers_change_nothing(servers: Servers) -> None:
    """pg_restore lets them act."""
    script = """CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            CREATE SEQUENCE IF NOT EXISTS public.meddled;
        END $$;
        CREATE EVENT TRIGGER meddling ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION meddle()"""
    with with_extension(servers, "meddler", script) as (source, destination):
        source.run("CREATE EXTENSION meddler; CREATE TABLE t (a int); DROP SEQUENCE meddled")
        copy(source, destination, verify=True)
        assert destination.dump() == source.dump()


def test_rows_of_an_extensions_configuration_tables_travel(servers: Servers) -> None:
    with with_extension(servers, "configured", EXTENSION) as (source, destination):
        source.run(
            """CREATE EXTENSION configured;
            INSERT INTO setting VALUES ('own', 'y');
            INSERT INTO internal VALUES (1);
            INSERT INTO a_choice VALUES ('own', 'from the extension');
            SELECT nextval('ticket'), nextval('ticket')"""
        )
        copy(source, destination, verify=True)
        query = "SELECT name, (SELECT last_value FROM ticket) FROM setting ORDER BY name"
        assert destination.rows(query) == source.rows(query)
        assert destination.value("SELECT count(*) FROM internal") == 0


def test_a_plain_role_that_owns_both_databases_copies_all(servers: Servers, major: int) -> None:
    source, destination = servers.database(major, "OWNER alice"), servers.database(NEWEST, "OWNER alice")
    for server in {source.server, destination.server}:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("ALTER ROLE alice LOGIN")
    with psycopg.connect(source.server.conninfo(source.name, user="alice"), autocommit=True) as conn:
        conn.execute(
            """CREATE SCHEMA app;
            CREATE TABLE app.t (id serial PRIMARY KEY, v text, CHECK (v <> ''));
            INSERT INTO app.t (v) SELECT g::text FROM generate_series(1, 100) g;
            CREATE TABLE app.u (t int REFERENCES app.t);
            CREATE VIEW app.v AS SELECT * FROM app.t;
            CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
            ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON app.t USING (id > 50);
            COMMENT ON TABLE app.t IS 'mine';
            GRANT SELECT ON app.t TO bob;
            SELECT lo_from_bytea(0, 'mine')"""
        )
    as_alice = [database.server.conninfo(database.name, user="alice") for database in (source, destination)]
    clone(Settings(*as_alice, jobs=2, verify=True), lambda event: None)


@SOME
def test_roles_that_are_missing_are_made_on_request(servers: Servers, major: int) -> None:
    with Server(BINARIES[NEWEST], reachable_folder("replicator-test-roles-"), SETTINGS) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE copy TEMPLATE template0")
            conn.execute("CREATE ROLE bob")
        source, destination = servers.database(major), Database(server, "copy", NEWEST)
        source.run(
            """CREATE ROLE "Odd's boss" SUPERUSER CREATEDB CREATEROLE LOGIN NOINHERIT CONNECTION LIMIT 3
                PASSWORD 'secret' VALID UNTIL '2099-01-01 00:00:00+00';
            CREATE ROLE worker REPLICATION BYPASSRLS;
            ALTER ROLE worker SET search_path = "$user", "Odd schema", public;
            ALTER ROLE worker SET my.setting = 'it''s';
            COMMENT ON ROLE worker IS 'works';
            GRANT worker TO "Odd's boss" WITH ADMIN OPTION;
            GRANT bob TO worker;
            CREATE TABLE t ();
            ALTER TABLE t OWNER TO worker;"""
        )
        try:
            seen = copy(source, destination, roles=True, verify=True)
            assert sum(isinstance(e, events.Done) and e.step.startswith("role ") for e in seen) >= 2
            for query in (
                "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
                " rolconnlimit, rolpassword, rolvaliduntil, rolbypassrls FROM pg_authid"
                " WHERE rolname IN ('Odd''s boss', 'worker', 'alice') ORDER BY 1",
                "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members"
                " WHERE member::regrole::text ~ 'boss|worker' ORDER BY 1, 2",
                "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'worker'::regrole",
                "SELECT shobj_description('worker'::regrole, 'pg_authid')",
            ):
                assert destination.rows(query) == source.rows(query)
        finally:
            source.run("""DROP TABLE t; DROP ROLE "Odd's boss"; DROP ROLE worker""")


def test_a_cleaned_destination_is_as_new(database: Database, destination: Database) -> None:
    database.run(SHOP)
    database.run(
        """CREATE PUBLICATION everything FOR ALL TABLES;
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob;
        ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
        GRANT CREATE ON SCHEMA public TO carol;
        CREATE SUBSCRIPTION "Odd ""subscription" CONNECTION '' PUBLICATION p WITH (connect = false);
        COMMENT ON SCHEMA public IS 'not as it was'"""
    )
    new = destination.dump()

    def interrupt(event: Event) -> None:
        if isinstance(event, events.Planned) and "verification" in event.steps:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        clone(Settings(database.dsn, destination.dsn, jobs=2, verify=True), interrupt)
    assert unfinished_clone(destination.dsn).state == "interrupted"
    removed = clean_up(destination.dsn)
    assert removed is not None
    assert removed["publication"] == removed["subscription"] == 1
    assert unfinished_clone(destination.dsn) is None
    assert destination.dump() == new
    copy(database, destination, verify=True)


def test_words_that_the_server_reads_back_otherwise_are_no_difference(
    database: Database, destination: Database
) -> None:
    database.run(
        """CREATE TABLE t (s varchar(10) CHECK (s IN ('a', 'b')), n int CHECK (n BETWEEN 1 AND 5 AND n <> 3));
        CREATE VIEW v AS SELECT a.s FROM t a JOIN t b ON true WHERE a.s IN ('x', 'y') AND (a.n > 1 AND b.n > 2);
        CREATE TABLE other (x int);
        CREATE VIEW nothing_in_common AS SELECT n, x FROM t NATURAL LEFT JOIN other"""
    )
    copy(database, destination, verify=True)


def test_an_analyze_that_the_users_code_fails_is_no_reason_to_fail(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(
        f"""CREATE FUNCTION picky(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
            $$BEGIN IF current_database() <> '{source.name}' THEN RAISE 'not here'; END IF; RETURN $1; END$$;
        CREATE TABLE t AS SELECT generate_series(1, 10) AS a;
        CREATE STATISTICS s ON (picky(a)), a FROM t"""
    )
    seen = copy(source, destination, verify=True)
    (note,) = notes(seen)
    assert note.startswith("Left out: analyze public.t failed: on the destination: not here")


@pytest.mark.parametrize("format", Format)
def test_rows_arrive_in_every_form(format: Format, database: Database, destination: Database) -> None:
    database.run("""
        CREATE TYPE "Odd range" AS RANGE (subtype = int);
        CREATE TABLE plain AS SELECT g AS a, now() AS b FROM generate_series(1, 100) g;
        CREATE TABLE unlike (a int, "B" "Odd range");
        INSERT INTO unlike SELECT g, "Odd range"(g, g + 2) FROM generate_series(1, 100) g;
        CREATE TABLE oids (c regclass[]);
        INSERT INTO oids VALUES ('{unlike,plain}');
    """)
    settings = Settings(database.dsn, destination.dsn, format=format)
    found = {s.name: s.reason.partition(";")[0] for s in plan_copy(settings, list[Event]().append).steps if s.reason}
    match format:
        case Format.AUTO:
            assert found == {
                "data public.oids": "text: column c is of type regclass[], whose binary form differs between servers",
                "data public.plain": "binary: both servers store all types alike",
                "data public.unlike": """text: column "B" is of type public."Odd range", whose binary form differs"""
                " between servers",
            }
        case Format.BINARY:
            assert found["data public.unlike"] == "binary: requested"
            assert found["data public.oids"] == "text: column c holds OIDs of the source"
        case Format.TEXT:
            assert set(found.values()) == {"text: requested"}
    copy(database, destination, format=format, verify=True)
    assert destination.dump("-a") == database.dump("-a")


def test_a_table_arrives_in_parts(database: Database, destination: Database) -> None:
    database.run("""
        CREATE TABLE big (a int PRIMARY KEY, b text, c int GENERATED ALWAYS AS (a + 1) STORED);
        INSERT INTO big SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 9999) g;
        UPDATE big SET b = (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 999) g) WHERE a % 1000 = 0;
        DELETE FROM big WHERE a BETWEEN 3000 AND 5000;
        CREATE TABLE child (x int REFERENCES big) INHERITS (big);
        INSERT INTO child VALUES (1, 'inherited', DEFAULT, 1);
        CREATE INDEX ON big (b) WHERE length(b) < 1000;
        ANALYZE big;
    """)
    seen = copy(database, destination, split_larger_than=500_000, verify=True)
    parts = [event.step for event in seen if isinstance(event, events.Done) and "part" in event.step]
    assert len(parts) >= 4
    assert destination.dump() == database.dump()
    query = "SELECT md5(string_agg(big::text, ',' ORDER BY a, b)), count(*) FROM big"
    assert destination.rows(query) == database.rows(query)


def test_a_foreign_child_out_of_reach_is_no_reason_to_fail(database: Database, destination: Database) -> None:
    if not has_feature("postgres_fdw", database):
        pytest.skip("this server has no postgres_fdw")
    database.run("""
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER gone FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
        CREATE USER MAPPING FOR PUBLIC SERVER gone;
        CREATE TABLE t AS SELECT 1 AS a;
        CREATE FOREIGN TABLE far () INHERITS (t) SERVER gone""")
    told = notes(copy(database, destination, verify=True))
    assert any(
        note.startswith("Left out: analyze public.t failed: on the destination: could not connect") for note in told
    ), told
