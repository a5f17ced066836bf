"""Random choices of objects: whatever is chosen arrives whole, and nothing dangles.

`pytest -m fuzz` tries a hundred for each database, the usual run a few. REPLICATOR_FUZZ_SEED is the first seed.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from replicator.catalog.rules import kind_list
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_cli import NEWEST
from tests.fix_servers import VERSIONS, Database, Servers
from tests.test_choosing import counts
from tests.test_kinds import fill_with_all_kinds
from tests.test_samples import CHINOOK, DATA, PAGILA
from tests.test_versions import STALE

FEW, MANY = 3, 100
NAMES = """
SELECT quote_ident(nspname), quote_ident(relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = relnamespace
 WHERE c.oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_'
 UNION
SELECT quote_ident(nspname), quote_ident(proname)
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = pronamespace
 WHERE p.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
 ORDER BY 1, 2
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    many = metafunc.config.getoption("markexpr") == "fuzz"
    first = int(os.environ.get("REPLICATOR_FUZZ_SEED", "1"))
    metafunc.parametrize("seed", range(first, first + (MANY if many else FEW)))


@pytest.fixture(scope="module")
def filled(servers: Servers) -> Iterator[dict[str, Database]]:
    """The databases to choose from, each filled when first asked for."""
    yield {}


def source_of(what: str, filled: dict[str, Database], servers: Servers) -> Database:
    if what not in filled:
        filled[what] = database = servers.database(12 if what == "oldest" and 12 in VERSIONS else NEWEST, kept=True)
        if what == "pagila":
            database.run("\n".join(path.read_text("utf-8") for path in PAGILA))
            database.run("REFRESH MATERIALIZED VIEW rental_by_category")
        elif what == "chinook":
            script = "\n".join(path.read_text("utf-8") for path in CHINOOK)
            database.run(script[script.index("\\c chinook_serial;") + len("\\c chinook_serial;") :])
        else:
            fill_with_all_kinds(database)
            database.run(STALE)
    return filled[what]


def choice(seed: int, source: Database) -> dict[str, Any]:
    """Return random patterns, kinds and sections."""
    at = random.Random(seed)
    names = source.rows(NAMES)

    def pattern() -> str:
        schema, name = at.choice(names)
        start = name.strip('"')[:2].replace('"', '""')
        return at.choice([f"{schema}.*", f"{schema}.{name}", name, f'"{start}"*', f'{schema}."{start[:1]}"*'])

    def patterns(share: float, most: int) -> tuple[str, ...]:
        return tuple(pattern() for _ in range(at.randint(1, most))) if at.random() < share else ()

    return {
        "include": patterns(0.6, 4),
        "table": patterns(0.2, 2),
        "exclude": patterns(0.5, 4),
        "exclude_table": patterns(0.2, 2),
        "exclude_data": patterns(0.4, 3),
        "include_kind": tuple(at.sample(kind_list(), 12)) if at.random() < 0.15 else (),
        "exclude_kind": tuple(at.sample(kind_list(), 2)) if at.random() < 0.3 else (),
        "section": at.choice([(), (), (), ("pre-data",), ("pre-data", "data")]),
        "allow_empty_patterns": True,
    }


@pytest.mark.fuzz
@pytest.mark.parametrize("what", ["kinds", "oldest", "pagila", "chinook"])
def test_a_random_choice_arrives(what: str, seed: int, filled: dict[str, Database], servers: Servers) -> None:
    if what in ("pagila", "chinook") and not DATA.exists():
        pytest.skip("no ../shared/data")
    source = source_of(what, filled, servers)
    destination = servers.database(source.major)
    chosen = choice(seed, source)
    settings = Settings(source.dsn, destination.dsn, jobs=3, **chosen)
    seen: list[Any] = []
    clone(settings, seen.append)
    assert verify_copy(settings, seen.append) == [], chosen
    # All that is there is on the source in the same words, but for what pg_dump prints in CREATE TABLE if it is there;
    # and a table has all of its rows or, by choice, none.
    whole = not any(chosen[name] for name in ("section", "include_kind", "exclude_kind"))
    strange = Counter(destination.dump("-s").splitlines()) - Counter(source.dump("-s").splitlines())
    assert [line for line in strange if whole and line and not line.startswith("--")] == [], chosen
    of_source = counts(source)
    for table, rows in counts(destination).items():
        left = rows == 0 and any(f"table {table}" in str(event) for event in seen)
        assert rows == of_source[table] or left, (table, chosen)
