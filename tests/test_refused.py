"""One object that the destination refuses does not hide the rest: all else is made, and the run goes on later."""

import re

import pytest

from tests.fix_cli import NEWEST, Run, both, refuses, runs
from tests.fix_servers import VERSIONS, Database, Servers

ROWS = "SELECT p FROM public.c ORDER BY 1"
KEY = "SELECT convalidated FROM pg_constraint WHERE conname = 'c_p_fkey'"
BROKEN_KEY = """
CREATE TABLE p (id int PRIMARY KEY);
INSERT INTO p VALUES (1), (2);
CREATE TABLE c (p int CONSTRAINT c_p_fkey REFERENCES p);
COMMENT ON CONSTRAINT c_p_fkey ON c IS 'of the key';
CREATE TABLE z (id int);
GRANT SELECT ON z TO PUBLIC;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON z FOR EACH ROW EXECUTE FUNCTION f();
SET session_replication_role = replica;
INSERT INTO c VALUES (1), (99);
CREATE MATERIALIZED VIEW m AS SELECT sum(p) FROM c;
"""


@pytest.fixture
def major() -> int:
    return NEWEST


def test_all_but_a_violated_foreign_key_is_made(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run(BROKEN_KEY)
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "except 1 step and 1 that depends on it", "foreign key c_p_fkey on public.c failed", "--resume")
    assert copy.value("SELECT relacl::text FROM pg_class WHERE relname = 'z'")
    assert copy.value("SELECT count(*) FROM pg_trigger WHERE tgname = 't'") == 1
    assert copy.value("SELECT sum FROM m") == 100
    refuses(replicator("clone", "--resume", *both(*pair)), 6, "Everything is done except 1 step", "c_p_fkey")


