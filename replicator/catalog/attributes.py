"""Columns that a copy lacks, and those that only it has. Reading a catalog takes both into account.

The server prints its tables as if they had other columns, so that both databases print alike: the source without the
columns that are not copied, and with the extra ones; the copy with the extra ones last, and added by a statement of
their own, wherever they are.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

from replicator.sessions.postgres import Connection

SET = "SELECT set_config('replicator.without', %s, true), set_config('replicator.extra', %s, true)"


class Extra(NamedTuple):
    """A column that only the copy has."""

    relid: int
    place: int
    """Its place among those of its table."""
    name: str
    """Unquoted."""
    type: int
    """The OID of its type in the database that is read."""
    modifier: int = -1


@dataclass(frozen=True, slots=True)
class Attributes:
    """How the columns of a database are read."""

    without: tuple[tuple[int, int], ...] = ()
    """Those that are passed over: OID of the table, number of the column."""
    extra: tuple[Extra, ...] = ()

    def set(self, conn: Connection) -> None:
        """Let this connection's transaction read catalogs so."""
        if self.without or self.extra:
            numbers = ",".join(str((relid << 16) + number) for relid, number in self.without)
            conn.execute(SET, [f"{{{numbers}}}", json.dumps([each._asdict() for each in self.extra])])


AS_THEY_ARE = Attributes()
