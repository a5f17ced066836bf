"""Findings end a run before it writes anything, if one of them is fatal."""

from collections.abc import Iterable, Sequence

from replicator.errors import PreflightFailed
from replicator.model import Finding


def once(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, of those about one object with the same remedy only the first."""
    first: dict[object, Finding] = {}
    for finding in findings:
        first.setdefault((finding.object, finding.run, finding.server) if finding.run else finding, finding)
    return list(first.values())


def refuse(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return the findings. Raises PreflightFailed, with all of them, if one is fatal."""
    findings = tuple(findings)
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        remedies = dict.fromkeys(finding.remedy for finding in fatal if finding.remedy)
        raise PreflightFailed(" ".join(f.text for f in fatal), hint=" ".join(remedies), findings=findings)
    return findings
