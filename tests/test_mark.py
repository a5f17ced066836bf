"""A finished copy tells that a definition made it: without that, verify would repair masks away."""

from pathlib import Path

import psycopg
import pytest

from replicator import verify
from replicator.errors import PreflightFailed
from replicator.settings import Settings
from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import SOME, Database, Servers
from tests.test_masks import KEY, OTHER_KEY, define

pytestmark = SOME
PEOPLE = """
CREATE TABLE people (id int PRIMARY KEY, email text, at timestamptz DEFAULT now());
INSERT INTO people SELECT g, 'p' || g || '@web.de', now() - interval '1 h' * g FROM generate_series(1, 20) g;
"""
RULES = """
[mask."public.people"]
email = "email"
[tables."public.people"]
where = "at > now() - interval '10 h'"
"""
MARK = "SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = %s"
REAL = "SELECT count(*) FROM people WHERE email LIKE '%@web.de'"
PREFLIGHT, DIFFERENT = 3, 8


@pytest.fixture
def masked(database: Database, destination: Database, replicator: Run, tmp_path: Path) -> Database:
    database.run(PEOPLE)
    runs(replicator("clone", "--verify", *define(tmp_path, RULES), *both(database, destination)))
    return destination


def marks(database: Database) -> str:
    return str(database.rows(MARK.replace("%s", f"'{database.name}'")))


def test_nothing_repairs_or_shows_masked_values_without_the_definition(
    database: Database, masked: Database, replicator: Run, tmp_path: Path
) -> None:
    pair = both(database, masked)
    for command in (["verify"], ["verify", "--repair"], ["clone", "--data-only", "--upsert"],
                    ["clone", "--data-only", "--truncate"]):  # fmt: skip
        refused = replicator(*command, *pair)
        refuses(refused, PREFLIGHT, "was made with a definition, and its values are masked", "--mask-key-file FILE")
        assert "@web.de" not in refused.out + refused.err
    other = define(tmp_path, RULES, key=OTHER_KEY)
    refuses(replicator("verify", *other, *pair), PREFLIGHT, "masked, and another key is given")
    unmasked = tmp_path / "unmasked.toml"
    unmasked.write_text(RULES.partition("[tables")[1] + RULES.partition("[tables")[2])
    refuses(replicator("verify", "--definition", str(unmasked), *pair), PREFLIGHT, "masked, and no key is given")
    assert masked.value(REAL) == 0 and masked.value("SELECT count(*) FROM people") == 9
    assert KEY not in marks(masked)


def test_the_definition_of_the_copy_needs_no_time(
    database: Database, masked: Database, replicator: Run, tmp_path: Path
) -> None:
    given = (*define(tmp_path, RULES), *both(database, masked))
    assert "No differences" in runs(replicator("verify", *given))
    assert "now() is" in replicator("verify", *given).said
    masked.run("UPDATE people SET email = 'x' WHERE id = 3")
    another = define(tmp_path, RULES.replace("10 h", "11 h"))
    refuses(replicator("verify", "--repair", *another, *both(database, masked)), PREFLIGHT, "with another definition")
    noted = replicator("verify", *another, *both(database, masked))
    assert noted.code == DIFFERENT and "The copy was made with another definition." in noted.said
    given = (*define(tmp_path, RULES), *both(database, masked))
    assert "1 changed rows, repaired" in replicator("verify", "--repair", *given).out.replace("row,", "rows,")
    assert masked.value(REAL) == 0


def test_an_unfinished_copy_tells_it_too(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run(f"{PEOPLE}; CREATE MATERIALIZED VIEW m AS SELECT 1 / (count(*) - 9) FROM people")
    assert replicator("clone", *define(tmp_path, RULES), *both(database, destination)).code == 6
    refuses(replicator("verify", *both(database, destination)), PREFLIGHT, "was made with a definition, and its values")


def test_the_mark_goes_with_the_next_copy_and_is_not_copied(
    database: Database, masked: Database, replicator: Run, servers: Servers, major: int, tmp_path: Path
) -> None:
    assert masked.dump() == database.dump()
    further = servers.database(major)
    runs(replicator("clone", "--verify", *both(masked, further)))
    assert "replicator" in marks(masked) and "replicator" not in marks(further)
    runs(replicator("clone", "--replace", "drop", *both(database, masked)))
    assert "replicator" not in marks(masked)
    runs(replicator("verify", *both(database, masked)))
    runs(replicator("clone", "--replace", "swap", *define(tmp_path, RULES), *both(database, masked)))
    assert "replicator" in marks(masked)
    refuses(replicator("verify", *both(database, masked)), PREFLIGHT, "was made with a definition")


def test_a_mark_that_somebody_spoiled_means_nothing(database: Database, masked: Database) -> None:
    settings = Settings(database.dsn, masked.dsn)
    with pytest.raises(PreflightFailed):
        verify(settings)
    for text in ("no JSON", '{"as_of": "now"}', '["x"]', '{"definition": "x", "as_of": "2020"}', "null", "{}"):
        masked.run(f"ALTER DATABASE {masked.name} SET replicator.definition = '{text}'")
        assert not verify(settings).equal


def test_a_role_that_does_not_own_the_database_says_so(
    database: Database, servers: Servers, major: int, replicator: Run, tmp_path: Path
) -> None:
    database.run(PEOPLE)
    destination = servers.database(major)
    destination.run(f"GRANT ALL ON SCHEMA public TO alice; GRANT ALL ON DATABASE {destination.name} TO alice;"
                    "ALTER ROLE alice LOGIN")  # fmt: skip
    dsn = psycopg.conninfo.make_conninfo(destination.dsn, user="alice")
    given = ("--source", database.dsn, "--destination", dsn, "--no-owner", "--no-acl")
    noted = replicator("clone", *define(tmp_path, RULES), *given)
    runs(noted)
    assert "The copy could not be marked as made with a definition" in noted.said
