"""What is shown while several databases are copied or compared, and the account of all of them at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from replicator import events, signals
from replicator.all_databases import DatabaseResult
from replicator.cli.ending import ending, ending_as_data, write_document
from replicator.cli.findings import findings_as_lines
from replicator.cli.invocation import Common, Output
from replicator.cli.reported import showing
from replicator.cli.streams import say
from replicator.errors import PreflightFailed, VerificationFailed
from replicator.events import Emit, InDatabase, duration_text, one_line, size_text
from replicator.show.document import SCHEMA
from replicator.show.report import FILE_WIDTH, Report

OnEnd = Callable[[DatabaseResult], None]
Fields = Callable[[DatabaseResult], dict[str, Any]]


class Account:
    """The report and the result of each database. The report without a name is that of roles and tablespaces."""

    def __init__(self, command: str, done: str, fields: Fields | None) -> None:
        self._command = command
        self._done = done
        self._fields = fields
        self.reports = {"": Report()}
        self.results: dict[str, DatabaseResult] = {}

    def add(self, event: events.Event) -> None:
        """Take an event."""
        name, event = (event.database, event.event) if isinstance(event, InDatabase) else ("", event)
        self.reports.setdefault(name, Report()).add(event)

    def end(self, result: DatabaseResult) -> None:
        """Take what became of a database."""
        self.results[result.name] = result
        if isinstance(result.error, VerificationFailed):
            self.reports[result.name].differences = result.error.differences

    def state(self, result: DatabaseResult) -> str:
        """Return what became of a database, in a word or two."""
        if result.error:
            return f"failed ({ending(result.error).code})"
        return "complete before" if result.skipped else self._done if result.equal else "different"

    def as_data(self) -> dict[str, Any]:
        """Return it for programs."""
        results = [self.results[name] for name in sorted(self.results)]
        copied = [each.result for each in results if each.result]
        whole = self.reports[""]
        return {
            "servers": whole.servers,
            "left_out": list(whole.left_out),
            "rows": sum(each.rows for each in copied),
            "bytes": sum(each.bytes for each in copied),
            "databases": [
                {"database": each.name, "state": self.state(each).partition(" (")[0], "document": self._document(each)}
                for each in results
            ],
        }

    def _document(self, result: DatabaseResult) -> dict[str, Any]:
        """Return the document that the command would write for this database alone."""
        report = self.reports[result.name]
        fields = self._fields(result) | {"servers": report.servers} if self._fields else report.to_data()
        about = {"schema": SCHEMA, "command": self._command, "ok": result.equal} | ending_as_data(result.error)
        return {**fields, **about, "exit_code": self._code(result)}

    def _code(self, result: DatabaseResult) -> int:
        return ending(result.error).code if result.error else 0 if result.equal else VerificationFailed.exit_code

    def print(self) -> None:
        """Print it for people: a table, then what is left out, then why databases failed."""
        results = [self.results[name] for name in sorted(self.results)]
        if results:
            terminal = sys.stdout.isatty()
            console = Console(width=None if terminal else FILE_WIDTH, markup=False, highlight=False, emoji=False)
            with console.capture() as capture:
                console.print(self._table(results))
            click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
        for each in ("", *(result.name for result in results)):
            head = f"{one_line(each)}: " if each else ""
            report = self.reports.get(each)
            for text in (*(report.left_out if report else ()), *filter(None, [report.deferred if report else ""])):
                say(one_line(f"{head}{text}"))
        for result in results:
            if result.error:
                message, hint, _ = ending(result.error)
                say(f"{one_line(result.name)}: {message} {hint or ''}".rstrip())
                findings = result.error.findings if isinstance(result.error, PreflightFailed) else ()
                for line in findings_as_lines(f for f in findings if f.fatal and len(findings) > 1):
                    say(line)

    def _table(self, results: list[DatabaseResult]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
        table.add_column("database", overflow="fold")
        table.add_column("state", no_wrap=True)
        for name in ("duration", "rows", "bytes"):
            table.add_column(name, justify="right", no_wrap=True)
        for each in results:
            found = each.result
            table.add_row(
                Text(one_line(each.name)),
                self.state(each),
                duration_text(found.seconds) if found else "",
                f"{found.rows:,}" if found and found.rows else "",
                size_text(found.bytes) if found and found.bytes else "",
                style="red" if each.error or not each.equal else "",
            )
        return table


@contextmanager
def reported(output: Output, done: str, fields: Fields | None = None) -> Iterator[tuple[Emit, OnEnd]]:
    """Show progress on stderr and, at the end, the account of all databases on stdout, whatever becomes of them.

    `done` is what a database is if all went well. `fields` are those of its document; by default, those of a clone.
    """
    common = click.get_current_context().ensure_object(Common)
    account = Account(common.command, done, fields)
    common.servers = account.reports[""].servers
    began = time.monotonic()
    failure: BaseException | None = None
    try:
        with showing(common, output, account.add) as emit:
            yield emit, account.end
    except BaseException as error:
        failure = error
        raise
    finally:
        if output == "json":
            signals.ignore()  # the document says how the command ended
            if account.results:
                write_document(common, failure, seconds=time.monotonic() - began, **account.as_data())
        else:
            account.print()
