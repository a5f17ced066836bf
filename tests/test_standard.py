"""What every new database has is on the copy as it is on the source, whatever the destination's template said."""

import psycopg
import pytest

from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import SOME, Database

SALARY = "CREATE TABLE salary (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
DEFAULTS = """
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO alice;
ALTER DEFAULT PRIVILEGES FOR ROLE bob GRANT SELECT ON TABLES TO alice;
"""


def equal(source: Database, destination: Database) -> None:
    """Assert that pg_dump, and who has which privilege, are the same."""
    assert destination.dump() == source.dump()
    lists = """SELECT relname::text, relacl::text FROM pg_class WHERE oid >= 16384 UNION ALL
        SELECT proname, proacl::text FROM pg_proc WHERE oid >= 16384 UNION ALL
        SELECT nspname, coalesce(nspacl, acldefault('n', nspowner))::text
          FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1"""
    assert destination.rows(lists) == source.rows(lists)
    assert extensions(destination) == extensions(source)


def extensions(database: Database) -> list[tuple]:
    return database.rows("SELECT extname::text FROM pg_extension ORDER BY 1")


@SOME
@pytest.mark.parametrize("own", ["", "ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO bob"])
def test_the_destinations_default_privileges_do_not_act_on_the_copy(
    own: str, replicator: Run, database: Database, destination: Database
) -> None:
    database.run(f"{own}; {SALARY}; CREATE SEQUENCE s; CREATE SCHEMA more; CREATE TABLE more.t ()")
    destination.run(DEFAULTS)
    result = replicator("clone", "--verify", *both(database, destination))
    runs(result)
    equal(database, destination)
    assert "default privileges would apply to the copy" in result.said
    assert "GRANT SELECT ON TABLES TO PUBLIC;" in result.said, "how to have them again"
    assert "No differences." in runs(replicator("verify", *both(database, destination)))


@SOME
def test_a_plain_role_s_own_are_taken_away_and_another_s_are_told(
    replicator: Run, database: Database, destination: Database
) -> None:
    database.run(f"GRANT CREATE ON SCHEMA public TO alice; SET ROLE alice; {SALARY}")
    destination.run(f"GRANT CREATE ON SCHEMA public TO alice; ALTER DATABASE {destination.name} OWNER TO alice")
    destination.run(
        """ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO PUBLIC;
        ALTER DEFAULT PRIVILEGES FOR ROLE bob GRANT SELECT ON TABLES TO PUBLIC"""
    )
    maintain(destination, "ALTER ROLE alice LOGIN")
    try:
        flags = list(both(database, destination))
        flags[3] = flags[3].replace("user=postgres", "user=alice")
        refuses(replicator("clone", *flags), 3, "ALTER DEFAULT PRIVILEGES FOR ROLE bob REVOKE")
        destination.run("ALTER DEFAULT PRIVILEGES FOR ROLE bob REVOKE SELECT ON TABLES FROM PUBLIC")
        runs(replicator("clone", "--verify", *flags))
        equal(database, destination)
    finally:
        maintain(destination, "ALTER ROLE alice NOLOGIN")
        for each in (database, destination):
            each.run("REASSIGN OWNED BY alice TO postgres; DROP OWNED BY alice")


@SOME
def test_what_the_source_says_as_well_needs_no_privilege(
    replicator: Run, database: Database, destination: Database
) -> None:
    """Both are of a provider who has made the schema public his own."""
    for each in (database, destination):
        each.run("ALTER SCHEMA public OWNER TO bob; REVOKE ALL ON SCHEMA public FROM PUBLIC")
        each.run(f"GRANT ALL ON SCHEMA public TO alice; ALTER DATABASE {each.name} OWNER TO alice")
    database.run(f"SET ROLE alice; {SALARY}")
    maintain(destination, "ALTER ROLE alice LOGIN")
    try:
        flags = [flag.replace("user=postgres", "user=alice") for flag in both(database, destination)]
        runs(replicator("clone", "--verify", "--skip-unprivileged", *flags))
        equal(database, destination)
    finally:
        maintain(destination, "ALTER ROLE alice NOLOGIN")
        for each in (database, destination):
            each.run("REASSIGN OWNED BY alice TO postgres; DROP OWNED BY alice; DROP OWNED BY bob CASCADE")


