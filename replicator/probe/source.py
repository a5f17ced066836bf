"""Whether all of the source can be read, and what of it is left out."""

from collections.abc import Iterable

from replicator import postgres
from replicator.postgres import Connection
from replicator.probe.finding import Finding


def unreadable(source: Connection) -> Iterable[Finding]:
    """Yield which rows this role may not read."""
    rows = source.execute(postgres.script("unreadable")).fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows[:10]) + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
        yield Finding(
            f"The source role may not read all rows of: {names}.",
            "Run on the source: " + " ".join(dict.fromkeys(row[1] for row in rows)),
        )
    if source.execute("SELECT to_regnamespace('replicator') IS NOT NULL").fetchall()[0][0]:
        yield Finding(
            "The source has a schema named replicator, the name that the journal has on the destination.",
            "Rename it, or `clean` the source if it is the journal of an earlier clone into it.",
        )


def left_out(source: Connection) -> Iterable[Finding]:
    """Yield what a clone leaves out or makes otherwise."""
    for (text,) in source.execute(postgres.script("left_out")).fetchall():
        yield Finding(text, "", fatal=False)
