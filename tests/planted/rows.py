"""Differences of rows: of values of every type, in every sort of table, and of large objects."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from tests.planted import FIRST_OID, NOTHING, Plant, Rows, name_of
from tests.planted.values import Values

Row = tuple[str, ...]
"""SQL expressions; the first is the key's, if there is a key."""
Sides = tuple[list[Row], list[Row]]

SHAPES = {
    "keyed": "CREATE TABLE {0} (id int PRIMARY KEY, v {type}, w {type})",
    "keyless": "CREATE TABLE {0} (id int, v {type}, w {type})",
    "unlogged": "CREATE UNLOGGED TABLE {0} (id int NOT NULL UNIQUE, v {type}, w {type})",
    "odd column": 'CREATE TABLE {0} (id int PRIMARY KEY, "Odd "" %s {{}} column" {type}, "select" {type})',
    "dropped column": "CREATE TABLE {0} (gone text, id int PRIMARY KEY, v {type}, w {type}); ALTER TABLE {0} DROP gone",
    "later column": "CREATE TABLE {0} (id int PRIMARY KEY, v {type}); ALTER TABLE {0} ADD w {type}",
    "partition": "CREATE TABLE {1} (id int PRIMARY KEY, v {type}, w {type}) PARTITION BY RANGE (id);"
    " CREATE TABLE {0} PARTITION OF {1} DEFAULT",
    "child": "CREATE TABLE {1} (id int, v {type}, w {type}); CREATE TABLE {0} (PRIMARY KEY (id)) INHERITS ({1})",
}
"""Tables: {0} has the rows."""


def differing(sides: Sides, *, keyed: bool) -> Rows:
    """Return how the rows of two sides differ.

    >>> differing(([("1", "a"), ("2", "b")], [("1", "c")]), keyed=True) == {("changed", "1"): 1, ("missing", "2"): 1}
    True
    """
    if keyed:
        here, there = ({row[0]: row for row in rows} for rows in sides)
        hows = {key: "missing" if key in here else "extra" for key in here.keys() ^ there.keys()}
        hows |= dict.fromkeys(here.keys() & there.keys(), "changed")
        return Counter((how, key) for key, how in hows.items() if here.get(key) != there.get(key))
    ours, theirs = map(Counter, sides)
    counts = {"missing": (ours - theirs).total(), "extra": (theirs - ours).total()}
    return Counter({(how, ""): count for how, count in counts.items() if count})


