"""What is left out of a copy is left out with all that needs it, listed, and no difference afterwards."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from replicator import events
from replicator.errors import PreflightFailed
from replicator.runs.check import preflight
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.runs.plan import plan_copy
from replicator.settings import Settings
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import Database, Servers
from tests.test_clone import with_extension

WITH_CITEXT = """
CREATE EXTENSION citext; CREATE EXTENSION hstore;
CREATE TABLE plain (id int PRIMARY KEY, v text); INSERT INTO plain SELECT g, g FROM generate_series(1, 10) g;
CREATE TABLE mixed (id int PRIMARY KEY, c citext, n int GENERATED ALWAYS AS IDENTITY);
INSERT INTO mixed SELECT g, g FROM generate_series(1, 300) g;
CREATE TABLE by_reference (id int REFERENCES mixed); INSERT INTO by_reference VALUES (1), (2);
CREATE VIEW of_mixed AS SELECT id FROM mixed;
CREATE VIEW of_view AS SELECT id FROM of_mixed;
CREATE INDEX by_citext ON plain ((v::citext));
CREATE FUNCTION needs(citext) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PUBLICATION pub FOR TABLE plain, mixed;
COMMENT ON EXTENSION citext IS 'mine'; COMMENT ON TABLE mixed IS 'gone';
GRANT EXECUTE ON FUNCTION citext_eq(citext, citext) TO alice;
ANALYZE;
"""
GONE = ("mixed", "of_mixed", "of_view", "by_citext", "needs", "by_reference_id_fkey")
SCRIPT = """CREATE TABLE conf (a int); SELECT pg_extension_config_dump('conf', '');
CREATE SEQUENCE counts; SELECT pg_extension_config_dump('counts', '')"""
MAKES_ROLE = """DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'queue_reader') THEN CREATE ROLE queue_reader; END IF;
END $$;
CREATE FUNCTION read() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION read() TO queue_reader;
"""


def quiet(event: events.Event) -> None:
    pass


def to_run(source: Database, destination: Database, **options: object) -> Settings:
    return Settings(source.dsn, destination.dsn, **options)


def test_an_extension_goes_with_all_that_needs_it(replicator: Run, database: Database, destination: Database):
    database.run(WITH_CITEXT)
    said = runs(replicator("clone", "--verify", "--exclude-extension", "CITEXT", *both(database, destination)))
    for gone in GONE:
        assert re.search(rf"\b{gone}\b", said), gone
    assert "table public.mixed WITH ALL ITS ROWS (about 300):" in said
    assert said.index("table public.mixed WITH") < said.index("view public.of_mixed:")
    database.run("DROP TABLE mixed CASCADE; DROP FUNCTION needs; DROP EXTENSION citext CASCADE")
    assert destination.dump() == database.dump()
    rows = ("--data-only", "-t", "plain", "-t", "by_reference")
    assert destination.dump(*rows) == database.dump(*rows)


def test_verify_does_not_miss_what_was_left_out(replicator: Run, database: Database, destination: Database):
    database.run(WITH_CITEXT)
    without = ("--exclude-extension", "cite*", *both(database, destination))
    runs(replicator("clone", *without))
    verified = replicator("verify", *without)
    assert "No differences" in runs(verified)
    assert "Not compared, since it was left out: table public.mixed" in verified.said
    everything = replicator("verify", *both(database, destination))
    refuses(everything, 8)
    assert "extension citext: missing on the destination" in everything.out
    destination.run("ALTER TABLE plain ADD x int")
    again = replicator("verify", *without)
    refuses(again, 8)
    assert {line.partition(":")[0] for line in again.out.splitlines() if line[0] != " "} == {"table public.plain"}


def test_the_rows_of_an_excluded_extensions_tables_do_not_travel(servers: Servers):
    with with_extension(servers, "secret", SCRIPT) as (source, destination):
        source.run("CREATE EXTENSION secret; INSERT INTO conf VALUES (1); SELECT nextval('counts')")
        seen: list[events.Event] = []
        clone(to_run(source, destination, exclude_extension=("secret",), verify=True), seen.append)
        gone = "extension secret: with its members and the rows in public.conf"
        assert f"Not copied, as requested: {gone}" in notes(seen)
        plan = plan_copy(to_run(source, destination, exclude_extension=("secret",)), quiet)
        assert list(map(str, plan.excluded)) == [gone]
        source.run("DROP EXTENSION secret")
        assert destination.dump() == source.dump()


def test_a_pattern_that_names_nothing_is_refused(database: Database, destination: Database):
    database.run("CREATE EXTENSION citext")
    with pytest.raises(PreflightFailed, match="--exclude-extension citex matches no extension") as caught:
        clone(to_run(database, destination, exclude_extension=("citex",)), quiet)
    assert caught.value.hint == "Did you mean citext?"
    with pytest.raises(PreflightFailed, match="matches no extension"):
        verify_copy(to_run(database, destination, exclude_extension=("citext", '"Citext"')), quiet)


def test_a_run_is_resumed_with_the_same_choice(replicator: Run, database: Database, destination: Database):
    database.run(WITH_CITEXT)
    database.run("CREATE ROLE ready; CREATE MATERIALIZED VIEW m AS SELECT 1 / count(*) FROM pg_roles"
                 " WHERE rolname = 'ready'; DROP ROLE ready")  # fmt: skip
    without = ("--exclude-extension", "citext", "--no-comments", "--no-publications")
    refuses(replicator("clone", *without, *both(database, destination)), 6, "--exclude-extension citext", "--no-comm")
    words = "--no-comments --no-publications --exclude-extension citext"
    refuses(replicator("clone", "--resume", *both(database, destination)), 3, words)
    database.run("CREATE ROLE ready")
    runs(replicator("clone", "--resume=per-table", *without, *both(database, destination)))
    database.run("DROP ROLE ready")


KINDS = """
CREATE TABLE t (a int); COMMENT ON TABLE t IS 'a table'; COMMENT ON COLUMN t.a IS 'a column';
SELECT lo_from_bytea(4711, 'x'); COMMENT ON LARGE OBJECT 4711 IS 'a large object';
CREATE PUBLICATION pub FOR TABLE t; CREATE PUBLICATION every FOR ALL TABLES;
CREATE SUBSCRIPTION sub CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false);
ALTER SUBSCRIPTION sub SET (slot_name = NONE);
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
COMMENT ON PUBLICATION pub IS 'p'; COMMENT ON SUBSCRIPTION sub IS 's'; COMMENT ON EVENT TRIGGER on_ddl IS 'e';
"""


@pytest.mark.parametrize(
    "option", ["no-comments", "no-publications", "no-subscriptions", "no-security-labels", "no-event-triggers"]
)
def test_a_kind_is_left_out_as_pg_dump_does(option: str, replicator: Run, database: Database, destination: Database):
    database.run(KINDS)
    database.run(f"COMMENT ON DATABASE {database.name} IS 'a database'")
    runs(replicator("clone", "--verify", f"--{option}", *both(database, destination)))
    ((said,),) = destination.rows(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    )
    assert said == (None if option == "no-comments" else "a database")
    runs(replicator("verify", f"--{option}", *both(database, destination)))
    if option != "no-security-labels":  # there are none
        everything = replicator("verify", *both(database, destination))
        refuses(everything, 8)
        assert "missing on the destination" in everything.out
    if option == "no-event-triggers":  # which pg_dump does not know
        database.run("DROP EVENT TRIGGER on_ddl")
        assert destination.dump("-s", "-b") == database.dump("-s", "-b")
    else:
        assert statements(destination.dump("-s", "-b")) == statements(database.dump("-s", "-b", f"--{option}"))


def statements(dump: str) -> list[str]:
    return [line for line in dump.splitlines() if line and not line.startswith("--")]


@pytest.fixture
def other_server(spare_database: Database) -> Iterator[Database]:
    """A database on a server without the roles that extensions made on the first one."""
    yield spare_database
    with psycopg.connect(spare_database.dsn, autocommit=True) as conn:
        conn.execute("DROP EXTENSION IF EXISTS queue CASCADE; DROP TABLE IF EXISTS t; DROP ROLE IF EXISTS queue_reader")


def test_a_role_that_an_extension_makes_is_not_missing(servers: Servers, other_server: Database):
    with with_extension(servers, "queue", MAKES_ROLE) as (source, _):
        (path,) = source.value("SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM"
                               " pg_database WHERE datname = current_database())")  # fmt: skip
        with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE ROLE only_here")
        source.run(
            """CREATE EXTENSION queue; CREATE TABLE t (a int); GRANT SELECT ON t TO queue_reader;
            GRANT EXECUTE ON FUNCTION read() TO only_here"""
        )
        try:
            missing = [f for f in preflight(to_run(source, other_server), quiet)[1] if f.fatal]
            assert any("only_here" in f.text for f in missing)
            value = path.partition("=")[2]
            other_server.run(f"ALTER DATABASE {other_server.name} SET extension_control_path = '{value}'")
            missing = [f for f in preflight(to_run(source, other_server), quiet)[1] if f.fatal]
            assert [f.object for f in missing] == ['role "only_here"']
            excluded = preflight(to_run(source, other_server, exclude_extension=("queue",)), quiet)[1]
            assert [f.object for f in excluded if f.fatal] == ['role "queue_reader"']  # a table's privileges name it
            source.run("REVOKE ALL ON t FROM queue_reader")
            excluded = preflight(to_run(source, other_server, exclude_extension=("queue",)), quiet)[1]
            assert [f for f in excluded if f.fatal] == []
            source.run("GRANT SELECT ON t TO queue_reader; REVOKE ALL ON FUNCTION read() FROM only_here")
            clone(to_run(source, other_server, verify=True), quiet)
            assert other_server.dump() == source.dump()
        finally:
            source.run("DROP EXTENSION queue; DROP TABLE t; DROP ROLE queue_reader, only_here")


def test_options_of_kinds_are_refused_where_no_definitions_are_copied(replicator: Run, database: Database):
    for option in ("--no-publications", "--exclude-extension=citext", "--no-event-triggers"):
        refused = replicator("clone", "--data-only", option, *both(database, database))
        refuses(refused, 2, f"{option.partition('=')[0]} would have no effect")
