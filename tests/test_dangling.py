"""Rows that refer to rows which a filter leaves out: refused, dropped, without the reference, or not validated."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from replicator.errors import PreflightFailed
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from replicator.settings.definition import Definition
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import SOME, VERSIONS, Database, Servers

pytestmark = SOME
FAMILY = """
CREATE TABLE p (id int PRIMARY KEY, up int REFERENCES p);
INSERT INTO p SELECT g, nullif(g / 2, 0) FROM generate_series(1, 20) g;
CREATE TABLE c (id int PRIMARY KEY, p int CONSTRAINT of_p REFERENCES p, note text DEFAULT 'n');
INSERT INTO c SELECT g, nullif(g % 21, 0) FROM generate_series(1, 42) g;
CREATE TABLE d (id int, c int CONSTRAINT of_c REFERENCES c, other int);
INSERT INTO d SELECT g, g, g FROM generate_series(1, 42) g;
CREATE TABLE parts (id int, p int, CONSTRAINT of_part FOREIGN KEY (p) REFERENCES p) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT g, g FROM generate_series(1, 20) g;
ANALYZE;
"""
KEPT = "id <> 4"
"""4 has 8 and 9 below it, and these 16 to 19."""
OTHERS: dict[str, Any] = {"public.p": {"where": KEPT, "dangling": "drop"}, "public.c": {"dangling": "drop"},
                          "public.d": {"dangling": "drop"}, "public.parts": {"dangling": "drop"}}  # fmt: skip
GONE = "4, 8, 9, 16, 17, 18, 19"


def definition(**rules: Any) -> Definition:
    return Definition.of({"tables": OTHERS | {f"public.{name}": rule for name, rule in rules.items()}})


def cloned(database: Database, destination: Database, given: Definition) -> str:
    """Clone and verify; return the notes as one text."""
    seen: list[Any] = []
    settings = Settings(database.dsn, destination.dsn, definition=given)
    clone(settings, seen.append)
    assert verify_copy(settings, lambda event: None) == []
    return " ".join(notes(seen))


def test_they_are_refused_by_key_with_their_number(database: Database, destination: Database) -> None:
    database.run(FAMILY)
    with pytest.raises(PreflightFailed) as caught:
        clone(Settings(database.dsn, destination.dsn, definition=Definition.of(
            {"tables": {"public.p": {"where": KEPT}}})), lambda event: None)  # fmt: skip
    said = [finding.text for finding in caught.value.findings if finding.fatal]
    ending = "would refer to rows of public.p that are not copied"
    assert said == [
        f"2 rows of public.c {ending} (foreign key of_p on public.c).",
        f"2 rows of public.p {ending} (foreign key p_up_fkey on public.p).",
        f"1 row of public.parts {ending} (foreign key of_part on public.parts).",
    ]
    assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0


def test_dropped_rows_take_with_them_what_refers_to_them(database: Database, destination: Database) -> None:
    database.run(FAMILY)
    said = cloned(database, destination, definition())
    assert destination.rows("SELECT id FROM p ORDER BY 1") == database.rows(
        f"SELECT id FROM p WHERE id NOT IN ({GONE}) ORDER BY 1"
    )
    kept = f"SELECT id FROM c WHERE (p NOT IN ({GONE}) OR p IS NULL)"
    assert destination.rows("SELECT id FROM c ORDER BY 1") == database.rows(f"{kept} ORDER BY 1")
    assert destination.rows("SELECT id FROM d ORDER BY 1") == database.rows(
        f"SELECT id FROM d WHERE c IN ({kept}) ORDER BY 1"
    )
    assert destination.value("SELECT count(*) FROM parts") == 13
    assert destination.value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
    assert "table public.p: without 6 rows that refer to rows of public.p that are not copied" in said
    assert "table public.c: without 14 rows that refer to rows of public.p that are not copied" in said


def test_a_reference_becomes_null(database: Database, destination: Database) -> None:
    database.run(FAMILY)
    said = cloned(database, destination, definition(c={"dangling": "null"}))
    assert destination.rows("SELECT * FROM c ORDER BY id") == database.rows(
        f"SELECT id, CASE WHEN p IN ({GONE}) THEN NULL ELSE p END, note FROM c ORDER BY id"
    )
    assert destination.value("SELECT count(*) FROM d") == 42
    assert "table public.c: without the values of p in 14 rows that refer" in said
    destination.run("UPDATE c SET note = 'x' WHERE id = 4; UPDATE c SET p = 1 WHERE id = 8")
    settings = Settings(database.dsn, destination.dsn, definition=definition(c={"dangling": "null"}))
    (found,) = verify_copy(settings, lambda event: None)
    assert (found.what, found.counts) == ("table public.c", "2 changed rows")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DELETE FROM d WHERE c % 21 = 0; DELETE FROM c WHERE p IS NULL; ALTER TABLE c ALTER p SET NOT NULL",
         "column p is NOT NULL"),
        ("ALTER TABLE c ADD UNIQUE (p, id); ALTER TABLE d ADD p int;"
         "ALTER TABLE d ADD FOREIGN KEY (p, c) REFERENCES c (p, id)",
         "column p is referred to by public.d"),
        ("ALTER TABLE p ADD UNIQUE (id, up);"
         "ALTER TABLE c ADD q int; ALTER TABLE c ADD FOREIGN KEY (p, q) REFERENCES p (id, up) MATCH FULL NOT VALID",
         "column p belongs to foreign key c_p_q_fkey with MATCH FULL, too"),
        ("DELETE FROM d WHERE c % 21 = 0; DELETE FROM c WHERE p IS NULL; ALTER TABLE c ADD CHECK (p IS NOT NULL)",
         "column p is never NULL by the check c_p_check"),
    ],
)  # fmt: skip
def test_a_reference_that_cannot_be_null_is_refused(
    change: str, why: str, database: Database, destination: Database
) -> None:
    database.run(f"{FAMILY}; {change}")
    with pytest.raises(PreflightFailed) as caught:
        cloned(database, destination, definition(c={"dangling": "null"}))
    (finding,) = [finding for finding in caught.value.findings if finding.fatal]
    assert "14 rows of public.c would refer to rows of public.p that are not copied (foreign key of_p on public.c), and"
    assert finding.text.endswith(f"and cannot have NULL instead: {why}.")
    assert '"drop" or "keep-not-valid"' in finding.hint


def test_a_key_is_not_validated(database: Database, destination: Database) -> None:
    database.run(FAMILY)
    rule = {"dangling": "keep-not-valid"}
    said = cloned(database, destination, definition(c=rule, parts=rule))
    assert destination.rows("TABLE c ORDER BY 1") == database.rows("TABLE c ORDER BY 1")
    keys = "SELECT conname::text, convalidated FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY 1"
    partitioned = [("of_part", False)] if destination.major >= 18 else []
    assert destination.rows(keys) == [("of_c", True), ("of_p", False), *partitioned, ("p_up_fkey", True)]
    assert "foreign key of_p on public.c: without validation, since 14 rows refer to rows of public.p" in said
    assert destination.value("SELECT count(*) FROM parts") == 20
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        destination.rows("INSERT INTO c VALUES (100, 4)")


def test_a_key_that_the_destination_keeps_is_not_violated(pair: tuple[Database, Database]) -> None:
    for database in pair:
        database.run(FAMILY)
    rules = definition(c={"dangling": "keep-not-valid"})
    given = {"definition": rules, "data_only": True, "truncate": True}
    with pytest.raises(PreflightFailed) as caught:
        clone(Settings(pair[0].dsn, pair[1].dsn, **given), lambda event: None)
    (finding,) = [finding for finding in caught.value.findings if finding.fatal]
    assert "14 rows of public.c would refer to rows of public.p" in finding.text
    assert 'dangling = "drop" or "null".' in finding.hint
    assert pair[1].value("SELECT count(*) FROM c") == 42


@pytest.mark.parametrize(("old", "new"), [(12, 18), (18, 12)])
def test_the_destination_s_version_tells_what_may_be_not_valid(
    old: int, new: int, servers: Servers, major: int
) -> None:
    if major != old or new not in VERSIONS:
        pytest.skip("once for both versions")
    source, destination = servers.database(old), servers.database(new)
    source.run(FAMILY)
    said = cloned(source, destination, definition(parts={"dangling": "keep-not-valid"}))
    keys = destination.rows("SELECT convalidated FROM pg_constraint WHERE conname = 'of_part' AND conparentid = 0")
    assert keys == ([(False,)] if new >= 18 else [])
    assert ("before PostgreSQL 18 it cannot be NOT VALID" in said) == (new < 18)


def test_a_cycle_stays_if_its_rows_hold_one_another(database: Database, destination: Database) -> None:
    database.run("""
        CREATE TABLE a (id int PRIMARY KEY, b int, keep bool); CREATE TABLE b (id int PRIMARY KEY, a int);
        INSERT INTO a VALUES (1, 1, true), (2, 2, true), (3, 3, true), (4, 4, false);
        INSERT INTO b VALUES (1, 1), (2, 3), (3, 4), (4, 2);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE; ALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a;
    """)
    rules = {"public.a": {"where": "keep", "dangling": "drop"}, "public.b": {"dangling": "drop"}}
    cloned(database, destination, Definition.of({"tables": rules}))
    assert destination.rows("SELECT id FROM a") == destination.rows("SELECT id FROM b") == [(1,)]


def test_nothing_is_enforced_for_keys_that_are_not_valid_or_not_copied(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run(f"{FAMILY}; ALTER TABLE d ADD FOREIGN KEY (other) REFERENCES p NOT VALID;")
    path = tmp_path / "shop.toml"
    path.write_text("""[tables."public.p"]\nwhere = "id < 21 AND (up IS NULL OR up < 0)" """)
    refuses(replicator("clone", "--definition", str(path), *both(database, destination)), 3, "public.parts")
    runs(replicator("clone", "--definition", str(path), "--exclude-kind", "foreign_key", *both(database, destination)))
    assert destination.value("SELECT count(*) FROM d") == 42


def test_a_declared_key_drops_but_never_refuses(database: Database, destination: Database) -> None:
    database.run("CREATE TABLE u (id int); INSERT INTO u VALUES (1), (2); CREATE TABLE e (u int, v text);"
                 "INSERT INTO e VALUES (1, 'a'), (2, 'b'), (3, 'orphan'), (NULL, 'none')")  # fmt: skip
    subset = {"roots": {"public.e": "true"}, "virtual": ["public.e.u -> public.u.id"]}
    tables: dict[str, Any] = {"public.u": {"where": "id = 1"}}
    expected = {"refuse": ["a", "b", "none", "orphan"], "drop": ["a", "none", "orphan"]}
    for rule, rows in expected.items():
        tables["public.e"] = {"dangling": rule}
        cloned(database, destination, Definition.of({"subset": subset, "tables": tables}))
        assert [v for (v,) in destination.rows("SELECT v FROM e ORDER BY 1")] == rows
        destination.run("DROP TABLE e, u")
