"""Hides secrets in texts: passwords, tokens, keys.

Statements are parsed: all options of a user mapping are secret except the user, whatever the foreign data wrapper calls
them; a subscription's connection string is read as libpq reads it. Elsewhere names decide (SECRET_NAME).
Imports only `re`: a command hides its own arguments before it loads anything that takes time.
"""

import re
from collections.abc import Callable

STARS = "***"
KEYS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""Keys of libpq whose values are secret."""
OPEN = ("user", '"user"', "username")
"""The options of a user mapping that are not secret."""

SECRET_NAME = re.compile(
    r"pass|secret|scram|token|credential|(?:access|account|api|private)_?key"
    "|%",  # a key in a URL may be percent-encoded
    re.IGNORECASE,
)
LITERAL = r"""(?:E'(?:[^'\\]|\\.|'')*(?:'|$) | '(?:[^']|'')*(?:'|$))"""
NAME = r"""(?:"(?:[^"]|"")*" | [^\s'",()]+)"""
OPTION = rf"(?:(?:ADD|SET)\s+)?{NAME}\s+{LITERAL}"
STATEMENTS = rf"""
    (?P<connection> SUBSCRIPTION\s+{NAME}\s+CONNECTION\s+ ) (?P<conninfo>{LITERAL})
  | (?P<mapping> USER\s+MAPPING\s+FOR\s+{NAME}\s+SERVER\s+{NAME}\s+ )?
    \b OPTIONS\s*\( (?P<options>{OPTION}(?:,\s*{OPTION})*)
  | (?P<set> \bSET\s+ (?P<setting>{NAME}) \s*(?:\bTO\b|=)\s* ) (?P<value>{LITERAL})
"""
WORDS = r"""
    (?P<before> (?:password|oauth_client_secret|scram_(?:client|server)_key)["']?
                (?: \s*[=:]>?\s* | \s+(?:TO\s+)?(?=E?') )  E?)
    (?: ''(?=[^'\s,)]) (?:[^'\\]|\\.|'(?!'))* (?:''|$)     # doubled quotes, in a statement's string
      | \\'(?:[^'\\]|\\[^'])*(?:\\'|$)
      | '(?:[^'\\]|\\.|'')*(?:'|$)
      | "(?:[^"\\]|\\.)*(?:"|$)
      | (?:\\.|\S)+ )
"""
NEEDED = ("password", "oauth_client_secret", "scram_", "connection", "options", "set ")
"""Every match contains one of these, and looking for them first takes a tenth of the time."""
FLAGS = re.IGNORECASE | re.VERBOSE | re.DOTALL
SECRETS = re.compile(f"{STATEMENTS} | {WORDS}", FLAGS)
ONE_LITERAL = re.compile(LITERAL, FLAGS)
ONE_OPTION = re.compile(rf"(?P<name>{NAME})(?P<between>\s+)(?P<value>{LITERAL})", FLAGS)
PAIR = re.compile(r"(\s*([^\s=]+)\s*=\s*)('(?:[^'\\]|\\.)*'|(?:[^\s\\]|\\.)*)", re.DOTALL)
IN_ADDRESS = re.compile(r"(?<!\S)\S*//\S*")
USER = re.compile(r"//[^\s:/@]*:")
IN_QUERY = re.compile(r"([?&]([^=&]*)=)([^&]*)")
EXCERPT = re.compile(r"^(LINE \d+: \.\.\.)(.*)$", re.MULTILINE)


def without_secrets(text: str) -> str:
    """Return a text with stars in place of possible secrets.

    >>> without_secrets("CREATE USER MAPPING FOR me SERVER s OPTIONS (\\"user\\" 'it', pin '1')")
    'CREATE USER MAPPING FOR me SERVER s OPTIONS ("user" \\'it\\', pin ***)'
    >>> without_secrets("CREATE SUBSCRIPTION s CONNECTION 'password=''a b'' host=x' PUBLICATION p")
    "CREATE SUBSCRIPTION s CONNECTION 'password=*** host=x' PUBLICATION p"
    """
    if "//" in text:
        text = IN_ADDRESS.sub(_address, text)
    lower = text.lower()
    return SECRETS.sub(_masked, text) if any(word in lower for word in NEEDED) else text


def compared(source: str, destination: str) -> str:
    """Show two definitions, without secrets; say so if only their secrets differ."""
    one, other = without_secrets(source), without_secrets(destination)
    if one == other and source != destination:
        return f"{one} on both sides, but with another secret ({STARS})"
    return f"{one} on the source, {other} on the destination"


def of_traceback(text: str) -> str:
    """Return a traceback safe for a terminal and without secrets; of a truncated statement all literals are hidden."""
    shown = without_secrets(EXCERPT.sub(lambda line: line[1] + ONE_LITERAL.sub(STARS, line[2]), text))
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in shown)  # no terminal controls


def _masked(found: re.Match[str]) -> str:
    if found["connection"]:
        return found["connection"] + _in_literal(found["conninfo"], _conninfo)
    if found["set"]:
        return found["set"] + (STARS if SECRET_NAME.search(found["setting"]) else found["value"])
    if found["options"]:
        start = found.start()
        options = ONE_OPTION.sub(lambda one: _option(one, of_mapping=bool(found["mapping"])), found["options"])
        return found[0][: found.start("options") - start] + options
    return f"{found['before']}{STARS}"


def _address(found: re.Match[str]) -> str:
    """Return a word with stars between the user of an address and the last @. Linear in its length."""
    word = found[0]
    user, at = USER.search(word), word.rfind("@")
    return f"{word[: user.end()]}{STARS}{word[at:]}" if user and at >= user.end() else word


def _option(found: re.Match[str], *, of_mapping: bool) -> str:
    name = found["name"]
    secret = name not in OPEN if of_mapping else bool(SECRET_NAME.search(name))
    value = STARS if secret else _in_literal(found["value"], lambda text: IN_QUERY.sub(_pair, without_secrets(text)))
    return f"{name}{found['between']}{value}"


def _in_literal(literal: str, masked: Callable[[str], str]) -> str:
    """Return a literal with the secrets in its value masked; unchanged if there are none."""
    if literal.startswith("'"):
        value = literal[1:].removesuffix("'").replace("''", "'")
    else:
        value = re.sub(r"''|\\(.)", lambda found: found[1] or "'", literal[2:].removesuffix("'"), flags=re.DOTALL)
    shown = masked(value)
    return literal if shown == value else "'" + shown.replace("'", "''") + "'"


def _pair(found: re.Match[str]) -> str:
    return found[1] + (STARS if SECRET_NAME.search(found[2]) else without_secrets(found[3]))


def _conninfo(value: str) -> str:
    if re.match("postgres(ql)?://", value):
        return IN_QUERY.sub(_pair, re.sub("(://[^:/@]*:).*(@)", rf"\1{STARS}\2", value, flags=re.DOTALL))
    if PAIR.sub("", value).strip():
        return STARS  # libpq could not read it
    return PAIR.sub(_pair, value)
