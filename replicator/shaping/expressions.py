"""SQL expressions of a definition: they are the user's text, and run on the source as the reading role.

An expression must give the same value for the same row whenever it is read: rows are read once to be copied, and again
to be compared. So `now()` means one moment in the whole run, and `random()` is refused.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import psycopg

from replicator.sessions.failures import one_line
from replicator.sessions.postgres import Connection
from replicator.settings.definition import NO_CONDITION, DefinitionError, Name, Path

TOKEN = re.compile(
    r"""(?P<text>[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
      | (?P<name>"(?:[^"]|"")*")
      | (?P<word>[^\W\d][\w$]*)
      | (?P<parameter>\$\d+)
      | (?P<comment>--[^\n]*|/\*)
      | (?P<other>\s+|\d+(?:\.\d+)?|.)""",
    re.VERBOSE | re.DOTALL,
)
CALLS_NOW = re.compile(
    r"(?:pg_catalog\s*\.\s*)?\b(?:now|transaction_timestamp|statement_timestamp)\s*\(\s*\)\Z", re.IGNORECASE
)
CONSTANTS = {
    "current_timestamp": "",
    "current_date": "::pg_catalog.date",
    "current_time": "::pg_catalog.timetz",
    "localtimestamp": "::pg_catalog.timestamp",
    "localtime": "::pg_catalog.time",
}
WORDS_FOR_NOW = {"now", "today", "tomorrow", "yesterday"}
VOLATILE = """
SELECT p.proname
  FROM pg_proc p
 WHERE p.proname = ANY (%s)
 GROUP BY p.proname
HAVING bool_and(p.provolatile = 'v' AND p.oid < 16384)
"""
NOT_ONE_VALUE = (psycopg.errors.GroupingError, psycopg.errors.WindowingError)
NEEDS_ONE_VALUE = (
    "it must give one value for each row: no aggregates, no window functions, no functions that return rows."
)
TRIED_MILLISECONDS = 2000
TRIED_ROWS = 1000


def tokens(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and text of each token, without comments.

    >>> [token for kind, token in tokens((), "a > now() -- late") if kind != "other"]
    ['a', 'now']

    Raises DefinitionError if it cannot be one expression.
    """
    depth = 0
    for found in TOKEN.finditer(text):
        kind, token = str(found.lastgroup or "text"), found[0]
        kind = "text" if kind == "tag" else kind
        if token == "/*":
            raise DefinitionError(path, "comments of the form /* */ are not understood here.", "Use -- instead.")
        depth += (token == "(") - (token == ")")
        if depth < 0 or token == ";":
            raise DefinitionError(path, f"{text!r} is not one expression.", "Write a single SQL expression.")
        if kind == "parameter":
            raise DefinitionError(path, f"{token} has no value here: expressions have no parameters.")
        if token in ("'", '"', "$"):
            raise DefinitionError(path, f"{text!r} has a quote without an end.")
        if kind != "comment":
            yield kind, token
    if depth:
        raise DefinitionError(path, f"{text!r} has a parenthesis without an end.")


def as_of(path: Path, text: str, moment: datetime) -> str:
    """Return an expression in which now() and its like are this moment.

    >>> as_of((), "a > now() - interval '1 day'", datetime(2026, 1, 2))
    "a > ('2026-01-02 00:00:00'::pg_catalog.timestamptz) - interval '1 day'"

    Raises DefinitionError for 'now' and 'today' as values, and for what cannot be one expression.
    """
    literal = f"'{moment.isoformat(' ')}'::pg_catalog.timestamptz"
    done = ""
    for kind, token in tokens(path, text):
        if kind == "text" and token.strip("'").strip().lower() in WORDS_FOR_NOW:
            raise DefinitionError(path, f"{token} means another time whenever it is read.", "Use now() or a date.")
        if kind == "word" and token.lower() in CONSTANTS and not done.rstrip().endswith("."):
            done += f"({literal}{CONSTANTS[token.lower()]})"
            continue
        done += token
        if token == ")" and (call := CALLS_NOW.search(done)) and not done[: call.start()].rstrip().endswith("."):
            done = f"{done[: call.start()]}({literal})"
    return done.strip()


def uses_time(path: Path, text: str) -> bool:
    """Tell whether an expression depends on the time at which it is read."""
    return as_of(path, text, datetime.min) != as_of(path, text, datetime.max)


def check_repeatable(conn: Connection, path: Path, text: str) -> None:
    """Raise DefinitionError if an expression calls a volatile function of PostgreSQL's."""
    found = [each for each in tokens(path, text) if not each[1].isspace()]
    if _has_age_until_now(found):
        raise DefinitionError(path, "age() of one date means another time whenever it is read.", "Write age(now(), …).")
    called = [t.lower() for (kind, t), (_, after) in pairwise(found) if kind == "word" and after == "("]
    if called and (volatile := conn.execute(VOLATILE, [called]).fetchall()):
        raise DefinitionError(
            path,
            f"{volatile[0][0]}() gives another value whenever it is called, so the copy could not be verified.",
        )


def _has_age_until_now(tokens: Sequence[tuple[str, str]]) -> bool:
    """Tell whether age() is called with one argument: it counts from today on."""
    for at, (kind, token) in enumerate(tokens):
        if kind == "word" and token.lower() == "age" and at + 1 < len(tokens) and tokens[at + 1][1] == "(":
            depth, commas = 0, 0
            for _, inner in tokens[at + 1 :]:
                depth += (inner in "([") - (inner in ")]")
                commas += inner == "," and depth == 1
                if not depth:
                    break
            if not commas:
                return True
    return False


def try_on(conn: Connection, path: Path, query: str) -> None:
    """Run a query with the user's text on the source, within seconds. Raises DefinitionError if it fails.

    It is prepared, so that it is one statement; the transaction is read only, so that it writes nothing.
    """
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(f"SET LOCAL statement_timeout = {TRIED_MILLISECONDS}")
            conn.execute(query, prepare=True)
    except psycopg.errors.QueryCanceled:
        return  # too many rows for a trial: the server understands it, and that is what was asked
    except psycopg.Error as error:
        if isinstance(error, NOT_ONE_VALUE) or "set-returning" in str(error):
            raise DefinitionError(path, NEEDS_ONE_VALUE) from error
        raise DefinitionError(path, f"the source rejects it: {one_line(error)}") from error


def type_of(conn: Connection, path: Path, text: str, table: Name) -> tuple[int, int]:
    """Return the type and its modifier of an expression that gives one value for each row. Raises DefinitionError."""
    try_on(conn, path, f"SELECT ({text}\n) FROM {table.quoted} WHERE ({text}\n) IS NULL LIMIT 0")
    result = conn.execute(f"SELECT ({text}\n) FROM {table.quoted} LIMIT 0", prepare=True).pgresult
    assert result
    type = result.ftype(0)
    ((word, pseudo),) = conn.execute(
        "SELECT format_type(oid, NULL), typtype = 'p' FROM pg_type WHERE oid = %s::bigint", [type]
    ).fetchall()
    if pseudo:
        raise DefinitionError(path, f"its type is {word}, which no column can have.", "Cast it to another type.")
    return type, result.fmod(0)


def condition(conn: Connection, path: Path, text: str, moment: datetime, table: Name) -> str:
    """Return a condition as it is read, after a trial on rows of its table. Raises DefinitionError."""
    done = as_of(path, text, moment)
    if not done:
        raise DefinitionError(path, *NO_CONDITION)
    check_repeatable(conn, path, text)
    try_on(conn, path, f"SELECT FROM {table.quoted} WHERE ({done}\n) LIMIT {TRIED_ROWS}")
    return done


def both(conditions: Iterable[str]) -> str:
    """Return one condition for several; "" for none. A line end closes a comment of the user's.

    >>> both(["a > 1 -- one", "b"])
    '(a > 1 -- one\\n) AND (b\\n)'
    """
    return " AND ".join(f"({condition}\n)" for condition in conditions if condition)
