"""Big tables of a few sorts, and differences of their rows that can be repaired."""

import random
from dataclasses import dataclass

ROWS = """
CREATE TABLE by_id (id bigint PRIMARY KEY, n int, name text, amount numeric(12, 2), at timestamptz, tags text[],
                    data jsonb);
INSERT INTO by_id SELECT i, i % 100, 'name ' || i, i / 3.0, to_timestamp(i), ARRAY['t' || i % 5]
                       , jsonb_build_object('i', i)
  FROM generate_series(1, {rows}) i;
CREATE TABLE by_words (a text, b uuid, f float8, body bytea, PRIMARY KEY (b, a));
INSERT INTO by_words SELECT 'w' || i % 100, md5(i::text)::uuid, sqrt(i), decode(md5(i::text), 'hex')
  FROM generate_series(1, {rows}) i;
CREATE TABLE "Without key" (a int, "Odd "" %s {{}} column" text, doc json, flag bool);
INSERT INTO "Without key" SELECT i % ({rows} / 2), 'text ' || i % ({rows} / 2), '{{"a": 1}}', i % 2 = 0
  FROM generate_series(1, {rows}) i;
CREATE TABLE parted (k int, id int, v text, PRIMARY KEY (k, id)) PARTITION BY HASH (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT i % 10, i, 'v' || i FROM generate_series(1, {rows}) i;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE by_mood (m mood, id int, p point, UNIQUE (m, id));
ALTER TABLE by_mood ALTER m SET NOT NULL, ALTER id SET NOT NULL;
INSERT INTO by_mood SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i, point(i, i)
  FROM generate_series(1, {rows}) i;
CREATE TABLE long (id int PRIMARY KEY, body text);
INSERT INTO long SELECT i, (SELECT string_agg(md5((i * 1000 + j)::text), '') FROM generate_series(1, 200) j)
  FROM generate_series(1, {rows} / 100) i
"""


@dataclass(frozen=True)
class Plant:
    """A statement for the copy, and what must be found: in which table, how, and a value of its key."""

    statement: str
    table: str
    how: str
    key: str | None


CHANGES = {
    "by_id": [
        "n = -1", "name = name || ' '", "name = NULL", "amount = amount + 0.01", "at = at + interval '1 us'",
        "tags = tags || NULL::text", "data = data || '{\"x\": null}'", "n = NULL", "amount = NULL",
    ],
    "by_words": ["f = f + 1e-9", "body = set_byte(body, 15, get_byte(body, 15) # 1)", "body = NULL", "f = NULL"],
    "parted": ["v = ''", "v = NULL", "v = upper(v)"],
    "by_mood": ["p = point(0, 1)", "p = NULL"],
    "long": ["body = overlay(body PLACING '!' FROM 5000)", "body = left(body, -1)", "body = NULL"],
}  # fmt: skip
KEYS = {"by_id": "id", "by_words": "b", "parted": "id", "by_mood": "id", "long": "id"}


def plant_rows(number: int, rows: int, seed: int) -> list[Plant]:
    """Return so many differences of rows, no two of the same row."""
    dice = random.Random(seed)
    used: set[tuple[str, int]] = set()
    plants = []
    while len(plants) < number:
        table = dice.choice([*CHANGES, "Without key"])
        i = dice.randint(1, rows // 100 if table == "long" else rows // 2 - 1)
        if (table, i) in used:
            continue
        used.add((table, i))
        how = dice.choice(["changed", "missing", "extra"])
        plants.append(_without_key(i, how) if table == "Without key" else _with_key(table, i, how, rows, dice))
    return plants


def _with_key(table: str, i: int, how: str, rows: int, dice: random.Random) -> Plant:
    key = KEYS[table]
    value = f"md5('{i}')::uuid" if table == "by_words" else str(i)
    where = f"{key} = {value}"
    if how == "changed":
        change = dice.choice(CHANGES[table])
        return Plant(f"UPDATE {table} SET {change} WHERE {where}", table, how, value)
    if how == "missing":
        return Plant(f"DELETE FROM {table} WHERE {where}", table, how, value)
    other = f"md5('{i + rows * 9}')::uuid" if table == "by_words" else str(i + rows * 9)
    copy = f"CREATE TEMP TABLE another AS SELECT * FROM {table} WHERE {where}; UPDATE another SET {key} = {other};"
    return Plant(f"{copy} INSERT INTO {table} TABLE another; DROP TABLE another", table, how, other)


def _without_key(i: int, how: str) -> Plant:
    """A changed row without a key is one that is missing and another that is extra."""
    place = f'(SELECT ctid FROM "Without key" WHERE a = {i} LIMIT 1)'
    statement = {
        "changed": f'UPDATE "Without key" SET flag = NULL WHERE ctid = {place}',
        "missing": f'DELETE FROM "Without key" WHERE ctid = {place}',
        "extra": f'INSERT INTO "Without key" SELECT * FROM "Without key" WHERE ctid = {place}',
    }[how]
    return Plant(statement, "Without key", "extra" if how == "changed" else how, None)
