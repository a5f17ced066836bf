"""Definitions as the destination prints them once it has read them again: a server need not repeat its own words.

`NULL` in an arm of a UNION comes back as `NULL::integer`, and that as `NULL::integer AS int4`; newer servers choose
other aliases, and other names of ICU's locales: a copy differs in its text from the original, and means the same. So
where texts differ, the destination reads them as what a temporary view, rule or collation is made of, in a transaction
that is rolled back, and what it prints then is compared. Nothing is planned or executed for that.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import psycopg
from psycopg import sql

from replicator.model import Object
from replicator.verify.schema import Reread
from replicator.work import Sessions

Cursor = psycopg.Cursor[tuple[object, ...]]
NAME = "pg_temp.replicator_reread"
WITHOUT_DATA = " WITH NO DATA"
CREATE = {"view": ("CREATE VIEW ", "CREATE OR REPLACE VIEW "), "matview": ("CREATE MATERIALIZED VIEW ",)}
VIEW = f"SELECT pg_get_viewdef('{NAME}'::regclass)"
RULE = f"SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class = '{NAME}'::regclass"
LOCALE = """
SELECT coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', collcollate)
  FROM pg_collation c
 WHERE collname = 'replicator_reread' AND collnamespace = pg_my_temp_schema()"""


def reading_again(destination: Sessions) -> Reread:
    """Return what has the destination read and print two objects again. It returns None of what it cannot read."""

    def reread(here: Object, there: Object) -> tuple[Object, Object] | None:
        if here.kind not in PRINT:
            return None
        with destination.use() as conn:
            try:
                with conn.transaction(force_rollback=True), conn.cursor(binary=True) as cursor:
                    return _read_again(cursor, here), _read_again(cursor, there)
            except psycopg.Error as error:
                if conn.closed or error.sqlstate is None:
                    raise
                return None  # it names what is not there, or this role can make nothing: the difference stands

    return reread


def _read_again(cursor: Cursor, o: Object) -> Object:
    return replace(o, create=tuple(PRINT[o.kind](cursor, o, statement) for statement in o.create))


def _view(cursor: Cursor, o: Object, statement: str) -> str:
    begin = next((f"{words}{o.identity}" for words in CREATE[o.kind] if statement.startswith(words)), None)
    head, separator, query = statement.partition(" AS ")
    if begin is None or not separator or not statement.startswith(begin):
        return statement
    tail = WITHOUT_DATA if query.endswith(WITHOUT_DATA) else ""
    text = _printed(cursor, f"CREATE VIEW {NAME} AS {query.removesuffix(tail)}", VIEW, f"DROP VIEW {NAME}")
    return f"{head} AS {text.rstrip(';')}{tail}"


def _rule(cursor: Cursor, o: Object, statement: str) -> str:
    for on in re.finditer(" on ", o.identity):
        rule, relation = o.identity[: on.start()], o.identity[on.end() :]
        head = re.match(
            rf"CREATE RULE {re.escape(rule)} AS\s+ON (\w+) TO {re.escape(relation)}(?=\s)", statement, re.DOTALL
        )
        if head:
            cursor.execute(f"CREATE TEMP TABLE replicator_reread (LIKE {relation})")
            create = f"CREATE RULE replicator AS ON {head[1]} TO {NAME}{statement[head.end() :]}"
            text = _printed(cursor, create, RULE, f"DROP TABLE {NAME}")
            return head[0] + re.sub(r"\ACREATE RULE replicator AS\s+ON \w+ TO \S+", "", text)
    return statement


def _collation(cursor: Cursor, o: Object, statement: str) -> str:
    head = f"CREATE COLLATION {o.identity} "
    if not statement.startswith(head):
        return statement
    how = statement.removeprefix(head)
    locale = _printed(cursor, f"CREATE COLLATION {NAME} {how}", LOCALE, f"DROP COLLATION {NAME}")
    return re.sub(r"(?<=\bLOCALE = )'(?:[^']|'')*'", lambda _: "'" + locale.replace("'", "''") + "'", statement)


def _printed(cursor: Cursor, create: str, query: str, drop: str) -> str:
    """Return what a server says of something that is made and dropped again.

    A binary cursor sends one statement at most, whatever a source may have put into its text.
    """
    cursor.execute(sql.SQL(create))
    ((text,),) = cursor.execute(sql.SQL(query)).fetchall()
    cursor.execute(sql.SQL(drop))
    return str(text)


PRINT: dict[str, Callable[[Cursor, Object, str], str]] = {
    "view": _view,
    "matview": _view,
    "rule": _rule,
    "collation": _collation,
}
