"""A copy that means the same is no difference, however a server prints it; one that does not is, in the same places."""

import itertools
import re
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from replicator import events
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_cli import notes
from tests.fix_servers import SOME, VERSIONS, Database, Servers

FOLDER = Path(__file__).parent
WORD = re.compile(r"<(\d+)>")
PAIRS = [(old, new) for old in VERSIONS for new in VERSIONS if (old, new) in {(12, 15), (12, 18), (15, 18), (18, 15)}]
FILTER = "CREATE PUBLICATION p FOR TABLE a WHERE (v::text = ANY (ARRAY['x', '<201>']) AND id > 3);"
LOCALES = """
CREATE COLLATION first (provider = icu, locale = '@colCaseFirst=lower');
CREATE COLLATION book (provider = icu, locale = 'de@collation=phonebook');
CREATE COLLATION strong (provider = icu, locale = '@colStrength=primary;colCaseLevel=yes', deterministic = false);
CREATE COLLATION german (provider = icu, locale = 'de_DE');
"""


def script(major: int, changed: int | None = None) -> tuple[str, int]:
    """Return what is printed otherwise, with each statement's word of this number changed, and how many these are."""
    text = (FOLDER / "printed_otherwise.sql").read_text()
    text += (FOLDER / "printed_otherwise_since_14.sql").read_text() if major >= 14 else ""
    text += FILTER if major >= 15 else ""
    count = 0
    statements = text.split(";\n")
    for place, statement in enumerate(statements):
        words = [found[0] for found in WORD.finditer(statement)]
        for number, word in enumerate(words):
            statement = statement.replace(word, "2" if number == changed else "1")
            count += number == changed
        statements[place] = statement
    return ";\n".join(statements), count


def differences(source: Database, destination: Database) -> list[str]:
    return [str(m) for m in verify_copy(Settings(source.dsn, destination.dsn, jobs=2), lambda event: None)]


@SOME
def test_a_copy_on_the_same_version_is_equal(database: Database, destination: Database, major: int) -> None:
    database.run(script(major)[0])
    clone(Settings(database.dsn, destination.dsn, jobs=2), lambda event: None)
    assert differences(database, destination) == []
    assert differences(destination, database) == []


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_copy_on_another_version_is_equal(old: int, new: int, servers: Servers) -> None:
    source, destination = servers.database(old), servers.database(new)
    source.run(script(min(old, new))[0])
    clone(Settings(source.dsn, destination.dsn, jobs=2), lambda event: None)
    assert differences(source, destination) == []


@SOME
def test_another_word_in_any_of_these_places_is_found(servers: Servers, major: int) -> None:
    source, copy = servers.database(major), servers.database(major)
    source.run(script(major)[0])
    clone(Settings(source.dsn, copy.dsn, jobs=2), lambda event: None)
    for number in itertools.takewhile(lambda number: script(major, number)[1], itertools.count()):
        other = servers.database(major)
        text, count = script(major, number)
        other.run(text)
        found = verify_copy(Settings(copy.dsn, other.dsn, jobs=2), lambda event: None)
        objects = {m.what for m in found if m.about == "definition"}
        assert len(objects) == count, (number, objects)


@pytest.mark.skipif(len(VERSIONS) == 1, reason="needs servers with ICU")
@pytest.mark.parametrize("old", [major for major in VERSIONS if major < 16])
def test_locales_of_icu_are_the_same_by_another_name(old: int, servers: Servers) -> None:
    source, destination = servers.database(old), servers.database(VERSIONS[-1])
    source.run(LOCALES)
    clone(Settings(source.dsn, destination.dsn), lambda event: None)
    assert differences(source, destination) == []
    destination.run("DROP COLLATION first; CREATE COLLATION first (provider = icu, locale = '@colCaseFirst=upper')")
    assert len(differences(source, destination)) == 1


def test_members_of_an_extension_may_be_owned_by_another_role(servers: Servers) -> None:
    source, destination = servers.database(18), servers.database(18)
    source.run("""
        CREATE ROLE of_extensions SUPERUSER;
        CREATE SCHEMA extensions AUTHORIZATION of_extensions;
        ALTER DEFAULT PRIVILEGES FOR ROLE of_extensions IN SCHEMA extensions
              GRANT EXECUTE ON FUNCTIONS TO postgres WITH GRANT OPTION;
        SET SESSION AUTHORIZATION of_extensions;
        CREATE EXTENSION cube SCHEMA extensions;
        GRANT EXECUTE ON FUNCTION extensions.cube_dim(extensions.cube) TO alice
    """)
    clone(Settings(source.dsn, destination.dsn), lambda event: None)
    assert differences(source, destination) == []
    destination.run("REVOKE EXECUTE ON FUNCTION extensions.cube_dim(extensions.cube) FROM PUBLIC, alice")
    (difference,) = differences(source, destination)
    assert difference.startswith("privileges of function extensions.cube_dim(extensions.cube): different")


def test_where_nothing_temporary_can_be_made_that_is_said(servers: Servers) -> None:
    source, destination = servers.database(18), servers.database(18)
    source.run("CREATE TABLE t (v varchar CHECK (v IN ('a', 'b'))); GRANT SELECT ON t TO alice; ALTER ROLE alice LOGIN")
    clone(Settings(source.dsn, destination.dsn), lambda event: None)
    dsns = [make_conninfo(database.dsn, user="alice") for database in (source, destination)]
    seen: list[events.Event] = []
    assert verify_copy(Settings(*dsns), seen.append) == []
    for database in (source, destination):
        database.run(f"ALTER ROLE alice IN DATABASE {database.name} SET default_transaction_read_only = on")
    assert verify_copy(Settings(*dsns), seen.append) == []
    for database in (source, destination):
        database.run(f"REVOKE TEMPORARY ON DATABASE {database.name} FROM PUBLIC")
    assert [m.what for m in verify_copy(Settings(*dsns), seen.append)] == ["table public.t"]
    assert any("compared by their text alone" in note for note in notes(seen))
    source.run("ALTER ROLE alice NOLOGIN")
