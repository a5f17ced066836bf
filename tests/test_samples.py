"""Databases that others wrote, loaded, cloned and verified: to the same version and to the newest.

They lie beside a checkout, in ../shared/data, and are skipped where that is missing.
"""

from pathlib import Path

import pytest

from replicator.runs.clone import clone
from replicator.settings import Settings
from tests.fix_servers import SOME, VERSIONS, Database, Servers

DATA = Path(__file__).parents[2] / "shared" / "data"
PAGILA = [DATA / "pagila" / "pagila-schema.sql", DATA / "pagila" / "pagila-data.sql"]
CHINOOK = [DATA / "chinook" / "chinook.sql"]

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")


@pytest.fixture(params=["pagila", "chinook"])
def sample(request: pytest.FixtureRequest, database: Database) -> Database:
    if request.param == "pagila":
        database.run("\n".join(path.read_text("utf-8") for path in PAGILA))
    else:
        # The first statements make a database and enter it.
        script = "\n".join(path.read_text("utf-8") for path in CHINOOK)
        database.run(script[script.index("\\c chinook_serial;") + len("\\c chinook_serial;") :])
    return database


@SOME
def test_a_sample_arrives_on_the_same_version(sample: Database, destination: Database) -> None:
    clone(Settings(sample.dsn, destination.dsn, jobs=2, verify=True), lambda event: None)
    assert destination.dump() == sample.dump()


@pytest.mark.pg("in 12 15")
def test_a_sample_arrives_on_the_newest_server(sample: Database, servers: Servers) -> None:
    newest = servers.database(VERSIONS[-1])
    clone(Settings(sample.dsn, newest.dsn, jobs=2, verify=True), lambda event: None)
