"""Subsets closed under foreign keys, judged by a reference in plain Python: tests/subset/reference.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicator.demo.server import Server
from replicator.errors import UsageError
from replicator.events import Event
from replicator.library import verify
from replicator.model import Keys
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from replicator.settings.definition import Definition
from tests.fix_cli import NEWEST, Run, both, notes, refuses, runs, until
from tests.fix_servers import SOME, Database, Servers
from tests.subset.reference import Key, Reference, Row, contents
from tests.test_cli import standby  # noqa: F401 - a fixture

pytestmark = SOME
SHOP = Path(__file__).parent / "subset/shop.sql"
CUSTOMERS = {"public.customers"}
COMMENTS = [
    "public.comments.author -> public.customers.id",
    "public.comments.subject -> public.documents.id where subject_type = 'document'",
    "public.comments.(subject) -> public.products.(id) WHERE subject_type = 'product' -- polymorphic",
    "public.contracts.owner -> public.customers.id",
]
Shop = tuple[Database, Reference]
Copy = Callable[..., list[str]]


def ignore(event: Event) -> None:
    pass


@pytest.fixture(scope="module")
def shops() -> dict[int, Shop]:
    return {}


@pytest.fixture
def shop(servers: Servers, major: int, shops: dict[int, Shop]) -> Shop:
    if major not in shops:
        source = servers.database(major, kept=True)
        source.run(SHOP.read_text("ascii"))
        shops[major] = source, Reference(source)
    return shops[major]


@pytest.fixture
def copy(shop: Shop, destination: Database) -> Copy:
    """Clone and verify; returns the notes."""

    def copy(subset: dict[str, Any], **more: Any) -> list[str]:
        definition = Definition.of({"subset": subset, "tables": more.pop("tables", {})})
        seen: list[Any] = []
        settings = Settings(shop[0].dsn, destination.dsn, definition=definition, verify=True, jobs=2, **more)
        clone(settings, seen.append)
        return notes(seen)

    return copy


def virtual(source: Database, reference: Reference) -> list[Key]:
    """Return COMMENTS as the reference has them: also for the tables that inherit from those that are named."""
    documents = ["public.documents", "public.contracts"]
    of = {
        kind: reference.where(source, "public.comments", f"subject_type = '{kind}'") for kind in ("product", "document")
    }

    def key(child: str, column: str, parents: list[str], only: set[Row] | None = None) -> Key:
        return Key("", child, [column], ["id"], [child], parents, only)

    return [
        key("public.comments", "author", ["public.customers"]),
        key("public.comments", "subject", documents, of["document"]),
        key("public.comments", "subject", ["public.products"], of["product"]),
        key("public.contracts", "owner", ["public.customers"]),
    ]


def whole(reference: Reference, tables: set[str]) -> set[Row]:
    return {row for row in reference.rows if row[0] in tables}


def arrived(destination: Database, reference: Reference, rows: set[Row]) -> None:
    """Assert that the copy has these rows and no others, and that its foreign keys are valid."""
    there, wanted = contents(destination), reference.contents(rows)
    for table in wanted:
        assert there[table] == wanted[table], table
    assert destination.value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
    names = {key.name for key in Reference(destination).keys}
    assert {key.name for key in reference.keys if key.name} == names


@pytest.mark.parametrize("percent", [1, 10, 50])
def test_a_subset_has_all_that_belongs_to_its_roots(
    percent: int, shop: Shop, destination: Database, copy: Copy
) -> None:
    source, reference = shop
    condition = f"id % 100 < {percent}"
    said = copy({"roots": {"public.customers": condition}})
    wanted = reference.subset(reference.where(source, "public.customers", condition))
    assert len(wanted) < len(reference.rows) * 0.9
    aside = reference.aside(CUSTOMERS)
    assert aside == {"public.comments", "public.contracts", "public.settings"}
    arrived(destination, reference, wanted | whole(reference, aside))
    assert any("copied whole: public.comments, public.contracts, public.settings" in text for text in said)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("follow", ["all", ["public.orders", "public.lines", "public.shipments"], []])
def test_as_far_as_asked(follow: Any, depth: int, shop: Shop, destination: Database, copy: Copy) -> None:
    source, reference = shop
    roots = {"public.customers": "id <= 5", "public.suppliers": "country = 'c3'"}
    copy({"roots": roots, "follow": follow, "depth": depth, "others": "none"})
    begin = set().union(*(reference.where(source, table, condition) for table, condition in roots.items()))
    wanted = reference.subset(begin, follow=None if follow == "all" else follow, depth=depth)
    arrived(destination, reference, wanted)


def test_declared_keys_are_followed_like_those_of_the_schema(shop: Shop, destination: Database, copy: Copy) -> None:
    source, reference = shop[0], Reference(shop[0], [])
    reference = Reference(source, virtual(source, reference))
    copy({"roots": {"public.customers": "id % 50 = 3"}, "virtual": COMMENTS})
    wanted = reference.subset(reference.where(source, "public.customers", "id % 50 = 3"))
    aside = reference.aside(CUSTOMERS)
    assert aside == {"public.settings"}
    arrived(destination, reference, wanted | whole(reference, aside))
    assert 0 < len(contents(destination)["public.comments"]) < 440


def test_limit_takes_the_first_rows_of_each_root(shop: Shop, destination: Database, copy: Copy) -> None:
    source, reference = shop
    copy(
        {
            "roots": {"public.customers": "id > 9", "public.orders": "true", "public.documents": "owner > 0"},
            "limit": 7,
            "follow": [],
            "others": "none",
        }
    )
    begin = reference.where(source, "public.customers", "id > 9", "ORDER BY id LIMIT 7")
    begin |= reference.where(source, "public.orders", "true", "ORDER BY day, id LIMIT 7")
    begin |= reference.where(source, "public.documents", "owner > 0 AND tableoid = 'public.documents'::regclass",
                             "ORDER BY id LIMIT 7")  # fmt: skip
    arrived(destination, reference, reference.subset(begin, follow=[]))


def test_all_rows_of_a_root_are_read_without_naming_each(shop: Shop, destination: Database, copy: Copy) -> None:
    _, reference = shop
    copy({"roots": {"public.lines": "TRUE"}, "others": "none", "depth": 3})
    wanted = reference.subset(whole(reference, {"public.lines"}), depth=3)
    arrived(destination, reference, wanted)


def test_a_filter_holds_for_all_rows_that_come_along(shop: Shop, destination: Database, copy: Copy) -> None:
    source, reference = shop
    tables = {"public.orders": {"where": "id % 3 = 0"}, "public.lines": {"where": "n = 1", "dangling": "drop"},
              "public.shipments": {"dangling": "drop"}}  # fmt: skip
    copy({"roots": {"public.customers": "id % 20 = 1"}, "others": "none"}, tables=tables)
    out = reference.where(source, "public.orders", "id % 3 > 0") | reference.where(source, "public.lines", "n > 1")
    allowed = reference.rows.keys() - out
    wanted = reference.subset(reference.where(source, "public.customers", "id % 20 = 1"), allowed=allowed)
    arrived(destination, reference, undangled(reference, wanted))


def undangled(reference: Reference, rows: set[Row]) -> set[Row]:
    """Return the most of these rows that refer to no others than these."""
    while dangling := {row for key in reference.keys for row in rows if not key.up.get(row, set()) <= rows}:
        rows = rows - dangling
    return rows


def test_keys_know_what_they_hold() -> None:
    keys = Keys(9)
    keys.add(1, bytes.fromhex("030001020107"))
    assert "(258,263)" in keys and "(259,1)" in keys and "(259,2)" not in keys and "(0,1)" not in keys
    with pytest.raises(ValueError, match="9 bits"):
        keys.add(2, bytes.fromhex("030200"))


def broken(destination: Database) -> None:
    destination.run(
        "SET session_replication_role = replica; UPDATE customers SET name = 'x' WHERE id = 20;"
        "DELETE FROM lines WHERE n = 2; INSERT INTO stock VALUES (7, 7, 7); INSERT INTO comments VALUES ('x', 1, 1);"
        "DELETE FROM orders WHERE id IN (SELECT min(id) FROM orders)"
    )


@pytest.mark.parametrize("buckets", [False, True])
def test_rows_that_differ_are_found_and_repaired(
    buckets: bool, shop: Shop, destination: Database, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the rows of a table are named in several queries."""
    monkeypatch.setattr("replicator.model.tables.READ_ROWS", 7)
    if buckets:
        monkeypatch.setattr("replicator.comparing.rows.FEW_ROWS", 0)
    source, reference = shop
    subset = {"roots": {"public.customers": "id % 10 = 0"}, "virtual": COMMENTS[:1], "others": "none"}
    copy(subset)
    broken(destination)
    options = {"definition": Definition.of({"subset": subset}), "show_rows": 3}
    found = {each.what: each for each in verify_copy(Settings(source.dsn, destination.dsn, **options), ignore)}
    names = ("customers", "lines", "stock", "comments")
    assert {f"table public.{name}" for name in names} <= found.keys()
    assert found["table public.customers"].counts == "1 changed row"
    assert found["table public.customers"].rows[0].source == {"name": "n20"}
    assert found["table public.stock"].counts == found["table public.comments"].counts == "1 extra row"
    result = verify(Settings(source.dsn, destination.dsn, repair=True, **options))
    assert {each.what for each in result.differences} == found.keys()
    assert all(each.repaired for each in result.differences)
    roots = reference.where(source, "public.customers", "id % 10 = 0")
    declared = Reference(source, virtual(source, reference)[:1])
    arrived(destination, declared, declared.subset(roots))


