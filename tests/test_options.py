"""Options: a file may give every flag, and no mode passes over what it was given."""

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import click
import pytest

from replicator import check, clone, plan, verify
from replicator.cli.amounts import duration
from replicator.cli.commands import cli
from replicator.cli.file import flags
from replicator.cli.invocation import Common
from replicator.cli.meant import OF_OTHER_TOOLS
from replicator.errors import UsageError
from replicator.settings import FLAGS, NOT_IN_DATA_ONLY, Settings
from tests.fix_cli import NEWEST, Run, both, refuses
from tests.fix_servers import Database

COMMANDS = [name for name, command in cli.commands.items() if not command.hidden]
SPECIAL = {
    "source": "host=here",
    "destination": "host=there",
    "max-rate": "5MB/s",
    "split-larger-than": "2GB",
    "maintenance-work-mem": "64MB",
    "source-encoding": "LATIN1",
    "keep-previous": "3",
    "definition": str(Path(__file__).parent / "definition.toml"),
    "define": 'tables."public.orders".where = "id > 9"',
    "mask-key-file": __file__,
    "mask-key-env": "OUR_KEY",
    "as-of": "2026-11-30T18:00:00+00:00",
}


def value_of(name: str, option: click.Option) -> object:
    """Return a value that an option takes and that is not its default."""
    if name in SPECIAL:
        return SPECIAL[name]
    if option.multiple:
        return "post*"
    match option.type:
        case click.Choice(choices=choices):
            return choices[-1]
        case click.IntRange():
            return 3
        case click.FloatRange():
            return 2.5
    assert isinstance(option.type, click.types.FuncParamType) and option.type.func is duration, f"{name}: how?"
    return "90s"


