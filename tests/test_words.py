"""What users read when something is wrong: the server, the object, the reason once, and the next command.

Every error here is provoked on a real server. What the command line itself refuses is in test_cli and test_options.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from replicator.checks import check_losses, check_source
from replicator.model import Loss
from replicator.sessions import postgres
from tests.fix_cli import Result, Run, both, closed_port, own_server, peer, refuses
from tests.fix_servers import SOME, VERSIONS, Database, Servers
from tests.test_faults import cramped  # noqa: F401

pytestmark = SOME

NEWEST = VERSIONS[-1]
REFUSED, BLOCKED, NOT_READY, FAILED = 4, 3, 1, 6


def says(result: Result, code: int, *, where: str, why: str, then: str) -> None:
    """Assert that an error names a server, or an object on it, says the reason once, and what to do next."""
    refuses(result, code, where, why)
    paragraph = " ".join(result.err.rpartition("replicator: ")[2].split())
    assert then in paragraph, f"{then!r} is missing\n{result}"
    assert paragraph.count(why) == 1, f"{why!r} is said more than once\n{result}"
    assert "connection to server" not in paragraph, result
    assert ".;" not in paragraph and ".:" not in paragraph and ". ." not in paragraph, result


# Connections


def test_a_wrong_password(replicator: Run, spare_database: Database) -> None:
    dsn = spare_database.server.conninfo(spare_database.name, user="keyed", password="wrong")
    where = f"Cannot log in to the source (keyed@127.0.0.1:{spare_database.server.port}/{spare_database.name}):"
    why = 'password authentication failed for user "keyed"'
    says(replicator("probe", "--source", dsn), REFUSED, where=where, why=why, then="in ~/.pgpass")


def test_no_password(replicator: Run, spare_database: Database) -> None:
    dsn = spare_database.server.conninfo(spare_database.name, user="keyed")
    result = replicator("status", "--destination", dsn)
    says(
        result,
        REFUSED,
        where="Cannot log in to the destination (keyed@",
        why="no password supplied",
        then="Put it in ~/.pgpass (chmod 600; PGPASSFILE names another file)",
    )


def test_a_password_file_that_others_can_read(replicator: Run, spare_database: Database, tmp_path: Path) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:keyed:open sesame\n")
    passwords.chmod(0o644)
    dsn = spare_database.server.conninfo(spare_database.name, user="keyed")
    result = replicator("probe", "--source", dsn, PGPASSFILE=str(passwords))
    says(result, REFUSED, where="the source", why="no password supplied", then="chmod 600")
    assert "WARNING" in result.err  # libpq's own, which names the file


def test_a_role_that_does_not_exist(replicator: Run, database: Database) -> None:
    dsn = make_conninfo(database.dsn, user="nobody_here")
    says(
        replicator("probe", "--source", dsn),
        REFUSED,
        where="the source (nobody_here@",
        why='role "nobody_here" does not exist',
        then="Correct the user name",
    )


def test_a_host_that_nobody_knows(replicator: Run) -> None:
    """It is tried again, since a container gets its name when it starts; but the first attempt says it."""
    flags = ("--source", "host=no-such-host.invalid dbname=shop", "--wait-attempts", "2", "--wait-delay", "0.1")
    result = replicator("probe", *flags)
    why = 'cannot resolve host "no-such-host.invalid"'
    says(
        result,
        NOT_READY,
        where="The source (no-such-host.invalid/shop) did not answer in 2 attempts",
        why=why,
        then="Correct the host name",
    )
    assert f"attempt 1 of 2: {why}" in result.said


def test_a_port_where_nobody_listens(replicator: Run) -> None:
    dsn = f"host=127.0.0.1 port={closed_port()} dbname=shop"
    result = replicator("probe", "--source", dsn, "--wait-attempts", "1")
    says(
        result,
        NOT_READY,
        where="The source (127.0.0.1:",
        why="Connection refused",
        then="Check host and port, and that the server is running; if it needs more time",
    )


@pytest.mark.parametrize("sslmode", ["prefer", "disable"])
def test_what_is_not_postgresql(sslmode: str, replicator: Run) -> None:
    with peer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        result = replicator("probe", "--source", f"host=127.0.0.1 port={port} dbname=shop sslmode={sslmode}")
    says(
        result,
        REFUSED,
        where=f"The source (127.0.0.1:{port}/shop)",
        why="is not a PostgreSQL server",
        then="Correct host and port.",
    )


def test_a_missing_database(replicator: Run, database: Database) -> None:
    missing = make_conninfo(database.dsn, dbname="nope")
    result = replicator("clone", "--source", database.dsn, "--destination", missing)
    says(result, REFUSED, where="The destination server", why='has no database "nope"', then="add --create")
    result = replicator("probe", "--source", missing)
    says(result, REFUSED, where="The source server", why='has no database "nope"', then="Correct the name")
    assert "--create" not in result.said


def test_a_server_without_tls(replicator: Run, database: Database) -> None:
    result = replicator("probe", "--source", make_conninfo(database.dsn, sslmode="require"))
    says(result, REFUSED, where="the source", why="does not support SSL", then="sslmode")


# Before the first write


def test_a_destination_that_is_not_empty(replicator: Run, database: Database, destination: Database) -> None:
    destination.run("CREATE TABLE precious AS SELECT 1 AS a; CREATE MATERIALIZED VIEW totals AS SELECT 1 AS a")
    result = replicator("clone", *both(database, destination))
    says(
        result,
        BLOCKED,
        where=f'The destination database "{destination.name}"',
        why="is not empty: it has",
        then="with --create; or replace this one with --replace swap (or --replace drop); or load",
    )
    assert "--data-only" in result.said and "matview" not in result.said


def test_a_destination_that_is_the_source(replicator: Run, database: Database) -> None:
    result = replicator(
        "clone", "--source", database.dsn, "--destination", make_conninfo(database.dsn, host="localhost")
    )
    says(result, BLOCKED, where=f'"{database.name}"', why="are the same database", then="another destination")


def says_with_statement(result: Result, *, where: str, why: str, run: str) -> None:
    """The same of an error whose next command is a statement, which stands below on a line of its own."""
    assert result.code == BLOCKED, result
    assert where in result.said, f"{where!r} is missing\n{result}"
    assert result.said.count(why) == 1, f"{why!r} is not said once\n{result}"
    (line,) = (line for line in result.err.splitlines() if run in line)
    assert line.lstrip().startswith("run on the "), result


def test_a_destination_that_is_read_only(replicator: Run, database: Database, destination: Database) -> None:
    destination.run(f'ALTER DATABASE "{destination.name}" SET default_transaction_read_only = on')
    result = replicator("clone", *both(database, destination))
    says_with_statement(result, where="The destination", why="is read-only", run="default_transaction_read_only = off;")


@pytest.fixture
def elsewhere() -> Iterator[Database]:
    """An empty database of a server that has no roles but the superuser's."""
    with own_server() as server:
        yield Database(server, "postgres", NEWEST)


