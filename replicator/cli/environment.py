"""The variables: each option has one, and any other of that prefix is a mistake that nobody would notice."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from replicator.cli.mask_key import VARIABLE
from replicator.errors import UsageError

PREFIX = "REPLICATOR_"
OF_OTHERS = re.compile(
    r"REPLICATOR_(?:TEST|FUZZ|BENCH)_"  # the tests and the benchmarks of this project
    r"|REPLICATOR_SERVICE_|REPLICATOR_PORT(?:_|$)"  # Kubernetes sets these for a service named replicator
)


def check(environment: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise UsageError for a variable that no option has."""
    names = {*known, VARIABLE}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in names)
    if wrong := [name for name in unknown if not OF_OTHERS.match(name)]:
        alike = get_close_matches(wrong[0], names, 1)
        hint = f"Did you mean {alike[0]}?" if alike else "--help lists the options: --jobs is REPLICATOR_JOBS."
        raise UsageError(f"There is no variable {wrong[0]}.", hint=hint)
