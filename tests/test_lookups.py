"""Rows that look up other rows when they come: in checks, domains, generated columns, partition keys, views."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from replicator.demo.server import reachable_folder
from tests.fix_cli import NEWEST, Run, both, own_server, refuses, runs
from tests.fix_servers import Database
from tests.test_crashes import new_database

GENERATED = """
CREATE TABLE a_rate (currency text PRIMARY KEY, rate numeric);
CREATE FUNCTION rate_of(c text) RETURNS numeric LANGUAGE sql IMMUTABLE
AS 'SELECT rate FROM public.a_rate WHERE currency = c';
INSERT INTO a_rate VALUES ('EUR', 1), ('USD', 0.9);
CREATE TABLE b_sale (id int PRIMARY KEY, currency text, amount numeric, pad text,
    eur numeric GENERATED ALWAYS AS (amount * public.rate_of(currency)) STORED);
INSERT INTO b_sale SELECT g, 'USD', g, repeat('x', 100) FROM generate_series(1, 1000) g;
"""
CHAIN = """
CREATE TABLE a_region (code text PRIMARY KEY);
CREATE FUNCTION region_known(c text) RETURNS boolean LANGUAGE sql STABLE
AS 'SELECT EXISTS (SELECT FROM public.a_region WHERE code = c)';
CREATE TABLE b_country (code text PRIMARY KEY, region text CHECK (public.region_known(region)));
CREATE FUNCTION country_known(c text) RETURNS boolean LANGUAGE sql STABLE
AS 'SELECT EXISTS (SELECT FROM public.b_country WHERE code = c)';
CREATE TABLE c_order (id int, country text CHECK (public.country_known(country)), pad text);
INSERT INTO a_region VALUES ('EU'); INSERT INTO b_country VALUES ('DE', 'EU');
INSERT INTO c_order SELECT g, 'DE', repeat('x', 100) FROM generate_series(1, 1000) g;
"""
BY_DOMAIN = """
CREATE TABLE z_code (code text PRIMARY KEY);
CREATE FUNCTION known(c text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN EXISTS (SELECT FROM public.z_code WHERE code = c); END $$;
CREATE DOMAIN code AS text CHECK (public.known(VALUE));
CREATE DOMAIN special_code AS code;
CREATE TYPE pair AS (a special_code, b int);
INSERT INTO z_code SELECT 'c' || g FROM generate_series(1, 5000) g;
CREATE TABLE a_plain (code code); CREATE TABLE a_array (codes special_code[]); CREATE TABLE a_pair (p pair);
INSERT INTO a_plain VALUES ('c1'); INSERT INTO a_array VALUES ('{c1,c2}'); INSERT INTO a_pair VALUES (('c3', 1));
"""
HIDDEN = """
CREATE FUNCTION holds(t text, v int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE found boolean;
BEGIN EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE a = %s)', 'step_' || t, v) INTO found;
RETURN found; END $$;
CREATE TABLE step_z (a int); INSERT INTO step_z SELECT g FROM generate_series(1, 50) g;
CREATE TABLE step_m (a int CHECK (public.holds('z', a))); INSERT INTO step_m SELECT g FROM generate_series(1, 40) g;
CREATE TABLE step_c (a int CHECK (public.holds('m', a))); INSERT INTO step_c SELECT g FROM generate_series(1, 30) g;
CREATE TABLE step_b (a int CHECK (public.holds('c', a))); INSERT INTO step_b SELECT g FROM generate_series(1, 20) g;
CREATE TABLE step_a (a int CHECK (public.holds('b', a)), pad text);
INSERT INTO step_a SELECT g, repeat('x', 9000) FROM generate_series(1, 10) g;
"""
GENERATED_OF_GENERATED = """
CREATE TABLE z_base (id int PRIMARY KEY, v int); INSERT INTO z_base SELECT g, g FROM generate_series(1, 100) g;
CREATE FUNCTION base(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v FROM public.z_base WHERE id = i';
CREATE TABLE m_first (id int, twice int GENERATED ALWAYS AS (2 * public.base(id)) STORED);
INSERT INTO m_first SELECT g FROM generate_series(1, 100) g;
CREATE VIEW firsts AS SELECT * FROM m_first;
CREATE FUNCTION "First of"(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN (SELECT twice FROM public.firsts WHERE id = i); END $$;
CREATE FUNCTION outer_one(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT public."First of"(i)';
CREATE TABLE a_second (id int, pad text, four int GENERATED ALWAYS AS (2 * public.outer_one(id)) STORED);
INSERT INTO a_second SELECT g, repeat('x', 500) FROM generate_series(1, 100) g;
CREATE TABLE b_check (id int CHECK (public.outer_one(id) = 2 * id));
INSERT INTO b_check SELECT g FROM generate_series(1, 100) g;
"""
AS_ARGUMENTS = """
CREATE SCHEMA "My S"; CREATE TABLE "My S"."Z t" (k int, v text); INSERT INTO "My S"."Z t" VALUES (1, 'one');
CREATE FUNCTION look(t text, i int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE r text;
BEGIN EXECUTE format('SELECT min(v) FROM %s WHERE k = $1', t) INTO r USING i; RETURN r; END $$;
CREATE TABLE c (k int, v text GENERATED ALWAYS AS (look('"My S"."Z t"', k)) STORED); INSERT INTO c VALUES (1);
CREATE TABLE b (k int, v text GENERATED ALWAYS AS (look('public.c', k)) STORED, pad text);
INSERT INTO b (k, pad) SELECT 1, repeat('x', 100) FROM generate_series(1, 500);
CREATE DOMAIN known AS int CHECK (look('public.b', VALUE) IS NOT NULL);
CREATE TABLE a (k known, v text GENERATED ALWAYS AS (look('public.b', k)) STORED, pad text);
INSERT INTO a (k, pad) SELECT 1, repeat('x', 100) FROM generate_series(1, 1000);
CREATE TABLE plain (k int CHECK (look('public.a', k) = 'one'), pad text);
INSERT INTO plain SELECT 1, repeat('x', 100) FROM generate_series(1, 2000);
"""
PARTITION_KEY = """
CREATE TABLE z_zone (code text PRIMARY KEY, zone int); INSERT INTO z_zone VALUES ('a', 1), ('b', 2);
CREATE FUNCTION zone_of(c text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT zone FROM public.z_zone WHERE code = c';
CREATE TABLE a_place (code text) PARTITION BY LIST (public.zone_of(code));
CREATE TABLE a_place_1 PARTITION OF a_place FOR VALUES IN (1);
CREATE TABLE a_place_2 PARTITION OF a_place FOR VALUES IN (2);
INSERT INTO a_place SELECT 'a' FROM generate_series(1, 100); INSERT INTO a_place VALUES ('b');
"""
OVER_A_VIEW = """
CREATE TABLE z_rate (c text PRIMARY KEY, rate int); INSERT INTO z_rate VALUES ('a', 2);
CREATE VIEW z_shown AS SELECT * FROM z_rate;
CREATE FUNCTION rate(t text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT rate FROM public.z_shown WHERE c = t';
CREATE TABLE a_sale (c text, rate int GENERATED ALWAYS AS (rate(c)) STORED); INSERT INTO a_sale VALUES ('a');
"""
IN_ORDER = """
CREATE TABLE z_level (name text PRIMARY KEY, n int); INSERT INTO z_level VALUES ('low', 1), ('mid', 2), ('high', 3);
CREATE FUNCTION n_of(t text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE r int;
BEGIN SELECT n INTO STRICT r FROM public.z_level WHERE name = t; RETURN r; END $$;
CREATE TYPE level AS (name text);
CREATE FUNCTION compare(a level, b level) RETURNS int LANGUAGE sql IMMUTABLE
AS 'SELECT public.n_of(a.name) - public.n_of(b.name)';
CREATE FUNCTION lt(level, level) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT public.compare($1, $2) < 0';
CREATE FUNCTION le(level, level) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT public.compare($1, $2) <= 0';
CREATE FUNCTION eq(level, level) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT public.compare($1, $2) = 0';
CREATE FUNCTION ge(level, level) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT public.compare($1, $2) >= 0';
CREATE FUNCTION gt(level, level) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT public.compare($1, $2) > 0';
CREATE OPERATOR <# (LEFTARG = level, RIGHTARG = level, FUNCTION = lt);
CREATE OPERATOR <=# (LEFTARG = level, RIGHTARG = level, FUNCTION = le);
CREATE OPERATOR =# (LEFTARG = level, RIGHTARG = level, FUNCTION = eq);
CREATE OPERATOR >=# (LEFTARG = level, RIGHTARG = level, FUNCTION = ge);
CREATE OPERATOR ># (LEFTARG = level, RIGHTARG = level, FUNCTION = gt);
CREATE OPERATOR CLASS levels FOR TYPE level USING btree AS
    OPERATOR 1 <#, OPERATOR 2 <=#, OPERATOR 3 =#, OPERATOR 4 >=#, OPERATOR 5 >#, FUNCTION 1 compare(level, level);
CREATE TYPE levels AS RANGE (subtype = level, subtype_opclass = levels);
CREATE TABLE a_range (r levels, pad text);
INSERT INTO a_range SELECT levels(ROW('low')::level, ROW('high')::level), repeat('x', 80) FROM generate_series(1, 500);
CREATE DOMAIN one AS levels; CREATE TABLE b_range (r one[]); INSERT INTO b_range SELECT ARRAY[r]::one[] FROM a_range;
CREATE FUNCTION spread(a level, seed bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT public.n_of(a.name)';
CREATE OPERATOR CLASS spread FOR TYPE level USING hash AS OPERATOR 1 =#, FUNCTION 2 spread(level, bigint);
CREATE TABLE c_part (l level, pad text) PARTITION BY HASH (l spread);
CREATE TABLE c_part_1 PARTITION OF c_part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE c_part_2 PARTITION OF c_part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO c_part SELECT ROW('mid')::level, repeat('x', 80) FROM generate_series(1, 500);
"""
PARSED = """
CREATE TABLE z_rate (currency text PRIMARY KEY, rate numeric); INSERT INTO z_rate VALUES ('USD', 0.9);
CREATE FUNCTION rate_of(c text) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN (SELECT rate FROM public.z_rate WHERE currency = c);
CREATE TABLE a_sale (amount numeric, eur numeric GENERATED ALWAYS AS (amount * public.rate_of('USD')) STORED);
INSERT INTO a_sale SELECT g FROM generate_series(1, 100) g;
"""
HOSTILE = """
CREATE SCHEMA "(a"; CREATE TABLE "(a"."z ""(rate)" (c text PRIMARY KEY, rate numeric);
INSERT INTO "(a"."z ""(rate)" VALUES ('USD', 0.9);
CREATE FUNCTION "(a"."of(""x"")"(t text) RETURNS numeric LANGUAGE sql IMMUTABLE
AS 'SELECT rate FROM "(a"."z ""(rate)" WHERE c = t';
CREATE TABLE "(a"."(" (amount numeric, pad text,
    eur numeric GENERATED ALWAYS AS (amount * "(a"."of(""x"")"('USD')) STORED);
INSERT INTO "(a"."(" SELECT g, repeat('x', 100) FROM generate_series(1, 100) g;
"""
VIEWS = """
CREATE MATERIALIZED VIEW z_totals AS SELECT 1 AS v, 2 AS n;
CREATE FUNCTION total_of(x int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n FROM public.z_totals WHERE v = x';
CREATE MATERIALIZED VIEW m_report AS SELECT public.total_of(1) AS n;
CREATE FUNCTION report() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT n FROM public.m_report); END $$;
CREATE MATERIALIZED VIEW a_last AS SELECT public.report() AS n;
CREATE UNIQUE INDEX ON a_last (n);
"""


@pytest.fixture
def major() -> int:
    return NEWEST


SCRIPTS = {
    "generated": GENERATED,
    "chain": CHAIN,
    "domain": BY_DOMAIN,
    "hidden": HIDDEN,
    "nested": GENERATED_OF_GENERATED,
    "arguments": AS_ARGUMENTS,
    "partition key": PARTITION_KEY,
    "view": OVER_A_VIEW,
    "order": IN_ORDER,
    "parsed": PARSED,
    "hostile": HOSTILE,
    "views": VIEWS,
}


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_what_rows_look_up_is_there_when_they_come(
    pair: tuple[Database, Database], replicator: Run, script: str, jobs: str
) -> None:
    source, copy = pair
    source.run(script)
    runs(replicator("clone", "--jobs", jobs, *both(*pair)))
    assert copy.dump() == source.dump()
    assert contents(copy) == contents(source)


def contents(database: Database) -> dict[str, list[str]]:
    relations = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384"
    return {
        name: [row for (row,) in database.rows(f"SELECT t::text FROM {name} t ORDER BY 1")]
        for (name,) in database.rows(relations)
    }


def test_rows_that_nothing_helps_are_refused_and_the_rest_is_copied(
    pair: tuple[Database, Database], replicator: Run
) -> None:
    source, copy = pair
    source.run(
        CHAIN + "CREATE TABLE d (a int PRIMARY KEY, c text REFERENCES a_region); INSERT INTO d VALUES (1, 'EU');"
        "CREATE INDEX ON c_order (id); CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM c_order;"
        "GRANT SELECT ON d TO PUBLIC;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.pad := NULL; RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON c_order FOR EACH ROW EXECUTE FUNCTION f();"
        "ALTER TABLE b_country DISABLE TRIGGER ALL; DELETE FROM b_country"
    )
    result = replicator("clone", *both(*pair))
    refuses(result, 6, "data public.c_order failed: ", "c_order_country_check", "--resume=per-table")
    assert copy.value("SELECT count(*) FROM d") == 1
    assert copy.value("SELECT relacl::text FROM pg_class WHERE relname = 'd'")
    source.run("INSERT INTO b_country VALUES ('DE', 'EU')")
    refuses(replicator("clone", "--resume", *both(*pair)), 3, "snapshot")
    runs(replicator("clone", "--resume=per-table", *both(*pair)))
    assert copy.dump() == source.dump()
    assert contents(copy) == contents(source)  # and no trigger has fired


EXTENSION = """
CREATE EXTENSION rates;
INSERT INTO rates.rate SELECT 'C' || g, g FROM generate_series(1, 20000) g;
CREATE TABLE acct (id int PRIMARY KEY, code text);
INSERT INTO acct SELECT g, 'C' || g FROM generate_series(1, 300) g;
CREATE INDEX acct_rate ON acct (rates.of(code));
CREATE TABLE a_stored (code text, rate numeric GENERATED ALWAYS AS (rates.of(code)) STORED);
INSERT INTO a_stored SELECT code FROM acct;
"""
CONTROL = "default_version = '1.0'\nschema = rates\nrelocatable = false\n"
SCRIPT = """
CREATE TABLE rates.rate (code text PRIMARY KEY, rate int);
SELECT pg_extension_config_dump('rates.rate', '');
CREATE FUNCTION rates.of(c text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN (SELECT rate FROM rates.rate WHERE code = c); END $$;
"""


def test_what_calls_an_extension_waits_for_the_rows_of_its_configuration(replicator: Run) -> None:
    folder = reachable_folder("replicator-extension-")
    (folder / "extension").mkdir()
    (folder / "extension/rates.control").write_text(CONTROL)
    (folder / "extension/rates--1.0.sql").write_text(SCRIPT)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    with own_server(extension_control_path=f"{folder}:$system") as server:
        source, copy = new_database(server, "shop", EXTENSION), new_database(server, "copy")
        for jobs in ("1", "2"):
            runs(replicator("clone", "--replace", "drop", "--verify", "--jobs", jobs, *both(source, copy)))
            with psycopg.connect(copy.dsn, options="-c enable_seqscan=off") as conn:
                by_index = "SELECT count(*) FROM acct WHERE rates.of(code) BETWEEN 1 AND 300"
                assert conn.execute(by_index).fetchall() == [(300,)]
            assert contents(copy) == contents(source)


POSTGIS = """
CREATE EXTENSION postgis;
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, proj4text, srtext)
SELECT 990001, 'own', 990001, proj4text, srtext FROM spatial_ref_sys WHERE srid = 3857;
CREATE TABLE place (id int PRIMARY KEY, at geometry(Point, 4326),
    metric geometry GENERATED ALWAYS AS (ST_Transform(at, 990001)) STORED,
    CHECK (ST_X(ST_Transform(at, 990001)) IS NOT NULL));
INSERT INTO place SELECT g, ST_SetSRID(ST_MakePoint(g % 180, g % 80), 4326) FROM generate_series(1, 2000) g;
CREATE INDEX place_metric ON place USING gist (ST_Transform(at, 990001));
"""
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.mark.skipif(
    not Path("/usr/share/postgresql/15/extension/postgis.control").exists(),
    reason="needs apt-get install postgresql-15-postgis-3",
)
def test_an_own_reference_system_of_postgis_is_there_when_places_come(replicator: Run) -> None:
    with own_server(DEBIAN_15) as server:
        source, copy = new_database(server, "shop", POSTGIS), new_database(server, "copy")
        runs(replicator("clone", "--verify", "--jobs", "2", *both(source, copy)))
        sums = "SELECT count(metric), sum(ST_X(metric))::bigint, sum(ST_Y(metric))::bigint FROM place"
        assert copy.rows(sums) == source.rows(sums)
        assert copy.value("SELECT count(metric) FROM place") == 2000
        near = "SELECT count(*) FROM place WHERE ST_Transform(at, 990001) && ST_MakeEnvelope(0, 0, 1e6, 1e6, 990001)"
        assert copy.value(near) == source.value(near)
        assert copy.value("SELECT count(*) FROM spatial_ref_sys WHERE srid = 990001") == 1


INDEXED = """
CREATE TABLE z_rate (k int PRIMARY KEY, v int);
CREATE FUNCTION rate_of(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE r int;
BEGIN EXECUTE 'SELECT v FROM public.' || 'z_' || 'rate WHERE k = $1' INTO r USING i; RETURN r; END $$;
CREATE TABLE a_sale (id int); CREATE INDEX a_sale_rate ON a_sale (rate_of(id));
CREATE TABLE a_part (id int); CREATE INDEX a_part_large ON a_part (id) WHERE rate_of(id) > 5;
CREATE TABLE a_once (id int, EXCLUDE USING btree ((rate_of(id) % 100) WITH =));
CREATE TABLE a_made (id int, rate int GENERATED ALWAYS AS (rate_of(id)) STORED);
CREATE TABLE b_made (id int CHECK (rate_of(id) > 0), rate int GENERATED ALWAYS AS (rate_of(id)) STORED);
CREATE FUNCTION made_of(i int) RETURNS int LANGUAGE sql IMMUTABLE
AS 'SELECT rate FROM public.b_made WHERE id = i';
CREATE TABLE a_of_made (id int, rate int GENERATED ALWAYS AS (made_of(id)) STORED);
CREATE INDEX ON a_of_made (made_of(id));
"""
INDEXED_ROWS = """
INSERT INTO z_rate SELECT g, g FROM generate_series(1, 50) g;
INSERT INTO a_sale SELECT g FROM generate_series(1, 50) g; INSERT INTO a_part SELECT * FROM a_sale;
INSERT INTO a_once SELECT * FROM a_sale; INSERT INTO a_made SELECT * FROM a_sale;
INSERT INTO b_made SELECT * FROM a_sale; INSERT INTO a_of_made SELECT * FROM a_sale;
"""
BY_INDEX = """
SELECT (SELECT count(*) FROM a_sale WHERE rate_of(id) = 7), (SELECT count(*) FROM a_part WHERE rate_of(id) > 5)
     , (SELECT count(*) FROM a_once WHERE rate_of(id) % 100 = 7), (SELECT count(*) FROM a_of_made WHERE made_of(id) = 7)
"""


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("flags", [(), ("--truncate",), ("--append",)], ids=["", "truncate", "append"])
def test_indexes_that_are_there_find_what_they_look_up(
    pair: tuple[Database, Database], replicator: Run, flags: tuple[str, ...], jobs: str
) -> None:
    source, copy = pair
    source.run(INDEXED + INDEXED_ROWS)
    copy.run(INDEXED + INDEXED_ROWS * ("--truncate" in flags))
    runs(replicator("clone", "--data-only", *flags, "--jobs", jobs, *both(*pair)))
    assert contents(copy) == contents(source)
    with psycopg.connect(copy.dsn) as conn:
        conn.execute("SET enable_seqscan = off")
        assert conn.execute(BY_INDEX.encode()).fetchall() == [(1, 45, 1, 1)]


def test_so_it_is_with_rows_alone(pair: tuple[Database, Database], replicator: Run) -> None:
    source, copy = pair
    source.run(HIDDEN + GENERATED)
    runs(replicator("clone", *both(*pair)))
    runs(replicator("clone", "--data-only", "--truncate", *both(*pair)))
    assert contents(copy) == contents(source)
