"""What goes on in a source while it is copied: actors, each a thread with a connection and a seed of its own.

An actor owns what it changes, and logs each change in the transaction that makes it (tests/busy.sql). So the log that
a copy has tells what the copy must hold; busy_reads.py says how that is looked up.
"""

from psycopg import sql

from tests import busy_reads
from tests.busy_actor import Act, Part, Turn

# Rows


def write(table: str) -> Act:
    """Return what changes the rows of a table, moves money, and writes a booking and its receipt."""

    def act(turn: Turn) -> None:
        with turn.transaction():
            change_rows(turn, table, turn.chance.randint(1, 20))
            payer, payee = sorted(turn.chance.sample(range(1, 201), 2))  # in order: no deadlocks
            amount = turn.chance.randint(-5, 5)
            for account, change in ((payer, -amount), (payee, amount)):
                turn("UPDATE busy.account SET balance = balance + %s WHERE id = %s", change, account)
                turn(
                    "INSERT INTO busy.booking (account, amount, writer, number) VALUES (%s, %s, %s, %s)",
                    account,
                    change,
                    turn.name,
                    turn.world.committed.get(turn.name, 0),
                )
            turn(
                "INSERT INTO busy.receipt VALUES (%s, %s) ON CONFLICT DO NOTHING",
                turn.name,
                turn.world.committed.get(turn.name, 0),
            )

    return act


def change_rows(turn: Turn, table: str, times: int) -> None:
    """Insert, update and delete rows."""
    for _ in range(times):
        key, value = turn.chance.randint(1, 5000), f"{turn.chance.getrandbits(40):x}"
        if turn.chance.random() < 0.3:
            turn(f"DELETE FROM {table} WHERE key = %s", key)
            turn.said(table, key, None)
        else:
            turn(
                f"INSERT INTO {table} (key, value) VALUES (%s, %s)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                key,
                value,
            )
            turn.said(table, key, value)


# Tables