@SOME
def test_what_the_template_said_of_public_is_taken_back(
    replicator: Run, database: Database, destination: Database
) -> None:
    """Found at the end before, as a difference, or not at all."""
    database.run("CREATE TABLE t (); GRANT USAGE ON SCHEMA public TO bob")
    destination.run(
        """ALTER SCHEMA public OWNER TO alice; GRANT ALL ON SCHEMA public TO carol; COMMENT ON SCHEMA public IS 'odd';
        REVOKE ALL ON SCHEMA public FROM PUBLIC"""
    )
    result = replicator("clone", "--verify", *both(database, destination))
    runs(result)
    assert "Schema public on the destination differs" in result.said
    equal(database, destination)
    destination.run("ALTER SCHEMA public OWNER TO alice")
    owned = replicator("verify", *both(database, destination))
    assert (owned.code, "schema public: different: owned by" in owned.out) == (8, True), owned


@SOME
def test_without_the_schema_public(replicator: Run, database: Database, destination: Database) -> None:
    database.run("DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS a")
    runs(replicator("clone", "--verify", *both(database, destination)))
    equal(database, destination)
    assert "No differences." in runs(replicator("verify", *both(database, destination)))
    runs(replicator("clone", "--replace", "swap", *both(database, destination)))
    equal(database, destination)
    # The other way round: the destination has none.
    function = "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'"
    database.run(f"CREATE SCHEMA public; {function}")
    destination.run("DROP SCHEMA app CASCADE")
    runs(replicator("clone", "--verify", *both(database, destination)))
    equal(database, destination)
    destination.run("DROP SCHEMA app, public CASCADE; DROP EXTENSION plpgsql")
    runs(replicator("clone", "--verify", *both(database, destination)))
    assert extensions(destination) == extensions(database)
    assert destination.value("SELECT public.f()") == 1


@SOME
def test_clean_leaves_the_schema_public_as_in_a_new_database(
    replicator: Run, database: Database, destination: Database
) -> None:
    public = "SELECT nspacl::text, nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'"
    before = destination.rows(public)
    database.run(
        f"""DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS a;
        CREATE FUNCTION app.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS
            'SELECT 1 / CASE current_database() WHEN ''{destination.name}'' THEN 0 ELSE 1 END';
        CREATE INDEX ON app.t (app.f(a))"""
    )
    assert replicator("clone", *both(database, destination)).code == 6
    assert destination.value("SELECT to_regnamespace('public')") is None
    assert replicator("clone", "--resume=per-table", *both(database, destination)).code == 6
    runs(replicator("clean", "--destination", destination.dsn))
    assert destination.rows(public) == before


@SOME
def test_plpgsql_made_anew(replicator: Run, database: Database, destination: Database) -> None:
    """On either side, on both, with privileges of its own."""
    anew = "DROP EXTENSION plpgsql CASCADE; CREATE EXTENSION plpgsql;"
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';"
    database.run(f"{anew} {body} REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC; GRANT USAGE ON LANGUAGE plpgsql TO bob")
    runs(replicator("clone", "--verify", *both(database, destination)))
    assert destination.value("SELECT f()") == 1
    acl = "SELECT lanacl::text FROM pg_language WHERE lanname = 'plpgsql'"
    assert destination.value(acl) == database.value(acl)
    destination.run("DROP EXTENSION plpgsql CASCADE")
    lost = replicator("verify", *both(database, destination))
    assert "extension plpgsql: missing on the destination" in lost.out
    destination.run("CREATE EXTENSION plpgsql")
    database.run("COMMENT ON EXTENSION plpgsql IS 'ours'")
    runs(replicator("clone", "--replace", "drop", "--allow-empty", "--verify", *both(database, destination)))
    assert destination.value("SELECT f()") == 1
    assert destination.value(acl) == database.value(acl)
    assert destination.value("SELECT obj_description(oid) FROM pg_extension WHERE extname = 'plpgsql'") == "ours"


@SOME
def test_the_databases_owners_are_told_apart(replicator: Run, database: Database, destination: Database) -> None:
    maintain(destination, f"ALTER DATABASE {destination.name} OWNER TO alice")
    told = replicator("verify", *both(database, destination))
    assert "Not compared: the databases' owners, postgres and alice." in told.said
    assert "owners" not in replicator("verify", "--no-owner", *both(database, destination)).said


def maintain(database: Database, statement: str) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute(statement)
