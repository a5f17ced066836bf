"""Verification convicts: each difference is found and named, down to the row, and rows can be repaired."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replicator import events
from replicator.comparing import Mismatch, rows
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import SOME, VERSIONS, Database, Servers, fill
from tests.planted.tables import ROWS, Plant, plant_rows

NEWEST = VERSIONS[-1]
OLDEST = VERSIONS[0]


def compare(source: Database, destination: Database, **options: object) -> list[Mismatch]:
    return verify_copy(Settings(source.dsn, destination.dsn, jobs=2, **options), lambda event: None)


def rows_of(mismatches: list[Mismatch], table: str) -> list[tuple]:
    """Return what is said of a table's rows: how, and the key's values."""
    rows = [row for mismatch in mismatches if mismatch.what == f"table {table}" for row in mismatch.rows]
    return sorted((row.how, *row.key.values()) for row in rows)


KINDS = {
    "table public.gone": ("CREATE TABLE gone ()", "DROP TABLE gone", "missing"),
    "table public.more": ("", "CREATE TABLE more ()", "extra"),
    "view public.v": ("CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a", "different"),
    "table public.t": ("CREATE TABLE t AS SELECT 1 AS a", "UPDATE t SET a = 2", "rows"),
    "sequence public.s": ("CREATE SEQUENCE s", "SELECT setval('s', 7)", "different"),
    "matview public.m": ("CREATE MATERIALIZED VIEW m AS SELECT 1", "REFRESH MATERIALIZED VIEW m WITH NO DATA",
                         "unpopulated"),
    "foreign_key k on public.b": ("CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (CONSTRAINT k FOREIGN KEY (i)"
                                  "REFERENCES a, i int)",
                                  "ALTER TABLE b DISABLE TRIGGER ALL", "disabled"),
}  # fmt: skip


def test_a_difference_has_a_kind_for_programs(pair: tuple[Database, Database]) -> None:
    fill(pair, ";".join(first for first, _, _ in KINDS.values()))
    pair[1].run(";".join(then for _, then, _ in KINDS.values()))
    assert {m.what: m.kind for m in compare(*pair)} == {what: kind for what, (_, _, kind) in KINDS.items()}


def test_the_value_of_a_sequence_is_told_in_words(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE SEQUENCE s; SELECT setval('s', 5000)")
    pair[1].run("SELECT setval('s', 5000, false)")
    (found,) = compare(*pair)
    assert found.how == "different: last value 5000 on the source, next value 5000 on the destination"


def test_tables_whose_columns_differ_are_a_kind_of_their_own(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE t (a int)")
    pair[1].run("ALTER TABLE t ADD b int")
    assert {(m.kind, m.about) for m in compare(*pair)} == {("different", "definition"), ("columns", "rows")}


# Rows


KEYED = """
CREATE TABLE t (a int, b text COLLATE "C", c numeric, d timestamptz, PRIMARY KEY (a, b));
INSERT INTO t SELECT i, 'k' || i % 3, i / 7.0, to_timestamp(i) FROM generate_series(1, 1000) i;
"""


def test_rows_are_named_by_their_key(pair: tuple[Database, Database]) -> None:
    fill(pair, KEYED)
    pair[1].run("""UPDATE t SET c = NULL WHERE a = 10; DELETE FROM t WHERE a = 20;
                   INSERT INTO t VALUES (2000, 'new', 1, NULL)""")
    (mismatch,) = compare(*pair)
    assert mismatch.how == "different: 1000 rows on both sides, but not the same: 1 changed, 1 extra, 1 missing"
    assert rows_of([mismatch], "public.t") == [
        ("changed", "10", "k1"),
        ("extra", "2000", "new"),
        ("missing", "20", "k2"),
    ]
    changed = next(row for row in mismatch.rows if row.how == "changed")
    assert changed.source == {"c": "1.4285714285714286"}
    assert changed.destination == {"c": None}


def is_found(plant: Plant, mismatches: list[Mismatch], source: Database) -> bool:
    """Tell whether a planted difference is named: its table, how, and its key."""
    identity = '"Without key"' if plant.table == "Without key" else plant.table
    key = None if plant.key is None else str(source.value(f"SELECT {plant.key}"))
    for mismatch in mismatches:
        if mismatch.what in (f"table public.{identity}", f"table public.{identity}_0", f"table public.{identity}_1"):
            for row in mismatch.rows:
                if row.how == plant.how and (key is None or key in row.key.values()):
                    return True
    return False


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is big: read in pieces and chunks of few blocks, searched by buckets."""
    monkeypatch.setattr("replicator.comparing.PIECE_BYTES", 40_000)
    monkeypatch.setattr("replicator.comparing.fingerprint.CHUNK_BYTES", 10_000)
    monkeypatch.setattr("replicator.comparing.rows.FEW_ROWS", 0)
    monkeypatch.setattr("replicator.comparing.rows.FETCHED_ROWS", 7)


