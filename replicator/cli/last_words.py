"""What is said of an error: one paragraph, what to do about it, and with --debug the traceback."""

import json
import sys
import textwrap
import traceback

import click

from replicator.cli.ending import ending
from replicator.cli.findings import findings_as_lines, remedy_as_lines
from replicator.cli.invocation import Common
from replicator.cli.streams import say
from replicator.errors import Interrupted, PreflightFailed
from replicator.events import one_line
from replicator.secrets import of_traceback
from replicator.show.document import now
from replicator.show.folding import width_of

WIDTH = 100


def last_words(error: BaseException, common: Common) -> None:
    """Write it to stderr."""
    if common.debug:
        trace = of_traceback("".join(traceback.format_exception(error)))
        if common.as_json:
            from replicator.show.lines import log_event

            trace = log_event("ERROR", "replicator", trace) + "\n"
        click.echo(trace, err=True, nl=False)
    text, hint, code = ending(error)
    if common.as_json:
        said = {"message": text, "hint": hint, "exit_code": code}
        click.echo(json.dumps({"event": "error", "time": now(), **said}), err=True)
        return
    if code == Interrupted.exit_code and sys.stderr.isatty():
        click.echo(err=True)  # where the terminal wrote ^C
    findings = error.findings if isinstance(error, PreflightFailed) else ()
    fatal = [finding for finding in findings if finding.fatal]
    if len(fatal) > 1:
        text = f"{len(fatal)} problems block the clone; nothing was written."
    for finding in fatal:
        hint = (hint or "").replace(one_line(finding.remedy), "")  # it stands below, where it can be copied from
    paragraph = " ".join(f"{text} {hint or ''}".split())
    width = min(WIDTH, width_of(sys.stderr) or WIDTH)
    wrapper = textwrap.TextWrapper(width, initial_indent="replicator: ", break_long_words=False, break_on_hyphens=False)
    click.echo(wrapper.fill(paragraph), err=True)
    below = findings_as_lines(fatal) if len(fatal) > 1 else [line for f in fatal for line in remedy_as_lines(f)]
    for line in below:
        say(line, err=True)
