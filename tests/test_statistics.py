"""Planner statistics: what the source's planner knows, the destination's knows; and the settings of a large load."""

import psycopg
import pytest

from replicator import checks, events
from replicator.catalog.read import read_catalog
from replicator.model import Address, Catalog, Statistics, Table
from replicator.runs.clone import clone
from replicator.runs.plan import plan_copy
from replicator.sessions.statements import for_version
from replicator.settings import Settings
from replicator.work.statistics import carry
from tests.fix_cli import NEWEST, Run, both, own_server, refuses
from tests.fix_servers import Database, Servers

SCRIPT = r"""
CREATE SCHEMA "Odd ""schema";
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', '{happy}');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE "Odd ""schema"."Odd ""table" (
    id integer PRIMARY KEY,
    "a ""column" text,
    tags text[],
    grid integer[],
    words tsvector,
    feeling mood,
    count positive,
    pair pair,
    doc jsonb,
    at timestamptz,
    gone integer,
    price numeric(10, 2),
    empty text
);
ALTER TABLE "Odd ""schema"."Odd ""table" DROP COLUMN gone;
INSERT INTO "Odd ""schema"."Odd ""table"
SELECT i
     , CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'quote '' " \ , {}' WHEN 2 THEN 'NULL' WHEN 3 THEN ''
                  ELSE 'row ' || i END
     , CASE WHEN i % 5 > 0 THEN ARRAY['it''s', NULL, '"q"', 'a,b', i % 11 || '\'] END
     , ARRAY[[i % 3, NULL], [i, i % 2]]
     , to_tsvector('simple', 'all words ' || i % 50)
     , (enum_range(NULL::mood))[1 + i % 3]
     , 1 + i % 100
     , ROW(i % 4, 'x,"y')::pair
     , jsonb_build_object('n', i % 10)
     , 'epoch'::timestamptz + i * interval '1 hour'
     , i / 7.0
  FROM generate_series(1, 3000) i;
CREATE INDEX by_lower ON "Odd ""schema"."Odd ""table" (lower("a ""column"), id, (id % 10)) WHERE id > 500;
CREATE TABLE parts (k integer, v text) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (1000) TO (2000);
CREATE INDEX ON parts ((k % 10));
INSERT INTO parts SELECT i, 'v' || i % 20 FROM generate_series(0, 1999) i;
CREATE TABLE old_parent (a integer);
CREATE TABLE old_child () INHERITS (old_parent);
INSERT INTO old_parent SELECT i % 10 FROM generate_series(1, 100) i;
INSERT INTO old_child SELECT i % 20 FROM generate_series(1, 300) i;
CREATE TABLE nothing_yet (a integer);
CREATE MATERIALIZED VIEW summary AS SELECT k % 100 AS k, count(*) FROM parts GROUP BY 1;
CREATE INDEX ON summary ((k % 7));
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE far_away (a integer) SERVER far;
SELECT format('ALTER %s %s SET (autovacuum_enabled = off)', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE'
              END, oid::regclass)
  FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384 \gexec
ANALYZE;
"""
RANGES = r"""
CREATE TABLE spans (id integer, span int4range, late daterange) WITH (autovacuum_enabled = off);
INSERT INTO spans SELECT i, CASE WHEN i % 9 > 0 THEN int4range(i % 50, i) END, daterange(NULL, '2020-01-01'::date + i)
  FROM generate_series(50, 1000) i;
ANALYZE spans;
"""
KNOWN = """
SELECT to_jsonb(s) - '{tableid,attnum,range_length_histogram,range_empty_frac,range_bounds_histogram}'::text[]
  FROM pg_stats s
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'replicator') AND tablename <> ALL (%s)
 ORDER BY schemaname, tablename, attname, inherited
"""


def copy(source: Database, destination: Database, **options: object) -> list[str]:
    """Clone, and return what was remarked."""
    seen: list[events.Event] = []
    clone(Settings(source.dsn, destination.dsn, jobs=2, **options), seen.append)
    return [event.text for event in seen if isinstance(event, events.Note)]


def known(database: Database, *, without: tuple[str, ...] = ()) -> list[tuple]:
    with psycopg.connect(database.dsn) as conn:
        return conn.execute(KNOWN, [list(without)]).fetchall()


def estimate(database: Database, query: str) -> int:
    return database.value(f"EXPLAIN (FORMAT json) {query}")[0]["Plan"]["Plan Rows"]


@pytest.fixture
def newest(servers: Servers) -> Database:
    return servers.database(NEWEST)


