"""What --output json writes has the form that replicator/show/schema.json documents, and nothing else is written."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import psycopg
import pytest

from replicator.cli.ending import ending, ending_as_data
from replicator.cli.topics import topics
from replicator.show.document import SCHEMA
from tests.fix_cli import NEWEST, Result, Run, both, closed_port, is_silent_about
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
    form = FORMS["documents"][
        "failed" if document.keys() == FORMS["documents"]["failed"]["properties"].keys() else command
    ]
    check(document, form, command)
    assert document.keys() <= form["properties"].keys()
    for difference in document.get("differences", ()) if command == "verify" else ():
        fields = form["properties"]["differences"]["items"]["properties"]
        assert difference.keys() <= fields.keys()
        assert all(row.keys() <= fields["rows"]["items"]["properties"].keys() for row in difference.get("rows", ()))
    assert not re.search(r"\d\.\d{4}", re.sub(r'"(\\.|[^"])*"', "", result.out + result.err)), "seconds in thousandths"
    assert (document["schema"], document["command"], document["exit_code"]) == (SCHEMA, command, result.code)
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
    verified = checked("verify", replicator("verify", *pair))
    found = verified["differences"]
    assert all(verified["servers"][side]["version"].startswith(str(NEWEST)) for side in ("source", "destination"))
    assert {(d["what"], d["kind"], d["about"]) for d in found} >= {("table public.u", "missing", "definition")}
    assert [d["fix"][0] for d in found if d["what"] == "table public.u"] == ["CREATE TABLE public.u (a integer)"]
    ((row,),) = (d["rows"] for d in found if d["about"] == "rows")
    assert row == {"how": "missing", "key": {}, "times": 1, "source": {"a": "1"}}
    for command in ("status", "clean", "validate"):
        checked(command, replicator(command, "--destination", destination.dsn, "--json"))
    database.run("ALTER TABLE t ADD email text")
    suggested = checked("suggest-masks", replicator("suggest-masks", "--source", database.dsn, "--json"))
    assert [(c["table"], c["column"], c["mask"]) for c in suggested["columns"]] == [("public.t", "email", "email")]


def test_a_command_that_fails_early_writes_one_document(replicator: Run, database: Database) -> None:
    nobody = ("--destination", f"host=127.0.0.1 port={closed_port()} dbname=x", "--wait-attempts", "1", "--json")
    for command in ("clone", "plan", "check", "verify", "status", "clean", "validate"):
        result = replicator(command, "--source", database.dsn, *nobody)
        failed = checked(command, result)
        assert (failed["ok"], failed["exit_code"]) == (False, 1)
        assert "did not answer" in failed["error"]["message"]
        assert "source" in failed["servers"] or command in ("status", "clean", "validate")


@pytest.mark.parametrize(
    ("command", "arguments", "variables"),
    [
        ("clone", ("clone", "--nonsense", "--json"), {}),
        ("clone", ("clone", "--jobs", "x", "--output", "json"), {}),
        ("clone", ("clone", "--output=json"), {"REPLICATOR_JOBS": "x"}),
        ("verify", ("verify",), {"REPLICATOR_OUTPUT": "json"}),
        ("plan", ("plan", "--config", "/nowhere"), {"REPLICATOR_JSON": "true"}),
        ("", ("copy", "--json"), {}),
        ("", (), {"REPLICATOR_OUTPUT": "json"}),
    ],
)
def test_wrong_usage_writes_one_document(
    command: str, arguments: tuple[str, ...], variables: dict[str, str], replicator: Run
) -> None:
    result = replicator(*arguments, **variables)
    failed = checked(command, result)
    assert (failed["ok"], failed["exit_code"]) == (False, 2)
    said = json.loads(result.err)
    assert failed["error"] == {"message": said["message"], "hint": said["hint"]}


def test_a_flag_wins_over_the_variable(replicator: Run) -> None:
    result = replicator("clone", "--output", "plain", "--nonsense", REPLICATOR_OUTPUT="json")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("replicator: No such option")


def test_findings_are_written_once(replicator: Run, database: Database, destination: Database) -> None:
    destination.run("CREATE TABLE in_the_way ()")
    refused = replicator("clone", "--json", *both(database, destination))
    assert [finding["severity"] for finding in checked("clone", refused)["findings"]] == ["fatal"]
    assert "findings" not in json.loads(refused.err.splitlines()[-1])
    told = replicator("clone", *both(database, destination))
    assert (told.out, told.err.count("not empty")) == ("", 1)


def test_a_defect_has_one_exit_code() -> None:
    """In the document as in the process."""
    assert ending(ZeroDivisionError()).code == 70
    assert ending_as_data(ZeroDivisionError())["exit_code"] == 70
    assert ending_as_data(KeyboardInterrupt())["exit_code"] == 130
    assert ending_as_data(psycopg.OperationalError("gone"))["exit_code"] == 6


def names(form: dict[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of all fields of a form, those of inner objects with the outer name before them."""
    for name, inner in form.get("properties", {}).items():
        yield before + name
        yield from names(inner.get("items", inner), f"{before}{name}.")


@pytest.mark.parametrize("part", ["documents", "events"])
def test_the_page_has_a_row_for_every_field(part: str) -> None:
    text = topics()["output"].partition(f"### {part.title()}\n")[2].partition("\n#")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    told = [(owner, field) for owners, fields, _ in rows for owner in split(owners) for field in split(fields)]
    forms = {owner: set(names(form)) for owner, form in FORMS[part].items()}
    common = set.intersection(*forms.values())
    wanted = [("all", field) for field in common]
    wanted += [(owner, field) for owner, fields in forms.items() for field in fields - common]
    assert sorted(told) == sorted(wanted)


def split(cell: str) -> list[str]:
    return [name.strip("` ") for name in cell.split(",")]


def test_the_demo_writes_nothing_but_json(replicator: Run) -> None:
    result = replicator("demo", "--json")
    assert checked("demo", result)["ok"]


def test_a_document_has_no_password(replicator: Run, database: Database, destination: Database) -> None:
    secret = ("--source", f"{database.dsn} password=sesame", "--destination", f"{destination.dsn} password=sesame")
    for command in ("check", "plan", "clone", "verify"):
        result = replicator(command, "--json", *secret)
        checked(command, result)
        is_silent_about("sesame", result.out, result.err)


def test_what_debug_adds_is_json(replicator: Run, database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    logged = []
    for code in (0, 3):  # the second time, it is in the way
        result = replicator("clone", "--json", "--debug", *both(database, destination))
        assert checked("clone", result)["exit_code"] == code
        logged += [event for event in map(json.loads, result.err.splitlines()) if event["event"] == "log"]
    assert "replicator.work.step_runner" in {event["logger"] for event in logged}
    assert "Traceback" in logged[-1]["text"]
