"""Columns that are not copied, and columns that only the copy has. Judged by SQL of both databases."""

import pytest

from replicator import clone, plan, verify
from replicator.errors import Interrupted, PreflightFailed
from replicator.settings import Settings
from replicator.settings.definition import DefinitionError
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import SEVERAL, SOME, VERSIONS, Database, Servers

SHOP = """
CREATE SCHEMA "Odd.One";
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL,
                        secret text DEFAULT 's', code int UNIQUE, mood mood, kept int,
                        CONSTRAINT code_is_positive CHECK (code > 0), CONSTRAINT kept_is_positive CHECK (kept > 0));
INSERT INTO customers (name, code, mood, kept) SELECT 'c' || g, g, 'good', g FROM generate_series(1, 1000) g;
CREATE INDEX by_secret ON customers (upper(secret)); CREATE INDEX by_name ON customers (name);
CREATE STATISTICS two ON code, kept FROM customers;
CREATE VIEW with_code AS SELECT id, code FROM customers; CREATE VIEW over_it AS SELECT id FROM with_code;
CREATE VIEW without_code AS SELECT id, name FROM customers;
CREATE MATERIALIZED VIEW codes AS SELECT code FROM customers;
CREATE MATERIALIZED VIEW all_names AS SELECT name FROM customers;
CREATE TABLE uses_code (id int PRIMARY KEY, code int REFERENCES customers (code), customer int REFERENCES customers);
INSERT INTO uses_code SELECT g, g, g FROM generate_series(1, 100) g;
CREATE POLICY p ON customers USING (secret = 's'); CREATE POLICY q ON customers USING (kept > 0);
CREATE TRIGGER on_secret BEFORE UPDATE OF secret ON customers FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER on_name BEFORE UPDATE OF name ON customers FOR EACH ROW EXECUTE FUNCTION audit();
COMMENT ON COLUMN customers.secret IS 'never tell'; COMMENT ON COLUMN customers.name IS 'tell';
COMMENT ON CONSTRAINT code_is_positive ON customers IS 'positive';
GRANT SELECT (secret, name) ON customers TO PUBLIC; ALTER TABLE customers ALTER COLUMN secret SET STATISTICS 200;
CREATE TABLE "Odd.One"."T%s" (id serial, "Big ""Value" text, "a%b" text NOT NULL DEFAULT 'x');
INSERT INTO "Odd.One"."T%s" ("Big ""Value") SELECT 'v' || g FROM generate_series(1, 50) g;
CREATE TABLE log (id int, day date, note text) PARTITION BY RANGE (id); CREATE INDEX ON log (note);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (500);
CREATE TABLE log_2 (note text, dropped int, day date, id int); ALTER TABLE log_2 DROP dropped;
ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (500) TO (2000);
INSERT INTO log SELECT g, '2026-01-01', 'n' || g FROM generate_series(1, 1000) g;
CREATE TABLE animals (id int, legs int CHECK (legs < 9), color text);
CREATE TABLE dogs (name text) INHERITS (animals); CREATE TABLE cats (sound text, color text, legs int, id int);
ALTER TABLE cats ADD CONSTRAINT animals_legs_check CHECK (legs < 9); ALTER TABLE cats INHERIT animals;
INSERT INTO animals SELECT g, 2, 'red' FROM generate_series(1, 10) g;
INSERT INTO dogs SELECT g, 4, 'red', 'd' FROM generate_series(1, 10) g;
INSERT INTO cats SELECT 'meow', 'red', 4, g FROM generate_series(1, 10) g;
CREATE TABLE sums (a int, b int, c int GENERATED ALWAYS AS (a + b) STORED); INSERT INTO sums VALUES (1, 2), (3, 4);
ANALYZE;
"""
DEFINITION = {
    "tables": {
        "public.customers": {
            "exclude_columns": ["secret", "code"],
            "extra": {"loaded_at": "now()", "origin": "'shop' -- ours", "was": "mood", "small": "name::varchar(40)"},
        },
        '"Odd.One"."T%s"': {
            "exclude_columns": ["id", '"a%b"'],
            "extra": {'"Twice %s"': '"Big ""Value" || "Big ""Value"', "id": 'length("a%b")'},
        },
        "public.log": {"exclude_columns": ["note"], "extra": {"month": "extract(month FROM day)::int"}},
        "public.animals": {"exclude_columns": ["legs"], "extra": {"twice": "legs * 2", "note": "NULL::text"}},
        "public.dogs": {"exclude_columns": ["name"], "extra": {"said": "'wuff ' || name"}},
        "public.sums": {"exclude_columns": ["a", "c"]},
    }
}
COLUMNS = """
SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attname)
  FROM pg_attribute a WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped"""
