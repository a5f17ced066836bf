"""Random schemas, random subsets and filters: the copy has the rows that brute force finds, or the clone is refused.

`pytest -m fuzz` tries many, the usual run a few.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replicator.errors import PreflightFailed
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from replicator.settings.definition import Definition
from tests.fix_servers import VERSIONS, Database, Servers
from tests.subset.reference import Reference, Row, contents

FEW, MANY = 16, 150
RULES = ("drop", "drop", "null", "null", "null", "keep-not-valid", "refuse")
OLDEST, NEWEST = min(VERSIONS), max(VERSIONS)


@dataclass
class Drawn:
    """A schema with its rows, and what to copy of it."""

    script: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    partitioned: set[str] = field(default_factory=set)
    definition: dict[str, Any] = field(default_factory=dict)
    lasting: set[str] = field(default_factory=set)
    """Foreign keys whose columns cannot be NULL."""


def drawn(seed: int) -> Drawn:
    """Draw tables, keys between them, rows, and a definition."""
    at = random.Random(seed)
    it = Drawn(names=[f'public."T {n}"' if at.random() < 0.2 else f"public.t{n}" for n in range(at.randint(3, 8))])
    two: dict[str, bool] = {}
    ids: dict[str, list[int]] = {}
    for name in it.names:
        two[name] = at.random() < 0.3
        ids[name] = sorted(at.sample(range(1, 60), at.randint(0, 40)))
        if at.random() < 0.25:
            it.partitioned.add(name)
        by = " PARTITION BY RANGE (id)" if name in it.partitioned else ""
        key = at.choice(["id, part", "part, id"]) if two[name] else "id"
        it.script.append(f"CREATE TABLE {name} (id {at.choice(['int', 'bigint'])}, part int NOT NULL DEFAULT 0,"
                         f" v text, PRIMARY KEY ({key})){by};")  # fmt: skip
        if by:
            low, high = (f'public."{part} of {name.partition(".")[2].strip(chr(34))}"' for part in ("low", "high"))
            it.script += [
                f"CREATE TABLE {low} PARTITION OF {name} FOR VALUES FROM (MINVALUE) TO (30);",
                f"CREATE TABLE {high} PARTITION OF {name} FOR VALUES FROM (30) TO (MAXVALUE);",
            ]
        it.script += [f"INSERT INTO {name} VALUES ({id}, {id % 3}, 'v{id}');" for id in ids[name]]
    for number in range(at.randint(2, 10)):
        _key(it, at, number, two, ids)
    it.definition = _definition(it, at)
    return it


def _key(it: Drawn, at: random.Random, number: int, two: dict[str, bool], ids: dict[str, list[int]]) -> None:
    child, parent = at.choice(it.names), at.choice(it.names)
    name = f"k{number}"
    columns = [f"{name}_id"] + [f"{name}_part"] * two[parent]
    referenced = ["id", "part"] if two[parent] else ["id"]
    if not two[parent] and at.random() < 0.15 and not two[child] and set(ids[child]) <= set(ids[parent]):
        columns = ["id"]  # a row of a row, with the same key
        it.lasting.add(name)
    else:
        it.script += [f"ALTER TABLE {child} ADD {column} int;" for column in columns]
        for id in ids[child]:
            if ids[parent] and at.random() < 0.7:
                to = at.choice(ids[parent])
                values = zip(columns, (to, to % 3), strict=False)
                it.script.append(f"UPDATE {child} SET {', '.join(f'{c} = {v}' for c, v in values)} WHERE id = {id};")
    full = " MATCH FULL" * (at.random() < 0.3)
    defer = at.choice(["", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"])
    it.script.append(f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY ({', '.join(columns)})"
                     f" REFERENCES {parent} ({', '.join(referenced)}){full}{defer};")  # fmt: skip
    if at.random() < 0.4 and not it.partitioned & {child}:
        it.script.append(f"CREATE INDEX ON {child} ({columns[0]});")


def _definition(it: Drawn, at: random.Random) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    many = at.choice([0.0, 0.2, 0.4])
    for name in it.names:
        if many and at.random() < 0.85:
            tables[name] = {"dangling": at.choice(RULES)}
        if at.random() < many:
            tables.setdefault(name, {})["where"] = f"id % {at.randint(2, 4)} > 0"
    subset: dict[str, Any] = {
        "roots": {name: at.choice(["true", "id % 2 = 0", "id < 20", "v = 'v7' OR id = 12"])
                  for name in at.sample(it.names, at.randint(1, 2))},
        "follow": at.choice(["all", "all", at.sample(it.names, at.randint(0, 3))]),
        "others": at.choice(["all", "none"]),
    }  # fmt: skip
    if at.random() < 0.5:
        subset["depth"] = at.randint(0, 3)
    return {"tables": tables, "subset": subset} if at.random() < 0.75 or not tables else {"tables": tables}


class Judged:
    """What brute force makes of it: the rows, and NULLs in them; or a refusal."""

    def __init__(self, it: Drawn, source: Database) -> None:
        self.reference = Reference(source)
        tables = it.definition["tables"]
        self.rules = {leaf: rule.get("dangling", "refuse")
                      for name, rule in tables.items() for leaf in self.reference.leaves(source, name)}  # fmt: skip
        out: set[Row] = set()
        for name, rule in tables.items():
            if "where" in rule:
                out |= self.reference.where(source, name, f"({rule['where']}) IS NOT TRUE")
        self.rows = self._selected(it, source, self.reference.rows.keys() - out)
        self.nulls: dict[Row, set[str]] = {}
        self.not_valid: set[str] = set()
        self.refused = False
        self._dangling(it)

    def _selected(self, it: Drawn, source: Database, allowed: set[Row]) -> set[Row]:
        subset = it.definition.get("subset")
        if not subset:
            return set(allowed)
        roots = set().union(*(self.reference.where(source, name, c) for name, c in subset["roots"].items()))
        follow = None if subset["follow"] == "all" else subset["follow"]
        rows = self.reference.subset(roots, follow=follow, depth=subset.get("depth"), allowed=allowed)
        if subset["others"] == "all":
            families = [set(self.reference.leaves(source, name)) for name in it.names]
            begin = {leaf for family in families for leaf in family if family & self._roots(source, subset)}
            aside = self.reference.aside(begin, families)
            rows |= {row for row in allowed if row[0] in aside}
        return rows

    def _roots(self, source: Database, subset: dict[str, Any]) -> set[str]:
        return {leaf for name in subset["roots"] for leaf in self.reference.leaves(source, name)}

    def _dangling(self, it: Drawn) -> None:
        while True:
            found = [
                (key, row) for key in self.reference.keys for row in self.rows if key.up.get(row, set()) - self.rows
            ]
            drop = {row for _, row in found if self.rules.get(row[0]) == "drop"}
            if not drop:
                break
            self.rows -= drop
        for key, row in found:
            match self.rules.get(row[0], "refuse"):
                case "refuse":
                    self.refused = True
                case "null":
                    self.refused |= key.name in it.lasting
                    self.nulls.setdefault(row, set()).update(key.columns)
                case "keep-not-valid":
                    self.not_valid.add(key.name)


def check(seed: int, servers: Servers) -> None:
    it = drawn(seed)
    major = (OLDEST, NEWEST)[seed % 2]
    with _database(servers, major) as source, _database(servers, major) as destination:
        source.run("\n".join(it.script) + "ANALYZE;" * (seed % 3 > 0))
        wanted = Judged(it, source)
        options = Settings(source.dsn, destination.dsn, definition=Definition.of(it.definition), jobs=2)
        if wanted.refused:
            with pytest.raises(PreflightFailed):
                clone(options, lambda event: None)
            assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0
            return
        clone(options, lambda event: None)
        expected, there = wanted.reference.contents(wanted.rows, wanted.nulls), contents(destination)
        for table in expected:
            assert there[table] == expected[table], (seed, table)
        invalid = {name for (name,) in destination.rows(NOT_VALID)}
        partitioned = {key.name for key in wanted.reference.keys if len(key.children) > 1 and major < 18}
        assert invalid == wanted.not_valid - partitioned, seed
        assert verify_copy(options, lambda event: None) == [], seed


NOT_VALID = "SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND NOT convalidated AND conparentid = 0"


class _database:  # noqa: N801 - a context manager
    def __init__(self, servers: Servers, major: int) -> None:
        self._server = servers[major]
        self._database = servers.database(major)

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._server.conninfo(), autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{self._database.name}"')


seeds = st.integers(0, 10**9)
quiet = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@settings(quiet, max_examples=FEW)
@given(seeds)
def test_a_few_subsets_are_those_of_brute_force(servers: Servers, seed: int) -> None:
    check(seed, servers)


@pytest.mark.fuzz
@settings(quiet, max_examples=MANY)
@given(seeds)
def test_many_subsets_are_those_of_brute_force(request: pytest.FixtureRequest, servers: Servers, seed: int) -> None:
    if request.config.getoption("markexpr") != "fuzz":
        pytest.skip("only with -m fuzz")
    check(seed, servers)


def test_the_seeds_have_cases_of_all_kinds() -> None:
    """Else the others would show nothing."""
    its = [drawn(seed) for seed in range(300)]
    assert any(it.partitioned for it in its) and any(it.lasting for it in its)
