"""The contenders: what each one runs, and the rounds in which they take turns."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.database import Pair, difference, fingerprint
from benchmarks.measure import Failed, Usage, run
from benchmarks.results import Runs

ROOT = Path(__file__).parents[1]
REPLICATOR = [sys.executable, "-m", "replicator"]
Run = Callable[[Path], Usage]
"""Does the work once, in an empty folder of its own. Raises Failed."""


@dataclass(frozen=True, slots=True)
class Tools:
    """How commands run: with these clients first in PATH, and with this replicator."""

    client_bin: Path
    root: Path = ROOT
    """The folder of the replicator to run."""

    def environment(self) -> dict[str, str]:
        """Return the environment for all runs, without the caller's settings for any contender.

        Modules are compiled once, as where the program is installed: else that is 0.8 s of each run.
        """
        others = ("PG", "REPLICATOR_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        return {**kept, "PATH": f"{self.client_bin}:{os.environ['PATH']}", "PYTHONPATH": str(self.root)}

    def command(self, words: list[str]) -> Run:
        """Return the run of a command."""
        return partial(run, words, environment=self.environment())

    def at(self, root: Path) -> "Tools":
        """Return the same with another replicator."""
        return replace(self, root=root)

    def script(self, text: str) -> Run:
        """Return the run of a shell script."""
        return self.command(["bash", "-e", "-o", "pipefail", "-c", text])


def our_clones(
    pair: Pair, tools: Tools, jobs: int, *, also: tuple[str, ...], tls: bool, earlier: Mapping[str, Path]
) -> dict[str, Run]:
    """Return replicator's whole clones, by name: of this version, of earlier commits, and with further options."""
    clone = [*REPLICATOR, "clone", "--jobs", str(jobs), "--output", "plain"]
    first, *others = [(name, [*clone, *options]) for name, options in _variants(pair, also, tls=tls).items()]
    runs = {first[0]: tools.command(first[1])}
    runs |= {f"replicator {commit}": tools.at(root).command(first[1]) for commit, root in earlier.items()}
    return runs | {name: tools.command(command) for name, command in others}


@contextmanager
def checked_out(commits: Iterable[str]) -> Iterator[dict[str, Path]]:
    """Check out commits of this repository, each into a folder of its own. Raises RuntimeError."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replicator-commits-", dir="/var/tmp")))
        roots = {commit: folder / commit.replace("/", "-") for commit in commits}
        for commit, root in roots.items():
            git = ["git", "-C", str(ROOT), "worktree"]
            done = subprocess.run([*git, "add", "--detach", root, commit], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"--against {commit}: {done.stderr.strip()}")
            stack.callback(subprocess.run, [*git, "remove", "--force", root], check=True)
        yield roots


def dumps(pair: Pair, tools: Tools, jobs: int, *, analyze: bool) -> dict[str, Run]:
    """Return whole clones by pg_dump, by name."""
    one, other = (shlex.quote(pair.url(side)) for side in ("source", "destination"))
    then = f"\nvacuumdb -q --analyze-only -j {jobs} -d {other}" if analyze else ""
    straight = f"pg_dump -d {one} | psql -q -X -v ON_ERROR_STOP=1 -d {other}{then}"
    parallel = f"pg_dump -Fd -j {jobs} -f dump -d {one}\npg_restore -e -j {jobs} -d {other} dump{then}"
    return {
        "pg_dump | psql": tools.script(straight),
        f"pg_dump -Fd -j {jobs} | pg_restore -j {jobs}": tools.script(parallel),
    }


def pgcopydbs(pair: Pair, tools: Tools, jobs: int, programs: tuple[Path, ...], options: str) -> dict[str, Run]:
    """Return whole clones by each of these pgcopydbs, by name; also in binary, if they can."""
    found = {}
    for program in programs:
        name, has_binary = _version(program, tools)
        command = [str(program), "clone", "--source", pair.url("source"), "--target", pair.url("destination")]
        command += ["--dir", "work", "--table-jobs", str(jobs), "--index-jobs", str(jobs), *shlex.split(options)]
        found[name] = tools.command(command)
        if has_binary:
            found[f"{name} binary"] = tools.command([*command, "--use-copy-binary"])
    return found


def our_rows(pair: Pair, tools: Tools, *, also: tuple[str, ...], tls: bool) -> dict[str, Run]:
    """Return replicator's data steps only, in one stream, by name."""

    def data_steps(options: list[str]) -> Run:
        command = tools.command([sys.executable, "-m", "benchmarks.data_step", "--jobs", "1", *options])

        def run_steps(folder: Path) -> Usage:
            usage = command(folder)
            return replace(usage, **json.loads((folder / "out").read_text()))

        return run_steps

    return {name: data_steps(options) for name, options in _variants(pair, also, tls=tls).items()}


