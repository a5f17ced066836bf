"""From each version to each other: to a newer server all goes; to an older one what it can hold, and the rest is named.

All kinds' fixtures and a row of every type travel at once, on the whole path of the product.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from replicator.catalog import keywords
from replicator.catalog.read import read_catalog
from replicator.checks import dry_run
from replicator.demo.server import Server, reachable_folder
from replicator.model import Address, Catalog, Object
from replicator.planning import downgrade
from replicator.sessions import postgres
from tests.fix_cli import Result, Run, both, is_empty, refuses, runs
from tests.fix_servers import BINARIES, SETTINGS, VERSIONS, Database, Servers
from tests.test_kinds import difference, fill_with_all_kinds

ODD_ROWS = Path(__file__).with_name("odd_rows.sql").read_text("utf-8")
UP = [(12, 18), (15, 18), (16, 17), (13, 14), *((old, 19) for old in range(12, 19))]
DOWN = [(18, 12), (18, 15), (17, 16), (15, 14), *((19, new) for new in range(18, 11, -1))]

TABLESPACES = r"""
SET allow_in_place_tablespaces = on;
SELECT format('CREATE TABLESPACE %I LOCATION %L', name, '')
  FROM (VALUES ('Fast "disk"'), ('Odd space')) AS wanted (name)
 WHERE name NOT IN (SELECT spcname FROM pg_tablespace) \gexec
"""

UNLIKE = re.compile(
    r"^-- Dumped from .*\n|(?<=[^(,]) inet_ops(?=[,) ])|(carol, \"Odd Role\"|\"Odd Role\", carol) (?=USING)",
    re.MULTILINE,
)
"""What pg_dump prints otherwise of 18 and of 19. It lists the roles of a policy as they lie in pg_authid."""

# What no newer server takes, in pg_dump's words neither.
NOT_UPWARDS_FROM_14 = """
DROP OPERATOR IF EXISTS "operator: public".>>> (integer, integer);
"""
# In libraries that 19 has not, and the others not as 19 has them.
OTHER_LIBRARIES = 'DROP CONVERSION "conversion: s".mine; DROP FUNCTION "conversion: s"."My ""way" CASCADE;'
NOT_UPWARDS = f"""
DROP OPERATOR "operator: public".#! ("operator: public".pair, NONE);
DROP CONVERSION "conversion: s".mine;
{NOT_UPWARDS_FROM_14}
"""
# 17.12 has none added to a domain that an expression uses, by pg_dump's text neither.
CONSTRAINTS_OF_A_USED_DOMAIN = """
ALTER DOMAIN "domain: public".amount DROP CONSTRAINT in_price;
ALTER DOMAIN "domain: public".amount DROP CONSTRAINT in_prices;
"""
# Since 18 a NOT NULL is a constraint that children inherit.
NULLS_UNDER_NOT_NULL = 'ALTER TABLE ONLY "table: public".null_parent ALTER a DROP NOT NULL;'
# Materialized views that cannot be refreshed on the source either: their owners may not read what they read.
STALE = """
DO $$
DECLARE
    matview regclass;
BEGIN
    FOR matview IN SELECT oid FROM pg_class WHERE relkind = 'm' AND relispopulated
    LOOP
        BEGIN
            EXECUTE format('REFRESH MATERIALIZED VIEW %s', matview);
        EXCEPTION WHEN OTHERS THEN
            EXECUTE format('REFRESH MATERIALIZED VIEW %s WITH NO DATA', matview);
        END;
    END LOOP;
