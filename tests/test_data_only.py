"""Rows go into a schema that is there already; its foreign keys and triggers stay, whatever befalls the run."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from replicator.runs.rows_only.narrower import is_lossy
from tests.fix_cli import NEWEST, Run, Start, both, refuses, runs, until
from tests.fix_servers import SOME, Database
from tests.test_advice import commands
from tests.test_faults import copying

COPY = ("clone", "--data-only", "--jobs", "2")
SCHEMA = """
CREATE TABLE a (id int PRIMARY KEY, b_id int, word text NOT NULL);
CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE,
                doubled int GENERATED ALWAYS AS (a_id * 2) STORED);
ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b MATCH FULL DEFERRABLE;
COMMENT ON CONSTRAINT a_b ON a IS 'both ways';
CREATE TABLE "self; --" (id int PRIMARY KEY, up int REFERENCES "self; --");
CREATE TABLE fired (what text);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.fired VALUES (TG_NAME || TG_OP); RETURN NEW; END';
CREATE TRIGGER ordinary BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER always BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE a ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE a DISABLE TRIGGER off;
CREATE TRIGGER emptied BEFORE TRUNCATE ON a EXECUTE FUNCTION fire();
CREATE TABLE p (k int, t text) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TRIGGER on_p AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION fire();
CREATE SEQUENCE s;
"""
ROWS = """
SET session_replication_role = replica;
INSERT INTO a SELECT g, g, 'word ' || g FROM generate_series(1, 500) g;
INSERT INTO b (a_id) SELECT g FROM generate_series(1, 500) g;
INSERT INTO "self; --" SELECT g, 100 - g FROM generate_series(1, 99) g;
INSERT INTO p SELECT g, 'p' FROM generate_series(0, 19) g;
SELECT setval('s', 77);
TRUNCATE fired;
"""
TABLES = ("a", "b", '"self; --"', "p")


@pytest.fixture
def source(database: Database) -> Database:
    database.run(SCHEMA + ROWS)
    return database


@pytest.fixture
def target(destination: Database) -> Database:
    destination.run(SCHEMA)
    return destination


def contents(database: Database) -> list[object]:
    return [database.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES]


def is_copied(source: Database, target: Database, schema: str) -> None:
    """Assert that the rows are there, and that nothing else has changed."""
    assert contents(target) == contents(source)
    assert target.value("SELECT count(*) FROM fired") == 0
    assert target.value("SELECT last_value FROM s") == 77
    assert target.value("INSERT INTO b (a_id) VALUES (1) RETURNING id") == 501
    target.run("DELETE FROM b WHERE id = 501")
    assert target.dump() == schema


@pytest.fixture
def owner(source: Database, target: Database) -> Iterator[tuple[str, ...]]:
    """The flags of a plain role that owns all in the destination."""
    maintain = psycopg.connect(target.server.conninfo(), autocommit=True)
    maintain.execute("ALTER ROLE alice LOGIN")
    maintain.execute(f"ALTER DATABASE {target.name} OWNER TO alice")
    for table in (*TABLES, "fired", "p1", "p2"):
        target.run(f"ALTER TABLE {table} OWNER TO alice")
    target.run("ALTER SEQUENCE s OWNER TO alice; ALTER FUNCTION fire() OWNER TO alice")
    target.run("GRANT CREATE ON SCHEMA public TO alice")
    flags = list(both(source, target))
    flags[3] = flags[3].replace("user=postgres", "user=alice")
    yield tuple(flags)
    maintain.execute("ALTER ROLE alice NOLOGIN")
    maintain.close()


def test_rows_arrive_and_the_schema_stays(replicator: Run, source: Database, target: Database) -> None:
    schema = target.dump()
    source.run("SELECT lo_from_bytea(4711, 'large')")
    runs(replicator(*COPY, "--verify", *both(source, target)))
    is_copied(source, target, schema)
    assert target.value("SELECT convert_from(lo_get(4711), 'UTF8')") == "large"
    assert target.value("SELECT to_regnamespace('replicator') IS NULL")


@SOME
def test_materialized_views_show_the_copied_rows(replicator: Run, database: Database, destination: Database) -> None:
    """Through views, inheritance, partitions and functions; those that show nothing of it stay as they are."""
    make = """CREATE TABLE t (a int); CREATE TABLE under () INHERITS (t); CREATE TABLE other (a int);
              CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
              CREATE VIEW v AS SELECT a FROM t;
              CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.under';
              CREATE MATERIALIZED VIEW m1 AS SELECT count(*) FROM v;
              CREATE MATERIALIZED VIEW "M2" AS SELECT 10 + count FROM m1;
              CREATE MATERIALIZED VIEW m3 AS SELECT count(*) FROM p1;
              CREATE MATERIALIZED VIEW m4 AS SELECT f();
              CREATE MATERIALIZED VIEW unpopulated AS SELECT count(*) FROM t WITH NO DATA;
              CREATE MATERIALIZED VIEW untouched AS SELECT clock_timestamp() FROM other"""
    database.run(make + "; INSERT INTO under VALUES (1), (2); INSERT INTO p VALUES (1);"
                 'REFRESH MATERIALIZED VIEW m1; REFRESH MATERIALIZED VIEW "M2"')  # fmt: skip
    destination.run(make + '; REFRESH MATERIALIZED VIEW "M2" WITH NO DATA; INSERT INTO other VALUES (1);'
                    "REFRESH MATERIALIZED VIEW untouched")  # fmt: skip
    before = destination.rows("TABLE untouched")
    runs(replicator(*COPY, "--append", *both(database, destination)))
    shown = 'SELECT (TABLE m1), (TABLE "M2"), (TABLE m3), (TABLE m4)'
    assert destination.rows(shown) == [(2, 12, 1, 2)]
    assert destination.value("SELECT relispopulated FROM pg_class WHERE relname = 'unpopulated'") is False
    assert destination.rows("TABLE untouched") == before


@SOME
def test_an_owner_can_who_is_no_superuser(
    replicator: Run, source: Database, target: Database, owner: tuple[str, ...]
) -> None:
    if target.major < 15:  # the triggers of partitions are the system's there
        target.run("DROP TRIGGER on_p ON p")
    schema = target.dump()
    runs(replicator(*COPY, "--verify", *owner))
    is_copied(source, target, schema)
    runs(replicator(*COPY, "--truncate", "--verify", *owner))
    is_copied(source, target, schema)


@pytest.mark.parametrize(
    ("here", "there", "changed"),
    [
        ("numeric", "numeric(12,2)", True),
        ("numeric(12,2)", "numeric", False),
        ("numeric(12,2)", "numeric(8,2)", False),  # what is too large is an error
        ("integer", "numeric(10,0)", False),
        ("integer", "numeric(5,-2)", True),
        ("bigint", "double precision", True),
        ("integer", "double precision", False),
        ("integer", "real", True),
        ("numeric(12,2)", "double precision", True),
        ("double precision", "numeric", False),
        ("double precision", "numeric(12,2)", True),
        ("text", "numeric(12,2)", True),
        ("numeric", "money", True),
        ("timestamp(3) with time zone", "timestamp with time zone", False),
        ("timestamp with time zone", "timestamp(3) with time zone", True),
        ("timestamp with time zone", "timestamp without time zone", True),
        ("timestamp without time zone", "timestamp with time zone", True),
        ("timestamp with time zone", "date", True),
        ("date", "timestamp without time zone", False),
        ("time without time zone", "time(0) without time zone", True),
        ("interval", "interval(0)", True),
        ("interval", "interval day to second", True),
        ("interval day to second(3)", "interval", False),
        ("character varying(9)", "character(20)", True),
        ("character varying(9)", "text", False),
        ("text", "character varying(9)", False),  # their lengths are looked at
        ("character(9)", "character varying(5)", True),
        ("character(5)", "character varying(5)", False),
        ("text", "name", True),
        ("bigint", "integer", False),
    ],
)
def test_which_types_change_values_silently(here: str, there: str, changed: bool) -> None:
    assert is_lossy(here, there) is changed


class TestNewest:
    @pytest.fixture
    def major(self) -> int:
        """The newest version alone."""
        return NEWEST

    def test_rows_that_are_there_are_refused_emptied_or_left(
        self, replicator: Run, source: Database, target: Database
    ) -> None:
        schema = target.dump()
        target.run("INSERT INTO \"self; --\" VALUES (1000); SELECT setval('s', 5000); TRUNCATE fired")
        refuses(replicator(*COPY, *both(source, target)), 3, "have rows", '"self; --"', "--truncate or --append")
        runs(replicator(*COPY, "--append", *both(source, target)))
        assert target.value('SELECT count(*) FROM "self; --"') == 100
        assert target.value("SELECT last_value FROM s") == 5000
        runs(replicator(*COPY, "--truncate", "--verify", *both(source, target)))
        is_copied(source, target, schema)

    def test_an_earlier_runs_large_objects_are_not_deleted(
        self, replicator: Run, source: Database, target: Database
    ) -> None:
        source.run("SELECT lo_from_bytea(4711, 'large')")
        runs(replicator(*COPY, "--truncate", *both(source, target)))
        again = replicator(*COPY, "--truncate", *both(source, target))
        refuses(again, 3, "--truncate does not delete them", "--no-large-objects", "lo_unlink")
        runs(replicator(*COPY, "--truncate", "--no-large-objects", *both(source, target)))

    def test_large_objects_on_both_sides_are_refused_or_left_out(
        self, replicator: Run, source: Database, target: Database
    ) -> None:
        source.run("SELECT lo_from_bytea(4711, 'large')")
        target.run("SELECT lo_from_bytea(1, 'own')")
        refuses(replicator(*COPY, *both(source, target)), 3, "large objects", "--no-large-objects", "lo_unlink")
        runs(replicator(*COPY, "--no-large-objects", "--verify", *both(source, target)))
        runs(replicator("verify", "--data-only", "--no-large-objects", *both(source, target)))
        assert target.rows("SELECT oid::int FROM pg_largeobject_metadata") == [(1,)]

    def test_columns_are_matched_by_name(self, replicator: Run, database: Database, destination: Database) -> None:
        database.run("""CREATE TABLE t (one int, two int, gone text, "Odd, one" text, made int, five int);
                        INSERT INTO t VALUES (1, 2, 'x', 'odd', 4, 5)""")
        destination.run("""CREATE TABLE t ("Odd, one" varchar(9), more text DEFAULT 'more', two bigint, one int,
                                           made int GENERATED ALWAYS AS (one + 1) STORED, five numeric NOT NULL)""")
        result = replicator(*COPY, "--verify", *both(database, destination))
        runs(result)
        assert "that the destination lacks or generates: gone, made" in result.said
        assert "get their defaults: more" in result.said
        assert 'is copied as text, since types differ on the destination: two, "Odd, one", five' in result.said
        assert destination.rows("TABLE t") == [("odd", "more", 2, 1, 2, 5)]

    def test_a_column_that_must_have_a_value_is_refused(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run("CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE lost AS SELECT 1 AS a; CREATE TABLE empty ()")
        destination.run("CREATE TABLE t (a int, b int NOT NULL); CREATE TABLE own ()")
        result = replicator(*COPY, *both(database, destination))
        refuses(
            result,
            3,
            "NOT NULL columns without default that the source lacks: b.",
            "missing on the destination: public.lost.",
        )
        assert destination.value("SELECT to_regnamespace('replicator') IS NULL")

    def test_what_is_partitioned_otherwise_goes_through_the_root(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        rows = "INSERT INTO {} SELECT g, 'x' FROM generate_series(0, 19) g;"
        parts = "CREATE TABLE {0} (k int, t text) PARTITION BY {1} (k); CREATE TABLE {0}1 PARTITION OF {0} {2};"
        database.run(
            parts.format("p", "RANGE", "FOR VALUES FROM (0) TO (99)") + rows.format("p")
            + parts.format("q", "RANGE", "FOR VALUES FROM (0) TO (99)") + rows.format("q")
            + "CREATE TABLE r (k int, t text);" + rows.format("r")
        )  # fmt: skip
        destination.run(
            parts.format("p", "HASH", "FOR VALUES WITH (MODULUS 2, REMAINDER 0)")
            + "CREATE TABLE p2 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
            + "CREATE TABLE q (t text, k int);"
            + parts.format("r", "RANGE", "FOR VALUES FROM (0) TO (99)")
            + "INSERT INTO p VALUES (7, 'old'); INSERT INTO r VALUES (7, 'old')"
        )
        runs(replicator(*COPY, "--truncate", "--verify", *both(database, destination)))
        for table in "pqr":
            assert destination.value(f"SELECT count(*) FROM {table} WHERE t = 'x'") == 20
            assert destination.value(f"SELECT count(*) FROM {table}") == 20

    def test_verify_compares_these_rows(self, start: Start, source: Database, target: Database) -> None:
        source.run("ALTER TABLE a DROP COLUMN word; ALTER TABLE a ADD word text DEFAULT 'same'")
        target.run("CREATE RULE odd AS ON INSERT TO fired DO INSTEAD NOTHING; ALTER TABLE a ALTER word TYPE varchar(3);"
                   "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                   "'BEGIN NEW.t := ''cut''; RETURN NEW; END';"
                   "CREATE TRIGGER cut BEFORE INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION cut();"
                   "ALTER TABLE a ALTER word TYPE text")  # fmt: skip
        runs(start(*COPY, "--verify", *both(source, target)).ends())  # silenced
        target.run("TRUNCATE p")
        target.run('INSERT INTO "self; --" VALUES (1000)')
        refuses(start(*COPY, "--verify", *both(source, target)).ends(), 3, "have rows")

    def test_a_foreign_key_that_the_rows_violate_is_told(
        self, replicator: Run, source: Database, target: Database
    ) -> None:
        source.run("ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; SET session_replication_role = replica;"
                   "UPDATE b SET a_id = 9000 + id WHERE id <= 3")  # fmt: skip
        result = replicator(*COPY, *both(source, target))
        refuses(
            result,
            6,
            "check foreign key b_a_id_fkey",
            "3 rows of public.b refer to none in public.a",
            "`clone --data-only --resume`",
        )
        assert replicator("status", "--destination", target.dsn).code == 6
        source.run("UPDATE b SET a_id = 1 WHERE id <= 3")
        refuses(replicator(*COPY, "--truncate", *both(source, target)), 3, "unfinished run")
        runs(replicator("clean", "--destination", target.dsn))
        assert target.value("SELECT count(*) FROM b") == 500  # nothing goes
        runs(replicator(*COPY, "--truncate", "--verify", *both(source, target)))

    def test_a_table_that_is_not_copied_keeps_its_rows_from_truncate(
        self, replicator: Run, source: Database, target: Database
    ) -> None:
        target.run("CREATE TABLE outside (a_id int CONSTRAINT from_outside REFERENCES a)")
        refuses(
            replicator(*COPY, "--truncate", *both(source, target)),
            3,
            "--truncate would empty: public.outside (from_outside)",
        )

    def test_a_table_that_inherits_from_a_copied_one_stays_as_it_is(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run("CREATE TABLE top AS SELECT 1 AS a; CREATE TABLE b (a int)")
        destination.run("""CREATE TABLE top (a int PRIMARY KEY); CREATE TABLE own () INHERITS (top);
                           CREATE TABLE b (a int REFERENCES top); CREATE TABLE under_b () INHERITS (b);
                           INSERT INTO own VALUES (7); INSERT INTO under_b VALUES (8)""")
        result = replicator(*COPY, *both(database, destination))  # nothing is in the way: they are no rows of top's
        runs(result)
        assert "left unchanged: public.own, public.under_b" in result.said
        runs(replicator(*COPY, "--truncate", *both(database, destination)))
        assert destination.rows("SELECT a FROM ONLY top") == [(1,)]
        assert destination.rows("SELECT tableoid::regclass::text, a FROM top ORDER BY a") == [("top", 1), ("own", 7)]
        assert destination.rows("TABLE b") == [(8,)]

    def test_words_that_are_too_long_are_found_before(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        """Blanks are cut off without an error, other characters fail when the tables are empty already."""
        database.run("CREATE TABLE t (blanks text, \"Long\" varchar(20), fits text); INSERT INTO t VALUES"
                     "('a         ', repeat('x', 20), repeat('ü', 9))")  # fmt: skip
        destination.run('CREATE TABLE t (blanks varchar(9), "Long" varchar(9), fits varchar(9))')
        result = replicator(*COPY, "--truncate", *both(database, destination))
        refuses(result, 3, 'longer than the destination\'s columns: public.t.blanks (9), public.t."Long" (9).')
        database.run("UPDATE t SET blanks = 'a', \"Long\" = 'x'")
        runs(replicator(*COPY, "--verify", *both(database, destination)))

    def test_a_run_that_appends_is_resumed_as_one(
        self, start: Start, replicator: Run, database: Database, destination: Database
    ) -> None:
        slow = "CREATE TABLE slow (a int, b text, c text GENERATED ALWAYS AS (md5(repeat(b, 40))) STORED);"
        database.run(slow + "INSERT INTO slow SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 25000) g;"
                     "CREATE SEQUENCE s")  # fmt: skip
        destination.run(slow + "INSERT INTO slow VALUES (0); CREATE SEQUENCE s START 1000")
        process = start(*COPY, "--append", "--hold-snapshot", *both(database, destination))
        until(lambda: process.ended or copying(destination))
        process.send(signal.SIGKILL)
        process.ends()
        refuses(replicator(*COPY, "--resume", *both(database, destination)), 3, "started with --append")
        runs(replicator(*COPY, "--resume", "--append", *both(database, destination)))
        assert destination.rows("SELECT count(*), nextval('s') FROM slow") == [(25001, 1000)]

    @pytest.mark.parametrize("way", ["delete", "empty"])
    def test_what_is_said_of_keys_that_are_taken_works(
        self, way: str, replicator: Run, database: Database, destination: Database
    ) -> None:
        table = "CREATE TABLE t (a int PRIMARY KEY);"
        database.run(table + "INSERT INTO t SELECT generate_series(1, 10)")
        destination.run(table + "INSERT INTO t VALUES (5), (11)")
        result = replicator(*COPY, "--append", *both(database, destination))
        refuses(result, 6, "already has rows with these keys")
        per_table, *over = commands(result.err)
        if way == "delete":
            destination.run("DELETE FROM t WHERE a = 5")
            runs(replicator(*per_table, *both(database, destination)))
            assert destination.rows("TABLE t ORDER BY a") == [(a,) for a in range(1, 12)]
        else:
            for words in over:
                where = both(database, destination) if words[0] == "clone" else ("--destination", destination.dsn)
                runs(replicator(*words, *where))
            assert destination.rows("TABLE t ORDER BY a") == database.rows("TABLE t ORDER BY a")

    def test_a_materialized_view_that_the_role_may_not_refresh_is_named(
        self, replicator: Run, source: Database, target: Database, owner: tuple[str, ...]
    ) -> None:
        target.run('CREATE MATERIALIZED VIEW "of another" AS SELECT count(*) FROM a')
        result = replicator(*COPY, *owner)
        runs(result)
        assert "will not show the copied rows" in result.said
        assert 'REFRESH MATERIALIZED VIEW public."of another";' in result.said

    def test_the_owners_of_large_objects_are_looked_for_first(
        self, database: Database, destination: Database, replicator: Run
    ) -> None:
        database.run("CREATE TABLE t AS SELECT 1 AS a; CREATE ROLE one; SELECT lo_create(55);")
        database.run("ALTER LARGE OBJECT 55 OWNER TO one")
        destination.run("CREATE ROLE plain LOGIN; CREATE TABLE t AS SELECT 2 AS a; ALTER TABLE t OWNER TO plain")
        destination.run(f"GRANT CREATE ON DATABASE {destination.name} TO plain")
        there = destination.server.conninfo(destination.name, user="plain")
        try:
            result = replicator(*COPY, "--truncate", "--source", database.dsn, "--destination", there)
            refuses(result, 3, 'GRANT "one" TO "plain"', "or clone with --no-owner.")
            assert destination.value("SELECT a FROM t") == 2
            runs(replicator(*COPY, "--truncate", "--no-owner", "--source", database.dsn, "--destination", there))
        finally:
            destination.run("DROP OWNED BY plain; DROP ROLE plain; SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            database.run("SELECT lo_unlink(55); DROP ROLE one")

    def test_values_are_compared_as_the_destinations_types_hold_them(
        self, database: Database, destination: Database, replicator: Run
    ) -> None:
        columns = [
            ("int", "numeric(12,2)", "5"), ("numeric(10,2)", "numeric(20,4)", "5"), ("int[]", "numeric(9,2)[]", "{5}"),
            ("date", "timestamp", "2026-11-29"), ("timestamp", "date", "2026-11-29"), ("real", "float8", "0.1"),
            ("json", "jsonb", '{"b":1, "a": 2}'), ("text", "jsonb", '{"b":1, "a": 2}'), ("bool", "text", "t"),
            ("text", "bool", "t"), ("inet", "text", "1.2.3.4"), ("char(5)", "text", "a"), ("char(5)", "char(8)", "a"),
            ("text", "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), ("varchar(3)", "varchar(9)", "a"),
        ]  # fmt: skip
        for which, one in enumerate((database, destination)):
            types = ", ".join(f"c{n} {column[which]}" for n, column in enumerate(columns))
            one.run(f"CREATE TABLE t (key {('bool', 'text')[which]} PRIMARY KEY, {types})")
        values = ", ".join(f"'{value}'" for *_, value in columns)
        nulls = ", ".join("NULL" for _ in columns)
        database.run(f"INSERT INTO t VALUES (true, {values}), (false, {nulls})")
        flags = ("--allow-narrower-types", *both(database, destination))
        runs(replicator(*COPY, "--verify", *flags))
        for number in range(len(columns)):
            destination.run(f"UPDATE t SET c{number} = NULL WHERE key = 't'")
            result = replicator("verify", "--data-only", *flags[1:])
            assert result.code == 8 and "1 changed" in result.out, (columns[number], result)
            destination.run(f"UPDATE t SET c{number} = '{columns[number][2]}' WHERE key = 't'")

    def test_keys_that_are_not_enforced_keep_no_table_from_being_emptied(
        self, database: Database, destination: Database, replicator: Run
    ) -> None:
        tables = """CREATE TABLE one (id int PRIMARY KEY);
            CREATE TABLE many (id int, one int, CONSTRAINT k FOREIGN KEY (one) REFERENCES one NOT ENFORCED);
            COMMENT ON CONSTRAINT k ON many IS 'loose';"""
        database.run(f"{tables} INSERT INTO one VALUES (1); INSERT INTO many VALUES (1, 1), (2, 3)")
        destination.run(f"{tables} INSERT INTO one VALUES (4); INSERT INTO many VALUES (4, 5)")
        before = destination.dump("-s")
        runs(replicator(*COPY, "--truncate", *both(database, destination)))
        assert destination.rows("SELECT * FROM many ORDER BY 1") == [(1, 1), (2, 3)]
        assert destination.dump("-s") == before

    def test_what_ended_is_not_appended_once_more(
        self, database: Database, destination: Database, replicator: Run
    ) -> None:
        database.run("CREATE TABLE t AS SELECT 1 AS a")
        destination.run("CREATE TABLE t (a int)")
        runs(replicator(*COPY, "--append", *both(database, destination)))
        result = replicator(*COPY, "--append", "--resume", *both(database, destination))
        refuses(result, 3, "no unfinished run to resume", "leave out --resume")
        assert destination.value("SELECT count(*) FROM t") == 1

    def test_append_never_sets_a_sequence_back(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        """Whatever it was called for, or never; downwards as well."""
        starts = {"never": 1000, "behind": 1, "called": 1, "down": -1, "set": 1}
        make = "".join(f"CREATE SEQUENCE {name} START {{{name}}};" for name in starts)
        down = "CREATE SEQUENCE down INCREMENT -1 START {down};"
        make = make.replace("CREATE SEQUENCE down START {down};", down)
        database.run(make.format(**dict.fromkeys(starts, 1) | {"down": -1}))
        database.run("""SELECT setval('never', 5), setval('behind', 5), setval('called', 5), setval('down', -5);
                        SELECT setval('set', 7, false)""")
        destination.run(make.format(**starts))
        destination.run("SELECT setval('called', 6), setval('down', -9), setval('set', 6)")
        runs(replicator(*COPY, "--append", *both(database, destination)))
        found = {name: destination.value(f"SELECT nextval('{name}')") for name in starts}
        assert found == {"never": 1000, "behind": 6, "called": 7, "down": -10, "set": 7}

    def test_types_that_hold_less_are_refused_unless_that_is_wanted(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        """Rounding is no error on the server, in columns as in domains, arrays and composite types."""
        make = """CREATE DOMAIN price AS {0}; CREATE TYPE pair AS (low int, high {0}); CREATE TYPE span AS RANGE
                      (subtype = {2});
                  CREATE TABLE t (id int, n {0}, a {0}[], d price, p pair, "A day" {1}, f {2}, s span, fits {3})"""
        row = "1, 1.2345, '{{1.2345}}', 1.2345, '(1,1.2345)', '2026-01-01 10:00:00.123456', 1.23456789012, '[1,2]', 7"
        database.run(make.format("numeric(12,4)", "timestamp", "float8", "int"))
        database.run(f"INSERT INTO t VALUES ({row.replace('{{', '{').replace('}}', '}')})")
        destination.run(
            make.format("numeric(12,2)", "timestamp(0)", "float8", "bigint") + "; ALTER TABLE t ALTER f TYPE real"
        )
        result = replicator(*COPY, *both(database, destination))
        refuses(result, 3, "Narrower types", "--allow-narrower-types", "public.t.n (numeric(12,4) into numeric(12,2))",
                "t.a[] (", "t.d (", "t.p.high (", 't."A day" (timestamp without time zone into timestamp(0) without',
                "t.f (double precision into real)")  # fmt: skip
        assert "t.fits" not in result.err and "t.s " not in result.err and "t.p.low" not in result.err
        assert destination.value("SELECT count(*) FROM t") == 0
        result = replicator(*COPY, "--allow-narrower-types", *both(database, destination))
        runs(result)
        assert "Narrower types" in result.said
        assert destination.rows("SELECT n::text, (p).high::text, fits FROM t") == [("1.23", "1.23", 7)]

    def test_words_that_are_too_long_are_refused_before(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run("CREATE TABLE t (a text, b text); INSERT INTO t VALUES ('abcdefg', 'abc    ')")
        destination.run("CREATE TABLE t (a varchar(6), b varchar(6))")
        refuses(replicator(*COPY, *both(database, destination)), 3, "public.t.a (6), public.t.b (6)")
        result = replicator(*COPY, "--allow-narrower-types", *both(database, destination))
        refuses(result, 3, "longer than the destination's columns", "public.t.a (6).", "Widen them")
        database.run("UPDATE t SET a = 'abcdef'")
        runs(replicator(*COPY, "--allow-narrower-types", *both(database, destination)))
        assert destination.rows("TABLE t") == [("abcdef", "abc   ")]

    def test_a_role_that_may_not_says_what_it_lacks(
        self, replicator: Run, source: Database, target: Database, owner: tuple[str, ...]
    ) -> None:
        target.run("ALTER TABLE a OWNER TO postgres")
        result = replicator(*COPY, "--truncate", *owner)
        refuses(
            result, 3, "has no INSERT privilege on", 'GRANT INSERT ON public.a TO "alice"', "does not own all tables"
        )

    @pytest.mark.parametrize("afterwards", ["--resume", "clean"])
    def test_after_a_kill_foreign_keys_come_back(
        self, afterwards: str, start: Start, replicator: Run, source: Database, target: Database, owner: tuple[str, ...]
    ) -> None:
        slow = "CREATE TABLE slow (a int, b text, c text GENERATED ALWAYS AS (md5(repeat(b, 40))) STORED);"
        source.run(slow + "INSERT INTO slow SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 25000) g")
        target.run(slow + "ALTER TABLE slow OWNER TO alice")
        schema = target.dump()
        process = start(*COPY, "--jobs", "1", "--hold-snapshot", *owner)
        until(lambda: process.ended or copying(target))
        process.send(signal.SIGKILL)
        assert process.ends().code == -signal.SIGKILL
        assert "FOREIGN KEY" not in target.dump("-s", "-t", "a", "-t", "b")
        refuses(replicator(*COPY, *owner), 3, "unfinished run")
        if afterwards == "clean":
            runs(replicator("clean", "--destination", owner[3]))
            assert target.dump().replace(" NOT VALID", "") == schema
            runs(replicator(*COPY, "--truncate", "--verify", *owner))
        else:
            refuses(replicator("clone", "--resume", *owner), 3, "with --data-only")
            runs(replicator(*COPY, "--resume", "--verify", *owner))
            is_copied(source, target, schema)
