"""The process list shows every argument to everybody: a secret leaves it before anything that takes time is loaded."""

import os
import re
import sys

from replicator.secrets import KEYS, STARS

ENVIRONMENT = {"--source": "REPLICATOR_SOURCE", "--destination": "REPLICATOR_DESTINATION"}
MAY_BE_SECRET = re.compile(
    r"pass|secret|scram|\?.*%"
    r"|://[^@]*:(?:.*@|(?!\d*(?:[/?,]|$)))",  # what follows a colon is neither the port nor a list of them
    re.IGNORECASE | re.DOTALL,
)
"""Of a connection string: libpq, which would know, is not loaded yet, and to start anew costs little."""
ANYWHERE = re.compile(rf"(?:^|\s)(?:postgres(?:ql)?://|(?:{'|'.join(KEYS)})\s*=)", re.IGNORECASE)
"""Connection strings where none belongs: with a wrong flag, or without one."""


def hide_secrets() -> None:
    """Start anew, if any argument may be secret: with connection strings in variables, which others cannot see."""
    if os.name == "posix" and (shown := hide(sys.argv[1:])):
        arguments, moved = shown
        python = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
        os.execve(sys.executable, [*python, *arguments], {**os.environ, **moved})


def hide(arguments: list[str]) -> tuple[list[str], dict[str, str]] | None:
    """Return arguments that anybody may see, and variables for the rest; None where nothing may be secret.

    What looks like a connection string in any other place has stars instead: it will be refused.

    >>> hide(["probe", "--source", "postgresql://me:x@db/shop"])
    (['probe'], {'REPLICATOR_SOURCE': 'postgresql://me:x@db/shop'})
    >>> hide(["probe", "postgresql://me:x@db/shop"])
    (['probe', '***'], {})
    """
    kept: list[str] = []
    named: dict[str, str] = {}
    found = False
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in ENVIRONMENT:
            named[flag] = value if equals else next(words, "")  # the last one counts
            found = found or bool(MAY_BE_SECRET.search(named[flag]))
            continue
        value = value if flag.startswith("-") and equals else word
        misplaced = ANYWHERE.search(value) and MAY_BE_SECRET.search(value)
        found = found or bool(misplaced)
        kept.append(word.removesuffix(value) + STARS if misplaced else word)
    if not found:
        return None
    kept += [f"{flag}={value}" for flag, value in named.items() if not value]  # which a variable cannot say
    return kept, {ENVIRONMENT[flag]: value for flag, value in named.items() if value}