END
$$;
"""


def pairs(wanted: list[tuple[int, int]]) -> pytest.MarkDecorator:
    """Those pairs of which both servers are at hand."""
    here = [pair for pair in wanted if set(pair) <= set(VERSIONS)]
    return pytest.mark.parametrize(("old", "new"), here, ids=[f"{one}-{other}" for one, other in here])


def lost(result: Result) -> list[str]:
    """Return what the command said of objects that the destination cannot hold."""
    lines = (re.match(r"note: (?:Left out|Changed) for PostgreSQL \d+: (.*)", line) for line in result.err.splitlines())
    return [line[1] for line in lines if line]


@pairs(UP)
def test_every_kind_goes_to_a_newer_server(old: int, new: int, servers: Servers, replicator: Run) -> None:
    source, destination = servers.database(old), servers.database(new)
    destination.run(TABLESPACES)
    fill_with_all_kinds(source)
    source.run((NOT_UPWARDS if old < 14 else NOT_UPWARDS_FROM_14) + STALE + ODD_ROWS)
    if new >= 19 > old:
        source.run(OTHER_LIBRARIES.partition(";")[2] if old < 14 else OTHER_LIBRARIES)
    if new >= 18 > old:
        source.run(NULLS_UNDER_NOT_NULL)
    if new == 17:
        source.run(CONSTRAINTS_OF_A_USED_DOMAIN)
    done = replicator("clone", "--verify", *both(source, destination))
    runs(done)
    assert lost(done) == []
    if new == 19 and old >= 18:  # before, a NOT NULL has no name
        before, after = (re.sub(UNLIKE, "", database.dump()) for database in (source, destination))
        assert not difference(before, after)


@pairs(DOWN)
def test_an_older_server_gets_what_it_can_hold(old: int, new: int, servers: Servers, replicator: Run) -> None:
    source, destination = servers.database(old), servers.database(new)
    destination.run(TABLESPACES)
    fill_with_all_kinds(source)
    source.run(STALE + ODD_ROWS)
    refused = replicator("clone", "--output", "json", *both(source, destination))
    assert refused.code == 3 and "--downgrade" in refused.out
    assert is_empty(destination)
    done = replicator("clone", "--verify", "--downgrade", *both(source, destination))
    runs(done)
    named = lost(done)
    assert named
    findings = [
        (without_spaces_and_numbers(finding["object"] or ""), without_spaces_and_numbers(finding["text"]))
        for finding in json.loads(refused.out)["findings"]
    ]
    assert [line for line in named if "password" not in line and not _names(findings, line)] == []


def _names(findings: Sequence[tuple[str, str]], line: str) -> bool:
    """Tell whether a finding has an object and its reason. Objects with one reason share one; names have colons."""
    parts = [without_spaces_and_numbers(part) for part in line.replace(" WITH ALL ITS ROWS", "").split(": ")]
    splits = [(":".join(parts[:at]), ":".join(parts[at:])) for at in range(1, len(parts))]
    return any(what in objects and why in text for what, why in splits for objects, text in findings)


def without_spaces_and_numbers(text: str) -> str:
    """OIDs differ from run to run, and a paragraph is wrapped."""
    return re.sub(r"[\s\d]", "", text)


NEWER_SYNTAX = """
CREATE TABLE t (a int, b uuid);
INSERT INTO t SELECT g FROM generate_series(1, 10) g;
ANALYZE t;
CREATE VIEW newer AS SELECT a, uuid_extract_version(b) AS version FROM t;
CREATE VIEW upon_newer AS SELECT version FROM newer;
COMMENT ON VIEW upon_newer IS 'goes with it';
CREATE VIEW stays AS SELECT a FROM t;
"""


@pytest.fixture
def newer(servers: Servers) -> Database:
    return servers.database(18)


@pytest.fixture
def older(servers: Servers) -> Database:
    if 15 not in VERSIONS:
        pytest.skip("no PostgreSQL 15 at hand")
    return servers.database(15)


def test_what_no_list_knows_is_found_before_anything_is_written(
    newer: Database, older: Database, replicator: Run
) -> None:
    newer.run(NEWER_SYNTAX)
    wanted = (
        "view public.newer: function uuid_extract_version(uuid) does not exist",
        "view public.upon_newer",
    )
    refuses(replicator("clone", *both(newer, older)), 3, *wanted)
    assert is_empty(older)
    listed = replicator("plan", *both(newer, older))
    assert listed.code == 3
    assert all(listed.out.count(text) == 1 for text in wanted), str(listed)
    assert is_empty(older)
    done = replicator("clone", "--downgrade", "--verify", *both(newer, older))
    runs(done)
    assert len(lost(done)) == 2
    assert older.rows("SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace") == [
        ("stays",)
    ]
    assert "No differences." in runs(replicator("verify", "--downgrade", *both(newer, older)))
    assert replicator("verify", *both(newer, older)).code == 8


def test_a_function_whose_library_is_not_there_is_named(newer: Database, older: Database, replicator: Run) -> None:
    """The server takes for an error of the system what is one of the statement."""
    newer.run("""
        CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
        UPDATE pg_proc SET probin = '$libdir/no_such_library' WHERE proname = 'f';
        CREATE TABLE t (a int);
        CREATE TABLE u (a int DEFAULT f(1));
    """)
    refuses(replicator("clone", *both(newer, older)), 3, 'f(integer): could not access file "$libdir/no_such')
    done = replicator("clone", "--downgrade", "--verify", *both(newer, older))
    runs(done)
    table, function = (line.partition(":")[0] for line in lost(done))
    assert (table, function) == ("table public.u WITH ALL ITS ROWS", "function public.f(integer)")


def test_a_table_that_loses_all_its_options_is_as_one_that_had_none(
    newer: Database, older: Database, replicator: Run
) -> None:
    newer.run("""
        CREATE TABLE t (a text) WITH (autovacuum_vacuum_max_threshold = 5, toast.autovacuum_vacuum_max_threshold = 6);
        CREATE MATERIALIZED VIEW m WITH (autovacuum_vacuum_max_threshold = 5) AS SELECT 1 AS one;
    """)
    done = replicator("clone", "--downgrade", "--verify", *both(newer, older))
    runs(done)
    assert len(lost(done)) == 3


def test_verify_still_finds_what_is_missing_after_a_downgrade(
    newer: Database, older: Database, replicator: Run
) -> None:
    newer.run(NEWER_SYNTAX)
    runs(replicator("clone", "--downgrade", *both(newer, older)))
    older.run("DROP VIEW stays; UPDATE t SET a = 11 WHERE a = 10")
    found = replicator("verify", "--downgrade", *both(newer, older))
    assert found.code == 8
    assert "view public.stays: missing" in found.out
    assert "public.t: different" in found.out

    older.run(f"ALTER DATABASE {older.name} SET default_transaction_read_only = on")
    again = replicator("verify", "--downgrade", *both(newer, older))
    assert "view public.stays: missing" in again.out


def test_what_needs_an_index_that_is_gone_is_no_loss_but_a_difference(
    newer: Database, older: Database, replicator: Run
) -> None:
    newer.run("CREATE TABLE t (a int CONSTRAINT key PRIMARY KEY); ALTER TABLE t CLUSTER ON key")
    runs(replicator("clone", *both(newer, older)))
    older.run("ALTER TABLE t DROP CONSTRAINT key")
    found = replicator("verify", "--downgrade", *both(newer, older))
    assert found.code == 8
    assert lost(found) == []
    assert "constraint key on public.t: missing" in found.out
    assert "clustering of table public.t: missing" in found.out


def test_a_table_that_is_left_out_is_named_first_with_its_rows(
    newer: Database, servers: Servers, replicator: Run
) -> None:
    if 13 not in VERSIONS:
        pytest.skip("no PostgreSQL 13 at hand")
    older = servers.database(13)
    newer.run("""
        CREATE FUNCTION atomic() RETURNS int BEGIN ATOMIC SELECT 1; END;
        CREATE TABLE spans (m int4multirange);
        INSERT INTO spans SELECT '{[1,2]}' FROM generate_series(1, 10);
        ANALYZE spans;
    """)
    done = replicator("clone", "--downgrade", "--verify", *both(newer, older))
    runs(done)
    first, second = lost(done)
    assert first.startswith('table public.spans WITH ALL ITS ROWS (about 10): type "int4multirange" does not')
    assert "atomic(): BEGIN ATOMIC body becomes a string" in second
    assert older.rows("SELECT atomic(), to_regclass('spans')") == [(1, None)]


def test_an_infinite_interval_is_refused_and_never_changed(newer: Database, older: Database, replicator: Run) -> None:
    """In binary an older server would take it for 178956970 years."""
    newer.run("""
        CREATE DOMAIN wait AS interval;
        CREATE TABLE parent (w wait);
        CREATE TABLE child () INHERITS (parent);
        INSERT INTO child VALUES ('infinity');
    """)
    refuses(replicator("clone", *both(newer, older)), 6, "invalid input syntax for type interval")


def test_public_is_no_more_open_on_an_older_server(newer: Database, servers: Servers, replicator: Run) -> None:
    if 14 not in VERSIONS:
        pytest.skip("no PostgreSQL 14 at hand")
    older = servers.database(14)
    newer.run("CREATE TABLE t (a int); GRANT USAGE ON SCHEMA public TO alice")
    runs(replicator("clone", "--verify", *both(newer, older)))
    rights = "SELECT has_schema_privilege('bob', 'public', 'USAGE'), has_schema_privilege('bob', 'public', 'CREATE')"
    assert older.rows(rights) == newer.rows(rights) == [(True, False)]


KEYWORDS = """
CREATE SCHEMA json_table;
CREATE TYPE json_table.json_scalar AS (a int, system_user text);
CREATE TABLE system_user (system_user int PRIMARY KEY, json_value text, b json_table.json_scalar);
INSERT INTO system_user VALUES (1, 'one', ROW(1, 'me'));
CREATE FUNCTION json_query(system_user int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW merge_action AS
    WITH json_exists AS (SELECT system_user FROM system_user)
    SELECT json_exists.system_user, json_query(json_exists.system_user) AS normalize FROM json_exists;
CREATE INDEX json_array ON system_user (json_query(system_user)) WHERE json_value <> '';
"""


PARAMETERS = """
CREATE FUNCTION f(json json) RETURNS json LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION g("values" int, OUT json_scalar text) LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION h(x int) RETURNS TABLE (merge_action int, json_table int) LANGUAGE sql AS 'SELECT 1, 2';
CREATE AGGREGATE a(json jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);
CREATE PROCEDURE p(VARIADIC json int[]) LANGUAGE sql AS 'SELECT 1';
COMMENT ON PROCEDURE p(int[]) IS 'by its parameters';
GRANT EXECUTE ON FUNCTION f(json) TO alice;
"""


@pytest.mark.parametrize("major", [v for v in (13, 15) if v in VERSIONS])
def test_parameters_that_are_key_words_of_the_newer_server_arrive(
    major: int, newer: Database, servers: Servers, replicator: Run
) -> None:
    source = servers.database(major)
    source.run(PARAMETERS)
    runs(replicator("clone", "--verify", *both(source, newer)))
    assert newer.value("SELECT proargnames FROM pg_proc WHERE proname = 'f'") == ["json"]
    assert "No differences." in runs(replicator("verify", *both(source, newer)))


@pytest.mark.parametrize("major", [v for v in VERSIONS if v < 16][:1])
def test_names_that_are_key_words_of_the_newer_server_arrive(
    major: int, newer: Database, servers: Servers, replicator: Run
) -> None:
    source = servers.database(major)
    source.run(KEYWORDS.replace("RETURNS int LANGUAGE sql", "RETURNS int IMMUTABLE LANGUAGE sql"))
    runs(replicator("clone", "--verify", *both(source, newer)))
    assert newer.rows("SELECT * FROM merge_action") == [(1, 1)]
    assert "No differences." in runs(replicator("verify", *both(source, newer)))


@pytest.mark.parametrize("major", [v for v in VERSIONS if v < 15][:1])
def test_what_is_said_of_a_built_in_object_that_is_gone_stops_nothing(
    major: int, newer: Database, servers: Servers, replicator: Run
) -> None:
    source = servers.database(major)
    source.run("""
        GRANT EXECUTE ON FUNCTION pg_start_backup(text, boolean, boolean) TO alice;
        GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO alice;
    """)
    done = replicator("clone", "--verify", *both(source, newer))
    runs(done)
    assert [line.partition(":")[0] for line in lost(done)] == [
        "privileges of function pg_catalog.pg_start_backup(pg_catalog.text,boolean,boolean)"
    ]
    assert newer.value("SELECT has_function_privilege('alice', 'pg_ls_dir(text)', 'EXECUTE')")


def test_not_null_that_children_need_not_obey_is_a_check_on_an_older_server(
    newer: Database, older: Database, replicator: Run
) -> None:
    newer.run("""
        CREATE TABLE parent (a int, b numeric(5, 2) CONSTRAINT known NOT NULL NO INHERIT);
        CREATE TABLE child () INHERITS (parent);
        INSERT INTO child VALUES (1, NULL);
    """)
    runs(replicator("clone", "--downgrade", "--verify", *both(newer, older)))
    assert (
        older.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'")
        == "CHECK ((b IS NOT NULL)) NO INHERIT"
    )
    assert older.rows("SELECT * FROM child") == [(1, None)]


# The list of features


def example(kind: str, *statements: str) -> Catalog:
    o = Object(kind, Address(1259, 20000), "public.t", "public", None, statements)
    return Catalog(190000, (o,), (), (), (), frozenset())


EXAMPLES = r"""
table 17
    CREATE TABLE t (a int, ") VIRTUAL" int GENERATED ALWAYS AS (a) VIRTUAL)
    CREATE TABLE t (a int, ") VIRTUAL" int GENERATED ALWAYS AS (a) STORED)
table 17
    CREATE TABLE t ("," d(5,2) CONSTRAINT y NOT NULL NO INHERIT, CONSTRAINT x CHECK ((f(1, 2) > 1)))
    CREATE TABLE t ("," d(5,2), CONSTRAINT x CHECK ((f(1, 2) > 1)), CONSTRAINT y CHECK (("," IS NOT NULL)) NO INHERIT)
table 17
    CREATE TABLE t (a int, CONSTRAINT y NOT NULL c NO INHERIT) INHERITS (u)
    CREATE TABLE t (a int, CONSTRAINT y CHECK ((c IS DISTINCT FROM NULL)) NO INHERIT) INHERITS (u)
table 17
    CREATE TABLE t (a s.pair CONSTRAINT y NOT NULL NO INHERIT)
    CREATE TABLE t (a s.pair, CONSTRAINT y CHECK ((a IS DISTINCT FROM NULL)) NO INHERIT)
table 14
    CREATE TABLE t (a numeric(5,2), b numeric(3,5), c numeric(5,-2), d numeric(5,2))
    CREATE TABLE t (a numeric(5,2), b numeric, c numeric, d numeric(5,2))
table 12
    CREATE TABLE t (a int) WITH (autovacuum_vacuum_insert_threshold='5')
    CREATE TABLE t (a int)
table 12
    CREATE TABLE t () WITH (fillfactor='70', toast.autovacuum_vacuum_insert_threshold='5')
    CREATE TABLE t () WITH (fillfactor='70')
view 14
    CREATE VIEW v WITH (security_invoker = 'true', security_barrier = 'true') AS SELECT ', security_invoker = true'
    CREATE VIEW v WITH (security_barrier = 'true') AS SELECT ', security_invoker = true'
function 13
    CREATE FUNCTION f()|RETURNS int|LANGUAGE sql|BEGIN ATOMIC| SELECT 'END';|END
    CREATE FUNCTION f()|RETURNS int|LANGUAGE sql|AS $function$| SELECT 'END';|$function$
function 13
    CREATE FUNCTION f()|AS $function$|BEGIN ATOMIC| SELECT 1;|END$function$
    CREATE FUNCTION f()|AS $function$|BEGIN ATOMIC| SELECT 1;|END$function$
acl 16
    GRANT SELECT, MAINTAIN ON TABLE t TO bob
    GRANT SELECT ON TABLE t TO bob
collation 16
    CREATE COLLATION c (PROVIDER = builtin, LOCALE = 'C.UTF-8')
    CREATE COLLATION c (PROVIDER = libc, LOCALE = 'C')
range_type 13
    CREATE TYPE r AS RANGE (SUBTYPE = integer, MULTIRANGE_TYPE_NAME = "a ""b", COLLATION = "C")
    CREATE TYPE r AS RANGE (SUBTYPE = integer, COLLATION = "C")
operator_class 12
    CREATE OPERATOR CLASS c FOR TYPE t USING btree FAMILY f AS FUNCTION 1 (t, t) c(t,t), FUNCTION 4 (t, t) e(oid)
    CREATE OPERATOR CLASS c FOR TYPE t USING btree FAMILY f AS FUNCTION 1 (t, t) c(t,t)
foreign_key 14
    ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a, b) REFERENCES u(a, b) ON DELETE SET NULL (b)
    ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a, b) REFERENCES u(a, b) ON DELETE SET NULL
