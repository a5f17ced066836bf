"""A --config file: what it may say, and where in it a mistake is."""

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from replicator.cli.invocation import Common
from replicator.cli.parameters import Group, Setting
from replicator.errors import UsageError

if TYPE_CHECKING:
    from replicator.settings.definition import Definition, DefinitionError

PARTS = ("tables", "subset", "mask", "rename")
"""Those that make up a definition: see settings/definition.py."""
TABLES = ("source", "destination", "choose", "options", *PARTS)
SIDES = ("source", "destination")
HEADING = re.compile(r"\[+([^\]=]*)\]")
SETTING = re.compile(r"""((?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w.\s-])+?)\s*=""")
KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+))\s*""")


class File:
    """What a TOML file says, and the lines on which it says so. Raises UsageError."""

    def __init__(self, path: Path, tables: Collection[str] = TABLES) -> None:
        self.path = path
        try:
            self._text = path.read_text("utf-8")
            self._tables = tomllib.loads(self._text)
        except OSError as error:
            raise UsageError(f"Cannot read the file {path}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"The file {path} is not valid TOML: {error}.") from error
        self.check(self._tables, tables, "table")

    @property
    def defines(self) -> bool:
        """Whether it has a definition, besides patterns."""
        return not self._tables.keys().isdisjoint(PARTS)

    def definition(self) -> dict[str, object]:
        """Return what it says of a definition."""
        return {part: self._tables[part] for part in PARTS if part in self._tables}

    def located(self, error: "DefinitionError") -> UsageError:
        """Return an error of the definition that says where in this file the mistake is, if it is in this file."""
        line = line_of(self._text, *error.path)
        return UsageError(f"{self.path}:{line}: {error}", hint=error.hint) if line else error

    def options(self) -> dict[str, object]:
        """Return the defaults that it sets, by their flags: `source` and `destination` as connection strings."""
        given = {name.replace("_", "-"): value for name, value in self._table("options").items()}
        for name, value in self.chosen().items():
            if name in given:
                raise self.wrong(name, f"{name} is given twice: in [options] and in [choose]. Remove one.")
            given[name] = value
        for side in SIDES:
            if side in self._tables and side in given:
                raise self.wrong(side, f"{side} is given twice: in [options] and as the table [{side}]. Remove one.")
            if side in self._tables:
                given[side] = self._conninfo(side)
        return given

    def chosen(self) -> dict[str, object]:
        """Return what the table [choose] says, by flags."""
        return {name.replace("_", "-"): value for name, value in self._table("choose").items()}

    def wrong(self, name: str, message: str, hint: str | None = None, table: str | None = "options") -> UsageError:
        """Return an error that says where the mistake is."""
        table = "choose" if table == "options" and name in self.chosen() else table
        line = line_of(self._text, *([table] if table else []), name)
        return UsageError(f"{self.path}{f':{line}' if line else ''}: {message}", hint=hint)

    def check(self, given: Iterable[str], known: Iterable[str], what: str, table: str | None = None) -> None:
        """Raise UsageError for the first name that is not known."""
        names = list(known)
        for name in given:
            if name not in names:
                alike = get_close_matches(name, names, 1)
                hint = f"Did you mean {alike[0]}?" if alike else None
                if name in TABLES and what == "table":
                    hint = "A file with servers and options is for --config."
                hint = hint or (f"Possible: {', '.join(names)}." if what == "table" else None)
                raise self.wrong(name, f"unknown {what} {name}.", hint, table)

    def exposes_password(self, given: Mapping[str, object]) -> bool:
        """Tell whether other users can read the file, and there is a password in it."""
        from replicator.settings.conninfo import has_password

        shared = os.name == "posix" and self.path.stat().st_mode & 0o077
        return bool(shared) and any(has_password(str(given[side])) for side in SIDES if side in given)

    def _table(self, name: str) -> Mapping[str, object]:
        table = self._tables.get(name, {})
        if not isinstance(table, dict):
            raise self.wrong(name, f"{name} is not a table: write [{name}] on a line of its own.", table=None)
        return table

    def _conninfo(self, side: str) -> str:
        from psycopg import ProgrammingError, conninfo, pq

        pairs = self._table(side)
        self.check(pairs, [option.keyword.decode() for option in pq.Conninfo.get_defaults()], "key of libpq", side)
        for key, value in pairs.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
                raise self.wrong(key, f"the value of {key} must be text or a number.", table=side)
        try:
            return conninfo.make_conninfo("", **{key: str(value) for key, value in pairs.items()})
        except ProgrammingError as error:  # libpq's message names the key, never a value
            raise self.wrong(side, f"[{side}]: {str(error).strip()}.", table=None) from None


def line_of(text: str, *path: str) -> int | None:
    """Return the number of the line that sets a key, the innermost one that has a line; tomllib does not tell.

    >>> line_of("# mine\\n[options]\\njobs = 3", "options", "jobs")
    3
    >>> line_of('[tables."public.t"]\\nextra = { a = "now(" }', "tables", "public.t", "extra", "a")
    2
    """
    wanted = [_alike(part) for part in path]
    best: tuple[int, int | None] = 0, None
    here: list[str] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if found := HEADING.match(line):
            here = keys = _keys(found[1])
        elif found := SETTING.match(line):
            keys = here + _keys(found[1])
        else:
            continue
        if keys == wanted[: len(keys)] and len(keys) > best[0]:
            best = len(keys), number
    # A heading alone is not the line of a key that it lacks, except where the table itself is inline.
    return best[1] if best[0] > 1 or len(wanted) == 1 else None


def _keys(dotted: str) -> list[str]:
    return [_alike(one or other or bare) for one, other, bare in KEY.findall(dotted)]


def _alike(key: str) -> str:
    """Return a key as it is compared: dashes are underscores, and a table's name needs neither quotes nor capitals."""
    return key.replace("-", "_").replace('"', "").lower()


