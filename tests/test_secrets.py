"""No password shows up, however odd it is and however wrongly it was written."""

import contextlib
import io
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replicator import cli
from replicator.cli.options import one
from tests.fix_cli import FOREIGN, Run, closed_port, is_silent_about, refuses

PORT = closed_port()
SHORTEST = 4
OWN_LETTERS = re.compile("[QXZ].*[QXZ]", re.DOTALL)  # by these a piece is known from the program's own words
PASSWORDS = st.text("QXZ127:/?#[]@!$&'()*+,;=%\"\\- .", min_size=SHORTEST, max_size=24)
WRITTEN = {
    "url": ("env", "postgresql://me:{}@127.0.0.1:{port}/db"),
    "short url": ("env", "postgres://me:{}@127.0.0.1:{port}"),
    "key of a url": ("env", "postgresql://127.0.0.1:{port}/db?user=me&password={}"),
    "keywords": ("env", "host=127.0.0.1 port={port} password={} dbname=db"),
    "quoted keywords": ("env", "host=127.0.0.1 port={port} password='{}' dbname=db"),
    "a url as database": ("env", "host=127.0.0.1 port={port} dbname=postgresql://me:{}@127.0.0.1/db"),
    "file": ("file", "[source]\nhost = '127.0.0.1'\nport = {port}\npassword = {}\n"),
    "url in a file": ("file", "[options]\nsource = {}\n"),
    "one argument too many": ("argv", "postgresql://me:{}@127.0.0.1:{port}/db"),
    "keywords as argument": ("argv", "host=127.0.0.1 password={}"),
    "of another flag": ("argv", "--jobs=postgresql://me:{}@127.0.0.1:{port}/db"),
    "as the file": ("argv", "--config=postgresql://me:{}@127.0.0.1:{port}/db"),
    "as a rate": ("argv", "--max-rate=postgresql://me:{}@127.0.0.1:{port}/db"),
}


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Keep what the command changes of its process."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    own = cli.preparation.own_process
    try:
        yield
    finally:
        cli.preparation.own_process = own
        for number, handler in signals.items():
            signal.signal(number, handler)


def shown(arguments: list[str], variables: dict[str, str]) -> str:
    """Run the command in this process and return all that it wrote."""
    out, err = io.StringIO(), io.StringIO()
    surroundings = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)} | variables
    with (
        as_it_was(),
        mock.patch.object(sys, "argv", ["replicator", *arguments]),
        mock.patch.dict(os.environ, surroundings, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert ended.value.code in (1, 2, 4), err.getvalue()
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("flags", [["--output", "plain"], ["--output", "json", "--debug"]])
@settings(max_examples=25, deadline=None)
@given(password=PASSWORDS)
@example(password="QX@ZZ/QXZX")
@example(password="12/QXZX")
@example(password="Q@XZ?sslmode=ZXQZ")
@example(password="1/Q?user=XZQX")
@example(password="XQ%ZZQX")
@example(password="XQ' ZZQX='X")
@example(password="XQ ZZQX")
def test_no_piece_of_a_password_shows(how: str, flags: list[str], password: str) -> None:
    where, pattern = WRITTEN[how]
    arguments = ["clone", "--wait-attempts", "1", "--destination", f"host=127.0.0.1 port={PORT}", *flags]
    variables = {}
    with tempfile.TemporaryDirectory() as folder:
        if where == "file":
            path = Path(folder) / "replicator.toml"
            value = f"postgresql://me:{password}@127.0.0.1:{PORT}/db" if "url" in how else password
            path.write_text(pattern.format(json.dumps(value), port=PORT))
            arguments += ["--config", str(path)]
        elif where == "env":
            variables["REPLICATOR_SOURCE"] = pattern.format(password, port=PORT)
        else:
            arguments.append(pattern.format(password, port=PORT))
        text = shown(arguments, variables)
    for written in (password, quote(password)):
        for start in range(len(written) - SHORTEST + 1):
            piece = written[start : start + SHORTEST]
            if OWN_LETTERS.search(piece):
                assert piece not in text, text


def test_a_password_that_a_url_cannot_hold_is_refused_once(replicator: Run) -> None:
    result = replicator("probe", "--source", "postgresql://me:p@ss/word@127.0.0.1:1/db")
    refuses(result, 2, "an @ too many", "%40", "%2F")
    assert "waiting" not in result.err
    is_silent_about("word@", result.out, result.err)


@pytest.mark.parametrize("password", ["p@ss/w:o?r#d%", "a b'c\\", "ü€"])
def test_a_password_that_is_encoded_is_taken(password: str) -> None:
    one("source", f"postgresql://me:{quote(password, safe='')}@127.0.0.1/db")
