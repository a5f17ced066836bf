"""The command line of the benchmarks; see `python -m benchmarks --help`."""

import datetime
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

import benchmarks
from benchmarks import chart, contenders, destinations, results, shaped
from benchmarks.contenders import Run, Tools
from benchmarks.database import SCENARIOS, Pair, filled, fingerprint
from benchmarks.delay import far_away
from benchmarks.results import Contest
from replicator.demo.server import embedded_bin
from replicator.events import size_text

FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
ANY = click.FloatRange(0, min_open=True)
RUNNING = (
    click.argument("scenarios", nargs=-1, type=click.Choice(list(SCENARIOS))),
    click.option("--rounds", default=5, show_default=True, type=click.IntRange(1)),
    click.option("--scale", default=1.0, show_default=True, type=ANY, help="Scale of the scenario's data."),
    click.option(
        "--only", metavar="TEXT", default="", help="Only the first contender and those with this in the name."
    ),
    click.option("--save", type=click.Path(path_type=Path), help="Save the figures to this JSON file."),
    click.option(
        "--server-bin",
        type=FOLDER,
        envvar="REPLICATOR_BENCH_BIN",
        help="Use these server programs instead of the wheel's.",
    ),
    click.option("--client-bin", type=FOLDER, help="Use this pg_dump and psql instead of the wheel's."),
)
COPYING = (
    click.option("--also", multiple=True, metavar="OPTIONS", help="Also run replicator with these options."),
    click.option(
        "--tls",
        is_flag=True,
        help="Also run replicator over TLS; requires --server-bin.",
    ),
)
AGAINST = click.option("--against", multiple=True, metavar="COMMIT", help="Also run replicator of this commit.")
DELAY = click.option("--delay", metavar="MS", type=ANY, help="Delay each round trip to either server, and count them.")
BESIDE = (
    click.option("--jobs", default=2, show_default=True, type=click.IntRange(1)),
    click.option("--pgcopydb", multiple=True, type=FILE, help="Use this one instead of the one in PATH."),
    click.option("--pgcopydb-options", metavar="OPTIONS", default="", help="Further options for pgcopydb."),
    click.option("--analyze", is_flag=True, help="Also ANALYZE pg_dump's copies, as the others do."),
)
PIPED_WIDTH = 150
Make = Callable[[Pair, Tools], Mapping[str, Run]]


def options(*chosen: Callable[..., Any]) -> Callable[[Any], Any]:
    """Add these arguments and options to a command."""

    def decorate(function: Any) -> Any:
        for option in reversed(chosen):
            function = option(function)
        return function

    return decorate


@click.group(help=benchmarks.__doc__.replace("\n\n", "\n\n\b\n"))
def cli() -> None:
    """Measure. The help is the package's docstring."""


@cli.command("scenarios")
def list_scenarios() -> None:
    """List the databases."""
    for name, path in SCENARIOS.items():
        click.echo(f"{name:15}{path.read_text('utf-8').splitlines()[0].removeprefix('-- ')}")


@cli.command("clone")
@options(*RUNNING, *COPYING, *BESIDE, AGAINST, DELAY)
def clone(
    scenarios: tuple[str, ...],
    jobs: int,
    pgcopydb: tuple[Path, ...],
    pgcopydb_options: str,
    analyze: bool,
    also: tuple[str, ...],
    tls: bool,
    against: tuple[str, ...],
    **given: Any,
) -> None:
    """Measure whole clones. Default scenario: mixed."""
    in_path = shutil.which("pgcopydb")
    programs = pgcopydb or ((Path(in_path),) if in_path else ())
    with contenders.checked_out(against) as earlier:

        def make(pair: Pair, tools: Tools) -> Mapping[str, Run]:
            ours = contenders.our_clones(pair, tools, jobs, also=also, tls=tls, earlier=earlier)
            dumps = contenders.dumps(pair, tools, jobs, analyze=analyze)
            return {**ours, **dumps, **contenders.pgcopydbs(pair, tools, jobs, programs, pgcopydb_options)}

        hold("clone", scenarios or ("mixed",), make, jobs=jobs, tls=tls, **given)


