"""Copy a PostgreSQL database into another PostgreSQL server: schema, data, verification. No client tools.

    from replicator import Settings, clone

    result = clone(Settings("postgresql://me@old/shop", "postgresql://me@new/shop", jobs=4, verify=True))
    print(result.rows, result.seconds)

`replicator help python` has the whole story.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replicator.all_databases import DatabaseResult as DatabaseResult
    from replicator.all_databases import clone_all as clone_all
    from replicator.all_databases import verify_all as verify_all
    from replicator.checks import Facts as Facts
    from replicator.comparing import Mismatch as Mismatch
    from replicator.errors import Interrupted as Interrupted
    from replicator.errors import ReplicatorError as ReplicatorError
    from replicator.events import Event as Event
    from replicator.journal.run import Status as Status
    from replicator.library import Checked as Checked
    from replicator.library import CheckedPlan as CheckedPlan
    from replicator.library import CopiedTable as CopiedTable
    from replicator.library import Result as Result
    from replicator.library import check as check
    from replicator.library import clean as clean
    from replicator.library import clone as clone
    from replicator.library import plan as plan
    from replicator.library import status as status
    from replicator.library import suggest_masks as suggest_masks
    from replicator.library import validate as validate
    from replicator.library import verify as verify
    from replicator.model import Finding as Finding
    from replicator.model import Format as Format
    from replicator.model import Plan as Plan
    from replicator.model import ReadPoint as ReadPoint
    from replicator.model import Statistics as Statistics
    from replicator.running import Running as Running
    from replicator.runs.choose import Chosen as Chosen
    from replicator.settings import Settings as Settings
    from replicator.shaping.masks.personal import Suggested as Suggested
    from replicator.shaping.masks.personal import Suggestion as Suggestion

__version__ = "0.2.0"

_HOMES = {
    "all_databases": ("DatabaseResult", "clone_all", "verify_all"),
    "checks": ("Facts",),
    "comparing": ("Mismatch",),
    "errors": ("Interrupted", "ReplicatorError"),
    "events": ("Event",),
    "journal.run": ("Status",),
    "library": (
        "Checked", "CheckedPlan", "CopiedTable", "Result",
        "check", "choose", "clean", "clone", "plan", "status", "suggest_masks", "validate",
        "verify",
    ),
    "model": ("Finding", "Format", "Plan", "ReadPoint", "Statistics"),
    "running": ("Running",),
    "runs.choose": ("Chosen",),
    "settings": ("Settings",),
    "shaping.masks.personal": ("Suggested", "Suggestion"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> object:
    """Load what is asked for, and no more: the library takes a fifth of a second to load, `--help` needs none of it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
