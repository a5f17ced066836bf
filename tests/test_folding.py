"""On a terminal, lines are folded between words; elsewhere they stay whole."""

import fcntl
import os
import struct
import subprocess
import termios

import pytest

from replicator.show.folding import columns, folded
from tests.fix_cli import COMMAND, NEWEST, Run, both, environment
from tests.fix_servers import Database


@pytest.fixture
def major() -> int:
    return NEWEST


def on_a_terminal(width: int, *arguments: str) -> list[str]:
    """Return the lines that a command writes to a terminal of this width, on both streams."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment()
    )
    os.close(theirs)
    written = b""
    try:
        while some := os.read(ours, 65536):
            written += some
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    process.wait()
    return written.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_are_not_broken(width: int, database: Database, destination: Database, replicator: Run) -> None:
    """Nor is anything lost: the words are those that a file gets."""
    database.run("CREATE TABLE a_table_with_a_name (a int, b int); CREATE INDEX ON a_table_with_a_name (b)")
    destination.run("CREATE TABLE in_the_way (); CREATE TABLE one_more_that_is_in_the_way ()")
    pair = (*both(database, destination), "--output", "plain")
    commands = [
        ("check", *pair),
        ("clone", *pair),
        ("verify", *pair),
        ("plan", "--source", database.dsn, "--output", "plain"),
        ("status", "--destination", destination.dsn, "--output", "plain"),
        ("clone", "--replace", "swap", "--defer-indexes", *pair),
    ]
    for command in commands:
        lines = on_a_terminal(width, *command)
        # A word that is longer than a line stays whole: the terminal breaks it.
        assert not [line for line in lines if columns(line) > width and len(line.split()) > 1], command
        whole = replicator(*command)
        untimed = [word for word in (whole.err + whole.out).split() if not word[0].isdigit()]
        assert sorted(w for w in " ".join(lines).split() if not w[0].isdigit()) == sorted(untimed), command


def test_quoted_text_is_not_broken() -> None:
    line = "    run: COMMENT ON TABLE it IS 'a text of several words'; It's done."
    assert folded(line, 40).splitlines() == [
        "    run: COMMENT ON TABLE it IS",
        "        'a text of several words'; It's",
        "        done.",
    ]


def test_wide_letters_count_twice() -> None:
    assert columns("表") == 2
    assert folded("note: 表表 表表", 11).splitlines() == ["note: 表表", "    表表"]