@cli.command("table")
@options(*RUNNING, *COPYING)
def table(scenarios: tuple[str, ...], also: tuple[str, ...], tls: bool, **given: Any) -> None:
    """Measure only the rows, in one stream, against the server's COPY to and from a file. Default scenario: narrow.

    A copy cannot be faster than the slower of these two.
    """

    def make(pair: Pair, tools: Tools) -> Mapping[str, Run]:
        return {**contenders.our_rows(pair, tools, also=also, tls=tls), **contenders.server_rows(pair, tools)}

    hold("table", scenarios or ("narrow",), make, jobs=1, tls=tls, **given)


@cli.command("plan")
@options(*RUNNING)
def plan(scenarios: tuple[str, ...], **given: Any) -> None:
    """Measure how long reading the catalogs takes, against pg_dump -s. Default scenario: objects."""
    hold("plan", scenarios or ("objects",), contenders.plans, jobs=1, copies=False, **given)


@cli.command("settings")
@options(*RUNNING)
def server_settings(scenarios: tuple[str, ...], **given: Any) -> None:
    """Measure the effect of settings of the destination. Default scenario: mixed."""
    jobs = os.cpu_count() or 1
    make = partial(destinations.clones, jobs=jobs)
    hold("settings", scenarios or ("mixed",), make, jobs=jobs, arrange=destinations.arrange, **given)


@cli.command("shape")
@options(*RUNNING)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1))
def shape(scenarios: tuple[str, ...], jobs: int, **given: Any) -> None:
    """Measure what a definition costs: filters, masks, a subset. Scenario: mixed."""
    hold("shape", scenarios or ("mixed",), partial(shaped.clones, jobs=jobs), jobs=jobs, copies=False, **given)


@cli.command("chart")
@click.argument("file", type=FILE)
def draw(file: Path) -> None:
    """Draw the figures of a JSON file as an SVG next to it."""
    target = file.with_suffix(".svg")
    target.write_text(chart.svg(results.load(file)), "utf-8")
    click.echo(target)


def hold(
    what: str,
    scenarios: tuple[str, ...],
    make: Make,
    *,
    jobs: int,
    rounds: int,
    scale: float,
    only: str,
    save: Path | None,
    server_bin: Path | None,
    client_bin: Path | None,
    tls: bool = False,
    copies: bool = True,
    delay: float | None = None,
    arrange: Callable[[Pair, str], None] = lambda pair, name: None,
) -> None:
    """Run a contest in each scenario, print and save the figures. Exits with 1 if replicator's copy was wrong."""
    tools = Tools(client_bin or embedded_bin())
    load, ok = os.getloadavg()[0], True
    for scenario in scenarios:
        with (
            Console(stderr=True).status(f"filling {scenario}", refresh_per_second=1) as status,
            filled(scenario, scale, server_bin or embedded_bin(), tools.client_bin, tls=tls) as near,
            apart(near, delay) as pair,
        ):
            with pair.connect("source") as conn:
                original = fingerprint(conn)
            everybody = make(pair, tools)
            chosen = {name: run for name, run in everybody.items() if only in name or name == next(iter(everybody))}
            wanted = original if copies else {}
            runs = contenders.compete(pair, chosen, rounds, wanted, status.update, partial(arrange, pair))
        rows = sum(int(value.split()[0]) for name, value in original.items() if name.startswith("rows of "))
        about = (
            f"{size_text(pair.size)}, {rows:,} rows, scale {scale:g}, jobs {jobs}, rounds {rounds}, PostgreSQL"
            f" {pair.version}, {f'{delay:g} ms a round trip, ' if delay else ''}{os.cpu_count()} processors"
            f" ({processor()}), load {load:.1f}, {datetime.datetime.now():%Y-%m-%d}"
        )
        contest = Contest(f"{what} {scenario}", about, rows, runs)
        Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(results.table(contest))
        if save:
            results.save([contest], save)
        ok = ok and all(r.counts for r in runs if r.name.startswith("replicator") or what == "settings")
    sys.exit(not ok)


@contextmanager
def apart(pair: Pair, delay: float | None) -> Iterator[Pair]:
    """Delay both servers by so many milliseconds; None: not at all."""
    with ExitStack() as stack:
        ports = {"source": pair.source.port, "destination": pair.destination.port} if delay else {}
        distances = {side: stack.enter_context(far_away(port, delay or 0)) for side, port in ports.items()}
        yield replace(pair, distances=distances)


def processor() -> str:
    """Return the model name of the machine's processors."""
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "processors"


if __name__ == "__main__":
    try:
        cli(prog_name="python -m benchmarks")
    except RuntimeError as error:
        sys.exit(f"benchmarks: {error}")