def test_the_planner_knows_what_it_knew_on_the_source(database: Database, newest: Database) -> None:
    database.run(SCRIPT + RANGES)
    notes = copy(database, newest)
    assert not [note for note in notes if "ANALYZE" in note]
    before = known(database, without=("spans",))
    assert {row[0]["tablename"] for row in before} >= {
        'Odd "table',
        "parts",
        "part_1",
        "by_lower",
        "summary",
        "old_parent",
    }
    assert known(newest, without=("spans",)) == before
    assert newest.value("SELECT count(*) FROM pg_stats WHERE tablename = 'spans'") == 3
    assert newest.value("SELECT count(range_bounds_histogram) FROM pg_stats WHERE tablename = 'spans'") == 2
    for query in (
        'SELECT FROM "Odd ""schema"."Odd ""table"',
        'SELECT FROM "Odd ""schema"."Odd ""table" WHERE tags @> ARRAY[\'it\'\'s\']',
        'SELECT FROM "Odd ""schema"."Odd ""table" WHERE feeling = \'{happy}\'',
        'SELECT FROM "Odd ""schema"."Odd ""table" WHERE words @@ \'7\'',
        'SELECT FROM "Odd ""schema"."Odd ""table" WHERE count < 20',
        "SELECT FROM parts WHERE v = 'v3'",
        "SELECT FROM part_1 WHERE k < 100",
        "SELECT FROM summary WHERE k = 5",
    ):
        assert estimate(newest, query) == estimate(database, query), query


def test_rows_are_estimated_alike_where_the_source_is_bloated(servers: Servers, newest: Database) -> None:
    source = servers.database(NEWEST)
    source.run("""
        CREATE TABLE t (a integer PRIMARY KEY, b text) WITH (autovacuum_enabled = off);
        INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i;
        DELETE FROM t WHERE a % 4 > 0;
    """)
    source.run("VACUUM ANALYZE t")
    copy(source, newest)
    size = "SELECT pg_relation_size('t')"
    assert newest.value(size) < source.value(size) / 3
    assert estimate(newest, "SELECT FROM t") == estimate(source, "SELECT FROM t") == 5000
    assert newest.value("SELECT reltuples FROM pg_class WHERE relname = 't_pkey'") == 5000


def test_what_cannot_be_carried_over_is_analyzed(database: Database, newest: Database) -> None:
    database.run("""
        CREATE TABLE related (a integer, b integer);
        INSERT INTO related SELECT i % 10, i % 10 FROM generate_series(1, 1000) i;
        CREATE STATISTICS both_of (dependencies) ON a, b FROM related;
        ANALYZE related;
        CREATE TABLE never (a integer PRIMARY KEY) WITH (autovacuum_enabled = off);
        INSERT INTO never SELECT generate_series(1, 1000);
        CREATE TABLE empty (a integer);
    """)
    plan = plan_copy(Settings(database.dsn, newest.dsn), lambda event: None)
    names = [step.name for step in plan.steps if step.phase == "statistics"]
    if NEWEST >= 19:
        assert names == ["analyze public.never", "statistics public.related and 1 more"]
    else:
        assert names == ["analyze public.related", "analyze public.never", "statistics public.empty"]
    copy(database, newest)
    assert newest.value("SELECT count(*) FROM pg_statistic_ext_data") == 1
    assert newest.value("SELECT count(*) FROM pg_stats WHERE tablename IN ('related', 'never')") == 3


EXTENDED = """
CREATE TABLE related (gone int, a int, "b ""c" int, c text) WITH (autovacuum_enabled = off);
ALTER TABLE related DROP COLUMN gone;
INSERT INTO related
SELECT i % 10, i % 10, CASE WHEN i % 3 > 0 THEN 'it''s "' || i % 5 END FROM generate_series(1, 1000) i;
CREATE STATISTICS "Odd ""name" ON c, a, "b ""c" FROM related;
CREATE STATISTICS only_distinct (ndistinct) ON "b ""c", a FROM related;
CREATE STATISTICS of_expressions ON (a + "b ""c"), c, (lower(c)), (ARRAY[a, 1]) FROM related; --14+
CREATE STATISTICS of_one ON (a * 2) FROM related; --14+
CREATE TABLE parted (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
CREATE STATISTICS of_parted ON k, v FROM parted; --15+
INSERT INTO parted SELECT i, i % 10 FROM generate_series(1, 900) i;
CREATE TABLE computed (a int, b int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL); --19+
INSERT INTO computed SELECT i % 10, i % 10 FROM generate_series(1, 100) i; --19+
CREATE STATISTICS of_virtual ON twice, b FROM computed; --19+
CREATE STATISTICS of_ranges ON b, (int4range(a, 100)) FROM computed; --19+
ANALYZE;
"""
KNOWN_TOGETHER = """
SELECT s.tablename, s.statistics_name, s.attnames, to_jsonb(s) -> 'inherited', s.most_common_vals::text
     , s.most_common_freqs, s.most_common_base_freqs
     , ARRAY(SELECT to_jsonb(e) - '{tableid,statistics_id,inherited}'::text[] --14+
                - '{range_length_histogram,range_empty_frac,range_bounds_histogram}'::text[] --14+
               FROM pg_stats_ext_exprs e WHERE e.statistics_name = s.statistics_name) --14+
  FROM pg_stats_ext s ORDER BY 1, 2, 4
"""
ESTIMATED = (
    'SELECT FROM related WHERE a = 1 AND "b ""c" = 1 AND c = \'it\'\'s "1\'',
    'SELECT FROM related GROUP BY a, "b ""c"',
    'SELECT FROM related GROUP BY c, "b ""c"',
    'SELECT FROM related WHERE a + "b ""c" = 4 AND lower(c) IS NULL',
    "SELECT FROM related WHERE a * 2 = 4",
    "SELECT FROM parted WHERE k = 3 AND v = 3",
)


