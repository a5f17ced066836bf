"""What --output json writes has the form that replicator/show/schema.json documents, and nothing else is written."""

import json
from importlib.resources import files
from typing import Any

import pytest

from replicator.show.document import SCHEMA
from tests.fix_cli import NEWEST, Result, Run, both, is_silent_about
from tests.fix_servers import Database

FORMS = json.loads(files("replicator.show").joinpath("schema.json").read_text("utf-8"))
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def check(value: Any, form: dict[str, Any], where: str) -> None:
    """Assert that a value has a form: the part of JSON Schema that the file uses."""
    assert not form.keys() - {"type", "required", "properties", "items", "enum", "const"}, where
    if wanted := form.get("type"):
        kinds = [wanted] if isinstance(wanted, str) else wanted
        assert any(isinstance(value, TYPES[kind]) for kind in kinds), f"{where}: {value!r} is no {wanted}"
        assert "boolean" in kinds or not isinstance(value, bool), where
    assert "enum" not in form or value in form["enum"], f"{where}: {value!r}"
    assert "const" not in form or value == form["const"], f"{where}: {value!r}"
    if isinstance(value, dict):
        assert not set(form.get("required", ())) - value.keys(), f"{where} lacks a field: {value}"
        for name, inner in form.get("properties", {}).items():
            if name in value:
                check(value[name], inner, f"{where}.{name}")
    if isinstance(value, list) and "items" in form:
        for each in value:
            check(each, form["items"], f"{where}[]")


def checked(command: str, result: Result) -> dict[str, Any]:
    """Assert that both streams are as documented; return the document."""
    document = json.loads(result.out)
    check(document, FORMS["documents"][command], command)
    assert (document["schema"], document["command"]) == (SCHEMA, command)
    if "exit_code" in document:
        assert document["exit_code"] == result.code
    for line in result.err.splitlines():
        event = json.loads(line)
        check(event, FORMS["events"][event["event"]], event["event"])
        assert event.keys() <= {"event", *FORMS["events"][event["event"]]["properties"]}
    return dict(document)


@pytest.fixture
def major() -> int:
    return NEWEST


def test_every_command_keeps_to_the_schema(replicator: Run, database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 100) g; CREATE TABLE u (a int)")
    pair = (*both(database, destination), "--json")
    assert checked("plan", replicator("plan", *pair))["totals"]["tables"] == 1  # the other one is empty
    assert checked("check", replicator("check", *pair))["findings"] == []
    copied = checked("clone", replicator("clone", "--verify", *pair))
    assert {row["table"]: row["rows"] for row in copied["tables"]}["public.t"] == 100
    assert (copied["error"], copied["findings"]) == (None, [])
    assert copied["servers"]["source"]["version"].startswith(str(NEWEST))
    refused = checked("clone", replicator("clone", *pair))
    assert refused["exit_code"] == 3
    assert [finding["severity"] for finding in refused["findings"]] == ["fatal"]
    assert "not empty" in refused["error"]["message"]
    destination.run("DELETE FROM t WHERE a = 1; DROP TABLE u")
    found = checked("verify", replicator("verify", *pair))["differences"]
    assert {(d["what"], d["kind"], d["about"]) for d in found} >= {("table public.u", "missing", "definition")}
    for command in ("status", "clean", "validate"):
        checked(command, replicator(command, "--destination", destination.dsn, "--json"))


def test_the_demo_writes_nothing_but_json(replicator: Run) -> None:
    result = replicator("demo", "--json")
    assert checked("demo", result)["ok"]


def test_a_document_has_no_password(replicator: Run, database: Database, destination: Database) -> None:
    secret = ("--source", f"{database.dsn} password=sesame", "--destination", f"{destination.dsn} password=sesame")
    for command in ("check", "plan", "clone", "verify"):
        result = replicator(command, "--json", *secret)
        checked(command, result)
        is_silent_about("sesame", result.out, result.err)
