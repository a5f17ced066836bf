"""Whose code runs as whom: what the owners of tables may put in a run's way, and what is called of it.

The list of what is called, and as which role, is that of .github/SECURITY.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from replicator.errors import SourceChanged
from replicator.model import Address, Sequence
from replicator.sessions import postgres, snapshot
from replicator.sessions.locks import Relation
from replicator.sessions.workers import Sessions, lend, reading
from replicator.work import sequences
from tests.fix_cli import Process, Run, Start, both, refuses, until
from tests.fix_servers import SOME, Database
from tests.test_shadows import calls

__all__ = ["calls"]

NOTE = r"""
CREATE SCHEMA app AUTHORIZATION alice;
CREATE FUNCTION app.note(text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    EXECUTE pg_catalog.format('COPY (SELECT %L::pg_catalog.text) TO PROGRAM %L',
                              pg_catalog.concat_ws(' ', pg_catalog.current_database(), $1), 'cat >> {file}');
    RETURN true;
END $f$ SET search_path = pg_catalog;
"""
"""Its caller's word goes into a file."""


def prepare(calls: Path, script: str, *databases: Database) -> None:
    for database in databases:
        database.run(NOTE.format(file=calls) + script)


def test_temporary_objects_are_found_last(database: Database) -> None:
    with postgres.connect(database.dsn) as conn:
        conn.execute("CREATE TEMP TABLE pg_class (oid oid); CREATE DOMAIN pg_temp.int4 AS text")
        assert conn.execute("SELECT count(*) > 100 FROM pg_class").fetchone() == (True,)
        assert conn.execute("SELECT pg_typeof('1'::int4)::text").fetchone() == ("integer",)


# What is read by its name

VIEW = """
ALTER SCHEMA app RENAME TO app_old;
CREATE SCHEMA app;
CREATE VIEW app.{0} AS SELECT tableoid, ctid, * FROM app_old.{0} WHERE app_old.note('{0}');
"""


@pytest.fixture(params=["told", "looked"])
def server_refuses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, major: int) -> bool:
    """Whether the server has a setting that keeps it from reading views; older minor releases have not."""
    if request.param == "looked":
        monkeypatch.setitem(postgres.REFUSING_VIEWS, major, 9999)
        monkeypatch.setattr(postgres, "READER", {})
    return bool(request.param == "told")


def test_a_view_in_a_sequence_s_place_runs_nobody_s_code(database: Database, calls: Path, server_refuses: bool) -> None:
    prepare(calls, "CREATE SEQUENCE app.s", database)
    one = Sequence(Address(1259, int(str(database.value("SELECT 'app.s'::regclass::oid")))), "app.s", "app")
    database.run(VIEW.format("s"))
    with postgres.connect(database.dsn) as conn:
        with pytest.raises(psycopg.Error if server_refuses else SourceChanged):
            sequences.read_values(conn, [one], prove=False)
        with pytest.raises(psycopg.Error if server_refuses else SourceChanged):
            sequences.set_values(conn, {"app.s": (1, True)}, forward=True)
        conn.execute("SELECT FROM app.s")  # what is set is not set for longer
    assert calls.read_text().split() == [database.name, "s"]


def test_a_view_in_a_table_s_place_is_not_read(database: Database, calls: Path, server_refuses: bool) -> None:
    prepare(calls, "CREATE TABLE app.t AS SELECT 1 AS a", database)
    oid = int(str(database.value("SELECT 'app.t'::regclass::oid")))
    database.run(VIEW.format("t"))
    with (
        postgres.pool(database.dsn, 1, more=postgres.READER) as opened,
        snapshot.take(database.dsn, where="destination") as moment,
        pytest.raises(psycopg.Error if server_refuses else SourceChanged),
        reading(Sessions(opened, "destination"), moment, [Relation("app.t", oid)]) as conn,
    ):
        conn.execute("SELECT a FROM app.t")
    assert calls.read_text() == ""


# What is written to

MINE = """
CREATE TABLE app.t (id int PRIMARY KEY, v text);
INSERT INTO app.t SELECT g, 'x' FROM generate_series(1, 9) g;
ALTER TABLE app.t OWNER TO alice;
CREATE FUNCTION app.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM app.note(TG_NAME); RETURN NEW; END$$;
"""
MOVED = "ALTER SCHEMA app RENAME TO app_old; CREATE SCHEMA app;"
TRICKS = {
    "rule": "CREATE RULE r AS ON DELETE TO app.t DO ALSO SELECT app.note('rule')",
    "view": f"{MOVED} CREATE VIEW app.t AS SELECT tableoid, ctid, * FROM app_old.t WHERE app_old.note('view')",
    "table": f"{MOVED} CREATE TABLE app.t AS SELECT * FROM app_old.t; ALTER TABLE app.t ADD PRIMARY KEY (id);"
    " CREATE RULE r AS ON DELETE TO app.t DO ALSO SELECT app_old.note('table')",
}
INSERTED = "ON app.t FOR EACH ROW EXECUTE FUNCTION app.fires(); ALTER TABLE app.t ENABLE ALWAYS TRIGGER a_trigger"


