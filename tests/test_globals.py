"""What belongs to the server or to the database itself arrives too: `pg_dump -C -s` of both is the same."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from replicator import events
from replicator.demo.server import Server, reachable_folder
from replicator.errors import PreflightFailed, VerificationFailed
from replicator.events import Event
from replicator.model import Execute, Phase
from replicator.runs import connect
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.runs.plan import plan_copy
from replicator.runs.status import unfinished_clone
from replicator.settings import Settings
from tests.fix_cli import Run, Start, both, notes, refuses, runs, until
from tests.fix_servers import BINARIES, SETTINGS, SOME, VERSIONS, WHEEL, Database, Servers

NEWEST = VERSIONS[-1]
ODD_NAME, ODD_IDENTIFIER = 'Odd "copy', '"Odd ""copy"'


def copy(source: Database, destination: Database, **options: object) -> list[str]:
    """Clone, and return the notes."""
    seen: list[Event] = []
    clone(Settings(source.dsn, destination.dsn, **{"jobs": 2, "verify": True, **options}), seen.append)
    return notes(seen)


def dump(database: Database) -> str:
    """Return pg_dump's text with CREATE DATABASE, as if all databases had one name, made by one version."""
    text = re.sub(r"^(-- Dumped from |\\connect |\\encoding ).*\n", "", database.dump("-C", "-s"), flags=re.MULTILINE)
    text = text.replace(ODD_IDENTIFIER, "the_database").replace(ODD_NAME, "the_database")
    text = re.sub(rf"\b{database.name}\b", "the_database", text)
    of_roles = re.compile(r"^ALTER ROLE .*\n", re.MULTILINE)  # which pg_dump leaves in the order of the planner's join
    return of_roles.sub("", text) + "".join(sorted(of_roles.findall(text)))


@pytest.fixture
def new(servers: Servers, major: int) -> Database:
    """A database that is not there yet."""
    database = servers.database(major)
    drop(database)
    return database


def drop(database: Database) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(database.name)))


def exists(database: Database) -> bool:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        return bool(conn.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).fetchall())


AWKWARD = """
COMMENT ON DATABASE {name} IS 'it''s "odd"\\and
long';
ALTER DATABASE {name} SET search_path = "$user", 'Odd "schema"', public, 'select';
ALTER DATABASE {name} SET temp_tablespaces = '';
ALTER DATABASE {name} SET "my.Setting" = E'it''s\\n\\\\ % <name> <owner>';
ALTER DATABASE {name} SET statement_timeout = '100s';
ALTER DATABASE {name} SET default_transaction_read_only = on;
ALTER DATABASE {name} SET DateStyle = 'SQL, DMY';
ALTER DATABASE {name} SET log_min_duration_statement = 250;
ALTER ROLE alice IN DATABASE {name} SET search_path = '', 'a,b';
ALTER ROLE "Odd Role" IN DATABASE {name} SET work_mem = '1MB';
ALTER DATABASE {name} CONNECTION LIMIT 1;
REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC;
GRANT CREATE ON DATABASE {name} TO bob WITH GRANT OPTION;
GRANT CONNECT, TEMPORARY ON DATABASE {name} TO "Odd Role";
SET ROLE bob;
GRANT CREATE ON DATABASE {name} TO carol;
RESET ROLE;
"""


def awkward(database: Database) -> None:
    database.run(AWKWARD.format(name=database.name) + "CREATE TABLE t AS SELECT 1 AS a")


def test_settings_of_the_database_arrive(database: Database, destination: Database) -> None:
    awkward(database)
    copy(database, destination)
    assert dump(destination) == dump(database)
    assert destination.value("SELECT to_regnamespace('replicator')") is None


@pytest.mark.pg("< 18")
def test_settings_of_the_database_arrive_on_a_newer_server(database: Database, servers: Servers) -> None:
    destination = servers.database(WHEEL)
    awkward(database)
    copy(database, destination)
    settings = re.compile(r"^(?:ALTER (?:DATABASE|ROLE) .* SET|COMMENT ON DATABASE|GRANT|REVOKE) .*$", re.MULTILINE)
    assert settings.findall(dump(destination)) == settings.findall(dump(database))


def test_privileges_and_owners_of_databases_can_be_left_out(database: Database, destination: Database) -> None:
    database.run(f"ALTER DATABASE {database.name} OWNER TO alice; GRANT CREATE ON DATABASE {database.name} TO bob")
    copy(database, destination, privileges=False, owners=False)
    assert destination.rows(MINE) == [("postgres", None)]


