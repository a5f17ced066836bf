"""Views upon views, materialized views upon both and upon functions."""

from tests.fuzz.maker import Maker, step
from tests.fuzz.tables import a_table
from tests.fuzz.values import columns, condition, expression

RELATIONS = "'r', 'p', 'v', 'm'"


def _query(maker: Maker) -> str | None:
    """Make up a query over one or two relations, or over a function of rows."""
    die = maker.die
    if maker.maybe(0.2):
        call = maker.pick(
            """SELECT oid::regproc::text FROM pg_proc
                WHERE oid > 16383 AND pronargs = pronargdefaults AND prokind = 'f'
                  AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY 1"""
        )
        if call:
            return die.choice(
                [f"SELECT * FROM {call[0]}() f", f"SELECT {call[0]}() AS x", f"TABLE (SELECT 1) {call[0]}"][:2]
            )
    if not (found := a_table(maker, RELATIONS)) or not (cols := columns(maker, found[1])):
        return None
    column = die.choice(cols)
    qualified = [c._replace(name=f"q.{c.name}") for c in cols]
    text = expression(maker, die.choice(qualified), immutable=False)
    shown = ", ".join(c.name for c in die.sample(qualified, die.randint(1, len(qualified))))
    where = maker.some(f" WHERE {condition(maker, qualified, immutable=False)}", 0.4)
    name = maker.name()
    forms = [
        f"SELECT * FROM {found[0]} q{where}",
        f"SELECT q.* FROM {found[0]} q{where}",
        f"SELECT q FROM {found[0]} q",
        f"SELECT {shown}, {text} AS {name} FROM {found[0]} AS q{where}",
        f"SELECT q.{column.name}, count(*) AS {name} FROM {found[0]} q{where} GROUP BY q.{column.name}",
        f"SELECT DISTINCT {shown} FROM {found[0]} q",
        f"SELECT {shown}, NULL AS {name}, 'x' FROM {found[0]} q",
        f"SELECT q.{column.name} FROM {found[0]} q UNION ALL SELECT NULL",
        f"SELECT q.{column.name}, 'a' AS {name} FROM {found[0]} q UNION ALL SELECT {column.name}, NULL FROM {found[0]}",
        f"WITH {name} AS (SELECT {shown} FROM {found[0]} q) SELECT * FROM {name}",
        f"WITH RECURSIVE {name}(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM {name} WHERE n < 3) SELECT * FROM {name}",
        f"SELECT {text} AS {name}, row_number() OVER (PARTITION BY q.{column.name}) AS rn FROM {found[0]} q",
        f"SELECT sum(1) FILTER (WHERE {condition(maker, qualified, immutable=False)}) AS {name} FROM {found[0]} q",
        f"SELECT {shown} FROM {found[0]} q ORDER BY q.{column.name} LIMIT 3",
        f"SELECT {shown} FROM {found[0]} q, LATERAL (SELECT {text} AS {name}) l",
    ]
    other = a_table(maker, RELATIONS)
    if other and (theirs := columns(maker, other[1])):
        there = die.choice(theirs)
        same = f"q.{column.name} = r.{there.name}"
        forms += [
            f"SELECT q.{column.name}, r.{there.name} AS {name} FROM {found[0]} q"
            f" {die.choice(['LEFT', 'FULL', 'INNER'])} JOIN {other[0]} r ON {same}",
            f"SELECT * FROM {found[0]} q NATURAL JOIN {other[0]} r",
            f"SELECT {shown} FROM {found[0]} q WHERE EXISTS (SELECT FROM {other[0]} r WHERE {same})",
        ]
    return die.choice(forms)


@step(12)
def view(maker: Maker) -> None:
    if query := _query(maker):
        options = maker.die.choice(
            ["", "", " WITH (security_barrier)", " WITH (security_invoker = true)"][: 4 if maker.major >= 15 else 3]
        )
        tail = maker.some(" WITH LOCAL CHECK OPTION", 0.1)
        maker.do(f"CREATE VIEW {maker.new()}{options} AS {query}{tail}") or maker.do(
            f"CREATE VIEW {maker.new()} AS {query}"
        )


@step(6)
def matview(maker: Maker) -> None:
    if query := _query(maker):
        maker.do(f"CREATE MATERIALIZED VIEW {maker.new()} AS {query}{maker.some(' WITH NO DATA', 0.15)}")


@step(2)
def replace_view(maker: Maker) -> None:
    """Give a view another query, which may read what reads it: a cycle is refused only when it is used."""
    found = a_table(maker, "'v'")
    if not found:
        return
    if (query := _query(maker)) and maker.do(f"CREATE OR REPLACE VIEW {found[0]} AS {query}"):
        return
    if cols := columns(maker, found[1]):
        column = maker.die.choice(cols)
        maker.do(f"ALTER VIEW {found[0]} RENAME COLUMN {column.name} TO {maker.name()}")
