"""From one minor release to another, and to itself: they differ in what they keep in their catalogs."""

import pytest

from tests.fix_cli import Run, both, runs
from tests.fix_servers import OTHER_MINORS, Servers, major_of
from tests.test_kinds import fill_with_all_kinds
from tests.test_versions import NOT_UPWARDS_FROM_14, ODD_ROWS, STALE, TABLESPACES

PAIRS = [
    pair
    for other in OTHER_MINORS
    if other.endswith("-older")  # the wheel is built with less
    for pair in ((other, major_of(other)), (major_of(other), other))
]
# What one of the minor releases refuses, in pg_dump's words too.
NOT_BETWEEN_MINORS = (
    NOT_UPWARDS_FROM_14
    + """
ALTER TABLE "constraint: public".root DROP CONSTRAINT IF EXISTS root_region_id_int4range_excl;
ALTER DOMAIN "domain: public".amount DROP CONSTRAINT IF EXISTS in_price;
ALTER DOMAIN "domain: public".amount DROP CONSTRAINT IF EXISTS in_prices;
ALTER DOMAIN "domain: public".amount DROP CONSTRAINT IF EXISTS in_amounts;
"""
)


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old} to {new}" for old, new in PAIRS])
def test_every_kind_goes_to_another_minor_release(
    old: int | str, new: int | str, servers: Servers, replicator: Run
) -> None:
    source, destination = servers.database(old), servers.database(new)
    fill_with_all_kinds(source)
    destination.run(TABLESPACES)
    source.run(NOT_BETWEEN_MINORS + STALE + ODD_ROWS)
    runs(replicator("clone", "--verify", *both(source, destination)))
    runs(replicator("verify", *both(source, destination)))


@pytest.mark.parametrize("which", [*map(major_of, OTHER_MINORS), *OTHER_MINORS])
def test_what_the_server_keeps_with_a_column_is_not_copied(which: int | str, servers: Servers, replicator: Run) -> None:
    """Servers from November 2026 on keep pg_attver in attoptions; what the user set there is copied all the same."""
    source, destination = servers.database(which), servers.database(which)
    source.run("""
        CREATE TABLE t (a int PRIMARY KEY, b text) WITH (fillfactor = 70);
        ALTER TABLE t ALTER b SET (n_distinct = 5);
        CREATE VIEW v WITH (security_barrier) AS SELECT a FROM t;
        CREATE MATERIALIZED VIEW m WITH (fillfactor = 60) AS SELECT b FROM t;
    """)
    runs(replicator("clone", "--verify", *both(source, destination)))
    set_by_users = """
        SELECT attname, o FROM pg_attribute, unnest(attoptions) o WHERE attrelid = 't'::regclass AND o !~ '^pg_'
    """
    assert destination.rows(set_by_users) == [("b", "n_distinct=5")]
    options = "SELECT relname, reloptions FROM pg_class WHERE relname IN ('t', 'v', 'm') ORDER BY 1"
    assert destination.rows(options) == source.rows(options)
    destination.run("ALTER TABLE t ALTER b SET (n_distinct = 6)")
    assert replicator("verify", *both(source, destination)).code == 8
