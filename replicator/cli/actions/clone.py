"""`clone`, and `validate`, which ends what it deferred."""

from typing import Any

from replicator import library
from replicator.cli.chosen import both, checked, one, waiting
from replicator.cli.invocation import Output
from replicator.cli.reported import reported
from replicator.cli.streams import say


def run(output: Output, **given: Any) -> None:
    """Copy."""
    wanted = both(**given)
    with reported(output) as emit:
        result = library.clone(wanted, on_event=emit)
    if output != "json":
        complete = "The copy is complete and verified" if result.verified else "The copy is complete"
        if result.deferred:
            say(result.deferred)
            complete = f"Apart from that, {complete[0].lower()}{complete[1:]}"
        _echo_complete(complete, result)


def run_validate(output: Output, destination: str | None, **given: Any) -> None:
    """Do what was deferred."""
    dsn = one("destination", destination)
    options = checked({name: given[name] for name in ("jobs", "maintenance_work_mem", "retry_seconds")})
    with reported(output) as emit:
        result = library.validate(dsn, **options, **waiting(**given), on_event=emit)
    if output != "json" and result is None:
        say("Nothing was deferred: there is no journal.")
    elif output != "json" and result:
        _echo_complete("The copy is complete", result)


def _echo_complete(complete: str, result: library.Result) -> None:
    """Say that a copy is complete, and what it lacks all the same."""
    left_out = result.left_out
    say("\n".join([f"{complete}, except for what was left out:", *left_out] if left_out else [f"{complete}."]))