def alter(table: str, sleep: float = 0) -> Act:
    """Return what alters a table, without a timeout, and keeps it locked for a while."""

    def act(turn: Turn) -> None:
        with turn.transaction():
            columns = sorted(name for name in busy_reads.columns_of(table)(turn.conn) if name.startswith("x"))
            match turn.chance.choice(["add", "add", "drop", "check", "type", "default", "rename"]):
                case "drop" if columns:
                    turn(f"ALTER TABLE {table} DROP COLUMN {columns[0]}")
                    turn.said(f"columns of {table}", columns[0], None)
                case "rename" if columns:
                    name = f"x{turn.chance.getrandbits(30)}"
                    turn(f"ALTER TABLE {table} RENAME {columns[0]} TO {name}")
                    turn.said(f"columns of {table}", columns[0], None)
                    turn.said(f"columns of {table}", name, "there")
                case "check":
                    name = f"c{turn.chance.getrandbits(30)}"
                    turn(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (key > 0)")
                    turn.said(f"columns of {table}", name, "there")
                case "type":  # writes the table anew, for readers of an older snapshot it is empty
                    type = turn.chance.choice(["varchar(100)", "varchar(90)", "text"])
                    turn(f"ALTER TABLE {table} ALTER value TYPE {type} USING value || ''")
                case "default":
                    turn(f"ALTER TABLE {table} ALTER value SET DEFAULT 'by default'")
                case _:
                    name = f"x{turn.chance.getrandbits(30)}"
                    turn(f"ALTER TABLE {table} ADD {name} int DEFAULT 7")
                    turn.said(f"columns of {table}", name, "there")
            change_rows(turn, table, 3)
            if sleep:
                turn.world.stopped.wait(turn.chance.uniform(0, sleep))

    return act


def truncate(turn: Turn) -> None:
    with turn.transaction():
        turn("TRUNCATE busy.emptied")
        turn.said("busy.emptied", "*", None)
        change_rows(turn, "busy.emptied", turn.chance.randint(10, 40))


def maintain(turn: Turn) -> None:
    """Write tables and indexes anew: no row and no definition changes."""
    turn(
        turn.chance.choice(
            [
                "VACUUM FULL busy.vacuumed",
                "VACUUM FULL busy.shape_1",
                "CLUSTER busy.vacuumed",
                "REINDEX TABLE busy.vacuumed",
                "REINDEX INDEX CONCURRENTLY busy.vacuumed_value",
                "REINDEX TABLE CONCURRENTLY busy.item_3",
                "REINDEX INDEX CONCURRENTLY busy.item_3_value",
                "ANALYZE busy.item_1",
                "VACUUM (FREEZE) busy.item_2",
            ]
        )
    )


def make_tables(turn: Turn) -> None:
    """Create and drop tables, of ten rows each."""
    with turn.transaction():
        made = sorted(busy_reads.made(turn.conn))
        if len(made) > 3 and turn.chance.random() < 0.6:
            name = turn.chance.choice(made)
            turn(f"DROP TABLE busy.{name}")
            turn.said("made", name, None)
        else:
            name = f"made_{turn.chance.getrandbits(30)}"
            turn(f"CREATE TABLE busy.{name} AS SELECT g AS a FROM generate_series(1, 10) g")
            turn.said("made", name, "10")


def partition(turn: Turn) -> None:
    """Attach partitions, detach them, drop them."""
    with turn.transaction():
        parts = busy_reads.parts(turn.conn)
        name = turn.chance.choice(sorted(parts))
        match turn.chance.choice(["attach", "attach", "detach", "drop"]):
            case "detach" if parts[name].startswith("attached"):
                turn(f"ALTER TABLE busy.measure DETACH PARTITION busy.{name}")
                turn.said("parts", name, parts[name].replace("attached", "detached"))
            case "drop" if len(parts) > 2:
                turn(f"DROP TABLE busy.{name}")
                turn.said("parts", name, None)
            case _:
                number = turn.chance.getrandbits(30)
                turn(
                    f"CREATE TABLE busy.part_{number} AS SELECT {number} AS part, g AS n FROM generate_series(1, 50) g"
                )
                turn(f"ALTER TABLE busy.measure ATTACH PARTITION busy.part_{number} FOR VALUES IN ({number})")
                turn.said("parts", f"part_{number}", "attached 50")


def refresh(turn: Turn) -> None:
    turn(
        turn.chance.choice(["REFRESH MATERIALIZED VIEW {}", "REFRESH MATERIALIZED VIEW CONCURRENTLY {}"]).format(
            "busy.counted"
        )
    )


# Names


def swap_schemas(turn: Turn) -> None:
    """What a release does: the new one takes the place of the old one."""
    with turn.transaction():
        before = busy_reads.schemas(turn.conn)
        turn("ALTER SCHEMA app RENAME TO app_old")
        turn("ALTER SCHEMA app_new RENAME TO app")
        turn("ALTER SCHEMA app_old RENAME TO app_new")
        turn.said("schemas", "app", before["app_new"])
        turn.said("schemas", "app_new", before["app"])


def swap_tables(turn: Turn) -> None:
    with turn.transaction():
        before = busy_reads.sides(turn.conn)
        turn("ALTER TABLE busy.full_side RENAME TO third")
        turn("ALTER TABLE busy.empty_side RENAME TO full_side")
        turn("ALTER TABLE busy.third RENAME TO empty_side")
        turn.said("sides", "full_side", before["empty_side"])
        turn.said("sides", "empty_side", before["full_side"])


def rename_values(turn: Turn) -> None:
    """Two values of an enum change their names, or a further one comes."""
    with turn.transaction():
        if turn.chance.random() < 0.2:
            value = f"v{turn.chance.getrandbits(30)}"
            turn(f"ALTER TYPE busy.state ADD VALUE '{value}'")
            turn.said("states", value, "0")
            return
        before = busy_reads.states(turn.conn)
        for old, new in (("paid", "third"), ("open", "paid"), ("third", "open")):
            turn(f"ALTER TYPE busy.state RENAME VALUE '{old}' TO '{new}'")
        turn.said("states", "paid", before["open"])
        turn.said("states", "open", before["paid"])


def rename_attributes(turn: Turn) -> None:
    """The attributes of a composite type change their names."""
    with turn.transaction():
        before = busy_reads.attributes(turn.conn)
        for old, new in (("a", "third"), ("b", "a"), ("third", "b")):
            turn(f"ALTER TYPE busy.pair RENAME ATTRIBUTE {old} TO {new} CASCADE")
        turn.said("attributes", "a", before["b"])
        turn.said("attributes", "b", before["a"])


# Whatever else a catalog has


def replace_code(turn: Turn) -> None:
    number = turn.chance.getrandbits(30)
    with turn.transaction():
        turn(f"CREATE OR REPLACE FUNCTION busy.version() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT {number}'")
        turn(f"CREATE OR REPLACE VIEW busy.version_seen AS SELECT {number} AS version")
        turn.said("code", "function", number)
        turn.said("code", "view", number)


def grant(turn: Turn) -> None:
    with turn.transaction():
        for role in turn.chance.sample(["alice", "bob", "carol"], 2):
            if turn.chance.random() < 0.5:
                turn(f"GRANT SELECT ON busy.granted TO {role}")
                turn.said("grants", role, "r")
            else:
                turn(f"REVOKE SELECT ON busy.granted FROM {role}")
                turn.said("grants", role, None)


def set_settings(turn: Turn) -> None:
    """Settings of the database, and of a role in it."""
    database = sql.Identifier(turn.conn.info.dbname).as_string(turn.conn)
    value = f"{turn.chance.randint(1000, 9000)}kB"
    with turn.transaction():
        for whose, key in ((f"DATABASE {database}", "database"), (f"ROLE bob IN DATABASE {database}", "bob")):
            turn(f"ALTER {whose} SET work_mem = '{value}'")
            turn.said("settings", key, f"work_mem={value}")


def number(turn: Turn) -> None:
    """A sequence is ahead of what was numbered with it, whatever else becomes of it."""
    if turn.chance.random() < 0.02:
        with turn.transaction():
            step = turn.chance.randint(1, 9)
            turn(f"ALTER SEQUENCE busy.number INCREMENT {step}")
            turn.said("sequence", "increment", step)
    else:
        turn("INSERT INTO busy.numbered SELECT nextval('busy.number') FROM generate_series(1, 5)")


def large_objects(turn: Turn) -> None:
    with turn.transaction():
        oid = turn.chance.randint(5001, 5060)
        there = str(oid) in busy_reads.large_objects(turn.conn)
        if there:
            turn("SELECT lo_unlink(%s)", oid)
            turn.said("large objects", oid, None)
        else:
            turn("SELECT lo_from_bytea(%s, convert_to('large ' || %s::text, 'UTF8'))", oid, oid)
            turn.said("large objects", oid, f"large {oid}")


def altering(table: str, sleep: float = 0) -> Part:
    return Part(
        alter(table, sleep),
        0.3,
        {table: busy_reads.rows_of(table), f"columns of {table}": busy_reads.columns_of(table)},
    )


WRITERS = {
    f"writer {n}": Part(write(f"busy.item_{n}"), 0.03, {f"busy.item_{n}": busy_reads.rows_of(f"busy.item_{n}")})
    for n in (1, 2, 3)
}
OTHERS = {
    "alter 1": altering("busy.shape_1"),
    "alter 2": altering("busy.shape_2"),
    "alter slowly": altering("busy.slow_shape", sleep=1.5),
    "truncate": Part(truncate, 0.2, {"busy.emptied": busy_reads.rows_of("busy.emptied")}),
    "maintain": Part(maintain, 0.1, {"busy.vacuumed": busy_reads.rows_of("busy.vacuumed")}),
    "make tables": Part(make_tables, 0.1, {"made": busy_reads.made}),
    "partition": Part(partition, 0.2, {"parts": busy_reads.parts}),
    "refresh": Part(refresh, 0.2),
    "swap schemas": Part(swap_schemas, 0.5, {"schemas": busy_reads.schemas}),
    "swap tables": Part(swap_tables, 0.5, {"sides": busy_reads.sides}),
    "rename values": Part(rename_values, 0.5, {"states": busy_reads.states}),
    "rename attributes": Part(rename_attributes, 0.5, {"attributes": busy_reads.attributes}),
    "replace code": Part(replace_code, 0.3, {"code": busy_reads.code}),
    "grant": Part(grant, 0.2, {"grants": busy_reads.grants}),
    "set settings": Part(set_settings, 0.5, {"settings": busy_reads.settings}),
    "number": Part(number, 0.05, {"sequence": busy_reads.sequence}),
    "large objects": Part(large_objects, 0.1, {"large objects": busy_reads.large_objects}),
}
PARTS = WRITERS | OTHERS
READS = {what: read for part in PARTS.values() for what, read in part.reads.items()}
