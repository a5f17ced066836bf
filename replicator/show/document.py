"""What programs read on stdout: one JSON document a command, in the form of schema.json."""

import json
from datetime import UTC, datetime
from typing import Any

SCHEMA = 1
"""Grows when a field goes or changes its meaning; new fields may come at any time."""


def document(command: str, **fields: Any) -> str:
    """Return the document of a command."""
    return json.dumps({"schema": SCHEMA, "command": command} | fields, indent=2, default=str)


def now() -> str:
    """Return the time of an event."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