MINE = "SELECT pg_get_userbyid(datdba)::text, datacl::text FROM pg_database WHERE datname = current_database()"


def test_what_the_owner_may_do_is_for_the_owner_there(database: Database, destination: Database) -> None:
    database.run(
        f"""ALTER DATABASE {database.name} OWNER TO alice;
        REVOKE CREATE ON DATABASE {database.name} FROM alice;
        GRANT CONNECT ON DATABASE {database.name} TO bob, postgres"""
    )
    copy(database, destination)
    assert destination.rows(MINE) == [("postgres", "{=Tc/postgres,postgres=Tc/postgres,bob=c/postgres}")]


def test_what_the_destination_has_of_its_own_stays(database: Database, destination: Database) -> None:
    destination.run(
        f"""REVOKE ALL ON DATABASE {destination.name} FROM PUBLIC;
        ALTER DATABASE {destination.name} SET work_mem = '2MB'"""
    )
    database.run(f"ALTER DATABASE {database.name} SET work_mem = '1MB'")
    notes = copy(database, destination)
    assert notes == ["Kept, since only the destination has it: database privileges of PUBLIC."]
    assert destination.rows(MINE)[0][1] == "{postgres=CTc/postgres}"
    assert destination.value("SHOW work_mem") == "1MB"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("ALTER DATABASE {0} SET work_mem = '2MB'", "database setting work_mem: different: ALTER DATABASE {0} SET"),
        ("ALTER DATABASE {0} RESET work_mem", "database setting work_mem: missing on the destination"),
        ("ALTER DATABASE {0} SET lock_timeout = 1", "database setting lock_timeout: extra on the destination"),
        ("ALTER DATABASE {0} CONNECTION LIMIT 7", "database connection limit: extra on the destination"),
        ("COMMENT ON DATABASE {0} IS NULL", "database comment: missing on the destination"),
        ("REVOKE ALL ON DATABASE {0} FROM bob", "database privileges of bob: missing on the destination"),
        (
            "ALTER ROLE alice IN DATABASE {0} SET work_mem = 64",
            "database setting work_mem of alice: extra on the destination",
        ),
    ],
)
@pytest.mark.pg("in 12 18")
def test_verify_convicts(change: str, difference: str, database: Database, destination: Database) -> None:
    database.run(
        f"""ALTER DATABASE {database.name} SET work_mem = '1MB'; COMMENT ON DATABASE {database.name} IS 'x';
        GRANT CREATE ON DATABASE {database.name} TO bob"""
    )
    copy(database, destination)
    settings = Settings(database.dsn, destination.dsn)
    assert verify_copy(settings, lambda event: None) == []
    destination.run(change.format(destination.name))
    (found,) = map(str, verify_copy(settings, lambda event: None))
    assert found.startswith(difference.format(destination.name))


@pytest.mark.pg("in 12 18")
def test_a_copy_that_fails_at_the_end_has_no_settings(database: Database, destination: Database) -> None:
    database.run(f"ALTER DATABASE {database.name} SET work_mem = '1MB'; CREATE TABLE t AS SELECT 1 AS a")

    def spoil(event: Event) -> None:
        if isinstance(event, events.Done) and event.step == "data public.t":
            destination.run("INSERT INTO t VALUES (2)")

    with pytest.raises(VerificationFailed):
        clone(Settings(database.dsn, destination.dsn, verify=True), spoil)
    assert unfinished_clone(destination.dsn).state == "differs"
    assert destination.value("SHOW work_mem") == "4MB"


@pytest.mark.pg("in 12 16 18")
def test_who_does_not_own_the_database_is_told_what_to_run(database: Database, destination: Database) -> None:
    database.run(f"ALTER DATABASE {database.name} SET work_mem = '1MB'; COMMENT ON DATABASE {database.name} IS 'x'")
    destination.run(f"ALTER ROLE alice LOGIN; GRANT CREATE ON DATABASE {destination.name} TO alice")
    settings = Settings(database.dsn, destination.server.conninfo(destination.name, user="alice"))
    with pytest.raises(PreflightFailed) as caught:
        clone(settings, lambda event: None)
    asked_for = re.findall(r"(?:ALTER|COMMENT ON) DATABASE .*?;", caught.value.hint)
    assert len(asked_for) == 2
    assert unfinished_clone(destination.dsn) is None
    destination.run("\n".join(asked_for))
    clone(settings, lambda event: None)


