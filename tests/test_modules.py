"""Rules that no single module can keep: who imports whom (ARCHITECTURE.md), what each one says of itself."""

import ast
import doctest
import importlib
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import replicator

ROOT = Path(replicator.__file__).parent
ORDER = [
    "model",
    "events",
    "errors",
    "secrets",
    "settings",
    "show",
    "sessions",
    "journal",
    "catalog",
    "shaping",
    "planning",
    "cluster",
    "work",
    "checks",
    "comparing",
    "runs",
    "running",
    "library",
    "all_databases",
    "demo",
    "signals",
    "argv",
    "cli",
    "__main__",
]
"""Modules and rooms: each may import what is left of it."""
PURE = [
    "errors",
    "events",
    "model",
    "planning",
    "planning.graph",
    "planning.downgrade",
    "catalog",
    "catalog.depend",
    "catalog.select",
    "work.executor",
    "work.throttle",
    "work.copying.stream",
    "show.progress",
    "show.state",
    "show.report",
    "journal.tasks",
]
"""Without psycopg, and without any module of ours that has it."""


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}
NAMED = [name for name in MODULES if name]  # all but the package itself


def imported(tree):
    """Yield the full names of what a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            full = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from full.values()
            if any(name.removeprefix("replicator.") not in MODULES for name in full.values()):  # not only modules of it
                yield node.module


def own_imports(name):
    """The modules of ours that one imports by name; a package stands for what is in its __init__."""
    names = {full.removeprefix("replicator.") for full in imported(TREES[name]) if full.startswith("replicator.")}
    return (names & MODULES.keys()) - {name}


@pytest.mark.parametrize("name", NAMED)
def test_a_room_imports_only_rooms_below_it(name):
    place = {room: n for n, room in enumerate(ORDER)}
    room = name.partition(".")[0]
    assert not {other for other in own_imports(name) if place[other.partition(".")[0]] > place[room]}


@pytest.mark.parametrize("name", [n for n in NAMED if n.partition(".")[0] in ("cli", "demo")])
def test_the_command_line_goes_through_the_library(name):
    inside = {other for other in own_imports(name) if other.partition(".")[0] == "runs" or other == "sessions.watch"}
    assert inside <= {"runs.hold"}  # the process that holds a snapshot for a clone


def test_no_modules_import_one_another():
    tuple(TopologicalSorter({name: own_imports(name) for name in NAMED}).static_order())


@pytest.mark.parametrize("name", PURE)
def test_what_is_pure_knows_no_driver(name):
    todo, seen = [name], set()
    while todo:
        module = todo.pop()
        seen.add(module)
        drivers = {full for full in imported(TREES[module]) if full.partition(".")[0] in ("psycopg", "psycopg_pool")}
        assert not drivers, f"{module} imports {drivers}"
        todo += own_imports(module) - seen


@pytest.mark.parametrize(
    "name", [n for n in NAMED if n.partition(".")[0] not in ("argv", "cli") and n != "demo.server"]
)
def test_only_the_command_line_reads_arguments_and_environment(name):
    read = {f"{node.value.id}.{node.attr}" for node in ast.walk(TREES[name])
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}  # fmt: skip
    assert not read & {"os.environ", "os.getenv", "sys.argv"}


def test_connections_are_opened_in_one_place():
    calls = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("psycopg.connect", "ConnectionPool")
    }
    assert calls - {"demo", "demo.server"} == {"sessions.postgres"}


STATEMENT = re.compile(
    r"\b(GRANT|REVOKE|ALTER|CREATE|DROP|COMMENT|SECURITY|REFRESH|TRUNCATE|ANALYZE)\b.*\"$", re.DOTALL
)


@pytest.mark.parametrize("name", NAMED)
def test_no_name_in_a_statement_is_quoted_by_hand(name):
    """A name may have a quote in it: postgres.quoted and sql.Identifier know."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.JoinedStr):
            before = ""
            for part in node.values:
                if isinstance(part, ast.Constant):
                    before += part.value
                else:
                    assert not STATEMENT.search(before), ast.unparse(node)


def test_no_module_is_a_drawer():
    assert not {name.rpartition(".")[2] for name in NAMED} & {"utils", "helpers", "common", "misc", "manager"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_about(name):
    first = (ast.get_docstring(TREES[name]) or "").partition("\n")[0]
    assert first.endswith((".", ":", "?"))


@pytest.mark.parametrize("name", MODULES)
def test_a_public_function_or_class_says_what_it_does(name):
    silent = [
        node.name
        for parent in ast.walk(TREES[name])
        if isinstance(parent, ast.Module) or (isinstance(parent, ast.ClassDef) and not parent.name.startswith("_"))
        for node in parent.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


@pytest.mark.parametrize("name", [name for name in NAMED if ">>> " in MODULES[name].read_text("utf-8")])
def test_the_examples_of_a_module_are_true(name):
    results = doctest.testmod(importlib.import_module(f"replicator.{name}"))
    assert results.attempted
    assert not results.failed