@contextmanager
def in_the_way(database: Database, lock: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Hold a lock on app.t in a transaction, which ends with the `with`."""
    with psycopg.connect(database.dsn) as conn:
        conn.execute(f"LOCK TABLE app.t IN {lock} MODE")
        yield conn


def waits(conn: psycopg.Connection[tuple[object, ...]], process: Process) -> None:
    """Wait until the run waits for somebody's lock."""
    query = "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    with psycopg.connect(conn.info.dsn, autocommit=True) as looking:
        until(
            lambda: (
                process.ended
                or bool(looking.execute(query.replace("pg_backend_pid()", str(conn.info.backend_pid))).fetchall())
            )
        )
    assert not process.ended, process.ends()


@SOME
@pytest.mark.parametrize("trick", TRICKS)
def test_no_rule_or_view_of_a_table_s_owner_acts_on_a_repair(
    trick: str, database: Database, destination: Database, calls: Path, start: Start
) -> None:
    """He puts it there between the look for rules and the lock, or in the table's place."""
    prepare(calls, MINE, database, destination)
    destination.run("UPDATE app.t SET v = 'other' WHERE id = 1")
    with in_the_way(destination, "SHARE") as conn:
        process = start("verify", "--repair", *both(database, destination))
        waits(conn, process)
        conn.execute(TRICKS[trick])
    result = process.ends()
    assert result.code == 8 and "not repaired" in result.out, result
    assert calls.read_text() == ""


@SOME
@pytest.mark.parametrize("event", ["INSERT", "TRUNCATE"])
def test_no_trigger_that_a_table_s_owner_makes_meanwhile_fires(
    event: str, database: Database, destination: Database, calls: Path, start: Start
) -> None:
    prepare(calls, MINE, database, destination)
    flags = ("--truncate",) if event == "TRUNCATE" else ("--append",)
    if event == "INSERT":
        destination.run("DELETE FROM app.t")
    each = "STATEMENT" if event == "TRUNCATE" else "ROW"
    with in_the_way(destination, "SHARE") as conn:
        process = start("clone", "--data-only", *flags, *both(database, destination))
        waits(conn, process)
        conn.execute(f"CREATE TRIGGER a_trigger BEFORE {event} {INSERTED.replace('ROW', each)}")
    refuses(process.ends(), 6, "app.t", "given a trigger")
    assert calls.read_text() == ""


SLOW = """
CREATE TABLE app.first AS SELECT g, repeat('x', 100) AS v FROM generate_series(1, 8000) g;
CREATE TABLE app.t AS SELECT 1 AS id;
"""
FIRES = """
CREATE FUNCTION app.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM app.note(TG_OP); RETURN NEW; END$$;
"""
PUT_IN_THE_WAY = {
    "trigger": f"{FIRES} CREATE TRIGGER a_trigger BEFORE INSERT {INSERTED}",
    "trigger on truncate": f"{FIRES} CREATE TRIGGER a_trigger BEFORE TRUNCATE {INSERTED.replace('ROW', 'STATEMENT')}",
    "view": f"{FIRES} DROP TABLE app.t; CREATE VIEW app.t AS SELECT 1 AS id; CREATE TRIGGER a_trigger INSTEAD OF INSERT"
    " ON app.t FOR EACH ROW EXECUTE FUNCTION app.fires()",
}


@SOME
@pytest.mark.parametrize("trick", PUT_IN_THE_WAY)
def test_no_trigger_fires_in_a_clone_though_the_owner_has_the_table_before_its_rows(
    trick: str, database: Database, destination: Database, calls: Path, start: Start, replicator: Run
) -> None:
    prepare(calls, SLOW, database)
    process = start("clone", "--jobs", "1", "--max-rate", "200kB/s", *both(database, destination))
    until(lambda: process.ended or bool(destination.value("SELECT to_regclass('app.t') IS NOT NULL")))
    destination.run(PUT_IN_THE_WAY[trick])
    refuses(process.ends(), 6, "app.t", "replaced this table or gave it a trigger")
    assert replicator("clone", "--resume=per-table", *both(database, destination)).code in (3, 6)
    assert calls.read_text() == ""
    if trick != "view":
        destination.run("DROP TRIGGER a_trigger ON app.t")
        assert replicator("clone", "--resume=per-table", *both(database, destination)).code == 0


@SOME
def test_a_superuser_stays_one_in_a_database_whose_owner_has_chosen_a_role(database: Database) -> None:
    name = database.name
    database.run(f"ALTER DATABASE {name} OWNER TO alice; SET ROLE alice; ALTER DATABASE {name} SET role = alice")
    with postgres.connect(database.dsn) as conn, postgres.pool(database.dsn, 1) as opened, lend(opened) as lent:
        for one in (conn, lent):
            assert one.execute("SELECT current_user = session_user, current_user").fetchall() == [(True, "postgres")]


@SOME
def test_the_isolation_that_a_database_wants_is_not_that_of_our_sessions(database: Database) -> None:
    database.run(f"ALTER DATABASE {database.name} SET default_transaction_isolation = serializable")
    with postgres.connect(database.dsn) as conn:
        assert conn.execute("SHOW transaction_isolation").fetchall() == [("read committed",)]


HIDING = """
CREATE FUNCTION app.shown() RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RETURN current_setting('app.hide', true) IS DISTINCT FROM 'on'; END$$;
CREATE TABLE app.t (id int PRIMARY KEY, v text);
CREATE INDEX ON app.t (id, v) WHERE app.shown();
INSERT INTO app.t SELECT g, 'x' FROM generate_series(1, 99) g;
"""


@SOME
def test_a_partial_index_hides_no_rows(database: Database, destination: Database, calls: Path, replicator: Run) -> None:
    """The owner's function says, when a query is planned, that all rows are in it."""
    prepare(calls, HIDING, database, destination)
    destination.run("SET app.hide = 'on'; INSERT INTO app.t VALUES (100, 'extra')")
    for each in (database, destination):
        each.run("VACUUM ANALYZE app.t")
        each.run(f"ALTER DATABASE {each.name} SET enable_seqscan = off")
    assert destination.value("SELECT count(v) FROM app.t") == 99, "nothing is hidden"
    refuses(replicator("verify", *both(database, destination)), 8)


@SOME
def test_a_view_in_the_place_of_a_table_that_others_refer_to_runs_nobody_s_code(
    database: Database, destination: Database, calls: Path, start: Start
) -> None:
    """Foreign keys are checked afterwards, by a query."""
    more = "CREATE TABLE app.top (id int PRIMARY KEY); ALTER TABLE app.t ADD FOREIGN KEY (id) REFERENCES app.top;"
    prepare(calls, MINE.replace("INSERT", "-- "), database, destination)
    for each in (database, destination):
        each.run(more)
    database.run("INSERT INTO app.top VALUES (1); INSERT INTO app.t VALUES (1, 'x')")
    with in_the_way(destination, "SHARE") as conn:
        process = start("clone", "--data-only", "--jobs", "2", *both(database, destination))
        waits(conn, process)
        until(lambda: destination.value("SELECT count(*) FROM app.top") == 1)
        destination.run(
            "ALTER TABLE app.top RENAME TO top_old;"
            " CREATE VIEW app.top AS SELECT * FROM app.top_old WHERE app.note('view')"
        )
    refuses(process.ends(), 6, "app.top")
    assert calls.read_text() == ""


# What is called nevertheless

SPIES = """
GRANT CREATE ON DATABASE {name} TO alice;
SET ROLE alice;
CREATE FUNCTION app.says(what text, v int DEFAULT 1) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN PERFORM app.note(what || '/' || current_user); RETURN v; END$$;
CREATE FUNCTION app.difference(int, int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT app.says('range-index')::float8$$;
CREATE FUNCTION app.fires() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM app.says('trigger'); RETURN coalesce(NEW, OLD); END$$;

CREATE DOMAIN app.domain AS int CHECK (app.says('domain', VALUE) > 0);
CREATE TYPE app.pair AS (a int, b app.domain);
CREATE TYPE app.range AS RANGE (SUBTYPE = int4, SUBTYPE_DIFF = app.difference);
CREATE TYPE app.word AS ENUM ('a', 'b');
CREATE FUNCTION app.text(app.word) RETURNS text LANGUAGE sql AS $$SELECT app.says('cast')::text$$;
CREATE FUNCTION app.text(app.pair) RETURNS text LANGUAGE sql AS $$SELECT app.says('cast')::text$$;
CREATE CAST (app.word AS text) WITH FUNCTION app.text(app.word) AS IMPLICIT;
CREATE CAST (app.pair AS text) WITH FUNCTION app.text(app.pair) AS IMPLICIT;

CREATE TABLE app.a (id int PRIMARY KEY, v int DEFAULT app.says('default'), CHECK (app.says('check', id) > 0));
CREATE TABLE app.b (id app.domain PRIMARY KEY, v app.pair, w int GENERATED ALWAYS AS (app.says('stored', 1)) STORED);
CREATE TABLE app.c (id int PRIMARY KEY, v int, r app.range,
                    EXCLUDE USING gist (int4range(id, app.says('exclusion', id + 1)) WITH &&));
CREATE INDEX ON app.c (app.says('index', v));
CREATE INDEX ON app.c (v) WHERE app.says('predicate', v) > 0;
CREATE INDEX ON app.c USING gist (r);
CREATE INDEX ON app.c (app.says('constant'));
CREATE TABLE app.d (id int) PARTITION BY LIST (app.says('partition', id));
CREATE TABLE app.d1 PARTITION OF app.d FOR VALUES IN (1, 2, 3);
CREATE TABLE app.e (id app.word PRIMARY KEY, v app.word[]);
CREATE TABLE app.f (id int PRIMARY KEY);
CREATE POLICY p ON app.f USING (app.says('policy') > 0);
ALTER TABLE app.f ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE RULE r AS ON INSERT TO app.f WHERE app.says('rule') = 0 DO ALSO NOTHING;
CREATE TABLE app.g (id int PRIMARY KEY REFERENCES app.c);
CREATE VIEW app.seen AS SELECT app.says('view', id) FROM app.a;

INSERT INTO app.a VALUES (1), (2), (3);
INSERT INTO app.b (id, v) VALUES (1, (1, 2)), (2, NULL), (3, NULL);
INSERT INTO app.c SELECT g, g, app.range(g, g + 1) FROM generate_series(1, 3) g;
INSERT INTO app.d VALUES (1), (2), (3);
INSERT INTO app.e VALUES ('a', '{{a}}'), ('b', '{{}}');
INSERT INTO app.g VALUES (1), (2), (3);
RESET ROLE;
INSERT INTO app.f VALUES (1), (2), (3);
SET ROLE alice;
CREATE MATERIALIZED VIEW app.filled AS SELECT app.says('matview', id) AS id FROM app.a;
CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON app.a FOR EACH ROW EXECUTE FUNCTION app.fires();
ALTER TABLE app.a ENABLE ALWAYS TRIGGER t;
"""
LOSSES = "".join(f"DELETE FROM app.{table} WHERE id = '1'; " for table in "abcdg") + "DELETE FROM app.e WHERE id = 'a'"

WRITING = {"check/postgres", "domain/postgres", "partition/postgres", "stored/postgres"}
WITH_INDEXES = {"exclusion/postgres", "index/postgres", "predicate/postgres"}
AS_OWNER = {f"{what}/alice" for what in ("constant", "exclusion", "index", "predicate", "range-index", "matview")}
PLANNED = {"constant/postgres"}


@SOME
def test_what_is_called_is_what_the_policy_says(
    database: Database, destination: Database, calls: Path, replicator: Run
) -> None:
    """What is not named (casts, defaults, policies, rules, triggers, views) no command calls, on neither side."""

    def called(*command: str) -> tuple[int, set[str], set[str]]:
        calls.write_text("")
        code = replicator(*command, *both(database, destination)).code
        found = [line.split() for line in calls.read_text().splitlines()]
        here, there = ({what for where, what in found if where == each.name} for each in (database, destination))
        return code, here, there

    prepare(calls, SPIES.format(name=database.name), database)
    assert called("probe") == (0, set(), set())
    assert called("plan") == (0, set(), set())
    code, here, there = called("clone")
    assert (code, here) == (0, set())
    assert there - PLANNED == WRITING | AS_OWNER  # a foreign key is checked before the index is there, or afterwards
    assert called("verify", "--show-rows", "9") == (0, PLANNED, PLANNED)
    destination.run(f"SET session_replication_role = replica; {LOSSES}")
    assert called("verify", "--show-rows", "9") == (8, PLANNED, PLANNED)
    assert called("verify", "--repair") == (0, PLANNED, WRITING | WITH_INDEXES | PLANNED)
    code, here, there = called("clone", "--data-only", "--truncate")
    assert (code, here) == (0, set())
    assert there == WRITING | WITH_INDEXES | PLANNED | AS_OWNER