@pytest.mark.pg("in 12 15 16 18")
def test_a_plain_role_sets_what_is_said_of_its_database(database: Database, destination: Database) -> None:
    for each in (database, destination):
        each.run(f"ALTER ROLE alice LOGIN; ALTER DATABASE {each.name} OWNER TO alice")
    database.run(
        f"""ALTER DATABASE {database.name} SET work_mem = '1MB'; COMMENT ON DATABASE {database.name} IS 'x';
        GRANT CREATE ON DATABASE {database.name} TO bob; ALTER DATABASE {database.name} CONNECTION LIMIT 9"""
    )
    plain = [each.server.conninfo(each.name, user="alice") for each in (database, destination)]
    clone(Settings(*plain, verify=True), lambda event: None)
    assert dump(destination) == dump(database)


def test_what_the_newer_server_does_not_know_is_said(servers: Servers) -> None:
    if VERSIONS[0] > 13:
        pytest.skip("needs an older server")
    source, destination = servers.database(VERSIONS[0]), servers.database(NEWEST)
    source.run(f"ALTER DATABASE {source.name} SET operator_precedence_warning = on")
    with pytest.raises(PreflightFailed, match="does not support database setting operator_precedence_warning: "):
        copy(source, destination)
    notes = copy(source, destination, downgrade=True, verify=True)
    assert any("database setting operator_precedence_warning: unrecognized" in note for note in notes)
    assert verify_copy(Settings(source.dsn, destination.dsn), lambda event: None) == []


@pytest.mark.skipif(NEWEST < 19, reason="needs a server that refuses what others take")
@pytest.mark.pg("in 12 18")
def test_values_that_the_newer_server_does_not_take_are_losses(database: Database, servers: Servers) -> None:
    destination = servers.database(NEWEST)
    database.run(f"""
        ALTER DATABASE {database.name} SET standard_conforming_strings = off;
        ALTER DATABASE {database.name} SET work_mem = '1MB';
        ALTER ROLE alice IN DATABASE {database.name} SET escape_string_warning = off;
        CREATE ROLE quotes;
        ALTER ROLE quotes SET standard_conforming_strings = off;
        ALTER ROLE quotes SET work_mem = '1MB';
        CREATE TABLE t (a int);
    """)
    try:
        with pytest.raises(PreflightFailed, match="does not support database setting standard_conforming_strings"):
            copy(database, destination, roles=True)
        notes = copy(database, destination, roles=True, downgrade=True, verify=True)
        assert (
            sum("non-standard string literals are not supported" in note for note in notes) == 4
        )  # before and at the end
        assert sum("escape_string_warning" in note for note in notes) == 2
        settings = "SELECT setconfig FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase"
        of_both = f"{settings} WHERE datname = current_database() OR setrole = 'quotes'::regrole"
        assert destination.rows(of_both) == [(["work_mem=1MB"],)] * 2
        with_losses = Settings(database.dsn, destination.dsn, downgrade=True)
        assert verify_copy(with_losses, lambda event: None) == []
        named = [each.what for each in verify_copy(replace(with_losses, downgrade=False), lambda event: None)]
        assert named == ["database setting standard_conforming_strings"]
    finally:
        for each in (database, destination):
            each.run("DROP ROLE IF EXISTS quotes")


@pytest.mark.parametrize(
    "options",
    [
        "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
        "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
        "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'POSIX'",
        pytest.param("LOCALE_PROVIDER icu ICU_LOCALE 'de-AT-u-co-phonebk' LOCALE 'C'", marks=pytest.mark.pg(">= 15")),
        pytest.param(
            "LOCALE_PROVIDER icu ICU_LOCALE 'und' ICU_RULES '&a < g' LOCALE 'C'", marks=pytest.mark.pg(">= 16")
        ),
        pytest.param("LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'", marks=pytest.mark.pg(">= 17")),
        pytest.param(
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'", marks=pytest.mark.pg(">= 18")
        ),
    ],
)
class TestCreate:
    def test_as_the_source(self, options: str, servers: Servers, major: int, new: Database) -> None:
        self.copied(make(servers, major, options), new)

    def test_on_the_newest_server(self, options: str, servers: Servers, major: int) -> None:
        new = servers.database(NEWEST)
        drop(new)
        self.copied(make(servers, major, options), new)

    def copied(self, source: Database, new: Database) -> None:
        source.run(f"ALTER DATABASE {source.name} OWNER TO alice; COMMENT ON DATABASE {source.name} IS 'mine'")
        copy(source, new, create=True)
        created = [re.sub(" LOCALE = 'C'", "", line) for line in dump(new).splitlines() if "DATABASE" in line]
        assert created == [
            re.sub(" LOCALE = 'C'", "", line) for line in dump(source).splitlines() if "DATABASE" in line
        ]
        if new.major == source.major:
            assert dump(new) == dump(source)