def test_through_a_partitioned_table(shop: Shop, destination: Database, copy: Copy) -> None:
    source, reference = shop
    subset = {"roots": {"public.orders": "id % 9 = 0"}, "others": "none"}
    copy(subset, load_via_partition_root=True)
    arrived(destination, reference, reference.subset(reference.where(source, "public.orders", "id % 9 = 0")))
    destination.run("UPDATE orders SET agent = customer WHERE id = 9")
    options = {"definition": Definition.of({"subset": subset}), "load_via_partition_root": True}
    (found,) = verify_copy(Settings(source.dsn, destination.dsn, **options), ignore)
    assert (found.what, found.counts) == ("table public.orders", "1 changed row")


def test_a_view_of_fewer_rows_is_refreshed_and_not_compared(servers: Servers, destination: Database) -> None:
    source = servers.database(destination.major)
    source.run("""
        CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 100);
        CREATE TABLE q (id int); INSERT INTO q VALUES (1);
        CREATE MATERIALIZED VIEW few AS SELECT count(*) FROM p; CREATE MATERIALIZED VIEW same AS SELECT * FROM q;
        SELECT lo_from_bytea(0, 'x'); ANALYZE
    """)
    subset = {"roots": {"public.p": "id <= 5"}}
    settings = Settings(source.dsn, destination.dsn, definition=Definition.of({"subset": subset}), verify=True)
    seen: list[Any] = []
    clone(settings, seen.append)
    assert destination.rows(
        "SELECT (TABLE few), (TABLE same), (SELECT reltuples FROM pg_class WHERE relname = 'p')"
    ) == [(5, 1, 5)]
    said = " ".join(notes(seen))
    assert "materialized view public.few: without what the definition leaves out" in said and "public.same" not in said
    assert "All large objects are copied (1)" in said and "--no-large-objects" in said
    destination.run("DELETE FROM p; REFRESH MATERIALIZED VIEW few")
    assert [each.what for each in verify_copy(settings, ignore)] == ["table public.p"]


