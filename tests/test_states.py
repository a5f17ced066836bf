"""Verification sees what is stored, but copied by nobody, and what no definition says; what it leaves out is told."""

import pytest

from replicator import events
from replicator.comparing import Mismatch
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_servers import SOME, VERSIONS, Database, Servers, fill


def told(source: Database, destination: Database, **options: object) -> tuple[list[Mismatch], str]:
    """Return the differences, and all notes."""
    seen: list[events.Event] = []
    found = verify_copy(Settings(source.dsn, destination.dsn, **options), seen.append)
    return found, notes(seen)


def notes(seen: list[events.Event]) -> str:
    return "\n".join(event.text for event in seen if isinstance(event, events.Note))


# Materialized views

VIEWS = """
CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 3) i;
CREATE MATERIALIZED VIEW plain AS SELECT a, a * 2 AS b FROM t;
CREATE MATERIALIZED VIEW clock AS SELECT a, now() AS at FROM t;
CREATE MATERIALIZED VIEW days AS SELECT current_date - a AS day FROM t;
CREATE VIEW chance AS SELECT a, random() AS r FROM t;
CREATE MATERIALIZED VIEW through AS SELECT * FROM chance;
CREATE MATERIALIZED VIEW empty AS SELECT a FROM t WITH NO DATA;
"""


@SOME
def test_rows_of_materialized_views(pair: tuple[Database, Database]) -> None:
    fill(pair, VIEWS)
    pair[1].run("INSERT INTO t VALUES (4); REFRESH MATERIALIZED VIEW plain; DELETE FROM t WHERE a = 4")
    (mismatch,), said = told(*pair, repair=True)
    assert (mismatch.what, mismatch.about, mismatch.counts) == ("matview public.plain", "rows", "1 extra row")
    assert "refresh it on the server that refreshed it earlier" in mismatch.how
    assert not mismatch.repaired
    assert "materialized view public.clock, materialized view public.through" in said
    assert "may do so after each refresh" in said
    assert "filled from fewer rows, on one side: public.empty." not in said  # on both


