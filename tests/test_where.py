"""Row filters: `where` of a table. Judged by counts and sums of both databases."""

from pathlib import Path

import pytest

from replicator import clone, plan, verify
from replicator.errors import Interrupted, PreflightFailed, UsageError
from replicator.settings import Settings
from replicator.settings.definition import DefinitionError
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import SEVERAL, SOME, Database

SHOP = """
CREATE SCHEMA "Odd.One";
CREATE TABLE orders (id int PRIMARY KEY, at timestamptz NOT NULL, note text);
INSERT INTO orders SELECT g, now() - g * interval '1 day', g || '% of it' FROM generate_series(1, 1000) g;
CREATE TABLE "Odd.One"."T%s" (id int, "Value" text);
INSERT INTO "Odd.One"."T%s" SELECT g, 'v' || g % 10 FROM generate_series(1, 100) g;
CREATE TABLE log (id int, day date) PARTITION BY RANGE (id);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (500);
CREATE TABLE log_2 (day date, id int); ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (500) TO (2000);
INSERT INTO log SELECT g, '2026-01-01' FROM generate_series(1, 1000) g;
CREATE TABLE animals (id int); CREATE TABLE dogs (name text) INHERITS (animals);
INSERT INTO animals SELECT generate_series(1, 10); INSERT INTO dogs SELECT g, 'd' FROM generate_series(1, 10) g;
ANALYZE;
"""
DEFINITION = {
    "tables": {
        "public.orders": {"where": "at > now() - interval '100 days' OR note LIKE '%7\\% of it' -- recent"},
        '"Odd.One"."T%s"': {"where": """ "Value" <> 'v3' """},
        "public.log": {"where": "id % 3 = 0"},
        "public.log_2": {"where": "id > 700"},
        "PUBLIC.Animals": {"where": "id <= 4"},
    }
}
KEPT = {
    "SELECT count(*) FROM orders": "SELECT count(*) FROM orders WHERE id < 100 OR id % 10 = 7",
    """SELECT count(*) FROM "Odd.One"."T%s" """: "SELECT 90",
    "SELECT sum(id) FROM log_1": "SELECT sum(g) FROM generate_series(3, 499, 3) g",
    "SELECT sum(id) FROM log_2": "SELECT sum(g) FROM generate_series(702, 1000, 3) g",
    "SELECT count(*) FROM ONLY animals": "SELECT 4",
    "SELECT count(*) FROM dogs": "SELECT 4",
}


def is_filtered(source: Database, destination: Database) -> None:
    for copied, wanted in KEPT.items():
        assert destination.value(copied) == source.value(wanted), copied


@SEVERAL
def test_only_rows_that_the_condition_holds_for_are_copied_and_compared(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    seen: list = []
    settings = {"definition": DEFINITION, "jobs": 4, "split_larger_than": 20_000}
    clone(Settings(source.dsn, destination.dsn, verify=True, **settings), on_event=seen.append)
    is_filtered(source, destination)
    (note,) = [text for text in notes(seen) if "now() is" in text]
    as_of = note.rpartition(" ")[2].rstrip(".")
    assert "To verify this copy later, add --as-of" in note
    assert verify(Settings(source.dsn, destination.dsn, as_of=as_of, **settings)).equal
    destination.run("DELETE FROM log WHERE id = 702; INSERT INTO orders VALUES (500, now(), 'x')")
    found = verify(Settings(source.dsn, destination.dsn, as_of=as_of, **settings))
    assert {d.what for d in found.differences} == {"table public.log_2", "table public.orders"}
    verify(Settings(source.dsn, destination.dsn, as_of=as_of, repair=True, **settings))
    is_filtered(source, destination)


@SOME
def test_now_is_one_moment_however_late_rows_are_compared(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run("CREATE TABLE t (id int, at timestamptz DEFAULT clock_timestamp() + interval '3 s')")
    source.run("INSERT INTO t SELECT generate_series(1, 10)")
    definition = {"tables": {"public.t": {"where": "at > current_timestamp"}}}

    def wait(event: object) -> None:
        if type(event).__name__ == "Done" and getattr(event, "step", "").startswith("data "):
            source.value("SELECT pg_sleep(4)")

    clone(Settings(source.dsn, destination.dsn, verify=True, definition=definition), on_event=wait)
    assert destination.value("SELECT count(*) FROM t") == 10


@SOME
@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ("public.order", "true", "the source has no table public.order."),
        ("other.orders", "true", "the source has no table other.orders."),
        ("public.seen", "true", "public.seen is a view, not a table."),
        ("public.orders", "idd > 3", 'column "idd" does not exist'),
        ("public.orders", "id", "must be type boolean"),
        ("public.orders", "id / 0 > 1", "division by zero"),
        ("public.orders", "true; DROP TABLE orders", "is not one expression"),
        ("public.orders", "true) OR (true", "is not one expression"),
        ("public.orders", "(true", "has a parenthesis without an end"),
        ("public.orders", "note = 'x", "has a quote without an end"),
        ("public.orders", "random() < 0.1", "random() gives another value whenever it is called"),
        ("public.orders", "at > 'now'", "'now' means another time whenever it is read"),
        ("public.orders", "writes(id)", "read-only transaction"),
        ("public.orders", "count(*) > 1", "must give one value for each row"),
        ("public.orders", "id > $1", "$1 has no value here"),
        ("public.orders", "", "a condition is missing"),
        ("public.orders", "age(at) < interval '5 days'", "age() of one date means another time"),
    ],
)
def test_a_wrong_condition_is_refused_before_anything_is_written(
    pair: tuple[Database, Database], table: str, where: str, words: str
) -> None:
    source, destination = pair
    source.run(SHOP + "CREATE VIEW seen AS SELECT 1; CREATE TABLE written (a int); CREATE FUNCTION writes(int)"
               " RETURNS bool LANGUAGE sql AS 'INSERT INTO public.written VALUES (1) RETURNING true'")  # fmt: skip
    where = where.replace("writes", "public.writes")
    settings = {"definition": {"tables": {table: {"where": where}}}}
    with pytest.raises(DefinitionError, match=f"tables.{table!r}.*".replace("'", '"')) as raised:
        clone(Settings(source.dsn, destination.dsn, **settings))
    assert words in str(raised.value)
    with pytest.raises(DefinitionError):
        plan(Settings(source.dsn, destination.dsn, **settings))
    assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0


