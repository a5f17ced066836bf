"""The pages of help: listed, shown as they are in a pipe, rendered in a terminal."""

import os
import pty

import pytest

from replicator.cli.topics import topics
from tests.fix_cli import Run, environment, refuses

USAGE = 2


def test_each_page_is_listed_with_its_title(replicator: Run) -> None:
    listed = replicator("help").out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in listed] == list(topics())
    for line, text in zip(listed, topics().values(), strict=True):
        assert text.startswith(f"# {line.split(maxsplit=1)[1]}\n")


@pytest.mark.parametrize("name", topics())
def test_a_page_in_a_pipe_is_the_file(name: str, replicator: Run) -> None:
    assert replicator("help", name).out == topics()[name]


def test_a_page_in_a_terminal_is_rendered() -> None:
    output = b""
    pid, terminal = pty.fork()
    if not pid:
        os.execvpe("python", ["python", "-m", "replicator", "help", "performance"], environment())
    try:
        while chunk := os.read(terminal, 65536):
            output += chunk
    except OSError:  # the end, on Linux
        pass
    assert os.waitpid(pid, 0)[1] == 0
    assert topics()["performance"].splitlines()[0].removeprefix("# ") in output.decode()
    assert "# What" not in output.decode()


def test_the_help_of_a_command(replicator: Run) -> None:
    """A page of the same name comes first: `verify`, `config`."""
    assert replicator("help", "clone").out == replicator("clone", "--help").out
    assert replicator("help", "verify").out.startswith("# ")


def test_a_page_that_is_not_there(replicator: Run) -> None:
    refuses(replicator("help", "speed"), USAGE, "There is no page of help about speed.", "performance")
