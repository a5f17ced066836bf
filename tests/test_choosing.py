"""Objects chosen by name and kind: what is copied, what comes along, what is left out; judged by pg_dump and counts."""

import json
import re
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.fix_cli import SHORT_WAIT, Run, both, refuses, runs
from tests.fix_servers import SEVERAL, Database

pytestmark = SEVERAL

SHOP = """
CREATE SCHEMA sales; CREATE SCHEMA audit; CREATE SCHEMA lib;
CREATE TYPE lib.state AS ENUM ('new', 'paid');
CREATE FUNCTION lib.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE SEQUENCE lib.numbers;
CREATE TABLE public.people (id int PRIMARY KEY, name text);
INSERT INTO public.people SELECT g, 'p' || g FROM generate_series(1, 100) g;
CREATE TABLE sales.orders (id int DEFAULT nextval('lib.numbers') PRIMARY KEY, state lib.state, at date,
                           person int CONSTRAINT of_person REFERENCES public.people);
INSERT INTO sales.orders SELECT g, 'new', '2026-01-01', g FROM generate_series(1, 100) g;
CREATE TABLE sales.lines (order_id int REFERENCES sales.orders, n int, v text);
INSERT INTO sales.lines SELECT g, 1, 'x' FROM generate_series(1, 100) g;
CREATE INDEX lines_n ON sales.lines (n);
CREATE TRIGGER touches BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION lib.touch();
CREATE VIEW sales.with_names AS SELECT o.id, p.name FROM sales.orders o JOIN public.people p ON p.id = o.person;
CREATE VIEW sales.own AS SELECT id FROM sales.orders;
CREATE TABLE sales.audit_orders (id int); INSERT INTO sales.audit_orders SELECT generate_series(1, 50);
CREATE TABLE audit.log (id int, at timestamp) PARTITION BY RANGE (id);
CREATE TABLE audit.log_1 PARTITION OF audit.log FOR VALUES FROM (0) TO (50);
CREATE TABLE audit.log_2 PARTITION OF audit.log FOR VALUES FROM (50) TO (1000);
ALTER TABLE audit.log ADD PRIMARY KEY (id); CREATE INDEX log_at ON audit.log (at);
INSERT INTO audit.log SELECT generate_series(1, 90);
CREATE TABLE audit.about (id int REFERENCES audit.log); INSERT INTO audit.about VALUES (1), (60);
CREATE MATERIALIZED VIEW audit.counts AS SELECT count(*) AS n FROM audit.log;
CREATE MATERIALIZED VIEW sales.totals AS SELECT n, count(*) AS lines FROM sales.lines GROUP BY n;
CREATE PUBLICATION every FOR TABLE sales.orders, sales.audit_orders;
SELECT lo_from_bytea(0, 'x');
ANALYZE;
"""
TABLES = """
SELECT format('%I.%I', nspname, relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind IN ('r', 'p') AND c.oid >= 16384
 ORDER BY 1
"""


def counts(database: Database) -> dict[str, int]:
    """Return how many rows each table of its own has."""
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        names = [row[0] for row in conn.execute(TABLES).fetchall()]
        return {name: conn.execute(f"SELECT count(*) FROM ONLY {name}").fetchone()[0] for name in names}


@pytest.fixture
def shop(database: Database) -> Database:
    database.run(SHOP)
    return database


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("-n", "audit"), ("-n", "audit")),
        (("--include", "audit.*"), ("-n", "audit")),
        (("-n", "lib", "-n", "audit"), ("-n", "lib", "-n", "audit")),
        (("-t", "audit.log*"), ("-t", "audit.log*")),
        (("-t", "public.people"), ("-t", "public.people")),
        (("-N", "audit"), ("-N", "audit")),
        (("-T", "sales.lines", "-T", "sales.totals"), ("-T", "sales.lines", "-T", "sales.totals")),
        (("--schema-only",), ("-s",)),
    ],
)
def test_what_pg_dump_chooses_is_copied(
    ours: tuple[str, ...], theirs: tuple[str, ...], shop: Database, destination: Database, replicator: Run
) -> None:
    shop.run("DROP PUBLICATION every")  # pg_dump has none with -n and -t, and one without a table with -T
    runs(replicator("clone", "--verify", *ours, *both(shop, destination)))
    wanted = sorted(line for line in _statements(shop.dump("-s", *theirs)) if " SCHEMA public " not in line)
    made = sorted(_statements(destination.dump("-s")))
    made = [line for line in made if " SCHEMA public " not in line]  # which pg_dump leaves out with -n
    assert [line for line in made if "-t" not in theirs or " SCHEMA " not in line] == wanted  # -t makes no schema
    rows = counts(destination)
    assert rows == {name: 0 if "--schema-only" in ours else n for name, n in counts(shop).items() if name in rows}
    runs(replicator("verify", *ours, *both(shop, destination)))


