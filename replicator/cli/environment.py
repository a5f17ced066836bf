"""The variables: each option has one, and any other of that prefix is a mistake that nobody would notice."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from replicator.errors import UsageError

PREFIX = "REPLICATOR_"
OF_OTHERS = re.compile(
    r"REPLICATOR_(?:TEST|FUZZ|BENCH)_"  # the tests and the benchmarks of this project
    r"|REPLICATOR_SERVICE_|REPLICATOR_PORT(?:_|$)"  # Kubernetes sets these for a service named replicator
)


def asks_for_json(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Tell whether a command line wants JSON, even if the rest of it cannot be understood. A flag wins over a variable.

    >>> asks_for_json(["clone", "--output", "json", "--nonsense"], {})
    True
    >>> asks_for_json(["--output=plain"], {"REPLICATOR_OUTPUT": "json"})
    False
    """
    if "--json" in arguments:
        return True
    given = [value for word, value in pairwise(arguments) if word == "--output"]
    given += [word.removeprefix("--output=") for word in arguments if word.startswith("--output=")]
    if given:
        return "json" in given
    switch = environment.get(f"{PREFIX}JSON", "").strip().lower()
    return environment.get(f"{PREFIX}OUTPUT", "").strip() == "json" or switch in ("1", "true", "yes", "on")


def check(environment: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise UsageError for a variable that no option has."""
    names = {*known}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in names)
    if wrong := [name for name in unknown if not OF_OTHERS.match(name)]:
        alike = get_close_matches(wrong[0], names, 1)
        hint = f"Did you mean {alike[0]}?" if alike else "--help lists the options: --jobs is REPLICATOR_JOBS."
        raise UsageError(f"There is no variable {wrong[0]}.", hint=hint)
