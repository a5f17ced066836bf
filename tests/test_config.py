"""`config` and `completion`: a file with every option, what is in force and why, and what a shell may complete."""

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from replicator.cli import file
from replicator.cli.commands import cli
from replicator.cli.file import every_option, flags, line_of
from replicator.cli.invocation import Common
from replicator.settings import definition
from tests.fix_cli import Run, is_silent_about, refuses, runs
from tests.test_schema import checked

OPTIONS = every_option(cli.commands.values())
OWN_TABLES = {"source", "destination"}


def params(*arguments: str) -> dict[str, object]:
    """Return what `clone` makes of its arguments."""
    with click.Context(cli, info_name="replicator", obj=Common()) as group:
        return cli.commands["clone"].make_context("clone", list(arguments), parent=group).params


def test_the_file_has_every_option_of_every_command(replicator: Run) -> None:
    text = runs(replicator("config", "--init"))
    written = set(re.findall(r"^(?:#|# for example: )([a-z-]+) = ", text, re.MULTILINE)) - {"host", "dbname"}
    readers = [command for command in cli.commands.values() if any(p.name == "config" for p in command.params)]
    assert written == {name for command in readers for name in flags(command)} - OWN_TABLES
    for option in OPTIONS:
        assert option.flag in OWN_TABLES or f"# {option.help}" in text


def test_the_file_says_what_is_the_default_anyway(replicator: Run, tmp_path: Path) -> None:
    text = runs(replicator("config", "--init"))
    path = tmp_path / "replicator.toml"
    for told in (text, re.sub(r"^#(?! )", "", text, flags=re.MULTILINE)):
        path.write_text(told)
        assert params("--config", str(path)) == params() | {"source": "", "destination": ""}
    assert len(tomllib.loads(told)["options"]) > 30


def test_its_examples_are_understood(replicator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"^#(?: for example: )?(?=[a-z-]+ = )", "", runs(replicator("config", "--init")), flags=re.MULTILINE)
    path = tmp_path / "replicator.toml"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    Path("shop.toml").write_text("")
    Path("mask.key").write_text("a key for tests, 0123456789 abcdefghi")
    assert params("--config", str(path))["source"] == "host=old.example.com dbname=shop"


def test_what_is_in_force_says_where_it_comes_from(replicator: Run, tmp_path: Path) -> None:
    path = tmp_path / "replicator.toml"
    path.write_text("[source]\nhost = 'here'\npassword = 'sesame'\n[options]\njobs = 3\nverify = true\nshow-rows = 4\n")
    path.chmod(0o600)
    given = ("--config", str(path), "--jobs", "2", "--destination", "postgresql://me:sesame@there/db")
    variables = {"REPLICATOR_SHOW_ROWS": "5", "REPLICATOR_RETRY_FOR": "1h30m"}
    shown = runs(replicator("config", "--show", *given, **variables))
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith("  ")}
    assert {
        name: re.split(r"\s{2,}", found[name]) for name in ("jobs", "verify", "show-rows", "retry-for", "format")
    } == {
        "jobs": ["2", "flag"],
        "verify": ["true", "file"],
        "show-rows": ["5", "variable REPLICATOR_SHOW_ROWS"],
        "retry-for": ["1h30m", "variable REPLICATOR_RETRY_FOR"],
        "format": ["auto", "default"],
    }
    assert found.keys() == {option.flag for option in OPTIONS}
    document = checked("config", replicator("config", "--show", "--json", *given))
    as_data = {row["option"]: row for row in document["settings"]}
    assert as_data["jobs"] == {"option": "jobs", "value": "2", "from": "flag"}
    assert "here" in found["source"] and "there" in found["destination"]
    is_silent_about("sesame", shown, json.dumps(as_data))


@pytest.mark.parametrize("arguments", [(), ("--init", "--show")])
def test_config_needs_one_of_two(arguments: tuple[str, ...], replicator: Run) -> None:
    refuses(replicator("config", *arguments), 2, "needs either --init or --show")


@pytest.mark.parametrize(
    ("text", "name", "table", "line"),
    [
        ("[options]\njobs = 1", "jobs", "options", 2),
        ("# jobs = 3\n\n[source]\njobs = 1\n[options] # mine\n  'jobs'=1", "jobs", "options", 6),
        ("options.jobs = 1", "jobs", "options", 1),
        ("[options]\nwait_delay = 1", "wait-delay", "options", 2),
        ("\n[ sauce ]", "sauce", None, 2),
        ("jobs = 1", "jobs", "options", None),
    ],
)
def test_the_line_of_a_mistake(text: str, name: str, table: str | None, line: int | None) -> None:
    assert line_of(text, *([table] if table else []), name) == line


# Completion


def completed(replicator: Run, *words: str) -> set[str]:
    """Return what a shell offers for the last word."""
    variables = {"COMP_WORDS": " ".join(["replicator", *words]), "COMP_CWORD": str(len(words))}
    answer = runs(replicator(_REPLICATOR_COMPLETE="bash_complete", **variables))
    return {line.partition(",")[2] for line in answer.splitlines()}


def test_a_file_has_the_parts_of_a_definition() -> None:
    """The command line knows their names without loading what reads them."""
    assert file.PARTS == definition.PARTS


def test_a_shell_completes_commands_options_and_values(replicator: Run) -> None:
    assert completed(replicator, "cl") == {"clone", "clean"}
    assert {name for name, command in cli.commands.items() if not command.hidden} == completed(replicator, "")
    assert completed(replicator, "clone", "--re") == {
        "--resume",
        "--retry-for",
        "--relay",
        "--replace",
        "--require-mask-review",
    }
    assert completed(replicator, "clone", "--replace", "") == {"swap", "drop"}
    assert completed(replicator, "help", "perf") == {"performance"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str, replicator: Run) -> None:
    script = runs(replicator("completion", shell))
    assert f"_REPLICATOR_COMPLETE={shell}_complete" in script