@SOME
def test_a_clone_fills_materialized_views_anew(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(VIEWS)
    source.run("INSERT INTO t VALUES (4)")
    seen: list[events.Event] = []
    assert clone(Settings(source.dsn, destination.dsn, verify=True), seen.append)
    text = "Rows differ, since the source did not refresh these after their tables changed: materialized view"
    assert text in notes(seen)
    (mismatch,), _ = told(source, destination)
    assert (mismatch.what, mismatch.counts) == ("matview public.plain", "1 extra row")
    source.run("REFRESH MATERIALIZED VIEW plain")
    assert told(source, destination)[0] == []


@SOME
def test_materialized_views_that_only_one_side_can_read(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT a FROM t")
    pair[1].run("REFRESH MATERIALIZED VIEW m WITH NO DATA")
    found, said = told(*pair)
    assert [(m.what, m.how) for m in found] == [("matview public.m", "not populated on the destination")]
    assert "Not compared: the rows of materialized views that are empty, not readable," in said


# Placement


@SOME
def test_a_row_in_another_partition_is_a_difference(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1)")
    pair[1].run("TRUNCATE child; INSERT INTO parent VALUES (1)")
    found, _ = told(*pair)
    assert {m.what: m.counts for m in found} == {
        "table public.child": "1 missing row",
        "table public.parent": "1 extra row",
    }


@SOME
def test_partitions_that_a_hash_chooses_are_compared_together(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE p (a e) PARTITION BY HASH (a);"
               "CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO p VALUES ('a')"
    )  # fmt: skip
    found, said = told(*pair)
    assert found == []
    assert "Not compared: in which partition rows of public.p are, since the servers may choose different ones" in said


# What no definition says


@SOME
def test_foreign_keys_that_do_not_act(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int CONSTRAINT fk REFERENCES a);"
               "CREATE TABLE c (a int CONSTRAINT fk REFERENCES a)")  # fmt: skip
    pair[1].run("ALTER TABLE b DISABLE TRIGGER ALL")
    pair[0].run("ALTER TABLE c DISABLE TRIGGER ALL")
    found, said = told(*pair)
    assert [(m.what, m.how) for m in found] == [
        (
            "foreign_key fk on public.b",
            "disabled on the destination; to enforce it: ALTER TABLE public.b ENABLE TRIGGER ALL;",
        )
    ]
    assert "Enforced on the destination, though disabled on the source: foreign key fk on public.c." in said


@SOME
def test_another_version_of_an_extension(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    old, new = source.rows(
        "SELECT min(version), max(version) FROM pg_available_extension_versions WHERE name = 'pg_trgm'"
    )[0]
    source.run(f"CREATE EXTENSION pg_trgm VERSION '{old}'")
    seen: list[events.Event] = []
    assert clone(Settings(source.dsn, destination.dsn, verify=True), seen.append)
    difference = f"extension pg_trgm: version {old} on the source, {new} on the destination"
    assert f"Other versions of extensions: {difference}." in notes(seen)
    assert [str(m) for m in told(source, destination)[0]] == [difference]
    source.run(f"ALTER EXTENSION pg_trgm UPDATE TO '{new}'")
    assert told(source, destination)[0] == []


# The account


@SOME
def test_what_was_compared_is_told(pair: tuple[Database, Database]) -> None:
    fill(pair, "CREATE TABLE t (a serial PRIMARY KEY); INSERT INTO t SELECT FROM generate_series(1, 1000);"
               "CREATE MATERIALIZED VIEW m AS TABLE t; GRANT SELECT ON t TO alice; SELECT lo_create(5)")  # fmt: skip
    _, said = told(*pair)
    account = next(line for line in said.splitlines() if line.startswith("Compared: "))
    assert account.startswith("Compared: 2,000 rows of 2 tables, ")
    for part in (
        "1 sequence;",
        "1 large object;",
        "1 table",
        "1 materialized view",
        "1 constraint",
    ):
        assert part in account
    # Before 15, the schema public has privileges of its own.
    assert ("1 set of privileges" if pair[0].major >= 15 else "2 sets of privileges") in account


# What a server says otherwise once it has read it


FORMS = """
CREATE TYPE pair AS (a int);
CREATE TABLE longer (p pair DEFAULT ROW(1)::pair, m pair[] DEFAULT ARRAY[ROW(1)::pair, ROW(2)::pair]);
CREATE TABLE heir () INHERITS (longer);
ALTER TABLE heir ALTER p SET DEFAULT ROW(2)::pair;
ALTER TYPE pair ADD ATTRIBUTE b int;
CREATE TABLE t (id int PRIMARY KEY, c varchar(10), d char(3), m varchar[]);
CREATE TABLE lg (n bigint);
CREATE FUNCTION defaults(
    a bool DEFAULT ('a'::varchar IN ('a', 'b')), b text[] DEFAULT ARRAY['a', 'b']::varchar[]::text[]
) RETURNS int LANGUAGE sql AS 'select 1';
CREATE RULE union_arm AS ON INSERT TO t DO ALSO
    INSERT INTO lg SELECT length(q) FROM (SELECT 'a' AS z UNION ALL SELECT 'b') s (q);
CREATE RULE "reads on t" AS ON DELETE TO t WHERE old.id > 1 DO ALSO
    INSERT INTO lg SELECT count(*) FROM (SELECT n FROM lg) s;
CREATE TABLE x (x xml CHECK (x IS NOT DOCUMENT));
"""
FORMS_SINCE_14 = """
CREATE STATISTICS s ON (c IN ('a', 'b')), id FROM t;
CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql BEGIN ATOMIC SELECT id FROM t WHERE c IN ('a', 'b'); END;
CREATE FUNCTION n() RETURNS SETOF int LANGUAGE sql
    BEGIN ATOMIC SELECT id FROM t WHERE id NOT IN (1, id + 1, id + 2); END;
CREATE FUNCTION r(c varchar) RETURNS bool LANGUAGE sql RETURN c IN ('a', 'b');
CREATE FUNCTION a(m text[]) RETURNS bool LANGUAGE sql RETURN ARRAY['a', 'b']::char(3)[]::text[] = m;
CREATE FUNCTION u() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT 'a' AS z UNION ALL SELECT 'b'; END;
"""
LOCALES = "".join(
    f"CREATE COLLATION c{n} (PROVIDER = icu, LOCALE = '{locale}');"
    for n, locale in enumerate(["de@collation=phonebook", "de_DE", "en-u-kn-true"])
)


def forms(database: Database) -> str:
    has_icu = database.value("SELECT count(*) > 1 FROM pg_collation WHERE collprovider = 'i'")
    return FORMS + (FORMS_SINCE_14 if database.major >= 14 else "") + (LOCALES if has_icu else "")


def test_a_copy_of_what_is_printed_otherwise_is_no_difference(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(forms(source))
    assert clone(Settings(source.dsn, destination.dsn, verify=True), lambda event: None)


@pytest.mark.parametrize(("old", "new"), [(12, 18), (15, 18)])
def test_a_copy_on_a_newer_server_is_no_difference(servers: Servers, old: int, new: int) -> None:
    if not {old, new} <= {*VERSIONS}:
        pytest.skip("needs both versions")
    source, destination = servers.database(old), servers.database(new)
    source.run(forms(source))
    assert clone(Settings(source.dsn, destination.dsn, verify=True), lambda event: None)


@SOME
def test_other_rules_still_differ(pair: tuple[Database, Database]) -> None:
    fill(pair, FORMS)
    pair[1].run("CREATE OR REPLACE RULE union_arm AS ON INSERT TO t DO ALSO"
                " INSERT INTO lg SELECT length(q) FROM (SELECT 'a' AS z UNION SELECT 'b') s (q)")  # fmt: skip
    assert [m.what for m in told(*pair)[0]] == ["rule union_arm on public.t"]
    pair[0].run("CREATE TABLE here (a int); CREATE RULE of_one AS ON INSERT TO t DO ALSO INSERT INTO here VALUES (1)")
    pair[1].run("CREATE RULE of_one AS ON INSERT TO t DO ALSO INSERT INTO lg VALUES (1)")
    assert [m.what for m in told(*pair)[0]] == [
        "rule of_one on public.t", "rule union_arm on public.t", "table public.here"
    ]  # fmt: skip
