"""Rows that belong into other partitions on the destination arrive there: another encoding, locale or provider."""

import psycopg
import pytest

from replicator import events
from replicator.model import CopyTable
from replicator.runs.plan import plan_copy
from replicator.settings import Settings
from tests.fix_cli import NEWEST, Run, both, runs
from tests.fix_servers import Database, Servers

NAMES = """'Müller', 'Özil', 'ärger', 'Zebra', 'apfel', 'Apfel', 'Éclair', 'éclair', 'zebra', '€uro', 'ß', 'ÿ'"""
HASH = """CREATE TABLE h (id int, name text) PARTITION BY HASH (name);
CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON h (id); ALTER TABLE h ADD UNIQUE (name, id);"""
RANGE = """CREATE TABLE r (id int, name text) PARTITION BY RANGE (name);
CREATE TABLE r0 PARTITION OF r FOR VALUES FROM (MINVALUE) TO ('a');
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM ('a') TO ('b');
CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('b') TO (MAXVALUE);"""
LIST = """CREATE TABLE l (id int, name text) PARTITION BY LIST (upper(name));
CREATE TABLE l0 PARTITION OF l FOR VALUES IN ('MÜLLER', 'ÖZIL', 'ÄRGER', 'ÉCLAIR');
CREATE TABLE l1 PARTITION OF l DEFAULT;"""
NUMBERS = """CREATE TABLE n (id int, name text) PARTITION BY HASH (id);
CREATE TABLE n0 PARTITION OF n FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE n1 PARTITION OF n FOR VALUES WITH (MODULUS 2, REMAINDER 1);"""


def quiet(event: events.Event) -> None:
    pass


def filled(table: str) -> str:
    words = f"unnest(ARRAY[{NAMES}]) WITH ORDINALITY u (name, n)"
    return f"INSERT INTO {table} SELECT n, name || g FROM generate_series(1, 20) g, {words};"


def through(settings: Settings) -> dict[str, str | None]:
    """Return the tables that are copied, and the root that each goes through."""
    steps = plan_copy(settings, quiet).steps
    return {s.work.table.identity: s.work.table.root for s in steps if isinstance(s.work, CopyTable)}


def holds(database: Database, table: str) -> set[tuple]:
    return set(database.rows(f"SELECT id, convert_to(name, 'UTF8') FROM {table}"))


C = "ENCODING 'UTF8' LOCALE 'C'"
OTHERS = {
    "encoding": ("ENCODING 'WIN1252' LOCALE 'C'", C),
    "locale": (C, "ENCODING 'UTF8' LOCALE 'C.UTF-8'"),
    "builtin": (C, f"{C} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'"),
    "icu": (C, f"{C} LOCALE_PROVIDER icu ICU_LOCALE 'de'"),
}


def made(servers: Servers, options: str) -> Database:
    try:
        return servers.database(NEWEST, options)
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("built without ICU")


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(("table", "script"), [("h", HASH), ("r", RANGE), ("l", LIST)])
def test_each_row_arrives_where_it_belongs(other: str, table: str, script: str, replicator: Run, servers: Servers):
    source, destination = (made(servers, options) for options in OTHERS[other])
    source.run("SET client_encoding = 'UTF8';" + script + NUMBERS + filled(table) + filled("n"))
    runs(replicator("clone", "--verify", "--jobs", "4", *both(source, destination)))
    assert holds(destination, table) == holds(source, table)
    assert destination.dump("-s", "-E", "UTF8") == source.dump("-s", "-E", "UTF8")
    leaves = f"SELECT relid, pg_get_partition_constraintdef(relid) FROM pg_partition_tree('{table}') WHERE isleaf"
    for leaf, condition in destination.rows(leaves):
        assert destination.value(f"SELECT count(*) FROM ONLY {leaf} WHERE NOT ({condition})") == 0
    assert through(Settings(source.dsn, destination.dsn))["public.n0"] is None
    runs(replicator("verify", *both(source, destination)))


def test_partitions_go_by_themselves_where_all_is_alike(servers: Servers):
    source, destination = (servers.database(NEWEST, C) for _ in range(2))
    source.run(HASH + RANGE + LIST + NUMBERS + "".join(map(filled, "hrln")))
    assert set(through(Settings(source.dsn, destination.dsn)).values()) == {None}
    always = through(Settings(source.dsn, destination.dsn, load_via_partition_root=True))
    assert always["public.n1"] == "public.n"
    assert set(always.values()) == {"public.h", "public.r", "public.l", "public.n"}


def test_the_root_is_taken_on_demand(replicator: Run, database: Database, destination: Database):
    """Rows of partitions that the destination would cut otherwise, as nobody but the user can know."""
    database.run(HASH + NUMBERS + filled("h") + filled("n") + "CREATE TABLE t AS TABLE n")
    runs(replicator("clone", "--load-via-partition-root", "--verify", *both(database, destination)))
    assert destination.dump("--load-via-partition-root") == database.dump("--load-via-partition-root")
    assert destination.value("SELECT bool_or(relfrozenxid::text::int > 0) FROM pg_class WHERE relname = 'n0'")
    runs(replicator("verify", *both(database, destination)))


def test_indexes_of_a_partition_wait_for_all_rows_that_may_come_into_it(database: Database, destination: Database):
    database.run(HASH + "INSERT INTO h VALUES (1, 'x'), (2, 'xx'), (3, 'xxx'), (4, 'xxxx')")
    full, empty = sorted(("h0", "h1"), key=lambda name: not database.value(f"SELECT count(*) FROM {name}"))
    database.run(f"TRUNCATE {empty}")
    plan = plan_copy(Settings(database.dsn, destination.dsn, load_via_partition_root=True), quiet)
    needs = {step.name: step.needs for step in plan.steps}
    for leaf in (full, empty):
        assert f"data public.{full}" in needs[f"index public.{leaf}_id_idx"]


def test_a_version_that_is_not_known_counts_as_another(servers: Servers, spare_database: Database):
    """On two servers of one machine the order of libc's own locales is not told where there are none."""
    source = servers.database(NEWEST, C)
    source.run(
        """CREATE COLLATION own (PROVIDER = libc, LOCALE = 'C.UTF-8');
        CREATE TABLE o (a text COLLATE own) PARTITION BY RANGE (a);
        CREATE TABLE o1 PARTITION OF o FOR VALUES FROM (MINVALUE) TO (MAXVALUE); INSERT INTO o VALUES ('x');
        CREATE TABLE c (a text COLLATE "C") PARTITION BY RANGE (a);
        CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (MINVALUE) TO (MAXVALUE); INSERT INTO c VALUES ('x')"""
    )
    known = spare_database.value(
        "SELECT count(*) FROM pg_collation WHERE collprovider = 'c' AND collcollate !~ '^(C|P)'"
    )
    there = through(Settings(source.dsn, spare_database.dsn))
    assert there == {"public.c1": None, "public.o1": None if known else "public.o"}