def read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make a file's values the defaults of this command. Flags of other commands are passed over, the rest is refused.

    A key is a flag as --help has it, with dashes or underscores, without those in front.
    """
    if path is None:
        return
    assert context.parent is not None
    assert isinstance(context.parent.command, click.Group)
    file = File(path)
    _define(context, file)
    given = file.options()
    known = {name for command in context.parent.command.commands.values() for name in flags(command)}
    choosing = {name for name, option in flags(context.command).items() if option.group is Group.OBJECTS}
    file.check(file.chosen(), sorted(choosing) or sorted(known), "option", "choose")
    file.check(given, sorted(known), "option", "options")
    common = context.ensure_object(Common)
    if file.exposes_password(given):
        common.notes.append(f"Other users can read {path}, which contains a password. Run: chmod 600 {path}")
    _set_defaults(context, file, given)


def read_definition(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Keep the definition in a file of its own. Its patterns become defaults."""
    if path:
        file = File(path, ("choose", *PARTS))
        _define(context, file)
        chosen = file.chosen()
        known = {name for name, option in flags(context.command).items() if option.group is Group.OBJECTS}
        file.check(chosen, sorted(known), "option", "choose")
        _set_defaults(context, file, chosen)


def define(context: click.Context, parameter: click.Parameter, parts: Sequence[str]) -> "Definition | None":
    """Return the definition: that of a file, with parts that flags add. Raises UsageError."""
    common = context.ensure_object(Common)
    if not common.defined and not parts:
        return None  # and nothing is loaded
    from replicator.settings.definition import Definition, DefinitionError

    given = common.defined.definition() if common.defined else {}
    for part in parts:
        try:
            given = _merged(given, tomllib.loads(part))
        except tomllib.TOMLDecodeError as error:
            raise UsageError(
                f"--define {part!r} is not valid TOML: {error}.",
                hint="""Write --define 'tables."public.orders".where = "id > 9"'.""",
            ) from error
    try:
        return Definition.of(given)
    except DefinitionError as error:
        raise (common.defined.located(error) if common.defined else error) from error


def _merged(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Return both; where both have a value, the second one wins."""
    both = dict(one)
    for key, value in other.items():
        before = both.get(key)
        both[key] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return both


def _define(context: click.Context, file: File) -> None:
    """Keep the file that has the definition. Raises UsageError if there are two."""
    common = context.ensure_object(Common)
    if file.defines and isinstance(common.defined, File) and common.defined.path != file.path:
        raise UsageError("The --config file and the --definition file both have a definition. Move it to one of them.")
    if file.defines:
        common.defined = file


def _set_defaults(context: click.Context, file: File, given: Mapping[str, object]) -> None:
    """Make a file's values the defaults of this command."""
    here = flags(context.command)
    read = {name: _value(here[name], value, file) for name, value in given.items() if name in here}
    values = {name: value for name, value in read.items() if value is not None}
    for name, value in values.items():
        _check(context, here[name], value, file)
    context.default_map = {**(context.default_map or {}), **{here[name].name: v for name, v in values.items()}}


def flags(command: click.Command) -> dict[str, Setting]:
    """Return the options of a command that a file may set, by their long names without the dashes in front."""
    return {each.flag: each for each in command.params if isinstance(each, Setting) and each.flag != "config"}


def every_option(commands: Iterable[click.Command]) -> list[Setting]:
    """Return the options that a file may set, each once, in the order of the groups."""
    found: dict[str, Setting] = {}
    for command in commands:
        if any(param.name == "config" for param in command.params):
            for name, option in flags(command).items():
                found.setdefault(name, option)
    return [option for group in Group for option in found.values() if option.group is group]


def _value(option: Setting, value: object, file: File) -> object:
    """Return what an option takes for a file's value; None for its default."""
    if isinstance(value, bool) and (isinstance(option.flag_value, str) or option.means(value) is not None):
        return option.means(value)
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(each, str) for each in values):
            return values
        raise file.wrong(option.flag, f"{option.flag} must be a text or a list of texts.")
    if isinstance(value, bool) is not option.is_bool_flag or not isinstance(value, str | int | float):
        wanted = "true or false" if option.is_bool_flag else "a value, as on the command line"
        raise file.wrong(option.flag, f"{option.flag} must be {wanted}.")
    return value


def _check(context: click.Context, option: Setting, value: object, file: File) -> None:
    """Raise UsageError where an option does not take a file's value: click would name the flag, which nobody gave."""
    try:
        option.process_value(context, value)
    except click.BadParameter as error:
        raise file.wrong(option.flag, f"{option.flag}: {error.message}") from error
    except UsageError as error:
        raise file.wrong(option.flag, f"{option.flag}: {error}", error.hint) from error
