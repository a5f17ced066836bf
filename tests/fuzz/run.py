"""Make a schema from a seed, or from statements that are given; copy it, judge the copy."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.fix_servers import VERSIONS, Database, Servers
from tests.fuzz import changes, code, constraints, datatypes, rows, tables, views
from tests.fuzz.judge import Verdict, judge
from tests.fuzz.maker import Maker

SUBJECTS = (datatypes, tables, constraints, code, views, changes, rows)
"""Imported for the steps that they register."""
STEPS = 200
DIRECTIONS = [(18, 18), (15, 18), (18, 18), (18, 15), (18, 18), (19, 19)]
READING = bool(os.environ.get("REPLICATOR_FUZZ_READING"))
"""Whether checks, generated columns and indexes may call functions that read tables."""


def direction(seed: int) -> tuple[int, int]:
    """Return the versions that a seed is copied from and to: of those at hand."""
    here = [pair for pair in DIRECTIONS if set(pair) <= set(VERSIONS)]
    return here[seed % len(here)]


def make(database: Database, seed: int) -> Maker:
    """Fill an empty database; the maker that is returned has the statements."""
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("SET search_path = ''; SET check_function_bodies = on; SET lock_timeout = '5s'")
        maker = Maker(conn, seed, major=database.major, reading=READING)
        maker.make(STEPS // 3)
        maker.make(2 * STEPS // 3)
        rows.fill_all(maker)
    return maker


def replay(database: Database, script: Iterable[str]) -> list[str]:
    """Run statements, going on at errors; return those that were taken."""
    taken = []
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("SET search_path = ''; SET lock_timeout = '5s'")
        for statement in script:
            try:
                conn.execute(statement)  # type: ignore[call-overload]
            except psycopg.Error:
                continue
            taken.append(statement)
    return taken


@contextmanager
def dropped(servers: Servers, *majors: int) -> Iterator[list[Database]]:
    """Empty databases, dropped at the end."""
    databases = [servers.database(major) for major in majors]
    try:
        yield databases
    finally:
        for database in databases:
            with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
                conn.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')


def faults_of_script(script: Iterable[str], old: int, new: int, servers: Servers) -> tuple[Verdict, list[str]]:
    """Return what is wrong with a copy of what these statements make, and which of them were taken."""
    with dropped(servers, old, new, new) as (source, destination, measure):
        taken = replay(source, script)
        return judge(source, destination, measure, downgrade=new < old), taken


def faults_of_seed(seed: int, old: int, new: int, servers: Servers) -> tuple[Verdict, Maker]:
    """Return what is wrong with a copy of a seed's schema, and its maker."""
    with dropped(servers, old, new, new) as (source, destination, measure):
        maker = make(source, seed)
        return judge(source, destination, measure, downgrade=new < old), maker


def write(script: Iterable[str], path: Path) -> Path:
    """Write statements down for psql: those that fail need not stop it."""
    path.write_text("SET search_path = '';\n" + "".join(f"{statement};\n" for statement in script), "utf-8")
    return path
