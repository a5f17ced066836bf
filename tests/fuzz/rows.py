"""Rows, each by itself: what a key, a check or a bound refuses is left out."""

from tests.fuzz.maker import Maker, step
from tests.fuzz.tables import TABLES, a_table
from tests.fuzz.values import value


@step(8)
def some_rows(maker: Maker) -> None:
    if found := a_table(maker):
        fill(maker, *found)


def fill(maker: Maker, name: str, oid: int) -> None:
    """Put a few rows into a table."""
    cols = maker.rows(
        f"""SELECT quote_ident(attname), atttypid::int8, attidentity, attgenerated FROM pg_attribute
             WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
    )
    for _ in range(maker.die.randint(1, 6)):
        given = [(column, value(maker, typid)) for column, typid, _, made in cols if not made and maker.maybe(0.85)]
        if not given:
            maker.do(f"INSERT INTO {name} DEFAULT VALUES")
            continue
        names, values = (", ".join(part) for part in zip(*given, strict=True))
        maker.do(f"INSERT INTO {name} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})")


def fill_all(maker: Maker) -> None:
    """Put rows into every table, and refresh what shows them."""
    for name, oid in maker.rows(TABLES.format(kinds="'r', 'p'", more="")):
        fill(maker, name, oid)
    if maker.maybe(0.5):
        maker.do("SELECT lo_from_bytea(0, 'large')")
    stale = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm' AND relispopulated ORDER BY 1"
    # Twice: some read others. What cannot be refreshed here cannot be on the copy.
    for _ in range(2):
        for (matview,) in maker.rows(stale):
            maker.do(f"REFRESH MATERIALIZED VIEW {matview}") or maker.do(
                f"REFRESH MATERIALIZED VIEW {matview} WITH NO DATA"
            )