def test_a_missing_role(replicator: Run, servers: Servers, elsewhere: Database) -> None:
    source = servers.database(NEWEST)
    source.run("CREATE TABLE t (a int); GRANT SELECT ON t TO alice; CREATE SCHEMA hers AUTHORIZATION bob")
    result = replicator("clone", *both(source, elsewhere))
    says_with_statement(
        result,
        where='Role "alice" does not exist on the destination',
        why="the source grants it privileges",
        run='CREATE ROLE "alice";',
    )
    says_with_statement(
        result,
        where='Role "bob" does not exist on the destination',
        why="it owns 1 object on the source",
        run='CREATE ROLE "bob";',
    )
    assert "with --roles" in result.said


def test_a_missing_extension(replicator: Run, database: Database, destination: Database) -> None:
    database.run("CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'rare' WHERE extname = 'hstore'")
    result = replicator("clone", *both(database, destination))
    says(
        result,
        BLOCKED,
        where='Extension "rare"',
        why="is not available on the destination server",
        then="Install its package on the destination server; or clone without it",
    )
    assert "--exclude-extension rare" in result.said


def test_what_an_older_destination_does_not_support(replicator: Run, servers: Servers) -> None:
    olds = [version for version in VERSIONS if version < 18]
    if not olds:
        pytest.skip("no older server at hand")
    source, destination = servers.database(18), servers.database(olds[-1])
    source.run(
        "CREATE VIEW newer AS SELECT uuidv7() AS u; CREATE TABLE t (a int, v int GENERATED ALWAYS AS (a) VIRTUAL)"
    )
    result = replicator("clone", *both(source, destination))
    lines = [line for line in result.err.splitlines() if "does not support" in line]
    assert len(lines) == 2, result
    assert any("table public.t: virtual generated column becomes STORED" in line for line in lines), result
    assert any("view public.newer: function uuidv7() does not exist" in line for line in lines), result
    assert "left out" not in result.said and "--downgrade, which leaves it out, or into PostgreSQL 18." in result.said


