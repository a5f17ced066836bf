"""Children arrive whatever became of their parents, of their columns' order and of their defaults in the meantime."""

from replicator.clone import clone
from replicator.settings import Settings
from tests.fix_servers import Database


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
