"""Functions of all sorts, aggregates, operators, casts, triggers, rules, policies."""

from tests.fuzz.datatypes import type_id
from tests.fuzz.maker import Maker, literal, step
from tests.fuzz.tables import a_table
from tests.fuzz.values import READS, Column, any_type, columns, condition, constant, expression, own_type

VOLATILE = ("IMMUTABLE", "IMMUTABLE", "STABLE", "VOLATILE")


@step(10)
def function(maker: Maker) -> None:
    """A function of one argument, whose result is an expression over it."""
    die = maker.die
    type = die.choice(["integer", "integer", "text", any_type(maker)])
    typid = type_id(maker, type)
    argument = maker.name()
    how = die.choice(["plain", "plain", "plpgsql", "return", "atomic"] if maker.major >= 14 else ["plain", "plpgsql"])
    text = expression(maker, Column("$1" if how == "plain" else argument, typid, type))
    result = _type_of(maker, text.replace("$1" if how == "plain" else argument, f"NULL::{type}"))
    options = f"{die.choice(VOLATILE)} {maker.some('STRICT', 0.3)}"
    options += maker.some(" PARALLEL SAFE", 0.3) + maker.some(" COST 7", 0.2)
    options += maker.some(" SECURITY DEFINER", 0.1) + maker.some(" LEAKPROOF", 0.1)
    options += maker.some(" SET search_path TO 'pg_catalog', 'public'", 0.1)
    default = maker.some(f" DEFAULT {constant(maker, typid)}", 0.25)
    body = {
        "plain": f"LANGUAGE sql {options} AS {literal(f'SELECT {text}')}",
        "plpgsql": f"LANGUAGE plpgsql {options} AS {literal(f'BEGIN RETURN {text}; END')}",
        "return": f"LANGUAGE sql {options} RETURN {text}",
        "atomic": f"LANGUAGE sql {options} BEGIN ATOMIC SELECT 1; SELECT {text}; END",
    }[how]
    maker.do(f"CREATE FUNCTION {maker.new()}({argument} {type}{default}) RETURNS {result} {body}")


def _type_of(maker: Maker, text: str) -> str:
    try:
        return str(maker.rows(f"SELECT pg_typeof({text})::text")[0][0])
    except Exception:  # whatever is wrong with it: the function is refused as well
        return "text"


@step(4)
def reader(maker: Maker) -> None:
    """A function that reads a table, whatever it says of itself."""
    if not (found := a_table(maker, "'r', 'p', 'v'")):
        return
    body = f"SELECT count(*)::integer FROM {found[0]}"
    argument = maker.some(f"{maker.name()} {any_type(maker)}", 0.6)
    forms = [f"LANGUAGE sql AS {literal(body)}", f"LANGUAGE plpgsql AS {literal(f'BEGIN RETURN ({body}); END')}"]
    if maker.major >= 14:
        forms += [f"LANGUAGE sql BEGIN ATOMIC {body}; END", f"LANGUAGE sql RETURN ({body})"]
    maker.do(
        f"CREATE FUNCTION {maker.new()}({argument}) RETURNS integer {maker.die.choice(VOLATILE)} COST {READS}"
        f" {maker.die.choice(forms)}"
    )


