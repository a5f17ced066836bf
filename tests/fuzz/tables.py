"""Tables: columns of all sorts, inheritance, partitions."""

from tests.fuzz.datatypes import type_id
from tests.fuzz.maker import Maker, literal, step
from tests.fuzz.values import Column, any_type, columns, condition, constant, expression, own_type

TABLES = """
    SELECT c.oid::regclass::text, c.oid::int8 FROM pg_class c
     WHERE c.relkind IN ({kinds}) AND c.oid > 16383 {more} ORDER BY c.oid"""


def a_table(maker: Maker, kinds: str = "'r', 'p'", more: str = "") -> tuple[str, int] | None:
    found = maker.pick(TABLES.format(kinds=kinds, more=more))
    return found and (str(found[0]), int(found[1]))


def _default(maker: Maker, type: str) -> str:
    """Return a default: a value, a function's, a sequence's."""
    typid = type_id(maker, type)
    if maker.maybe(0.3):
        call = maker.pick(
            f"""SELECT oid::regproc::text FROM pg_proc
                 WHERE oid > 16383 AND pronargs = pronargdefaults AND prokind = 'f' AND NOT proretset
                   AND prorettype = {typid} ORDER BY 1"""
        )
        if call:
            return f"{call[0]}()"
    if type in ("integer", "bigint") and maker.maybe(0.3) and (found := a_table(maker, "'S'")):
        return f"nextval({literal(found[0])}::regclass)"
    if type.startswith("timestamp"):
        return "now()"
    if type == "text" and maker.maybe(0.5):
        return maker.die.choice(
            ["CURRENT_USER", "upper('a' || 'b')", "current_setting('server_encoding')", "version()"]
        )
    return constant(maker, typid)


def _extras(maker: Maker, type: str) -> str:
    """Return what may follow a column's type."""
    die = maker.die
    if type in ("integer", "bigint", "smallint") and maker.maybe(0.12):
        options = maker.some(" (START WITH 50 INCREMENT BY 7 CACHE 3)", 0.4)
        return f"GENERATED {die.choice(['ALWAYS', 'BY DEFAULT'])} AS IDENTITY{options}"
    parts = []
    if type in ("text", "character varying", "character varying(12)"):
        parts.append(maker.some(f"COLLATE {die.choice(_collations(maker))}", 0.15))
        parts.append(maker.some(f"COMPRESSION {die.choice(['pglz', 'default'])}", 0.1) if maker.major >= 14 else "")
        parts.append(maker.some(f"STORAGE {die.choice(['EXTERNAL', 'MAIN'])}", 0.1) if maker.major >= 16 else "")
    if maker.maybe(0.3):
        parts.append(f"DEFAULT {_default(maker, type)}")
    if maker.maybe(0.15):
        named = f"CONSTRAINT {maker.name()} " if maker.major >= 18 and maker.maybe(0.4) else ""
        inherits = maker.some(" NO INHERIT", 0.15) if named else ""
        parts.append(f"{named}NOT NULL{inherits}")
    return " ".join(filter(None, parts))


def _collations(maker: Maker) -> list[str]:
    own = "SELECT oid::regcollation::text FROM pg_collation WHERE oid > 16383 ORDER BY 1"
    return ['pg_catalog."C"', 'pg_catalog."POSIX"', *(str(row[0]) for row in maker.rows(own))]


def _columns(maker: Maker, least: int = 1) -> tuple[list[str], list[Column]]:
    """Make up columns, the first ones often a key; some are generated from others."""
    texts, plain = [], []
    for number in range(maker.die.randint(least, 7)):
        name = maker.name()
        type = any_type(maker)
        if number == 0 and maker.maybe(0.6):
            type = maker.die.choice(
                ["integer", "bigint", "text", "uuid", "serial", "bigserial", own_type(maker, "'e', 'd'") or "date"]
            )
        serial = type in ("serial", "bigserial")
        texts.append(f"{name} {type} {'' if serial else _extras(maker, type)}")
        if not serial:
            plain.append(Column(name, type_id(maker, type), type))
    if plain and maker.maybe(0.3):
        texts.append(generated(maker, plain))
    return texts, plain


def generated(maker: Maker, plain: list[Column]) -> str:
    """Return a generated column, of the type that its expression has."""
    text = expression(maker, maker.die.choice(plain))
    how = maker.die.choice(["STORED", "VIRTUAL"]) if maker.major >= 18 else "STORED"
    type, whole = maker.die.choice(
        [
            ("text", f"({text})::text"),
            ("boolean", f"({text}) IS NULL"),
            ("integer", f"CASE WHEN ({text}) IS NULL THEN 0 ELSE 1 END"),
            ("integer", f"({text})::integer"),
        ]
    )
    return f"{maker.name()} {type} GENERATED ALWAYS AS ({whole}) {how}"


