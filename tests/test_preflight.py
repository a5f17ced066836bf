"""All that stands in the way is found at once, and what is to be run, when run, takes it out of the way."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest

from replicator import checks, events
from replicator.cli.findings import findings_as_lines
from replicator.demo.server import _as_server_user, reachable_folder
from replicator.errors import Incomplete, Pooled, PreflightFailed, VerificationFailed
from replicator.model import Finding, Loss, shown
from replicator.runs.check import preflight
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import pid_of
from replicator.sessions.workers import lend
from replicator.settings import Settings
from tests.fix_cli import Run, Start, both, closed_port, is_empty, own_server, refuses, runs, until
from tests.fix_pooler import pooled
from tests.fix_servers import VERSIONS, Database, Servers
from tests.test_clone import with_extension

NEWEST = VERSIONS[-1]
pytestmark = pytest.mark.pg(f"in 12 15 16 {NEWEST}")


def fatal(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.fatal]


class Pair:
    """Two databases that a plain role owns, and what an administrator sees of them."""

    def __init__(self, source: Database, destination: Database, role: str) -> None:
        self.source, self.destination, self.role = source, destination, role
        self.here, self.there = (d.server.conninfo(d.name, user=role) for d in (source, destination))

    def find(self, **options: object) -> list[Finding]:
        """Return what stands in the way."""
        return fatal(preflight(Settings(self.here, self.there, **options), lambda event: None)[1])

    def obey(self, finding: Finding) -> None:
        """Run what a finding says, where it says."""
        {"source": self.source, "destination": self.destination}[finding.server].run(finding.run)

    def clone(self, **options: object) -> list[str]:
        notes: list[str] = []
        keep = lambda event: notes.append(event.text) if isinstance(event, events.Note) else None  # noqa: E731
        try:
            clone(Settings(self.here, self.there, **{"jobs": 2, "verify": True, **options}), keep)
        except VerificationFailed as error:
            raise AssertionError(error.differences) from error
        return notes


@pytest.fixture
def pair(database: Database, destination: Database) -> Iterator[Pair]:
    role = f"plain_{destination.name}"
    database.run(f"CREATE ROLE {role} LOGIN")
    for each in (database, destination):
        each.run(f"ALTER DATABASE {each.name} OWNER TO {role}")
    yield Pair(database, destination, role)
    for each in (database, destination):
        each.run(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}")
    database.run(f"DROP ROLE {role}")


@pytest.mark.pg(f"in 15 16 {NEWEST}")  # before, who owns the database owns neither its schema public nor an extension
def test_all_is_found_at_once_and_what_is_told_helps(pair: Pair) -> None:
    pair.source.run(
        f"""CREATE SCHEMA hidden; CREATE TABLE hidden.t AS SELECT 1 AS a; CREATE SEQUENCE s;
        CREATE SCHEMA hers AUTHORIZATION alice; CREATE TABLE hers.t (); ALTER TABLE hers.t OWNER TO alice;
        SELECT lo_from_bytea(4711, 'x'); CREATE EXTENSION hstore;
        CREATE TABLE mine (); ALTER TABLE mine OWNER TO {pair.role};
        CREATE TABLE forced (); ALTER TABLE forced OWNER TO {pair.role};
        ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"""
    )
    before = pair.find(verify=True)
    assert {f.object for f in before} >= {
        "hers.t, hidden.t, public.s",
        "public.forced",
        "large objects",
        'role "alice"',
    }
    with pytest.raises(PreflightFailed) as caught:
        pair.clone()
    assert fatal(caught.value.findings) == before
    for finding in before:
        pair.obey(finding)
    (left,) = pair.find(verify=True)
    assert (left.object, left.run) == ('role "postgres"', ""), "a superuser's role is granted to nobody"
    assert "--no-owner" in left.hint
    unowned = {"owners": False, "privileges": False}
    assert pair.find(**unowned) == []
    pair.clone(**unowned)
    assert pair.destination.rows("SELECT a FROM hidden.t") == [(1,)]


@pytest.mark.pg(">= 14")
def test_who_may_read_all_data_may_read_large_objects_from_19_on(pair: Pair) -> None:
    pair.source.run(f"SELECT lo_from_bytea(4711, 'x'); GRANT pg_read_all_data TO {pair.role}")
    unowned = {"owners": False, "privileges": False}
    found = pair.find(**unowned)
    if pair.source.major < 19:
        assert [f.object for f in found] == ["large objects"]
    else:
        assert found == []
        pair.clone(**unowned)
        assert pair.destination.value("SELECT lo_get(4711)") == b"x"


@pytest.mark.pg(f"in {NEWEST}")
def test_the_command_lists_it_and_probe_shows_it_alone(pair: Pair, replicator: Run) -> None:
    pair.source.run("CREATE SCHEMA hidden; CREATE TABLE hidden.t ()")
    flags = ("--source", pair.here, "--destination", pair.there)
    refused = replicator("clone", *flags)
    assert refused.code == 3
    assert f"run on the source: GRANT pg_read_all_data TO {pair.role};" in refused.err
    assert f'role "{pair.role}" is not a member of "postgres"' in refused.err
    assert "    Clone with --no-owner" in refused.err
    shown = replicator("probe", *flags, "--output", "json")
    assert shown.code == 3
    findings = json.loads(shown.out)["findings"]
    assert {f["object"] for f in findings if f["severity"] == "fatal"} == {"hidden.t", 'role "postgres"'}
    last = json.loads(shown.err.splitlines()[-1])
    assert (last["exit_code"], "findings" in last) == (3, False)  # they are said once
    pair.source.run("DROP SCHEMA hidden CASCADE")
    assert "problem:" not in runs(replicator("probe", *flags))
    assert is_empty(pair.destination)


@pytest.mark.pg(f"in {NEWEST}")
def test_a_statement_stays_on_one_line(pair: Pair, replicator: Run) -> None:
    """A single thing in the way is told as a paragraph, but what is to be run can be copied from it."""
    pair.source.run("CREATE SCHEMA hidden_from_plain_roles; CREATE TABLE hidden_from_plain_roles.t ()")
    flags = ("--no-owner", "--no-acl", "--source", pair.here, "--destination", pair.there)
    refused = replicator("clone", *flags)
    (finding,) = pair.find(owners=False, privileges=False)
    assert f"\n    run on the source: {finding.run}\n" in refused.err
    assert refused.err.count(finding.run) == 1
    refuses(refused, 3, "may not read hidden_from_plain_roles.t")


def test_what_a_server_cannot_hold_is_listed_line_by_line() -> None:
    losses = [Loss("view a", "why [42704].", whole=True), Loss("view b", "why [42704].", whole=True)]
    server = cast("Connection", SimpleNamespace(info=SimpleNamespace(server_version=150000)))
    lines = list(findings_as_lines(checks.check_losses(losses, server, 18, agreed=False)))
    assert lines == [
        "  problem: The destination (PostgreSQL 15) does not support view a: why [42704].",
        "  problem: The destination (PostgreSQL 15) does not support view b: why [42704].",
        "    Clone with --downgrade, which leaves it out, or into PostgreSQL 18.",
    ]


HOSTILE = """
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 100) n;
CREATE FUNCTION hook() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION hook();
CREATE FUNCTION proof(int) RETURNS bool LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT $1 > 0';
CREATE VIEW leaning AS SELECT id FROM t WHERE proof(id);
CREATE FUNCTION c_one(int4, int4) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'int4pl';
CREATE TYPE plain;
CREATE FUNCTION plain_in(cstring) RETURNS plain LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION plain_out(plain) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE plain (INPUT = plain_in, OUTPUT = plain_out, INTERNALLENGTH = 4, PASSEDBYVALUE);
CREATE TABLE of_plain (p plain);
INSERT INTO of_plain VALUES ('1'), ('2');
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER server FOREIGN DATA WRAPPER wrapper;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE FUNCTION careful() RETURNS int LANGUAGE sql SET session_replication_role = 'replica' AS 'SELECT 1';
CREATE OPERATOR CLASS odd_ops FOR TYPE int4 USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int4, int4);
CREATE TEXT SEARCH TEMPLATE simple2 (LEXIZE = dsimple_lexize);
CREATE CAST (int4 AS date) WITHOUT FUNCTION;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO bob;
CREATE TABLE of_alice (); ALTER TABLE of_alice OWNER TO alice;
"""
FORBIDDEN = {
    "event_trigger watch",
    "function public.proof(integer)",
    "view public.leaning",
    "function public.c_one(integer,integer)",
    "base_type public.plain",
    "table public.of_plain",
    "foreign_data_wrapper wrapper",
    "foreign_server server",
    "publication everything",
    "function public.careful()",
    "operator_class public.odd_ops USING btree",
    "text_search_template public.simple2",
    "cast (integer AS pg_catalog.date)",
    "acl pg_catalog.pg_sleep(double precision) (function)",
    "default_acl for role alice on tables",
    'role "alice"',
}


def test_what_a_plain_role_may_not_make_is_told_and_can_be_left_out(pair: Pair) -> None:
    pair.source.run(HOSTILE)
    pair.here = pair.source.dsn  # all may be read
    told = {finding.object for finding in pair.find()}
    assert told - {'role "postgres"'} >= FORBIDDEN, sorted(told - FORBIDDEN)
    assert is_empty(pair.destination)
    notes = pair.clone(skip_unprivileged=True)
    at_the_end = [note for note in notes if note.startswith("Left out: ")]
    for name in FORBIDDEN - {'role "alice"'}:
        assert any(shown(name) in note for note in at_the_end), name
    assert any("alice" in note for note in at_the_end)
    assert pair.destination.rows("SELECT count(*) FROM t") == [(100,)]
    assert pair.destination.rows("SELECT to_regclass('leaning'), to_regclass('of_plain')") == [(None, None)]
    settings = Settings(pair.here, pair.there, skip_unprivileged=True)
    assert verify_copy(settings, lambda event: None) == []


FORCED = """
CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE open AS SELECT 1 AS a;
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; ALTER TABLE open ENABLE ROW LEVEL SECURITY;
ALTER TABLE t OWNER TO {role}; ALTER TABLE open OWNER TO {role};
"""


def read_as_superuser(pair: Pair, script: str) -> None:
    """Fill the source, and read it as one from whom nothing is hidden."""
    pair.source.run(script.format(role=pair.role))
    pair.here = pair.source.dsn
    for each in (pair.source, pair.destination):
        each.run(f"ALTER SCHEMA public OWNER TO {pair.role}")


def test_row_security_that_will_hide_rows_of_the_copy_is_told_before_anything_is_written(pair: Pair) -> None:
    read_as_superuser(pair, FORCED)
    assert pair.find() == []
    (finding,) = pair.find(verify=True)
    assert (finding.object, finding.run) == ("public.t", f'ALTER ROLE "{pair.role}" BYPASSRLS;')
    assert finding in pair.find(replace="swap")
    with pytest.raises(PreflightFailed):
        pair.clone()
    assert is_empty(pair.destination)
    pair.obey(finding)
    assert pair.find(verify=True) == []
    pair.clone()
    assert pair.destination.rows("SELECT a FROM t") == [(1,)]


def test_row_security_that_hides_rows_of_what_is_resumed_is_told(pair: Pair) -> None:
    read_as_superuser(pair, f"{FORCED}; CREATE MATERIALIZED VIEW m AS SELECT 1 / a FROM open; UPDATE open SET a = 0;"
                      " ALTER MATERIALIZED VIEW m OWNER TO {role}")  # fmt: skip
    with pytest.raises(Incomplete, match=r"refresh public\.m"):
        pair.clone(verify=False)
    again = {"verify": False, "resume": "same-snapshot", "skip_failed_refresh": True}
    with pytest.raises(PreflightFailed) as caught:
        pair.clone(**again)
    (finding,) = fatal(caught.value.findings)
    assert finding.object == "public.t"
    pair.obey(finding)
    pair.clone(**again)


@pytest.mark.pg(f"in {NEWEST}")
@pytest.mark.parametrize(
    ("change", "server", "about", "fatal"),
    [
        ("REVOKE CREATE ON DATABASE {db} FROM {role}; ALTER DATABASE {db} OWNER TO postgres", "destination", "", True),
        (
            "ALTER ROLE {role} SET default_transaction_read_only = on",
            "destination",
            "default_transaction_read_only",
            True,
        ),
        ("ALTER ROLE {role} CONNECTION LIMIT 8", "source", "source sessions", True),
        ("ALTER DATABASE {db} CONNECTION LIMIT 5", "destination", "destination sessions", True),
        ("CREATE SCHEMA replicator", "source", "schema replicator", True),
        ("UPDATE pg_collation SET collversion = '0' WHERE collname = 'pg_c_utf8'", "source", "collation", False),
    ],
)
def test_a_finding_goes_away_when_its_statement_is_run(
    change: str, server: str, about: str, fatal: bool, pair: Pair
) -> None:
    side = {"source": pair.source, "destination": pair.destination}[server]
    side.run(change.format(db=side.name, role=pair.role))
    side.run(
        f"CREATE TABLE t (a text COLLATE pg_c_utf8 UNIQUE); ALTER TABLE t OWNER TO {pair.role}"
        if server == "source"
        else "SELECT 1"
    )

    def look() -> list[Finding]:
        every = preflight(Settings(pair.here, pair.there, jobs=3), lambda event: None).findings
        return [f for f in every if f.run and f.server == server and about in f.object and f.fatal == fatal]

    findings = look()
    assert findings
    for finding in findings:
        side.run(finding.run)
    assert look() == []


def test_the_most_jobs_that_fit_are_named(pair: Pair) -> None:
    pair.destination.run(f"ALTER DATABASE {pair.destination.name} CONNECTION LIMIT 9")
    (finding,) = pair.find(jobs=10, verify=True)
    jobs = int(re.search(r"--jobs (\d+)\.$", finding.hint)[1])
    pair.source.run(f"CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t OWNER TO {pair.role}")
    assert 4 <= jobs < 9
    assert pair.find(jobs=jobs, verify=True) == []
    pair.clone(jobs=jobs)


def test_a_prepared_transaction_that_holds_a_table(tmp_path_factory: pytest.TempPathFactory) -> None:
    with own_server(max_prepared_transactions="2") as server:
        source, destination = (server.conninfo(name) for name in ("postgres", "template1"))
        with psycopg.connect(source, autocommit=True) as conn:
            conn.execute("CREATE TABLE t ()")
            with conn.transaction():
                conn.execute("ALTER TABLE t ADD a int; CREATE TABLE not_there_yet ()")
                conn.execute("PREPARE TRANSACTION 'it''s'")
            find = lambda: fatal(preflight(Settings(source, destination), lambda event: None)[1])  # noqa: E731
            (finding,) = find()
            assert " locks public.t, " in finding.text
            conn.execute(finding.run)
            assert find() == []


def test_a_synchronous_standby_that_is_missing(start: Start) -> None:
    """Each commit would wait for it, for ever; one that goes later is named while it is waited for."""
    with own_server(wal_level="replica", max_wal_senders="2") as server:
        source, destination = Database(server, "template1", NEWEST), Database(server, "postgres", NEWEST)
        find = lambda: fatal(preflight(Settings(source.dsn, destination.dsn), lambda event: None)[1])  # noqa: E731
        assert find() == []
        source.run("CREATE TABLE t AS SELECT generate_series(1, 100000) AS a")
        process = start("clone", *both(source, destination), "--max-rate", "100kB/s")
        process.says("data: ")
        destination.run("ALTER SYSTEM SET synchronous_standby_names = 'missing'")
        destination.run("SELECT pg_reload_conf()")
        process.says("waiting for a standby to confirm a commit")
        process.kill()
        (finding,) = (f for f in find() if f.object)
        for statement in (finding.run, "SELECT pg_reload_conf()"):
            destination.run(statement)
        assert [f for f in find() if f.object] == []


IN_EXT = """
CREATE SCHEMA "Ext"; CREATE EXTENSION hstore SCHEMA "Ext"; CREATE TABLE t AS SELECT '"a"=>"1"'::"Ext".hstore AS h;
CREATE FUNCTION g(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN "Ext".hstore($1, $1); END';
"""
MADE = 'CREATE SCHEMA IF NOT EXISTS "Ext"'
MOVED = 'ALTER EXTENSION "hstore" SET SCHEMA'


@pytest.mark.parametrize(
    ("source", "there", "run"),
    [
        (
            IN_EXT,
            "CREATE EXTENSION hstore",
            f'CREATE SCHEMA IF NOT EXISTS "Ext" AUTHORIZATION "postgres"; {MOVED} "Ext";',
        ),
        ("CREATE EXTENSION hstore", IN_EXT.partition("CREATE TABLE")[0], f'{MOVED} "public"; DROP SCHEMA "Ext";'),
    ],
)
def test_an_extension_in_another_schema_is_named_and_moved(
    source: str, there: str, run: str, database: Database, destination: Database
) -> None:
    if not database.rows("SELECT FROM pg_available_extensions WHERE name = 'hstore'"):
        pytest.skip("this server has no hstore")
    database.run(source)
    destination.run(there)
    find = lambda: fatal(preflight(Settings(database.dsn, destination.dsn), lambda event: None)[1])  # noqa: E731
    (finding,) = find()
    assert (finding.object, finding.run) == ("extension hstore", run)
    destination.run(finding.run)
    assert find() == []
    clone(Settings(database.dsn, destination.dsn, jobs=2, verify=True), lambda event: None)
    assert destination.dump() == database.dump()


def test_an_extension_in_another_schema_is_no_matter_of_versions(servers: Servers) -> None:
    """What the schema needs is refused there for its schema, which --downgrade would not help."""
    if VERSIONS[0] == NEWEST:
        pytest.skip("needs two versions")
    source, there = servers.database(NEWEST), servers.database(VERSIONS[0])
    source.run(IN_EXT)
    there.run("CREATE EXTENSION hstore")
    (finding,) = fatal(preflight(Settings(source.dsn, there.dsn), lambda event: None)[1])
    assert finding.run.endswith(f'{MOVED} "Ext";')


@pytest.mark.pg(f"in {NEWEST}")
def test_what_replace_drop_drops_may_be_in_another_schema(pair: Pair) -> None:
    pair.source.run(f"SET ROLE {pair.role}; {IN_EXT}; INSERT INTO t SELECT 'a=>1'::\"Ext\".hstore")
    pair.destination.run(f"SET ROLE {pair.role}; CREATE EXTENSION hstore")
    pair.clone(replace="drop")
    assert pair.destination.dump() == pair.source.dump()
    pair.destination.run("DROP FUNCTION g; DROP TABLE t; DROP EXTENSION hstore; CREATE EXTENSION hstore")
    assert "extension hstore" in {f.object for f in pair.find(replace="drop")}, "another role's stays"


@pytest.mark.pg(f"in {NEWEST}")
def test_an_extension_that_cannot_be_moved_is_made_anew(servers: Servers) -> None:
    with with_extension(servers, "fixed", "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'") as pair:
        source, there = pair
        source.run("CREATE SCHEMA ext; CREATE EXTENSION fixed SCHEMA ext")
        there.run("CREATE EXTENSION fixed")
        find = lambda: fatal(preflight(Settings(source.dsn, there.dsn), lambda event: None)[1])  # noqa: E731
        (finding,) = find()
        there.run(finding.run)
        assert find() == []
        clone(Settings(source.dsn, there.dsn, verify=True), lambda event: None)


@pytest.mark.pg(f"in {NEWEST}")
def test_who_may_not_make_an_extension_is_told_its_schema(pair: Pair) -> None:
    """dblink is for superusers alone; citext is of an older version on the source."""
    pair.source.run(f"SET ROLE {pair.role}; CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext VERSION '1.5'")
    pair.source.run("CREATE EXTENSION dblink SCHEMA ext")
    schema = f'CREATE SCHEMA IF NOT EXISTS "ext" AUTHORIZATION "{pair.role}"; CREATE EXTENSION'
    (finding,) = pair.find()
    assert finding.run == f'{schema} "dblink" SCHEMA "ext";'
    pair.obey(finding)
    findings = preflight(Settings(pair.here, pair.there), lambda event: None).findings
    (citext,) = (f for f in findings if f.object == "extension citext")
    assert citext.run == f'{schema} "citext" SCHEMA "ext" VERSION \'1.5\';'
    pair.obey(citext)
    assert "extension dblink" not in {f.object for f in pair.find()}
    pair.clone(skip_unprivileged=True, verify=False)  # an extension's comment is its owner's to make
    assert pair.destination.dump() == pair.source.dump()


SET_IN_SESSION = """SELECT name, setting FROM pg_settings
                     WHERE source = 'session' AND name <> 'application_name'"""  # which pgbouncer sets, for everybody


@pytest.mark.skipif(not shutil.which("pgbouncer"), reason="needs pgbouncer in PATH")
@pytest.mark.parametrize(("mode", "refused"), [("transaction", True), ("statement", True), ("session", False)])
def test_a_pooler_in_between(mode: str, refused: bool, servers: Servers) -> None:
    server, port, folder = servers[NEWEST], closed_port(), reachable_folder("replicator-pooler-")
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"""[databases]\n* = host=127.0.0.1 port={server.port} user=postgres
        [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = {mode}
        server_reset_query =\nunix_socket_dir =\n"""
    )
    with subprocess.Popen(["pgbouncer", "-q", config], **_as_server_user()) as pooler:
        try:
            dsn = f"host=127.0.0.1 port={port} dbname=postgres user=postgres"
            until(lambda: answers(port))
            with pytest.raises(Pooled) if refused else contextlib.nullcontext():
                assert list(checks.check_direct("source", dsn)) == []
            with psycopg.connect(dsn, autocommit=True) as conn:
                assert conn.execute(SET_IN_SESSION).fetchall() == []
            assert list(checks.check_direct("source", server.conninfo())) == []
        finally:
            pooler.terminate()


COMMANDS = ("clone", "verify", "plan", "probe", "status", "clean")
POOLER = "is behind a connection pooler"


@pytest.mark.pg(f"in {NEWEST}")
def test_nothing_is_set_in_the_backends_of_a_pooler_that_is_refused(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    with pooled(database.dsn, "transaction") as (pooler, dsn):
        for command in COMMANDS:
            refuses(replicator(command, "--destination", pooler.dsn(destination.dsn), "--source", dsn), 3, POOLER)
        refuses(replicator("probe", "--source", dsn), 3, f"source {POOLER}")
        refuses(replicator("clone", "--create", "--source", database.dsn, "--destination", dsn), 3, "pooler")
        with pytest.raises(Pooled), postgres.pool(dsn, 1) as opened, lend(opened):
            pass
        assert [setting for each in (database, destination) for setting in pooler.settings(each.dsn)] == []


@pytest.mark.pg(f"in {NEWEST}")
def test_what_is_set_in_the_backends_of_a_pool_of_sessions_is_given_back(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    with pooled(database.dsn, "session") as (pooler, dsn):
        flags = ("--source", dsn, "--destination", pooler.dsn(destination.dsn))
        runs(replicator("clone", "--verify", *flags))
        assert destination.rows("SELECT * FROM t") == [(1,)]
        for command in COMMANDS[1:]:
            assert replicator(command, *flags).code == (
                3 if command in ("plan", "probe") else 0
            )  # it is not empty any more
        with contextlib.suppress(ZeroDivisionError), postgres.connect(dsn) as conn:
            assert conn.execute("SELECT pg_backend_pid()").fetchall() == [(pid_of(conn),)]
            conn.execute("BEGIN")
            raise ZeroDivisionError
        assert [setting for each in (database, destination) for setting in pooler.settings(each.dsn)] == []


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_what_the_server_itself_cannot_print_is_named(pair: Pair) -> None:
    pair.source.run("""
        CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE VIEW whole AS SELECT 1 AS a;
        CREATE VIEW "Odd view" AS SELECT gone();
        DELETE FROM pg_proc WHERE proname = 'gone'""")
    with pytest.raises(PreflightFailed, match=r'cannot print: view public."Odd view" \(cache lookup failed'):
        pair.clone()
    assert is_empty(pair.destination)


def test_rows_of_unlogged_tables_can_be_left_out(replicator: Run, database: Database, destination: Database) -> None:
    sequence = "CREATE UNLOGGED SEQUENCE counter; SELECT nextval('counter')" if database.major >= 15 else ""
    database.run(f"""CREATE UNLOGGED TABLE cache (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
                     INSERT INTO cache (v) SELECT 'x' FROM generate_series(1, 100); CREATE INDEX ON cache (v);
                     CREATE TABLE t AS SELECT 1 AS a; {sequence}""")
    flags = ("--source", database.dsn, "--destination", destination.dsn)
    result = replicator("clone", "--verify", "--no-unlogged-table-data", *flags)
    runs(result)
    assert "Not copied" in result.said and "public.cache" in result.said
    assert destination.rows("SELECT (SELECT count(*) FROM cache), (SELECT count(*) FROM t)") == [(0, 1)]
    assert destination.dump() == database.dump()
    runs(replicator("verify", "--no-unlogged-table-data", *flags))
    assert replicator("verify", *flags).code == 8
