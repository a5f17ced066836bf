"""What masks refuse, before anything is written: with the place in the file, and what helps."""

from decimal import Decimal
from pathlib import Path

import pytest

from replicator import clone
from replicator.settings import Settings
from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import SOME, Database
from tests.test_masks import KEY, OTHER_KEY, define

pytestmark = SOME
SCHEMA = """
CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, code varchar(8), n int CHECK (n < 1000),
    kind text CHECK (kind IN ('alpha', 'beta')),
    name text NOT NULL, up text GENERATED ALWAYS AS (upper(name)) STORED, other text REFERENCES people (email));
CREATE TABLE child () INHERITS (people);
CREATE TABLE mails (email text REFERENCES people (email), free text);
CREATE TABLE parts (k text, v text) PARTITION BY LIST (k);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE uniques (who text UNIQUE);
INSERT INTO people SELECT g, 'p' || g || '@x.de', 'c' || g, g, 'alpha', 'n' || g FROM generate_series(1, 99) g;
INSERT INTO mails SELECT email, 'v' FROM people; INSERT INTO uniques SELECT 'u' || g FROM generate_series(1, 9) g;
"""


@pytest.fixture
def people(database: Database) -> Database:
    database.run(SCHEMA)
    return database


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ('[mask."public.peple"]\nemail = "email"',
             ("shop.toml:1:", "no table public.peple", "Did you mean public.people?")),
        ('[mask."public.people"]\nemial = "email"', ("shop.toml:2:", "has no column emial", "Did you mean email?")),
        ('[mask."public.people"]\nemail = "emial"', ("shop.toml:2:", "no mask 'emial'", "Did you mean email?")),
        ('[mask."public.people"]\nn = "email"', ("shop.toml:2:", "does not fit the type integer", "digits", "number")),
        ('[mask."public.people"]\nname = { mask = "name", prt = "first" }', ("no option prt", "Did you mean part?")),
        ('[mask."public.people"]\nname = { mask = "name", part = "middle" }',
             ("part must be one of full, first, last",)),
        ('[mask."public.people"]\nname = "null"', ("shop.toml:2:", "public.people.name is NOT NULL")),
        ('[mask."public.people"]\nname = { sql = "nullif(name, \'n7\')" }',
             ("gives NULL for name, which is NOT NULL",)),
        ('[mask."public.people"]\nname = { mask = "constant" }', ("needs the option value",)),
        ('[mask."public.people"]\ncode = { sql = "code || code || code || code" }',
             ("more than 8 characters for code",)),
        ('[mask."public.people"]\ncode = { mask = "constant", value = "123456789" }', ("is longer than 8 characters",)),
        ('[mask."public.people"]\ncode = "email"', ("does not fit into 8 characters",)),
        ('[mask."public.people"]\nkind = "text"', ("masked values violate the check people_kind_check",)),
        ('[mask."public.people"]\nup = "text"', ("up is a generated column",)),
        ('[mask."public.people"]\nname = { sql = "nosuch(name)" }', ("function nosuch(text) does not exist",)),
        ('[mask."public.people"]\nname = { sql = "name || random()" }', ("random() gives another value",)),
        ('[mask."public.people"]\nname = { sql = "name::int::text" }',
             ("invalid text representation [22P02]", "not shown")),
        ('[mask."public.people"]\nname = { sql = "name); DROP TABLE people; --" }', ("is not one expression",)),
        ('[mask."public.people"]\nname = { sql = "setval(\'s\', 1)::text" }', ("setval() gives another value",)),
        ('[mask."public.people"]\nemail = "email"\n[mask."public.mails"]\nemail = "text"',
         ("shop.toml:4:", "public.mails.email refers to public.people.email, which has another mask")),
        ('[mask."public.mails"]\nemail = "email"', ("refers to public.people.email, which is not masked",)),
        ('[mask."public.people"]\nemail = { sql = "upper(email)" }',
             ("refers to public.people.email, and has no mask",)),
        ('[mask."public.people"]\nname = "name"\n[mask."public.child"]\nname = "text"',
             ("public.child inherits from public.people",)),
        ('[mask."public.parts_a"]\nv = "text"',
             ("parts_a is a partition of public.parts", "Name public.parts instead")),
        ('[mask."public.uniques"]\nwho = "name"', ("unique", "the mask name gives few different values for who")),
        ('[mask."public.people"]\nn = { mask = "number", percent = 0 }', ("percent must be",)),
        ('[mask."public.people"]\nname = { sql = "regexp_split_to_table(name, \'7\')" }',
             ("shop.toml:2:", "must give one value for each row")),
        ('[mask."public.people"]\ncode = "text"\n[tables."public.people"]\nexclude_columns = ["code"]',
             ("shop.toml:2:", "public.people.code is in exclude_columns, too")),
        ('[mask."public.people"]\nname = { sql = "max(name)" }', ("must give one value for each row",)),
        ('[mask."public.people"]\nname = { sql = "name, code" }', ("its type is record",)),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused(
    rules: str, words: tuple[str, ...], people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    result = replicator("clone", *define(tmp_path, rules), *both(people, destination))
    refuses(result, result.code, *words)
    assert result.code in (2, 3)
    assert "n7" not in result.err.replace("'n7'", ""), "a value of the source"
    assert destination.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384") == []


MOST = {"i": 2**31 - 1, "b": 2**63 - 1, "s": 2**15 - 1, "n": Decimal("99999999.99")}


@SOME
def test_null_stays_null_and_what_is_near_the_limit_changes(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    near = ", ".join(f"{most} - g" for most in MOST.values())
    source.run(f"""
        CREATE TABLE t (id int, i int, b bigint, s smallint, n numeric(10, 2), f float8, a int[], u numeric);
        INSERT INTO t (id, a) VALUES (0, '{{5,NULL}}');
        INSERT INTO t SELECT g, {near} FROM generate_series(1, 40) g;
        INSERT INTO t (id, u) VALUES (-1, 12.50);
        CREATE TABLE dated (who text, d date, at timestamp);
        INSERT INTO dated SELECT NULLIF(g % 5, 0), date '2020-02-02' - g, '2020-02-02' FROM generate_series(0, 39) g;
    """)
    numbers = {key: {"mask": "number", "percent": 50} for key in "ibsnfau"}
    dates = {key: {"mask": "date", "by": "who"} for key in ("d", "at")}
    rules = {"public.t": numbers, "public.dated": dates}
    clone(Settings(source.dsn, destination.dsn, definition={"mask": rules}, mask_key=KEY, verify=True))
    assert destination.rows("SELECT i, b, s, n, f, a[2], u FROM t WHERE id = 0") == [(None,) * 7]
    changed = destination.value("SELECT u FROM t WHERE id = -1")
    assert 6.25 <= changed <= 18.75 and changed != Decimal("12.50") and changed.as_tuple().exponent == -2
    for column, most in MOST.items():
        rows = dict(destination.rows(f"SELECT id, {column} FROM t WHERE id > 0"))
        assert all(most / 2 - 40 <= value <= most for value in rows.values()), column
        assert sum(value == most - number for number, value in rows.items()) <= 1, column
    assert destination.value("SELECT count(*) FROM dated WHERE d IS NULL OR at IS NULL OR at = '2020-02-02'") == 0
    apart = dict(destination.rows("SELECT who, count(DISTINCT at) FROM dated GROUP BY who"))
    assert apart == {"1": 1, "2": 1, "3": 1, "4": 1, None: 1}
    assert destination.value("SELECT count(DISTINCT d) FROM dated WHERE who IS NULL") > 4


def test_a_key_is_needed_and_a_weak_one_refused(
    people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    rules = '[mask."public.people"]\nemail = "email"'
    flags = both(people, destination)
    definition = define(tmp_path, rules)[:2]
    refuses(replicator("clone", *definition, *flags), 2, "no key is given (--mask-key-file)", "secrets.token_hex(32)")
    refuses(replicator("clone", *define(tmp_path, rules, key="short"), *flags), 2, "--mask-key-file is too weak")
    refuses(replicator("clone", *define(tmp_path, rules, key="a" * 64), *flags), 2, "too weak")
    refuses(replicator("clone", *definition, "--mask-key-file", str(tmp_path / "no"), *flags), 2, "Cannot read the key")
    refuses(replicator("clone", *definition, "--mask-key-env", "NO_KEY", *flags), 2, "NO_KEY", "is not set")
    runs(replicator("clone", *definition, *flags, REPLICATOR_MASK_KEY=KEY))
    one = destination.rows("SELECT email FROM people ORDER BY id")
    runs(replicator("clone", *definition, "--mask-key-env", "PGOURKEY", "--replace", "drop", *flags, PGOURKEY=KEY))
    assert destination.rows("SELECT email FROM people ORDER BY id") == one
    (tmp_path / f"{KEY[:4]}.key").chmod(0o644)
    noted = replicator("verify", *definition, "--mask-key-file", str(tmp_path / f"{KEY[:4]}.key"), *flags)
    assert "chmod 600" in noted.err
    runs(noted)
    refuses(replicator("verify", *define(tmp_path, rules, key=OTHER_KEY), *flags), 3, "another key is given")
    mistaken = replicator("verify", *definition, "--mask-key-file", OTHER_KEY, *flags)
    refuses(mistaken, 2, "Cannot read the key in the file that --mask-key-file names: No such file")
    assert OTHER_KEY not in mistaken.err


def test_without_keyed_masks_no_key_is_needed(
    people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    rules = '[mask."public.people"]\ncode = "null"\nname = { mask = "constant", value = "it\'s %s" }\nkind = "plain"'
    runs(replicator("clone", "--verify", *define(tmp_path, rules)[:2], *both(people, destination)))
    assert destination.rows("SELECT DISTINCT code, name, kind, up FROM people") == [
        (None, "it's %s", "alpha", "IT'S %S")
    ]


def test_a_value_in_an_error_while_rows_are_copied_is_not_shown(
    people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    people.run("""CREATE TABLE late (id int, v text);
    INSERT INTO late SELECT g, g::text FROM generate_series(1, 20000) g;
        INSERT INTO late VALUES (0, 'SecretValue')""")
    rules = '[mask."public.late"]\nv = { sql = "(v::int + 1)::text" }'
    for relay in ("on", "off"):
        result = replicator("clone", "--debug", "--relay", relay, "--retry-for", "0",
                            *define(tmp_path, rules), *both(people, destination))  # fmt: skip
        assert result.code == 6, result
        assert "SecretValue" not in result.out + result.err
        assert "invalid text representation [22P02]" in result.said, result
        runs(replicator("clean", "--destination", destination.dsn))


def test_a_run_is_resumed_with_its_key_only(
    people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    people.run("CREATE TABLE bad (a int); INSERT INTO bad VALUES (0); CREATE FUNCTION inv(int) RETURNS int IMMUTABLE"
               " LANGUAGE sql AS 'SELECT 1'; CREATE INDEX broken ON bad (inv(a)); CREATE OR REPLACE FUNCTION inv(int)"
               " RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1 / $1; END'")  # fmt: skip
    rules = '[mask."public.people"]\nemail = "email"'
    flags = both(people, destination)
    assert replicator("clone", *define(tmp_path, rules), *flags).code == 6
    journal = str(destination.rows("SELECT options::text FROM replicator.run"))
    assert KEY not in journal and "mask_fingerprint" in journal
    refuses(replicator("clone", "--resume=per-table", *define(tmp_path, rules, key=OTHER_KEY), *flags), 3,
            "another mask key", "--mask-key-file FILE")  # fmt: skip
    people.run("CREATE OR REPLACE FUNCTION inv(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'")
    destination.run("CREATE OR REPLACE FUNCTION inv(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'")
    result = replicator("clone", "--resume=per-table", "--verify", *define(tmp_path, rules), *flags)
    assert "another mask key" not in result.err, result


def test_masked_keys_are_followed_everywhere(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    """Several columns, cycles, a column of another type and length, inheritance, virtual references."""
    database.run("""
        CREATE TABLE a (x varchar(30), y int, boss varchar(30), PRIMARY KEY (x, y), UNIQUE (x));
        CREATE TABLE b (bx text, by int, FOREIGN KEY (bx, by) REFERENCES a (x, y) ON UPDATE CASCADE);
        ALTER TABLE a ADD FOREIGN KEY (boss) REFERENCES a (x);
        CREATE TABLE c (x char(30) UNIQUE REFERENCES a (x)); CREATE TABLE d (x text, kind text);
        CREATE TABLE heir () INHERITS (b);
        CREATE TABLE e (x text REFERENCES c (x));
        INSERT INTO a SELECT 'ref' || g, g, NULL FROM generate_series(1, 50) g;
        UPDATE a SET boss = 'ref' || (y % 5 + 1);
        INSERT INTO b SELECT x, y FROM a; INSERT INTO c SELECT x FROM a; INSERT INTO d SELECT x, 'k' FROM a;
        INSERT INTO heir SELECT x, y FROM a; INSERT INTO e SELECT x FROM c""")
    rules = """
        [mask."public.a"]
        x = "email"
        [subset]
        roots = { "public.a" = "true" }
        virtual = ["public.d.x -> public.a.x"]
    """
    flags = (*define(tmp_path, rules), *both(database, destination))
    runs(replicator("clone", "--verify", *flags))
    for join in (
        "b ON bx = a.x AND by = y",
        "a t ON a.boss = t.x",
        "c USING (x)",
        "d USING (x)",
        "heir ON bx = a.x",
        "e USING (x)",
    ):
        query = f"SELECT count(*) FROM a JOIN {join}"
        assert destination.value(query) == database.value(query) > 0, join
    assert destination.value("SELECT count(*) FROM a WHERE x LIKE 'ref%'") == 0


def test_a_masked_partition_key_moves_rows(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run("""
        CREATE TABLE t (who text, n int) PARTITION BY HASH (who);
        CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO t SELECT 'u' || g, g FROM generate_series(1, 100) g""")
    flags = (*define(tmp_path, '[mask."public.t"]\nwho = "text"'), *both(database, destination))
    result = replicator("clone", "--verify", *flags)
    runs(result)
    assert "Masked values decide the partition of a row: public.t" in result.said
    assert destination.value("SELECT count(*) FROM t") == 100
    assert destination.value("SELECT sum(n) FROM t") == 5050
    runs(replicator("verify", *flags))


def test_definitions_with_values_are_named(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run("""CREATE TABLE t (id int, who text DEFAULT 'Ann Secret' CHECK (who <> 'Bob Secret'),
    ok text DEFAULT 'plain');
        CREATE INDEX few ON t (id) WHERE who = 'Eve Secret'; INSERT INTO t VALUES (1, 'X')""")
    result = replicator("plan", *define(tmp_path, '[mask."public.t"]\nwho = "text"'), *both(database, destination))
    said = result.said + " ".join(result.out.split())
    for words in ("default of public.t.who", "check t_who_check of public.t", "condition of index public.few"):
        assert words in said, result
    assert "default of public.t.ok" not in said


@pytest.mark.parametrize("options", [(), ("--replace", "swap"), ("--data-only", "--truncate")])
def test_every_way_of_running_masks(
    options: tuple[str, ...], people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    flags = (*define(tmp_path, '[mask."public.people"]\nemail = "email"'), *both(people, destination))
    if options:
        runs(replicator("clone", *both(people, destination)))
    runs(replicator("clone", *options, *flags))
    assert destination.value("SELECT count(*) FROM people WHERE email NOT LIKE '%@example.com'") == 0
    runs(replicator("verify", *(["--data-only"] if "--data-only" in options else []), *flags))


def test_no_bound_of_a_part_is_a_value(
    people: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    people.run("""
        CREATE TABLE big (who text PRIMARY KEY, filler text);
        INSERT INTO big SELECT 'SecretKey' || g, repeat('x', 200) FROM generate_series(1, 5000) g; ANALYZE""")
    flags = (*define(tmp_path, '[mask."public.big"]\nwho = "text"'), "--split-larger-than", "100kB", "--debug", "-v")
    result = replicator("clone", *flags, *both(people, destination))
    runs(result)
    assert "SecretKey" not in result.err + result.out
    assert destination.value("SELECT count(DISTINCT who) FROM big") == 5000