def known_together(database: Database) -> list[tuple]:
    found = database.rows(for_version(KNOWN_TOGETHER, database.major))
    if database.major < 15:  # which does not say what is inherited
        found = [(*row[:3], row[0] == "parted", *row[4:]) for row in found]
    return found


@pytest.mark.skipif(NEWEST < 19, reason="no server at hand takes over what statistics objects know")
def test_what_columns_have_in_common_is_known_to_the_planner(database: Database, newest: Database) -> None:
    database.run(for_version(EXTENDED, database.major))
    estimates = [estimate(database, query) for query in ESTIMATED]
    plan = plan_copy(Settings(database.dsn, newest.dsn), lambda event: None)
    assert not [step.name for step in plan.steps if step.name.startswith("analyze public.related")]
    notes = copy(database, newest)
    assert not [note for note in notes if "ANALYZE" in note]
    before = known_together(database)
    assert len(before) >= 2
    assert [row[: len(before[0])] for row in known_together(newest)] == before
    assert [estimate(newest, query) for query in ESTIMATED] == estimates
    if database.major >= 19:
        every = "SELECT n_distinct::text, dependencies::text FROM pg_stats_ext WHERE tablename = 'computed' ORDER BY 1"
        assert newest.rows(every) == database.rows(every)
        bounds = "SELECT range_bounds_histogram::text FROM pg_stats_ext_exprs WHERE tablename = 'computed' ORDER BY 1"
        assert newest.rows(bounds) == database.rows(bounds) != []


@pytest.mark.pg("< 18")
def test_an_older_destination_analyzes_and_refuses_to_take_over(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run("CREATE TABLE t (a integer); INSERT INTO t SELECT generate_series(1, 100); ANALYZE t")
    refused = replicator("clone", *both(database, destination), "--statistics", "transfer")
    refuses(refused, 3, "requires PostgreSQL 18 or newer")
    copy(database, destination)
    assert destination.value("SELECT count(*) FROM pg_stats WHERE tablename = 't'") == 1


def test_statistics_can_be_computed_or_left_out(servers: Servers) -> None:
    source = servers.database(NEWEST)
    source.run("""CREATE TABLE t (a integer); INSERT INTO t SELECT generate_series(1, 100);
               CREATE MATERIALIZED VIEW m AS SELECT a FROM t""")
    for how, count in ((Statistics.ANALYZE, 2), (Statistics.NONE, 0)):
        destination = servers.database(NEWEST)
        copy(source, destination, statistics=how)
        assert destination.value("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'") == count


@pytest.mark.parametrize(
    ("table", "reason"), [("t (a integer)", "did not accept"), ("t (b integer)", 'column "a" of relation "t"')]
)
def test_what_the_destination_does_not_accept_is_named(
    table: str, reason: str, servers: Servers, newest: Database
) -> None:
    source = servers.database(NEWEST)
    source.run("CREATE TABLE t (a text); INSERT INTO t SELECT 'x' FROM generate_series(1, 100); ANALYZE t")
    newest.run(f"CREATE TABLE {table}")
    with psycopg.connect(source.dsn, autocommit=True) as here, psycopg.connect(newest.dsn, autocommit=True) as there:
        here.execute("SET search_path = ''")
        address = next(t.address for t in read_catalog(here).tables)
        refused = carry(here, there, {Address(*address): "public.t"})
    assert list(refused) == ["public.t"]
    assert reason in refused["public.t"]


def test_long_values_are_compressed_as_chosen(database: Database, destination: Database, replicator: Run) -> None:
    database.run("CREATE TABLE t (a text); INSERT INTO t SELECT repeat('long ', 10000)")
    can = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    if destination.rows(can) == [(True,)]:
        copy(database, destination, toast_compression="lz4")
        assert destination.value("SELECT pg_column_compression(a) FROM t") == "lz4"
    else:
        why = "cannot choose" if database.major < 14 else "was built without it"
        refuses(replicator("clone", *both(database, destination), "--toast-compression", "lz4"), 3, "lz4", why)


def catalog_of(gigabytes: int) -> Catalog:
    table = Table(Address(1259, 20000), "public.t", "public", (), gigabytes * checks.GB, 1, None)
    return Catalog(180000, (), (table,), (), (), frozenset())


def test_settings_that_hold_a_large_load_back_are_told() -> None:
    with (
        own_server(wal_level="replica", max_wal_size="1GB", shared_buffers="16MB") as server,
        psycopg.connect(server.conninfo(), autocommit=True) as conn,
    ):
        findings = checks.check_catalog(conn, conn, catalog_of(40), roles=False)
        assert not any(finding.fatal for finding in findings)
        said = " ".join(f"{finding.text} {finding.remedy}" for finding in findings)
        for words in (
            "about 76 checkpoints",
            "SET max_wal_size = '16GB'",
            "wal_level on the destination is replica",
            "shared_buffers on the destination is",
        ):
            assert words in said
        assert "archived" not in said
        assert checks.check_catalog(conn, conn, catalog_of(1), roles=False) == []