@pytest.mark.parametrize("sections", ["pre-data", "pre-data,data", "pre-data,post-data"])
def test_sections_are_those_of_pg_dump(sections: str, shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", "--section", sections, *both(shop, destination)))
    for section in ("pre-data", "post-data"):
        wanted = shop.dump(f"--section={section}") if section in sections else ""
        assert _statements(destination.dump(f"--section={section}")) == _statements(wanted)
    assert sum(counts(destination).values()) == (sum(counts(shop).values()) if ",data" in sections else 0)
    runs(replicator("verify", "--section", sections, *both(shop, destination)))


def _statements(dump: str) -> list[str]:
    lines = [
        line for line in dump.splitlines() if line and not re.match(r"--|SET |SELECT pg_catalog\.set_config|\\", line)
    ]
    return [line for line in lines if not line.startswith("REFRESH ")]  # which is about rows


def test_what_is_needed_comes_along_and_what_needs_more_is_listed(
    shop: Database, destination: Database, replicator: Run
) -> None:
    flags = ("--only-schema", "sales", *both(shop, destination))
    planned = " ".join(runs(replicator("plan", *flags)).split())
    assert planned.count("foreign key of_person on sales.orders: it needs") == 1
    for along in ("enum type lib.state", "function lib.touch()", "sequence lib.numbers", "schema lib"):
        assert f"copied, too: {along}, needed by" in planned
    said = " ".join(runs(replicator("clone", "--verify", *flags)).split())
    for lost in (
        "view sales.with_names: it needs table public.people",
        "foreign key of_person on sales.orders: it needs",
    ):
        assert lost in planned and lost in said
    assert "1 large object:" in said and "every" in said
    rows = counts(shop)
    assert counts(destination) == {name: n for name, n in rows.items() if name.startswith("sales.")}
    runs(replicator("verify", *flags))
    shop.run("INSERT INTO public.people VALUES (1000)")
    runs(replicator("verify", *flags))
    shop.run("INSERT INTO sales.lines VALUES (1)")
    differing = replicator("verify", *flags)
    assert differing.code == 8 and "sales.lines" in differing.out


def test_partitions_are_chosen_one_by_one(shop: Database, destination: Database, replicator: Run) -> None:
    said = runs(replicator("clone", "--verify", "--exclude", "audit.log_1", *both(shop, destination)))
    assert "table audit.log_1 WITH ALL ITS ROWS" in said and "foreign key about_id_fkey on audit.about" in said
    assert destination.value("SELECT count(*) FROM audit.log") == 41
    keys = "SELECT count(*) FROM pg_constraint WHERE conrelid::regclass::text ~ '^audit.log' AND contype = 'p'"
    assert destination.value(keys) == 2
    assert destination.value("SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text = 'audit.log_at'") == 1
    runs(replicator("verify", "--exclude", "audit.log_1", *both(shop, destination)))


def test_a_partition_alone_has_its_parent(shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", "--verify", "--include", "audit.log_2", *both(shop, destination)))
    assert counts(destination) == {"audit.log": 0, "audit.log_2": 41}


def test_partitions_go_with_a_table_that_is_excluded(shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", "--verify", "--exclude", "audit.log", *both(shop, destination)))
    assert [name for name in counts(destination) if name.startswith("audit.")] == ["audit.about"]


def test_rows_alone_are_left_out(shop: Database, destination: Database, replicator: Run) -> None:
    flags = ("--exclude-data", "audit.log", "--exclude-table-data", "sales.totals", *both(shop, destination))
    said = runs(replicator("clone", "--verify", *flags))
    rows = counts(shop) | {"audit.log_1": 0, "audit.log_2": 0}
    assert counts(destination) == rows
    assert "foreign key about_id_fkey on audit.about: it would refer to rows of table audit.log_1" in said
    assert destination.value("SELECT n FROM audit.counts") == 0  # refreshed from the rows that are there
    assert "materialized view audit.counts: without rows of tables that are not copied" in said
    assert not destination.value("SELECT relispopulated FROM pg_class WHERE oid = 'sales.totals'::regclass")
    verified = replicator("verify", *flags)
    runs(verified)
    assert "filled from fewer rows, on one side: audit.counts" in verified.said


def test_a_table_that_a_row_type_or_a_child_needs_has_no_rows(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run("""
        CREATE TABLE shape (a int); INSERT INTO shape VALUES (1);
        CREATE TABLE parent (a int); INSERT INTO parent VALUES (1);
        CREATE TABLE child (s shape) INHERITS (parent); INSERT INTO child VALUES (2, ROW(3));
    """)
    said = runs(replicator("clone", "--verify", "-t", "child", *both(database, destination)))
    assert counts(destination) == {"public.child": 1, "public.parent": 0, "public.shape": 0}
    assert "table public.parent: without rows: it is needed by table public.child" in said


def test_kinds_are_chosen(shop: Database, destination: Database, replicator: Run) -> None:
    flags = ("--exclude-kind", "triggers, materialized-view", "--exclude-kind", "index", *both(shop, destination))
    said = runs(replicator("clone", "--verify", *flags))
    assert "trigger touches on sales.orders: --exclude-kind triggers" in said
    left = destination.rows("""
        SELECT 'm', relname FROM pg_class WHERE relkind = 'm'
        UNION ALL SELECT 't', tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'i', indexname FROM pg_indexes WHERE indexname IN ('lines_n', 'log_at')
    """)
    assert left == []
    assert counts(destination) == counts(shop)


def test_only_tables(shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", "--verify", "--include-kind", "table", *both(shop, destination)))
    assert counts(destination) == counts(shop)
    assert destination.rows("SELECT conname FROM pg_constraint WHERE contype IN ('p', 'f') AND conrelid >= 16384") == []


def test_what_is_not_chosen_need_not_be_readable(shop: Database, destination: Database, replicator: Run) -> None:
    shop.run("""
        CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA audit, sales, public, lib TO clerk;
        GRANT SELECT ON ALL TABLES IN SCHEMA audit TO clerk; GRANT SELECT ON sales.lines TO clerk;
    """)
    try:
        dsn = make_conninfo(shop.dsn, user="clerk")
        flags = ("--no-owner", "--no-acl", "--source", dsn, "--destination", destination.dsn, *SHORT_WAIT)
        refuses(replicator("clone", *flags), 3, "sales.orders")
        refuses(replicator("clone", "-t", "sales.orders", *flags), 3, "sales.orders")
        runs(replicator("clone", "--verify", "-n", "audit", "--exclude-data", "audit.about", *flags))
        runs(replicator("verify", "-n", "audit", "--exclude-data", "audit.about", *flags))
        shop.run("GRANT SELECT ON sales.orders TO clerk")
        refuses(replicator("clone", "--replace", "drop", "-t", "sales.orders", *flags), 3, "lib.numbers")
    finally:
        shop.run("DROP OWNED BY clerk; DROP ROLE clerk")


def test_what_is_not_chosen_may_be_locked(shop: Database, destination: Database, replicator: Run) -> None:
    flags = ("--lock-timeout", "1s", *both(shop, destination))
    with psycopg.connect(shop.dsn) as other:
        other.execute("LOCK TABLE sales.audit_orders IN ACCESS EXCLUSIVE MODE")
        refuses(replicator("clone", *flags), 3, "could not be locked in time")
        runs(replicator("clone", "--exclude", "*.audit_*", "--hold-snapshot", "30s", *flags))
    assert counts(destination) == {name: n for name, n in counts(shop).items() if name != "sales.audit_orders"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--include", "sale.*"), ("--include sale.* matches nothing on the source.", "Did you mean sales?")),
        (("--exclude", "sales.ordrs"), ("Did you mean sales.orders?",)),
        (("--include", "sales"), ("Did you mean sales.*?",)),
        (("-t", "lib.touch"), ("matches nothing",)),
        (("--exclude-data", "sales.own"), ("matches nothing",)),
        (("-T", "Sales.*", "--exclude", '"Sales".*'), ('--exclude "Sales".* matches nothing', "Did you mean sales?")),
        (("--exclude-kind", "subscription"), ("the source has no subscription",)),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(
    flags: tuple[str, ...], words: tuple[str, ...], shop: Database, destination: Database, replicator: Run
) -> None:
    refuses(replicator("clone", *flags, *both(shop, destination)), 3, *words)
    assert destination.rows(TABLES) == []
    runs(replicator("clone", "--allow-empty-patterns", *flags, *both(shop, destination)))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--include", "a.b.c"), ("'a.b.c' is no pattern", "SCHEMA.NAME")),
        (("--include", '"a'), ("is no pattern",)),
        (("--include", "/(/"), ("is no regular expression",)),
        (("--exclude-kind", "trigers"), ("'trigers' is no kind", "Did you mean trigger")),
        (("--section", "post-data"), ("--section without pre-data", "--data-only")),
        (("--section", "midst"), ("'midst' is none of pre-data, data, post-data",)),
        (("--section", "data", "--schema-only"), ("exclude each other",)),
        (("--data-only", "--schema-only"), ("--schema-only would have no effect",)),
    ],
)
def test_a_choice_that_cannot_be_read_is_refused(
    flags: tuple[str, ...], words: tuple[str, ...], replicator: Run
) -> None:
    nowhere = ("--source", "host=127.0.0.1 port=1", "--destination", "host=127.0.0.1 port=2", *SHORT_WAIT)
    refuses(replicator("clone", *flags, *nowhere), 2, *words)


def test_a_file_chooses(shop: Database, destination: Database, replicator: Run, tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('[choose]\ninclude = ["sales.*", "/^lib[.]/"]\nexclude = "*.audit_*"\nexclude_kind = ["view"]\n')
    runs(replicator("clone", "--verify", "--config", str(file), *both(shop, destination)))
    assert sorted(counts(destination)) == ["sales.lines", "sales.orders"]
    file.write_text('[choose]\n\nincude = "sales.*"\n')
    refuses(
        replicator("clone", "--config", str(file), *both(shop, destination)), 2, f"{file}:3: unknown option", "include"
    )
    file.write_text("[choose]\njobs = 3\n")
    refuses(replicator("clone", "--config", str(file), *both(shop, destination)), 2, f"{file}:2: unknown option jobs")
    file.write_text('[choose]\nexclude = "x"\n[options]\nexclude = "y"\n')
    refuses(replicator("clone", "--config", str(file), *both(shop, destination)), 2, "given twice")


def test_choose_lists_objects_for_scripts(shop: Database, replicator: Run) -> None:
    listed = replicator("choose", "--only-schema", "sales", "--source", shop.dsn, *SHORT_WAIT)
    lines = [line.split("\t") for line in runs(listed).splitlines()]
    assert {len(line) for line in lines} == {5}
    named = {(kind, name): (rows, why) for kind, name, rows, _, why in lines}
    assert named["table", "sales.orders"] == ("100", "")
    assert named["enum type", "lib.state"] == ("", "needed by table sales.orders")
    assert ("view", "sales.with_names") not in named and "sales.with_names" in listed.err
    document = json.loads(runs(replicator("choose", "-t", "sales.lines", "--output", "json", "--source", shop.dsn)))
    assert [o["name"] for o in document["objects"] if o["kind"] == "table"] == ["sales.lines"]


def test_a_run_is_resumed_with_its_choice(shop: Database, destination: Database, replicator: Run) -> None:
    shop.run("ALTER TABLE sales.lines ADD CONSTRAINT fails CHECK (v <> 'x') NOT VALID; CREATE TABLE sales.z (a int)")
    shop.run("INSERT INTO sales.z VALUES (0); CREATE INDEX broken ON sales.z ((1 / (a + 1)));")
    flags = ("-n", "sales", *both(shop, destination))
    shop.run("CREATE FUNCTION lib.no(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'")
    shop.run("CREATE INDEX late ON sales.z (lib.no(a))")
    shop.run("CREATE OR REPLACE FUNCTION lib.no(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1/0; END'")
    assert replicator("clone", *flags).code == 6
    refuses(replicator("clone", "--resume", *both(shop, destination)), 3, "--only-schema sales")
    refuses(replicator("clone", "--resume", "-T", "sales.z", *flags), 3, "--exclude-table sales.z")
    shop.run("CREATE OR REPLACE FUNCTION lib.no(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'")
    runs(replicator("clone", "--resume", *flags))


@pytest.mark.parametrize("how", ["drop", "swap"])
def test_a_choice_replaces(how: str, shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", *both(shop, destination)))
    shop.run("INSERT INTO sales.lines VALUES (1)")
    runs(replicator("clone", "--replace", how, "-n", "sales", *both(shop, destination)))
    kept = counts(destination)  # of --replace drop: schemas that are not chosen
    assert {name: n for name, n in kept.items() if how == "swap" or not name.startswith("audit.")} == {
        name: n for name, n in counts(shop).items() if name.startswith("sales.")
    }


def test_some_tables_are_refreshed(shop: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", *both(shop, destination)))
    shop.run("INSERT INTO sales.lines VALUES (1); INSERT INTO public.people VALUES (1000)")
    flags = ("--data-only", "--truncate", "-t", "sales.lines", *both(shop, destination))
    runs(replicator("clone", "--verify", *flags))
    assert counts(destination) == counts(shop) | {"public.people": 100}
    refuses(replicator("clone", *flags, "-t", "sales.lnes"), 3, "matches nothing")


def test_a_cast_comes_along_with_its_function(database: Database, destination: Database, replicator: Run) -> None:
    database.run("""
        CREATE SCHEMA a; CREATE SCHEMA b; CREATE TYPE b.en AS ENUM ('1', '2');
        CREATE FUNCTION b.e2i(b.en) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
        CREATE CAST (b.en AS int) WITH FUNCTION b.e2i(b.en);
        CREATE TABLE b.t2 (e b.en, CHECK (e::int > 0)); INSERT INTO b.t2 VALUES ('1');
        CREATE TABLE a.t (e b.en); CREATE VIEW a.v AS SELECT e::int FROM a.t;
    """)
    runs(replicator("clone", "--verify", "-n", "a", *both(database, destination)))
    assert destination.rows("SELECT * FROM a.v") == []
    runs(replicator("clone", "--verify", "--replace", "swap", "-t", "t2", *both(database, destination)))
    assert counts(destination) == {"b.t2": 1}


@pytest.mark.parametrize("unique", ["", "UNIQUE"])
def test_an_index_over_partitions_goes_with_one_of_them(
    unique: str, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(f"""
        CREATE TABLE pt (id int, v text) PARTITION BY RANGE (id);
        CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10); CREATE TABLE pt2 PARTITION OF pt DEFAULT;
        CREATE {unique} INDEX over ON pt (id);
    """)
    flags = ("--exclude", "pt1_id_idx", *both(database, destination))
    said = runs(replicator("clone", "--verify", *flags))
    assert "index public.over: it needs index public.pt1_id_idx" in said
    assert destination.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid") == []
    assert destination.rows("SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public'") == [("pt2_id_idx",)]
    runs(replicator("verify", *flags))


def test_a_publication_names_what_it_loses(shop: Database, destination: Database, replicator: Run) -> None:
    said = runs(replicator("clone", "--verify", "--exclude", "*.audit_*", *both(shop, destination)))
    assert "publication table sales.audit_orders in publication every: it needs table sales.audit_orders" in said


def test_what_is_excluded_is_not_said_to_be_without_rows(shop: Database, replicator: Run) -> None:
    shop.run(
        "CREATE TABLE audit.shape (a int); INSERT INTO audit.shape VALUES (1); CREATE TABLE sales.uses (s audit.shape)"
    )
    listed = replicator("choose", "-n", "sales", "--exclude", "audit.*", "--source", shop.dsn, *SHORT_WAIT)
    runs(listed)
    assert "table sales.uses WITH ALL ITS ROWS: it needs table audit.shape" in listed.said
    assert "without rows" not in listed.said
