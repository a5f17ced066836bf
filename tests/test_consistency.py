"""A source that is written to and altered while it is copied, and settings that would change what values look like."""

import random
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.fix_cli import NEWEST, Run, Start, both, refuses, runs, until
from tests.fix_servers import Database
from tests.test_faults import SLOW_TABLES, in_mid_copy

WRITERS = 8
ACCOUNTS = 200
BANK = f"""
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE entry (id bigserial PRIMARY KEY, account int REFERENCES account, amount int, writer int, half int);
INSERT INTO account SELECT g, 100 FROM generate_series(1, {ACCOUNTS}) g;
"""


@pytest.fixture
def major() -> int:
    return NEWEST


# Writers


def keep_writing(source: Database, number: int, stopped: threading.Event) -> None:
    """Move money in two halves within one transaction, some of it in savepoints that are rolled back."""
    chance = random.Random(number)
    with psycopg.connect(source.dsn) as conn:
        while not stopped.is_set():
            payer, payee = sorted(chance.sample(range(1, ACCOUNTS + 1), 2))  # in order: no deadlocks
            with conn.transaction():
                for account, amount, half in ((payer, -1, 1), (payee, 1, 2)):
                    conn.execute("UPDATE account SET balance = balance + %s WHERE id = %s", [amount, account])
                    insert = "INSERT INTO entry (account, amount, writer, half) VALUES (%s, %s, %s, %s)"
                    conn.execute(insert, [account, amount, number, half])
                    with conn.transaction(force_rollback=True):
                        conn.execute(insert, [account, 1000, number, 0])
                        conn.execute("DELETE FROM entry WHERE writer = %s", [number])
                stopped.wait(chance.uniform(0, 0.02))
            if chance.random() < 0.1:
                conn.execute("DELETE FROM entry WHERE account = %s", [chance.randint(1, ACCOUNTS)])
                conn.rollback()