@pytest.mark.pg("in 13 14 18")
@pytest.mark.usefixtures("in_small_pieces")
def test_big_tables_are_read_in_pieces_and_searched_by_buckets(pair: tuple[Database, Database], major: int) -> None:
    fill(pair, ROWS.format(rows=2000))
    # Other places, other blocks, another size: only the rows count.
    pair[1].run("UPDATE by_id SET n = n; DELETE FROM long; VACUUM long; DELETE FROM by_mood")
    pair[1].run("INSERT INTO by_mood SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i, point(i, i)"
                " FROM generate_series(2000, 1, -1) i")  # fmt: skip
    (mismatch,) = compare(*pair)
    assert str(mismatch).startswith(
        "table public.long: different: 20 rows on the source, 0 on the destination: 20 missing"
    )
    plants = plant_rows(60, 2000, seed=1)
    pair[1].run(";\n".join(plant.statement for plant in plants if plant.table != "long"))
    mismatches = compare(*pair)
    assert not [plant for plant in plants if plant.table != "long" and not is_found(plant, mismatches, pair[0])]
    steps = [event.step for event in seen_by_verify(*pair) if isinstance(event, events.Done)]
    assert any(step.startswith("verify table public.by_id, part 3 of ") for step in steps) == (major >= 14)


def seen_by_verify(source: Database, destination: Database) -> list[events.Event]:
    seen: list[events.Event] = []
    verify_copy(Settings(source.dsn, destination.dsn), seen.append)
    return seen


def test_what_is_read_is_reported_while_it_is_read(servers: Servers) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    calm = "WITH (autovacuum_enabled = off)"  # a vacuum meanwhile would add to the size
    table = f"CREATE TABLE t {calm} AS SELECT i FROM generate_series(1, 100000) i"
    fill(pair, f"{table}; CREATE MATERIALIZED VIEW m {calm} AS TABLE t")
    seen = seen_by_verify(*pair)
    moved = sum(event.bytes for event in seen if isinstance(event, events.Moved))
    sizes = "SELECT pg_relation_size('t') + pg_relation_size('m')"
    assert moved == sum(int(str(database.value(sizes))) for database in pair)


@pytest.mark.skipif(OLDEST == NEWEST, reason="needs two versions")
def test_planted_rows_are_found_and_repaired_across_versions(servers: Servers) -> None:
    pair = servers.database(OLDEST), servers.database(NEWEST)
    pair[0].run(ROWS.format(rows=2000) + '; CREATE TABLE "json" ("json" int PRIMARY KEY)')
    pair[0].run('INSERT INTO "json" VALUES (1)')
    clone(Settings(*(database.dsn for database in pair)), lambda event: None)
    assert compare(*pair) == []
    plants = plant_rows(60, 2000, seed=2)
    pair[1].run(";\n".join(plant.statement for plant in plants))
    pair[1].run('UPDATE "json" SET "json" = 2')
    mismatches = compare(*pair)
    assert not [plant for plant in plants if not is_found(plant, mismatches, pair[0])]
    assert [row.how for m in mismatches if "json" in m.what for row in m.rows] == ["missing", "extra"]
    assert all(mismatch.repaired for mismatch in compare(*pair, repair=True))
    assert compare(*pair) == []


def test_planted_rows_are_found_and_repaired_across_encodings(servers: Servers) -> None:
    source = servers.database(NEWEST, "ENCODING 'LATIN1' LOCALE 'C'")
    destination = servers.database(NEWEST, "ENCODING 'UTF8' LOCALE 'C'")
    rows = """SET client_encoding = 'UTF8';
              CREATE TABLE t (name text PRIMARY KEY, other varchar(20)[], n int, j json);
              INSERT INTO t SELECT 'é' || i, ARRAY['ß' || i], i, '{"ü": 1}' FROM generate_series(1, 500) i;"""
    fill((source, destination), rows)
    assert compare(source, destination) == []
    destination.run(
        "SET client_encoding = 'UTF8'; UPDATE t SET other = ARRAY['ss7'] WHERE n = 7; DELETE FROM t WHERE n = 8;"
        " UPDATE t SET name = 'è9' WHERE n = 9"
    )
    mismatches = compare(source, destination, repair=True)
    assert rows_of(mismatches, "public.t") == [
        ("changed", "é7"), ("extra", "è9"), ("missing", "é8"), ("missing", "é9"),
    ]  # fmt: skip
    assert [mismatch.repaired for mismatch in mismatches] == [True]
    assert compare(source, destination) == []


