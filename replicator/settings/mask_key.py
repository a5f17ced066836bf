"""The key of the masks: checked here, and sent to the source only as settings in the startup packet of a session.

A statement or a parameter would be in the server's log and statistics; these settings are in neither, and only the
session itself can read them. They are the two blocks that HMAC-SHA256 begins with, so that SQL need not make them.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256

from replicator.errors import UsageError

INNER, OUTER = "replicator.mask_inner", "replicator.mask_outer"
FEWEST_CHARACTERS = 32
FEWEST_DIFFERENT = 8
MAKE_ONE = (
    "Give the key of earlier copies, or make the first one:"
    " (umask 077; set -C; python3 -c 'import secrets; print(secrets.token_hex(32))' > mask.key)"
)
"""With set -C, a shell does not overwrite the key that is there."""


def check_key(key: str) -> None:
    """Raise UsageError if a key can be guessed: whoever guesses it finds the values behind masks by trying them."""
    if len(key) < FEWEST_CHARACTERS or len(set(key)) < FEWEST_DIFFERENT:
        raise UsageError(
            f"`mask_key` is too weak: {FEWEST_CHARACTERS} characters or more are needed, at random.", hint=MAKE_ONE
        )


def startup(key: str) -> Mapping[str, str]:
    """Return the settings that give a session the key."""
    secret = key.encode()
    block = (sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    return {name: bytes(b ^ pad for b in block).hex() for name, pad in ((INNER, 0x36), (OUTER, 0x5C))}


def fingerprint(key: str | None) -> str:
    """Return what tells this key from others, and does not show it; "" without a key."""
    return hmac.new(key.encode(), b"replicator: which mask key", sha256).hexdigest()[:16] if key else ""