def test_many_alike_that_a_destination_does_not_support_are_one_finding(database: Database) -> None:
    why = 'unrecognized parameter "pg_attver" [22023].'
    losses = [Loss(f"column_setting public.t{n} (table)", why, whole=True) for n in range(42)]
    with postgres.connect(database.dsn) as conn:
        (finding,) = check_losses([*losses], conn, 19, agreed=False)
    assert (
        f"does not support 42 sets of column settings for the same reason, {why.rstrip('.')}: column settings of table"
        in (finding.text)
    )
    assert "and 32 more" in finding.text


def test_a_role_that_may_read_nothing(replicator: Run, pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(
        "CREATE ROLE looker LOGIN; CREATE SCHEMA a; CREATE TABLE a.t (a int); CREATE SEQUENCE s;"
        "CREATE SCHEMA b; CREATE TABLE b.t (a int); SELECT lo_from_bytea(4711, 'x')"
    )
    try:
        dsn = make_conninfo(source.dsn, user="looker")
        result = replicator("clone", "--no-owner", "--no-acl", "--source", dsn, "--destination", destination.dsn)
        if source.major >= 14:
            says_with_statement(
                result,
                where='On the source, role "looker" may not read a.t, b.t, public.s.',
                why="may not read a.t",
                run="GRANT pg_read_all_data TO looker;",
            )
        if source.major < 19:
            says_with_statement(
                result,
                where='On the source, role "looker"',
                why="may not read 1 large object (4711)",
                run='GRANT SELECT ON LARGE OBJECT 4711 TO "looker";',
            )
    finally:
        source.run("DROP OWNED BY looker; DROP ROLE looker")


def test_large_objects_are_opened_to_one_role_and_not_to_all(pair: tuple[Database, Database]) -> None:
    """More than one GRANT lists: what an administrator would run gives this role SELECT, and nobody anything else."""
    source, _ = pair
    if source.major >= 19:
        pytest.skip("pg_read_all_data is for large objects, too")
    source.run("CREATE ROLE looker LOGIN; SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 150)")
    try:
        with postgres.connect(make_conninfo(source.dsn, user="looker")) as conn:
            (finding,) = (f for f in check_source(conn) if f.object == "large objects")
            assert "lo_compat_privileges" not in finding.run
            source.run(finding.run)
            assert not [f for f in check_source(conn) if f.object == "large objects"]
        granted = source.value("SELECT array_agg(DISTINCT lomacl::text) FROM pg_largeobject_metadata")
        assert granted == ["{postgres=rw/postgres,looker=r/postgres}"]
    finally:
        source.run("DROP OWNED BY looker; DROP ROLE looker")


def test_row_security(replicator: Run, pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(
        "CREATE ROLE looker LOGIN; CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
        "GRANT SELECT ON t TO looker"
    )
    try:
        dsn = make_conninfo(source.dsn, user="looker")
        result = replicator("clone", "--no-owner", "--no-acl", "--source", dsn, "--destination", destination.dsn)
        says_with_statement(
            result,
            where='On the source, role "looker" may not read public.t',
            why="where row security hides rows from it",
            run="ALTER ROLE looker BYPASSRLS;",
        )
    finally:
        source.run("DROP OWNED BY looker; DROP ROLE looker")


def test_too_few_connections(replicator: Run, database: Database, destination: Database) -> None:
    database.run(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT 6; CREATE ROLE looker LOGIN')
    try:
        dsn = make_conninfo(database.dsn, user="looker")
        flags = ("--no-owner", "--no-acl", "--jobs", "8", "--source", dsn, "--destination", destination.dsn)
        says_with_statement(
            replicator("clone", *flags),
            where="The source allows only",
            why="but 8 parallel jobs need",
            run="CONNECTION LIMIT",
        )
    finally:
        database.run("DROP OWNED BY looker; DROP ROLE looker")


def test_a_source_without_rows_that_would_replace_something(
    replicator: Run, database: Database, destination: Database
) -> None:
    destination.run("CREATE TABLE precious AS SELECT 1 AS a")
    result = replicator("clone", "--replace", "drop", *both(database, destination))
    says(result, BLOCKED, where=f'The source database "{database.name}"', why="has no tables", then="add --allow-empty")


# While it runs


def test_a_failed_step_is_named_once_and_in_words(replicator: Run, database: Database, destination: Database) -> None:
    database.run("""CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int CONSTRAINT fk REFERENCES p);
                    ALTER TABLE c DISABLE TRIGGER ALL; INSERT INTO c VALUES (7)""")
    result = replicator("clone", *both(database, destination))
    says(
        result,
        FAILED,
        where="foreign key fk on public.c failed",
        why="Key (id)=(7) is not present",
        then="Correct the rows on the source",
    )
    assert "foreign_key" not in result.err.rpartition("replicator: ")[2]
    assert "Everything is done except 1 step" in result.said and "--foreign-keys not-valid" in result.said


@pytest.mark.faults
def test_a_full_disk(replicator: Run, database: Database, cramped: Database) -> None:  # noqa: F811
    database.run("CREATE TABLE t AS SELECT g AS a, repeat(md5(g::text), 20) AS b FROM generate_series(1, 100000) g")
    result = replicator("clone", *both(database, cramped))
    says(
        result,
        FAILED,
        where="data public.t failed: on the destination",
        why="No space left on device",
        then="The destination's disk is full: free some space there.",
    )
    assert "Continue with `clone --resume=per-table`" in result.said


# Kinds have words that users know


def test_no_message_shows_the_names_of_kinds(replicator: Run, pair: tuple[Database, Database]) -> None:
    for database in pair:
        database.run("""CREATE TABLE t (a serial); CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
                        CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
                        COMMENT ON TABLE t IS 'one'; GRANT SELECT ON t TO alice""")
    pair[1].run("""DROP MATERIALIZED VIEW m; REVOKE SELECT ON t FROM alice; ALTER SEQUENCE t_a_seq OWNED BY NONE;
                   ALTER TABLE p DETACH PARTITION p1; COMMENT ON TABLE t IS 'two'""")
    result = replicator("verify", *both(*pair))
    assert result.code == 8
    for words in (
        "materialized view public.m: missing",
        "privileges of table public.t: ",
        "owner of sequence public.t_a_seq: missing",
        "attachment of partition public.p1: missing",
        "comment on table public.t: different",
    ):
        assert words in result.out, f"{words}\n{result}"
    for name in ("matview", "acl ", "sequence_owner", "table_attach", "_setting"):
        assert name not in result.out + result.err, f"{name}\n{result}"


def test_every_text_of_the_package_can_be_read_in_one_go() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.messages", "checks", "errors"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is not available on the destination server" in done.stdout
    assert "Lost all sessions that held the snapshot." in done.stdout
    assert "SELECT" not in done.stdout.replace("GRANT SELECT", "").replace("SELECT pg_", "")
