"""Schemas, types, sequences, collations."""

from tests.fuzz.maker import Maker, literal, step
from tests.fuzz.values import Column, any_type, condition, constant, own_type

LABELS = ("low", "Mid", "high", "it's", "ü", "with space", 'quo"te', "", "%s", "back\\slash")


def type_id(maker: Maker, type: str) -> int:
    return int(maker.rows(f"SELECT {literal(type)}::regtype::oid::int8")[0][0])


@step(3)
def schema(maker: Maker) -> None:
    if len(maker.rows("SELECT FROM pg_namespace WHERE nspname !~ '^(pg_|information_)'")) < 4:
        maker.do(f"CREATE SCHEMA {maker.name()}" + maker.some(' AUTHORIZATION "Odd Role"', 0.3))


@step(5)
def enum(maker: Maker) -> None:
    labels = maker.die.sample(LABELS, maker.die.randint(1, 5))
    maker.do(f"CREATE TYPE {maker.new()} AS ENUM ({', '.join(map(literal, labels))})")


@step(4)
def composite(maker: Maker) -> None:
    fields = [f"{maker.name()} {any_type(maker)}" for _ in range(maker.die.randint(1, 4))]
    maker.do(f"CREATE TYPE {maker.new()} AS ({', '.join(fields)})")


@step(2)
def range_type(maker: Maker) -> None:
    subtype = maker.die.choice(
        ["integer", "text", "numeric", "date", "double precision", "uuid", own_type(maker) or "inet"]
    )
    options = f"subtype = {subtype}" + maker.some(", subtype_diff = float8mi", 1.0 if subtype[0:6] == "double" else 0)
    options += maker.some(', collation = "C"', 0.5 if subtype == "text" else 0)
    if maker.major >= 14 and maker.maybe(0.4):
        options += f", multirange_type_name = {maker.new()}"
    maker.do(f"CREATE TYPE {maker.new()} AS RANGE ({options})")


@step(6)
def domain(maker: Maker) -> None:
    type = any_type(maker, own=0.5)
    typid = type_id(maker, type)
    parts = [f"CREATE DOMAIN {maker.new()} AS {type}"]
    if maker.maybe(0.3):
        parts.append(f"DEFAULT {constant(maker, typid)}")
    parts.append(maker.some("NOT NULL", 0.1))
    for _ in range(maker.die.randint(0, 2)):
        check = condition(maker, [Column("VALUE", typid, type)])
        parts.append(f"{maker.some(f'CONSTRAINT {maker.name()}')} CHECK ({check})")
    maker.do(" ".join(parts))


@step(3)
def sequence(maker: Maker) -> None:
    die = maker.die
    name = maker.new()
    options = [
        maker.some(f"AS {die.choice(['smallint', 'integer', 'bigint'])}"),
        die.choice(["", "INCREMENT 3", "INCREMENT BY -1", "INCREMENT 10 MINVALUE 0"]),
        maker.some("CACHE 5", 0.3),
        maker.some("CYCLE", 0.3),
    ]
    kind = "UNLOGGED " if maker.major >= 15 and maker.maybe(0.2) else ""
    if maker.do(f"CREATE {kind}SEQUENCE {name} {' '.join(options)}") and maker.maybe(0.6):
        for _ in range(die.randint(1, 3)):
            maker.do(f"SELECT nextval({literal(name)})")


@step(1)
def collation(maker: Maker) -> None:
    icu = "provider = icu, locale = 'en-u-kn-true'" + maker.some(", deterministic = false", 0.4)
    libc = "lc_collate = 'C', lc_ctype = 'C'"
    maker.do(f"CREATE COLLATION {maker.new()} ({maker.die.choice([icu, icu, libc])})")


@step(2)
def rename_in_type(maker: Maker) -> None:
    found = maker.pick(
        """SELECT t.oid::regtype::text, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
            ORDER BY t.oid, e.enumsortorder"""
    )
    if not found:
        return
    type, label = found
    maker.do(
        maker.die.choice(
            [
                f"ALTER TYPE {type} RENAME VALUE {literal(label)} TO {literal(label + ' anew')}",
                f"ALTER TYPE {type} ADD VALUE {literal('new ' + label)} BEFORE {literal(label)}",
            ]
        )
    )


@step(2)
def alter_composite(maker: Maker) -> None:
    found = maker.pick(
        """SELECT c.oid::regclass::text, quote_ident(a.attname) FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped
            WHERE c.relkind = 'c' ORDER BY c.oid, attnum"""
    )
    if not found:
        return
    type, attribute = found
    maker.do(
        f"ALTER TYPE {type} "
        + maker.die.choice(
            [
                f"RENAME ATTRIBUTE {attribute} TO {maker.name()} CASCADE",
                f"ADD ATTRIBUTE {maker.name()} {any_type(maker)} CASCADE",
                f"DROP ATTRIBUTE {attribute} CASCADE",
            ]
        )
    )


@step(2)
def alter_domain(maker: Maker) -> None:
    found = maker.pick(
        "SELECT oid::regtype::text, typbasetype, oid FROM pg_type WHERE typtype = 'd' AND oid > 16383 ORDER BY 1"
    )
    if not found:
        return
    name, base, oid = found
    valid = maker.some(" NOT VALID", 0.4)
    choices = [
        f"SET DEFAULT {constant(maker, base)}",
        "DROP DEFAULT",
        f"ADD CONSTRAINT {maker.name()} CHECK ({condition(maker, [Column('VALUE', base, '')])}){valid}",
    ]
    constraint = maker.pick(f"SELECT quote_ident(conname) FROM pg_constraint WHERE contypid = {oid} ORDER BY 1")
    if constraint:
        choices += [f"RENAME CONSTRAINT {constraint[0]} TO {maker.name()}", f"DROP CONSTRAINT {constraint[0]}"]
    maker.do(f"ALTER DOMAIN {name} {maker.die.choice(choices)}")
