"""Settings that freeze a database for a move, and would freeze its copy, too."""

import re
from collections.abc import Iterable, Sequence

from replicator.model import Finding
from replicator.settings import Content

SETTINGS = ("limit", "setting")
"""The kinds of properties of a database that are settings."""
OFF = re.compile(r"f|fa|fal|fals|false|n|no|of|off|0", re.IGNORECASE)
"""Values that a server reads as false. Reference: bool.c parse_bool_with_len."""
READ_ONLY = re.compile(r" default_transaction_read_only TO '(.*)'")


def freezes(statements: Sequence[str] | None) -> bool:
    """Return whether statements about a database prevent others from connecting to it, or from writing.

    >>> freezes(["ALTER DATABASE d CONNECTION LIMIT 0"]), freezes(["ALTER DATABASE d CONNECTION LIMIT 20"])
    (True, False)
    >>> freezes(["ALTER ROLE r IN DATABASE d SET default_transaction_read_only TO 'true'"])
    True
    """
    return any(
        statement.endswith(" CONNECTION LIMIT 0")
        or bool((found := READ_ONLY.search(statement)) and not OFF.fullmatch(found[1]))
        for statement in statements or ()
    )


def is_copied(part: str, statements: Sequence[str], content: Content) -> bool:
    """Return whether a property of a database is copied, if it is a setting."""
    if part not in SETTINGS:
        return True
    return content.database_settings and not content.partial and not (content.thaw and freezes(statements))


def findings(properties: Iterable[tuple[str, Sequence[str]]], content: Content) -> Iterable[Finding]:
    """Yield a note if the source is frozen; `properties` are the names and statements of its properties."""
    names = ", ".join(name for name, statements in properties if freezes(statements))
    if not names or not content.database_settings or content.partial:
        return
    if content.thaw:
        yield Finding(f"Not copied (--thaw), since it freezes the source: {names}.", fatal=False)
    else:
        yield Finding(
            f"The source is frozen, so the copy will be, too: {names}.",
            "--thaw leaves that out, --no-database-settings all settings of the database.",
            fatal=False,
        )