def test_a_plan_has_the_numbers_of_rows_and_writes_nothing(
    shop: Shop, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('[subset]\nroots = { "public.customers" = "id <= 3" }\nfollow = []')
    planned = runs(replicator("plan", "--definition", str(path), *both(shop[0], destination)))
    (line,) = (line for line in planned.splitlines() if "data public.customers" in line)
    assert "3 rows named one by one" in line
    assert "data public.lines" not in planned
    assert contents(destination) == {}


WRONG = [
    ('roots = { "public.custmers" = "true" }', "subset.toml:2", "Did you mean public.customers?"),
    ('roots = { "public.customers" = "ident = 1" }', "subset.toml:2", 'ident'),
    ('roots = { "public.customers" = "random() < 0.1" }', "subset.toml:2", "random()"),
    ('roots = { "public.customers" = "nextval(\'s\') > 0" }', "subset.toml:2", "nextval()"),
    ('roots = { "public.customers" = "id / 0 = 1" }', "subset.toml:2", "division by zero"),
    ('roots = { "public.customers" = "public.writes()" }', "subset.toml:2", "read-only"),
    ('roots = { "public.customers" = "true); DROP TABLE lines; --" }', "subset.toml:2", "not one expression"),
    ('roots = { "public.customers" = "" }', "subset.toml:2", 'Write "true"'),
    ('roots = { "public.customers" = "true" }\nfollow = ["public.order"]', "subset.toml:3", "public.orders?"),
    (VIRTUAL := 'roots = { "public.customers" = "true" }\nvirtual = ["public.comments.auhor -> public.customers.id"]',
     "subset.toml:3", "Did you mean author?"),
    (VIRTUAL.replace("->", "="), "subset.toml:3", "is no reference"),
    (VIRTUAL.replace("auhor", "(author, subject)"), "subset.toml:3", "2 columns on the left, 1 on the right"),
    (VIRTUAL.replace("auhor", "subject_type"), "subset.toml:3", "operator does not exist"),
    (VIRTUAL.replace("auhor", "author").replace("id\"", "id where nix\""), "subset.toml:3", "nix"),
    (VIRTUAL.replace("auhor", "author").replace("id\"", "id where random() > 0\""), "subset.toml:3", "random()"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "words"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_what_is_wrong_is_said_in_one_paragraph(
    text: str, place: str, words: str, shop: Shop, servers: Servers, major: int, replicator: Run, tmp_path: Path
) -> None:
    if major != NEWEST:
        pytest.skip("the same on all versions")
    source, _ = shop
    source.run("CREATE OR REPLACE FUNCTION public.writes() RETURNS bool LANGUAGE plpgsql AS"
               " 'BEGIN DELETE FROM public.settings; RETURN true; END'")  # fmt: skip
    path = tmp_path / "subset.toml"
    path.write_text(f"[subset]\n{text}")
    destination = servers.database(major)
    refuses(replicator("clone", "--definition", str(path), *both(source, destination)), 2, place, words)
    assert contents(destination) == {}


@pytest.mark.parametrize("excluded", [("--exclude-data", "orders"), ("--exclude", "orders")])
def test_what_a_missing_table_cuts_off_is_refused(
    excluded: tuple[str, str], servers: Servers, major: int, replicator: Run
) -> None:
    source, destination = servers.database(major), servers.database(major)
    source.run("""
        CREATE TABLE customers (id int PRIMARY KEY); CREATE TABLE aside (id int);
        CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
        CREATE TABLE lines (id int PRIMARY KEY, o int REFERENCES orders);
        INSERT INTO customers SELECT generate_series(1, 9); INSERT INTO orders SELECT id, id FROM customers;
        INSERT INTO lines SELECT id, id FROM orders; INSERT INTO aside VALUES (1);
    """)
    subset = ("--define", 'subset.roots."public.customers" = "id < 3"', *excluded)
    refused = replicator("clone", *subset, *both(source, destination))
    refuses(refused, 3, "Only tables whose rows are not copied connect these", "copied: public.lines.")
    runs(replicator("clone", *subset, "--define", 'subset.others = "none"', *both(source, destination)))
    assert destination.value("SELECT count(*) FROM lines") == 0


def test_a_subset_is_not_continued_in_another_snapshot(shop: Shop, destination: Database) -> None:
    subset = Definition.of({"subset": {"roots": {"public.customers": "true"}}})
    with pytest.raises(UsageError, match="belong together"):
        Settings(shop[0].dsn, destination.dsn, definition=subset, resume="per-table")


def test_a_standby_can_be_the_source(
    servers: Servers,
    spare_database: Database,
    standby: Server,  # noqa: F811
    major: int,
) -> None:
    if major != NEWEST:
        pytest.skip("the spare server is of one version")
    spare_database.run(SHOP.read_text("ascii"))
    there, destination = Database(standby, spare_database.name, NEWEST), servers.database(NEWEST)
    until(lambda: there.value("SELECT to_regclass('settings') IS NOT NULL AND pg_is_in_recovery()") is True)
    until(lambda: there.value("SELECT count(*) FROM settings") == 20)
    reference = Reference(spare_database)
    subset = {"roots": {"public.customers": "id % 20 = 0"}, "others": "none"}
    clone(Settings(there.dsn, destination.dsn, definition=Definition.of({"subset": subset}), verify=True), ignore)
    roots = reference.where(spare_database, "public.customers", "id % 20 = 0")
    arrived(destination, reference, reference.subset(roots))
