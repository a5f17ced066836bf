"""CREATE TABLE as people read it, and as pg_dump writes it: a column a line."""

import re

NAME = r'(?:"(?:[^"]|"")*"|[^\s"().]+)'
WITH_COLUMNS = re.compile(
    rf"CREATE (?:(?:UNLOGGED |FOREIGN )?TABLE {NAME}(?:\.{NAME})? |TYPE {NAME}(?:\.{NAME})? AS )\("
)
TOKEN = re.compile(
    r"""(?<!\w)E'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?<!\w)\$(\w*)\$.*?\$\1\$
    | \w+ | [^\w'"$()[\],]+ | .""",
    re.DOTALL | re.VERBOSE,
)
"""Quoted text is one token: a comma or a bracket in it means nothing."""


def laid_out(statement: str) -> str:
    """Break the list of columns of a CREATE statement; anything else stays as it is. Only spaces change.

    >>> print(laid_out("CREATE TABLE t (a numeric(5,2), b text DEFAULT 'x, y'::text) WITH (fillfactor='70')"))
    CREATE TABLE t (
        a numeric(5,2),
        b text DEFAULT 'x, y'::text
    ) WITH (fillfactor='70')
    """
    head = WITH_COLUMNS.match(statement)
    if not head or statement.startswith(")", head.end()):
        return statement
    columns, rest = [""], ""
    depth = 1
    for found in TOKEN.finditer(statement, head.end()):
        token = found[0]
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token, 0)
        if rest or not depth:
            rest += token
        elif token == "," and depth == 1:
            columns.append("")
        else:
            columns[-1] += token
    lines = ",".join(f"\n    {column.strip()}" for column in columns)
    return f"{head[0]}{lines}\n{rest}" if rest else statement
