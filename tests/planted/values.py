"""Values of every type that a column of a server may have, and pairs of them that differ a little.

A value is an SQL expression. Whether the server takes it, and what it prints, is asked of the server: two values that
print the same are no difference.
"""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

SETUP = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'Ok');
CREATE TYPE spot AS (x int, y numeric, z text);
CREATE TYPE nested AS (s spot, ss spot[], m mood, t text[], f float8);
CREATE DOMAIN amount AS numeric CHECK (VALUE IS DISTINCT FROM 7);
CREATE DOMAIN amounts AS numeric[];
CREATE DOMAIN of_amount AS amount;
CREATE DOMAIN mood_domain AS mood;
CREATE DOMAIN moods_domain AS mood[];
CREATE DOMAIN codes AS char(3);
CREATE DOMAIN place AS spot;
CREATE DOMAIN places AS spot[];
CREATE DOMAIN document AS jsonb;
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TYPE moods AS RANGE (subtype = mood);
CREATE TYPE words AS RANGE (subtype = text, collation = "C");
CREATE DOMAIN span AS floats;
CREATE TYPE whole;
CREATE FUNCTION whole_in(cstring) RETURNS whole LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION whole_out(whole) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE whole (INPUT = whole_in, OUTPUT = whole_out, LIKE = int4);
CREATE FUNCTION blind(mood) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'same'$$;
CREATE FUNCTION blind(spot) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'same'$$;
CREATE FUNCTION blind(whole) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'same'$$;
CREATE CAST (mood AS text) WITH FUNCTION blind(mood) AS IMPLICIT;
CREATE CAST (spot AS text) WITH FUNCTION blind(spot) AS IMPLICIT;
CREATE CAST (whole AS text) WITH FUNCTION blind(whole) AS IMPLICIT;
CREATE TABLE trees (one int DEFAULT 1, two int DEFAULT 2, three text DEFAULT 'a', four text DEFAULT upper('a'));
CREATE TABLE counted AS SELECT i % 7 AS a, i % 5 AS b, i % 14 AS c FROM generate_series(1, 100) i;
CREATE STATISTICS counted_1 ON a, b FROM counted;
CREATE STATISTICS counted_2 ON a, c FROM counted;
CREATE STATISTICS counted_3 ON a, b, c FROM counted;
ANALYZE counted;
"""
EXTENSIONS = ("citext", "cube", "hstore", "isn", "ltree", "seg")
SAMPLES: dict[str, list[str]] = {
    name: values
    for names, values in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
    for name in names.split()
}
"""By type; `char` is the quoted one."""
OF_STATISTICS = """(SELECT stxd{} FROM pg_statistic_ext_data JOIN pg_statistic_ext s ON s.oid = stxoid
                     WHERE stxname = 'counted_{{}}')"""
EXPRESSIONS = {
    "pg_node_tree": "(SELECT adbin FROM pg_attrdef WHERE adrelid = 'trees'::regclass AND adnum = {})",
    "pg_ndistinct": OF_STATISTICS.format("ndistinct"),
    "pg_dependencies": OF_STATISTICS.format("dependencies"),
    "pg_mcv_list": OF_STATISTICS.format("mcv"),
}
"""Types that take no text: where values of them are found."""
WITHOUT_VALUES = {"gtsvector", "ghstore", "ltree_gist", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"}
"""Types of which SQL has no values but NULL."""
LIMITED = {
    "numeric(12,3)": "numeric", "char(5)": "bpchar", "varchar(9)": "varchar", "bit(4)": "bit", "varbit(9)": "varbit",
    "time(1)": "time", "timetz(0)": "timetz", "timestamp(2)": "timestamp", "timestamptz(3)": "timestamptz",
    "interval day to second(3)": "interval", "numeric(9,2)[]": "_numeric", "char(3)[]": "_bpchar",
}  # fmt: skip
"""Types with a modifier, and what they are without."""

TYPES = """
SELECT t.typname::text, format_type(t.oid, -1), e.typname::text, e.typdelim::text, b.typname::text, r.typname::text
     , ARRAY(SELECT f.typname::text FROM pg_attribute JOIN pg_type f ON f.oid = atttypid
              WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
     , EXISTS (SELECT FROM pg_opclass WHERE opcdefault AND opcmethod = 403 AND opcintype = t.oid)
  FROM pg_type t
  LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_range ON {multirange} = t.oid
  LEFT JOIN pg_type r ON r.oid = rngtypid
  LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid) AND c.oid <> 0
 WHERE t.typisdefined AND t.typtype <> 'p' AND coalesce(e.typtype, 'b') <> 'p'
   AND coalesce(c.relkind = 'c', true)
 ORDER BY t.oid
