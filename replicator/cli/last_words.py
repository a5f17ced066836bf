"""What is said of an error: one paragraph, what to do about it, and with --debug the traceback."""

import json
import sys
import textwrap
import traceback

import click

from replicator.cli.findings import findings_as_data, findings_as_lines, remedy_as_lines
from replicator.cli.invocation import Common
from replicator.errors import PreflightFailed
from replicator.events import one_line
from replicator.secrets import of_traceback, without_secrets

WIDTH = 100


def last_words(error: BaseException, code: int, hint: str | None, common: Common) -> None:
    """Write it to stderr."""
    if common.debug:
        click.echo(of_traceback("".join(traceback.format_exception(error))), err=True, nl=False)
    text, hint = one_line(_message(error)), hint and one_line(hint)
    text += "" if text.endswith((".", "!", "?")) else "."
    findings = error.findings if isinstance(error, PreflightFailed) else ()
    if common.output == "json":
        document = {"event": "error", "message": text, "hint": hint, "exit_code": code}
        more = {"findings": findings_as_data(findings)} if findings else {}
        click.echo(json.dumps(document | more), err=True)
        return
    fatal = [finding for finding in findings if finding.fatal]
    if len(fatal) > 1:
        text = f"{len(fatal)} problems block the clone; nothing was written."
    for finding in fatal:
        hint = (hint or "").replace(one_line(finding.remedy), "")  # it stands below, where it can be copied from
    paragraph = " ".join(f"{text} {hint or ''}".split())
    wrapper = textwrap.TextWrapper(WIDTH, initial_indent="replicator: ", break_long_words=False, break_on_hyphens=False)
    click.echo(wrapper.fill(paragraph), err=True)
    below = findings_as_lines(fatal) if len(fatal) > 1 else [line for f in fatal for line in remedy_as_lines(f)]
    click.echo("".join(f"{line}\n" for line in below), err=True, nl=False)


def _message(error: BaseException) -> str:
    if "psycopg" not in sys.modules:  # to load it takes as long as all else, and no server was asked
        return " ".join(without_secrets(str(error) or type(error).__name__).split())
    from replicator.sessions import failures

    return failures.one_line(error)
