"""Constraints, indexes and statistics objects, added to tables that are there."""

from tests.fuzz.maker import Maker, step
from tests.fuzz.tables import a_table
from tests.fuzz.values import columns, condition, expression

TIMING = ("", "", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED")


@step(7)
def key(maker: Maker) -> None:
    if not (found := a_table(maker)):
        return
    cols = columns(maker, found[1])
    if not cols:
        return
    chosen = ", ".join(c.name for c in maker.die.sample(cols, min(len(cols), maker.die.choice([1, 1, 2]))))
    nulls = maker.some("NULLS NOT DISTINCT ", 0.2) if maker.major >= 15 else ""
    include = maker.some(f" INCLUDE ({maker.die.choice(cols).name})", 0.2)
    sort = maker.die.choice(["PRIMARY KEY", f"UNIQUE {nulls}", "UNIQUE "])
    maker.do(
        f"ALTER TABLE {found[0]} ADD {maker.some(f'CONSTRAINT {maker.name()}')} {sort} ({chosen}){include}"
        f"{maker.some(' WITH (fillfactor = 60)', 0.1)}{maker.die.choice(TIMING)}"
    )


@step(6)
def check(maker: Maker) -> None:
    if not (found := a_table(maker)) or not (cols := columns(maker, found[1])):
        return
    only = maker.some("ONLY ", 0.1)
    text = condition(maker, cols)
    tail = maker.some(" NOT VALID", 0.25) + maker.some(" NO INHERIT", 0.1)
    enforced = maker.some(" NOT ENFORCED", 0.15) if maker.major >= 18 and "VALID" not in tail else ""
    maker.do(
        f"ALTER TABLE {only}{found[0]} ADD {maker.some(f'CONSTRAINT {maker.name()}')} CHECK ({text}){tail}{enforced}"
    )


@step(9)
def foreign_key(maker: Maker) -> None:
    """To a table that may be the same; to a key of another by its name, or by its columns."""
    found = maker.pick(
        """SELECT conrelid::regclass::text, conkey, c.conrelid::int8,
                  ARRAY(SELECT format('%I', attname) FROM unnest(conkey) WITH ORDINALITY k (n, i)
                          JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY i),
                  ARRAY(SELECT format_type(atttypid, atttypmod) FROM unnest(conkey) WITH ORDINALITY k (n, i)
                          JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY i)
             FROM pg_constraint c WHERE contype IN ('p', 'u') AND conrelid > 16383 ORDER BY 1"""
    )
    here = a_table(maker)
    if not found or not here:
        return
    there, _, _, names, types = found
    mine = columns(maker, here[1])
    chosen = []
    for type in types:
        same = [c for c in mine if c.type == type]
        if same and maker.maybe(0.6):
            chosen.append(maker.die.choice(same).name)
        else:
            chosen.append(maker.name())
            maker.do(f"ALTER TABLE {here[0]} ADD COLUMN {chosen[-1]} {type}")
    action = maker.die.choice(
        ["", "", " ON DELETE CASCADE", " ON DELETE SET NULL ON UPDATE CASCADE", " ON UPDATE SET DEFAULT"]
    )
    if maker.major >= 15 and maker.maybe(0.1):
        action = f" ON DELETE SET NULL ({chosen[0]})"
    match = maker.some(" MATCH FULL", 0.15)
    tail = maker.die.choice(["", "", "", " NOT VALID"])
    if maker.major >= 18 and not tail:
        tail = maker.some(" NOT ENFORCED", 0.1)
    maker.do(
        f"ALTER TABLE {here[0]} ADD {maker.some(f'CONSTRAINT {maker.name()}')} FOREIGN KEY ({', '.join(chosen)})"
        f" REFERENCES {there} ({', '.join(names)}){match}{action}{maker.die.choice(TIMING)}{tail}"
    )


@step(3)
def exclusion(maker: Maker) -> None:
    if not (found := a_table(maker)) or not (cols := columns(maker, found[1])):
        return
    column = maker.die.choice(cols)
    with_range = f"gist ({column.name} WITH {maker.die.choice(['&&', '='])})"
    how = maker.die.choice([with_range, with_range, f"btree ({column.name} WITH =)", f"hash ({column.name} WITH =)"])
    where = maker.some(f" WHERE ({condition(maker, cols)})", 0.3)
    maker.do(
        f"ALTER TABLE {found[0]} ADD CONSTRAINT {maker.name()} EXCLUDE USING {how}{where}{maker.die.choice(TIMING)}"
    )


@step(2, since=18)
def without_overlaps(maker: Maker) -> None:
    one, two = maker.name(), maker.name()
    table = maker.new()
    if maker.do(
        f"CREATE TABLE {table} ({one} int4range, {two} daterange, PRIMARY KEY ({one}, {two} WITHOUT OVERLAPS))"
    ):
        maker.do(
            f"CREATE TABLE {maker.new()} ({one} int4range, {two} daterange,"
            f" FOREIGN KEY ({one}, PERIOD {two}) REFERENCES {table} ({one}, PERIOD {two}))"
        )


@step(2, since=18)
def not_null(maker: Maker) -> None:
    if (found := a_table(maker)) and (cols := columns(maker, found[1])):
        tail = maker.die.choice(["", " NOT VALID", " NO INHERIT"])
        maker.do(f"ALTER TABLE {found[0]} ADD CONSTRAINT {maker.name()} NOT NULL {maker.die.choice(cols).name}{tail}")


@step(10)
def index(maker: Maker) -> None:
    if not (found := a_table(maker, "'r', 'p', 'm'")) or not (cols := columns(maker, found[1])):
        return
    column = maker.die.choice(cols)
    key = maker.die.choice([column.name, column.name, f"({expression(maker, column)})"])
    order = maker.die.choice(["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
    how = maker.die.choice(["btree", "btree", "btree", "btree", "hash", "gist", "gin", "brin", "spgist"])
    unique = maker.some("UNIQUE ", 0.15)
    only = maker.some("ONLY ", 0.15)
    include = maker.some(f" INCLUDE ({maker.die.choice(cols).name})", 0.15)
    where = maker.some(f" WHERE {condition(maker, cols)}", 0.2)
    nulls = maker.some(" NULLS NOT DISTINCT", 0.2) if unique and maker.major >= 15 else ""
    order = order if how == "btree" else ""
    maker.do(
        f"CREATE {unique}INDEX {maker.name()} ON {only}{found[0]} USING {how} ({key}{order}){include}{nulls}{where}"
    )


@step(3)
def attach_index(maker: Maker) -> None:
    """Attach an index of a partition to one that was made on the parent alone."""
    found = maker.pick(
        """SELECT p.indexrelid::regclass::text, i.indexrelid::regclass::text
             FROM pg_inherits h JOIN pg_index p ON p.indrelid = h.inhparent JOIN pg_index i ON i.indrelid = h.inhrelid
            WHERE NOT p.indisvalid ORDER BY p.indexrelid, i.indexrelid"""
    )
    if found:
        maker.do(f"ALTER INDEX {found[0]} ATTACH PARTITION {found[1]}")
    else:
        found = maker.pick(
            """SELECT h.inhrelid::regclass::text, replace(pg_get_indexdef(p.indexrelid, 1, false), '%', '%')
                 FROM pg_inherits h JOIN pg_index p ON p.indrelid = h.inhparent
                WHERE NOT p.indisvalid AND p.indnatts = 1 ORDER BY h.inhrelid, p.indexrelid"""
        )
        if found:
            maker.do(f"CREATE INDEX ON {found[0]} ({found[1]})")


@step(2)
def index_settings(maker: Maker) -> None:
    found = maker.pick(
        """SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, quote_ident(relname),
                  EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
             FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
            WHERE indexrelid > 16383 AND indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')
              AND relnamespace <> 'pg_toast'::regnamespace ORDER BY indexrelid"""
    )
    if found:
        maker.do(
            maker.die.choice(
                [
                    f"ALTER INDEX {found[0]} ALTER COLUMN 1 SET STATISTICS 77",
                    f"ALTER TABLE {found[1]} CLUSTER ON {found[2]}",
                    f"ALTER TABLE {found[1]} REPLICA IDENTITY USING INDEX {found[2]}",
                    f"ALTER TABLE {found[1]} ADD CONSTRAINT {maker.name()} UNIQUE USING INDEX {found[2]}",
                    f"ALTER INDEX {found[0]} SET (fillfactor = 50)",
                ]
            )
        )


@step(4)
def statistics(maker: Maker) -> None:
    if not (found := a_table(maker, "'r', 'p', 'm'")) or not (cols := columns(maker, found[1])):
        return
    items = [c.name for c in maker.die.sample(cols, min(2, len(cols)))]
    if maker.major >= 14 and maker.maybe(0.6):
        items.append(f"({expression(maker, maker.die.choice(cols))})")
    kinds = maker.some(" (ndistinct, mcv)", 0.3)
    name = maker.new()
    if maker.do(f"CREATE STATISTICS {name}{kinds} ON {', '.join(items)} FROM {found[0]}"):
        maker.do(f"ALTER STATISTICS {name} SET STATISTICS 33") if maker.maybe(0.3) else None
