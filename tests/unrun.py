"""What tests never run where something goes wrong: `python -m tests.unrun`, after

    coverage run -m pytest && coverage combine && coverage report

The first of these takes all processes into account, those that the tests start as well, but not those that they kill
with -9. Printed are the handlers of exceptions and the raise statements of replicator/ of which no line was run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import coverage

import replicator

ROOT = Path(replicator.__file__).parent


def error_paths(tree: ast.AST) -> Iterator[ast.stmt | ast.ExceptHandler]:
    """Yield the handlers, and the statements that raise outside of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler | ast.Raise):
            yield node


def unrun(path: Path, missing: set[int]) -> list[int]:
    """Return the first lines of the error paths that were never run; what is in a handler counts with it.

    A handler was run if its body was: its own line is run whenever something else is raised.
    """
    found: dict[int, int] = {}
    for node in error_paths(ast.parse(path.read_text("utf-8"))):
        first = node.body[0] if isinstance(node, ast.ExceptHandler) else node
        if first.lineno in missing:
            found[node.lineno] = max(node.end_lineno or 0, found.get(node.lineno, 0))
    inner = {line for start, end in found.items() for line in range(start + 1, end + 1)}
    return sorted(found.keys() - inner)


def main() -> None:
    data = coverage.Coverage()
    data.load()
    count = 0
    for path in sorted(ROOT.rglob("*.py")):
        _, _, _, missing, _ = data.analysis2(str(path))
        lines = path.read_text("utf-8").splitlines()
        for line in unrun(path, set(missing)):
            count += 1
            print(f"{path.relative_to(ROOT.parent)}:{line}: {lines[line - 1].strip()}")
    print(f"{count} error paths were never run")


if __name__ == "__main__":
    main()
