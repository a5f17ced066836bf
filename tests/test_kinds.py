"""Every kind's fixture makes the round trip: `pg_dump -s` of the copy is that of the original, byte for byte.

A fixture is SQL with the version guards of the kinds' own files (`--14+`, `--<14 `); roles: fix_servers.ROLES.
"""

import difflib
import re
from pathlib import Path

import pytest

from replicator import graph, postgres
from replicator.catalog import KINDS, RANK
from replicator.catalog.read import for_version, read_catalog
from replicator.model import Catalog
from tests.fix_servers import Database

FIXTURES = sorted((Path(__file__).parent / "kinds").glob("*.sql"))
SQL = Path(graph.__file__).parent / "catalog" / "kinds"
FACETS = frozenset(kind.name for kind in KINDS if kind.facet)


def read(database: Database) -> Catalog:
    with postgres.connect(database.dsn) as conn, conn.transaction():
        return read_catalog(conn)


def create_schema(catalog: Catalog, destination: Database) -> None:
    """Run every statement in creation order, as a clone of an empty database would."""
    with postgres.connect(destination.dsn) as conn:
        for piece in graph.order(catalog.objects, RANK, FACETS):
            with conn.transaction():
                for statement in piece.statements:
                    try:
                        conn.execute(statement)
                    except Exception as error:
                        error.add_note(f"{piece.name}: {statement}")
                        raise


def difference(one: str, other: str) -> str:
    return "\n".join(difflib.unified_diff(one.splitlines(), other.splitlines(), "source", "copy", lineterm="", n=6))


def comparable(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    return {o.name: (*o.create, o.alter_owner or "") for o in catalog.objects}


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_round_trip(fixture: Path, database: Database, destination: Database) -> None:
    script = for_version(fixture.read_text(), database.major)
    if lacking := missing_features(script, database):
        pytest.skip(f"this server is built without {lacking}")
    database.run(script)
    catalog = read(database)
    create_schema(catalog, destination)
    assert not difference(database.dump(), destination.dump())
    assert comparable(read(destination)) == comparable(catalog)


def missing_features(script: str, database: Database) -> str:
    """Return what a fixture's line `-- requires: icu, xml, pg_trgm` names and this server lacks (extensions included)."""
    named = re.search(r"^-- requires: (.+)$", script, re.MULTILINE)
    return ", ".join(f for f in re.split(r",\s*", named[1]) if not has_feature(f, database)) if named else ""


def has_feature(feature: str, database: Database) -> bool:
    match feature:
        case "icu":
            return bool(database.value("SELECT count(*) FROM pg_collation WHERE collprovider = 'i'"))
        case "xml":
            return bool(database.value("SELECT count(*) FROM pg_settings WHERE name = 'xmlbinary'")) and _xml(database)
        case extension:
            return bool(
                database.value(f"SELECT count(*) FROM pg_available_extensions WHERE name = '{extension.strip()}'")
            )


def _xml(database: Database) -> bool:
    return "--with-libxml" in str(database.value("SELECT setting FROM pg_config WHERE name = 'CONFIGURE'"))


def test_each_kind_has_its_file_its_line_and_its_fixture() -> None:
    names = sorted(kind.name for kind in KINDS)
    assert sorted(path.stem for path in SQL.glob("*.sql")) == names
    assert [path.stem for path in FIXTURES] == names
