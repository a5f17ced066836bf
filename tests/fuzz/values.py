"""Types, values of them, and expressions over columns."""

from typing import NamedTuple

from tests.fuzz.maker import Maker, literal

# Few values of each, so that keys meet and references find what they refer to.
VALUES: dict[str, tuple[str, ...]] = {
    "int2": tuple("0123456789"),
    "int4": tuple("0123456789"),
    "int8": ("0", "1", "2", "3", "4", "5", "9007199254740993", "-1"),
    "numeric": ("0", "1", "1.0", "1.00", "2.5", "NaN", "-3", "7"),
    "float8": ("0", "-0", "1", "0.1", "1e300", "NaN", "Infinity"),
    "float4": ("0", "1", "0.1", "1e30"),
    "text": ("", "a", "b", "c", "it's", "ü", "tab\there", "back\\slash", "\\N", "new\nline", "x" * 3000),
    "varchar": ("", "a", "b", "c", "d ", "ü"),
    "bpchar": ("a", "b", "c"),
    "name": ("a", "b", "c"),
    "bool": ("t", "f"),
    "date": ("2020-01-01", "2020-02-29", "infinity", "0044-03-15 BC", "2021-05-05"),
    "timestamptz": ("2020-01-01 00:00+00", "infinity", "2021-06-01 12:00:00.123456+02"),
    "timestamp": ("2020-01-01", "-infinity", "2021-06-01 12:00:00.1"),
    "time": ("00:00", "12:34:56.789"),
    "timetz": ("00:00+00", "12:34:56-07"),
    "interval": ("0", "1 day", "-1 mon 3:00", "1 year 2 days"),
    "uuid": ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"),
    "jsonb": ("null", "{}", '{"a": 1}', "[1, 2]", '"x"'),
    "json": ("null", "{}", '{"a":  1, "a": 2}'),
    "bytea": ("", "\\x00ff", "\\xdeadbeef"),
    "inet": ("10.0.0.1", "10.0.0.0/8", "::1"),
    "macaddr": ("08:00:2b:01:02:03",),
    "bit": ("10101010", "00000000"),
    "varbit": ("1", "1010"),
    "point": ("(1,2)", "(0,0)"),
    "box": ("(1,1),(0,0)",),
    "money": ("1.00", "2.50"),
    "tsvector": ("a b", "'it''s':1A"),
    "pg_lsn": ("0/0", "16/B374D848"),
    "char": ("a", "b"),
}
BUILT_IN = (
    "integer", "integer", "integer", "bigint", "smallint", "text", "text", "character varying(12)", "character(3)",
    "numeric", "numeric(8,2)", "boolean", "date", "timestamp with time zone", "timestamp(3) without time zone",
    "time without time zone", "time with time zone", "interval", "interval hour to minute", "uuid", "jsonb", "json",
    "bytea", "inet", "macaddr", "bit(8)", "bit varying", "double precision", "real", "integer[]", "text[]", "name",
    "numeric(6,2)[]", "int4range", "tstzrange", "daterange", "numrange", "point", "box", "money", "tsvector", "pg_lsn",
    '"char"', "character varying", "character varying(5)[]", "uuid[]", "jsonb[]", "date[]",
)  # fmt: skip

OWN_TYPES = """
    SELECT t.oid::regtype::text, t.oid
      FROM pg_type t
      LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE t.oid >= 16384 AND t.typnamespace <> 'pg_toast'::regnamespace
       AND (t.typtype IN ({types}) OR t.typtype = 'c' AND c.relkind = 'c' AND 'c' IN ({types}))
     ORDER BY t.oid"""


class Column(NamedTuple):
    """A column: its name quoted, its type."""

    name: str
    typid: int
    type: str


def own_type(maker: Maker, types: str = "'e', 'd', 'r', 'm', 'c'") -> str | None:
    """Return one of the types that were made; of these sorts of pg_type.typtype."""
    found = maker.pick(OWN_TYPES.format(types=types))
    return found and str(found[0])