class Draw:
    """Draws plants of rows, one after another of each type and kind."""

    def __init__(self, values: Values, dice: random.Random) -> None:
        self._values = values
        self._dice = dice

    def plants(self, numbers: Iterable[int], among: Sequence[str]) -> Iterator[Plant]:
        """Yield a plant for each number: all types in turn, and the kinds among these."""
        kinds, types = endless(among, self._dice), endless([*self._values.types], self._dice)
        for number in numbers:
            kind = next(kinds)
            yield KINDS[kind](self, number, next(types))

    def _rows(self, type: str) -> list[Row]:
        """Return rows that both sides have."""
        count = self._dice.randint(2, 5)
        return [(str(key), *(self._values.one(type) for _ in "vw")) for key in range(1, count + 1)]

    def _plant(self, number: int, kind: str, type: str, sides: Sides, shape: str | None = None) -> Plant:
        shape = shape or self._dice.choice(list(SHAPES))
        name = name_of(number, self._dice)
        create = SHAPES[shape].format(name(""), name("_root"), type=self._values.types[type].sql)
        texts = [f"{create}; {insert(name(''), rows, self._dice)}" for rows in sides]
        found = differing(sides, keyed=shape != "keyless")
        rows = {name(""): found} if found else {}
        return Plant(number, f"rows: {kind}", (texts[0], texts[1]), rows=rows)

    def changed(self, number: int, type: str) -> Plant:
        """A value changed."""
        rows = self._rows(type)
        key, _, w = rows[-1]
        one, other = self._values.pair(type)
        if self._dice.random() < 0.3:
            return self._plant(number, "changed", type, ([*rows[:-1], (key, w, one)], [*rows[:-1], (key, w, other)]))
        return self._plant(number, "changed", type, ([*rows[:-1], (key, one, w)], [*rows[:-1], (key, other, w)]))

    def cells_exchanged(self, number: int, type: str) -> Plant:
        """Two rows' values changed places."""
        one, other = self._values.pair(type)
        w = self._values.one(type)
        sides = [("1", one, w), ("2", other, w)], [("1", other, w), ("2", one, w)]
        return self._plant(number, "cells exchanged", type, sides)

    def columns_exchanged(self, number: int, type: str) -> Plant:
        """A row's two values changed places."""
        one, other = self._values.pair(type)
        rows = self._rows(type)[1:]
        return self._plant(number, "columns exchanged", type, ([("1", one, other), *rows], [("1", other, one), *rows]))

    def missing(self, number: int, type: str) -> Plant:
        """One side has not a row that the other one has."""
        rows = self._rows(type)
        fewer = [row for row in rows if row != rows[self._dice.randrange(len(rows))]]
        sides = (rows, fewer) if self._dice.random() < 0.5 else (fewer, rows)
        return self._plant(number, "missing or extra", type, sides)

    def doubled(self, number: int, type: str) -> Plant:
        """A row is there once more."""
        rows = self._rows(type)
        return self._plant(number, "doubled", type, (rows, [*rows, rows[0]]), "keyless")

    def one_for_another(self, number: int, type: str) -> Plant:
        """The first row is there twice on one side, the second on the other."""
        rows = self._rows(type)
        return self._plant(number, "doubled otherwise", type, ([*rows, rows[0]], [*rows, rows[1]]), "keyless")

    def key(self, number: int, type: str) -> Plant:
        """The value of a key that is of this type."""
        sortable = [name for name, t in self._values.types.items() if t.sortable]
        type = type if type in sortable else self._dice.choice(sortable)
        one, other = self._values.pair(type, null=False)
        name = name_of(number, self._dice)
        create = f"CREATE TABLE {name('')} (v {self._values.types[type].sql} PRIMARY KEY)"
        texts = [f"{create}; INSERT INTO {name('')} VALUES ({value})" for value in (one, other)]
        keys = [self._values.prints(value) or "" for value in (one, other)]
        rows: Rows = Counter([("missing", keys[0]), ("extra", keys[1])])
        return Plant(number, "rows: key", (texts[0], texts[1]), rows={name(""): rows})

    def tables_exchanged(self, number: int, type: str) -> Plant:
        """Two tables' rows changed places: all tables together have the same."""
        one, other = self._values.pair(type)
        name = name_of(number, self._dice)
        tables = [name(""), name("_2")]
        create = ";".join(SHAPES["keyed"].format(table, type=self._values.types[type].sql) for table in tables)
        texts = []
        for values in ((one, other), (other, one)):
            inserts = (f"INSERT INTO {table} VALUES (1, {v})" for table, v in zip(tables, values, strict=True))
            texts.append("; ".join([create, *inserts]))
        rows = {table: Counter([("changed", "1")]) for table in tables}
        return Plant(number, "rows: tables exchanged", (texts[0], texts[1]), rows=rows)

    def in_a_child(self, number: int, type: str) -> Plant:
        """A row is the parent's on one side and a child's on the other."""
        row = f"VALUES (1, {self._values.one(type)})"
        name = name_of(number, self._dice)
        sql = self._values.types[type].sql
        create = f"CREATE TABLE {name('')} (id int PRIMARY KEY, v {sql});"
        create += f" CREATE TABLE {name('_1')} (PRIMARY KEY (id)) INHERITS ({name('')}); INSERT INTO"
        rows = {name(""): Counter([("missing", "1")]), name("_1"): Counter([("extra", "1")])}
        sides = (f"{create} {name('')} {row}", f"{create} {name('_1')} {row}")
        return Plant(number, "rows: in a child", sides, rows=rows)

    def generated(self, number: int, type: str) -> Plant:
        """A stored value was computed by a function that was replaced since."""
        one, other = self._values.pair(type)
        name = name_of(number, self._dice)
        sql = self._values.types[type].sql

        def function(value: str) -> str:
            head = f"CREATE OR REPLACE FUNCTION {name('_f')}(int) RETURNS {sql} IMMUTABLE LANGUAGE"
            return f"{head} plpgsql AS $_$BEGIN RETURN {value}; END$_$"

        sides = [
            f"{function(value)}; CREATE TABLE {name('')} (id int PRIMARY KEY, v {sql} GENERATED ALWAYS AS"
            f" ({name('_f')}(id)) STORED); INSERT INTO {name('')} VALUES (1); {function(one)}"
            for value in (one, other)
        ]
        rows = {name(""): Counter([("changed", "1")])}
        return Plant(number, "rows: generated", (sides[0], sides[1]), rows=rows, dumped=False)

    def long(self, number: int, _: str) -> Plant:
        """One byte of many, in the middle of what is stored out of line."""
        type, of, join = self._dice.choice(LONG)
        at, length = self._dice.randint(0, 300_000), 300_000
        first, last = (f"repeat('ab', {n})" for n in (at // 2, (length - at) // 2))
        values = [of.format(join.join([first, f"'{byte}'", last])) for byte in "xy"]
        sides = ([("1", value, "NULL")] for value in values)
        return self._plant(number, "long", type, (next(sides), next(sides)), self._dice.choice(["keyed", "keyless"]))

    def order(self, number: int, type: str) -> Plant:
        """No difference: the rows are in another order."""
        rows = self._rows(type)
        return self._plant(number, "in another order", type, (rows, rows[::-1]))

    def large_object(self, number: int, _: str) -> Plant:
        """Of a large object: its bytes, what follows what, its owner, its privileges, its comment, all of it."""
        oid = FIRST_OID + number
        make, make_of = f"SELECT lo_from_bytea({oid}, 'a')", f"SELECT lo_from_bytea({oid}, '{{}}'::bytea)".format
        put, alter = f"SELECT lo_put({oid}, 2048, '{{}}')".format, f"{make}; {{}} LARGE OBJECT {oid} {{}}".format
        kind, one, other = self._dice.choice([
            ("byte", make_of(r"\x0001"), make_of(r"\x0002")),
            ("length", make_of(r"\x00"), make_of(r"\x0000")),
            ("order", f"{make_of('b')}; {put('a')}", f"{make_of('a')}; {put('b')}"),
            ("owner", alter("ALTER", "OWNER TO bob"), make),
            ("acl", alter("GRANT SELECT ON", "TO bob"), alter("GRANT UPDATE ON", "TO bob")),
            ("comment", alter("COMMENT ON", "IS 'a'"), make),
            ("missing", make, NOTHING),
            ("extra", NOTHING, make),
        ])  # fmt: skip
        how = kind if kind in ("missing", "extra") else "changed"
        rows: Rows = Counter([(how, str(oid))])
        return Plant(number, f"large object: {kind}", (one, other), rows={"large objects": rows}, dumped=False)


LONG = [
    ("text", "({})", " || "),
    ("bytea", "convert_to({}, 'UTF8')", " || "),
    ("jsonb", "to_jsonb({})", " || "),
    ("_text", "ARRAY[{}]", ", "),
]
KINDS: dict[str, Callable[[Draw, int, str], Plant]] = {
    **{f"changed {n}": Draw.changed for n in range(6)},  # so much more often than the others
    **{method.__name__: method for method in (
        Draw.cells_exchanged, Draw.columns_exchanged, Draw.missing, Draw.doubled, Draw.one_for_another, Draw.key,
        Draw.tables_exchanged, Draw.in_a_child, Draw.generated, Draw.long, Draw.order, Draw.large_object,
    )},
}  # fmt: skip


def endless(items: Sequence[str], dice: random.Random) -> Iterator[str]:
    """Yield all items, in another order each time, for ever."""
    while True:
        yield from dice.sample(items, len(items))


def insert(table: str, rows: Sequence[Row], dice: random.Random) -> str:
    """Return the statements that fill a table: in one or in two transactions."""
    if not rows:
        return NOTHING
    at = dice.randint(1, len(rows))
    parts = [rows[:at], rows[at:]]
    return "; ".join(
        f"INSERT INTO {table} VALUES " + ", ".join(f"({', '.join(row)})" for row in part) for part in parts if part
    )
