"""Findings, for people and for programs."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from replicator import events
from replicator.errors import PreflightFailed
from replicator.model import Finding


def findings_as_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield each finding and, on the line below it, what to do; what is in the way first."""
    ordered = sorted(findings, key=lambda finding: not finding.fatal)
    for f, after in zip_longest(ordered, ordered[1:]):
        yield events.one_line(f"  {'problem' if f.fatal else 'note'}: {f.text}")
        if f.run or not after or f.remedy != after.remedy:  # what helps against several things is said after the last
            yield from remedy_as_lines(f)


def blocked_by(findings: Iterable[Finding], what: str) -> PreflightFailed | None:
    """Return the error to raise once all findings are shown, if something blocks a clone; `what`: "a clone"."""
    blocking = sum(finding.fatal for finding in findings)
    problems = "1 problem blocks" if blocking == 1 else f"{blocking} problems block"
    return PreflightFailed(f"{problems} {what}; see above.") if blocking else None


def nothing_found(*, untried: bool) -> str:
    """Return the last line if nothing blocks a clone. It says so if not all of the schema was tried."""
    if untried:
        return "Nothing found so far, but not all of the schema was tried on the destination: see the notes."
    return "Nothing stands in the way."


def remedy_as_lines(f: Finding) -> Iterator[str]:
    """Yield the line that says what to do; statements are not broken, so that they can be copied from it."""
    if f.run:
        yield events.one_line(f"    run on the {f.server}: {f.run}") + (f" {f.hint}" if f.hint else "")
    elif f.hint:
        yield f"    {f.hint}"


def findings_as_data(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return findings for programs."""
    return [
        {"severity": "fatal" if f.fatal else "note", **{k: v for k, v in plain(f).items() if k != "fatal"}}
        for f in findings
    ]


def plain(record: Any) -> dict[str, Any]:
    """Return a record with slots as a dictionary."""
    return {name: getattr(record, name) for name in record.__slots__}