def make(servers: Servers, major: int, options: str) -> Database:
    try:
        return servers.database(major, options)
    except psycopg.Error as error:
        pytest.skip(str(error))


@pytest.fixture
def bare(major: int) -> Iterator[Database]:
    """A database that is not there yet, on a server of the same version without any roles and tablespaces."""
    with Server(BINARIES[major], reachable_folder("replicator-test-globals-"), SETTINGS) as server:
        yield Database(server, ODD_NAME, major)


@pytest.fixture
def location() -> Iterator[str]:
    """A folder for a tablespace."""
    folder = reachable_folder("replicator-test-tablespace-")
    yield str(folder)
    shutil.rmtree(folder)


@pytest.fixture
def placed(database: Database, location: str) -> Iterator[Database]:
    """A database with a table, an index, a constraint and a view in a tablespace that says much of itself."""
    database.run(
        f"""CREATE ROLE control;
        CREATE TABLESPACE "Odd ""place" OWNER control LOCATION '{location}' WITH (seq_page_cost = 1.5);
        COMMENT ON TABLESPACE "Odd ""place" IS 'it''s here';
        REVOKE ALL ON TABLESPACE "Odd ""place" FROM control;
        GRANT CREATE ON TABLESPACE "Odd ""place" TO bob WITH GRANT OPTION;
        CREATE TABLE t (a int CONSTRAINT c UNIQUE USING INDEX TABLESPACE "Odd ""place") TABLESPACE "Odd ""place";
        CREATE INDEX i ON t (a) TABLESPACE "Odd ""place";
        CREATE TABLE p (a int) PARTITION BY LIST (a) TABLESPACE "Odd ""place";
        CREATE MATERIALIZED VIEW m TABLESPACE "Odd ""place" AS SELECT 1 AS a"""
    )
    yield database
    database.run('DROP TABLE t, p; DROP MATERIALIZED VIEW m; DROP TABLESPACE "Odd ""place"; DROP ROLE control')


TABLESPACE = """SELECT spcname, pg_get_userbyid(spcowner), spcacl::text, spcoptions
                     , shobj_description(oid, 'pg_tablespace')
                  FROM pg_tablespace WHERE spcname = 'Odd "place'"""
USED = """SELECT count(*) FROM pg_class
           WHERE reltablespace = (SELECT oid FROM pg_tablespace WHERE spcname = 'Odd "place')"""


@SOME
def test_a_missing_tablespace_is_named_with_both_ways_out(placed: Database, bare: Database) -> None:
    with pytest.raises(PreflightFailed, match='Tablespace "Odd "place" does not exist on the destination') as caught:
        copy(placed, bare, create=True, roles=True)
    assert re.search(r"clone with --tablespaces \(creates it\), or with --no-tablespaces", caught.value.hint)
    assert not exists(bare)


@SOME
def test_a_place_that_cannot_be_used_is_known_before(placed: Database, bare: Database, location: str) -> None:
    with pytest.raises(PreflightFailed, match=f"another server of this version uses {location} already"):
        copy(placed, bare, create=True, roles=True, create_tablespaces=True)
    assert not exists(bare)


@pytest.mark.pg("< 18")
def test_tablespaces_are_made(placed: Database) -> None:
    with Server(BINARIES[NEWEST], reachable_folder("replicator-test-globals-"), SETTINGS) as server:
        there = Database(server, "copy", NEWEST)
        copy(placed, there, create=True, roles=True, create_tablespaces=True)
        assert there.rows(TABLESPACE) == placed.rows(TABLESPACE)
        assert there.value(USED) == placed.value(USED) == 5
        there.run('DROP TABLE t, p; DROP MATERIALIZED VIEW m; DROP TABLESPACE "Odd ""place"')


def test_tablespaces_can_be_left_out(placed: Database, bare: Database) -> None:
    copy(placed, bare, create=True, tablespaces=False, roles=True)
    assert bare.value("SELECT count(*) FROM pg_class WHERE reltablespace = 0 AND relname ~ '^[tcipm]$'") == 5


