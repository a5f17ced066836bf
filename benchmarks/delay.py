"""Simulates a distant server: delays bytes by half a round trip in each direction, however many there are.

    python -m benchmarks.delay 5432 20 FILE     a proxy for port 5432; a round trip takes 20 ms; FILE: their number

The proxy is a separate process, so that its work does not count as a contender's. A round trip is a server's answer to
something that it had not answered yet.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 256 * 1024
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Distance:
    """A proxy: where it listens, and the file into which it writes the number of round trips."""

    port: int
    file: Path

    def trips(self) -> int:
        """Return the round trips of all connections that have ended."""
        return int(self.file.read_text() or 0)


@contextmanager
def far_away(port: int, milliseconds: float) -> Iterator[Distance]:
    """Run a proxy to a port of this machine during the `with`."""
    with tempfile.TemporaryDirectory(prefix="replicator-delay-") as folder:
        file = Path(folder) / "trips"
        file.write_text("0")
        command = [sys.executable, "-m", "benchmarks.delay", str(port), str(milliseconds), str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                assert process.stdout is not None
                yield Distance(int(process.stdout.readline()), file)
            finally:
                process.terminate()


class _Proxy:
    def __init__(self, port: int, seconds: float, file: Path) -> None:
        self._port, self._seconds, self._file = port, seconds, file
        self._trips = 0

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=BLOCK_BYTES)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port, limit=BLOCK_BYTES)
        asked = asyncio.Event()
        await asyncio.gather(self._carry(reader, back, asked, asking=True), self._carry(there, writer, asked))
        self._file.write_text(str(self._trips))

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event, *, asking: bool = False
    ) -> None:
        """Carry bytes one way, each delayed by the same time: later ones do not wait for earlier ones."""
        loop = asyncio.get_running_loop()
        while block := await reader.read(BLOCK_BYTES):
            if asking:
                asked.set()
            elif asked.is_set():
                asked.clear()
                self._trips += 1
            loop.call_later(self._seconds / 2, writer.write, block)
            await writer.drain()
        loop.call_later(self._seconds / 2, writer.close)


if __name__ == "__main__":
    proxy = _Proxy(int(sys.argv[1]), float(sys.argv[2]) / 1000, Path(sys.argv[3]))
    with suppress(KeyboardInterrupt):
        asyncio.run(proxy.run())
