"""Tables arrive whatever became of them in the meantime: of parents and children, of columns and defaults."""

import psycopg
import pytest

from replicator.runs.clone import clone
from replicator.settings import Settings
from tests.fix_servers import SOME, VERSIONS, Database, Servers


def cloned(source: Database, destination: Database, *, downgrade: bool = False) -> None:
    """Clone and verify: a difference is an error."""
    clone(Settings(source.dsn, destination.dsn, jobs=2, verify=True, downgrade=downgrade), lambda event: None)


def test_what_is_said_of_columns_is_the_same_in_whatever_order_they_are(
    database: Database, destination: Database
) -> None:
    """A parent that got a column later has it before its children's own ones in the copy, as with pg_dump."""
    database.run("""
        CREATE TABLE parent (a int);
        CREATE TABLE child (x int) INHERITS (parent);
        ALTER TABLE parent ADD COLUMN b int;
        ALTER TABLE child ALTER b SET STATISTICS 7, ALTER x SET STATISTICS 8;
        COMMENT ON COLUMN child.b IS 'b'; COMMENT ON COLUMN child.x IS 'x';
        GRANT SELECT (b, x), UPDATE (x) ON child TO bob;
        CREATE STATISTICS s ON x, b FROM child;
    """)
    if database.major >= 15:
        database.run("CREATE PUBLICATION u FOR TABLE ONLY child (x, b)")
    cloned(database, destination)


def test_parents_whose_defaults_conflict_have_a_child_that_says_none(database: Database, destination: Database) -> None:
    """They did not when it was made; psql ends there with what pg_dump wrote."""
    database.run("""
        CREATE TABLE one (a int DEFAULT 1, "B" text DEFAULT 'b');
        CREATE TABLE two (a int DEFAULT 1, "B" text DEFAULT 'b');
        CREATE TABLE child () INHERITS (one, two);
        CREATE TABLE childless (a int) INHERITS (one, two);
        ALTER TABLE one ALTER a SET DEFAULT 3, ALTER "B" SET DEFAULT 'c';
        ALTER TABLE ONLY childless ALTER a DROP DEFAULT;
    """)
    cloned(database, destination)
    assert destination.dump() == database.dump()


@pytest.mark.skipif(not {15, 18} <= set(VERSIONS), reason="needs PostgreSQL 15 and 18")
def test_an_older_server_has_a_check_for_the_not_null_of_a_column_that_is_only_inherited(servers: Servers) -> None:
    source, destination = servers.database(18), servers.database(15)
    source.run("""
        CREATE TABLE parent (p varchar);
        CREATE TABLE child (q int, CHECK (p NOT IN ('', 'd '))) INHERITS (parent);
        ALTER TABLE child ADD CONSTRAINT b NOT NULL p NO INHERIT;
        CREATE TABLE other_parent (p varchar DEFAULT '1');
        CREATE TABLE other_child (q int, CHECK (p NOT IN ('', 'd '))) INHERITS (parent, other_parent);
        ALTER TABLE parent ALTER p SET DEFAULT '2';
        ALTER TABLE other_child ADD CONSTRAINT b NOT NULL p NO INHERIT;
    """)
    cloned(source, destination, downgrade=True)


@pytest.mark.skipif(not {15, 18} <= set(VERSIONS), reason="needs PostgreSQL 15 and 18")
def test_a_not_null_that_is_not_valid_may_become_a_check_of_a_parent(servers: Servers) -> None:
    source, destination = servers.database(18), servers.database(15)
    source.run("""
        CREATE TABLE parent (e int, m int DEFAULT 3, k int);
        ALTER TABLE parent ADD CONSTRAINT t NOT NULL m NOT VALID;
        CREATE TABLE child (LIKE parent INCLUDING CONSTRAINTS, own int);
        CREATE TABLE other (k int, m int NOT NULL, e int);
        ALTER TABLE child INHERIT parent; ALTER TABLE other INHERIT parent;
    """)
    cloned(source, destination, downgrade=True)


