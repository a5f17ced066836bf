"""Every kind's fixture makes the round trip: `pg_dump -s` of the copy is that of the original, byte for byte.

A fixture is SQL with the version guards of the kinds' own files (`--14+`, `--<14 `); roles: fix_servers.ROLES.
"""

import difflib
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from replicator.catalog import KINDS
from replicator.catalog.read import read_catalog
from replicator.model import Catalog
from replicator.planning import graph
from replicator.sessions import postgres
from replicator.sessions.statements import for_version
from tests.fix_servers import Database

FIXTURES = sorted((Path(__file__).parent / "kinds").glob("*.sql"))
SQL = Path(graph.__file__).parents[1] / "catalog" / "kinds"
FACETS = frozenset(kind.name for kind in KINDS if kind.facet)


def read(database: Database) -> Catalog:
    with postgres.connect(database.dsn) as conn, conn.transaction():
        return read_catalog(conn)


def create_schema(catalog: Catalog, destination: Database) -> None:
    """Run every statement in creation order, as a clone of an empty database would."""
    with postgres.connect(destination.dsn) as conn:
        for piece in graph.order(catalog.objects):
            with conn.transaction():
                for statement in piece.statements:
                    try:
                        conn.execute(statement)
                    except Exception as error:
                        error.add_note(f"{piece.name}: {statement}")
                        raise


MEMBER = re.compile(r"^    (OPERATOR|FUNCTION) \d+ ")


ROLES_OF_A_POLICY = re.compile(r"(?<= TO )\w+(?:, \w+)+(?= (?:USING|WITH CHECK) \()")


def in_order(dump: str) -> list[str]:
    """Return a dump's lines, sorted where pg_dump leaves that to the planner: operator families, a policy's roles."""
    dump = ROLES_OF_A_POLICY.sub(lambda roles: ", ".join(sorted(roles[0].split(", "))), dump)
    lines: list[str] = []
    for is_member, lines_alike in itertools.groupby(dump.splitlines(), key=lambda line: bool(MEMBER.match(line))):
        run = list(lines_alike)
        lines += sorted(line.rstrip(" ,;") for line in run) if is_member else run
    return lines


def difference(one: str, other: str) -> str:
    return "\n".join(difflib.unified_diff(in_order(one), in_order(other), "source", "copy", lineterm="", n=6))


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


@pytest.mark.pg("in 17")
def test_a_domain_that_is_not_null_twice(database: Database, destination: Database) -> None:
    """A mistake of 17 allows it, which its own pg_dump does not survive."""
    database.run("CREATE DOMAIN d AS integer CONSTRAINT one NOT NULL CONSTRAINT other NOT NULL")
    create_schema(read(database), destination)
    assert "CONSTRAINT one NOT NULL" in destination.dump()


def test_what_some_servers_print_without_the_brackets_that_they_want(database: Database, destination: Database) -> None:
    if not database.has_xml():
        pytest.skip("this server is built without xml")
    database.run("""
        CREATE TABLE t (x xml, "odd, ( name" xml, a int);
        CREATE INDEX ON t ((x IS DOCUMENT));
        CREATE INDEX ON t (a, ("odd, ( name" IS DOCUMENT) DESC);
        CREATE INDEX ON t ((xmlconcat(x, x) IS DOCUMENT)) WHERE x IS DOCUMENT;
    """)
    catalog = read(database)
    create_schema(catalog, destination)
    assert not difference(database.dump(), destination.dump())
    assert comparable(read(destination)) == comparable(catalog)


def test_comments_on_what_a_partition_got_from_its_parent(database: Database, destination: Database) -> None:
    """pg_dump loses them."""
    script = (Path(__file__).parent / "kinds/comment.sql").read_text("utf-8").partition("-- Of what a partition got")[2]
    database.run("CREATE SCHEMA comment; --" + script.partition("-- An extension")[0])
    create_schema(read(database), destination)
    comments = "SELECT description FROM pg_description WHERE description LIKE '%of a partition%' ORDER BY 1"
    assert len(database.rows(comments)) == 4
    assert destination.rows(comments) == database.rows(comments)


def test_foreign_keys_are_the_same_when_they_are_validated_later(database: Database, destination: Database) -> None:
    script = for_version((Path(__file__).parent / "kinds/foreign_key.sql").read_text("utf-8"), database.major)
    database.run(script)
    catalog = read(database)
    split = [o for o in catalog.objects if o.kind == "foreign_key" and o.stub]
    assert len(split) > 10
    in_two = tuple(replace(o, create=o.stub + o.finish) if o in split else o for o in catalog.objects)
    create_schema(replace(catalog, objects=in_two), destination)
    assert not difference(database.dump(), destination.dump())


def test_columns_that_parents_got_after_their_child(database: Database, destination: Database) -> None:
    """They stand elsewhere in the copy, in pg_dump's, too: what is said of them is the same."""
    database.run("""
        CREATE TABLE one (a integer DEFAULT 1);
        CREATE TABLE two (x integer DEFAULT 1);
        CREATE TABLE child (own integer, b integer DEFAULT 3, more integer) INHERITS (one, two);
        ALTER TABLE one ADD COLUMN b integer DEFAULT 2, ADD COLUMN c integer DEFAULT 2;
        ALTER TABLE child ALTER x SET DEFAULT 5, ALTER c SET DEFAULT 5, ALTER a SET DEFAULT 5;
    """)
    catalog = read(database)
    create_schema(catalog, destination)
    assert comparable(read(destination)) == comparable(catalog)
    defaults = """SELECT attname, pg_get_expr(adbin, adrelid)
                    FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
                   WHERE adrelid = 'child'::regclass ORDER BY attname"""
    assert destination.rows(defaults) == database.rows(defaults)