def _constraints(maker: Maker, plain: list[Column]) -> list[str]:
    if not plain:
        return []
    texts = []
    if maker.maybe(0.6):
        texts.append(f"{maker.some(f'CONSTRAINT {maker.name()}')} PRIMARY KEY ({plain[0].name})")
    if maker.maybe(0.35):
        inherit = maker.some(" NO INHERIT", 0.15)
        enforced = maker.some(" NOT ENFORCED", 0.15) if maker.major >= 18 else ""
        texts.append(f"{maker.some(f'CONSTRAINT {maker.name()}')} CHECK ({condition(maker, plain)}){inherit}{enforced}")
    return texts


@step(16)
def table(maker: Maker) -> None:
    texts, plain = _columns(maker)
    constraints = _constraints(maker, plain)
    kind = maker.some("UNLOGGED ", 0.08)
    tail = maker.some(" WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = off)", 0.1)
    name = maker.new()
    if not maker.do(f"CREATE {kind}TABLE {name} ({', '.join(texts + constraints)}){tail}"):
        maker.do(f"CREATE {kind}TABLE {name} ({', '.join(texts)}){tail}")


@step(1)
def typed_table(maker: Maker) -> None:
    if not (type := own_type(maker, "'c'")):
        return
    fields = columns(
        maker, int(maker.rows(f"SELECT typrelid::int8 FROM pg_type WHERE oid = {type_id(maker, type)}")[0][0])
    )
    more = (
        f" ({fields[0].name} WITH OPTIONS DEFAULT {constant(maker, fields[0].typid)})"
        if fields and maker.maybe(0.5)
        else ""
    )
    maker.do(f"CREATE TABLE {maker.new()} OF {type}{more}")


@step(2)
def like_table(maker: Maker) -> None:
    if found := a_table(maker):
        maker.do(f"CREATE TABLE {maker.new()} (LIKE {found[0]} INCLUDING ALL)")


@step(5)
def child(maker: Maker) -> None:
    """A table that inherits from one or two, and has some of their columns itself."""
    parents = [found for _ in range(maker.die.choice([1, 1, 2, 3])) if (found := a_table(maker, "'r'"))]
    parents = list(dict.fromkeys(parents))
    if not parents:
        return
    texts, _ = _columns(maker, least=0) if maker.maybe(0.6) else ([], [])
    for _, oid in parents:
        for column in columns(maker, oid):
            if maker.maybe(0.2):
                texts.append(f"{column.name} {column.type} {_extras(maker, column.type)}")
    maker.do(f"CREATE TABLE {maker.new()} ({', '.join(texts)}) INHERITS ({', '.join(name for name, _ in parents)})")


@step(3)
def inherit(maker: Maker) -> None:
    """Attach and detach what need not have been made as a child."""
    one, other = a_table(maker, "'r'"), a_table(maker, "'r'")
    if not one or not other:
        return
    if maker.maybe(0.5):
        found = maker.pick(
            """SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits i
                 JOIN pg_class c ON c.oid = inhrelid AND NOT relispartition AND relkind = 'r'
                ORDER BY inhrelid, inhseqno"""
        )
        if found:
            maker.do(f"ALTER TABLE {found[0]} NO INHERIT {found[1]}")
            maker.do(f"ALTER TABLE {found[0]} INHERIT {found[1]}") if maker.maybe(0.5) else None
        return
    name = maker.new()
    if maker.do(f"CREATE TABLE {name} (LIKE {other[0]} INCLUDING CONSTRAINTS INCLUDING GENERATED)"):
        maker.do(f"ALTER TABLE {name} INHERIT {other[0]}")


@step(5)
def partitioned(maker: Maker) -> None:
    texts, plain = _columns(maker, least=2)
    if not plain:
        return
    how = _partition_by(maker, plain)
    name = maker.new()
    checks = [c for c in _constraints(maker, plain) if "NO INHERIT" not in c]
    done = maker.do(f"CREATE TABLE {name} ({', '.join(texts + checks)}) {how}") or maker.do(
        f"CREATE TABLE {name} ({', '.join(texts)}) {how}"
    )
    if done and " BY HASH " in how:
        _hash_partitions(maker, name)
    elif done:
        for _ in range(maker.die.randint(1, 4)):
            _partition(maker, name)


def _hash_partitions(maker: Maker, name: str) -> None:
    modulus = maker.die.randint(1, 3)
    for remainder in range(modulus):
        maker.do(
            f"CREATE TABLE {maker.new()} PARTITION OF {name} FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder})"
        )


def _has_enum(maker: Maker, column: Column) -> bool:
    """Tell whether a column's type is made of an enum."""
    return bool(
        maker.rows(
            f"""WITH RECURSIVE part (typid) AS (
                    SELECT {column.typid}::oid
                     UNION
                    SELECT more.typid
                      FROM part
                      JOIN pg_type t ON t.oid = part.typid
                      LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
                      LEFT JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
                     CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype), (r.rngsubtype), (a.atttypid))
                                     AS more (typid))
                SELECT FROM pg_type JOIN part ON oid = typid WHERE typtype = 'e'"""
        )
    )