@step(4)
def set_function(maker: Maker) -> None:
    """A function of rows, of OUT parameters, of variadic and polymorphic ones; a procedure."""
    die = maker.die
    found = a_table(maker, "'r', 'p', 'v'")
    type = any_type(maker)
    name = maker.new()
    forms = [
        f"FUNCTION {name}(a integer, OUT {maker.name()} {type}, OUT {maker.name()} integer) LANGUAGE sql"
        f" AS {literal(f'SELECT NULL::{type}, 1')}",
        f"FUNCTION {name}(VARIADIC {maker.name()} integer[]) RETURNS bigint IMMUTABLE LANGUAGE sql"
        " AS 'SELECT sum(x) FROM unnest($1) x'",
        f"FUNCTION {name}(anyelement, anyarray DEFAULT NULL) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
        f"PROCEDURE {name}(INOUT {maker.name()} {type}) LANGUAGE plpgsql AS 'BEGIN END'",
        f"FUNCTION {name}() RETURNS TABLE ({maker.name()} {type}, b text) LANGUAGE sql ROWS 5"
        f" AS {literal(f'SELECT NULL::{type}, 1::text')}",
    ]
    if found:
        query = f"SELECT * FROM {found[0]}"
        forms += [
            f"FUNCTION {name}() RETURNS SETOF {found[0]} STABLE COST {READS} LANGUAGE sql AS {literal(query)}",
            f"FUNCTION {name}({found[0]}) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text'",
        ]
        if maker.major >= 14:
            forms.append(
                f"FUNCTION {name}() RETURNS SETOF {found[0]} COST {READS} LANGUAGE sql BEGIN ATOMIC {query}; END"
            )
    maker.do(f"CREATE {die.choice(forms)}")


@step(2)
def aggregate_and_operator(maker: Maker) -> None:
    die = maker.die
    state = die.choice(["integer", "text", "numeric"])
    function = {"integer": "int4larger", "text": "textcat", "numeric": "numeric_add"}[state]
    parallel = maker.some(", PARALLEL = SAFE")
    schema, word = maker.schema(), die.choice(["+", "<->", "@#@", "~~~", "=>>"])
    maker.do(
        die.choice(
            [
                f"CREATE AGGREGATE {maker.new()}({state}) (SFUNC = {function}, STYPE = {state}{parallel})",
                f"CREATE OPERATOR {schema}.{word} (FUNCTION = {function}, LEFTARG = {state}, RIGHTARG = {state})",
                f"CREATE OPERATOR {schema}.{word} (FUNCTION = date_eq, LEFTARG = date, RIGHTARG = date,"
                f" COMMUTATOR = {word}, RESTRICT = eqsel, HASHES)",
            ]
        )
    )


@step(1)
def cast(maker: Maker) -> None:
    type = own_type(maker)
    if not type:
        return
    name = maker.new()
    if maker.do(f"CREATE FUNCTION {name}({type}) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1'"):
        maker.do(f"CREATE CAST ({type} AS integer) WITH FUNCTION {name}({type}){maker.some(' AS ASSIGNMENT')}")


