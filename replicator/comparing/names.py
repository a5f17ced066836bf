"""The parts of statements that come from a catalog: names, and the items of a CREATE TABLE."""

import re

NAME = r'(?:"(?:[^"]|"")*"|[\w$]+)'
QUALIFIED = rf"{NAME}(?:\.{NAME})?"
WORDS = rf"(?:{NAME}|[\s,])*?"
"""Words between a name and what follows it, as few as possible."""
BRACKETS = re.compile(rf"""'(?:[^']|'')*'|{NAME}|[][(),]""")


def parts(statement: str) -> list[str]:
    """Return the items of a CREATE TABLE's list, its PARTITION BY, and what is between, one after another.

    >>> parts("CREATE TABLE t (a int, CHECK ((a > 0))) PARTITION BY LIST (lower(b)) WITH (x='1')")
    ['CREATE TABLE t (', 'a int', ', ', 'CHECK ((a > 0))', ') ', 'PARTITION BY LIST (lower(b))', " WITH (x='1')"]
    >>> parts("CREATE TABLE t (a int[] DEFAULT ARRAY[1, 2])")
    ['CREATE TABLE t (', 'a int[] DEFAULT ARRAY[1, 2]', ')']
    """
    if not re.match(r"CREATE (?:\w+ )?TABLE ", statement):
        return [statement]
    cuts: list[int] = []
    depth = 0
    for token in BRACKETS.finditer(statement):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token[0], 0)
        opens, closes = (token[0], depth) == ("(", 1), (token[0], depth) == (")", 0)
        if len(cuts) % 2 == 0:  # before the list or after it
            if opens and not cuts:
                cuts.append(token.end())
            elif token[0] == "PARTITION" and depth == 0:
                cuts.append(token.start())
        elif statement.startswith("PARTITION", cuts[-1]):
            cuts += [token.end()] if closes else []
        elif (token[0], depth) == (",", 1):
            cuts += [token.start(), token.end() + 1]
        elif closes:
            cuts.append(token.start())
    return [statement[one:other] for one, other in zip([0, *cuts], [*cuts, len(statement)], strict=True)]
