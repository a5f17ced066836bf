"""The demo: two throw-away servers, a shop in one of them, cloned into the other and verified."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.resources import files

import click
import psycopg

from replicator import events, library
from replicator.demo.server import Server, embedded_bin, reachable_folder
from replicator.events import Emit
from replicator.settings import Settings, default_jobs
from replicator.show.folding import fitting
from replicator.show.lines import Json

SHOP = "shop"


def demo(*, keep: bool, as_json: bool, reported: Callable[[], AbstractContextManager[Emit]]) -> None:
    """Run the demo. With `keep` the servers outlive the command, and it prints how to connect."""
    bin = embedded_bin()
    with ExitStack() as stack:
        with _said("Starting two PostgreSQL servers", as_json):
            source, destination = (
                stack.enter_context(Server(bin, reachable_folder(f"replicator-demo-{name}-")))
                for name in ("source", "destination")
            )
        with _said("Filling the source with a shop of about half a million rows", as_json):
            fill(source)
            create_database(destination)
        with reported() as emit:
            wanted = Settings(source.conninfo(SHOP), destination.conninfo(SHOP), jobs=default_jobs(), verify=True)
            library.clone(wanted, on_event=emit)
        if not as_json:
            click.echo("The copy is complete and verified: every object, every row.")
        if keep:
            stack.pop_all()
            _say_what_runs(source, destination, as_json=as_json)


@contextmanager
def _said(text: str, as_json: bool) -> Iterator[None]:
    """Announce an operation on stderr and, if it takes long, repeat that with the time so far."""

    def echo(event: events.Event) -> None:
        if isinstance(event, events.Note) and not as_json:
            click.echo(fitting(event.text, sys.stderr), err=True)

    echo(events.Note(f"{text} …"))

    with events.saying(echo, text):
        yield


def create_database(server: Server) -> None:
    """Create the shop's empty database."""
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {SHOP} TEMPLATE template0")


def fill(server: Server) -> None:
    """Create the shop."""
    create_database(server)
    with psycopg.connect(server.conninfo(SHOP), autocommit=True) as conn:
        conn.execute(files("replicator.demo").joinpath("shop.sql").read_bytes())


def _say_what_runs(*servers: Server, as_json: bool) -> None:
    def say(text: str) -> None:
        if as_json:
            Json(sys.stderr).emit(events.Note(text))
        else:
            click.echo(fitting(text))

    for name, server in zip(("source", "destination"), servers, strict=True):
        say(f"{name}: postgresql://postgres@127.0.0.1:{server.port}/{SHOP} (data in {server.folder})")
    say(f"Stop both: kill -INT {' '.join(str(server.pid) for server in servers)}")
    say(f"Then remove them: rm -r {' '.join(str(server.folder) for server in servers)}")
