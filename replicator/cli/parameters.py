"""How an option is declared: with its group in the help, and a variable of its own name."""

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import click
from click.core import ParameterSource

RAW = "replicator.raw"
"""Where a context keeps what was given for each option, before it is understood."""
YES, NO = ("true", "yes"), ("false", "no")


class Group(StrEnum):
    """The headings of --help, in their order."""

    CONNECTION = "Connection"
    OBJECTS = "Which objects to copy"
    WHAT = "What to copy"
    EXISTING = "Existing destination"
    COMPARISON = "Comparison"
    SPEED = "Speed"
    RECOVERY = "Recovery"
    OUTPUT = "Output"


class Setting(click.Option):
    """An option that a flag, a variable or a file gives. `--retry-for` is REPLICATOR_RETRY_FOR."""

    def __init__(self, declared: Sequence[str], *, group: Group, **more: Any) -> None:
        self.group = group
        long = next(name for name in declared if name.startswith("--"))
        self.flag = long.removeprefix("--")
        super().__init__(declared, envvar=f"REPLICATOR_{self.flag.replace('-', '_').upper()}", **more)

    @property
    def variable(self) -> str:
        """The variable that sets it."""
        return str(self.envvar)

    def means(self, yes: bool) -> object:
        """Return what true or false in a file or a variable stand for, where this is no mere switch; None: neither."""
        if isinstance(self.flag_value, str):
            return self.flag_value if yes else None
        if isinstance(self.type, click.Choice) and "on" in self.type.choices:
            return "on" if yes else "off"
        return None

    def consume_value(self, ctx: click.Context, opts: Mapping[str, click.Parameter]) -> tuple[Any, ParameterSource]:
        """Return the value as it was given, and where; and keep both for `config --show`."""
        value, source = super().consume_value(ctx, opts)
        ctx.meta.setdefault(RAW, {})[self.flag] = value, source
        return value, source

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Return what the variable says: a list with commas, true and false as in a file. An empty one says nothing."""
        text = os.environ.get(self.variable, "").strip()
        if not text:
            return None
        if self.flag == "define":
            return [text]  # TOML has commas of its own
        if self.multiple:
            return [part.strip() for part in text.split(",") if part.strip()]
        if not self.is_bool_flag and text.lower() in YES + NO:
            meant = self.means(text.lower() in YES)
            return text if meant is None and text.lower() in YES else meant
        return super().value_from_envvar(ctx)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Name the variable where it is the variable that is wrong."""
        if ctx and self.name and ctx.get_parameter_source(self.name) is ParameterSource.ENVIRONMENT:
            return self.variable
        return self.opts[0]

    def default_text(self) -> str:
        """Return the default for people; nothing where the option is off without a word."""
        if isinstance(self.show_default, str):
            return self.show_default
        return str(self.default) if self.show_default else ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help, with the default in one form everywhere."""
        if self.hidden or not (record := super().get_help_record(ctx)):
            return None
        default = self.default_text()
        return record[0], f"{self.help or ''}{f' (default: {default})' if default else ''}"


def option(group: Group, *declared: str, **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an option of this group."""
    return click.option(*declared, cls=Setting, group=group, **more)
