"""The Python API for all databases of a server: see `replicator help all-databases`."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import psycopg

from replicator import library
from replicator.catalog.rules import Rules
from replicator.errors import Interrupted, ReplicatorError, SomeFailed, StepFailed, UsageError
from replicator.events import Emit, InDatabase, counted, listed
from replicator.journal import unfinished
from replicator.library import Result
from replicator.running import Command
from replicator.runs.all_databases import Ended, Patterns, clone_each, verify_each
from replicator.settings import Settings

R = TypeVar("R")
DEFECT = 70
RESUMING = re.compile(r"`clone(?=[^`]* --resume)")
STARTING_OVER = re.compile(r"`clean`, then `clone([^`]*)`")


@dataclass(frozen=True, slots=True)
class DatabaseResult:
    """What became of one database of many."""

    name: str
    result: Result | None = None
    """None if it failed, or if an earlier run had completed it."""
    error: BaseException | None = None

    @property
    def skipped(self) -> bool:
        """Whether an earlier run had completed it."""
        return self.result is None and self.error is None

    @property
    def equal(self) -> bool:
        """Whether it did not fail, and no difference remains."""
        return self.error is None and (self.result is None or self.result.equal)

    @property
    def exit_code(self) -> int:
        """The exit code that a command for this database alone would have had."""
        if isinstance(self.error, ReplicatorError):
            return self.error.exit_code
        return 0 if self.error is None else StepFailed.exit_code if isinstance(self.error, psycopg.Error) else DEFECT


OnEnd = Callable[[DatabaseResult], None]


def _ignore(_: object) -> None:
    pass


@Command
def clone_all(
    settings: Settings,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    roles: bool = True,
    on_event: Emit = _ignore,
    on_end: OnEnd = _ignore,
) -> tuple[DatabaseResult, ...]:
    """Copy all databases of the source's server, with what they share: roles (unless `roles` is False) and tablespaces.

    The databases of `settings` are those to connect to first; without one, `postgres`. `include` and `exclude` are
    patterns of names as in psql. The events are of InDatabase. `on_end` gets each database's result, from any thread.
    Raises SomeFailed, with all results, if any database was not copied.
    """
    _check(settings)
    patterns = Patterns(tuple(include), tuple(exclude))
    with library.watching(_of_servers(on_event), settings.stall_seconds) as emit:
        begun = unfinished.options_of(replace(settings, roles=False, create_tablespaces=False))
        flags = unfinished.command(begun).removeprefix("clone")
        told = _Told(_command("clone", patterns, roles=roles), on_end, flags)
        ended = clone_each(settings, patterns, _action(library.clone), emit, told, roles=roles)
    return told.raise_if_failed(ended, "copied")


@Command
def verify_all(
    settings: Settings,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_event: Emit = _ignore,
    on_end: OnEnd = _ignore,
) -> tuple[DatabaseResult, ...]:
    """Compare all databases of the source's server with those of the destination's. The arguments are as of clone_all.

    Differences do not raise an error, as with `verify`. Raises SomeFailed if any database could not be compared.
    """
    _check(settings)
    patterns = Patterns(tuple(include), tuple(exclude))
    with library.watching(_of_servers(on_event), settings.stall_seconds) as emit:
        told = _Told(_command("verify", patterns), on_end)
        ended = verify_each(settings, patterns, _action(library.verify), emit, told)
    return told.raise_if_failed(ended, "compared")


def _check(settings: Settings) -> None:
    """Raise UsageError for what no database can be copied with, or only one: before a server is waited for."""
    if settings.definition:
        raise UsageError(
            "A definition is for one database: it names that database's tables.",
            hint="Copy that database with a command of its own, and leave it out here with --exclude-database.",
        )
    Rules.of(settings)


def _action(command: Command[..., Result]) -> Callable[[Settings, Emit], Result]:
    return lambda settings, emit: command(settings, on_event=emit)


def _of_servers(emit: Emit) -> Emit:
    """Wrap what is said by the watch, which knows no database."""
    return lambda event: emit(event if isinstance(event, InDatabase) else InDatabase("", event))


def _command(name: str, patterns: Patterns, *, roles: bool = True) -> str:
    """Return the command, without the options of each database's run."""
    given = [f"--{what}-database {shlex.quote(p)}" for what, some in zip(("include", "exclude"), patterns, strict=True)
             for p in some]  # fmt: skip
    return " ".join([name, "--all-databases", *given, *([] if roles else ["--no-roles"])])


class _Told:
    """Hands on each database's result as it ends, with hints that name the command for all databases."""

    def __init__(self, command: str, on_end: OnEnd, flags: str = "") -> None:
        self._command = command
        self._on_end = on_end
        self._resume = f"{command}{flags} --resume"

    def __call__(self, ended: Ended[Result]) -> None:
        if isinstance(ended.error, ReplicatorError) and ended.error.hint:
            if found := RESUMING.search(ended.error.hint):
                way = ended.error.hint[found.start() :].partition("`")[2].partition("`")[0]
                self._resume = max(self._resume, way.replace("clone", self._command, 1), key=len)
            hint = RESUMING.sub(lambda _: f"`{self._command}", ended.error.hint)
            ended.error.hint = STARTING_OVER.sub(self._start_over, hint)
        self._on_end(_result(ended))

    def _start_over(self, found: re.Match[str]) -> str:
        if "--data-only" in found[1]:  # it names --truncate, which is another option than the run's
            return found[0]
        return f"`clean` of this database, then `{self._command}{found[1]} --resume`"

    def raise_if_failed(self, ended: Sequence[Ended[Result]], done: str) -> tuple[DatabaseResult, ...]:
        """Return the results. Raises SomeFailed or Interrupted, with the results."""
        results = tuple(map(_result, ended))
        failed = [result for result in results if result.error]
        if not failed:
            return results
        code = max(result.exit_code for result in failed)
        interrupted = code == Interrupted.exit_code
        names = listed([f'"{result.name}"' for result in failed])
        were = "was" if len(failed) == 1 else "were"
        text = f"{len(failed)} of {counted(len(results), 'database')} {were} not {done}: {names}."
        hint = f"Continue with `{self._resume}`: it skips databases that are complete."
        error = Interrupted(f"Interrupted. {text}") if interrupted else SomeFailed(text)
        error.hint = hint if done == "copied" else None
        error.results = results
        if not interrupted:
            error.exit_code = code
        raise error


def _result(ended: Ended[Result]) -> DatabaseResult:
    return DatabaseResult(ended.name, ended.result, ended.error)
