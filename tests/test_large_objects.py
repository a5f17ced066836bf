"""Large objects: their bytes, owners, privileges and comments, however many and however long they are."""

import subprocess
import sys

import psycopg
import pytest

from replicator.errors import PreflightFailed
from replicator.runs.clone import clone
from replicator.settings import Settings
from tests.fix_cli import COMMAND, NEWEST, both, environment, own_server
from tests.fix_servers import Database, Servers

SAID = r"""
SELECT lo_create(5), lo_create(6), lo_create(7), lo_create(8), lo_create(4000000000);
ALTER LARGE OBJECT 5 OWNER TO alice;
ALTER LARGE OBJECT 6 OWNER TO "Odd Role";
ALTER LARGE OBJECT 8 OWNER TO alice;
COMMENT ON LARGE OBJECT 5 IS 'five';
COMMENT ON LARGE OBJECT 4000000000 IS E'four thousand\n''million'' %s \\';
REVOKE UPDATE ON LARGE OBJECT 5 FROM alice;
GRANT SELECT ON LARGE OBJECT 5 TO PUBLIC;
GRANT SELECT, UPDATE ON LARGE OBJECT 6, 7 TO carol;
REVOKE ALL ON LARGE OBJECT 8 FROM alice;
GRANT SELECT ON LARGE OBJECT 4000000000 TO bob WITH GRANT OPTION;
GRANT UPDATE ON LARGE OBJECT 4000000000 TO bob;
SET SESSION AUTHORIZATION bob;
GRANT SELECT ON LARGE OBJECT 4000000000 TO "Odd Role";
"""
ALL = """
SELECT oid, md5(lo_get(oid)), pg_get_userbyid(lomowner), lomacl::text, obj_description(oid, 'pg_largeobject')
  FROM pg_largeobject_metadata
 ORDER BY oid
"""


def copy(source: Database, destination: Database, **options: object) -> None:
    clone(Settings(source.dsn, destination.dsn, jobs=2, **options), lambda event: None)


def test_owners_privileges_and_comments_arrive(database: Database, destination: Database) -> None:
    database.run(SAID)
    copy(database, destination, verify=True)
    assert destination.rows(ALL) == database.rows(ALL)
    assert destination.dump("--blobs") == database.dump("--blobs")


def test_owners_and_privileges_can_be_left_out(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(SAID)
    copy(source, destination, owners=False, privileges=False, verify=True)
    said = "SELECT DISTINCT pg_get_userbyid(lomowner), lomacl FROM pg_largeobject_metadata"
    assert destination.rows(said) == [("postgres", None)]
    assert destination.value("SELECT obj_description(5, 'pg_largeobject')") == "five"


def test_privileges_arrive_whoever_owns_the_copy(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(SAID)
    copy(source, destination, owners=False, verify=True)
    granted = "SELECT oid FROM pg_largeobject_metadata WHERE lomacl::text LIKE '%carol=rw/postgres%' ORDER BY 1"
    assert destination.rows(granted) == [(6,), (7,)]


def test_lengths_around_a_piece_arrive(database: Database, destination: Database) -> None:
    """Also holes, which no page of pg_largeobject stands for."""
    database.run("""
        SELECT lo_from_bytea(0, decode(repeat('5a', 524288 * n + d), 'hex'))
          FROM generate_series(0, 3) n, generate_series(-1, 1) d
         WHERE n + d >= 0;
        SELECT lo_put(lo_create(0), 3000000, 'after a hole');
    """)
    copy(database, destination, verify=True)
    assert destination.rows(ALL) == database.rows(ALL)


def test_an_owner_that_may_not_be_used_is_told_before(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("SELECT lo_from_bytea(0, '1') FROM generate_series(1, 2000)")
    source.run("DO 'DECLARE r record; BEGIN FOR r IN SELECT oid FROM pg_largeobject_metadata"
               " LOOP EXECUTE format(''ALTER LARGE OBJECT %s OWNER TO bob'', r.oid); END LOOP; END'")  # fmt: skip
    destination.run(f"CREATE ROLE loader LOGIN; GRANT CREATE ON DATABASE {destination.name} TO loader")
    loader = psycopg.conninfo.make_conninfo(destination.dsn, user="loader")
    try:
        with pytest.raises(PreflightFailed, match='"bob"'):
            clone(Settings(source.dsn, loader, jobs=2), lambda event: None)
    finally:
        destination.run("DROP OWNED BY loader; DROP ROLE loader")


def test_comments_and_grants_fit_into_the_locks_that_a_server_has_by_default() -> None:
    with own_server(max_connections="100") as server:
        source, destination = (Database(server, name, NEWEST) for name in ("one", "other"))
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            for database in (source, destination):
                conn.execute(f"CREATE DATABASE {database.name} TEMPLATE template0")
            conn.execute("CREATE ROLE reader")
        source.run("SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 10000)")
        source.run("""DO $$
            DECLARE o oid; n int := 0;
            BEGIN
                FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP
                    EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', o);
                    EXECUTE format('COMMENT ON LARGE OBJECT %s IS ''number %s''', o, o);
                    n := n + 1;
                    IF n % 1000 = 0 THEN COMMIT; END IF;
                END LOOP;
            END $$""")
        clone(Settings(source.dsn, destination.dsn, jobs=8), lambda event: None)
        assert destination.rows(ALL) == source.rows(ALL)


def test_objects_of_many_megabytes_do_not_fill_memory(servers: Servers) -> None:
    """Eight workers at once, each with an object of 40 MB: 120 MB is what all of the client may take."""
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("SELECT lo_put(lo_create(400 * n), 40000000, 'x') FROM generate_series(1, 8) n")
    source.run("SELECT lo_create(400 * n + i) FROM generate_series(1, 8) n, generate_series(1, 399) i")
    program = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
        " print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", program, *COMMAND, "clone", *both(source, destination), "--jobs", "8"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    code, megabytes = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert int(megabytes) <= 120
    assert destination.rows(ALL) == source.rows(ALL)
