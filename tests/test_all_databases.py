"""`--all-databases`: a whole server, as pg_dumpall has it, judged by pg_dumpall and pg_dump of both servers."""

import contextlib
import io
import json
import pickle
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from rich.console import Console
from rich.text import Text

from replicator import DatabaseResult, Settings, clone_all, events, verify_all
from replicator.demo.server import Server
from replicator.errors import Interrupted, PreflightFailed, SomeFailed, UsageError
from replicator.model import Phase
from replicator.runs.all_databases import record, side_by_side
from replicator.runs.all_databases.record import RECORD
from replicator.show.several import SeveralTerminals
from replicator.show.terminal import Terminal
from tests.fix_cli import Run, Start, own_server, refuses, runs, until
from tests.fix_servers import ATTRIBUTE_VERSION, BINARIES, CLIENTS, SOME, Database
from tests.test_schema import FORMS, check

pytestmark = SOME
ONE = pytest.mark.pg("in 18")
"""For what depends on no version."""
NAMES = ("shop", "a b", 'say "hi"', "UPPER", "a=b", "host=nowhere dbname=postgres", "größe", "it's", "100%", "x.y")
GLOBALS = """
CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'sesame' VALID UNTIL '2040-01-01';
CREATE ROLE clerk LOGIN CONNECTION LIMIT 7 IN ROLE boss;
CREATE ROLE "Odd; Role" NOLOGIN CREATEDB;
GRANT clerk TO "Odd; Role" WITH ADMIN OPTION;
ALTER ROLE clerk SET work_mem = '7MB';
ALTER ROLE clerk SET search_path = sales, "$user", "Odd, Schema";
COMMENT ON ROLE clerk IS 'it''s a clerk';
"""
NEWER = "GRANT SET ON PARAMETER log_min_duration_statement TO clerk;"
TABLES = """
CREATE TABLE t (id int PRIMARY KEY, t text); INSERT INTO t SELECT g, 'text ' || g FROM generate_series(1, {rows}) g;
ALTER TABLE t OWNER TO clerk; GRANT SELECT ON t TO "Odd; Role";
"""
SLOW = """
CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN
        IF current_setting('port') = '{port}' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'go') THEN
            PERFORM pg_sleep(30);
        END IF;
        RETURN $1;
    END $$;
CREATE TABLE s AS SELECT 1 AS a; CREATE INDEX ON s (slow(a));
"""