def ways() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Return each flag of each command: how it is given on the command line, and how in a file."""
    found = []
    for command in COMMANDS:
        for name, option in flags(cli.commands[command]).items():
            if option.is_flag or isinstance(option.flag_value, str):
                found.append((command, name, (f"--{name}",), "true"))
            if not option.is_flag:
                value = value_of(name, option)
                found.append((command, name, (f"--{name}={value}",), f"{value!r}"))
    return found


def chosen(command: str, *arguments: str) -> tuple[object, ...]:
    """Return what a command line makes of its arguments."""
    with click.Context(cli, info_name="replicator", obj=Common()) as group:
        context = cli.commands[command].make_context(command, list(arguments), parent=group)
        common = context.find_object(Common)
        return context.params, common.debug, common.verbose, common.output


@pytest.mark.parametrize(("command", "name", "arguments", "value"), ways())
@pytest.mark.parametrize("dash", ["-", "_"])
def test_a_file_may_give_every_flag(command, name, arguments, value, dash, tmp_path, monkeypatch):
    monkeypatch.delenv("REPLICATOR_SOURCE", raising=False)
    monkeypatch.delenv("REPLICATOR_DESTINATION", raising=False)
    path = tmp_path / "replicator.toml"
    path.write_text(f"[options]\n{name.replace('-', dash)} = {value}\n")
    in_file = chosen(command, "--config", str(path)) if command != "demo" else chosen(command, *arguments)
    assert in_file == chosen(command, *arguments)
    assert in_file != chosen(command) or command == "demo"


@pytest.mark.parametrize(("command", "name", "arguments", "value"), ways())
def test_a_variable_may_give_every_flag(command, name, arguments, value, monkeypatch):
    for variable in cli.variables():
        monkeypatch.delenv(variable, raising=False)
    without, flagged = chosen(command), chosen(command, *arguments)
    monkeypatch.setenv(f"REPLICATOR_{name.replace('-', '_').upper()}", value.strip("'"))
    assert chosen(command) == flagged
    assert chosen(command) != without


def test_a_list_in_a_variable_has_commas(monkeypatch):
    monkeypatch.setenv("REPLICATOR_EXCLUDE_EXTENSION", "postgis, pg_*")
    assert chosen("clone")[0]["exclude_extension"] == ("postgis", "pg_*")


@pytest.mark.parametrize("word", ["false", "no", ""])
def test_a_variable_may_say_no(word, monkeypatch):
    without = chosen("clone")
    for name in ("RESUME", "HOLD_SNAPSHOT", "KEEP_PREVIOUS", "VERIFY"):
        monkeypatch.setenv(f"REPLICATOR_{name}", word)
    assert chosen("clone") == without


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REPLICATOR_JOBZ", "1", "There is no variable REPLICATOR_JOBZ. Did you mean REPLICATOR_JOBS?"),
        ("REPLICATOR_PASSWORD_FILE_NAME", "x", "There is no variable REPLICATOR_PASSWORD_FILE_NAME."),
        ("REPLICATOR_JOBS", "many", "REPLICATOR_JOBS: 'many' is not a valid whole number."),
        ("REPLICATOR_RETRY_FOR", "long", "REPLICATOR_RETRY_FOR: 'long' is not a duration"),
        ("REPLICATOR_VERIFY", "perhaps", "REPLICATOR_VERIFY: 'perhaps' is not a valid boolean"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, words: str, replicator: Run):
    refuses(replicator("status", "--jobs=1", **{name: value}), 2, "--jobs")
    refuses(replicator("clone", **{name: value}), 2, words)


def test_variables_of_tests_and_of_kubernetes_are_no_mistakes(replicator: Run):
    others = {"REPLICATOR_PORT": "tcp://1.2.3.4:80", "REPLICATOR_SERVICE_HOST": "x", "REPLICATOR_TEST_SERVERS": ""}
    refuses(replicator("clone", **others), 2, "No source database is given")


def test_help_is_shown_whatever_the_variables_say(replicator: Run):
    assert replicator("clone", "--help", REPLICATOR_JOBZ="1").code == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("1d 2h", 93600.0)]
)
def test_durations_as_people_write_them(text: str, seconds: float):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1h30", "-1", "1w", "1h-30m", "nan", "1..5h"])
def test_what_is_no_duration(text: str):
    with pytest.raises(click.BadParameter, match="is not a duration"):
        duration(text)


# Databases by position

BY_POSITION = ("host=here password=x", "host=there")


@pytest.mark.parametrize("command", ["clone", "plan", "verify", "check"])
def test_both_databases_may_be_named_by_position(command):
    flagged = chosen(command, "--source", BY_POSITION[0], "--destination", BY_POSITION[1])
    assert chosen(command, *BY_POSITION) == flagged
    assert chosen(command, BY_POSITION[0], "--destination", BY_POSITION[1]) == flagged


@pytest.mark.parametrize("command", ["status", "clean", "validate"])
def test_the_destination_may_be_named_by_position(command):
    assert chosen(command, "host=there") == chosen(command, "--destination", "host=there")


def test_a_position_wins_over_a_variable_and_a_file(monkeypatch, tmp_path):
    path = tmp_path / "replicator.toml"
    path.write_text("[source]\nhost = 'file'\n")
    monkeypatch.setenv("REPLICATOR_SOURCE", "host=variable")
    assert chosen("plan", "--config", str(path), "host=position")[0]["source"] == "host=position"


def test_a_database_that_is_named_twice_is_refused():
    with pytest.raises(UsageError, match="source is given twice"):
        chosen("clone", "host=here", "--source", "host=there")


@pytest.mark.parametrize("flag", ["--resume", "--hold-snapshot", "--keep-previous"])
def test_an_option_without_a_value_does_not_take_the_database_for_it(flag):
    assert chosen("clone", flag, *BY_POSITION) == chosen("clone", *BY_POSITION, flag)


def test_every_flag_of_the_help_can_be_in_a_file():
    for command in COMMANDS:
        named = ([o for o in p.opts if o.startswith("--")] for p in cli.commands[command].params)
        shown = {names[0] for names in named if names}  # others are pg_dump's names for the same
        shown -= {"--init", "--show"}  # they say what `config` is to do
        assert {f"--{name}" for name in flags(cli.commands[command])} == shown - {"--config"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retry_seconds = 3", "replicator.toml:2: unknown option retry-seconds."),
        ("jobz = 3", "replicator.toml:2: unknown option jobz. Did you mean jobs?"),
        ("config = 'x'", "unknown option config."),
        ("jobs = true", "replicator.toml:2: jobs must be a value"),
        ("verify = 'yes'", "replicator.toml:2: verify must be true or false"),
        ("jobs = [1]", "replicator.toml:2: jobs must be a value"),
        ("jobs = 'many'", "replicator.toml:2: jobs: 'many' is not a valid whole number."),
        ("retry-for = 'long'", "retry-for: 'long' is not a duration"),
        ("statistics = 'some'", "statistics: 'some' is not one of"),
        ("max-rate = 50", "'50' is not a rate: write 800kB/s"),
    ],
)
def test_what_is_no_flag_or_no_value_of_one_is_refused(text, words, tmp_path):
    path = tmp_path / "replicator.toml"
    path.write_text(f"[options]\n{text}\n")
    with pytest.raises(UsageError) as raised:
        chosen("clone", "--config", str(path))
    assert words in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (["cloen"], "No such command 'cloen'. Did you mean 'clone'?"),
        (["copy"], "No such command 'copy'. Did you mean 'clone'?"),
        (["clone", "--verfy"], "No such option: --verfy. Did you mean --verify?"),
        (["plan", "--repair"], "No such option: --repair. It belongs to `verify`."),
        (["clone", "--dry-run"], "No such option: --dry-run. `plan` shows what a clone would do"),
        (["clone", "--no-privileges"], "No such option: --no-privileges. Did you mean --no-acl?"),
        (["clone", "--quite-unknown"], "No such option: --quite-unknown. See --help."),
    ],
)
def test_what_is_meant_by_an_unknown_word_is_guessed(given: list[str], hint: str, replicator: Run):
    refuses(replicator(*given), 2, hint)


def test_what_is_named_for_another_tools_options_is_there():
    options = {name for command in cli.commands.values() for each in command.params for name in each.opts}
    named = {word for hint in OF_OTHER_TOOLS.values() for word in re.findall(r"--[a-z-]+", hint)}
    assert named <= options
    assert not options & OF_OTHER_TOOLS.keys()


def test_false_is_the_default(tmp_path):
    path = tmp_path / "replicator.toml"
    path.write_text("[options]\nresume = false\nhold-snapshot = false\nrelay = false\nverify = false\n")
    params = chosen("clone", "--config", str(path))[0]
    assert (params["resume"], params["hold_snapshot_seconds"], params["relay"]) == ("no", 0.0, False)


# What each mode reads

FIELDS = frozenset(field.name for field in fields(Settings))


class Recording(Settings):
    """Settings that remember which of their fields were read, but for the checks and copies of themselves."""

    __slots__ = ()
    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> object:
        reader = sys._getframe(1)
        module, function = reader.f_globals["__name__"], reader.f_code.co_name
        itself = module == "dataclasses" or (
            module == "replicator.settings" and function not in ("lanes", "workers", "deferral")
        )
        if name in FIELDS and not itself:
            Recording.read.add(name)
        return object.__getattribute__(self, name)


OF_DATA_ONLY = {"truncate", "append", "allow_narrower_types"}
Mode = tuple[str, Callable[[Settings], object], dict[str, object], set[str]]
OF_MASKS = {"unmasked_large_objects"}
"""Read only if the definition masks something."""
MODES: dict[str, Mode] = {
    # command, what it calls, its settings, and the fields that it refuses or that have no other way: all others count
    "clone": ("clone", clone, {"verify": True}, OF_DATA_ONLY | {"keep_previous", "allow_empty"}),
    "swap": ("clone", clone, {"replace": "swap"}, OF_DATA_ONLY),
    "drop": ("clone", clone, {"replace": "drop", "verify": True}, OF_DATA_ONLY | {"keep_previous"}),
    "data only": ("clone", clone, {"data_only": True, "truncate": True, "verify": True}, {*NOT_IN_DATA_ONLY}),
    "verify": ("verify", verify, {"repair": True}, OF_MASKS),
    "check": ("check", check, {}, {"allow_empty", *OF_MASKS}),
    "plan": (
        "plan",
        lambda settings: (plan(settings), check(settings)),
        {},
        {"allow_empty", *OF_MASKS},
    ),  # as the command
}


class TestModes:
    @pytest.fixture
    def major(self) -> int:
        return NEWEST

    @pytest.mark.parametrize("mode", MODES)
    def test_a_mode_reads_every_field_that_it_is_given(self, mode, database: Database, destination: Database):
        command, call, given, unread = MODES[mode]
        make = "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE SEQUENCE s;"
        view = "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t"
        database.run(f"{make} INSERT INTO t VALUES (1, 'x'); {view}")
        database.run(f"ALTER DATABASE {database.name} SET default_transaction_read_only = off")
        if mode in ("data only", "verify", "drop"):
            destination.run(make + ("INSERT INTO t VALUES (1, 'x');" if mode == "verify" else "") + view)
        Recording.read.clear()
        call(Recording(database.dsn, destination.dsn, **given))
        flags_here = {o for p in cli.commands[command].params for o in p.opts}
        offered = {name for name in FIELDS if FLAGS.get(name, f"--{name.replace('_', '-')}") in flags_here}
        assert offered - Recording.read - unread == set()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("clone", "--data-only", "--statistics", "transfer"), "--statistics would have no effect"),
            (("clone", "--allow-empty"), "--allow-empty needs --replace or --truncate"),
            (("clone", "--append"), "--append needs --data-only"),
            (("clone", "--resume", "--allow-narrower-types"), "needs --data-only"),
            (("clone", "--keep-previous", "--replace", "drop"), "needs --replace swap"),
        ],
    )
    def test_what_would_have_no_effect_is_refused(
        self, arguments, words, replicator: Run, database: Database, destination: Database
    ):
        refuses(replicator(*arguments, *both(database, destination)), 2, words)

    def test_check_of_one_database_refuses_what_is_about_a_clone(self, replicator: Run, database: Database):
        refuses(replicator("check", "--source", database.dsn, "--downgrade"), 2, "--downgrade", "both databases")
