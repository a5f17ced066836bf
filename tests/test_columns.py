"""Columns that are not copied, and columns that only the copy has. Judged by SQL of both databases."""

import pytest

from replicator import clone, plan, verify
from replicator.errors import Interrupted
from replicator.settings import Settings
from replicator.settings.definition import DefinitionError
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import SEVERAL, SOME, Database

SHOP = """
CREATE SCHEMA "Odd.One";
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL, secret text DEFAULT 's',
                        code int UNIQUE, mood mood, kept int,
                        CONSTRAINT code_is_positive CHECK (code > 0), CONSTRAINT kept_is_positive CHECK (kept > 0));
INSERT INTO customers (name, code, mood, kept) SELECT 'c' || g, g, 'good', g FROM generate_series(1, 1000) g;
CREATE INDEX by_secret ON customers (upper(secret)); CREATE INDEX by_name ON customers (name);
CREATE STATISTICS two ON code, kept FROM customers;
CREATE VIEW with_code AS SELECT id, code FROM customers; CREATE VIEW over_it AS SELECT id FROM with_code;
CREATE VIEW without_code AS SELECT id, name FROM customers;
CREATE MATERIALIZED VIEW codes AS SELECT code FROM customers;
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
            "extra": {'"Twice %s"': '"Big ""Value" || "Big ""Value"', "id": "length(\"a%b\")"},
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
    column = {"pg_class": "relname", "pg_constraint": "conname", "pg_policy": "polname", "pg_trigger": "tgname"}[catalog]
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
        assert what.split(" ")[1].rpartition(".")[2] not in names(destination, "pg_class") | names(destination, "pg_policy")
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
