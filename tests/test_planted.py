"""Of a thousand differences that are planted in one of two databases verify finds a thousand, and nothing else."""

import itertools
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from replicator.catalog import KINDS
from replicator.comparing import Mismatch
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_servers import SOME, Database, Servers
from tests.planted import ANY, FIRST_OID, Plant, definitions, owners, rows, scripts
from tests.planted.values import EXTENSIONS, SETUP, Values

NUMBER = 1000
MATVIEW = "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a"
TABLE_DATA = "; Type: TABLE DATA"
ACCESS_METHOD = re.compile(r"^SET default_table_access_method = .*\n", re.MULTILINE)
OF_DEFINITIONS = 560  # each choice of each template at least once
OF_CONTRIB = {"extension", "security_label"}
"""Kinds whose difference needs modules that not every server has."""


@pytest.fixture
def seed() -> int:
    """The same in each run, unless one is given."""
    return int(os.environ.get("REPLICATOR_SEED") or 1)


@pytest.fixture
def pair(servers: Servers, major: int) -> tuple[Database, Database]:
    """Two databases with types of all kinds and nothing else."""
    one, other = servers.database(major), servers.database(major)
    for database in (one, other):
        known = {name for (name,) in database.rows("SELECT name::text FROM pg_available_extensions")}
        database.run("".join(f"CREATE EXTENSION {name};" for name in EXTENSIONS if name in known) + SETUP)
    return one, other


def drawn(database: Database, major: int, seed: int, number: int) -> list[Plant]:
    """Return plants of which so many differ."""
    dice = random.Random(seed)
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        draw = rows.Draw(Values(conn, dice), dice)
        plants = [*definitions.plants(major, range(OF_DEFINITIONS), dice)]
        differing = OF_DEFINITIONS
        for plant in draw.plants(itertools.count(OF_DEFINITIONS), [*rows.KINDS]):
            plants.append(plant)
            differing += plant.differs
            if differing == number:
                break
    dice.shuffle(plants)
    return plants


def plant(pair: tuple[Database, Database], plants: list[Plant]) -> None:
    quick = "SET check_function_bodies = off; SET client_min_messages = error;"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda database, script: database.run(quick + script), pair, scripts(plants)))


def wrong(pair: tuple[Database, Database], plants: list[Plant]) -> list[str]:
    """Return of which plants verify does not say what it must."""
    found = by_owner(verify_copy(Settings(pair[0].dsn, pair[1].dsn, jobs=2, show_rows=1), lambda event: None))
    assert found.keys() <= {plant.number for plant in plants}
    said = ((plant, found[plant.number]) for plant in plants)
    return [
        f"{plant}\n  said: {[*map(str, mismatches)]}" for plant, mismatches in said if not is_right(plant, mismatches)
    ]


def by_owner(mismatches: Iterable[Mismatch]) -> dict[int, list[Mismatch]]:
    """Return the mismatches by the plants that they are of; those of large objects are one for all."""
    found: dict[int, list[Mismatch]] = defaultdict(list)
    for mismatch in mismatches:
        if mismatch.what.startswith("large objects "):
            for row in mismatch.rows:
                found[int(row.key["oid"]) - FIRST_OID].append(Mismatch("large objects", row.how, (row,), about="rows"))
            continue
        numbers = owners(mismatch.what)
        assert len(numbers) == 1, f"of nobody: {mismatch}"
        found[min(numbers)].append(mismatch)
    return found


def is_right(plant: Plant, found: list[Mismatch]) -> bool:
    """Tell whether verify says of a plant what it must: of which objects, of which rows, and nothing else.

    A materialized view with another query may have other rows as well.
    """
    found = [m for m in found if m.about != "rows" or not m.what.startswith("matview ")]
    objects = [mismatch for mismatch in found if mismatch.about != "rows"]
    rows = {m.what.removeprefix("table public."): Counter(_rows(m)) for m in found if m.about == "rows" and m.rows}
    incomparable = any(m.about == "rows" and not m.rows for m in found)
    if plant.objects == {ANY}:
        said = {"missing on the destination", "extra on the destination"}
        return bool(objects) and not rows and not incomparable and said.issuperset(m.how for m in objects)
    kinds = {"database" if m.what.startswith(("setting", "role")) else m.what.split()[0] for m in objects}
    if incomparable and not any(m.what.startswith("table ") for m in objects):
        return False
    return bool(kinds) == bool(plant.objects) and kinds <= plant.objects and rows == plant.rows


def _rows(mismatch: Mismatch) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in mismatch.rows:
        counts[row.how, ", ".join(map(str, row.key.values()))] += row.times
    return counts


def sections(dump: str) -> Iterator[str]:
    """Yield what a dump says of each object; of tables, also the access method that was set for one before."""
    method = ""
    for text in re.split(r"^(?=-- (?:Data for )?Name: )", dump, flags=re.MULTILINE):
        said = ACCESS_METHOD.sub("", text)
        is_stored = re.search(r"^CREATE (UNLOGGED )?TABLE|^CREATE MATERIALIZED", said, re.MULTILINE)
        if TABLE_DATA in said:
            yield "\n".join(sorted(said.split("\n")))
        else:
            yield said.rstrip("-\n ") + (method if is_stored and "PARTITION BY" not in said else "")
        method = (ACCESS_METHOD.findall(text) or [method])[-1]


def dumped_otherwise(pair: tuple[Database, Database]) -> set[int]:
    """Return the plants of which pg_dump does not write the same: an independent judge."""
    dumps = [Counter(sections(database.dump("--no-sync"))) for database in pair]
    differ = (dumps[0] - dumps[1]) + (dumps[1] - dumps[0])
    return {number for section in differ for number in owners(section)}


@SOME
def test_a_thousand_of_a_thousand_planted_differences_are_found(
    pair: tuple[Database, Database], major: int, seed: int
) -> None:
    plants = drawn(pair[0], major, seed, NUMBER)
    plant(pair, plants)
    counts = Counter(plant.kind for plant in plants if plant.differs)
    print(f"REPLICATOR_SEED={seed}: {', '.join(f'{count} {kind}' for kind, count in counts.most_common())}")
    assert counts.total() == NUMBER
    told = dumped_otherwise(pair)
    no_difference = [str(plant) for plant in plants if plant.dumped and plant.differs != (plant.number in told)]
    assert not no_difference, f"REPLICATOR_SEED={seed}: pg_dump says otherwise of\n" + "\n".join(no_difference)
    missed = wrong(pair, plants)
    assert not missed, f"REPLICATOR_SEED={seed}\n" + "\n".join(missed)


@SOME
@pytest.mark.parametrize(
    ("source", "destination", "what"),
    [
        ("CREATE EXTENSION hstore VERSION '1.4'", "CREATE EXTENSION hstore", "extension hstore"),
        (f"{MATVIEW} WITH NO DATA", MATVIEW, "matview public.m"),
    ],
    ids=["version of an extension", "filled on the destination alone"],
)
def test_what_stands_in_no_definition_is_found(
    servers: Servers, major: int, source: str, destination: str, what: str
) -> None:
    one, other = servers.database(major), servers.database(major)
    one.run(source)
    other.run(destination)
    assert [m.what for m in verify_copy(Settings(one.dsn, other.dsn), lambda event: None)] == [what]


def test_a_difference_of_every_kind_is_planted() -> None:
    kinds = {kind for template in definitions.templates(99) for kind in template.kinds} - {"database"}
    assert kinds | OF_CONTRIB == {kind.name for kind in KINDS}