@step(6)
def trigger(maker: Maker) -> None:
    die = maker.die
    if not (found := a_table(maker, "'r', 'r', 'p', 'v'")):
        return
    function = maker.new()
    body = die.choice(
        ["BEGIN RETURN NEW; END", "BEGIN RETURN coalesce(NEW, OLD); END", "BEGIN RAISE EXCEPTION 'never'; END"]
    )
    if not maker.do(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {literal(body)}"):
        return
    cols = columns(maker, found[1])
    of = f" OF {die.choice(cols).name}" if cols and maker.maybe(0.3) else ""
    when = ""
    if cols and maker.maybe(0.3):
        column = die.choice(cols).name
        when = f"WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) "
    forms = [
        f"BEFORE UPDATE{of} ON {found[0]} FOR EACH ROW {when}",
        f"AFTER UPDATE{of} OR DELETE ON {found[0]} FOR EACH ROW ",
        f"AFTER INSERT ON {found[0]} REFERENCING NEW TABLE AS {maker.name()} FOR EACH STATEMENT ",
        f"BEFORE TRUNCATE ON {found[0]} FOR EACH STATEMENT ",
        f"INSTEAD OF INSERT ON {found[0]} FOR EACH ROW ",
        f"AFTER UPDATE ON {found[0]} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when}",
    ]
    form = die.choice(forms)
    constraint = "CONSTRAINT " if "DEFERR" in form else ""
    arguments = die.choice(["", "'a'", "'it''s', '\\000'"])
    name = maker.name()
    if maker.do(f"CREATE {constraint}TRIGGER {name} {form}EXECUTE FUNCTION {function}({arguments})") and maker.maybe(
        0.3
    ):
        maker.do(f"ALTER TABLE {found[0]} {die.choice(['DISABLE', 'ENABLE REPLICA', 'ENABLE ALWAYS'])} TRIGGER {name}")


@step(4)
def rule(maker: Maker) -> None:
    found, other = a_table(maker, "'r', 'v'"), a_table(maker, "'r'")
    if not found or not other:
        return
    cols = columns(maker, found[1])
    where = (
        f" WHERE {condition(maker, [Column(f'old.{c.name}', c.typid, c.type) for c in cols], immutable=False)}"
        if cols and maker.maybe(0.4)
        else ""
    )
    action = maker.die.choice(
        [
            "NOTHING",
            f"DELETE FROM {other[0]}",
            f"(SELECT count(*) FROM {other[0]}; DELETE FROM {other[0]} WHERE true)",
            "NOTIFY x",
        ]
    )
    instead = maker.die.choice(["ALSO", "INSTEAD"])
    name = maker.name()
    if maker.do(
        f"CREATE RULE {name} AS ON {maker.die.choice(['UPDATE', 'DELETE'])} TO {found[0]}{where} DO {instead} {action}"
    ):
        maker.do(f"ALTER TABLE {found[0]} DISABLE RULE {name}") if maker.maybe(0.2) else None


@step(5)
def policy(maker: Maker) -> None:
    found = a_table(maker)
    if not found or not (cols := columns(maker, found[1])):
        return
    role = maker.die.choice(["PUBLIC", "alice", '"Odd Role", bob', "CURRENT_USER"])
    command = maker.die.choice(["ALL", "SELECT", "UPDATE", "DELETE"])
    using = condition(maker, cols, immutable=False)
    if maker.maybe(0.3) and (other := a_table(maker)):
        using = f"EXISTS (SELECT FROM {other[0]} x WHERE {using})"
    check = (
        f" WITH CHECK ({condition(maker, cols, immutable=False)})"
        if command in ("ALL", "UPDATE") and maker.maybe(0.5)
        else ""
    )
    kind = maker.some(" AS RESTRICTIVE", 0.3)
    if maker.do(f"CREATE POLICY {maker.name()} ON {found[0]}{kind} FOR {command} TO {role} USING ({using}){check}"):
        maker.do(
            f"ALTER TABLE {found[0]} {maker.die.choice(['ENABLE', 'ENABLE', 'FORCE'])} ROW LEVEL SECURITY"
        ) if maker.maybe(0.6) else None


@step(1)
def event_trigger(maker: Maker) -> None:
    name = maker.new()
    if maker.do(f"CREATE FUNCTION {name}() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"):
        tags = maker.some(" WHEN TAG IN ('DROP TABLE', 'CREATE TABLE')")
        maker.do(f"CREATE EVENT TRIGGER {maker.name()} ON ddl_command_end{tags} EXECUTE FUNCTION {name}()")


@step(1)
def publication(maker: Maker) -> None:
    found = a_table(maker)
    what = f"FOR TABLE {found[0]}" if found and maker.maybe(0.7) else "FOR ALL TABLES"
    maker.do(f"CREATE PUBLICATION {maker.name()} {what} WITH (publish = 'insert, update')")


@step(1)
def expression_use(maker: Maker) -> None:
    """A default that calls what was made."""
    if (found := a_table(maker)) and (cols := columns(maker, found[1])):
        column = maker.die.choice(cols)
        fixed = Column(constant(maker, column.typid), column.typid, column.type)
        maker.do(
            f"ALTER TABLE {found[0]} ALTER COLUMN {column.name} SET DEFAULT {expression(maker, fixed, immutable=False)}"
        )
