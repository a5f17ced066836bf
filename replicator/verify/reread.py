"""A view's query as the destination prints it once it has read it again: a server need not repeat its own words.

`NULL` in an arm of a UNION comes back as `NULL::integer`, and that as `NULL::integer AS int4`: a copy of a view differs
in its text from the original, and means the same. So where texts differ, the destination reads them as the query of a
temporary view, in a transaction that is rolled back, and what it prints then is compared.
"""

from collections.abc import Iterator
from dataclasses import replace

import psycopg

from replicator.model import Object
from replicator.verify.schema import Reread
from replicator.verify.side import Side

WITHOUT_DATA = " WITH NO DATA"
CREATE = {"view": ("CREATE VIEW ", "CREATE OR REPLACE VIEW "), "matview": ("CREATE MATERIALIZED VIEW ",)}
READ = "SELECT pg_get_viewdef('pg_temp.replicator_reread'::regclass)"


def reading_again(destination: Side) -> Reread:
    """Return what has the destination read and print two views again. It returns None of what cannot be read there."""

    def reread(here: Object, there: Object) -> tuple[Object, Object] | None:
        if here.kind not in CREATE:
            return None
        with destination.sessions.use() as conn:
            try:
                with conn.transaction(force_rollback=True), conn.cursor(binary=True) as cursor:
                    return _read_again(cursor, here), _read_again(cursor, there)
            except psycopg.Error as error:
                if conn.closed or error.sqlstate is None:
                    raise
                return None  # it names what is not there, or this role can make nothing: the difference stands

    return reread


def _read_again(cursor: psycopg.Cursor[tuple[object, ...]], o: Object) -> Object:
    return replace(o, create=tuple(_statements(cursor, o)))


def _statements(cursor: psycopg.Cursor[tuple[object, ...]], o: Object) -> Iterator[str]:
    for statement in o.create:
        begin = next((f"{words}{o.identity}" for words in CREATE[o.kind] if statement.startswith(words)), None)
        head, separator, query = statement.partition(" AS ")
        if begin is None or not separator or not statement.startswith(begin):
            yield statement
            continue
        tail = WITHOUT_DATA if query.endswith(WITHOUT_DATA) else ""
        # A binary cursor sends one statement at most, whatever a source may have put into its text.
        cursor.execute(f"CREATE TEMP VIEW replicator_reread AS {query.removesuffix(tail)}")
        ((text,),) = cursor.execute(READ).fetchall()
        cursor.execute("DROP VIEW pg_temp.replicator_reread")
        yield f"{head} AS {str(text).rstrip(';')}{tail}"