@SOME
def test_a_mistake_is_named_by_file_and_line(pair: tuple[Database, Database], replicator: Run, tmp_path: Path) -> None:
    source, destination = pair
    source.run(SHOP)
    path = tmp_path / "shop.toml"
    path.write_text('# mine\n[choose]\nexclude = ["public.log"]\n\n[tables."public.orders"]\nwhere = "idd > 3"\n')
    given = ("--definition", str(path), *both(source, destination))
    refuses(replicator("clone", *given), 2, f'{path}:6: tables."public.orders".where: ', "idd", "does not exist")
    path.write_text(path.read_text().replace("where", "were"))
    refuses(replicator("clone", *given), 2, f"{path}:6: ", "unknown key were. Did you mean where?")
    path.write_text(path.read_text().replace("were", "where").replace("public.orders", "public.order"))
    refuses(replicator("plan", *given), 2, f"{path}:5: ", "the source has no table public.order.", "public.orders?")
    path.write_text(path.read_text().replace("public.order", "public.orders").replace("idd", "id"))
    runs(replicator("clone", *given, "--verify"))
    assert destination.value("SELECT min(id) FROM orders") == 4
    assert not destination.value("SELECT to_regclass('public.log') IS NOT NULL")
    more = """tables."public.orders" = { where = "id > 5" }"""
    refuses(replicator("verify", *given, "--define", more), 8, "differs")
    refuses(replicator("verify", *given, "--define", "tables."), 2, "--define 'tables.' is not valid TOML")
    refuses(replicator("verify", *given, "--define", "table.x = 1"), 2, "unknown table table. Did you mean tables?")
    config = tmp_path / "replicator.toml"
    config.write_text(path.read_text())
    refuses(replicator("verify", "--config", str(config), *given), 2, "both have a definition")
    runs(replicator("verify", "--config", str(config), *both(source, destination)))
    config.write_text(config.read_text() + "[options]\njobs = 2\n")
    refuses(replicator("verify", "--definition", str(config), *both(source, destination)), 2, "is for --config")
    refuses(replicator("verify", *both(source, destination), "--exclude", "public.log"), 3, "with a definition")


@SOME
def test_another_definition_does_not_resume(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    settings = {"definition": {"tables": {"public.orders": {"where": "id > 10 AND at < now()"}}}}

    def stop(event: object) -> None:
        if type(event).__name__ == "Done" and getattr(event, "step", "") == "data public.orders":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        clone(Settings(source.dsn, destination.dsn, **settings), on_event=stop)
    with pytest.raises(PreflightFailed, match="started with another definition") as raised:
        clone(Settings(source.dsn, destination.dsn, resume="per-table"))
    assert "--definition FILE" in str(raised.value.hint)
    with pytest.raises(PreflightFailed, match="started with another definition"):
        clone(Settings(source.dsn, destination.dsn, resume="per-table", definition=DEFINITION))
    with pytest.raises(PreflightFailed, match="started with --as-of 2") as raised:
        clone(Settings(source.dsn, destination.dsn, resume="per-table", as_of="1999-01-01T00:00:00+00:00", **settings))
    assert "Leave it out: `clone --definition FILE --resume=per-table`." in str(raised.value.hint)
    clone(Settings(source.dsn, destination.dsn, resume="per-table", verify=True, **settings))
    assert destination.value("SELECT count(*) FROM orders") == 990


@SOME
def test_a_condition_that_takes_long_is_not_tried_to_the_end(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 260) g; CREATE FUNCTION slow(int) RETURNS bool"
               " STABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN $1 > 10; END'")  # fmt: skip
    clone(Settings(source.dsn, destination.dsn, definition={"tables": {"public.t": {"where": "public.slow(id)"}}}))
    assert destination.value("SELECT count(*) FROM t") == 250


@SOME
def test_rows_alone_and_replacing_are_filtered_too(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    destination.run(SHOP)
    destination.run("DELETE FROM orders")
    settings = {"definition": DEFINITION}
    clone(Settings(source.dsn, destination.dsn, data_only=True, truncate=True, verify=True, **settings))
    is_filtered(source, destination)
    clone(Settings(source.dsn, destination.dsn, replace="drop", verify=True, **settings))
    is_filtered(source, destination)


def test_settings_take_dictionaries() -> None:
    made = Settings("dbname=a", "dbname=b", definition=DEFINITION)
    assert len(made.definition.tables) == 5
    with pytest.raises(DefinitionError, match=r"tables\.orders: orders is no name of a table with its schema"):
        Settings("dbname=a", "dbname=b", definition={"tables": {"orders": {}}})
    with pytest.raises(UsageError, match="as_of"):
        Settings("dbname=a", "dbname=b", as_of="yesterday")
