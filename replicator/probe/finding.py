"""What a check finds: something in the way of a clone, or worth knowing."""

from collections.abc import Iterable
from dataclasses import dataclass

from replicator.errors import PreflightFailed


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the way of a clone, or worth knowing. `hint` says what to do."""

    text: str
    hint: str
    fatal: bool = True


def refuse(findings: Iterable[Finding]) -> None:
    """Raise PreflightFailed if one of the findings is fatal."""
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        raise PreflightFailed(" ".join(f.text for f in fatal), hint=" ".join(f.hint for f in fatal if f.hint))