"""


@dataclass(frozen=True)
class Type:
    sql: str
    element: str | None
    delimiter: str | None
    base: str | None
    range: str | None
    fields: Sequence[str]
    sortable: bool
    """It can be a key."""


class Values:
    """Draws values of every type of the server that a connection is to, whose database has what SETUP makes."""

    def __init__(self, conn: psycopg.Connection[Any], dice: random.Random) -> None:
        self._conn = conn
        self._dice = dice
        self._printed: dict[str, str | None] = {}
        multirange = "rngmultitypid" if conn.info.server_version >= 140000 else "NULL"
        has_xml = self.prints("'<a/>'::xml") is not None
        rows = conn.execute(TYPES.format(multirange=multirange)).fetchall()
        types = {name: Type(*row) for name, *row in rows if name.lstrip("_") not in WITHOUT_VALUES}
        self.types = {name: type for name, type in types.items() if has_xml or name.lstrip("_") != "xml"}
        self.types |= {name: replace(self.types[base], sql=name, base=base) for name, base in LIMITED.items()}

    def prints(self, value: str) -> str | None:
        """Return what the server prints of a value; nothing if it does not take it."""
        if value not in self._printed:
            try:
                query = f"SELECT CASE WHEN num_nulls({value}) = 0 THEN format('%s', {value}) ELSE 'NULL, no text' END"
                ((self._printed[value],),) = self._conn.execute(query.encode()).fetchall()
            except psycopg.Error:
                self._printed[value] = None
        return self._printed[value]

    def one(self, name: str) -> str:
        """Return a value of a type."""
        return self._value(name)[1]

    def pair(self, name: str, *, null: bool = True) -> tuple[str, str]:
        """Return two values that print otherwise, in most cases a little; `null`: one of them may be NULL."""
        for _ in range(1000):
            text, one = self._value(name)
            how = self._dice.random()
            if null and how < 0.1:
                return one, f"NULL::{self.types[name].sql}"
            other = self.one(name) if text is None or how < 0.4 else self._cast(near(text, self._dice), name)
            if self.prints(other) not in (None, self.prints(one)):
                return (one, other) if self._dice.random() < 0.5 else (other, one)
        raise AssertionError(f"no two values of {name}")

    def _value(self, name: str) -> tuple[str | None, str]:
        """Return a value's text, if it has one that is read, and its expression."""
        for _ in range(1000):
            if name in EXPRESSIONS:
                return None, EXPRESSIONS[name].format(self._dice.randint(1, 3))
            text = self._text(name)
            value = self._cast(text, name)
            if self.prints(value) is not None:
                return text, value
        raise AssertionError(f"no value of {name}")

    def _cast(self, text: str, name: str) -> str:
        return f"{sql.Literal(text).as_string().strip()}::{self.types[name].sql}"

    def _text(self, name: str) -> str:
        type, dice = self.types[name], self._dice
        if name in SAMPLES:
            return dice.choice(SAMPLES[name])
        if type.base:
            return self._text(type.base)
        if type.range:
            return "{" + ",".join(self._text(type.range) for _ in range(dice.randint(0, 2))) + "}"
        if type.fields:
            return "(" + ",".join(self._part(field, '""', "") for field in type.fields) + ")"
        assert type.element, f"{name}: a type without samples in {__name__}"
        return self._array(type.element, type.delimiter or ",")

    def _array(self, element: str, delimiter: str) -> str:
        rows, width = self._dice.choice([(1, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 1)])
        parts = [[self._part(element, r"\"", "NULL") for _ in range(width)] for _ in range(rows)]
        texts = ["{" + delimiter.join(part) + "}" for part in parts]
        text = texts[0] if rows == 1 else "{" + delimiter.join(texts) + "}"
        low = self._dice.choice([1, 1, 0, -1, 2])
        if low == 1 or not width:
            return text
        bounds = f"[{low}:{low + width - 1}]"
        return f"[{low}:{low + rows - 1}]{bounds}={text}" if rows > 1 else f"{bounds}={text}"

    def _part(self, name: str, quote: str, null: str) -> str:
        """Return what is within an array or a row."""
        if self._dice.random() < 0.1:
            return null
        text = self._text(name).replace("\\", r"\\").replace('"', quote)
        return f'"{text}"'


def near(text: str, dice: random.Random) -> str:
    """Return a text that differs a little: one digit, a sign, a letter's case, a brace, two that changed places.

    >>> near("a", random.Random(1)) != "a"
    True
    """
    at = dice.randrange(len(text)) if text else 0
    before, here, after = text[:at], text[at : at + 1], text[at + 1 :]
    digit = str((int(here) + 1) % 10) if here.isdecimal() and here.isascii() else here
    other = {"[": "(", "(": "[", "]": ")", ")": "]", "{": "{{", "&": "|", "+": "-", "-": "+"}.get(here, "-" + here)
    changed = [
        before + digit + after, before + other + after, before + here.swapcase() + after, before + after,
        before + here * 2 + after, before + after[:1] + here + after[1:], text + "0", text + " ", text + ".0",
        before + "NULL" + after, "-" + text, before + " " + here + after, text.swapcase(), f"[0:0]={text}",
    ]  # fmt: skip
    return dice.choice([other for other in changed if other != text])
