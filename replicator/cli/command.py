"""What all commands have in common: databases by position, options in groups, examples, exit codes, typing mistakes."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from replicator.argv import asks_for_json
from replicator.cli import environment
from replicator.cli.invocation import Common
from replicator.cli.meant import HELP, command_meant
from replicator.cli.parameters import Group, Setting
from replicator.errors import Interrupted, UsageError
from replicator.show.folding import folded

F = TypeVar("F", bound=Callable[..., Any])

ALIASES = {"probe": "check"}
"""Earlier names of commands, which go on working."""
CONNECTION = re.compile(r"^\w+://|=")
"""What a word looks like that names a database."""
VARIABLES = """Every option can be set by a variable or in a file: --retry-for 1h is REPLICATOR_RETRY_FOR=1h, or
retry-for = "1h". Precedence: flag, variable, file, default. libpq's PGPASSFILE, PGPASSWORD, PGSERVICEFILE … apply."""
EXIT_CODES = {
    0: "done",
    1: "a server never answered",
    2: "wrong usage",
    3: "blocked before the first write",
    4: "connection refused",
    5: "dependency cycle",
    6: "a step failed, or the copy is unfinished",
    7: "the source changed meanwhile",
    8: "the databases differ",
    70: "a defect of replicator",
    74: "the output could not be written",
    130: "interrupted",
}
ALWAYS = (2, 70, 74, 130)
COLUMN = 28
"""Where the help of an option begins: at the same place in every group."""


class Command(click.Command):
    """A command. `sides` are the databases that it takes by position; `codes` the exit codes that are its own."""

    def __init__(
        self, *given: Any, sides: tuple[str, ...] = (), codes: tuple[int, ...] = (), examples: str = "", **more: Any
    ) -> None:
        super().__init__(*given, **more)
        self.sides = sides
        self.codes = codes
        self.examples = examples
        self.params += [
            click.Argument([f"{side}_by_position"], required=False, metavar=f"[{side.upper()}]") for side in sides
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take databases that are named by position as those that a flag names."""
        rest = super().parse_args(ctx, self._with_values(args))
        if ctx.params.pop("json", False):
            ctx.params["output"] = ctx.ensure_object(Common).output = "json"
        for side in self.sides:
            given = ctx.params.pop(f"{side}_by_position")
            if given is not None:
                if ctx.get_parameter_source(side) is ParameterSource.COMMANDLINE:
                    raise UsageError(f"The {side} is given twice: by position and by --{side}.")
                ctx.params[side] = given
                ctx.set_parameter_source(side, ParameterSource.COMMANDLINE)
        return rest

    def _with_values(self, args: list[str]) -> list[str]:
        """Keep an option that may have no value from taking the database that follows for it."""
        optional = {
            name: each
            for each in self.params
            if isinstance(each, Setting) and not each.is_flag and isinstance(each.flag_value, str)
            for name in each.opts
        }
        return [
            f"{word}={optional[word].flag_value}" if word in optional and CONNECTION.search(following) else word
            for word, following in zip(args, [*args[1:], ""], strict=False)
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless a variable is misspelled."""
        if ctx.parent and isinstance(ctx.parent.command, Commands):
            environment.check(os.environ, ctx.parent.command.variables())
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a group at a time."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shown = [(param, record) for param in options if (record := param.get_help_record(ctx))]
        for group in Group:
            rows = [row for param, row in shown if isinstance(param, Setting) and param.group is group]
            if group is Group.OUTPUT:
                rows += [row for param, row in shown if not isinstance(param, Setting)]
            if rows:
                with formatter.section(group):
                    (first, words), *others = rows
                    formatter.write_dl([(f"{first:{COLUMN}}", words), *others], col_max=COLUMN)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, how else options are given, and what the exit code says."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    indented = f"{'':{formatter.current_indent}}{line.strip()}"
                    formatter.write(" \\\n".join(folded(indented, formatter.width - 2).split("\n")) + "\n")
        if self.codes:
            with formatter.section("Variables and files"):
                formatter.write_text(VARIABLES)
            with formatter.section("Exit codes"):
                codes = sorted({0, *ALWAYS, *self.codes})
                formatter.write_dl([(f"{code:3}", EXIT_CODES[code]) for code in codes])


class Commands(click.Group):
    """The commands. Options may stand before the command as well; options alone mean `clone`."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first."""
        if ctx.resilient_parsing:  # the shell asks what may come next
            return super().parse_args(ctx, args)
        common = ctx.ensure_object(Common)
        common.asked_json = asks_for_json(args, os.environ)
        if not args and common.as_json:
            raise UsageError("No command is given.", hint=HELP)
        if not args:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(UsageError.exit_code)
        names = {*self.commands, *ALIASES}
        values = {o for command in self.commands.values() for o in _options_with_values(command)}
        places = [i for i, word in enumerate(args) if word in names and (i == 0 or args[i - 1] not in values)]
        if places:
            args = [args[places[0]], *args[: places[0]], *args[places[0] + 1 :]]
            args[0] = ALIASES.get(args[0], args[0])
        elif not args[0].startswith("-"):
            raise UsageError(f"No such command '{args[0]}'.", hint=command_meant(args[0], self.commands))
        elif not {"-h", "--help", "--version"} & set(args):
            args = ["clone", *args]
        common.command = args[0] if args[0] in names else ""
        return super().parse_args(ctx, args)

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """Read the arguments."""
        with _interruptible():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _interruptible():
            return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, or by an earlier one."""
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the code, which is that of their use."""
        return list(self.commands)

    def variables(self) -> set[str]:
        """Return the names of all variables that set an option."""
        params = chain.from_iterable(command.params for command in self.commands.values())
        return {each.variable for each in params if isinstance(each, Setting)}


@contextmanager
def _interruptible() -> Iterator[None]:
    """Keep a KeyboardInterrupt from click, which would write an empty line for it and forget what it says."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(str(error)) from error


def _options_with_values(command: click.Command) -> list[str]:
    options = (
        p for p in command.params if isinstance(p, click.Option) and not p.is_flag and not isinstance(p.flag_value, str)
    )
    return [name for option in options for name in option.opts]