@pytest.mark.pg(">= 15")
def test_tablespaces_in_place(database: Database, bare: Database) -> None:
    database.run(
        """SET allow_in_place_tablespaces = on;
        CREATE TABLESPACE here LOCATION '';
        CREATE TABLE t () TABLESPACE here"""
    )
    try:
        copy(database, bare, create=True, create_tablespaces=True)
        assert bare.value(
            "SELECT pg_tablespace_location(oid) ~ '^pg_tblspc/' FROM pg_tablespace WHERE spcname = 'here'"
        )
        assert dump(bare) == dump(database)
    finally:
        database.run("DROP TABLE t; DROP TABLESPACE here")


@pytest.mark.pg("in 12 18")
def test_a_database_in_a_tablespace(servers: Servers, major: int, placed: Database, bare: Database) -> None:
    source = servers.database(major, 'TABLESPACE "Odd ""place"')
    try:
        with pytest.raises(PreflightFailed, match='Tablespace "Odd "place" does not exist on the destination'):
            copy(source, bare, create=True)
        copy(source, bare, create=True, tablespaces=False)
        with psycopg.connect(bare.server.conninfo(), autocommit=True) as conn:
            conn.execute('DROP DATABASE "Odd ""copy"')
            folder = reachable_folder("replicator-test-tablespace-")
            conn.execute(f"""CREATE TABLESPACE "Odd ""place" LOCATION '{folder}'""")
        copy(source, bare, create=True)
        of_database = "SELECT count(*) FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace"
        assert bare.value(f"{of_database} WHERE datname = 'Odd \"copy' AND spcname = 'Odd \"place'") == 1
    finally:
        drop(source)


@pytest.mark.pg(">= 15")
def test_privileges_on_parameters_come_with_roles(database: Database, bare: Database) -> None:
    database.run(
        """CREATE ROLE operator;
        GRANT SET, ALTER SYSTEM ON PARAMETER log_min_duration_statement TO operator WITH GRANT OPTION;
        GRANT SET ON PARAMETER my.parameter TO PUBLIC"""
    )
    query = "SELECT parname, paracl::text FROM pg_parameter_acl ORDER BY 1"
    try:
        notes = copy(database, bare, create=True)
        assert notes[1:] == ['Not copied: privileges on parameter "my.parameter" of PUBLIC: --roles copies them.']
        drop(bare)
        copy(database, bare, create=True, roles=True)
        assert bare.rows(query) == database.rows(query)
        drop(bare)
        assert len(copy(database, bare, create=True, roles=True)) == 1
    finally:
        database.run("DROP OWNED BY operator; DROP ROLE operator; REVOKE ALL ON PARAMETER my.parameter FROM PUBLIC")


@SOME
def test_a_role_that_a_policy_names_is_not_to_be_done_without(database: Database, bare: Database) -> None:
    database.run("CREATE ROLE boss; CREATE TABLE t (); CREATE POLICY p ON t TO boss; GRANT SELECT ON t TO boss")
    try:
        with pytest.raises(
            PreflightFailed, match='Role "boss" does not exist on the destination, but policies'
        ) as caught:
            copy(database, bare, create=True, owners=False, privileges=False)
        assert caught.value.hint.endswith('CREATE ROLE "boss"; or clone with --roles.')
    finally:
        database.run("DROP TABLE t; DROP ROLE boss")


@SOME
def test_a_database_is_created_with_its_roles(database: Database, bare: Database) -> None:
    database.run(
        f"""CREATE ROLE boss; CREATE ROLE staff; GRANT staff TO boss;
        ALTER ROLE boss SET search_path = '';
        ALTER DATABASE {database.name} OWNER TO boss;
        GRANT CREATE ON DATABASE {database.name} TO staff;
        ALTER ROLE staff IN DATABASE {database.name} SET work_mem = '1MB'"""
    )
    try:
        with pytest.raises(
            PreflightFailed,
            match=r'Role "boss" does not exist on the destination, but .* database owner needs it',
        ) as caught:
            copy(database, bare, create=True)
        assert 'CREATE ROLE "staff"; or clone with --roles' in caught.value.hint
        assert not exists(bare)
        copy(database, bare, create=True, roles=True)
        assert dump(bare) == dump(database)
        assert bare.value("SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = 0") == ['search_path=""']
    finally:
        database.run(
            f"DROP OWNED BY boss, staff; ALTER DATABASE {database.name} OWNER TO postgres; DROP ROLE boss, staff"
        )