def server_rows(pair: Pair, tools: Tools) -> dict[str, Run]:
    """Return the servers' own COPY: all tables' rows into files, and from these into empty tables."""
    files = {table: pair.source.folder / f"{number}.copy" for number, table in enumerate(pair.tables())}
    one, other = (shlex.quote(pair.url(side)) for side in ("source", "destination"))
    create = tools.script(f"pg_dump --section=pre-data -d {one} | psql -q -X -v ON_ERROR_STOP=1 -d {other}")

    def copy_to(folder: Path) -> Usage:
        with pair.connect("source") as conn:
            began = time.monotonic()
            for table, file in files.items():
                conn.execute(f"COPY {table} TO '{file}' (FORMAT binary)")
            return Usage(time.monotonic() - began)

    def copy_from(folder: Path) -> Usage:
        create(folder)
        with pair.connect("destination") as conn:
            began = time.monotonic()
            for table, file in files.items():
                with conn.transaction():
                    conn.execute(f"TRUNCATE {table}")
                    conn.execute(f"COPY {table} FROM '{file}' (FORMAT binary, FREEZE)")
            return Usage(time.monotonic() - began)

    copy_to(ROOT)  # reading needs the files, and may come first
    return {"server: COPY TO a file": copy_to, "server: COPY FROM a file": copy_from}


def plans(pair: Pair, tools: Tools) -> dict[str, Run]:
    """Return the contenders that read a schema and write nothing, by name."""
    source = pair.url("source")
    return {
        "replicator plan": tools.command([*REPLICATOR, "plan", "--source", source]),
        "replicator plan --sql": tools.command([*REPLICATOR, "plan", "--sql", "--source", source]),
        "pg_dump -s": tools.command(["pg_dump", "-s", "-d", source]),
    }


def compete(
    pair: Pair,
    contenders: Mapping[str, Run],
    rounds: int,
    original: Mapping[str, str],
    say: Callable[[str], None],
    arrange: Callable[[str], None] = lambda name: None,
) -> list[Runs]:
    """Let them take turns, each round beginning with another one. Who is wrong once is out.

    `arrange` makes the servers fit for one of them. A copy is held against the original's fingerprint; an empty one
    says that nothing is copied.
    """
    found = {name: Runs(name) for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        start = number % len(names)
        for name in names[start:] + names[:start]:
            runs = found[name]
            if runs.wrong:
                continue
            say(f"round {number + 1} of {rounds}: {name}")
            arrange(name)
            pair.renew()
            try:
                # Into a file, not into memory: a dump may be as large as the database.
                with tempfile.TemporaryDirectory(prefix="replicator-bench-", dir="/var/tmp") as folder:
                    before = pair.cost()
                    usage = contenders[name](Path(folder))
                    cost = pair.cost() - before
                    runs.add(replace(usage, servers=cost.cpu, trips=cost.trips))
                runs.wrong = _lacks(pair, name, original)
            except Failed as error:
                runs.wrong = str(error)
    return list(found.values())


def _lacks(pair: Pair, name: str, original: Mapping[str, str]) -> str:
    # The server's own COPY has no copy to check; psycopg raises if it failed.
    if not original or name.startswith("server:"):
        return ""
    with pair.connect("destination") as conn:
        return difference(original, fingerprint(conn))


def _variants(pair: Pair, also: tuple[str, ...], *, tls: bool) -> dict[str, list[str]]:
    """Return the options of replicator's turns by their names; the plain one first."""

    def ends(**connection: str) -> list[str]:
        return [word for side in ("source", "destination") for word in (f"--{side}", pair.url(side, **connection))]

    with_options = {f"replicator {options}": [*ends(), *shlex.split(options)] for options in also}
    over_tls = {"replicator over TLS": ends(sslmode="require")} if tls else {}
    return {"replicator": ends(), **with_options, **over_tls}


def _version(program: Path, tools: Tools) -> tuple[str, bool]:
    """Return a pgcopydb's name and version, and whether it can copy in binary."""
    said = [
        subprocess.run([program, *words], env=tools.environment(), capture_output=True, text=True)
        for words in (["--version"], ["clone", "--help"])
    ]
    version = said[0].stdout.partition("version ")[2].partition("\n")[0].partition("-")[0]
    return f"pgcopydb {version}", "--use-copy-binary" in said[1].stdout + said[1].stderr