publication 18
    CREATE PUBLICATION ", ALL SEQUENCES" FOR ALL TABLES, ALL SEQUENCES WITH (publish = 'insert')
    CREATE PUBLICATION ", ALL SEQUENCES" FOR ALL TABLES WITH (publish = 'insert')
subscription 18
    CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (a, retain_dead_tuples = true, max_retention_duration = 5)
    CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (a)
subscription 18
    CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (x = on, wal_receiver_timeout = '5 min')
    CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (x = on)
foreign_data_wrapper 18
    CREATE FOREIGN DATA WRAPPER w HANDLER " CONNECTION a".b CONNECTION s."c d" OPTIONS (a ' CONNECTION b')
    CREATE FOREIGN DATA WRAPPER w HANDLER " CONNECTION a".b OPTIONS (a ' CONNECTION b')
aggregate 18
    CREATE AGGREGATE s.a(*) (SFUNC = int8inc, STYPE = int8, SUPPORT = s."a b", PARALLEL = SAFE)
    CREATE AGGREGATE s.a(*) (SFUNC = int8inc, STYPE = int8, PARALLEL = SAFE)
table 18
    CREATE TABLE t () WITH (fillfactor='70', autovacuum_parallel_workers='2', log_autoanalyze_min_duration='-1')
    CREATE TABLE t () WITH (fillfactor='70')
