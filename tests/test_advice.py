"""What a message says to do about an unfinished copy is done, word for word, and ends in a complete copy."""

import re
import signal

import pytest

from tests.fix_cli import NEWEST, Process, Result, Run, Start, both, runs
from tests.fix_servers import Database
from tests.test_faults import SCHEMA, SLOW_TABLES

MODES = {
    "plain": (),
    "held": ("--hold-snapshot",),
    "no owners": ("--no-owner", "--no-acl"),
    "data only": ("--data-only", "--truncate"),
    "swap": ("--replace", "swap"),
    "drop": ("--replace", "drop"),
}
HELD = ("held",)


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture
def source(database: Database) -> Database:
    database.run(SLOW_TABLES + SCHEMA)
    return database


def interrupted(start: Start, mode: str, source: Database, destination: Database) -> Result:
    """Leave a run that was ended in the middle of its rows."""
    if mode == "data only":
        destination.run(re.sub("INSERT INTO.*?;|SELECT nextval.*?;|SELECT lo_from.*?;", "", SLOW_TABLES + SCHEMA))
    process: Process = start("clone", "-v", "--jobs", "1", *MODES[mode], *both(source, destination))
    process.says("note: Rows are relayed")
    process.send(signal.SIGTERM)
    result = process.ends()
    assert result.code == 130, result
    return result


def commands(said: str) -> list[list[str]]:
    """Return the commands that a text has, in their order, as words."""
    return [found.split() for found in re.findall(r"`((?:clone|clean)[^`]*)`", " ".join(said.split()))]


def is_copied(source: Database, destination: Database) -> None:
    assert destination.rows("TABLE one ORDER BY a") == source.rows("TABLE one ORDER BY a")
    assert destination.rows("TABLE few ORDER BY a") == source.rows("TABLE few ORDER BY a")
    assert destination.value("SELECT to_regnamespace('replicator')") is None


@pytest.mark.parametrize("mode", MODES)
def test_what_it_says_to_continue_with_works(
    mode: str, start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    result = interrupted(start, mode, source, destination)
    assert re.search(r"The copy is incomplete \(\d+ of \d+ steps done\)\. Continue with", result.said), result
    go_on, *_ = commands(result.err)
    assert ("--resume" if mode in HELD else "--resume=per-table") in go_on
    status = replicator("status", "--destination", destination.dsn)
    assert commands(status.out)[0] == go_on, "the same words in both places"
    assert ("snapshot" in status.out) == (mode in HELD), "locks that stay are mentioned"
    runs(replicator(*go_on, *both(source, destination)))
    is_copied(source, destination)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in HELD])
def test_what_it_says_to_start_over_with_works(
    mode: str, start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    result = interrupted(start, mode, source, destination)
    _, *over = commands(result.err)
    assert over[-1][0] == "clone"
    source.run("UPDATE one SET b = 'later' WHERE a < 9")
    for words in over:
        where = both(source, destination) if words[0] == "clone" else ("--destination", destination.dsn)
        runs(replicator(*words, *where))
    is_copied(source, destination)
