"""The connection for the journal: its advisory lock, held as long as it lives, claims the destination for a clone."""

import threading
from typing import Self

import psycopg

from replicator import journal, postgres
from replicator.errors import StepFailed


class Keeper:
    """A connection to the destination that comes back when it was lost, and with it the claim. Closed by `with`."""

    def __init__(self, dsn: str, application: str) -> None:
        self._dsn = dsn
        self._application = application
        self._encoding: str | None = None
        self._lock = threading.Lock()
        self._claimed = False
        self.conn = self._connect()

    def _connect(self) -> postgres.Connection:
        return postgres.connect(self._dsn, encoding=self._encoding, application=self._application)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.conn.close()

    def speak(self, encoding: str) -> None:
        """Use this client_encoding from now on."""
        self._encoding = encoding
        self.conn.execute("SELECT set_config('client_encoding', %s, false)", [encoding])

    def claim(self) -> bool:
        """Claim the database for one clone. Returns False where another one has it."""
        self._claimed = journal.hold(self.conn)
        return self._claimed

    def keep(self) -> postgres.Connection:
        """Return the connection, connected anew and with its claim if it was lost.

        Raises psycopg.OperationalError while the server is away, StepFailed where somebody else has the claim by now.
        """
        with self._lock:
            try:
                self.conn.execute("SELECT")
            except psycopg.OperationalError:
                self.conn.close()
                self.conn = self._connect()
                if self._claimed and not journal.hold(self.conn):
                    raise StepFailed("journal", "another clone into this destination has begun") from None
            return self.conn