THERE = {
    "customers": "id integer, kept integer, loaded_at timestamp with time zone, mood mood, name character varying(40),"
    " origin text, small character varying(40), was mood",
    '"Odd.One"."T%s"': 'Big "Value text, Twice %s text, id integer',
    "log": "day date, id integer, month integer",
    "log_1": "day date, id integer, month integer",
    "log_2": "day date, id integer, month integer",
    "animals": "color text, id integer, note text, twice integer",
    "dogs": "color text, id integer, note text, said text, twice integer",
    "cats": "color text, id integer, note text, sound text, twice integer",
    "sums": "b integer",
}
ROWS = {
    "SELECT sum(hashtext(concat(id, name, mood, kept, origin, was, small))) FROM customers":
    "SELECT sum(hashtext(concat(id, name, mood, kept, 'shop', mood, name))) FROM customers",
    """SELECT sum(hashtext(concat("Big ""Value", "Twice %s", id))) FROM "Odd.One"."T%s" """:
    """SELECT sum(hashtext(concat("Big ""Value", "Big ""Value", "Big ""Value", 1))) FROM "Odd.One"."T%s" """,
    "SELECT sum(hashtext(concat(id, day, month))) FROM log": "SELECT sum(hashtext(concat(id, day, 1))) FROM log",
    "SELECT sum(hashtext(concat(id, color, twice, note))) FROM animals":
    "SELECT sum(hashtext(concat(id, color, legs * 2))) FROM animals",
    "SELECT sum(hashtext(said)) FROM dogs": "SELECT sum(hashtext('wuff ' || name)) FROM dogs",
    "SELECT sum(b) FROM sums": "SELECT sum(b) FROM sums",
    "SELECT last_value FROM customers_id_seq": "SELECT last_value FROM customers_id_seq",
}  # fmt: skip
GONE = (
    "index public.by_secret",
    "statistics public.two",
    "view public.with_code",
    "view public.over_it",
    "matview public.codes",
    "foreign_key uses_code_code_fkey on public.uses_code",
    "constraint customers_code_key on public.customers",
    "constraint code_is_positive on public.customers",
    "constraint animals_legs_check on public.animals",
    "policy p on public.customers",
    "trigger on_secret on public.customers",
    "index public.log_note_idx",
    'sequence "Odd.One"."T%s_id_seq"',
)
STAYS = (
    ("pg_class", "by_name"),
    ("pg_class", "without_code"),
    ("pg_constraint", "kept_is_positive"),
    ("pg_constraint", "uses_code_customer_fkey"),
    ("pg_policy", "q"),
    ("pg_trigger", "on_name"),
)


def is_shaped(source: Database, destination: Database) -> None:
    for table, wanted in THERE.items():
        assert destination.value(COLUMNS.format(table)) == wanted, table
    for copied, wanted in ROWS.items():
        assert destination.value(copied) == source.value(wanted), copied


def names(database: Database, catalog: str) -> set[str]:
    column = {"pg_class": "relname", "pg_constraint": "conname", "pg_policy": "polname", "pg_trigger": "tgname"}[
        catalog
    ]
    return {name for (name,) in database.rows(f"SELECT {column} FROM {catalog} WHERE oid >= 16384")}