@pytest.mark.skipif(not {15, 18} <= set(VERSIONS), reason="needs PostgreSQL 15 and 18")
def test_not_null_is_the_parents_where_an_older_server_does_not_say_whose_it_is(servers: Servers) -> None:
    """It goes when the parent's goes, as on the source and with pg_dump; but the order of columns counts for more."""
    source, destination = servers.database(15), servers.database(18)
    source.run("""
        CREATE TABLE parent (a int NOT NULL, b int, CHECK (b > 0));
        CREATE TABLE child (LIKE parent INCLUDING CONSTRAINTS, own int);
        CREATE TABLE other (own int, b int, a int NOT NULL, CONSTRAINT parent_b_check CHECK (b > 0));
        ALTER TABLE child INHERIT parent; ALTER TABLE other INHERIT parent;
    """)
    cloned(source, destination)
    own = """SELECT string_agg(conrelid::regclass::text, ' ' ORDER BY conrelid) FROM pg_constraint
              WHERE contype = 'n' AND conislocal AND conrelid > 16383"""
    assert destination.value(own) == "parent other"
    order = """SELECT string_agg(attname, ' ' ORDER BY attrelid::regclass::text COLLATE "C", attnum) FROM pg_attribute
                WHERE attrelid IN ('child'::regclass, 'other'::regclass) AND attnum > 0"""
    assert destination.value(order) == source.value(order) == "a b own own b a"


@pytest.mark.skipif(not {15, 18} <= set(VERSIONS), reason="needs PostgreSQL 15 and 18")
def test_a_check_instead_of_not_null_asks_nothing_of_the_fields_of_a_row(servers: Servers) -> None:
    source, destination = servers.database(18), servers.database(15)
    source.run("""
        CREATE TYPE "Pair" AS (x int, y int);
        CREATE DOMAIN many AS int[];
        CREATE TABLE parent (i "Pair");
        CREATE TABLE child (c "Pair" CONSTRAINT c NOT NULL NO INHERIT, m many CONSTRAINT m NOT NULL NO INHERIT,
                            t text CONSTRAINT t NOT NULL NO INHERIT, v "Pair", w text) INHERITS (parent);
        ALTER TABLE child ADD CONSTRAINT i NOT NULL i NO INHERIT, ADD CONSTRAINT v NOT NULL v NOT VALID,
                          ADD CONSTRAINT w NOT NULL w NOT VALID;
        INSERT INTO child VALUES ((1, NULL), (2, NULL), '{}', '', (NULL, 3), '');
    """)
    cloned(source, destination, downgrade=True)
    destination.run("CREATE TABLE refused (LIKE child INCLUDING CONSTRAINTS); ALTER TABLE child RENAME TO old")
    assert len(destination.rows("SELECT FROM old")) == 1
    for column in "icmtvw":
        with pytest.raises(psycopg.errors.CheckViolation):
            destination.rows(f"INSERT INTO refused SELECT * FROM old; UPDATE refused SET {column} = NULL")


@SOME
def test_options_of_a_toast_table_that_nothing_needs_any_more_are_no_difference(
    database: Database, destination: Database
) -> None:
    off = "WITH (toast.autovacuum_enabled = off)"
    database.run(f"""
        CREATE TABLE short (a int, b text, c varchar(5), d numeric(8, 2), e bit(8)) {off};
        CREATE TABLE long (a int, b text, c varchar(600)) {off};
        CREATE TABLE plain (a int, b text) {off};
        CREATE TABLE unbound (a text, b numeric) {off};
        ALTER TABLE short DROP b; ALTER TABLE long DROP b; ALTER TABLE plain DROP b; ALTER TABLE unbound DROP a;
    """)
    cloned(database, destination)
    kept = """SELECT string_agg(c.relname, ' ' ORDER BY c.relname)
                FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
               WHERE t.reloptions IS NOT NULL"""
    assert destination.value(kept) == "long unbound"


def test_an_identity_replaces_the_default_of_a_parent(database: Database, destination: Database) -> None:
    """The server makes a child that has both; psql ends there with what pg_dump wrote."""
    database.run("""
        CREATE TABLE parent (d serial);
        CREATE TABLE child (x int, d int GENERATED ALWAYS AS IDENTITY (START 70)) INHERITS (parent);
    """)
    cloned(database, destination)
    assert destination.value("INSERT INTO child DEFAULT VALUES RETURNING d") == 70
