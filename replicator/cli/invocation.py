"""What a command chose that its end needs to know, whatever that end is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import click

from replicator.errors import UsageError

if TYPE_CHECKING:
    from replicator.settings.definition import DefinitionError

Output = Literal["auto", "plain", "json"]


class Located(Protocol):
    """A file with a definition, which knows the lines of its mistakes."""

    def definition(self) -> dict[str, object]:
        """Return what it says."""
        ...

    def located(self, error: "DefinitionError") -> UsageError:
        """Return an error that says where in the file the mistake is."""
        ...


@dataclass(slots=True)
class Common:
    """click hands it on as `obj`."""

    command: str = ""
    output: Output = "auto"
    verbose: bool = False
    debug: bool = False
    asked_json: bool = False
    """Arguments or environment ask for JSON: known even if they cannot be understood otherwise."""
    documented: bool = False
    """The command wrote its document, or another result that is no JSON: nothing else may be on stdout."""
    servers: Mapping[str, Any] = field(default_factory=dict)
    """The servers that answered, as the report has them."""
    defined: Located | None = None
    """The file that has the definition."""
    notes: list[str] = field(default_factory=list)
    """What to report as soon as there is somebody to tell."""

    @property
    def as_json(self) -> bool:
        """Whether both streams are for programs."""
        return self.asked_json or self.output == "json"


def remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep an option's value where the end of the command finds it."""
    setattr(context.ensure_object(Common), str(parameter.name), value)
    return value