def any_type(maker: Maker, own: float = 0.4) -> str:
    """Return a type for a column."""
    if maker.maybe(own) and (type := own_type(maker)):
        return type + maker.some("[]", 0.15)
    return maker.die.choice(BUILT_IN)


def columns(maker: Maker, relation: int) -> list[Column]:
    """Return the columns of a relation that may be named."""
    query = f"""SELECT quote_ident(attname), atttypid, format_type(atttypid, atttypmod)
                  FROM pg_attribute WHERE attrelid = {relation} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
    return [Column(*row) for row in maker.rows(query)]


def value(maker: Maker, typid: int, depth: int = 0) -> str:
    """Return an expression for a value of a type; NULL where nothing better is known."""
    if depth > 4 or maker.maybe(0.08):
        return "NULL"
    query = f"""SELECT t.typname, t.typtype, t.typelem, t.typbasetype, t.typrelid, t.oid::regtype::text, t.typlen
                  FROM pg_type t WHERE t.oid = {typid}"""
    (name, sort, element, base, relation, type, _) = maker.rows(query)[0]
    if name == "bit":  # as a cast it would be of one bit
        return f"B{literal(maker.die.choice(VALUES[name]))}"
    if name in VALUES:
        return f"{literal(maker.die.choice(VALUES[name]))}::{type}"
    if sort == "e":
        label = maker.pick(f"SELECT enumlabel FROM pg_enum WHERE enumtypid = {typid} ORDER BY enumsortorder")
        return f"{literal(label[0])}::{type}" if label else "NULL"
    if sort == "d":
        return f"CAST({value(maker, base, depth + 1)} AS {type})"
    if sort == "c":
        if maker.rows(f"SELECT FROM pg_inherits WHERE inhrelid = {relation}"):
            return "NULL"  # in a copy, pg_dump's as well, its columns may have another order
        fields = [value(maker, column.typid, depth + 1) for column in columns(maker, relation)]
        return f"CAST(ROW({', '.join(fields)}) AS {type})"
    if sort == "r":
        return _range(maker, typid, type, depth)
    if element:
        items = [value(maker, element, depth + 1) for _ in range(maker.die.randint(0, 3))]
        return f"CAST(ARRAY[{', '.join(items)}] AS {type})"
    return "NULL"


def _range(maker: Maker, typid: int, type: str, depth: int) -> str:
    (subtype,) = maker.rows(f"SELECT rngsubtype FROM pg_range WHERE rngtypid = {typid}")[0]
    one, other = (value(maker, subtype, depth + 1) for _ in range(2))
    bounds = maker.die.choice(["[]", "[)", "()", "(]"])
    (constructor,) = maker.rows(
        f"SELECT typnamespace::regnamespace || '.' || quote_ident(typname) FROM pg_type WHERE oid = {typid}"
    )[0]
    return f"{constructor}(least({one}, {other}), greatest({one}, {other}), '{bounds}')"


def constant(maker: Maker, typid: int) -> str:
    """Return a value that is not NULL, or at least typed."""
    text = value(maker, typid)
    return text if text != "NULL" else f"NULL::{maker.rows(f'SELECT {typid}::regtype')[0][0]}"


CALLABLE = """
    SELECT p.oid::regproc::text
      FROM pg_proc p
     WHERE p.pronargs = 1 AND p.prokind = 'f' AND NOT p.proretset AND p.oid >= 16384
       AND p.proargtypes[0] = {typid} AND {volatile} AND {reading}
       AND p.prorettype <> 'trigger'::regtype
     ORDER BY p.oid"""
READS = 777
"""The cost of functions that read tables, by which they are known whatever they are called later."""


def expression(maker: Maker, column: Column, *, immutable: bool = True, depth: int = 0) -> str:
    """Return an expression over a column."""
    name, die = column.name, maker.die
    volatile = "p.provolatile = 'i'" if immutable else "true"
    reading = "true" if maker.reading or not immutable else f"p.procost <> {READS}"
    if maker.maybe(0.4):
        call = maker.pick(CALLABLE.format(typid=column.typid, volatile=volatile, reading=reading))
        if call:
            return f"{call[0]}({name})"
    (base, sort, element, relation) = maker.rows(
        f"""WITH RECURSIVE d AS (SELECT {column.typid}::oid AS oid UNION ALL
              SELECT t.typbasetype FROM d JOIN pg_type t ON t.oid = d.oid WHERE t.typtype = 'd')
            SELECT typname, typtype, typelem, typrelid FROM pg_type
             WHERE oid IN (SELECT oid FROM d) AND typtype <> 'd' LIMIT 1"""
    )[0]
    general = [name, f"coalesce({name}, {constant(maker, column.typid)})",
               f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END", f"num_nulls({name}, 1)",
               f"nullif({name}, {constant(maker, column.typid)})", f"ARRAY[{name}]"]  # fmt: skip
    match base:
        case "int2" | "int4" | "int8" | "numeric" | "float8":
            general += [f"({name} + 1)", f"(- {name})", f"abs({name})", f"({name} * 2 - 1)", f"greatest({name}, 3)"]
        case "text" | "varchar" | "bpchar":
            general += [f"lower({name})", f"({name} || 'x')", f"length({name})", f"({name} COLLATE \"C\")",
                        f"substring({name} FROM 1 FOR 2)", f"trim(BOTH 'x' FROM {name})", f"md5({name})",
                        f"({name} ~~ 'a%')", f"strpos({name}, 'a')"]  # fmt: skip
        case "jsonb":
            general += [f"({name} -> 'a')", f"({name} ->> 'a')", f"jsonb_typeof({name})"]
        case "timestamptz":
            general += [f"({name} AT TIME ZONE 'UTC')", f"date_part('epoch', {name})"]
        case "date":
            general += [f"({name} - 1)", f"EXTRACT(year FROM {name})", f"isfinite({name})"]
        case _ if sort == "c":
            fields = columns(maker, relation)
            general += [f"({name}).{field.name}" for field in fields]
        case _ if sort == "r":
            general += [f"isempty({name})", f"lower({name})", f"lower_inc({name})"]
        case _ if element:
            general += [f"{name}[1]", f"cardinality({name})", f"array_length({name}, 1)", f"({name} || {name})"]
    chosen = die.choice(general)
    return chosen if depth or maker.maybe(0.8) else f"({chosen} IS NULL)"


def condition(maker: Maker, cols: list[Column], *, immutable: bool = True, depth: int = 0) -> str:
    """Return a condition over columns, which most rows meet."""
    column = maker.die.choice(cols)
    name = column.name
    one = constant(maker, column.typid)
    other = constant(maker, column.typid)
    text = maker.die.choice(
        [
            f"{name} IS DISTINCT FROM {one}",
            f"{name} IS NOT NULL",
            f"({name} <> {one})",
            f"NOT {name} IN ({one}, {other})",
            f"({name} >= {one} OR {name} IS NULL)",
            f"{name} BETWEEN {one} AND {other} IS NOT FALSE",
            f"{name}::text <> 'z'",
            f"{expression(maker, column, immutable=immutable)} IS NOT NULL",
            f"({expression(maker, column, immutable=immutable)} = {expression(maker, column, immutable=immutable)})",
            f"CASE WHEN {name} = {one} THEN true ELSE {name} IS NOT DISTINCT FROM {name} END",
            f"{name} <> ALL (ARRAY[{one}, {other}])",
        ]
    )
    if depth < 2 and maker.maybe(0.3):
        joined = maker.die.choice([" AND ", " OR ", " IS NOT DISTINCT FROM "])
        return f"({text}{joined}({condition(maker, cols, immutable=immutable, depth=depth + 1)}))"
    return text
