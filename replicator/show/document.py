"""What programs read on stdout: one JSON document a command, in the form of schema.json."""

import json
from datetime import UTC, datetime
from typing import Any

SCHEMA = 1
"""Grows when a field goes or changes its meaning; new fields may come at any time."""


def document(command: str, **fields: Any) -> str:
    """Return the document of a command."""
    return as_json({"schema": SCHEMA, "command": command} | fields, indent=2)


def as_json(data: Any, indent: int | None = None) -> str:
    """Return data as JSON, with seconds and the like in thousandths."""
    return json.dumps(_rounded(data), indent=indent, default=str)


def _rounded(data: Any) -> Any:
    match data:
        case float():
            return round(data, 3)
        case dict():
            return {name: _rounded(value) for name, value in data.items()}
        case list() | tuple():
            return [_rounded(value) for value in data]
    return data


def now() -> str:
    """Return the time of an event."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