@pytest.fixture
def written(database: Database) -> Iterator[Database]:
    database.run(SLOW_TABLES + BANK)
    stopped = threading.Event()
    writers = [threading.Thread(target=keep_writing, args=(database, n, stopped)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    until(lambda: database.value("SELECT count(DISTINCT writer) FROM entry") == WRITERS)
    yield database
    stopped.set()
    for writer in writers:
        writer.join()


INCONSISTENT = f"""
SELECT 'money', sum(balance)::text FROM account HAVING sum(balance) <> {ACCOUNTS * 100}
UNION ALL SELECT 'account ' || a.id, balance::text FROM account a LEFT JOIN entry e ON e.account = a.id
 GROUP BY a.id, balance HAVING balance <> 100 + coalesce(sum(amount), 0)
UNION ALL SELECT 'writer ' || writer, count(*)::text FROM entry GROUP BY writer HAVING sum(amount) <> 0
UNION ALL SELECT 'rolled back', id::text FROM entry WHERE half = 0
"""


def test_eight_writers_show_in_the_copy_up_to_one_moment(
    written: Database, destination: Database, replicator: Run
) -> None:
    before = written.value("SELECT max(id) FROM entry")
    runs(replicator("clone", "--verify", *both(written, destination)))
    assert written.value("SELECT count(*) FROM entry") > destination.value("SELECT count(*) FROM entry")
    assert destination.value("SELECT max(id) FROM entry") >= before
    assert destination.rows(INCONSISTENT) == []
    # The sequence is read outside the snapshot, after the rows: never behind them.
    assert destination.value("SELECT last_value FROM entry_id_seq") >= destination.value("SELECT max(id) FROM entry")
    assert written.rows(INCONSISTENT) == []


# DDL while it is copied

CHANGEABLE = """
CREATE TYPE mood AS ENUM ('fine');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE SCHEMA other;
CREATE TABLE other.inside (a int);
CREATE VIEW seen AS SELECT a FROM one;
CREATE INDEX droppable ON two (b);
CREATE TABLE small (a mood);
CREATE SEQUENCE counter;
"""
WAITS = [
    "ALTER TABLE small ADD b int",
    "DROP TABLE small",
    "TRUNCATE small",
    "DROP INDEX droppable",
]
GOES_ON = [
    "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 3 * $1'",
    "CREATE OR REPLACE VIEW seen AS SELECT a, 1 AS more FROM one",
    "CREATE TABLE later (a int)",
    "ALTER TYPE mood ADD VALUE 'better'",
    "ALTER TYPE mood RENAME TO temper",
    "GRANT SELECT ON small TO PUBLIC",
    "ALTER SCHEMA other RENAME TO another",
    "DROP VIEW seen",
    "DROP FUNCTION twice(int)",
    "COMMENT ON TABLE small IS 'later'",
    "ALTER SEQUENCE counter INCREMENT 7",
]

AS_IN_THE_SNAPSHOT = ("COMMENT", "CREATE TABLE", "GRANT", "ALTER SEQUENCE")


@pytest.fixture
def changeable(database: Database) -> Database:
    database.run(SLOW_TABLES + CHANGEABLE)
    return database


def test_what_a_table_is_cannot_be_changed_while_it_is_copied(
    changeable: Database, destination: Database, start: Start
) -> None:
    process = in_mid_copy(start, changeable, destination)
    with psycopg.connect(changeable.dsn, autocommit=True) as conn:
        conn.execute("SET lock_timeout = '50ms'")
        for statement in WAITS:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                conn.execute(statement)
        assert not process.ended
    runs(process.ends())


def test_what_else_is_changed_after_the_plan_is_not_in_the_copy(
    changeable: Database, destination: Database, start: Start
) -> None:
    """All was read by then: the copy is of the moment before, whatever comes after."""
    before = changeable.dump()
    process = in_mid_copy(start, changeable, destination)
    for statement in GOES_ON:
        changeable.run(statement)
    assert not process.ended, "it must be in mid-copy"
    runs(process.ends())
    assert destination.dump() == before


@pytest.mark.parametrize("statement", GOES_ON)
def test_what_is_changed_while_the_schema_is_read_is_read_again(
    statement: str, database: Database, destination: Database, start: Start
) -> None:
    """The clone waits for a lock between its snapshot and its reading: exactly there the change comes."""
    database.run("CREATE TABLE one (a int); CREATE TABLE two (b int);" + CHANGEABLE)
    before = database.dump()
    with psycopg.connect(database.dsn) as conn:
        conn.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
        process = start("clone", *both(database, destination))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'one'::regclass"
        until(lambda: process.ended or conn.execute(waiting).fetchone() != (0,))
        assert not process.ended, process.ends()
        if "FROM one" in statement:  # it needs the lock
            conn.execute(statement)
        else:
            database.run(statement)
    runs(process.ends())
    # What is read by columns alone is as it was in the snapshot.
    assert destination.dump() == (before if statement.startswith(AS_IN_THE_SNAPSHOT) else database.dump())


# Settings

AWKWARD = {
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "'sql_standard'",
    "TimeZone": "'Asia/Kathmandu'",
    "extra_float_digits": "-15",
    "bytea_output": "'escape'",
    "lc_monetary": "'C'",
    "search_path": "'nowhere, public'",
    "xmloption": "'document'",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "session_replication_role": "'origin'",
    "row_security": "on",
    "enable_seqscan": "off",
    "check_function_bodies": "on",
    "default_toast_compression": "'pglz'",
    "client_min_messages": "'debug5'",
    "log_statement_stats": "on",
    "client_encoding": "'SQL_ASCII'",
}
VALUES = r"""
CREATE TABLE odd (a date, b timestamptz, c interval, d float8, e float4, f bytea, g money, h xml, i int[], j text);
INSERT INTO odd VALUES
    ('2026-02-03', '2026-02-03 04:05:06.789+05:45', '-1 mon +2 days -03:04:05.6', 0.1::float8 + 0.2, 1e-7,
     '\x00ff5c27', 12.34, '<a>1</a>', '{1,NULL,3}', E'a\\b''c'),
    ('infinity', '-infinity', '178000000 years', 'NaN', '-Infinity', '', -0.01, 'plain', '{}', NULL);
CREATE FUNCTION days() RETURNS date LANGUAGE sql AS $$SELECT DATE '2026-02-03'$$;
CREATE TABLE defaults (a date DEFAULT '2026-02-03', b interval DEFAULT '-1 day +02:03', c float8 DEFAULT 0.1,
    d bytea DEFAULT '\x00ff');
CREATE VIEW constants AS SELECT DATE '2026-02-03' AS a, INTERVAL '1 mon -2 days' AS b, 0.1::float8 AS c;
CREATE TABLE checked (a timestamptz CHECK (a > '2026-02-03 04:05:06+00'));
CREATE INDEX ON checked (a) WHERE a > '2026-03-04 05:06:07+00';
"""


@pytest.mark.parametrize("relay", ["on", "off"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_awkward_settings_change_no_value(
    side: str, relay: str, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(VALUES if database.has_xml() else VALUES.replace("'<a>1</a>'", "NULL").replace("'plain'", "NULL"))
    plain, schema = database.dump("--data-only"), database.dump()
    awkward = database if side == "source" else destination
    with psycopg.connect(awkward.server.conninfo(), autocommit=True) as conn:
        for name, value in AWKWARD.items():
            conn.execute(f"ALTER DATABASE {awkward.name} SET {name} = {value}")
    result = replicator("clone", "--verify", "--relay", relay, *both(database, destination))
    with psycopg.connect(awkward.server.conninfo(), autocommit=True) as conn:
        for one in (database, destination):
            conn.execute(f"ALTER DATABASE {one.name} RESET ALL")
    runs(result)
    assert destination.dump() == schema
    assert destination.dump("--data-only") == plain


# Row security

POLICIES = """
CREATE TABLE hidden (a int, owner text);
INSERT INTO hidden SELECT g, CASE WHEN g % 10 = 0 THEN 'me' ELSE 'others' END FROM generate_series(1, 100) g;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON hidden USING (owner = 'me') WITH CHECK (owner = 'me');
"""


@pytest.mark.parametrize("force", [False, True])
def test_policies_come_without_hiding_rows(
    force: bool, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(POLICIES + ("ALTER TABLE hidden FORCE ROW LEVEL SECURITY" if force else ""))
    runs(replicator("clone", "--verify", *both(database, destination)))
    assert destination.value("SELECT count(*) FROM hidden") == 100
    assert destination.dump() == database.dump()


def test_forced_policies_that_bind_the_owner_are_refused_before(
    database: Database, destination: Database, replicator: Run
) -> None:
    """Its owner reads ten rows of a hundred: a copy of those would look complete."""
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute("DROP ROLE IF EXISTS landlord; CREATE ROLE landlord LOGIN")
        try:
            database.run(POLICIES + "ALTER TABLE hidden FORCE ROW LEVEL SECURITY; ALTER TABLE hidden OWNER TO landlord")
            flags = ("--source", f"{database.dsn} user=landlord", "--destination", destination.dsn, "--no-owner")
            refuses(replicator("clone", *flags), 3, "public.hidden")
            assert destination.value("SELECT to_regclass('hidden')") is None
        finally:
            database.run("DROP OWNED BY landlord CASCADE")
            conn.execute("DROP ROLE landlord")


# Event triggers on logins


@pytest.mark.pg(">= 17")
def test_event_triggers_on_logins_write_nothing_into_the_copy(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(
        """CREATE TABLE logins (id bigserial PRIMARY KEY, app text DEFAULT current_setting('application_name'));
        CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN IF NOT pg_is_in_recovery() THEN INSERT INTO public.logins DEFAULT VALUES; END IF; END$$;
        CREATE EVENT TRIGGER noted ON login EXECUTE FUNCTION note(); ALTER EVENT TRIGGER noted ENABLE ALWAYS"""
    )
    before = "SELECT count(*) FROM logins WHERE app LIKE 'replicator%'"
    runs(replicator("clone", "--verify", *both(database, destination)))
    assert destination.value(before) == database.value(before) == 0
    flags = both(database, destination)
    assert "No differences." in runs(replicator("verify", *flags))
    runs(replicator("clone", "--replace", "drop", "--allow-empty", "--verify", *flags))
    runs(replicator("clone", "--replace", "swap", "--allow-empty", *flags))
    assert destination.value(before) == database.value(before) == 0


@pytest.mark.pg(">= 17")
def test_who_may_not_do_without_event_triggers_on_logins_is_told(
    database: Database, destination: Database, replicator: Run
) -> None:
    role = f"plain_{destination.name}"
    database.run(f"CREATE ROLE {role} LOGIN; ALTER DATABASE {database.name} OWNER TO {role}")
    database.run(
        """CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM nextval(''public.logins''); END';
        CREATE SEQUENCE logins; GRANT ALL ON SEQUENCE logins TO PUBLIC;
        CREATE EVENT TRIGGER noted ON login EXECUTE FUNCTION note()"""
    )
    try:
        dsn = database.dsn.replace("user=postgres", f"user={role}")
        flags = ("--source", dsn, "--destination", destination.dsn)
        asked = replicator("probe", *flags)
        grant = f'GRANT SET ON PARAMETER event_triggers TO "{role}";'
        assert "Login event triggers on the source fire for replicator's sessions, too: noted." in asked.out
        assert f"run on the source: {grant}" in asked.out
        database.run(grant)
        before = database.value("SELECT last_value FROM logins")
        assert "event triggers on logins" not in replicator("probe", *flags).out.lower()
        psycopg.connect(database.dsn).close()
        assert database.value("SELECT last_value FROM logins") == before + 2, "of this test's two sessions"
    finally:
        database.run(f"REVOKE SET ON PARAMETER event_triggers FROM {role}")
        database.run(f"ALTER DATABASE {database.name} OWNER TO postgres")
        database.run(f"DROP ROLE {role}")