class Pair:
    """Two servers of a test's own; what is on the first is copied."""

    def __init__(self, old: Server, new: Server, major: int) -> None:
        self.old, self.new, self.major = old, new, major

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--source", self.old.conninfo(), "--destination", self.new.conninfo(), "--jobs", "4")

    def settings(self, **options: object) -> Settings:
        return Settings(self.old.conninfo(), self.new.conninfo(), **{"jobs": 4, **options})  # type: ignore[arg-type]

    def both(self, name: str = "postgres") -> tuple[Database, Database]:
        return Database(self.old, name, self.major), Database(self.new, name, self.major)

    def create(self, *names: str, script: str = TABLES.format(rows=10)) -> None:
        for name in names:
            on(self.old, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
            if script:
                Database(self.old, name, self.major).run(script)


def on(server: Server, statement: object) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute(statement)  # type: ignore[call-overload]


def databases(server: Server) -> list[str]:
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        found = conn.execute("SELECT datname FROM pg_database WHERE datname !~ '^template[01]$' ORDER BY datname")
        return [name for (name,) in found]


def dumpall(server: Server, *options: str) -> list[str]:
    """Return the statements that pg_dumpall writes, sorted: roles have no order of their own."""
    command = [CLIENTS / "pg_dumpall", "--no-sync", *options, "-d", server.conninfo()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = re.sub(r"(?m)^\\(un)?restrict .*$", "", ATTRIBUTE_VERSION.sub("", done.stdout))
    return sorted(line for line in text.splitlines() if line and not line.startswith("--"))


@pytest.fixture(scope="session")
def running() -> Iterator[dict[int, tuple[Server, Server]]]:
    """Two servers of each version that is wanted, for all tests here: to start them takes longer than most tests."""
    found: dict[int, tuple[Server, Server]] = {}
    with contextlib.ExitStack() as stack:

        class Started(dict[int, tuple[Server, Server]]):
            def __missing__(self, major: int) -> tuple[Server, Server]:
                self[major] = tuple(stack.enter_context(own_server(BINARIES[major])) for _ in range(2))
                return self[major]

        found = Started()
        yield found


@pytest.fixture
def two(major: int, running: dict[int, tuple[Server, Server]]) -> Iterator[Pair]:
    old, new = running[major]
    on(old, GLOBALS + (NEWER if major >= 15 else ""))
    yield Pair(old, new, major)
    for server in (old, new):
        as_new(server)


def as_new(server: Server) -> None:
    """Drop everything that is not in a server from the beginning."""
    with psycopg.connect(server.conninfo("template1"), autocommit=True) as conn:
        for name in databases(server):
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            conn.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
            conn.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        conn.execute("CREATE DATABASE postgres TEMPLATE template0")
        for what in ("TABLE", "TABLESPACE"):
            conn.execute(f"DROP {what} IF EXISTS of_{what.lower()}")
        for (name,) in conn.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384").fetchall():
            conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def test_a_whole_server_is_copied_as_pg_dumpall_has_it(two: Pair, replicator: Run) -> None:
    two.create(*NAMES)
    on(two.old, "ALTER DATABASE shop SET work_mem = '3MB'; ALTER ROLE clerk IN DATABASE shop SET jit = off")
    on(two.old, 'ALTER DATABASE shop OWNER TO clerk; GRANT CONNECT ON DATABASE shop TO "Odd; Role"')
    on(two.old, 'COMMENT ON DATABASE "a b" IS \'blank\'; ALTER DATABASE "UPPER" CONNECTION LIMIT 9')
    on(two.old, "CREATE DATABASE mold TEMPLATE template0 IS_TEMPLATE true")
    two.both()[0].run("CREATE TABLE of_maintenance AS SELECT 1 AS a")
    if two.major >= 15:
        options = "SET allow_in_place_tablespaces = on; CREATE TABLESPACE of_tablespace OWNER clerk LOCATION ''"
        for statement in (options.split("; ")[1],):
            with psycopg.connect(two.old.conninfo(), autocommit=True) as conn:
                conn.execute("SET allow_in_place_tablespaces = on")
                conn.execute(statement)
                conn.execute("GRANT CREATE ON TABLESPACE of_tablespace TO boss")
        on(two.old, "COMMENT ON TABLESPACE of_tablespace IS 'disk'")
    result = replicator("clone", "--all-databases", "--verify", *two.flags)
    runs(result)
    assert databases(two.new) == sorted([*NAMES, "mold", "postgres"])
    assert dumpall(two.new) == dumpall(two.old)
    for name in (*NAMES, "mold", "postgres"):
        old, new = two.both(name)
        assert new.dump("-C") == old.dump("-C")
    assert "11 steps" not in result.out
    assert re.search(r"(?m)^shop +copied +\S+ s +10 ", result.out), result
    assert "shop: " in result.err and 'say "hi": finished in' in result.err
    assert "template1" not in result.out + result.err
    compared = replicator("verify", "--all-databases", *two.flags)
    assert re.search(r"(?m)^a=b +compared", runs(compared)), compared


def test_each_entry_of_the_document_is_that_of_a_run_of_its_own(two: Pair, replicator: Run) -> None:
    two.create("shop", "full")
    on(two.new, "CREATE DATABASE full_too")
    on(two.new, 'CREATE DATABASE "full"')
    two.both("full")[1].run("CREATE TABLE in_the_way ()")
    result = replicator("clone", "--all-databases", "--json", *two.flags)
    document = json.loads(result.out)
    check(document, FORMS["documents"]["--all-databases"], "document")
    assert document.keys() == FORMS["documents"]["--all-databases"]["properties"].keys()
    entries = {entry["database"]: entry for entry in document["databases"]}
    assert {name: entry["state"] for name, entry in entries.items()} == {
        "full": "failed",
        "postgres": "copied",
        "shop": "copied",
    }
    for entry in entries.values():
        check(entry["document"], FORMS["documents"]["clone"], entry["database"])
    assert (result.code, document["exit_code"], entries["full"]["document"]["exit_code"]) == (3, 3, 3)
    assert "not empty" in entries["full"]["document"]["findings"][0]["text"]
    assert (document["rows"], entries["shop"]["document"]["total"]["rows"]) == (10, 10)
    seen = set()
    for line in result.err.splitlines():
        event = json.loads(line)
        check(event, FORMS["events"][event["event"]], event["event"])
        seen.add(event.get("database", ""))
    assert seen == {"", "shop", "full", "postgres"}
    on(two.new, 'DROP DATABASE "full"')
    again = replicator("clone", "--all-databases", "--json", "--resume", *two.flags)
    states = {entry["database"]: entry["state"] for entry in json.loads(again.out)["databases"]}
    assert states == {"full": "copied", "postgres": "complete before", "shop": "complete before"}
    assert RECORD not in databases(two.new)
    two.both("shop")[1].run("DELETE FROM t WHERE id < 4")
    compared = replicator("verify", "--all-databases", "--json", *two.flags)
    document = json.loads(compared.out)
    check(document, FORMS["documents"]["--all-databases"], "document")
    assert (compared.code, [e["state"] for e in document["databases"]]) == (8, ["compared", "compared", "different"])
    for entry in document["databases"]:
        check(entry["document"], FORMS["documents"]["verify"], entry["database"])


@ONE
def test_a_failure_stops_no_other_and_resume_continues_it(two: Pair, replicator: Run) -> None:
    bad = f"CREATE TABLE bad AS SELECT 1 AS a; CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS" \
          f" 'SELECT 1 / CASE current_setting(''port'') WHEN ''{two.new.port}'' THEN 0 ELSE 1 END';" \
          f" CREATE INDEX ON bad (f(a))"  # fmt: skip
    two.create("shop", "other")
    two.create("bad one", script=bad)
    result = replicator("clone", "--all-databases", "--exclude-database", "post*", *two.flags)
    way = "clone --all-databases --exclude-database 'post*' --resume"
    refuses(result, 6, '1 of 3 databases was not copied: "bad one".', f"Continue with `{way}")
    assert re.search(r"(?m)^bad one +failed \(6\)", result.out), result
    assert re.search(r"(?m)^bad one: .*division by zero", result.out), result
    assert re.search(r"(?m)^other +copied", result.out), result
    assert databases(two.new) == ["bad one", "other", "postgres", RECORD, "shop"]
    refuses(replicator("clone", "--all-databases", "--resume", "--no-acl", *two.flags), 3, "without --no-acl")
    forgotten = replicator("clone", "--all-databases", "--exclude-database", "post*", *two.flags)
    refuses(forgotten, 3, "3 of 3 databases", "--resume")
    two.both("bad one")[0].run("CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'")
    two.both("bad one")[1].run("CREATE TABLE kept_by_resume ()")
    again = replicator("clone", "--all-databases", "--resume", "--verify", "--exclude-database", "post*", *two.flags)
    assert again.code in (6, 8), again  # somebody's table is a difference
    two.both("bad one")[1].run("DROP TABLE kept_by_resume")
    again = replicator("clone", "--all-databases", "--resume", "--exclude-database", "post*", *two.flags)
    assert re.search(r"(?m)^bad one +copied", runs(again)), again
    assert re.search(r"(?m)^shop +complete before", again.out), again
    assert databases(two.new) == ["bad one", "other", "postgres", "shop"]
    ended = replicator("clone", "--all-databases", "--resume", "--exclude-database", "post*", *two.flags)
    refuses(ended, 3, "no unfinished clone of all databases", "verify --all-databases")
    assert databases(two.new) == ["bad one", "other", "postgres", "shop"]
    for name in ("bad one", "other", "shop"):
        old, new = two.both(name)
        assert new.dump("--data-only", "--inserts") == old.dump("--data-only", "--inserts")


@ONE
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_an_interrupted_run_completed_is_not_copied_again(
    how: signal.Signals, two: Pair, start: Start, replicator: Run
) -> None:
    two.create("quick")
    two.create("slow", script=SLOW.format(port=two.new.port))
    given = ("clone", "--all-databases", "--include-database", "quick", "--include-database", "slow", *two.flags)
    process = start(*given)
    process.says("quick: finished")
    until(lambda: two.both()[1].value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
    process.send(how)
    result = process.ends()
    if how is signal.SIGINT:
        refuses(
            result, 130, 'Interrupted. 1 of 2 databases was not copied: "slow".', "--include-database slow --resume"
        )
    oid = "SELECT oid FROM pg_database WHERE datname = 'quick'"
    before = two.both()[1].value(oid), two.both("quick")[1].value("SELECT max(xmin::text::bigint) FROM t")
    on(two.new, "CREATE ROLE go")
    again = replicator(*given, "--resume=per-table")
    assert re.search(r"(?m)^quick +complete before", runs(again)), again
    assert before == (two.both()[1].value(oid), two.both("quick")[1].value("SELECT max(xmin::text::bigint) FROM t"))
    assert two.both("slow")[1].value("SELECT count(*) FROM s") == 1
    assert RECORD not in databases(two.new)


@ONE
def test_replace_swap_and_drop_work_for_each(two: Pair, replicator: Run) -> None:
    two.create("shop", "other")
    two.both()[0].run("CREATE TABLE m AS SELECT 1 AS a")
    runs(replicator("clone", "--all-databases", *two.flags))
    for how, rows in (("swap", 20), ("drop", 30)):
        for name in ("shop", "other"):
            two.both(name)[0].run(f"INSERT INTO t SELECT generate_series((SELECT max(id) + 1 FROM t), {rows})")
        runs(replicator("clone", "--all-databases", "--replace", how, *two.flags))
        for name in ("shop", "other"):
            assert two.both(name)[1].value("SELECT count(*) FROM t") == rows
        assert two.both()[1].value("SELECT count(*) FROM m") == 1
    left = [name for name in databases(two.new) if not name.startswith(("shop__previous", "other__", "postgres__"))]
    assert left == ["other", "postgres", "shop"]
    two.both("shop")[1].run("TRUNCATE t")
    runs(replicator("clone", "--all-databases", "--data-only", "--truncate", *two.flags))
    assert two.both("shop")[1].value("SELECT count(*) FROM t") == 30


def test_roles_that_are_there_are_not_changed_but_told(two: Pair, replicator: Run) -> None:
    on(two.new, "CREATE ROLE clerk NOLOGIN; CREATE ROLE boss")
    result = replicator("clone", "--all-databases", *two.flags)
    runs(result)
    assert "Not changed on the destination: role clerk (different: " in result.said
    assert "Not changed on the destination: membership of clerk in boss (missing: GRANT boss TO clerk" in result.said
    assert "sesame" not in result.err and "SCRAM" not in result.err and "md5" not in result.err
    assert two.both()[1].rows("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'clerk'") == [(False,)]
    assert two.both()[1].value("SELECT count(*) FROM pg_roles WHERE rolname = 'Odd; Role'") == 1
    told = replicator("verify", "--all-databases", *two.flags)
    assert "Not changed on the destination: role clerk" in told.said


@ONE
def test_what_cannot_be_copied_is_told(two: Pair, replicator: Run) -> None:
    two.create("shut")
    on(two.old, "ALTER DATABASE shut ALLOW_CONNECTIONS false")
    Database(two.old, "template1", two.major).run("CREATE TABLE of_table ()")
    result = replicator("clone", "--all-databases", *two.flags)
    out = " ".join(runs(result).split())
    assert 'Left out: database "shut": it allows no connections' in out
    assert "Left out: template1, which has table public.of_table" in out
    assert databases(two.new) == ["postgres"]


def test_nothing_is_written_if_a_role_is_refused(two: Pair, replicator: Run) -> None:
    on(two.new, "CREATE ROLE maker LOGIN CREATEDB CREATEROLE; CREATE ROLE plain LOGIN")
    flags = [flag.replace("user=postgres", "user=maker") if str(two.new.port) in flag else flag for flag in two.flags]
    refuses(replicator("clone", "--all-databases", *flags), 3, "The destination rejects role boss")
    assert two.both()[1].value("SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'") == 0
    assert databases(two.new) == ["postgres"]
    flags = [flag.replace("user=maker", "user=plain") for flag in flags]
    refuses(replicator("clone", "--all-databases", "--no-roles", *flags), 3, "may not create databases")
    assert databases(two.new) == ["postgres"]


@ONE
def test_usage(two: Pair, replicator: Run, tmp_path: Path) -> None:
    two.create("shop")
    for option in ("--include-database", "--exclude-database"):
        refuses(replicator("clone", option, "x", *two.flags), 2, f"{option} needs --all-databases.")
        wrong = replicator("clone", "--all-databases", option, "shopp", *two.flags)
        refuses(wrong, 2, "The pattern shopp matches no database", "It has postgres, shop")
    refuses(replicator("clone", "--no-roles", *two.flags), 2, "--no-roles needs --all-databases.")
    refuses(replicator("verify", "--all-databases", "--sql", *two.flags), 2, "exclude each other")
    refuses(replicator("clone", "--all-databases", "--include-database", "/(/", *two.flags), 2, "regular expression")
    refuses(replicator("clone", "--all-databases", "--exclude-database", "*", *two.flags), 3, "No database")
    (tmp_path / "of one.toml").write_text('[tables."public.t"]\nwhere = "id > 5"\n')
    given = ("--all-databases", "--definition", str(tmp_path / "of one.toml"))
    refuses(replicator("clone", *given, *two.flags), 2, "A definition is for one database", "--exclude-database")
    same = ("--source", two.old.conninfo(), "--destination", two.old.conninfo("shop"))
    refuses(replicator("clone", "--all-databases", *same), 3, "are the same server")
    assert databases(two.new) == ["postgres"]


@ONE
def test_a_record_of_somebody_else_is_not_believed(two: Pair, replicator: Run) -> None:
    two.create("shop")
    on(two.new, "CREATE ROLE stranger LOGIN")
    on(two.new, f"CREATE DATABASE {RECORD} OWNER stranger")
    said = (
        'replicator: an unfinished clone of all databases {"databases": {"shop": "complete", "postgres": "complete"}}'
    )
    on(two.new, f"COMMENT ON DATABASE {RECORD} IS '{said}'")
    refuses(replicator("clone", "--all-databases", "--resume", *two.flags), 3, 'belongs to "stranger"', "DROP DATABASE")


# From Python


@ONE
def test_the_library_returns_what_became_of_each(two: Pair) -> None:
    two.create("shop", "other")
    ended: list[DatabaseResult] = []
    seen: list[events.Event] = []
    results = clone_all(two.settings(), include=["shop", "other"], on_event=seen.append, on_end=ended.append)
    assert [(each.name, each.result and each.result.rows, each.exit_code) for each in results] == [
        ("other", 10, 0),
        ("shop", 10, 0),
    ]
    assert sorted(each.name for each in ended) == ["other", "shop"]
    assert all(isinstance(event, events.InDatabase) for event in seen)
    assert pickle.loads(pickle.dumps(results)) == results
    two.both("shop")[1].run("DELETE FROM t WHERE id = 1")
    on(two.new, "DROP DATABASE other")
    with pytest.raises(SomeFailed) as caught:
        verify_all(two.settings(), include=["shop", "other"])
    other, shop = caught.value.results
    assert (other.exit_code, shop.error, shop.equal, caught.value.exit_code) == (4, None, False, 4)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.exit_code) == (str(caught.value), 4)
    with pytest.raises(UsageError, match="matches no database"):
        clone_all(two.settings(), include=["nothing"])


@ONE
def test_cancel_ends_all(two: Pair) -> None:
    two.create("one", "two", script=SLOW.format(port=two.new.port))
    began = time.monotonic()
    with pytest.raises(Interrupted) as caught, clone_all.running(two.settings(), exclude=["postgres"]) as run:
        until(lambda: two.both()[1].value("SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
        run.cancel()
        run.result()
    assert time.monotonic() - began < 25
    assert "--all-databases --exclude-database postgres --resume" in str(caught.value.hint)
    assert [type(each.error) for each in caught.value.results] == [Interrupted, Interrupted]


@ONE
def test_a_run_that_was_killed_after_its_last_commit_is_complete(two: Pair) -> None:
    """Between a database's last commit and its entry in the record."""
    two.create("shop")
    on(two.old, "CREATE DATABASE bad")
    on(two.new, "CREATE DATABASE bad")
    two.both("bad")[1].run("CREATE TABLE in_the_way ()")
    with pytest.raises(SomeFailed):
        clone_all(two.settings(), exclude=["postgres"])
    comment = str(
        two.both()[1].value(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{RECORD}'")
    )
    comment = comment.replace('"complete"', '"begun in an empty database"')
    on(two.new, sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(RECORD), sql.Literal(comment)))
    two.both("bad")[1].run("DROP TABLE in_the_way")
    seen: list[events.Event] = []
    results = clone_all(two.settings(resume="same-snapshot"), exclude=["postgres"], on_event=seen.append)
    assert [(each.name, each.skipped) for each in results] == [("bad", False), ("shop", True)]
    texts = [
        event.event.text
        for event in seen
        if isinstance(event, events.InDatabase) and isinstance(event.event, events.Note)
    ]
    assert any("that run was killed right after it" in text for text in texts)


# Without servers


@pytest.mark.parametrize("jobs", range(1, 17))
def test_the_shares_are_never_more_than_all(jobs: int) -> None:
    settings = Settings("dbname=a", "dbname=b", jobs=jobs, copy_jobs=max(1, jobs - 1))
    every = side_by_side.capacity(settings)
    sizes = [(f"d{n}", n * n * 1000) for n in range(12, 0, -1)]
    tasks = side_by_side.tasks(sizes, settings, ["d3"])
    assert [task.name for task in tasks][-1] == "d3" and tasks[-1].jobs == every
    assert all(1 <= task.jobs <= every for task in tasks)
    assert every // min(task.jobs for task in tasks) <= side_by_side.MOST_AT_ONCE
    for task in tasks:
        own = side_by_side.share(settings, task)
        assert own.jobs >= 1 and own.copy_jobs >= 1
        assert own.jobs / settings.jobs <= task.jobs / every and own.copy_jobs / settings.copy_jobs <= task.jobs / every


@ONE
def test_a_new_run_forgets_what_an_earlier_one_completed(two: Pair) -> None:
    """Even if it is killed before it begins a database."""
    with psycopg.connect(two.new.conninfo(), autocommit=True) as conn:
        settings = two.settings(resume="same-snapshot")
        with record.opened(conn, two.settings(), "system", print) as kept:
            kept.set("shop", "complete")
            kept.set("other", "begun")
        with pytest.raises(PreflightFailed, match="of another server"), record.opened(conn, settings, "other", print):
            pass
        with record.opened(conn, settings, "system", print) as kept:
            assert kept.states == {"shop": "complete", "other": "begun"}
        with record.opened(conn, two.settings(), "system", print) as kept:
            assert kept.states == {}
            said = conn.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [RECORD]
            )
            assert '"databases": {}' in str(said.fetchall())
            with pytest.raises(PreflightFailed, match="is running"), record.opened(conn, settings, "system", print):
                pass
        assert RECORD not in databases(two.new)


@ONE
def test_a_frozen_server_is_copied_frozen(two: Pair, replicator: Run) -> None:
    two.create("shop")
    for name in ("shop", "postgres"):
        on(two.old, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    runs(replicator("clone", "--all-databases", *two.flags))
    assert databases(two.new) == ["postgres", "shop"]
    for name in ("shop", "postgres"):
        assert two.both(name)[1].value("SHOW default_transaction_read_only") == "on"


def test_a_terminal_has_an_area_for_each_database_at_work() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    several = SeveralTerminals(lambda name: Terminal(console, database=name))

    def shown() -> str:
        with console.capture() as capture:
            console.print(several.render())
        return Text.from_ansi(capture.get()).plain

    assert "preparing" in shown()
    for name in ("shop", "odd\nname"):
        several.emit(events.InDatabase(name, events.Planned({Phase.DATA: 2}, 100)))
        several.emit(events.InDatabase(name, events.Started("data public.t", Phase.DATA, 0, 100)))
    assert [line.partition(" ·")[0] for line in shown().splitlines() if " · " in line] == [
        "shop: data 0/2",
        "odd name: data 0/2",
    ]
    several.emit(events.InDatabase("shop", events.Finished(True, 1.0)))
    assert "shop" not in shown() and "odd name: data 0/2" in shown()
