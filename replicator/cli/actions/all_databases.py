"""`clone --all-databases` and `verify --all-databases`."""

import sys
from typing import Any

from rich.console import Console

from replicator.all_databases import DatabaseResult, clone_all, verify_all
from replicator.cli.chosen import both
from replicator.cli.differences import difference_as_data
from replicator.cli.invocation import Output
from replicator.cli.several import reported
from replicator.cli.streams import say
from replicator.errors import Interrupted, SomeFailed, UsageError, VerificationFailed
from replicator.events import one_line
from replicator.settings import Settings

OWN = ("include_database", "exclude_database", "no_roles")
"""The options that are for --all-databases only."""


def wanted(given: dict[str, Any]) -> bool:
    """Tell whether all databases are wanted; if not, take these options out. Raises UsageError."""
    if given["all_databases"]:
        return True
    del given["all_databases"]
    for name in OWN:
        if given.pop(name, None):
            raise UsageError(f"--{name.replace('_', '-')} needs --all-databases.")
    return False


def run(output: Output, **given: Any) -> None:
    """Copy all databases."""
    settings, patterns, no_roles = _settings(given)
    with reported(output, "copied") as (emit, end):
        clone_all(settings, **patterns, roles=not no_roles, on_event=emit, on_end=end)


def run_verify(script: bool, output: Output, **given: Any) -> None:
    """Compare all databases."""
    if script:
        raise UsageError("--sql and --all-databases exclude each other: a script is for one database.")
    settings, patterns, _ = _settings(given)
    with reported(output, "compared", _differences) as (emit, end):
        failure: SomeFailed | Interrupted | None = None
        try:
            results = verify_all(settings, **patterns, on_event=emit, on_end=end)
        except (SomeFailed, Interrupted) as error:
            failure, results = error, tuple(error.results)
        if output != "json":
            _show(results, settings.show_rows, coloured=output == "auto")
        different = [each.name for each in results if not each.error and not each.equal]
        if failure:
            failure.exit_code = max(failure.exit_code, VerificationFailed.exit_code if different else 0)
            raise failure
        if different:
            names = ", ".join(f'"{name}"' for name in different)
            found = VerificationFailed(different, names=different)
            found.args = (f"Databases differ from those of the source: {names}.",)
            raise found


def _settings(given: dict[str, Any]) -> tuple[Settings, dict[str, Any], bool]:
    """Return the settings, the patterns, and whether no roles are wanted."""
    include, exclude, no_roles = (given.pop(name, None) for name in OWN)
    del given["all_databases"]
    for name in ("create", "roles", "create_tablespaces"):  # all of them are meant anyway
        given.pop(name, None)
    return both(**given), {"include": include, "exclude": exclude}, bool(no_roles)


def _differences(result: DatabaseResult) -> dict[str, Any]:
    """Return what the document of one database's comparison has besides its end."""
    return {"differences": list(map(difference_as_data, result.result.differences if result.result else ()))}


def _show(results: tuple[DatabaseResult, ...], rows: int, *, coloured: bool) -> None:
    coloured = coloured and sys.stdout.isatty() and not Console().no_color
    for each in results:
        for mismatch in each.result.differences if each.result else ():
            for line in mismatch.lines(rows, coloured=coloured):
                say(f"{one_line(each.name)}: {line}", color=coloured or None)