SET_ASIDE = """
DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER %s %I RENAME TO %I', word, name, '<fixture>: ' || name)
          FROM (SELECT 'SCHEMA', nspname, oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'
                 UNION ALL
                SELECT 'LANGUAGE', lanname, oid FROM pg_language WHERE oid >= 16384
                 UNION ALL
                SELECT 'FOREIGN DATA WRAPPER', fdwname, oid FROM pg_foreign_data_wrapper
                 UNION ALL
                SELECT 'SERVER', srvname, oid FROM pg_foreign_server
                 UNION ALL
                SELECT 'EVENT TRIGGER', evtname, oid FROM pg_event_trigger
                 UNION ALL
                SELECT 'PUBLICATION', pubname, oid FROM pg_publication
                 UNION ALL
                SELECT 'SUBSCRIPTION', s.subname, s.oid
                  FROM pg_subscription s
                  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()) AS o (word, name, oid)
         WHERE name !~ '^[a-z_]+: '
           AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
"""
NEW_PUBLIC = """
CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
ALTER SCHEMA public OWNER TO pg_database_owner; --15+
--<15 GRANT CREATE ON SCHEMA public TO PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


def fill_with_all_kinds(database: Database) -> None:
    """Run all fixtures. They use the same names: after each, what it made is renamed."""
    new_public = for_version(NEW_PUBLIC, database.major)
    database.run("DROP SCHEMA public")
    for fixture in FIXTURES:
        script = for_version(fixture.read_text("utf-8"), database.major)
        if not missing_features(script, database):
            database.run(new_public + script + SET_ASIDE.replace("<fixture>", fixture.stem))
    database.run(new_public)


def test_all_kinds_in_one_database(database: Database, destination: Database) -> None:
    """The order of creation is another one then."""
    fill_with_all_kinds(database)
    catalog = read(database)
    create_schema(catalog, destination)
    assert not difference(database.dump(), destination.dump())
    assert comparable(read(destination)) == comparable(catalog)


OTHER_PLANS = (
    ("hashagg", "nestloop", "sort"),
    ("hashjoin", "mergejoin", "indexscan"),
    ("mergejoin", "nestloop", "material"),
)


def test_no_plan_changes_what_is_read(database: Database) -> None:
    """A flat list of pairs, put together in whatever order a join left them, once lost what a stub needs."""
    fill_with_all_kinds(database)
    usual = read(database)
    for settings in OTHER_PLANS:
        with postgres.connect(database.dsn) as conn, conn.transaction():
            for setting in settings:
                conn.execute(f"SET LOCAL enable_{setting} = off")
            assert read_catalog(conn) == usual, settings


def test_security_labels_read_as_pg_dump_writes_them(database: Database) -> None:
    """Without a provider no label can be set, but one can be put into the catalog, and pg_dump asks no provider."""
    database.run("""
        CREATE TABLE public."Odd ""table" (a integer, "select" integer);
        CREATE VIEW public.view AS SELECT 1 AS a;
        CREATE FUNCTION public.function(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE PUBLICATION "Odd publication";
        INSERT INTO pg_seclabel (classoid, objoid, objsubid, provider, label)
        SELECT 'pg_class'::regclass, c.oid, subid, provider, 'it''s ' || subid
          FROM pg_class c, generate_series(0, 2) AS subid, (VALUES ('selinux'), ('Odd provider')) AS p (provider)
         WHERE c.oid = '"Odd ""table"'::regclass OR c.oid = 'public.view'::regclass AND subid < 2
         UNION ALL
        SELECT 'pg_proc'::regclass, 'public.function'::regproc, 0, 'selinux', 'function'
         UNION ALL
        SELECT 'pg_namespace'::regclass, 'public'::regnamespace, 0, 'selinux', 'schema'
         UNION ALL
        SELECT 'pg_publication'::regclass, oid, 0, 'selinux', 'publication' FROM pg_publication;
    """)
    written = re.findall(r"^SECURITY LABEL .*(?=;$)", database.dump(), re.MULTILINE)
    labels = [statement for o in read(database).objects if o.kind == "security_label" for statement in o.create]
    assert len(labels) == 13
    assert sorted(labels) == sorted(written)


def missing_features(script: str, database: Database) -> str:
    """Return what a fixture's line `-- requires: icu, xml, pg_trgm` names and the server lacks."""
    named = re.search(r"^-- requires: (.+?)(?: +--\d+\+)?$", script, re.MULTILINE)
    return ", ".join(f for f in re.split(r",\s*", named[1]) if not has_feature(f, database)) if named else ""


def has_feature(feature: str, database: Database) -> bool:
    match feature:
        case "icu":
            return bool(database.value("SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'"))
        case "xml":
            return database.has_xml()
        case extension:
            return bool(
                database.value(f"SELECT count(*) FROM pg_available_extensions WHERE name = '{extension.strip()}'")
            )


def test_each_kind_has_its_file_its_line_and_its_fixture() -> None:
    names = sorted(kind.name for kind in KINDS)
    assert sorted(path.stem for path in SQL.glob("*.sql")) == names
    assert [path.stem for path in FIXTURES] == names