"""
"""A kind and a version, what the source says, what that version is told. A bar is a line break."""


@pytest.mark.parametrize(
    ("head", "before", "after"), [tuple(e.split("\n    ")) for e in re.split(r"\n(?=\w)", EXAMPLES.strip())]
)
def test_an_attribute_is_left_out_and_nothing_else(head: str, before: str, after: str) -> None:
    kind, major = head.split()
    lesser, losses = downgrade.adapt(example(kind, before.replace("|", "\n")), int(major))
    assert [o.create for o in lesser.objects] == [(after.replace("|", "\n"),)]
    assert bool(losses) == (before != after)


@pytest.mark.parametrize(
    ("kind", "statement", "why"),
    [
        ("publication", "CREATE PUBLICATION p FOR ALL TABLES EXCEPT (TABLE ONLY t)", "all tables EXCEPT some"),
        ("publication", "CREATE PUBLICATION p FOR ALL SEQUENCES WITH (publish = '')", "all sequences"),
        ("subscription", "CREATE SUBSCRIPTION s SERVER t PUBLICATION p", "subscriptions to a server"),
    ],
)
def test_what_would_mean_something_else_is_left_out_whole(kind: str, statement: str, why: str) -> None:
    lesser, (loss,) = downgrade.adapt(example(kind, statement), 18)
    assert lesser.objects == ()
    assert why in str(loss)


@pytest.mark.parametrize("kind", ["table", "acl", "view", "function"])
def test_nothing_is_lost_on_a_server_that_knows_it(kind: str) -> None:
    catalog = example(kind, "CREATE TABLE t (a int GENERATED ALWAYS AS (1) VIRTUAL, b numeric(3,5))")
    assert downgrade.adapt(catalog, 18) == (catalog, [])


# The rehearsal


def test_a_schema_too_large_for_the_lock_table_is_not_rehearsed_whole() -> None:
    settings = {**SETTINGS, "max_locks_per_transaction": "10", "max_connections": "10"}
    folder = reachable_folder("replicator-small-")
    with Server(BINARIES[VERSIONS[0]], folder, settings) as server, postgres.connect(server.conninfo()) as conn:
        conn.execute(
            "DO $$BEGIN FOR n IN 1..400 LOOP EXECUTE 'CREATE TABLE public.t' || n || ' ()'; COMMIT; END LOOP; END$$"
        )
        conn.execute("GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC")
        catalog = read_catalog(conn)
        acl = next(o for o in catalog.objects if o.kind == "acl" and "pg_ls_dir" in o.identity)
        gone = "GRANT EXECUTE ON FUNCTION pg_catalog.pg_is_gone() TO PUBLIC"
        objects = [o for o in catalog.objects if o is not acl]
        bad = Object(acl.kind, acl.address, acl.identity, acl.schema, None, (gone,))
        other_version = catalog.version + 10000  # else there is nothing that a superuser's own version may refuse
        found = dry_run.rehearse(conn, Catalog(other_version, (*objects, bad), (), (), (), frozenset()))
    assert found.skipped
    assert "max_locks_per_transaction" in found.skipped
    assert list(found.refused.statements) == [acl.name]
    assert found.refused.objects == {}


def test_key_words_are_asked_of_both_servers(newer: Database, older: Database) -> None:
    with postgres.connect(older.dsn) as source, postgres.connect(newer.dsn) as destination:
        assert keywords.new_keywords(source, destination)["system_user"] == "R"
        assert "system_user" not in keywords.new_keywords(destination, source)
        assert keywords.new_keywords(source, source) == {}


@pytest.mark.skipif(VERSIONS[0] >= 15 or VERSIONS[-1] < 15, reason="needs a server from before 15, and a newer one")
def test_who_may_create_in_the_schema_public_is_told(servers: Servers, replicator: Run) -> None:
    """On a newer server it is the database's owner, who may not be allowed to on the source."""
    source, destination = servers.database(VERSIONS[0]), servers.database(VERSIONS[-1])
    note = 'Schema public will belong to the database owner, "alice"'
    assert note not in replicator("probe", *both(source, destination)).out
    destination.run(f"ALTER DATABASE {destination.name} OWNER TO alice")
    out = " ".join(runs(replicator("probe", *both(source, destination))).split())
    assert note in out
    assert 'ALTER SCHEMA public OWNER TO "postgres";' in out
