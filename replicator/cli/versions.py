"""`--version`."""

import platform
import sys

import click

from replicator import __version__


def show_versions(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the versions of all that a copy depends on, and end."""
    if not wanted or context.resilient_parsing:
        return
    from psycopg import __version__ as driver
    from psycopg import pq

    from replicator.work.copying.wire import obstacle

    libpq = pq.version()
    why = obstacle()
    click.echo(
        f"replicator {__version__}\n"
        f"Python {platform.python_version()} ({sys.platform}, {platform.machine()})\n"
        f"psycopg {driver} ({pq.__impl__})\n"
        f"libpq {libpq // 10000}.{libpq % 10000}\n"
        f"rows: {f'through the driver: {why}' if why else 'relayed from socket to socket'}"
    )
    context.exit()