def test_what_was_mended_on_the_source_is_mended_in_the_copy(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run(BROKEN_KEY)
    assert replicator("clone", *both(*pair)).code == 6
    source.run("DELETE FROM c WHERE p = 99; INSERT INTO c VALUES (2)")
    result = replicator("clone", "--resume", *both(*pair))
    runs(result)
    assert "public.c: repaired: 1 deleted, 1 copied" in result.err
    assert copy.rows(ROWS) == [(1,), (2,)]
    assert copy.value(KEY)
    assert copy.value("SELECT sum FROM m") == 3
    assert copy.dump() == source.dump()


def test_a_row_on_which_an_index_fails_is_mended_as_well(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run("""CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);
        CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
        CREATE INDEX broken ON t (f(a));
        CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1 / (a - 2)'""")
    refuses(replicator("clone", *both(*pair)), 6, "index public.broken failed", "Correct the rows on the source")
    source.run("UPDATE t SET a = 3 WHERE a = 2")
    runs(replicator("clone", "--resume", "--verify", *both(*pair)))
    assert copy.dump() == source.dump()


def test_a_violated_foreign_key_is_added_not_valid_where_that_is_wanted(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(BROKEN_KEY)
    assert replicator("clone", *both(*pair)).code == 6
    result = replicator("clone", "--resume", "--verify", "--foreign-keys", "not-valid", *both(*pair))
    told = 'c_p_fkey on public.c: left NOT VALID, since rows violate it: Key (p)=(99) is not present in table "p".'
    assert told in " ".join(runs(result).split())
    assert copy.value(KEY) is False
    assert "NOT VALID" in copy.dump().replace(source.dump(), "")
    assert copy.dump().replace(" NOT VALID", "") == source.dump()
    assert replicator("verify", *both(*pair)).code == 8
    runs(replicator("verify", "--foreign-keys", "not-valid", *both(*pair)))


def test_a_large_key_that_is_validated_in_a_step_of_its_own_stays_not_valid(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(BROKEN_KEY.replace("CREATE MAT", "--") + "INSERT INTO c SELECT 1 FROM generate_series(1, 40000)")
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "validate foreign key c_p_fkey on public.c failed")
    result = replicator("clone", "--resume", "--foreign-keys", "not-valid", *both(*pair))
    assert "left NOT VALID" in runs(result)
    assert copy.value(KEY) is False


NEEDS_PATH = """
CREATE TABLE word (w text PRIMARY KEY, n int);
INSERT INTO word VALUES ('a', 1), ('b', 2);
CREATE FUNCTION number_of(t text) RETURNS int LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN RETURN (SELECT n FROM word WHERE w = t); END $$;
CREATE TABLE used (w text);
INSERT INTO used VALUES ('a'), ('b');
CREATE INDEX by_number ON used (number_of(w));
CREATE MATERIALIZED VIEW numbers AS SELECT number_of(w) FROM used;
"""


@pytest.mark.parametrize("major", [major for major in VERSIONS if major < 17])
def test_functions_that_rely_on_the_database_s_search_path_have_it(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(NEEDS_PATH)
    result = replicator("clone", "--verify", *both(*pair))
    assert 'index public.by_number: done with search_path = "$user", public' in runs(result) + result.err
    assert copy.dump() == source.dump()
    assert copy.rows("SELECT * FROM numbers ORDER BY 1") == [(1,), (2,)]


RELYING_TABLES = """
CREATE SCHEMA "Odd s"; ALTER DATABASE {} SET search_path = "Odd s", public; SET search_path = "Odd s", public;
CREATE FUNCTION helper(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT helper($1)';
CREATE FUNCTION called(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1); END';
CREATE DOMAIN positive AS int CHECK (called(value) > 0);
CREATE TABLE t (id int PRIMARY KEY, v varchar CHECK (inlined(length(v)) > 0), d positive, n numeric
, g int GENERATED ALWAYS AS (inlined(id)) STORED);
CREATE STATISTICS measured ON (inlined(id)), (id + 1) FROM t;
CREATE TABLE cut (k int) PARTITION BY LIST (inlined(k));
CREATE TABLE one PARTITION OF cut FOR VALUES IN (2);
CREATE TABLE rest PARTITION OF cut DEFAULT;
CREATE POLICY p ON t USING (inlined(id) > 0);
INSERT INTO t SELECT i, 'x', i, i FROM generate_series(1, 50) i;
INSERT INTO cut SELECT generate_series(1, 5);
"""


@pytest.mark.parametrize("major", sorted({v for v in (15, NEWEST) if v in VERSIONS}))
def test_tables_that_rely_on_the_database_s_search_path_are_copied_compared_and_repaired(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(RELYING_TABLES.format(source.name))
    runs(replicator("clone", "--verify", *both(*pair)))
    assert copy.dump() == source.dump()
    copy.run("""UPDATE "Odd s".t SET v = 'changed' WHERE id = 7""")
    found = replicator("verify", "--show-rows", "1", *both(*pair))
    assert found.code == 8
    assert 'id = "7"' in found.out
    runs(replicator("verify", "--repair", *both(*pair)))
    assert copy.value("""SELECT v FROM "Odd s".t WHERE id = 7""") == "x"


@pytest.mark.parametrize("other", [15, 16])
def test_an_index_that_relies_on_the_database_s_search_path_is_no_obstacle(
    other: int, servers: Servers, replicator: Run
) -> None:
    """Whatever reads the table plans with its indexes; another version is asked what it would refuse."""
    if not {15, other} <= set(VERSIONS):
        pytest.skip("no such PostgreSQL at hand")
    pair = servers.database(15), servers.database(other)
    pair[0].run("""
        CREATE FUNCTION helper(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
        CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT helper($1)';
        CREATE TABLE t AS SELECT generate_series(1, 5000) AS a;
        CREATE INDEX ON t (inlined(a));
    """)
    runs(replicator("clone", "--verify", "--split-larger-than", "64kB", *both(*pair)))
    assert pair[1].value("SELECT count(*) FROM t") == 5000


REFUSED_KINDS = """
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';
CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2);
CREATE UNIQUE INDEX broken ON t (f(a));
COMMENT ON INDEX broken IS 'of an index that cannot be built';
CREATE TABLE fine (a int); CREATE INDEX fine_a ON fine (a); INSERT INTO fine VALUES (1);
CREATE TABLE measured (a int, CONSTRAINT excluded EXCLUDE USING btree (f(a) WITH =));
INSERT INTO measured VALUES (1), (2);
CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE MATERIALIZED VIEW m AS SELECT fails(); CREATE UNIQUE INDEX m_key ON m (fails);
CREATE OR REPLACE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER last BEFORE INSERT ON fine FOR EACH ROW EXECUTE FUNCTION trig();
GRANT SELECT ON fine TO PUBLIC; COMMENT ON TABLE fine IS 'fine';
"""


def test_each_thing_that_is_refused_is_listed_and_nothing_else_is_missing(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(REFUSED_KINDS)
    result = replicator("clone", *both(*pair))
    refuses(
        result, 6, "except 3 steps and 1 that depends on them", "index public.broken", "excluded", "refresh public.m"
    )
    made, wanted = set(copy.dump().splitlines()), source.dump().splitlines()
    lacking = [line for line in wanted if line not in made]
    assert lacking
    assert all(re.search("broken|excluded|ONLY public.measured", line) for line in lacking), lacking
    assert copy.value("SELECT relispopulated FROM pg_class WHERE relname = 'm'") is False


def test_rows_alone_that_violate_a_key_are_offered_nothing_that_is_of_no_use(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    schema = BROKEN_KEY.partition("CREATE MATERIALIZED VIEW")[0]
    pair[0].run(schema)
    pair[1].run(schema + "SET session_replication_role = DEFAULT; DELETE FROM c; DELETE FROM p")
    result = replicator("clone", "--data-only", *both(*pair))
    refuses(result, 6, "check foreign key c_p_fkey on public.c failed")
    assert "not-valid" not in result.err
    result = replicator("clone", "--data-only", "--foreign-keys", "not-valid", *both(*pair))
    refuses(result, 2, "--foreign-keys would have no effect")


BROKEN_ROWS = """
CREATE TABLE fine (id int PRIMARY KEY); INSERT INTO fine VALUES (1);
CREATE TABLE last (id int REFERENCES fine); INSERT INTO last VALUES (1); CREATE INDEX last_id ON last (id);
CREATE DOMAIN d AS int;
CREATE TABLE a (v d); INSERT INTO a VALUES (1); CREATE INDEX a_v ON a (v);
ALTER DOMAIN d ADD CONSTRAINT above CHECK (VALUE > 1) NOT VALID;
UPDATE pg_constraint SET convalidated = true WHERE conname = 'above';
CREATE FUNCTION at_least() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE b (v int CHECK (v >= at_least())); INSERT INTO b VALUES (1);
CREATE OR REPLACE FUNCTION at_least() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE TABLE c (v int CONSTRAINT positive CHECK (v > 0) NO INHERIT); COMMENT ON CONSTRAINT positive ON c IS 'of c';
ALTER TABLE c DROP CONSTRAINT positive; INSERT INTO c VALUES (-1);
ALTER TABLE c ADD CONSTRAINT positive CHECK (v > 0) NOT VALID;
UPDATE pg_constraint SET convalidated = true WHERE conname = 'positive';
CREATE FUNCTION plus(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a + 1; END';
CREATE INDEX fine_plus ON fine (plus(id));
CREATE MATERIALIZED VIEW m AS SELECT plus(id) FROM fine; CREATE MATERIALIZED VIEW of_c AS SELECT count(*) FROM c;
CREATE STATISTICS s ON v, (v + 1) FROM b;
GRANT SELECT ON last TO PUBLIC;
"""


def test_rows_that_are_refused_do_not_hide_the_rest(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run(BROKEN_ROWS)
    result = replicator("clone", *both(*pair))
    refuses(
        result, 6, "except 3 steps and 2 that depend on them", "data public.a failed", "data public.b", "data public.c"
    )
    lacking = set(source.dump().splitlines()) - set(copy.dump().splitlines())
    assert {line for line in lacking if not line.startswith("--")} == {"CREATE INDEX a_v ON public.a USING btree (v);"}
    assert copy.rows("SELECT * FROM last, m") == [(1, 2)]
    refuses(replicator("clone", "--resume=per-table", *both(*pair)), 6, "except 3 steps and 2")
    source.run("UPDATE a SET v = 2; DELETE FROM c")
    refuses(
        replicator("clone", "--resume=per-table", *both(*pair)), 6, "Everything is done except 1 step.", "data public.b"
    )
    source.run("UPDATE b SET v = 2")
    runs(replicator("clone", "--verify", "--resume=per-table", *both(*pair)))
    assert copy.dump() == source.dump()
    assert copy.rows("SELECT a.v, b.v, of_c.count FROM a, b, of_c") == [(2, 2, 0)]


SCHEMA_REFUSED = """
CREATE TABLE fine (id int PRIMARY KEY, v int); INSERT INTO fine VALUES (1, 1);
CREATE SCHEMA hidden; CREATE TABLE hidden.a_rate (v int);
SET search_path = public, hidden;
CREATE FUNCTION rate(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v FROM a_rate';
CREATE TABLE made (a int, r int GENERATED ALWAYS AS (rate(a)) STORED); INSERT INTO made VALUES (1);
CREATE INDEX ON made (r); COMMENT ON TABLE made IS 'made'; CREATE VIEW of_made AS SELECT * FROM made;
CREATE TABLE child () INHERITS (made); CREATE MATERIALIZED VIEW deep AS SELECT * FROM of_made;
CREATE TABLE last (id int REFERENCES fine); INSERT INTO last VALUES (1); CREATE VIEW shown AS SELECT * FROM last;
CREATE SEQUENCE counted; SELECT setval('counted', 50); GRANT SELECT ON shown TO PUBLIC;
"""


def test_an_object_that_is_refused_before_the_rows_does_not_hide_the_rest(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(SCHEMA_REFUSED)
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "Everything is done except 1 step and 7 that depend on it", "table public.made failed: ")
    assert "refresh public.deep: it depends on data public.made, materialized view public.deep" in result.err
    made = copy.dump()
    for text in (
        "last_id_fkey FOREIGN KEY",
        "CREATE VIEW public.shown",
        "GRANT SELECT ON TABLE public.shown TO PUBLIC",
    ):
        assert text in made
    assert copy.rows("SELECT * FROM last, counted") == [(1, 50, 0, True)]
    refuses(replicator("clone", "--resume", *both(*pair)), 3, "snapshot")
    refuses(replicator("clone", "--resume=per-table", *both(*pair)), 6, "Everything is done except 1 step and")


def test_a_sequence_that_could_not_be_made_keeps_no_other_from_its_value(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(SCHEMA_REFUSED.replace("STORED);", "STORED, id int GENERATED ALWAYS AS IDENTITY);"))
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "table public.made failed: ")
    assert "sequence values" not in result.err
    assert copy.value("SELECT last_value FROM counted") == 50
    source.run("ALTER SEQUENCE made_id_seq RESTART 70; SELECT setval('counted', 60)")
    body = "'SELECT v FROM hidden.a_rate'"
    source.run(f"CREATE OR REPLACE FUNCTION rate(a int) RETURNS int LANGUAGE sql IMMUTABLE AS {body}")
    runs(replicator("clone", "--resume=per-table", "--verify", *both(*pair)))
    assert copy.rows("SELECT m.last_value, c.last_value FROM made_id_seq m, counted c") == [(70, 60)]


GROUPED = """
CREATE TABLE u (i int NOT NULL, j text); INSERT INTO u VALUES (1, 'a'), (2, 'b');
ALTER TABLE u ADD PRIMARY KEY (i); CREATE VIEW v AS SELECT i, j FROM u GROUP BY i;
CREATE MATERIALIZED VIEW m AS SELECT * FROM v;
UPDATE pg_index SET indisready = false WHERE indexrelid = 'u_pkey'::regclass;
"""


def test_a_view_is_not_filled_from_one_that_could_not_be_made_whole(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(GROUPED + "SET client_min_messages = error; CREATE PUBLICATION all_of_it FOR ALL TABLES")
    source.run("INSERT INTO u VALUES (1, 'c'); UPDATE pg_index SET indisready = true")
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "Everything is done except 1 step and 2 that depend on it")
    assert "refresh public.m: it depends on view public.v" in result.err
    source.run("DELETE FROM u WHERE j = 'c'")
    runs(replicator("clone", "--verify", "--resume", *both(*pair)))
    assert copy.rows("SELECT * FROM m ORDER BY 1") == [(1, "a"), (2, "b")]
    assert copy.dump() == source.dump()


ROWS_ALONE = """
CREATE TABLE a_nulls (i int NOT NULL); CREATE TABLE b_key (i int, t text UNIQUE);
CREATE TABLE c_check (i int CHECK (i > 0));
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE fine (id int REFERENCES p); CREATE TABLE bad (id int REFERENCES p);
CREATE TABLE broken_p (id int PRIMARY KEY CHECK (id > 0)); CREATE TABLE of_broken (id int REFERENCES broken_p);
CREATE SEQUENCE counted; CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM c_check;
"""
LOOSE = """
ALTER TABLE a_nulls ALTER i DROP NOT NULL; ALTER TABLE b_key DROP CONSTRAINT b_key_t_key;
ALTER TABLE c_check DROP CONSTRAINT c_check_i_check; ALTER TABLE broken_p DROP CONSTRAINT broken_p_id_check;
INSERT INTO a_nulls VALUES (NULL); INSERT INTO b_key VALUES (1, 'a'), (2, 'a'); INSERT INTO c_check VALUES (-1), (5);
INSERT INTO p VALUES (1); INSERT INTO fine VALUES (1); INSERT INTO broken_p VALUES (0);
INSERT INTO of_broken VALUES (0);
SELECT setval('counted', 50); SET session_replication_role = replica; INSERT INTO bad VALUES (99);
"""


@pytest.mark.parametrize("as_owner", [False, True])
def test_rows_that_are_refused_do_not_hide_the_other_rows(
    pair: tuple[Database, Database], replicator: Run, *, as_owner: bool
) -> None:
    source, copy = pair
    source.run(ROWS_ALONE + LOOSE)
    flags = both(*pair)
    if as_owner:
        copy.run(
            "ALTER ROLE alice LOGIN; GRANT CREATE ON SCHEMA public TO alice;"
            f'GRANT CREATE ON DATABASE "{copy.name}" TO alice'
        )
        flags = tuple(flag.replace("user=postgres", "user=alice") if flag == copy.dsn else flag for flag in flags)
    copy.run(f"{'SET ROLE alice;' * as_owner} {ROWS_ALONE}")
    result = replicator("clone", "--data-only", *flags)
    refuses(result, 6, "data public.a_nulls failed", "data public.b_key", "data public.c_check", "data public.broken_p")
    assert "foreign key of_broken_id_fkey on public.of_broken: it depends on data public.broken_p" in result.err
    assert copy.rows("SELECT fine.id, of_broken.id, last_value FROM fine, of_broken, counted") == [(1, 0, 50)]
    source.run("DELETE FROM a_nulls; DELETE FROM b_key WHERE i = 2; DELETE FROM c_check WHERE i < 0")
    source.run("SET session_replication_role = replica; UPDATE broken_p SET id = 1")
    result = replicator("clone", "--data-only", "--resume=per-table", *flags)
    refuses(result, 6, "foreign key bad_id_fkey on public.bad failed", "of_broken_id_fkey")
    assert copy.rows("SELECT b_key.i, m.count FROM b_key, m") == [(1, 1)]
    source.run("INSERT INTO p VALUES (99); SET session_replication_role = replica; UPDATE of_broken SET id = 1")
    runs(replicator("clone", "--data-only", "--resume", *flags))
    assert copy.rows("SELECT bad.id, of_broken.id FROM bad, of_broken") == [(99, 1)]
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
    assert copy.value(keys) == source.value(keys)


DEFINED_WRONG = """
CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2); COMMENT ON TABLE t IS 'of t';
CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a; END';
CREATE INDEX by_f ON t (f(i)); CREATE VIEW v AS SELECT i AS d FROM t; CREATE MATERIALIZED VIEW m AS SELECT d FROM v;
CREATE TABLE p (i int PRIMARY KEY); CREATE TABLE c (i int CONSTRAINT key REFERENCES p);
CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE ''no''; END';
CREATE OR REPLACE VIEW v AS SELECT 1 / (i - 1) AS d FROM t;
SET session_replication_role = replica; INSERT INTO c VALUES (9);
"""
DEFINED_RIGHT = """
CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a + 0; END';
CREATE OR REPLACE VIEW v AS SELECT 1 / i AS d FROM t; REFRESH MATERIALIZED VIEW m;
ALTER TABLE c DROP CONSTRAINT key; ALTER TABLE c ADD CONSTRAINT key_of_another FOREIGN KEY (i) REFERENCES p NOT VALID;
REINDEX INDEX by_f;
"""


def test_definitions_that_were_mended_on_the_source_are_taken_over(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(DEFINED_WRONG)
    refuses(
        replicator("clone", *both(*pair)), 6, "Everything is done except 3 steps.", "by_f", "refresh public.m", "key"
    )
    source.run(DEFINED_RIGHT)
    result = replicator("clone", "--resume", *both(*pair))
    assert "Definitions that changed on the source were updated in the copy" in runs(result) + result.err
    assert copy.dump() == source.dump()
    assert copy.rows("SELECT d FROM m ORDER BY 1") == [(0,), (1,)]


def test_what_was_made_is_still_to_be_as_it_was_made(pair: tuple[Database, Database], replicator: Run) -> None:
    source, _ = pair
    source.run(DEFINED_WRONG)
    refuses(replicator("clone", *both(*pair)), 6, "Everything is done except 3 steps.")
    source.run("ALTER TABLE t ADD j int; COMMENT ON TABLE t IS NULL")
    refuses(replicator("clone", "--resume", *both(*pair)), 7, "comment on table public.t, table public.t")


BY_VALUE = """
CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t VALUES (1), (2);
CREATE FUNCTION part(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 / a; END';
CREATE INDEX by_part ON t (part(i)); CREATE MATERIALIZED VIEW m AS SELECT part(i) AS p FROM t;
UPDATE pg_index SET indisready = false WHERE indexrelid = 'by_part'::regclass;
"""


def test_values_that_were_mended_on_the_source_are_mended_in_the_copy(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(BY_VALUE)
    source.run("INSERT INTO t VALUES (0); UPDATE pg_index SET indisready = true")
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "Everything is done except 2 steps.", "division by zero", "Correct the rows on the source")
    source.run("DELETE FROM t WHERE i = 0")
    runs(replicator("clone", "--resume", "--verify", *both(*pair)))
    assert copy.rows("SELECT p FROM m ORDER BY 1") == [(5,), (10,)]
    assert copy.dump() == source.dump()


def test_a_view_is_not_filled_for_its_row_type_alone(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run("""CREATE TABLE t (a int); INSERT INTO t VALUES (1), (0);
        CREATE MATERIALIZED VIEW fails AS SELECT 1 / a AS a FROM t WITH NO DATA;
        CREATE MATERIALIZED VIEW typed AS SELECT NULL::fails AS f, a FROM t;
        CREATE VIEW between AS SELECT a FROM typed; CREATE MATERIALIZED VIEW deep AS SELECT * FROM between""")
    runs(replicator("clone", "--verify", *both(*pair)))
    assert copy.rows("SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1") == [
        ("deep", True),
        ("fails", False),
        ("typed", True),
    ]


BY_DOMAIN = """
CREATE FUNCTION fits(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE DOMAIN d AS int CHECK (fits(VALUE));
CREATE TABLE t (i d); INSERT INTO t VALUES (1), (2);
CREATE OR REPLACE FUNCTION fits(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN false; END';
"""


def test_a_function_is_mended_before_the_rows_that_need_it_through_a_domain(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(BY_DOMAIN)
    refuses(replicator("clone", "--jobs", "1", *both(*pair)), 6, "data public.t failed", 'constraint "d_check"')
    source.run("CREATE OR REPLACE FUNCTION fits(a int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT a > 0'")
    runs(replicator("clone", "--jobs", "1", "--resume=per-table", "--verify", *both(*pair)))
    assert copy.rows("SELECT i FROM t ORDER BY 1") == [(1,), (2,)]


@pytest.mark.parametrize("statistics", ["transfer", "analyze"])
def test_an_index_that_is_made_later_has_its_statistics(
    statistics: str, pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(BY_VALUE.replace("UPDATE pg_index", "ANALYZE t; UPDATE pg_index"))
    source.run("INSERT INTO t VALUES (0); UPDATE pg_index SET indisready = true")
    ends = ("--statistics", statistics, *both(*pair))
    refuses(replicator("clone", *ends), 6, "index public.by_part failed")
    source.run("DELETE FROM t WHERE i = 0")
    runs(replicator("clone", "--resume", *both(*pair)))
    assert copy.rows("SELECT attname FROM pg_stats WHERE tablename = 'by_part'") == [("part",)]
