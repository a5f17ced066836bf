"""A table's reading and target decide which rows are copied and compared, with which values, and where they go.

No option makes one that differs from the table yet: here they are made by hand.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest

from replicator.catalog.read import read_catalog
from replicator.comparing import Verification, compare_sequences, verify
from replicator.comparing.fingerprint import Hashing
from replicator.comparing.rows import find_rows
from replicator.comparing.sides import Pair, Side
from replicator.events import Event
from replicator.journal import Journal
from replicator.model import (
    Catalog,
    CompareTable,
    CopyTable,
    Phase,
    Plan,
    Reading,
    SetSequences,
    Step,
    Table,
    Target,
)
from replicator.planning.statistics import carried_into
from replicator.runs.endpoints import Endpoints, open_both
from replicator.sessions import postgres, snapshot
from replicator.settings import Settings
from replicator.work.statistics import carry
from replicator.work.step_runner import StepRunner
from tests.fix_servers import VERSIONS, Database, Servers
from tests.test_work import begun

NEWEST = VERSIONS[-1]
SOURCE = """
CREATE TABLE customers (id int PRIMARY KEY, name text, joined date,
                        shout text GENERATED ALWAYS AS (upper(name)) STORED);
INSERT INTO customers SELECT i, 'name ' || i, 'epoch'::date + i FROM generate_series(1, 1000) i;
CREATE SEQUENCE numbers;
SELECT setval('numbers', 42);
ANALYZE;
"""
DESTINATION = """
CREATE SCHEMA "Odd";
CREATE TABLE "Odd".clients (id int PRIMARY KEY, name text, joined date,
                            shout text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE SEQUENCE "Odd".counter;
"""


@dataclass(frozen=True, slots=True)
class Chosen(Table):
    """Even customers, their names masked, under another name."""

    @property
    def reading(self) -> Reading:
        return Reading(self.identity, ("id", "'x' || length(name)", "joined"), "WHERE id % 2 = 0")

    @property
    def target(self) -> Target:
        return Target('"Odd".clients', ("id", "name", "joined"))

    @property
    def loaded_into(self) -> str:
        return self.target.relation


def chosen(catalog: Catalog) -> Catalog:
    """Read the customers so."""
    (table,) = catalog.tables
    chosen = Chosen(**{name: getattr(table, name) for name in Table.__dataclass_fields__})
    return replace(catalog, objects=(), tables=(chosen,), sequences=())


@pytest.fixture
def ends(servers: Servers) -> Iterator[tuple[Endpoints, Database]]:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(SOURCE)
    destination.run(DESTINATION)
    with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as opened:
        yield opened, destination


def catalogs(ends: Endpoints) -> tuple[Catalog, Catalog]:
    source = chosen(read_catalog(ends.snapshot.holder))
    there = replace(read_catalog(ends.control.conn), objects=(), sequences=())
    return source, replace(there, tables=tuple(table for table in there.tables if table.schema != "replicator"))


def do(ends: Endpoints, *steps: Step) -> None:
    """Do these steps as a clone does."""
    journal = Journal(Plan(steps))
    journal.create(ends.control.conn, begun(ends))
    runner = StepRunner(
        ends.source.sessions, ends.destination.sessions, ends.snapshot, ends.control, journal, list[Event]().append
    )
    for step in steps:
        runner.run([step], 0)


def copy(ends: Endpoints) -> None:
    (table,) = catalogs(ends)[0].tables
    do(ends, Step("data", Phase.DATA, CopyTable(table, table.reading, table.target, binary=False)))


@contextmanager
def comparison(ends: Endpoints, dsn: str) -> Iterator[Verification]:
    source, destination = catalogs(ends)
    with ExitStack() as stack:
        now = stack.enter_context(snapshot.take(dsn, ends.encoding, where="destination"))
        sides = (
            Side("source", ends.source.sessions, ends.snapshot, source),
            Side("destination", ends.destination.sessions, now, destination),
        )
        yield verify(*sides, jobs=1, emit=list[Event]().append, show_rows=5)


def test_only_the_rows_that_a_reading_chooses_are_copied_as_it_reads_them(ends: tuple[Endpoints, Database]) -> None:
    copy(ends[0])
    rows = ends[1].rows("SELECT count(*), min(id), string_agg(DISTINCT name, ',') FROM \"Odd\".clients")
    assert rows == [(500, 2, "x6,x7,x8,x9")]


def test_a_copy_is_compared_with_what_was_read(ends: tuple[Endpoints, Database]) -> None:
    copy(ends[0])
    with comparison(ends[0], ends[1].dsn) as found:
        assert found.mismatches == []
        assert found.tables == {}


@pytest.mark.parametrize("pieces", [False, True])
def test_rows_that_differ_from_what_was_read_are_found(
    pieces: bool, ends: tuple[Endpoints, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    if pieces:  # searched by buckets
        monkeypatch.setattr("replicator.comparing.rows.FEW_ROWS", 0)
    copy(ends[0])
    ends[1].run("UPDATE \"Odd\".clients SET name = 'name 10' WHERE id = 10")  # as on the source, unmasked
    ends[1].run('DELETE FROM "Odd".clients WHERE id = 20; INSERT INTO "Odd".clients VALUES (31, \'x7\')')
    with comparison(ends[0], ends[1].dsn) as found:
        (mismatch,) = found.mismatches
        assert mismatch.what == 'table "Odd".clients'
        assert [(row.how, row.key) for row in mismatch.rows] == [
            ("changed", {"id": "10"}), ("missing", {"id": "20"}), ("extra", {"id": "31"})
        ]  # fmt: skip
        assert mismatch.rows[0].source == {"name": "x7"}
        assert mismatch.rows[0].destination == {"name": "name 10"}


@pytest.mark.parametrize("replica", [False, True])
def test_rows_are_repaired_to_what_was_read(
    replica: bool, ends: tuple[Endpoints, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(ends[0])
    ends[1].run('UPDATE "Odd".clients SET name = \'name 10\' WHERE id = 10; DELETE FROM "Odd".clients WHERE id = 20')
    if not replica:
        monkeypatch.setattr(postgres, "become_replica", lambda conn: False)
    with comparison(ends[0], ends[1].dsn) as found:
        assert [outcome.done for outcome in found.repair().values()] == [True]
    with comparison(ends[0], ends[1].dsn) as again:
        assert again.mismatches == []


def test_a_key_that_is_read_as_an_expression_names_no_row(ends: tuple[Endpoints, Database]) -> None:
    """Two keys may become equal."""
    source, destination = catalogs(ends[0])
    (table,), (there,) = source.tables, destination.tables
    columns = tuple(column for column in table.columns if column.name == "id")
    work = CompareTable(Reading(table.identity, ("id / 2",)), Target(there.identity, ("id",)), columns)
    ends[1].run('INSERT INTO "Odd".clients SELECT i / 2 + 1000 * (i % 2) FROM generate_series(1, 1000) i')
    with snapshot.take(ends[1].dsn, ends[0].encoding, where="destination") as now:
        sides = Pair(
            Side("source", ends[0].source.sessions, ends[0].snapshot, source),
            Side("destination", ends[0].destination.sessions, now, destination),
        )
        found = find_rows(sides, work, Hashing(("UTF8", "UTF8"), since_18=True), 2000)
    assert found.key == ()
    assert found.counts == {"missing": 500, "extra": 500}


def test_a_sequence_is_set_and_compared_under_its_other_name(ends: tuple[Endpoints, Database]) -> None:
    (sequence,) = read_catalog(ends[0].snapshot.holder).sequences
    renamed = replace(sequence, alias='"Odd".counter')
    do(ends[0], Step("values", Phase.SEQUENCES, SetSequences((renamed,))))
    assert ends[1].rows('SELECT last_value, is_called FROM "Odd".counter') == [(42, True)]
    source, destination = (
        Side(name, sessions, ends[0].snapshot, replace(catalogs(ends[0])[0], tables=(), sequences=of))
        for name, sessions, of in (
            ("source", ends[0].source.sessions, (renamed,)),
            ("destination", ends[0].destination.sessions, read_catalog(ends[0].control.conn).sequences),
        )
    )
    assert compare_sequences(source, destination, None) == []
    ends[1].run("SELECT setval('\"Odd\".counter', 43)")
    (mismatch,) = compare_sequences(source, destination, None)
    assert mismatch.what == 'sequence "Odd".counter'


def test_statistics_go_to_the_table_under_its_other_name(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t (a int); CREATE INDEX i ON t ((a % 10));"
               "INSERT INTO t SELECT i FROM generate_series(1, 1000) i; ANALYZE t")  # fmt: skip
    destination.run('CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T" (a int); CREATE INDEX i ON "Odd"."T" ((a % 10));'
                    'INSERT INTO "Odd"."T" SELECT i FROM generate_series(1, 1000) i')  # fmt: skip
    with postgres.connect(source.dsn) as here, postgres.connect(destination.dsn) as there:
        (table,) = read_catalog(here).tables
        assert carry(here, there, {table.address: '"Odd"."T"'}) == {}
    known = "SELECT schemaname, tablename, attname, n_distinct FROM pg_stats WHERE tablename IN ('T', 'i') ORDER BY 2"
    assert destination.rows(known) == [("Odd", "T", "a", -1), ("Odd", "i", "expr", 10)]


def test_statistics_of_other_values_are_not_carried(ends: tuple[Endpoints, Database]) -> None:
    as_is = read_catalog(ends[0].snapshot.holder)
    assert carried_into(as_is, 190000).carried
    assert not carried_into(chosen(as_is), 190000).carried