def test_what_is_equal_but_written_otherwise_is_found(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE t (a int PRIMARY KEY, n numeric, f float8, i interval, r int[])")
    pair[0].run("INSERT INTO t VALUES (1, 1.0, 0, '1 day', '{1,2}')")
    pair[1].run("INSERT INTO t VALUES (1, 1.00, '-0', '24 hours', '[0:1]={1,2}')")
    (mismatch,) = compare(*pair)
    assert mismatch.rows[0].destination == {"n": "1.00", "f": "-0", "i": "24:00:00", "r": "[0:1]={1,2}"}
    assert [m.repaired for m in compare(*pair, repair=True)] == [True]
    assert compare(*pair) == []


@pytest.mark.parametrize("values", ["1, 4294967296", "-1, -4294967296", "0, 4294967295"])
def test_bigints_whose_halves_cancel_out_differ(servers: Servers, values: str) -> None:
    """hashint8 gives the same for both of them."""
    pair = servers.database(NEWEST), servers.database(NEWEST)
    one, other = values.split(", ")
    fill(pair, "CREATE TABLE t (a bigint)")
    pair[0].run(f"INSERT INTO t VALUES ({one})")
    pair[1].run(f"INSERT INTO t VALUES ({other})")
    (mismatch,) = compare(*pair)
    assert mismatch.how.endswith("1 extra, 1 missing")


def test_rows_under_other_columns_are_said_not_to_be_compared(servers: Servers) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int); CREATE TABLE u (a int); INSERT INTO u VALUES (1)")
    pair[1].run("ALTER TABLE t ADD b int; ALTER TABLE u ALTER a TYPE bigint")
    said = {(m.what, m.how.split(":")[0]) for m in compare(*pair)}
    assert said == {
        ("table public.t", "different"),
        ("table public.t", "rows not compared"),
        ("table public.u", "different"),
    }


# Words that a server prints otherwise once it has read them


WORDS = {
    "null in a union": """
        CREATE TABLE a (country int); CREATE TABLE b (x int);
        CREATE VIEW v AS SELECT q.country FROM (SELECT country FROM a UNION ALL SELECT NULL FROM b) q;
        CREATE MATERIALIZED VIEW m AS SELECT q.country FROM (SELECT country FROM a UNION ALL SELECT NULL FROM b) q;
        CREATE VIEW w WITH (security_barrier) AS
            SELECT q.country FROM (SELECT NULL AS country UNION ALL SELECT country FROM a) q;
        CREATE VIEW x AS WITH q AS (SELECT country FROM a UNION SELECT NULL) SELECT country AS "AS AS" FROM q
    """,
    "literal in a union": """
        CREATE TABLE a (t text, d date, n numeric);
        CREATE VIEW v AS SELECT q.* FROM (SELECT t, d, n FROM a UNION ALL SELECT 'x', '2026-01-01', '1.5') q;
        CREATE VIEW w AS SELECT q.t FROM (SELECT t FROM a UNION ALL (SELECT NULL EXCEPT SELECT 'y')) q
    """,
    "varchar in": """
        CREATE TABLE t (a varchar CHECK (a IN ('x', 'y')), b varchar NOT NULL);
        CREATE INDEX i ON t (a) WHERE a IN ('x', 'y');
        CREATE VIEW v AS SELECT a IN ('x', 'y') AS b FROM t WHERE b IN ('p', 'q')
    """,
    "key words as names": """
        CREATE FUNCTION f("json" json) RETURNS json LANGUAGE sql AS 'SELECT $1';
        CREATE TABLE t ("json" json); CREATE VIEW v AS SELECT t."json" FROM t;
        CREATE FUNCTION g("values" int, OUT "json_scalar" text) LANGUAGE sql AS 'SELECT $1::text';
        CREATE FUNCTION h(x int) RETURNS TABLE ("merge_action" int, "json_table" int) LANGUAGE sql AS 'SELECT 1, 2';
        CREATE AGGREGATE agg("json" jsonb) (SFUNC = jsonb_concat, STYPE = jsonb)
    """,
}


@SOME
@pytest.mark.parametrize("words", WORDS)
def test_a_copy_and_the_copy_of_a_copy_are_the_same(servers: Servers, major: int, words: str) -> None:
    first, second, third = (servers.database(major) for _ in range(3))
    first.run(WORDS[words])
    for source, destination in ((first, second), (second, third)):
        clone(Settings(source.dsn, destination.dsn, jobs=2, verify=True), lambda event: None)
    assert compare(first, third) == compare(third, first) == []


