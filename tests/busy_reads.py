"""How what the actors of tests/busy.py own is read, from the source and from a copy: {key: value}, all text."""

from collections.abc import Callable

import psycopg

State = dict[str, str | None]
Read = Callable[[psycopg.Connection], State]


def querying(text: str) -> Read:
    """Return what reads keys and values."""
    return lambda conn: dict(conn.execute(text).fetchall())


def counted(tables: str, value: str = "{}") -> Read:
    """Return what counts the rows of all tables that a query finds, with a word for each."""

    def read(conn: psycopg.Connection) -> State:
        found = conn.execute(tables).fetchall()
        return {
            key: value.format(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0], word)
            for key, table, word in found
        }

    return read


def columns_of(table: str) -> Read:
    """Read the columns and constraints that an actor added."""
    return querying(
        f"""SELECT attname::text, 'there' FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attname ~ '^x' AND attnum > 0 AND NOT attisdropped
            UNION ALL
            SELECT conname::text, 'there' FROM pg_constraint
             WHERE conrelid = '{table}'::regclass AND conname ~ '^c[0-9]'"""
    )


RELATIONS = "SELECT relname::text, c.oid::regclass::text, {} FROM pg_class c WHERE relkind = 'r' AND {}"
made = counted(RELATIONS.format("''", "relnamespace = 'busy'::regnamespace AND relname ~ '^made_'"))
parts = counted(
    RELATIONS.format(
        "CASE WHEN relispartition THEN 'attached' ELSE 'detached' END",
        "relnamespace = 'busy'::regnamespace AND relname ~ '^part_'",
    ),
    "{1} {0}",
)
sides = counted(RELATIONS.format("''", "relname IN ('full_side', 'empty_side')"))
schemas = counted(
    "SELECT nspname::text, c.oid::regclass::text, '' FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relname = 't' AND nspname IN ('app', 'app_new')"
)
states = querying(
    "SELECT enumlabel::text, count(id)::text FROM pg_enum LEFT JOIN busy.orders ON state = enumlabel::busy.state"
    " WHERE enumtypid = 'busy.state'::regtype GROUP BY 1"
)
attributes = querying(
    "SELECT 'a', sum((pair).a)::text FROM busy.pairs UNION ALL SELECT 'b', sum((pair).b)::text FROM busy.pairs"
)
code = querying("SELECT 'function', busy.version()::text UNION ALL SELECT 'view', version::text FROM busy.version_seen")
grants = querying(
    "SELECT grantee::regrole::text, 'r' FROM pg_class, aclexplode(relacl)"
    " WHERE pg_class.oid = 'busy.granted'::regclass AND privilege_type = 'SELECT' AND grantee <> relowner"
)
settings = querying(
    """SELECT CASE setrole WHEN 0 THEN 'database' ELSE setrole::regrole::text END, array_to_string(setconfig, ' ')
         FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()"""
)
sequence = querying("SELECT 'increment', seqincrement::text FROM pg_sequence WHERE seqrelid = 'busy.number'::regclass")
large_objects = querying("SELECT oid::text, convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata")


def rows_of(table: str) -> Read:
    return querying(f"SELECT key::text, value::text FROM {table}")
