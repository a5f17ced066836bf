"""What does a newer pg_dump say that an older one did not? Each has to have a place: see test_completeness.

    python -m tests.news OLD NEW
    python -m tests.news columns

OLD and NEW are programs pg_dump, or folders of PostgreSQL's source (apt-get source). The words of statements, columns
of catalogs and types of objects are compared; of a source the branches for its newest version are listed as well. The
source of a release candidate is not always to be had where its packages are, but what pg_dump says is in the program.
`columns` prints replicator/checks/known.txt anew, as the servers at hand have them.
"""

import re
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg

from replicator.checks.known import COLUMNS
from tests.fix_servers import VERSIONS, Servers

KNOWN = Path(__file__).parent.parent / "replicator" / "checks" / "known.txt"
PLACE = re.compile(r"%\w*[sucd]\b")
STATEMENT = re.compile(r"[^a-z]*\b[A-Z]{3}[^a-z]*")
OPTION = re.compile(r", [a-z]\w+ = .*|pg_[a-z_]+\(|.*\bpg_restore_\w+\(.*")
NAME = re.compile(r"\b[a-z][a-z0-9]+\b")
C_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
BRANCH = re.compile(r"remoteVersion >= (\d+)")
TYPE = re.compile(r"^\t(DO_\w+)", re.MULTILINE)
DESCRIBED = re.compile(r"^([A-Z][A-Z ]+[A-Z])\b.* \(ID %d")
"""What pg_dump_sort.c calls an object of each type."""


def literals(path: Path) -> list[str]:
    """Return the texts in a program, or in the source of pg_dump, blanks as one."""
    if path.is_dir():
        files = sorted(path.glob("src/bin/pg_dump/*.[ch]"))
        texts = [re.sub(r"\\[nt]", " ", text) for file in files for text in C_LITERAL.findall(file.read_text("utf-8"))]
    else:
        found = re.findall(rb"[\t\n -~]{3,}(?=\0)", read_only(path.read_bytes()))
        texts = [text.decode("ascii") for text in found]
    return [" ".join(text.split()) for text in texts]


def read_only(program: bytes) -> bytes:
    """Return the section .rodata of an ELF program of 64 bits. Reference: man 5 elf."""
    (start,), (count, names) = struct.unpack_from("<Q", program, 40), struct.unpack_from("<HH", program, 60)
    sections = [struct.unpack_from("<IIQQQQ", program, start + 64 * n) for n in range(count)]
    texts = sections[names][4]
    offset, size = next(s[4:6] for s in sections if program[texts + s[0] :].startswith(b".rodata\0"))
    return program[offset : offset + size]


def said(path: Path) -> set[str]:
    """Return the pieces of statements that a pg_dump writes, the columns that it reads, the types that it knows."""
    columns = {column for line in KNOWN.read_text("ascii").splitlines() for column in line.split()[1:]}
    found = {f"type {name}" for name in types(path)}
    for text in literals(path):
        if STATEMENT.fullmatch(PLACE.sub("", text)) or OPTION.fullmatch(text):
            found.add(text)
        found |= columns.intersection(NAME.findall(text))
    return found


def types(path: Path) -> set[str]:
    """Return the types of objects: of a source its DumpableObjectType, of a program what it calls them."""
    if path.is_dir():
        return set(TYPE.findall((path / "src/bin/pg_dump/pg_dump.h").read_text("utf-8")))
    return {found[1] for text in literals(path) if (found := DESCRIBED.match(text))}


def branches(source: Path) -> Iterator[str]:
    """Yield where a source asks for the newest version that it knows."""
    lines = (source / "src/bin/pg_dump/pg_dump.c").read_text("utf-8").splitlines()
    newest = max(int(found[1]) for line in lines if (found := BRANCH.search(line)))
    for number, line in enumerate(lines, 1):
        if f"remoteVersion >= {newest}" in line:
            yield f"pg_dump.c:{number}: {line.strip()}"


def columns() -> Iterator[str]:
    """Yield the lines of replicator/checks/known.txt: a catalog and the columns that it has in some version."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    servers = Servers()
    try:
        for major in VERSIONS:
            with psycopg.connect(servers[major].conninfo()) as conn:
                for table, names in conn.execute(COLUMNS).fetchall():
                    known[table].update(names)
    finally:
        servers.stop()
    for table in sorted(known):
        yield f"{table} {' '.join(sorted(known[table]))}"


if __name__ == "__main__":
    if sys.argv[1:] == ["columns"]:
        print(*columns(), sep="\n")
    else:
        older, newer = map(Path, sys.argv[1:])
        print(*sorted(said(newer) - said(older)), *(branches(newer) if newer.is_dir() else ()), sep="\n")
