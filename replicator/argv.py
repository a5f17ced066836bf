"""What is done with arguments before anything that takes time is loaded.

The process list shows them to everybody: a secret leaves it. And they tell whether JSON is wanted, whatever happens.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

from replicator import signals
from replicator.secrets import STARS

HIDDEN = "_REPLICATOR_ARGUMENT_"
"""A variable of this name and a number holds that argument, which others see as stars."""
MAY_BE_SECRET = re.compile(
    r"pass|secret|scram|\?.*%"
    r"|://[^@]*:(?:.*@|(?!\d*(?:[/?,]|$)))",  # what follows a colon is neither the port nor a list of them
    re.IGNORECASE | re.DOTALL,
)
"""Of a connection string: libpq, which would know, is not loaded yet, and to start again costs little."""


def hide_secrets() -> None:
    """Start again if any argument may be secret, with these arguments in variables; then put them back."""
    if moved := [name for name in os.environ if name.startswith(HIDDEN)]:
        for name in moved:
            sys.argv[int(name.removeprefix(HIDDEN))] = os.environ.pop(name)  # this list is not what others see
        signals.unblock()
    elif os.name == "posix" and (hidden := hide(sys.argv[1:])):
        arguments, variables = hidden
        python = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
        signals.block()  # until the new one can handle them
        os.execve(sys.executable, [*python, *arguments], {**os.environ, **variables})


def hide(arguments: list[str]) -> tuple[list[str], dict[str, str]] | None:
    """Return arguments that anybody may see, and variables for the rest; None where nothing may be secret.

    >>> hide(["check", "--source=postgresql://me:x@db/shop", "-v"])
    (['check', '--source=***', '-v'], {'_REPLICATOR_ARGUMENT_2': '--source=postgresql://me:x@db/shop'})
    """
    shown: list[str] = []
    variables: dict[str, str] = {}
    for number, word in enumerate(arguments, 1):
        flag, equals, value = word.partition("=")
        of_flag = flag.startswith("--") and bool(equals)
        if MAY_BE_SECRET.search(value if of_flag else word):
            variables[f"{HIDDEN}{number}"] = word
            word = f"{flag}={STARS}" if of_flag else STARS
        shown.append(word)
    return (shown, variables) if variables else None


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
    switch = environment.get("REPLICATOR_JSON", "").strip().lower()
    return environment.get("REPLICATOR_OUTPUT", "").strip() == "json" or switch in ("1", "true", "yes", "on")


def command_for_json() -> str | None:
    """Return the command that is to write JSON; None if it is not. Empty: it is not the first word."""
    first = next(iter(sys.argv[1:]), "")
    return (first if first.isalpha() else "") if asks_for_json(sys.argv[1:], os.environ) else None