@SEVERAL
def test_columns_are_left_out_and_added(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    seen: list = []
    settings = {"definition": DEFINITION, "jobs": 4, "split_larger_than": 20_000}
    planned = plan(Settings(source.dsn, destination.dsn, **settings))
    assert {loss.what for loss in planned.plan.excluded} == set(GONE)
    clone(Settings(source.dsn, destination.dsn, verify=True, **settings), on_event=seen.append)
    is_shaped(source, destination)
    for catalog, name in STAYS:
        assert name in names(destination, catalog)
    for what in GONE:
        assert what.split(" ")[1].rpartition(".")[2] not in names(destination, "pg_class") | names(
            destination, "pg_policy"
        )
    dumped = destination.dump()
    assert "secret" not in dumped
    assert "never tell" not in dumped
    assert "'tell'" in dumped
    (note,) = [text for text in notes(seen) if "now() is" in text]
    as_of = note.rpartition(" ")[2].rstrip(".")
    assert destination.value(f"SELECT bool_and(loaded_at = '{as_of}') FROM customers") is True
    assert verify(Settings(source.dsn, destination.dsn, as_of=as_of, **settings)).equal
    destination.run("UPDATE customers SET origin = 'x' WHERE id = 7; ALTER TABLE dogs DROP said")
    found = verify(Settings(source.dsn, destination.dsn, as_of=as_of, **settings))
    assert {d.what for d in found.differences} == {"table public.customers", "table public.dogs"}
    destination.run("ALTER TABLE dogs ADD said text; UPDATE log SET month = 7; DELETE FROM customers WHERE id = 800")
    verify(Settings(source.dsn, destination.dsn, as_of=as_of, repair=True, **settings))
    is_shaped(source, destination)


@SOME
@pytest.mark.parametrize(
    ("table", "rule", "words"),
    [
        ("public.customers", {"exclude_columns": ["secrt"]}, "no column secrt. Did you mean secret?"),
        (
            "public.sums",
            {"exclude_columns": ["a"]},
            "public.sums.c is generated from public.sums.a. Exclude public.sums.c",
        ),
        ("public.sums", {"exclude_columns": ["a", "b", "c"]}, "public.sums would have no column. Leave the table out"),
        ("public.log", {"exclude_columns": ["id"]}, "public.log.id is in the partition key"),
        ("public.by_expression", {"exclude_columns": ["v"]}, "public.by_expression.v is in the partition key"),
        (
            "public.log_2",
            {"exclude_columns": ["note"]},
            "public.log_2 has note from public.log. Exclude it from public.log",
        ),
        ("public.log_2", {"extra": {"x": "1"}}, "public.log_2 is a partition. Name its partitioned table"),
        ("public.animals", {"extra": {"name": "1"}}, "public.dogs has a column name already"),
        ("public.typed", {"exclude_columns": ["a"]}, "public.typed has the columns of its type"),
        ("public.typed", {"extra": {"x": "1"}}, "public.typed has the columns of its type"),
        ("public.sums", {"extra": {"x": "1"}}, "column s of table public.has_rows is of the type of public.sums"),
        ("public.customers", {"extra": {"ctid": "1"}}, "every table has a system column ctid"),
        ("public.customers", {"extra": {"x" * 64: "1"}}, "the name is longer than 63 bytes"),
        ("public.customers", {"extra": {"x": "nam"}}, 'column "nam" does not exist'),
        ("public.customers", {"extra": {"x": "(id, name)"}}, "its type is record, which no column can have"),
        ("public.customers", {"extra": {"x": "random()"}}, "random() gives another value whenever it is called"),
        ("public.customers", {"extra": {"x": ""}}, "an SQL expression is needed"),
        ("public.customers", {"extra": {"x": "count(*)"}}, "must give one value for each row"),
        ("public.customers", {"extra": {"x": "row_number() OVER ()"}}, "must give one value for each row"),
        ("public.customers", {"extra": {"x": "generate_series(1, 2)"}}, "must give one value for each row"),
        ("public.customers", {"extra": {"x": "1); DROP TABLE log; SELECT (1"}}, "is not one expression"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    pair: tuple[Database, Database], table: str, rule: dict, words: str
) -> None:
    source, destination = pair
    source.run(SHOP)
    source.run("CREATE TYPE ab AS (a int, b int); CREATE TABLE typed OF ab; CREATE TABLE has_rows (s sums);"
               "CREATE TABLE by_expression (v text, n int) PARTITION BY LIST (upper(v))")  # fmt: skip
    with pytest.raises(DefinitionError) as raised:
        clone(Settings(source.dsn, destination.dsn, definition={"tables": {table: rule}}))
    assert words in f"{raised.value} {raised.value.hint or ''}"
    assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0


@SOME
def test_resuming_replacing_and_rows_alone(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    definition = {"tables": {name: {**rule} for name, rule in DEFINITION["tables"].items()}}
    definition["tables"]["public.customers"]["extra"] = {**DEFINITION["tables"]["public.customers"]["extra"],
                                                        "loaded_at": "timestamptz '2026-01-01'"}  # fmt: skip
    settings = {"definition": definition}

    def stop(event: object) -> None:
        if type(event).__name__ == "Done" and getattr(event, "step", "") == "data public.log_1":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        clone(Settings(source.dsn, destination.dsn, **settings), on_event=stop)
    clone(Settings(source.dsn, destination.dsn, resume="per-table", verify=True, **settings))
    is_shaped(source, destination)
    source.run("UPDATE customers SET name = 'new', secret = 'hidden' WHERE id < 10")
    seen: list = []
    clone(
        Settings(source.dsn, destination.dsn, data_only=True, truncate=True, verify=True, **settings),
        on_event=seen.append,
    )
    is_shaped(source, destination)
    assert not [text for text in notes(seen) if "lacks" in text]
    for more in ({"replace": "swap"}, {"replace": "drop", "load_via_partition_root": True, "format": "text"}):
        clone(Settings(source.dsn, destination.dsn, verify=True, **more, **settings))
        is_shaped(source, destination)


@SOME
def test_rows_alone_into_a_schema_with_all_columns(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    source.run(SHOP)
    destination.run(SHOP)
    destination.run("ALTER TABLE customers ADD origin varchar(2)")
    destination.run("TRUNCATE customers, uses_code")
    tables = {"public.customers": {"exclude_columns": ["secret"], "extra": {"origin": "'shop'", "absent": "1"}}}
    seen: list = []
    given = {"data_only": True, "truncate": True, "verify": True, "definition": {"tables": tables}}
    with pytest.raises(PreflightFailed, match=r"longer than the destination's columns: public.customers.origin \(2\)"):
        clone(Settings(source.dsn, destination.dsn, **given))
    destination.run("ALTER TABLE customers ALTER origin TYPE varchar(9)")
    clone(Settings(source.dsn, destination.dsn, **given), on_event=seen.append)
    assert destination.rows("SELECT DISTINCT secret, origin FROM customers") == [("s", "shop")]
    assert destination.value("SELECT count(*) FROM customers") == 1000
    assert any("columns of public.customers" in text and "absent" in text for text in notes(seen))
    destination.run("UPDATE customers SET origin = 'mine', secret = 'mine' WHERE id = 3")
    merged = {"data_only": True, "upsert": True, "include": ("public.customers",), "definition": {"tables": tables}}
    clone(Settings(source.dsn, destination.dsn, **merged))
    assert destination.rows("SELECT secret, origin FROM customers WHERE id = 3") == [("mine", "shop")]


@SOME
def test_the_file_and_what_is_chosen(pair: tuple[Database, Database], replicator: Run, tmp_path) -> None:
    source, destination = pair
    source.run(SHOP)
    path = tmp_path / "shop.toml"
    path.write_text('[tables."public.customers"]\nexclude_columns = ["code", "secre"]\n')
    given = ("--definition", str(path), *both(source, destination), "--include", "public.customers")
    refuses(replicator("clone", *given), 2, f"{path}:2: ", "public.customers has no column secre. Did you mean secret?")
    path.write_text(
        '[tables."public.customers"]\nexclude_columns = ["code"]\nextra.feeling = "\'good\'::public.mood"\n'
    )
    listed = runs(replicator("choose", "--definition", str(path), "--source", source.dsn))
    assert "customers_code_key" not in listed
    runs(replicator("clone", *given, "--verify"))
    assert destination.rows("SELECT DISTINCT feeling::text FROM customers") == [("good",)]
    assert "code" not in str(destination.value(COLUMNS.format("customers")))
    runs(replicator("verify", *given))


@pytest.mark.parametrize(("older", "newer"), [(VERSIONS[0], VERSIONS[-1])])
def test_between_versions(servers: Servers, older: int, newer: int) -> None:
    for one, other in ((older, newer), (newer, older)):
        source, destination = servers.database(one), servers.database(other)
        source.run(SHOP)
        clone(Settings(source.dsn, destination.dsn, verify=True, definition=DEFINITION))
        is_shaped(source, destination)