@SOME
def test_an_empty_schema_public_is_what_every_new_database_has(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    pair[0].run("DROP SCHEMA public; CREATE SCHEMA x; CREATE TABLE x.t AS SELECT 1 AS a")
    runs(replicator("clone", "--verify", *both(*pair)))
    assert pair[1].dump() == pair[0].dump()
    pair[1].run("CREATE SCHEMA public; COMMENT ON SCHEMA public IS 'standard public schema'")
    since_15 = pair[1].major >= 15
    pair[1].run(f"GRANT {'USAGE' if since_15 else 'ALL'} ON SCHEMA public TO PUBLIC")
    pair[1].run(f"ALTER SCHEMA public OWNER TO {'pg_database_owner' if since_15 else 'postgres'}")
    result = replicator("verify", *both(*pair))
    runs(result)
    assert "empty schema public, as every new database" in result.err
    pair[1].run("CREATE TABLE public.t ()")
    assert {mismatch.what for mismatch in compare(*pair)} >= {"schema public", "table public.t"}


BRACKETS = """
CREATE TABLE t (id int, a int, d int GENERATED ALWAYS AS ((id + 1) * 2) STORED, e int DEFAULT (1 + 1) * 2);
CREATE TABLE checked (id int CHECK ((id + 1) * 2 > 3));
CREATE VIEW v AS SELECT (id + 1) * 2 AS x FROM t WHERE (id = 1 OR id = 2) AND id = 3;
CREATE MATERIALIZED VIEW m AS SELECT id FROM t WHERE (id = 1 OR id = 2) AND id = 3;
CREATE INDEX i ON t (((id + 1) * 2));
CREATE INDEX j ON t (id) WHERE (id = 1 OR id = 2) AND id = 3;
CREATE TABLE p (id int);
CREATE POLICY po ON p USING ((id = 1 OR id = 2) AND id = 3);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW WHEN ((NEW.id = 1 OR NEW.id = 2) AND NEW.id = 3) EXECUTE FUNCTION f();
CREATE DOMAIN d AS int CONSTRAINT c CHECK ((VALUE = 1 OR VALUE = 2) AND VALUE = 3);
CREATE TABLE pe (id int) PARTITION BY RANGE (((id + 1) * 2));
CREATE RULE ru AS ON UPDATE TO p WHERE (NEW.id = 1 OR NEW.id = 2) AND NEW.id = 3 DO INSTEAD NOTHING;
"""
MOVED = {
    "table public.t": "ALTER TABLE t ALTER e SET DEFAULT 1 + 1 * 2",
    "view public.v": "CREATE OR REPLACE VIEW v AS SELECT (id + 1) * 2 AS x FROM t WHERE id = 1 OR (id = 2 AND id = 3)",
    "matview public.m": "DROP MATERIALIZED VIEW m;"
    "CREATE MATERIALIZED VIEW m AS SELECT id FROM t WHERE id = 1 OR (id = 2 AND id = 3)",
    "table public.checked": "DROP TABLE checked; CREATE TABLE checked (id int CHECK (id + 1 * 2 > 3))",
    "index public.i": "DROP INDEX i; CREATE INDEX i ON t ((id + 1 * 2))",
    "index public.j": "DROP INDEX j; CREATE INDEX j ON t (id) WHERE id = 1 OR (id = 2 AND id = 3)",
    "policy po on public.p": "ALTER POLICY po ON p USING (id = 1 OR (id = 2 AND id = 3))",
    "trigger tr on public.t": "DROP TRIGGER tr ON t; CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW"
    " WHEN (NEW.id = 1 OR (NEW.id = 2 AND NEW.id = 3)) EXECUTE FUNCTION f()",
    "domain public.d": "ALTER DOMAIN d DROP CONSTRAINT c;"
    "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE = 1 OR (VALUE = 2 AND VALUE = 3))",
    "table public.pe": "DROP TABLE pe; CREATE TABLE pe (id int) PARTITION BY RANGE ((id + 1 * 2))",
    "rule ru on public.p": "CREATE OR REPLACE RULE ru AS ON UPDATE TO p"
    " WHERE NEW.id = 1 OR (NEW.id = 2 AND NEW.id = 3) DO INSTEAD NOTHING",
}


def test_brackets_that_mean_something_differ(pair: tuple[Database, Database]) -> None:
    fill(pair, BRACKETS)
    assert compare(*pair) == []
    for statement in MOVED.values():
        pair[1].run(statement)
    assert {mismatch.what for mismatch in compare(*pair)} == MOVED.keys()


@SOME
def test_views_that_differ_still_do(pair: tuple[Database, Database]) -> None:
    fill(pair, WORDS["null in a union"])
    query = "SELECT q.country FROM (SELECT country FROM a UNION ALL SELECT {} FROM b) q"
    pair[1].run(f"CREATE OR REPLACE VIEW v AS {query.format(1)}; DROP MATERIALIZED VIEW m;"
                f"CREATE MATERIALIZED VIEW m AS {query.format('x')}; ALTER VIEW w RESET (security_barrier);"
                f"CREATE OR REPLACE VIEW x AS SELECT NULL::int AS \"AS AS\"; CREATE TABLE y (a int)")  # fmt: skip
    pair[0].run("CREATE TABLE y (a int); CREATE VIEW z AS SELECT a FROM y; ALTER TABLE y ADD b int")
    pair[1].run("CREATE VIEW z AS SELECT NULL::int AS a FROM y")
    told = {m.what: m.how.split(":")[0] for m in compare(*pair) if m.about == "definition"}
    assert told == dict.fromkeys(
        ["view public.v", "matview public.m", "view public.w", "view public.x", "view public.z",
         "table public.y"], "different")  # fmt: skip


# Rows alone


def test_what_data_only_copies_can_be_compared_alone(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    pair[0].run("""CREATE TABLE t (a int PRIMARY KEY, b text, gone int); CREATE TABLE lacking (a int);
        CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1, 2);
        CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1; INSERT INTO t SELECT g, 'b', 1 FROM generate_series(1, 100) g;
        INSERT INTO p VALUES (1, 1), (2, 2); SELECT nextval('s'); SELECT lo_from_bytea(4711, 'x')""")
    pair[1].run("""CREATE TABLE t (own int DEFAULT 7, b varchar(9), a bigint PRIMARY KEY); CREATE TABLE further (a int);
        CREATE TABLE p (b int, a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2);
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (2) TO (3); CREATE SEQUENCE s""")
    clone(Settings(*(d.dsn for d in pair), data_only=True), lambda event: None)
    result = replicator("verify", "--data-only", *both(*pair))
    assert runs(result) == "No differences.\n"
    for words in (
        "does not compare definitions, privileges, comments, materialized views and database settings",
        "Not compared: columns of public.t that only the source has: gone.",
        "Not compared: columns of public.t that only the destination has: own.",
        "Not compared: tables that only the destination has: public.further.",
        "Not compared: empty tables that the destination lacks: public.lacking.",
    ):
        assert words in result.said, f"{words}\n{result}"
    pair[1].run("UPDATE t SET b = 'x' WHERE a = 3; DELETE FROM p WHERE a = 2; SELECT nextval('s');"
                "SELECT lo_put(4711, 0, 'y')")  # fmt: skip
    pair[0].run("INSERT INTO lacking VALUES (1)")
    told = {m.what: m.how.rpartition(": ")[2] for m in compare(*pair, data_only=True)}
    assert told.keys() == {"large objects 0-4294967295", "sequence public.s", "table public.lacking", "table public.p",
                           "table public.t"}  # fmt: skip
    assert told["table public.t"] == "1 changed"
    assert told["table public.p"] == "1 missing"
    refuses(replicator("verify", "--data-only", "--repair", *both(*pair)), 2, "exclude each other")


# Repair


TRAPS = """
CREATE TABLE parent (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text UNIQUE,
                     twice int GENERATED ALWAYS AS (length(code) * 2) STORED);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, note text);
INSERT INTO parent (code) SELECT 'c' || i FROM generate_series(1, 10) i;
INSERT INTO child SELECT i, i, 'n' FROM generate_series(1, 10) i;
CREATE TABLE log (what text);
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.log VALUES (TG_OP); RETURN coalesce(NEW, OLD); END$$;
CREATE TRIGGER ordinary AFTER INSERT OR UPDATE OR DELETE ON child FOR EACH ROW EXECUTE FUNCTION spoil();
CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON parent FOR EACH ROW EXECUTE FUNCTION spoil();
ALTER TABLE parent ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE DELETE ON parent FOR EACH ROW EXECUTE FUNCTION spoil();
ALTER TABLE parent DISABLE TRIGGER off;
"""
SPOIL = """
SET session_replication_role = replica;
ALTER TABLE parent DISABLE TRIGGER always;
UPDATE child SET note = 'other' WHERE id = 1;
DELETE FROM parent WHERE id = 2; DELETE FROM child WHERE id IN (2, 3);
INSERT INTO parent OVERRIDING SYSTEM VALUE VALUES (99, 'extra'); INSERT INTO child VALUES (99, 99);
UPDATE parent SET code = 'swap' WHERE id = 4; {more}
ALTER TABLE parent ENABLE ALWAYS TRIGGER always;
"""
SWAP = "UPDATE parent SET code = 'c4' WHERE id = 5; UPDATE parent SET code = 'c5' WHERE id = 4;"


@SOME
def test_repair_copies_just_the_rows_that_differ(pair: tuple[Database, Database]) -> None:
    fill(pair, TRAPS)
    pair[1].run(SPOIL.format(more=SWAP))
    before = pair[1].dump()
    mismatches = compare(*pair, repair=True)
    assert {m.what: (m.repaired, m.repair) for m in mismatches} == {
        "table public.parent": (True, "repaired: 1 deleted, 3 copied"),
        "table public.child": (True, "repaired: 1 deleted, 3 copied"),
    }
    assert compare(*pair) == []
    assert pair[1].rows("TABLE parent ORDER BY id") == pair[0].rows("TABLE parent ORDER BY id")
    assert pair[1].dump() == before == pair[0].dump()  # triggers are as they were


@SOME
def test_an_owner_without_superuser_can_repair(pair: tuple[Database, Database]) -> None:
    fill(pair, TRAPS + "".join(f"ALTER TABLE {t} OWNER TO alice;" for t in ("parent", "child", "log")))
    pair[1].run(SPOIL.format(more=""))
    dsns = [make_conninfo(database.dsn, user="alice") for database in pair]
    pair[0].run("ALTER ROLE alice LOGIN")
    try:
        mismatches = verify_copy(Settings(*dsns, jobs=2, repair=True), lambda event: None)
    finally:
        pair[0].run("ALTER ROLE alice NOLOGIN")
    assert {m.what: m.repaired for m in mismatches} == {"table public.parent": True, "table public.child": True}, (
        mismatches
    )
    assert compare(*pair) == []
    assert pair[1].value("SELECT count(*) FROM log") == 0


@pytest.mark.pg("in 18")
def test_what_cannot_be_repaired_is_said(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE t (a int); CREATE TABLE u (a int PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS a")
    pair[1].run("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; INSERT INTO t VALUES (1); DROP VIEW v")
    pair[0].run("INSERT INTO u VALUES (1)")
    mismatches = {m.what: m for m in compare(*pair, repair=True)}
    assert mismatches["table public.t"].repair == "not repaired: its rule r would change what is written."
    assert mismatches["table public.u"].repaired
    assert [what for what, m in mismatches.items() if not m.repaired] == [
        "rule r on public.t",
        "table public.t",
        "view public.v",
    ]


@pytest.mark.pg("in 18")
def test_more_rows_than_are_told_apart_are_not_repaired(
    pair: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(pair, "CREATE TABLE t AS SELECT generate_series(1, 100) AS a; ALTER TABLE t ADD PRIMARY KEY (a)")
    pair[1].run("DELETE FROM t WHERE a > 50")
    monkeypatch.setattr(rows, "MOST_ROWS", 20)
    (mismatch,) = compare(*pair, repair=True)
    assert "at least 20 missing" in str(mismatch) and "not repaired: more than" in str(mismatch)
    assert mismatch.lines(3)[-1] == "  and more"


@pytest.mark.pg("in 12 18")
def test_planted_rows_are_repaired(pair: tuple[Database, Database]) -> None:
    fill(pair, ROWS.format(rows=2000) + "; CREATE TABLE nothing ()")
    pair[1].run(";\n".join(plant.statement for plant in plant_rows(100, 2000, seed=3)))
    pair[0].run("INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES")
    mismatches = compare(*pair, repair=True)
    assert len(mismatches) == 8
    assert all(m.repaired for m in mismatches), [str(m) for m in mismatches]
    assert compare(*pair) == []


def test_rows_are_repaired_though_the_definition_differs(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int PRIMARY KEY, b int DEFAULT 1); INSERT INTO t VALUES (1), (2)")
    pair[1].run("ALTER TABLE t ALTER b SET DEFAULT 2; UPDATE t SET b = 3 WHERE a = 2")
    result = replicator("verify", "--repair", *both(*pair))
    refuses(result, 8, "differs from the source in 1 place")
    assert "table public.t: 1 changed row, repaired\n" in result.out
    assert "table public.t: its definition still differs: " in result.out
    assert "again" not in result.out
    assert pair[1].rows("TABLE t ORDER BY a") == pair[0].rows("TABLE t ORDER BY a")
    found = json.loads(replicator("verify", "--output", "json", *both(*pair)).out)["differences"]
    assert [(m["what"], m["about"], m["repaired"]) for m in found] == [("table public.t", "definition", False)]


def test_a_difference_of_owners_names_the_owners(servers: Servers) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(
        pair,
        "CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    pair[0].run("ALTER TABLE t OWNER TO alice; ALTER FUNCTION f() OWNER TO alice; ALTER TABLE u OWNER TO alice")
    pair[1].run("ALTER TABLE u ADD b int")
    owned = "owned by alice on the source, by postgres on the destination"
    told = {(m.what, m.about): m.how for m in compare(*pair)}
    assert told["function public.f()", "definition"] == told["table public.t", "definition"] == f"different: {owned}"
    assert told["table public.u", "definition"].endswith(f"on the destination; {owned}")


def test_a_refusal_names_the_server_that_refused(servers: Servers) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE log (a text); INSERT INTO log VALUES ('a')")
    pair[1].run("ALTER TABLE log ADD CHECK (a <> 'bad')")
    pair[0].run("INSERT INTO log VALUES ('bad')")
    (mismatch,) = (m for m in compare(*pair, repair=True) if m.about == "rows")
    assert mismatch.repair.startswith("not repaired: on the destination: new row for relation")


# Foreign keys and a repair


SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer ON DELETE CASCADE, region int);
INSERT INTO customer SELECT g, 'n' FROM generate_series(1, 10) g;
INSERT INTO orders SELECT g, g, 1 FROM generate_series(1, 10) g;
"""


def told_of_rows(mismatches: list[Mismatch]) -> dict[str, str | None]:
    return {m.what.removeprefix("table public."): m.repair for m in mismatches if m.about == "rows"}


@SOME
@pytest.mark.parametrize("parted", ["", "PARTITION BY LIST (id); CREATE TABLE note PARTITION OF notes DEFAULT"])
def test_a_row_that_a_table_of_the_destination_alone_refers_to_is_not_deleted(
    pair: tuple[Database, Database], parted: str
) -> None:
    fill(pair, SHOP)
    pair[1].run(f"CREATE TABLE notes (id int, customer_id int REFERENCES customer ON DELETE RESTRICT) {parted}")
    pair[1].run("INSERT INTO customer VALUES (99, 'extra'); INSERT INTO notes VALUES (1, 99), (2, 1);"
                "UPDATE customer SET name = 'x' WHERE id = 1; UPDATE orders SET region = 2 WHERE id = 1")  # fmt: skip
    assert told_of_rows(compare(*pair, repair=True)) == {
        "customer": "not repaired: public.notes refers to rows that would be deleted",
        "orders": "repaired: 0 deleted, 1 copied",
    }
    assert pair[1].rows("SELECT id, name FROM customer WHERE name <> 'n' ORDER BY id") == [(1, "x"), (99, "extra")]
    pair[1].run("DELETE FROM notes WHERE id = 1")
    assert told_of_rows(compare(*pair, repair=True)) == {"customer": "repaired: 1 deleted, 1 copied"}


@SOME
def test_a_row_that_would_refer_to_none_is_not_copied(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP)
    pair[1].run("CREATE TABLE regions (id int PRIMARY KEY); INSERT INTO regions VALUES (1);"
                "ALTER TABLE orders ADD FOREIGN KEY (region) REFERENCES regions")  # fmt: skip
    pair[0].run("INSERT INTO customer VALUES (11, 'n'); INSERT INTO orders VALUES (11, 11, 2)")
    assert told_of_rows(compare(*pair, repair=True)) == {
        "customer": "repaired: 0 deleted, 1 copied",
        "orders": "not repaired: it would refer to rows that are missing in public.regions",
    }
    assert pair[1].value("SELECT count(*) FROM orders") == 10


@pytest.mark.pg("in 12 18")
def test_what_referred_to_nothing_before_hinders_no_repair(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP)
    pair[1].run("""
        CREATE TABLE notes (customer_id int REFERENCES customer);
        INSERT INTO customer VALUES (99, 'extra');
        SET session_replication_role = replica;
        INSERT INTO notes VALUES (77)
    """)
    assert told_of_rows(compare(*pair, repair=True)) == {"customer": "repaired: 1 deleted, 0 copied"}


@pytest.mark.pg("in 12 18")
def test_tables_that_foreign_keys_join_are_repaired_together(pair: tuple[Database, Database]) -> None:
    cycle = "ALTER TABLE customer ADD latest int REFERENCES orders DEFERRABLE INITIALLY DEFERRED"
    fill(pair, f"{SHOP}; {cycle}; CREATE TABLE alone (a int PRIMARY KEY)")
    with_cycle = "BEGIN; INSERT INTO customer VALUES (%d, 'n', %d); INSERT INTO orders VALUES (%d, %d); COMMIT;"
    pair[0].run(with_cycle.replace("%d", "11") + "UPDATE orders SET customer_id = 11 WHERE id = 3")
    pair[1].run(with_cycle.replace("%d", "12") + "UPDATE orders SET customer_id = 12 WHERE id = 3;"
                "INSERT INTO alone VALUES (1)")  # fmt: skip
    assert told_of_rows(compare(*pair, repair=True)) == {
        "alone": "repaired: 1 deleted, 0 copied",
        "customer": "repaired: 1 deleted, 1 copied",
        "orders": "repaired: 1 deleted, 2 copied",
    }


@SOME
def test_rows_that_went_by_cascade_are_told(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP + "ALTER TABLE customer OWNER TO alice; ALTER TABLE orders OWNER TO alice")
    pair[1].run("""
        CREATE TABLE notes (customer_id int REFERENCES customer ON DELETE CASCADE);
        CREATE TABLE memos (customer_id int REFERENCES customer ON DELETE SET NULL);
        INSERT INTO customer VALUES (98, 'extra'), (99, 'extra');
        INSERT INTO notes VALUES (98), (99), (1); INSERT INTO memos VALUES (99);
        ALTER TABLE notes OWNER TO alice; ALTER TABLE memos OWNER TO alice
    """)
    dsns = [make_conninfo(database.dsn, user="alice") for database in pair]
    pair[0].run("ALTER ROLE alice LOGIN")
    try:
        mismatches = verify_copy(Settings(*dsns, jobs=1, repair=True), lambda event: None)
    finally:
        pair[0].run("ALTER ROLE alice NOLOGIN")
    also = "; foreign keys changed 1 row of public.memos, deleted 2 rows of public.notes"
    assert told_of_rows(mismatches) == {"customer": f"repaired: 2 deleted, 0 copied{also}"}
    assert f"table public.customer: 2 extra rows, repaired{also}" in map(str, mismatches)


# What stands in the way


@pytest.fixture
def reader(servers: Servers) -> Iterator[str]:
    """A role that may log in, and nothing more."""
    with psycopg.connect(servers[NEWEST].conninfo(), autocommit=True) as conn:
        conn.execute("CREATE ROLE reader LOGIN")
        yield "reader"
        for (name,) in conn.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall():
            with psycopg.connect(servers[NEWEST].conninfo(name), autocommit=True) as there:
                there.execute("DROP OWNED BY reader CASCADE")
        conn.execute("DROP ROLE reader")


SECRET = """CREATE TABLE open (a int PRIMARY KEY); CREATE SEQUENCE s; CREATE TABLE closed (a int PRIMARY KEY);
            CREATE TABLE secured (a int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY; INSERT INTO secured VALUES (1);
            SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON open, secured TO reader"""


def test_all_that_cannot_be_read_is_said_at_once_with_its_server(
    servers: Servers, reader: str, replicator: Run
) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, SECRET)
    pair[1].run("GRANT SELECT ON closed, s TO reader; CREATE TABLE only_here (a int)")
    flags = ["--source", f"{pair[0].dsn} user=reader", "--destination", f"{pair[1].dsn} user=reader"]
    result = replicator("verify", *flags)
    assert result.code == 3, result
    for words in (
        'On the source, role "reader" may not read public.closed, public.s.',
        'On the source, role "reader" may not read public.secured, where row security hides rows from it.',
        'On the source, role "reader" may not read 1 large object (4711).',
        'On the destination, role "reader" may not read public.secured, where row security hides rows from it.',
        'On the destination, role "reader" may not read 1 large object (4711).',
        "run on the source: GRANT pg_read_all_data TO reader;",
        "ALTER ROLE reader BYPASSRLS;",
    ):
        assert words in result.said, f"{words}\n{result}"
    assert "only_here" not in result.said
    assert result.out == ""


def test_what_a_repair_needs_to_write_is_said_before(servers: Servers, reader: str, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int PRIMARY KEY); GRANT SELECT ON t TO reader")
    pair[1].run("INSERT INTO t VALUES (1)")
    flags = ["--source", pair[0].dsn, "--destination", f"{pair[1].dsn} user=reader"]
    grant = "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader;"
    refuses(replicator("verify", "--repair", *flags), 3, "repair (INSERT, UPDATE, DELETE) rows of public.t.", grant)
    assert "1 extra" in replicator("verify", *flags).out
    pair[1].run(grant)
    assert "table public.t: 1 extra row, repaired" in replicator("verify", "--repair", *flags).out


def test_a_database_is_not_compared_with_itself(servers: Servers, replicator: Run) -> None:
    one = servers.database(NEWEST)
    refuses(replicator("verify", *both(one, one)), 3, "the same database")


# The command


HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e 'quoted' \"double\" %s {} \\ <b>[red]"


def test_the_command_shows_hostile_rows_harmlessly(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(
        pair,
        'CREATE TABLE "%s {}" (a int PRIMARY KEY, "col %s {}" text); INSERT INTO "%s {}" SELECT generate_series(1, 30)',
    )
    with psycopg.connect(pair[1].dsn) as conn:
        conn.execute(f'UPDATE "%s {{}}" SET "col %s {{}}" = {psycopg.sql.Literal(HOSTILE).as_string(conn)}')
    result = replicator("verify", "--show-rows", "2", *both(*pair))
    refuses(result, 8, "differs from the source in 1 place")
    assert "30 changed" in result.out
    assert '  changed (a = "1"): "col %s {}" = NULL on the source' in result.out
    assert "  and 28 more" in result.out
    assert all(line.isprintable() for line in result.out.splitlines()), result.out
    found = json.loads(replicator("verify", "--output", "json", *both(*pair)).out)["differences"]
    assert len(found[0]["rows"]) == 30
    assert found[0]["rows"][0]["destination"] == {'"col %s {}"': HOSTILE}


def test_the_command_repairs_and_verifies_again(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, KEYED)
    pair[1].run("DELETE FROM t WHERE a < 10")
    assert "table public.t: 9 missing rows, repaired\n" in runs(replicator("verify", "--repair", *both(*pair)))
    pair[1].run("DELETE FROM t WHERE a < 10; CREATE TABLE extra ()")
    result = replicator("verify", "--repair", "--output", "json", *both(*pair))
    assert result.code == 8
    assert [(m["what"], m["repaired"]) for m in json.loads(result.out)["differences"]] == [
        ("table public.extra", False),
        ("table public.t", True),
    ]
