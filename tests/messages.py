"""Print every text of the package that a user may read, with its place: `python -m tests.messages [ROOM…]`.

A text is a string, or several that are concatenated, of two words or more. Docstrings, SQL and patterns are left out;
docstrings of errors are their default messages and are printed.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import replicator

ROOT = Path(replicator.__file__).parent
CODE = re.compile(
    r"\s*(--|SELECT|SET (LOCAL|TRANSACTION)|WITH \w+ AS|SHOW|pg_|\\A|\^)|.*(\\[sbdw]|\(\?|\bFROM pg_|\\\d)", re.DOTALL
)
"""SQL for servers, and regular expressions."""
WORDS = re.compile(r"[A-Za-z`}]{2,}[,:;.]? +[\w{(`\"'-]|[a-z]{2,}\.$")
SQL_OF_OURS = {"execute", "SQL", "compile", "text"}
"""Calls whose strings are for servers or patterns."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string that people may read."""
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and re.search(r"Error\b|Failed\b", " ".join(map(ast.unparse, node.bases))):
            yield node.lineno, ast.get_docstring(node) or ""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if id(node) in docstrings or (isinstance(node, ast.Call) and _name(node) in SQL_OF_OURS):
            continue
        if isinstance(node, ast.Constant | ast.JoinedStr):
            text = _text(node)
            if WORDS.search(text) and not CODE.match(text):
                yield node.lineno, text
            if isinstance(node, ast.JoinedStr):
                todo += [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            continue
        todo += ast.iter_child_nodes(node)


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
            for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def main(rooms: list[str]) -> None:
    """Print the texts of these rooms, or of all."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        if rooms and place.parts[0].removesuffix(".py") not in rooms:
            continue
        print(
            *(f"{place}:{line}: {text!r}" for line, text in sorted(set(texts(ast.parse(path.read_text("utf-8")))))),
            sep="\n",
        )


if __name__ == "__main__":
    main(sys.argv[1:])
