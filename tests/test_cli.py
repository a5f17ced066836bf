"""The command as its user meets it: what it understands, what it refuses, what it says, and that it keeps secrets."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import click
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replicator.catalog.read import read_catalog
from replicator.checks import dry_run
from replicator.cli.commands import cli
from replicator.cli.invocation import Common
from replicator.cli.left import some
from replicator.demo.server import Server, reachable_folder
from replicator.model.words import shown
from replicator.sessions import postgres
from tests.fix_cli import (
    COMMAND,
    NEWEST,
    SHORT_WAIT,
    Result,
    Run,
    Start,
    both,
    closed_port,
    environment,
    is_empty,
    is_silent_about,
    peer,
    refuses,
    runs,
    until,
)
from tests.fix_servers import CLIENTS, SETTINGS, Database, Servers

SHOP = files("replicator.demo").joinpath("shop.sql").read_text("utf-8")
SECRET = "open sesame"
URL_SECRET = "open%20sesame"
FEW_ROWS = """
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 100) g
"""
FAILS_LATE = """
CREATE FUNCTION only_here(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS $$BEGIN IF current_database() <> '%s' THEN RAISE 'not in this database'; END IF; RETURN $1; END$$;
CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 100) g;
CREATE INDEX fails ON t (only_here(a))
"""


@pytest.fixture
def major() -> int:
    """The newest version alone: these tests are about the command."""
    return NEWEST


def failed_clone(replicator: Run, source: Database, destination: Database, *options: str) -> None:
    """Leave an unfinished clone: its rows are there, one index is not."""
    source.run(FAILS_LATE % source.name)
    refuses(replicator("clone", *both(source, destination), *options), 6, "public.fails", "not in this database")


# What it understands


def test_without_a_command_it_prints_the_help_and_touches_nothing(
    replicator: Run, database: Database, destination: Database
) -> None:
    databases = {"REPLICATOR_SOURCE": database.dsn, "REPLICATOR_DESTINATION": destination.dsn}
    for variables in ({}, databases):
        result = replicator(**variables)
        assert result.code == 2
        assert "Usage:" in result.err and "clone" in result.err
        assert result.out == ""
    assert is_empty(destination)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["clone", "--help"]])
def test_help_is_a_result(arguments: list[str], replicator: Run) -> None:
    assert "Usage:" in runs(replicator(*arguments))


def test_help_shows_the_defaults(replicator: Run) -> None:
    said = " ".join(runs(replicator("clone", "--help")).split())
    for default in ("(default: 5)", "(default: number of CPUs, at most 8)", "(default: auto)", "(default: 10m)"):
        assert default in said


def test_a_database_that_is_not_named_is_asked_for(replicator: Run) -> None:
    refuses(replicator("clone", "--source", "dbname=x"), 2, "No destination", "--destination", "REPLICATOR_DESTINATION")


@pytest.mark.parametrize("arguments", [["--nonsense"], ["clone", "--jobs", "0"], ["nonsense"], ["clone", "--jobs"]])
def test_bad_usage_is_two(arguments: list[str], replicator: Run) -> None:
    result = replicator(*arguments)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_help_names_groups_variables_and_exit_codes(replicator: Run) -> None:
    said = runs(replicator("clone", "--help"))
    headings = [line for line in said.splitlines() if re.fullmatch(r"[A-Z][a-z ]+:", line)]
    assert headings == [
        *("Connection:", "Which objects to copy:", "What to copy:", "Existing destination:"),
        *("Comparison:", "Speed:", "Recovery:", "Output:"),
        *("Examples:", "Variables and files:", "Exit codes:"),
    ]
    assert "REPLICATOR_RETRY_FOR" in said
    assert re.search(r"^ +3 +blocked", said, re.MULTILINE)


@pytest.mark.parametrize("command", [name for name, command in cli.commands.items() if not command.hidden])
def test_the_examples_in_the_help_are_right(command: str) -> None:
    """They are parsed as they stand, and every option of a command has a help and a group."""
    examples = [line.strip() for line in getattr(cli.commands[command], "examples", "").splitlines() if line.strip()]
    for example in examples:
        name, *arguments = shlex.split(example.partition(" > ")[0])[1:]
        arguments = [word for word in arguments if not word.endswith(".toml")]
        arguments = [word for word in arguments if word not in ("--config", "--definition")]
        with click.Context(cli, obj=Common()) as group:
            cli.commands[name].make_context(name, arguments, parent=group)
    for param in cli.commands[command].params:
        if isinstance(param, click.Option):
            assert param.help and param.help[0].isupper() | param.help.startswith(("auto:", "off:")), param.name
            assert param.help.endswith((".", ")")), param.name


def imported(*arguments: str) -> set[str]:
    """Run Python without coverage; return the names of the modules that it imported."""
    unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], env=unmeasured, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize("arguments", [["--help"], ["clone", "--help"], ["--version"], ["help"]])
def test_what_asks_no_server_is_there_at_once(arguments: list[str]) -> None:
    modules = imported(*COMMAND[1:], *arguments)
    heavy = {"rich"} if "--version" in arguments else {"rich", "tenacity", "psycopg", "psycopg_pool"}
    assert not {name.partition(".")[0] for name in modules} & heavy
    # Measured: 100, with --version 300. Each takes about half a millisecond.
    assert len(modules - imported("-c", "import click")) <= (400 if "--version" in arguments else 130)


def test_version_says_what_a_copy_depends_on(replicator: Run) -> None:
    lines = runs(replicator("--version")).splitlines()
    assert [line.split()[0] for line in lines] == ["replicator", "Python", "psycopg", "libpq", "rows:"]
    assert lines[-1] == "rows: relayed from socket to socket"


def test_two_databases_are_enough(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    out = runs(replicator("clone", database.dsn, destination.dsn))
    assert "total" in out
    assert destination.dump() == database.dump()
    assert destination.value("SELECT count(*) FROM t") == 100


def test_nothing_follows_a_clone_but_the_copy(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    runs(replicator("clone", *both(database, destination)))
    assert "No unfinished clone" in runs(replicator("status", "--destination", destination.dsn))
    assert "Nothing to clean" in runs(replicator("clean", "--destination", destination.dsn))
    assert destination.dump() == database.dump()


class TestPrecedence:
    """A flag wins over the environment, the environment over the file."""

    @pytest.fixture
    def named(self, servers: Servers, tmp_path: Path) -> dict[str, str]:
        server = servers[NEWEST]
        config = tmp_path / "replicator.toml"
        config.write_text(
            f"[source]\nhost = '127.0.0.1'\nport = {server.port}\nuser = 'postgres'\ndbname = 'template1'\n"
        )
        return {"flag": server.conninfo("postgres"), "environment": server.conninfo("nowhere"), "file": str(config)}

    def test_a_flag_wins(self, named: dict[str, str], replicator: Run) -> None:
        flags = ("--source", named["flag"], "--config", named["file"])
        assert "database postgres" in runs(replicator("probe", *flags, REPLICATOR_SOURCE=named["environment"]))

    def test_a_flag_before_the_command_wins_as_well(self, named: dict[str, str], replicator: Run) -> None:
        for flags in (("--source", named["flag"]), ("--source", named["flag"], "--config", named["file"])):
            assert "database postgres" in runs(replicator(*flags, "probe", REPLICATOR_SOURCE=named["environment"]))

    def test_a_flag_with_a_password_wins(self, named: dict[str, str], replicator: Run) -> None:
        flags = ("--source", make_conninfo(named["flag"], password="x"), "--config", named["file"])
        assert "database postgres" in runs(replicator("probe", *flags, REPLICATOR_SOURCE=named["environment"]))

    def test_the_environment_wins_over_the_file(self, named: dict[str, str], replicator: Run) -> None:
        refuses(replicator("probe", "--config", named["file"], REPLICATOR_SOURCE=named["environment"]), 4, "nowhere")

    def test_the_file_wins_over_nothing(self, named: dict[str, str], replicator: Run) -> None:
        assert "database template1" in runs(replicator("probe", "--config", named["file"]))
        assert "database template1" in runs(replicator("--config", named["file"], "probe"))

    def test_flags_win_over_the_options_of_the_file(self, replicator: Run, tmp_path: Path) -> None:
        config = tmp_path / "replicator.toml"
        config.write_text("[options]\nwait_attempts = 9\nwait_delay = 0.1\noutput = 'json'\n")
        nobody = f"host=127.0.0.1 port={closed_port()}"
        result = replicator("probe", "--source", nobody, "--config", str(config), "--wait-attempts", "2")
        assert result.code == 1
        assert json.loads(result.err.splitlines()[0])["attempts"] == 2


class TestFile:
    """--config FILE."""

    @pytest.fixture
    def config(self, database: Database, destination: Database, tmp_path: Path) -> Path:
        database.run(FEW_ROWS)
        path = tmp_path / "replicator.toml"
        tables = [
            f"[{name}]\nhost = '127.0.0.1'\nport = {side.server.port}\nuser = 'postgres'\ndbname = '{side.name}'\n"
            for name, side in (("source", database), ("destination", destination))
        ]
        path.write_text("\n".join([*tables, "[options]\njobs = 1\nverify = true\noutput = 'json'\n"]))
        return path

    @pytest.mark.parametrize("command", [["clone"], []])
    def test_names_databases_and_options(
        self, command: list[str], config: Path, replicator: Run, destination: Database
    ) -> None:
        report = json.loads(runs(replicator(*command, "--config", str(config))))
        assert report["ok"]
        assert "verification" in [phase["phase"] for phase in report["phases"]]
        assert destination.value("SELECT count(*) FROM t") == 100

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ("[sauce]\n", "sauce"),
            ("this is not TOML", "not valid TOML"),
            ("[source]\nhots = 'x'\n", "hots"),
            ("source = 'dbname=x'\n", "[source]"),
            ("[options]\njbos = 3\nwait_attempts = 1\n", "jbos"),
        ],
    )
    def test_mistakes_are_named(self, more: str, words: str, replicator: Run, tmp_path: Path) -> None:
        path = tmp_path / "replicator.toml"
        path.write_text(more)
        result = replicator("probe", "--config", str(path), "--source", f"host=127.0.0.1 port={closed_port()}")
        refuses(result, 2, words, "replicator.toml")

    def test_a_file_that_is_not_there_is_named(self, replicator: Run, tmp_path: Path) -> None:
        refuses(replicator("probe", "--config", str(tmp_path / "none.toml")), 2, "none.toml")


# How it gets in, and keeps secrets


@pytest.fixture
def locked(spare_database: Database) -> str:
    """How to connect as a role that needs a password, but for the password."""
    return spare_database.server.conninfo(spare_database.name, user="keyed")


def test_a_password_file_is_read(locked: str, replicator: Run, tmp_path: Path) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:keyed:{SECRET}\n")
    passwords.chmod(0o600)
    assert "user keyed" in runs(replicator("probe", "--source", locked, PGPASSFILE=str(passwords)))


def test_a_service_file_is_read(locked: str, replicator: Run, tmp_path: Path) -> None:
    services = tmp_path / "services.conf"
    pairs = psycopg.conninfo.conninfo_to_dict(locked, password=SECRET)
    services.write_text("[ours]\n" + "".join(f"{key}={value}\n" for key, value in pairs.items()))
    result = replicator("probe", "--source", "service=ours", PGSERVICEFILE=str(services))
    assert "user keyed" in runs(result)
    assert f"keyed@127.0.0.1:{pairs['port']}/" in result.err  # where the service leads


def test_a_service_that_is_not_there_is_named(replicator: Run, tmp_path: Path) -> None:
    services = tmp_path / "services.conf"
    services.write_text("")
    result = replicator("probe", "--source", "service=ours", *SHORT_WAIT, PGSERVICEFILE=str(services))
    refuses(result, 4, "ours")


@pytest.mark.parametrize("command", ["probe", "clone", "plan", "verify", "status", "clean"])
def test_a_wrong_password_fails_at_once(command: str, locked: str, replicator: Run) -> None:
    wrong = make_conninfo(locked, password="open barley")
    result = replicator(command, "--source", wrong, "--destination", wrong)
    refuses(result, 4, "password authentication failed", "keyed@127.0.0.1")
    assert "attempt" not in result.err
    is_silent_about("barley", result.out, result.err)


def test_a_missing_password_is_not_asked_for(locked: str, replicator: Run) -> None:
    refuses(replicator("probe", "--source", locked), 4, "no password supplied")


def test_no_password_is_ever_shown(spare: Server, locked: str, replicator: Run, database: Database) -> None:
    """A clone that fails late writes all that it ever writes: errors, events, journal, and with --debug statements."""
    database.run(FAILS_LATE % database.name)
    name = psycopg.conninfo.conninfo_to_dict(locked)["dbname"]
    url = f"postgresql://keyed:{URL_SECRET}@127.0.0.1:{spare.port}/{name}"
    result = replicator("clone", "--source", database.dsn, "--destination", url, "--debug", "--output", "json")
    assert result.code == 6
    dump = subprocess.run([CLIENTS / "pg_dump", "-d", url], capture_output=True, text=True, check=True).stdout
    assert "replicator.step" in dump
    status = replicator("status", "--destination", url)
    assert status.code == 6
    for secret in (SECRET, URL_SECRET):
        is_silent_about(secret, result.out, result.err, dump, status.out, status.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["probe", "--source", "postgresql://me:sesame@[nowhere/db"],
        ["probe", "--source", "host=nowhere pasword=sesame"],
        ["probe", "--source", "postgresql://me:se%zsame@nowhere/db"],
        ["probe", "--source", "host=127.0.0.1 port=none password=sesame"],
        ["clone", "postgresql://me:sesame@nowhere/db"],
        ["postgresql://me:sesame@nowhere/db"],
        ["probe", "--sauce=postgresql://me:sesame@nowhere/db"],
    ],
)
def test_a_mistyped_connection_is_not_shown(arguments: list[str], replicator: Run) -> None:
    result = replicator(*arguments)
    assert result.code in (2, 4), result
    assert "Traceback" not in result.err
    is_silent_about("same", result.out, result.err)


@pytest.mark.parametrize("flags", [["--source", "{url}"], ["--source={url}"]])
def test_a_password_leaves_the_process_list(flags: list[str], start: Start) -> None:
    url = f"postgresql://me:sesame@127.0.0.1:{closed_port()}/db"
    process = start(*(flag.format(url=url) for flag in flags), "probe", "--wait-attempts", "99", "--wait-delay", "1")
    process.says("attempt 1 of 99")
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"probe" in command
    assert b"sesame" not in command
    is_silent_about("sesame", process.stderr)


# How it waits


def test_a_closed_port_is_tried_as_often_as_told(replicator: Run) -> None:
    port = closed_port()
    began = time.monotonic()
    flags = ("--wait-attempts", "3", "--wait-delay", "0.5")
    result = replicator("probe", "--source", f"host=127.0.0.1 port={port} dbname=shop", *flags)
    refuses(result, 1, "source", f"127.0.0.1:{port}/shop", "3 attempts", "refused", "--wait-attempts")
    assert time.monotonic() - began >= 1
    waiting = [line for line in result.err.splitlines() if line.startswith("waiting for source")]
    assert len(waiting) == 2  # after the last attempt nothing is waited for
    assert all(f"127.0.0.1:{port}/shop" in line for line in waiting)


def test_an_unknown_host_may_become_known(replicator: Run) -> None:
    result = replicator("probe", "--destination", "host=nowhere.invalid dbname=shop", *SHORT_WAIT)
    refuses(result, 1, "destination", "nowhere.invalid/shop", "2 attempts")


@pytest.mark.parametrize("command", ["status", "clean"])
def test_a_command_for_the_destination_says_that_it_is_not_there(command: str, replicator: Run) -> None:
    result = replicator(command, "--destination", f"host=127.0.0.1 port={closed_port()} dbname=shop", *SHORT_WAIT)
    refuses(result, 1, "destination", "shop", "refused")


def test_a_server_that_comes_up_is_waited_for(spare: Server, replicator: Run) -> None:
    spare.stop()
    late = threading.Timer(4.0, spare.start)
    late.start()
    try:
        result = replicator("probe", "--source", spare.conninfo(), "--wait-attempts", "50", "--wait-delay", "0.2")
    finally:
        late.join()
    runs(result)
    assert "waiting for source" in result.err


def fatal(code: str, message: str) -> bytes:
    """Return the ErrorResponse of a server that turns a client away."""
    body = b"".join(field.encode() + b"\0" for field in ("SFATAL", "VFATAL", f"C{code}", f"M{message}")) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    "answer",
    [
        fatal("57P03", "the database system is starting up"),
        fatal("57P03", "the database system is not yet accepting connections"),
        fatal("57P03", "das Datenbanksystem startet"),
        fatal("53300", "sorry, too many clients already"),
        fatal("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute"),
        b"",
    ],
    ids=["starting", "recovering", "starting in German", "full", "reserved", "hung up"],
)
def test_what_may_pass_is_tried_again(answer: bytes, replicator: Run) -> None:
    with peer(answer) as port:
        dsn = f"host=127.0.0.1 port={port} dbname=shop sslmode=disable gssencmode=disable"
        result = replicator("probe", "--source", dsn, *SHORT_WAIT)
    refuses(result, 1, "2 attempts")


def test_a_server_that_says_nothing_is_tried_again(replicator: Run) -> None:
    with peer(b"", keeps_open=True) as port:
        dsn = f"host=127.0.0.1 port={port} dbname=shop connect_timeout=2"
        result = replicator("probe", "--source", dsn, "--wait-attempts", "1")
    refuses(result, 1, "1 attempt", "timeout")


@pytest.mark.parametrize("sslmode", ["prefer", "disable", "require"])
def test_what_is_not_postgresql_fails_at_once(sslmode: str, replicator: Run) -> None:
    with peer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        result = replicator("probe", "--source", f"host=127.0.0.1 port={port} dbname=shop sslmode={sslmode}")
    refuses(result, 4, f"127.0.0.1:{port}")
    assert "waiting" not in result.err


def test_tls_that_the_server_lacks_fails_at_once(servers: Servers, replicator: Run) -> None:
    result = replicator("probe", "--source", servers[NEWEST].conninfo(sslmode="require"))
    refuses(result, 4, "does not support SSL")


@pytest.mark.parametrize("command", ["probe", "clone", "plan", "verify", "status", "clean"])
def test_a_database_that_is_not_there_fails_at_once(command: str, servers: Servers, replicator: Run) -> None:
    dsn = servers[NEWEST].conninfo("nowhere")
    result = replicator(command, "--source", dsn, "--destination", dsn)
    refuses(result, 4, 'has no database "nowhere"')
    assert "waiting" not in result.err


def test_probe_prints_both_servers(replicator: Run, database: Database, destination: Database) -> None:
    out = runs(replicator("probe", *both(database, destination)))
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["source", "destination", "Nothing stands in the way."]
    for line, name in zip(lines[:2], (database.name, destination.name), strict=True):
        for word in (f"PostgreSQL {NEWEST}", f"database {name}", "MB", "UTF8", "user postgres"):
            assert word in line


# What it refuses


def test_a_destination_that_is_not_empty(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    destination.run("CREATE TABLE precious AS SELECT 1 AS a")
    before = destination.dump()
    refuses(replicator(*both(database, destination)), 3, "not empty", "public.precious", "--create")
    refuses(replicator("clone", "--resume", *both(database, destination)), 3, "no unfinished clone", "not empty")
    assert destination.dump() == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_destination_that_is_the_source(host: str, replicator: Run, database: Database) -> None:
    database.run(FEW_ROWS)
    before = database.dump()
    other = make_conninfo(database.dsn, host=host)
    refuses(replicator("--source", database.dsn, "--destination", other, *SHORT_WAIT), 3, "same database", "another")
    assert database.dump() == before


@pytest.mark.parametrize(
    "command", ["clone", "clone --replace drop", "clone --replace swap", "clone --data-only", "verify", "probe"]
)
def test_nothing_is_advised_that_would_change_a_source_named_as_the_destination(
    command: str, replicator: Run, database: Database, reader: str
) -> None:
    """It has much that would be in the way of a destination, and this role may do nothing about it."""
    database.run(f"""{FEW_ROWS}; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO alice;
        ALTER ROLE {reader} SET default_transaction_read_only = on;
        SELECT lo_from_bytea(4711, 'x')""")
    dsn = make_conninfo(database.dsn, user=reader)
    result = replicator(*command.split(), "--source", dsn, "--destination", dsn, *SHORT_WAIT)
    assert result.code == 3, result
    told = result.out + result.err
    assert "same database" in told
    assert not [word for word in ("ALTER", "GRANT", "REVOKE", "default privileges", "not empty") if word in told], told


def test_a_destination_whose_encoding_is_too_small(servers: Servers, replicator: Run, database: Database) -> None:
    database.run(FEW_ROWS)
    latin = servers.database(NEWEST, "ENCODING 'LATIN1'")
    refuses(replicator(*both(database, latin)), 3, "LATIN1", "UTF8", "CREATE DATABASE")
    assert is_empty(latin)


def test_a_destination_that_is_read_only(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    destination.run(f"ALTER DATABASE {destination.name} SET default_transaction_read_only = on")
    refuses(replicator(*both(database, destination)), 3, "read-only", "default_transaction_read_only = off")
    assert is_empty(destination)


@contextlib.contextmanager
def of_a_base_backup(spare: Server, *options: str) -> Iterator[Server]:
    """A server that was made of a base backup of the spare one."""
    server = Server(spare.bin, reachable_folder("replicator-backup-"), SETTINGS)
    base_backup = [CLIENTS / "pg_basebackup", "-d", spare.conninfo(), "-D", server.data, "--checkpoint=fast", *options]
    subprocess.run(base_backup, check=True, capture_output=True)
    owner = server.folder.stat()
    for path in [server.data, *server.data.rglob("*")]:
        shutil.chown(path, owner.st_uid, owner.st_gid)
    try:
        server.settings |= {"wal_level": "replica", "max_wal_senders": "4"}
        server.start()
        yield server
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def standby(spare: Server) -> Iterator[Server]:
    """A standby of the spare server."""
    with of_a_base_backup(spare, "-R") as server:
        yield server


def test_a_server_that_was_made_of_a_base_backup_is_another_one(
    spare_database: Database, spare: Server, replicator: Run
) -> None:
    spare_database.run(FEW_ROWS)
    with of_a_base_backup(spare) as server:
        staging = Database(server, spare_database.name, NEWEST)
        system = "SELECT system_identifier FROM pg_control_system()"
        assert staging.value(system) == spare_database.value(system)
        staging.run("DELETE FROM t WHERE a = 1")
        pair = both(spare_database, staging)
        assert replicator("verify", *pair).code == 8
        for how in (("--data-only", "--truncate"), ("--replace", "swap"), ("--replace", "drop")):
            runs(replicator("clone", "--verify", *how, *pair))
            assert staging.value("SELECT count(*) FROM t") == 100
        for command in ("clone", "verify"):
            refuses(replicator(command, *both(staging, staging)), 3, "same database")


def test_a_source_that_is_a_standby_of_the_destination(
    spare_database: Database, standby: Server, replicator: Run
) -> None:
    there = Database(standby, spare_database.name, NEWEST)
    names = Database(standby, "postgres", NEWEST)
    spare_database.run(FEW_ROWS)
    until(lambda: (spare_database.name,) in names.rows("SELECT datname FROM pg_database"))
    until(lambda: there.value("SELECT to_regclass('t') IS NOT NULL") is True)
    for how in ((), ("--data-only", "--truncate"), ("--replace", "swap"), ("--replace", "drop")):
        result = replicator("clone", *how, *both(there, spare_database))
        refuses(result, 3, "The source is a standby of the destination server", "Choose another")
        assert "same database" not in result.said
    runs(replicator("verify", *both(spare_database, there)))
    assert spare_database.value("SELECT count(*) FROM t") == 100


def test_a_standby_that_ends_what_reads_is_named_with_its_settings(
    spare_database: Database, standby: Server, start: Start, destination: Database
) -> None:
    there = Database(standby, spare_database.name, NEWEST)
    spare_database.run("CREATE TABLE t AS SELECT repeat('x', 1000) AS a FROM generate_series(1, 1000)")
    spare_database.run("CREATE TABLE other AS SELECT generate_series(1, 1000) AS a")
    names = Database(standby, "postgres", NEWEST)
    names.run("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    names.run("SELECT pg_reload_conf()")
    until(lambda: (spare_database.name,) in names.rows("SELECT datname FROM pg_database"))
    until(lambda: there.value("SELECT to_regclass('other') IS NOT NULL") is True)
    process = start("clone", "--max-rate", "50kB/s", *both(there, destination))
    process.says("data: ")
    spare_database.run("DELETE FROM other")
    spare_database.run("VACUUM other")
    refuses(process.ends(60), 6, "The source is a standby", "hot_standby_feedback", "max_standby_streaming_delay")


def test_a_destination_that_is_a_standby_and_a_source_that_is_one(
    spare_database: Database, standby: Server, replicator: Run, database: Database, destination: Database
) -> None:
    database.run(FEW_ROWS)
    there = Database(standby, spare_database.name, NEWEST)
    names = Database(standby, "postgres", NEWEST)
    until(lambda: (spare_database.name,) in names.rows("SELECT datname FROM pg_database"))
    refuses(replicator(*both(database, there)), 3, "standby", "primary")

    spare_database.run(FEW_ROWS)
    until(lambda: there.value("SELECT to_regclass('t') IS NOT NULL") is True)
    runs(replicator("clone", "--verify", *both(there, destination)))
    assert destination.dump() == spare_database.dump()

    with postgres.connect(there.dsn) as conn:
        catalog = read_catalog(conn)
        other_version = replace(catalog, version=catalog.version + 10000)  # a superuser's own is not asked
        assert dry_run.rehearse(conn, other_version) == dry_run.Rehearsal(skipped=dry_run.STANDBY)


UNLOGGED = """
CREATE UNLOGGED TABLE cache (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
INSERT INTO cache (v) SELECT 'x' FROM generate_series(1, 100);
CREATE INDEX ON cache (v);
CREATE UNLOGGED SEQUENCE counter;
CREATE TABLE t (id int PRIMARY KEY);
INSERT INTO t VALUES (1);
"""


def test_rows_that_a_standby_does_not_have_are_not_left_out_silently(
    spare_database: Database, standby: Server, replicator: Run, destination: Database
) -> None:
    spare_database.run(UNLOGGED)
    there = Database(standby, spare_database.name, NEWEST)
    names = Database(standby, "postgres", NEWEST)
    until(lambda: (there.name,) in names.rows("SELECT datname FROM pg_database"))
    until(lambda: there.value("SELECT to_regclass('t') IS NOT NULL") is True)
    for more in ((), ("--data-only",)):
        result = replicator("clone", *more, *both(there, destination))
        refuses(result, 3, "standby", "public.cache, public.cache_id_seq, public.counter", "--no-unlogged-table-data")
    assert is_empty(destination)
    result = replicator("clone", "--verify", "--no-unlogged-table-data", *both(there, destination))
    runs(result)
    assert "Not copied: the contents of unlogged tables" in result.said and "public.cache," in result.said
    assert destination.rows("SELECT * FROM t") == [(1,)]
    assert destination.value("SELECT count(*) FROM cache") == 0
    assert destination.dump() == spare_database.dump()
    runs(replicator("verify", "--no-unlogged-table-data", *both(there, destination)))
    runs(replicator("verify", "--no-unlogged-table-data", *both(spare_database, destination)))


@pytest.fixture
def reader(servers: Servers) -> Iterator[str]:
    """A role that may connect and not much more."""
    name = f"reader_{time.monotonic_ns()}"
    with psycopg.connect(servers[NEWEST].conninfo(), autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN")
        yield name
        conn.execute(f"DROP OWNED BY {name}")
        conn.execute(f"DROP ROLE {name}")


def test_a_table_that_may_not_be_read(reader: str, replicator: Run, servers: Servers, destination: Database) -> None:
    source = servers.database(NEWEST)
    source.run(f"{FEW_ROWS}; CREATE TABLE secret AS SELECT 1 AS a; GRANT SELECT ON t TO {reader}")
    try:
        flags = ("--source", make_conninfo(source.dsn, user=reader), "--destination", destination.dsn)
        result = replicator("clone", *flags, "--no-owner", *SHORT_WAIT)
        refuses(result, 3, "public.secret", reader, "GRANT")
        assert "public.t," not in result.said
        assert is_empty(destination)
        source.run(f"GRANT SELECT ON secret TO {reader}")
        runs(replicator("clone", *flags, "--no-owner", "--verify", *SHORT_WAIT))
        assert destination.value("SELECT a FROM secret") == 1
    finally:
        with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {source.name}")


def test_rows_that_a_policy_hides(reader: str, replicator: Run, servers: Servers, destination: Database) -> None:
    source = servers.database(NEWEST)
    source.run(f"{FEW_ROWS}; GRANT SELECT ON t TO {reader}; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    source.run("CREATE POLICY few ON t USING (a < 10)")
    try:
        flags = ("--source", make_conninfo(source.dsn, user=reader), "--destination", destination.dsn)
        refuses(replicator("clone", *flags, "--no-owner", *SHORT_WAIT), 3, "public.t", "BYPASSRLS")
        assert is_empty(destination)
    finally:
        with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {source.name}")


def test_a_destination_where_nothing_may_be_created(
    reader: str, replicator: Run, database: Database, destination: Database
) -> None:
    database.run(FEW_ROWS)
    flags = ("--source", database.dsn, "--destination", make_conninfo(destination.dsn, user=reader))
    refuses(replicator("clone", *flags, *SHORT_WAIT), 3, reader, "GRANT CREATE ON DATABASE")


def test_a_type_whose_extension_the_destination_lacks(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run("CREATE EXTENSION hstore; CREATE TABLE t (a int, b hstore); INSERT INTO t VALUES (1, 'a=>1')")
    destination.run(f"ALTER DATABASE {destination.name} SET extension_control_path = '/nowhere'")
    refuses(replicator("clone", *both(database, destination)), 3, "hstore", "extension", "Install")
    assert is_empty(destination)


# What it leaves when it fails, and how that goes away


def test_leftovers_are_known_cleaned_and_cloned_anew(
    replicator: Run, database: Database, destination: Database
) -> None:
    failed_clone(replicator, database, destination)
    status = replicator("status", "--destination", destination.dsn)
    assert status.code == 6
    for word in ("Unfinished", "failed", database.name, "100 rows", "not in this database", "public.fails"):
        assert word in status.out, status
    left = destination.dump()
    refuses(replicator("clone", *both(database, destination)), 3, "unfinished clone", "Continue with `clone --resume`.")
    refuses(replicator("verify", *both(database, destination)), 8)
    assert destination.dump() == left

    assert "Removed" in runs(replicator("clean", "--destination", destination.dsn))
    assert is_empty(destination)
    assert "No unfinished clone" in runs(replicator("status", "--destination", destination.dsn))

    database.run("DROP INDEX fails")
    runs(replicator("clone", "--verify", *both(database, destination)))
    assert destination.dump() == database.dump()


def test_what_is_left_is_named_in_words() -> None:
    assert list(some(["foreign_key k on public.t", "acl public.t (table)"], "not done")) == [
        "  not done: foreign key k on public.t",
        "  not done: privileges of table public.t",
    ]


def test_clean_leaves_a_finished_copy_alone(replicator: Run, database: Database) -> None:
    database.run(FEW_ROWS)
    before = database.dump()
    assert "Nothing to clean" in runs(replicator("clean", "--destination", database.dsn))
    assert database.dump() == before


def test_the_shop_half_done_can_be_cleaned(replicator: Run, database: Database, destination: Database) -> None:
    database.run(SHOP)
    failed_clone(replicator, database, destination)
    removed = runs(replicator("clean", "--destination", destination.dsn))
    assert re.search(r" tables\b", removed) and " partition attachments" in removed and "matview" not in removed
    assert is_empty(destination)
    database.run("DROP INDEX fails")
    runs(replicator("clone", "--verify", *both(database, destination)))


# The plan


def test_plan_prints_the_steps_and_writes_nothing(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    before = database.dump(), destination.dump()
    out = runs(replicator("plan", *both(database, destination)))
    assert "data: data public.t" in out
    assert "t_pkey" in out
    assert (database.dump(), destination.dump()) == before


def test_plan_says_what_comes_after_what_and_the_same_to_programs(replicator: Run, database: Database) -> None:
    database.run(FEW_ROWS)
    lines, _, _ = runs(replicator("plan", "--source", database.dsn)).partition("\n\n")
    lines = lines.splitlines()
    steps = json.loads(runs(replicator("plan", "--json", "--source", database.dsn)))["steps"]
    assert len(lines) == len(steps)
    numbers = {step["step"]: number for number, step in enumerate(steps, 1)}
    for number, (line, step) in enumerate(zip(lines, steps, strict=True), 1):
        assert line.split()[0] == str(number)
        assert shown(step["step"]) in line
        assert all(numbers[need] < number for need in step["needs"])
    (data,) = (line for line in lines if "data public.t" in line)
    assert re.search(r"after \d+", data)
    (table,) = (step for step in steps if step["step"] == "table public.t")
    assert table["statements"][0].startswith("CREATE TABLE public.t")


def test_plan_needs_no_destination(replicator: Run, database: Database) -> None:
    database.run(FEW_ROWS)
    assert "public.t" in runs(replicator("plan", "--source", database.dsn))


@pytest.mark.parametrize("command", ["plan", "verify"])
def test_a_name_that_the_terminal_cannot_show_stops_nothing(
    command: str, replicator: Run, database: Database, destination: Database
) -> None:
    database.run('CREATE TABLE "😀" ()')
    assert '"\\U0001f600' in replicator(command, *both(database, destination), PYTHONIOENCODING="latin1:strict").out


def test_plan_as_sql_is_the_schema(replicator: Run, database: Database, destination: Database) -> None:
    database.run(SHOP)
    destination.run(runs(replicator("plan", "--sql", "--source", database.dsn)))
    assert destination.dump() == database.dump()


def test_plan_ends_with_totals_space_locks_and_time(replicator: Run, database: Database, destination: Database) -> None:
    database.run(f"{FEW_ROWS}; CREATE TABLE u AS SELECT 1 AS a; ANALYZE")
    pair = both(database, destination)
    end = runs(replicator("plan", *pair)).partition("\n\n")[2]
    total = re.search(r"Total: (\d+) steps; 2 tables, about 101 rows, [\d.]+ kB\.", end)
    assert total, end
    assert sum(map(int, re.findall(r"^  [a-z ,]+: (\d+) step", end, re.MULTILINE))) == int(total[1])
    for words in (
        "Space on the destination: about",
        "Locks on the source: ACCESS SHARE on 2 tables",
        "Basis: 110.0 MB/s",
    ):
        assert words in end
    assert end.endswith("Nothing stands in the way.\n")
    document = json.loads(runs(replicator("plan", "--json", *pair)))
    assert (document["schema"], document["totals"]["tables"], document["findings"]) == (1, 2, [])


def test_plan_lists_what_a_clone_would_refuse(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    destination.run("CREATE TABLE precious AS SELECT 1 AS a")
    pair = both(database, destination)
    result = replicator("plan", *pair)
    refuses(result, 3, "1 problem blocks this clone")
    assert "data public.t" in result.out and "problem: " in result.out and "public.precious" in result.out
    assert "public.precious" not in result.err  # said once
    assert replicator("plan", "--json", *pair).code == replicator("clone", *pair).code == 3
    for way in ("swap", "drop"):
        for command in ("plan", "check"):
            assert "Nothing stands in the way." in runs(replicator(command, "--replace", way, *pair))
    assert destination.value("SELECT a FROM precious") == 1


UNTRIED = "Nothing found so far, but not all of the schema was tried on the destination: see the notes."


@pytest.mark.parametrize("way", [["--replace", "swap"], ["--create"]], ids=" ".join)
def test_check_says_if_the_schema_was_not_tried(
    way: list[str], replicator: Run, database: Database, destination: Database
) -> None:
    database.run(f"""
        {FEW_ROWS};
        CREATE ROLE maker LOGIN CREATEDB;
        ALTER TABLE t OWNER TO maker;
        ALTER DATABASE {database.name} OWNER TO maker""")
    name = destination.name if "swap" in way else "not_there_yet"
    destination.run(f"ALTER DATABASE {destination.name} OWNER TO maker; CREATE TABLE big AS SELECT 1 AS a")
    flags = ("--source", database.dsn, "--destination", destination.server.conninfo(name, user="maker"), *way)
    try:
        for command in ("plan", "check"):
            out = runs(replicator(command, *flags))
            assert out.splitlines()[-1] == UNTRIED
            assert "so the schema was not tried there" in out
            assert json.loads(runs(replicator(command, "--json", *flags)))["tried"] is False
    finally:
        database.run(f"ALTER DATABASE {database.name} OWNER TO postgres; DROP TABLE t")
        destination.run(f"ALTER DATABASE {destination.name} OWNER TO postgres; DROP ROLE maker")


@pytest.mark.parametrize("way", [["--replace", "swap"], ["--create"]], ids=" ".join)
def test_check_tries_the_schema_beside_a_database_to_be_created(
    way: list[str], replicator: Run, database: Database, destination: Database
) -> None:
    """The library of a function is missing there, which nothing but the server can tell."""
    name = destination.name if "swap" in way else "not_there_yet"
    destination.run("CREATE TABLE precious AS SELECT 1 AS a")
    database.run(f"{FEW_ROWS}; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    flags = ("--source", database.dsn, "--destination", destination.server.conninfo(name), *way)
    database.run(
        "UPDATE pg_proc SET prolang = 13, probin = 'nowhere', prosrc = 'f', prosqlbody = NULL WHERE proname = 'f'"
    )
    for command in ("plan", "check"):
        result = replicator(command, *flags)
        refuses(result, 3, "1 problem blocks")
        assert "nowhere" in result.out


def test_check_of_a_swap_describes_the_database_that_is_replaced(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run(FEW_ROWS)
    destination.run("CREATE TABLE big AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
    ((size,),) = destination.rows("SELECT pg_database_size(current_database())")
    flags = ("check", "--replace", "swap", *both(database, destination))
    result = replicator(*flags)
    assert f"/{destination.name}" in result.err and "/postgres" not in result.err
    facts = json.loads(runs(replicator(*flags, "--json")))["destination"]
    assert (facts["database"], facts["can_create"]) == (destination.name, True)
    assert facts["size"] == pytest.approx(size, abs=1_000_000)


def test_plan_and_check_of_a_database_that_does_not_exist_yet(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run(FEW_ROWS)
    pair = ("--source", database.dsn, "--destination", make_conninfo(destination.dsn, dbname="not_there_yet"))
    for command in ("plan", "check"):
        assert "Nothing stands in the way." in runs(replicator(command, "--create", *pair))
        assert replicator(command, *pair).code == 4


# Verification


RICH = """
CREATE TABLE t (a int, b text);
INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 100) g;
CREATE INDEX by_b ON t (b);
COMMENT ON TABLE t IS 'a table';
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE s;
SELECT nextval('s') FROM generate_series(1, 7);
SELECT lo_from_bytea(4711, 'large');
"""


@pytest.fixture(scope="module")
def pair(servers: Servers) -> tuple[Database, Database]:
    """A database and a template of its copy, that a test may spoil."""
    source, copy = servers.database(NEWEST), servers.database(NEWEST)
    source.run(RICH)
    copy.run(RICH)
    return source, copy


@pytest.fixture
def copied(pair: tuple[Database, Database]) -> Iterator[Database]:
    """A fresh copy of the pair's source."""
    template, name = pair[1], f"copied_{time.monotonic_ns()}"
    with psycopg.connect(template.server.conninfo(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {template.name}")
        yield Database(template.server, name, NEWEST)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_verify_of_equals_finds_nothing(pair: tuple[Database, Database], copied: Database, replicator: Run) -> None:
    assert runs(replicator("verify", *both(pair[0], copied))).strip() == "No differences."


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("UPDATE t SET b = 'other' WHERE a = 50", "table public.t: different: 100 rows on both sides"),
        ("DELETE FROM t WHERE a = 50", "table public.t: different: 100 rows on the source, 99"),
        ("INSERT INTO t VALUES (50, 'row 50')", "table public.t: different: 100 rows on the source, 101"),
        ("DROP TABLE t", "table public.t: missing"),
        ("CREATE TABLE u ()", "table public.u: extra"),
        ("DROP INDEX by_b", "index public.by_b: missing"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'", "function public.f(): different"),
        ("COMMENT ON TABLE t IS NULL", "comment on table public.t"),
        ("COMMENT ON TABLE t IS 'another'", "comment on table public.t"),
        ("SELECT nextval('s')", "sequence public.s: different"),
        ("SELECT lo_put(4711, 2, 'n')", "large objects 0-4294967295: different"),
        ("SELECT lo_unlink(4711)", "large objects 0-4294967295: different"),
        ("ALTER LARGE OBJECT 4711 OWNER TO alice", "large objects 0-4294967295: different"),
        ("GRANT SELECT ON LARGE OBJECT 4711 TO bob", "large objects 0-4294967295: different"),
        ("COMMENT ON LARGE OBJECT 4711 IS 'other'", "large objects 0-4294967295: different"),
        ("SELECT lo_create(4712)", "large objects 0-4294967295: different"),
        ("ALTER TABLE t OWNER TO alice", "table public.t: different"),
        ("GRANT SELECT ON t TO bob", "public.t"),
        ("ALTER TABLE t ALTER a SET NOT NULL", "public.t"),
    ],
)
def test_verify_finds(
    change: str, difference: str, pair: tuple[Database, Database], copied: Database, replicator: Run
) -> None:
    copied.run(change)
    result = replicator("verify", *both(pair[0], copied))
    refuses(result, 8, "differs from the source in ")
    assert difference in result.out
    assert "No differences" not in result.out


# JSON


def is_events(text: str) -> None:
    """Assert that every line is an event."""
    for line in text.splitlines():
        assert "event" in json.loads(line), line


def test_json_of_a_clone(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FEW_ROWS)
    result = replicator("clone", "--verify", "--output", "json", *both(database, destination))
    report = json.loads(runs(result))
    assert report["ok"]
    assert report["total"]["rows"] == 100
    is_events(result.err)
    assert [json.loads(line)["event"] for line in result.err.splitlines()][-1] == "finished"


@pytest.mark.parametrize("command", ["probe", "plan", "verify", "status", "clean"])
def test_json_of_the_other_commands(
    command: str, pair: tuple[Database, Database], copied: Database, replicator: Run
) -> None:
    empty = Database(copied.server, "postgres", NEWEST)
    destination = empty if command in ("probe", "plan") else copied
    result = replicator(command, "--output", "json", *both(pair[0], destination))
    json.loads(runs(result))
    is_events(result.err)


@pytest.mark.parametrize("flag", [["--output", "json"], ["--output=json"]])
def test_json_of_differences(
    flag: list[str], pair: tuple[Database, Database], copied: Database, replicator: Run
) -> None:
    copied.run("DROP INDEX by_b; DROP FUNCTION f()")
    result = replicator("verify", *flag, *both(pair[0], copied))
    assert result.code == 8
    differences = json.loads(result.out)["differences"]
    assert [(d["what"], d["kind"]) for d in differences] == [
        ("function public.f()", "missing"),
        ("index public.by_b", "missing"),
    ]


def test_json_of_a_failure(replicator: Run, database: Database, destination: Database) -> None:
    database.run(FAILS_LATE % database.name)
    result = replicator("clone", "--output", "json", *both(database, destination))
    assert result.code == 6
    report = json.loads(result.out)
    assert not report["ok"]
    assert [failed["step"] for failed in report["failed"]] == ["index public.fails"]
    is_events(result.err)
    status = replicator("status", "--output", "json", "--destination", destination.dsn)
    assert status.code == 6
    assert json.loads(status.out)["unfinished"] == ["index public.fails"]


SLOW_INDEX = """
CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS $$BEGIN IF current_database() <> '%s' THEN PERFORM pg_sleep(2); END IF; RETURN $1; END$$;
CREATE TABLE t AS SELECT 1 AS a;
CREATE INDEX ON t (slow(a))
"""


def test_json_of_a_clone_that_fails_its_verification(start: Start, database: Database, destination: Database) -> None:
    database.run(SLOW_INDEX % database.name)
    process = start("clone", "--verify", "--output", "json", *both(database, destination))
    building = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND datname = current_database()"
    until(lambda: process.ended or destination.value(building))
    destination.run("CREATE TABLE intruder ()")
    result = process.ends()
    assert result.code == 8, result
    assert "table public.intruder: extra" in result.out
    json.loads(result.out)
    is_events(result.err)


def led(streams: str, *arguments: str) -> Result:
    """Run the command with its streams led elsewhere, in a shell's words: `>&0` is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", *COMMAND, *arguments]
    try:
        done = subprocess.run(command, stdin=writer, capture_output=True, text=True, env=environment())
    finally:
        os.close(writer)
    return Result(done.returncode, done.stdout, done.stderr)


def test_the_result_comes_before_the_error(database: Database, destination: Database) -> None:
    destination.run("CREATE TABLE in_the_way ()")
    both_streams = led("2>&1", "check", *both(database, destination)).out
    assert 0 < both_streams.index("problem: ") < both_streams.index("replicator: ")


NOWHERE = (">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", ">&0 2>&0", ">&-", "2>&-", ">&- 2>&-")


@pytest.mark.parametrize("streams", NOWHERE)
def test_the_code_of_a_clone_and_a_verification_tells_of_the_copy_and_not_of_the_terminal(
    streams: str, database: Database, destination: Database
) -> None:
    database.run(FEW_ROWS)
    result = led(streams, "clone", *both(database, destination))
    assert (result.code, "defect" in result.err) == (0, False), str(result)
    assert destination.value("SELECT count(*) FROM t") == 100
    assert led(streams, "verify", *both(database, destination)).code == 0
    destination.run("DELETE FROM t WHERE a = 1")
    assert led(streams, "verify", *both(database, destination)).code == 8


@pytest.mark.parametrize(
    ("streams", "reason"),
    [(">/dev/full", "No space left on device"), (">&0", "Broken pipe"), (">&-", "Bad file descriptor")],
)
def test_a_result_that_was_wanted_and_could_not_be_written(streams: str, reason: str, database: Database) -> None:
    database.run("CREATE TABLE t ()")
    wanted = [("probe", "--source"), ("plan", "--source"), ("choose", "--source"), ("status", "--destination")]
    wanted += [("clean", "--output", "plain", "--destination"), ("clean", "--output", "json", "--destination")]
    for *command, server in wanted:
        result = led(streams, *command, server, database.dsn)
        told = "plain" not in command  # what became of the database is in the code
        assert (result.code, reason in result.err) == ((74, True) if told else (0, False)), str(result)
    for command in (("help", "output"), ("config", "--init"), ("completion", "zsh")):
        assert led(streams, *command).code == 74
    assert led(">/dev/full 2>/dev/full", "status", "--destination", database.dsn).code == 74
