"""What a command chose that its end needs to know, whatever that end is."""

from dataclasses import dataclass, field
from typing import Any, Literal

import click

Output = Literal["auto", "plain", "json"]


@dataclass(slots=True)
class Common:
    """click hands it on as `obj`."""

    command: str = ""
    output: Output = "auto"
    verbose: bool = False
    debug: bool = False
    notes: list[str] = field(default_factory=list)
    """What to report as soon as there is somebody to tell."""


def remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep an option's value where the end of the command finds it."""
    setattr(context.ensure_object(Common), str(parameter.name), value)
    return value