@SOME
def test_a_database_that_was_created_goes_when_the_run_is_interrupted(
    database: Database, bare: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connect, "wait_for_both", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clone(Settings(database.dsn, bare.dsn, create=True), lambda event: None)
    assert not exists(bare)


@SOME
@pytest.mark.parametrize(
    "use",
    ["CREATE TABLE precious ()", "SELECT 1", f"ALTER DATABASE {ODD_IDENTIFIER} IS_TEMPLATE true"],
    ids=["written", "in use", "template"],
)
def test_a_database_that_was_created_stays_once_somebody_uses_it(
    use: str, database: Database, bare: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He may write into it at any moment: a look whether he has would tell of the moment before. A template stays."""
    others: list[psycopg.Connection[tuple[object, ...]]] = []

    def interrupted(*args: object) -> None:
        others.append(psycopg.connect(bare.dsn, autocommit=True))
        others[0].execute(use)
        if use != "SELECT 1":
            others[0].close()
        raise KeyboardInterrupt

    monkeypatch.setattr(connect, "wait_for_both", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clone(Settings(database.dsn, bare.dsn, create=True), lambda event: None)
    others[0].close()
    assert bare.value("SELECT datallowconn FROM pg_database WHERE datname = current_database()") is True
    bare.run(f"CREATE TABLE IF NOT EXISTS precious (); ALTER DATABASE {ODD_IDENTIFIER} IS_TEMPLATE false")


@pytest.mark.pg("in 12 18")
def test_a_create_database_that_is_cut_off_is_no_lack_of_privileges(
    database: Database, new: Database, start: Start
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    mine = "FROM pg_stat_activity WHERE query ~ '^CREATE DATABASE' AND application_name ~ '^replicator'"
    with psycopg.connect(new.server.conninfo()) as in_the_way:
        in_the_way.execute("ALTER DATABASE template0 RENAME TO elsewhere")
        process = start("clone", "--create", *both(database, new))
        until(lambda: process.ended or database.value(f"SELECT count(*) {mine}") == 1)
        database.run(f"SELECT pg_terminate_backend(pid) {mine}")
        in_the_way.rollback()
    refuses(process.ends(), 4, "was not created on the destination", "Run the same command again")
    runs(start("clone", "--create", *both(database, new)).ends())


@pytest.mark.pg("in 12 16 18")
def test_a_role_that_may_create_databases_is_enough(database: Database, new: Database) -> None:
    database.run("ALTER ROLE alice LOGIN CREATEDB; CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t OWNER TO alice")
    database.run(f"ALTER DATABASE {database.name} OWNER TO alice; ALTER DATABASE {database.name} SET work_mem = '1MB'")
    dsn = new.server.conninfo(new.name, user="alice")
    try:
        clone(Settings(database.dsn, dsn, create=True, verify=True), lambda event: None)
        assert dump(new) == dump(database)
    finally:
        database.run("ALTER ROLE alice NOCREATEDB")
    drop(new)
    with pytest.raises(PreflightFailed, match="may not create databases"):
        clone(Settings(database.dsn, dsn, create=True), lambda event: None)


LACKING = """CREATE ROLE boss; CREATE TABLE t (a int); ALTER TABLE t OWNER TO boss; GRANT SELECT ON t TO boss;
    ALTER DATABASE {name} OWNER TO boss; GRANT CREATE ON DATABASE {name} TO boss, alice WITH GRANT OPTION"""


@SOME
def test_a_missing_role_is_one_finding_and_none_is_about_what_is_gone(database: Database, bare: Database) -> None:
    database.run(LACKING.format(name=database.name))
    try:
        with pytest.raises(PreflightFailed) as caught:
            copy(database, bare, create=True)
        assert not exists(bare)
        boss, alice = (f for f in caught.value.findings if f.fatal)
        assert [f.run for f in (boss, alice)] == ['CREATE ROLE "boss";', 'CREATE ROLE "alice";']
        assert "owns 1 object on the source" in boss.text
    finally:
        database.run(
            f"DROP TABLE t; ALTER DATABASE {database.name} OWNER TO postgres; DROP OWNED BY boss; DROP ROLE boss"
        )


@pytest.mark.pg("in 14 15 18")
@pytest.mark.parametrize("flags", [["--create"], ["--replace", "swap"]], ids=" ".join)
def test_a_mere_member_of_the_owner_clones_the_owners_objects_in_public(
    flags: list[str], database: Database, new: Database, replicator: Run
) -> None:
    """From 15 on, only the database's owner may create objects there: the database is the owner's from the start."""
    database.run(
        f"""ALTER ROLE alice LOGIN CREATEDB; GRANT bob TO alice; ALTER DATABASE {database.name} OWNER TO bob;
        CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t OWNER TO bob;
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f OWNER TO bob"""
    )
    servers = [flag.replace("user=postgres", "user=alice") for flag in both(database, new)]
    try:
        runs(replicator("clone", *flags, *servers, "--verify"))
        assert new.value("SELECT f() FROM t") == 1
        assert new.rows(MINE) == [("bob", None)]
        assert new.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 't'") == "bob"
    finally:
        database.run("ALTER ROLE alice NOLOGIN NOCREATEDB; REVOKE bob FROM alice")


@pytest.mark.pg("in 15 18")
def test_what_only_the_databases_owner_may_create_is_advised_to_be_the_owners(
    database: Database, destination: Database
) -> None:
    """The destination is there already, and belongs to the member."""
    database.run(
        f"""ALTER ROLE alice LOGIN; GRANT bob TO alice; ALTER DATABASE {destination.name} OWNER TO alice;
        CREATE TABLE t (a int PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS a;
        ALTER TABLE t OWNER TO bob; ALTER VIEW v OWNER TO bob"""
    )
    settings = Settings(*(each.server.conninfo(each.name, user="alice") for each in (database, destination)))
    try:
        with pytest.raises(PreflightFailed) as caught:
            clone(settings, lambda event: None)
        advice = f'ALTER DATABASE "{destination.name}" OWNER TO "bob";'
        assert {f.run for f in caught.value.findings if f.fatal} == {advice}
        destination.run(advice)
        clone(settings, lambda event: None)
        assert destination.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 't'") == "bob"
    finally:
        database.run("ALTER ROLE alice NOLOGIN; REVOKE bob FROM alice")


@pytest.mark.pg("in 16 18")
def test_a_role_that_may_not_act_as_the_owner_gives_the_database_away_last(database: Database, new: Database) -> None:
    """Were it the owner's from the start, it could not even create its journal there."""
    database.run(
        f"""ALTER ROLE alice LOGIN CREATEDB; GRANT bob TO alice WITH INHERIT FALSE; CREATE TABLE t (a int);
        GRANT SELECT ON t TO alice; ALTER DATABASE {database.name} OWNER TO bob"""
    )
    settings = Settings(
        *(each.server.conninfo(each.name, user="alice") for each in (database, new)),
        create=True,
        skip_unprivileged=True,
    )
    try:
        clone(settings, lambda event: None)
        assert new.value("SELECT count(*) FROM t") == 0
    finally:
        database.run("ALTER ROLE alice NOLOGIN NOCREATEDB; REVOKE bob FROM alice")


@pytest.mark.pg("in 18")
def test_what_needs_the_database_that_is_gone_makes_it_first(database: Database, new: Database) -> None:
    database.run(
        f"""ALTER ROLE alice LOGIN CREATEDB; ALTER DATABASE {database.name} OWNER TO bob;
        CREATE SCHEMA his AUTHORIZATION bob;
        ALTER DATABASE {database.name} SET log_min_duration_statement = 250"""
    )
    maintenance = Database(new.server, "postgres", new.major)
    settings = Settings(database.dsn, new.server.conninfo(new.name, user="alice"), create=True)
    refused = lambda: [f for f in caught.value.findings if f.fatal]  # noqa: E731
    try:
        with pytest.raises(PreflightFailed) as caught:
            clone(settings, lambda event: None)
        assert not exists(new)
        gone, member, setting = refused()
        assert [gone.object, member.object] == ["the database", 'role "bob"'], "the owner is told of once"
        assert setting.run.startswith(f"ALTER DATABASE {new.name} SET log_min_duration_statement")
        maintenance.run("".join(f.run for f in (gone, member, setting)))
        clone(settings, lambda event: None)
        assert new.rows(MINE) == [("bob", None)]
    finally:
        database.run("ALTER ROLE alice NOLOGIN NOCREATEDB; REVOKE bob FROM alice")


@pytest.mark.pg("in 12 18")
def test_probe_of_a_database_that_create_is_to_make(database: Database, new: Database, replicator: Run) -> None:
    """What its server tells is told: roles, extensions, who may create it. What the maintenance database has is not."""
    flags = ("probe", "--create", *both(database, new))
    database.run("CREATE EXTENSION hstore; CREATE ROLE boss; CREATE TABLE t (h hstore); ALTER TABLE t OWNER TO boss")
    maintenance = Database(new.server, "postgres", new.major)
    maintenance.run("CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE TABLE occupied ()")
    try:
        out = runs(replicator(*flags))
        assert f"destination: PostgreSQL {new.major}" in out
        assert f"database {new.name}, 0 B, UTF8" in out
        assert f'note: Database "{new.name}" does not exist yet, so the schema was not tried there' in out
        assert "problem:" not in out
        database.run("ALTER ROLE alice LOGIN")
        as_alice = new.server.conninfo(new.name, user="alice")
        result = replicator("probe", "--create", "--source", database.dsn, "--destination", as_alice)
        assert result.code == 3
        for run in ('ALTER ROLE "alice" CREATEDB;', 'GRANT "boss" TO "alice"'):
            assert f"run on the destination: {run}" in result.out
        assert not exists(new)
        json_there = runs(replicator(*flags, "--output", "json"))
        assert json.loads(json_there)["destination"]["database"] == new.name
    finally:
        maintenance.run("DROP TABLE occupied; DROP EXTENSION hstore; DROP SCHEMA ext")
        database.run("DROP TABLE t; DROP ROLE boss; ALTER ROLE alice NOLOGIN")


@pytest.mark.pg("in 18")
@pytest.mark.parametrize("command", ["status", "clean"])
def test_of_a_database_that_is_not_there_nothing_is_unfinished(command: str, new: Database, replicator: Run) -> None:
    result = replicator(command, "--destination", new.dsn)
    refuses(result, 4, f'has no database "{new.name}"', "So it holds no unfinished clone")
    assert "--create" not in result.err


@pytest.mark.pg("in 12 18")
def test_a_database_that_somebody_else_has_just_made(database: Database, new: Database, start: Start) -> None:
    """Both looked, and neither saw it. It is not ours: it stays."""
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND NOT granted"
    with psycopg.connect(new.server.conninfo()) as in_the_way:
        in_the_way.execute("ALTER DATABASE template0 RENAME TO elsewhere")
        process = start("clone", "--create", *both(database, new))
        until(lambda: process.ended or database.value(waiting) == 1)
        with psycopg.connect(new.server.conninfo(), autocommit=True) as other:
            other.execute(f"CREATE DATABASE {new.name} TEMPLATE template1")
        in_the_way.rollback()
    refuses(process.ends(), 3, f'Another session has just created the database "{new.name}"')
    assert exists(new)


@pytest.mark.pg("in 12 18")
def test_a_database_that_is_there_is_used(database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    assert copy(database, destination, create=True) == []
    with pytest.raises(PreflightFailed, match="not empty"):
        copy(database, destination, create=True)
    assert exists(destination)


@pytest.mark.parametrize(
    ("major", "options", "feature"),
    [
        (15, "LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'", "ICU as the locale provider"),
        (17, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'", "the locale provider builtin"),
    ],
)
def test_what_an_older_server_cannot_hold_is_refused(major: int, options: str, feature: str, servers: Servers) -> None:
    if not {VERSIONS[0], major} < set(VERSIONS):
        pytest.skip("needs both servers")
    source, new = servers.database(major, options), servers.database(VERSIONS[0])
    drop(new)
    with pytest.raises(
        PreflightFailed, match=f"has {feature}.*PostgreSQL {VERSIONS[0]} on the destination does not support"
    ):
        copy(source, new, create=True)
    assert not exists(new)


def test_plan_shows_the_settings(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(f"ALTER DATABASE {source.name} SET work_mem = '1MB'")
    last = plan_copy(Settings(source.dsn, destination.dsn), lambda event: None).steps[-1]
    work = Execute((f"ALTER DATABASE {destination.name} SET work_mem TO '1MB'",))
    assert (last.phase, last.work) == (Phase.DATABASE, work)


@pytest.mark.pg("in 18")
def test_the_options(replicator: Run, database: Database, new: Database) -> None:
    runs(replicator("clone", *both(database, new), "--create", "--roles", "--tablespaces", "--verify"))
    runs(replicator("clone", *both(database, new), "--create", "--no-tablespaces"))
    refused = replicator("clone", *both(database, new), "--tablespaces", "--no-tablespaces")
    refuses(refused, 2, "--tablespaces and --no-tablespaces exclude each other")
