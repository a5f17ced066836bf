"""What stands in the way ends a run before it begins."""

from collections.abc import Iterable, Sequence

from replicator.errors import PreflightFailed
from replicator.model import Finding


def refuse(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return the findings. Raises PreflightFailed, with all of them, if one is fatal."""
    findings = tuple(findings)
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        remedies = dict.fromkeys(finding.remedy for finding in fatal if finding.remedy)
        raise PreflightFailed(" ".join(f.text for f in fatal), hint=" ".join(remedies), findings=findings)
    return findings