def _partition_by(maker: Maker, plain: list[Column]) -> str:
    column = maker.die.choice(plain)
    key = column.name if maker.maybe(0.8) else f"({expression(maker, column)})"
    how = maker.die.choice(["LIST", "RANGE", "HASH"])
    other = maker.die.choice(plain) if how != "LIST" and maker.maybe(0.3) else None
    # An enum's hash is another one in each database: chance would say in which partition, and what reads one is equal.
    if how == "HASH" and (_has_enum(maker, column) or (other and _has_enum(maker, other))):
        how = "RANGE"
    return f"PARTITION BY {how} ({key}{f', {other.name}' if other else ''})"


PARTITIONED = """
    SELECT c.oid::regclass::text, p.partstrat::text, p.partnatts, c.oid::int8
      FROM pg_class c JOIN pg_partitioned_table p ON p.partrelid = c.oid
     WHERE {which} ORDER BY c.oid"""


def _bound(maker: Maker, parent: tuple) -> str:
    """Return the bound of another partition; often enough it does not overlap."""
    _, how, count, oid = parent
    types = [row[0] for row in maker.rows(
        f"""SELECT coalesce(a.atttypid, 'text'::regtype)::oid::int8 FROM pg_partitioned_table p
             CROSS JOIN generate_series(0, {count - 1}) i
              LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[i] AND a.attnum > 0
             WHERE partrelid = {oid} ORDER BY i"""
    )]  # fmt: skip
    if how == "h":
        modulus = maker.die.choice([1, 2, 2, 3])
        return f"FOR VALUES WITH (MODULUS {modulus}, REMAINDER {maker.die.randrange(modulus)})"
    if maker.maybe(0.25):
        return "DEFAULT"
    if how == "l":
        values = dict.fromkeys(value_of_bound(maker, types[0]) for _ in range(maker.die.randint(1, 3)))
        return f"FOR VALUES IN ({', '.join(values)})"
    low = ", ".join(maker.die.choice(["MINVALUE", value_of_bound(maker, t)]) for t in types)
    high = ", ".join(maker.die.choice(["MAXVALUE", value_of_bound(maker, t)]) for t in types)
    return f"FOR VALUES FROM ({low}) TO ({high})"


def value_of_bound(maker: Maker, typid: int) -> str:
    return constant(maker, typid) if maker.maybe(0.9) else "NULL"


def _partition(maker: Maker, name: str) -> None:
    parent = maker.pick(PARTITIONED.format(which=f"c.oid = {literal(name)}::regclass"))
    if not parent:
        return
    further = ""
    if maker.maybe(0.25) and (cols := columns(maker, parent[3])):
        further = _partition_by(maker, cols)
    extras = maker.some(" (PRIMARY KEY (" + columns(maker, parent[3])[0].name + "))", 0.1)
    child = maker.new()
    for _ in range(3):
        if maker.do(f"CREATE TABLE {child} PARTITION OF {name}{extras} {_bound(maker, parent)} {further}"):
            if " BY HASH " in further:
                _hash_partitions(maker, child)
            elif further:
                _partition(maker, child)
            break


@step(5)
def another_partition(maker: Maker) -> None:
    if parent := maker.pick(PARTITIONED.format(which="true")):
        _partition(maker, parent[0])


@step(4)
def attach(maker: Maker) -> None:
    """Attach a table that was made alone, with columns in another order and a column dropped."""
    parent = maker.pick(PARTITIONED.format(which="true"))
    if not parent:
        return
    name = maker.new()
    if maker.maybe(0.5):
        made = maker.do(f"CREATE TABLE {name} (LIKE {parent[0]} INCLUDING ALL)")
    else:
        cols = columns(maker, parent[3])
        maker.die.shuffle(cols)
        texts = [f"{c.name} {c.type}{maker.some(' DEFAULT ' + constant(maker, c.typid), 0.2)}" for c in cols]
        made = maker.do(f"CREATE TABLE {name} (gone integer, {', '.join(texts)})")
        maker.do(f"ALTER TABLE {name} DROP COLUMN gone")
    for _ in range(3):
        if made and maker.do(f"ALTER TABLE {parent[0]} ATTACH PARTITION {name} {_bound(maker, parent)}"):
            return


@step(3)
def detach(maker: Maker) -> None:
    found = maker.pick(
        """SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits
             JOIN pg_class c ON c.oid = inhrelid AND relispartition AND relkind IN ('r', 'p') ORDER BY inhrelid"""
    )
    # CONCURRENTLY leaves a check of the bounds behind, which for a hash has the parent's OID: no copy can have that.
    hashed = found and "satisfies_hash" in str(
        maker.rows(f"SELECT pg_get_partition_constraintdef({literal(found[1])}::regclass)")
    )
    if found:
        concurrently = maker.some(" CONCURRENTLY", 0.3) if maker.major >= 14 and not hashed else ""
        maker.do(f"ALTER TABLE {found[0]} DETACH PARTITION {found[1]}{concurrently}")
