"""Where the key of the masks comes from: a file, or a variable. It is no argument, which other users could see."""

import os
from pathlib import Path
from typing import Any

import click

from replicator.cli.invocation import Common
from replicator.cli.parameters import Group, option
from replicator.errors import UsageError

VARIABLE = "REPLICATOR_MASK_KEY"
"""The variable that has the key, unless another one is named."""


def _read(context: click.Context, parameter: click.Parameter, path: Path | None) -> str | None:
    """Return the key in a file, without blanks around it."""
    if path is None:
        return None
    try:
        key = path.read_text("utf-8").strip()
        shared = os.name == "posix" and path.stat().st_mode & 0o077
    except OSError as error:
        from replicator.settings.mask_key import FEWEST_CHARACTERS

        # A long name without a suffix may be the key itself.
        named = path if len(path.name) < FEWEST_CHARACTERS or path.suffix else "the file that --mask-key-file names"
        raise UsageError(f"Cannot read the key in {named}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The key in {path} is no text.") from None
    if shared:
        context.ensure_object(Common).notes.append(
            f"Other users can read {path}, which has a key. Run: chmod 600 {path}"
        )
    return key


def chosen(key: str | None, variable: str | None) -> str | None:
    """Return the key of the file, or that of the variable. Raises UsageError if a named variable is not set."""
    if key is not None or variable is None:
        return key
    found = os.environ.get(variable, "").strip()
    if not found and variable != VARIABLE:
        raise UsageError(f"The variable {variable}, which --mask-key-env names, is not set.")
    return found or None


def _option(*declared: str, **more: Any) -> Any:
    return option(Group.OBJECTS, *declared, **more)


KEY = (
    _option(
        "--mask-key-file",
        "mask_key",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=_read,
        help="The key of the masks in the definition, in a file. See `replicator help mask`.",
    ),
    _option(
        "--mask-key-env",
        metavar="NAME",
        default=VARIABLE,
        show_default=True,
        help="The variable that has the key, without --mask-key-file.",
    ),
)
REVIEW = _option(
    "--require-mask-review",
    is_flag=True,
    help='Refuse while columns look personal that the definition neither masks nor calls "plain".',
)
LARGE_OBJECTS = _option(
    "--unmasked-large-objects",
    is_flag=True,
    help="Copy large objects although values are masked: they may hold anything.",
)
MASKING = (*KEY, REVIEW, LARGE_OBJECTS)
