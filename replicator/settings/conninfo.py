"""Validate connection strings, without ever showing them."""

import difflib
import re

import psycopg
from psycopg import conninfo, pq

from replicator.errors import UsageError
from replicator.secrets import KEYS

URL = re.compile(r"\s*postgres(?:ql)?://", re.IGNORECASE)
OTHER_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
WRONG_KEY = re.compile(r'invalid (?:connection option|URI query parameter:) "([a-z_]+)"')
MAY_HAVE_PASSWORD = re.compile(r"pass|:[^/]", re.IGNORECASE)
"""Part of a password after an unquoted blank would look like a key."""
ENCODED = "In a URL, write special characters of a password as %40 (@), %2F (/), %3A (:), %3F (?), %23 (#), %25 (%)."

BLANKS = "A value with blanks needs quotes: password='a b'."


def check_conninfo(dsn: str, where: str) -> str:
    """Return the conninfo if libpq can read it. Raises UsageError, which never shows the string itself."""
    try:
        dsn.encode()
        given = conninfo.conninfo_to_dict(dsn)
    except (psycopg.Error, UnicodeError) as error:
        raise _unreadable(dsn, where, str(error)) from None
    # libpq takes the rest of a password for the host, the port or the database, and would show it in its messages.
    if _has_at_beyond_the_user(dsn):
        raise UsageError(f"{where} is a URL with more than one @: libpq would read a part of its password as something"
                         " else.", hint=ENCODED)  # fmt: skip
    if re.search(".@", str(given.get("host", ""))) or not re.fullmatch(r"[\d,]*", str(given.get("port", ""))):
        raise UsageError(f"{where} has an invalid host or port.", hint=ENCODED)
    if any(URL.search(str(value)) for key, value in given.items() if key not in KEYS):
        raise UsageError(f"{where} has a URL as the value of one of its keys.", hint="Give the URL alone.")
    return dsn


def _unreadable(dsn: str, where: str, reason: str) -> UsageError:
    """Return the error for a string that libpq cannot parse, without showing any of its values."""
    if (scheme := OTHER_SCHEME.match(dsn)) and not URL.match(dsn):
        return UsageError(
            f"{where} begins with {scheme[1]}, a scheme that libpq does not know.",
            hint="Write postgresql:// instead, and leave what follows as it is.",
        )
    if key := WRONG_KEY.search(reason):
        known = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
        alike = difflib.get_close_matches(key[1], known, 1)
        if alike or not MAY_HAVE_PASSWORD.search(dsn):
            return UsageError(
                f'{where} has a key that libpq does not know: "{key[1]}".',
                hint=f"Did you mean {alike[0]}?" if alike else None,
            )
    return UsageError(
        f"{where} is neither a URL nor a conninfo string that libpq understands.",
        hint=f"Write postgresql://user@host:5432/database or 'host=… port=… dbname=… user=…'."
        f" {ENCODED if URL.match(dsn) else BLANKS}",
    )


def _has_at_beyond_the_user(dsn: str) -> bool:
    """Tell whether a URL has an @ after the one that libpq takes for the end of user and password."""
    if not (scheme := URL.match(dsn)):
        return False
    rest = dsn[scheme.end() :]
    end = re.search("[@/]", rest)
    return "@" in (rest[end.end() :] if end else rest)


def has_password(dsn: str) -> bool:
    """Tell whether a connection string has a password. An invalid one counts as having one, so it is never shown."""
    try:
        return bool(set(KEYS) & conninfo.conninfo_to_dict(dsn).keys())
    except psycopg.Error:
        return True
