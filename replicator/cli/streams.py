"""stdout and stderr that stop no command: what cannot be written is lost, and that is remembered.

A pipe whose reader has gone, a disk that is full and a terminal that was closed say nothing about a copy under way.
"""

import errno
import io
import os
import sys
from typing import Any

import click

from replicator.show.folding import fitting

STDOUT, STDERR = 1, 2


class Lossy(io.FileIO):
    """A file that takes everything: from its first error on, it leads nowhere."""

    error: OSError | None = None
    missing = False
    """It was closed before the command began."""

    def write(self, data: Any, /) -> int:
        """Write some of it, or lose all of it."""
        if self.missing:
            self.error = OSError(errno.EBADF, os.strerror(errno.EBADF))
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


def take_over() -> Lossy:
    """Make sys.stdout and sys.stderr lossy; one that is closed leads nowhere. Returns the file behind stdout."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass  # it was closed, and the next connection to a server would have had its number
    os.close(number)
    out, err = (Lossy(number, "w", closefd=False) for number in (STDOUT, STDERR))
    out.missing = sys.stdout is None
    sys.stdout, sys.stderr = _text(out, sys.stdout), _text(err, sys.stderr)
    return out


def say(text: str, *, err: bool = False, color: bool | None = None) -> None:
    """Write lines for people; on a terminal, as they fit."""
    click.echo(fitting(text, sys.stderr if err else sys.stdout), err=err, color=color)


def _text(file: Lossy, before: Any) -> io.TextIOWrapper:
    """Return a stream into a file, of the same encoding as the one before; None is one that was closed.

    A name with letters that the encoding lacks is written with their numbers.
    """
    encoding, errors, by_line = (
        (before.encoding, before.errors, before.line_buffering) if before else ("utf-8", "backslashreplace", True)
    )
    errors = "backslashreplace" if errors == "strict" else errors
    return io.TextIOWrapper(io.BufferedWriter(file), encoding=encoding, errors=errors, line_buffering=by_line)
