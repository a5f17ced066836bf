"""Nothing that the owner of a database puts before pg_catalog is ever called: this program's own SQL never finds it.

The shadows are functions, operators, types and relations of all names that the program's SQL has, in a schema that is
first in the search path of the database and of the role. What is called writes its name into a file.
Reference: CVE-2018-1058.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import replicator as program
from tests.fix_cli import Run, Start, both, refuses, runs
from tests.fix_servers import Database
from tests.test_locks import APPS, SLOW_TABLES, in_mid_copy

SHADOWS = r"""
CREATE SCHEMA evil;
CREATE FUNCTION evil.called_by(name text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    EXECUTE pg_catalog.format('COPY (SELECT %L::pg_catalog.text) TO PROGRAM %L', name, 'cat >> {file}');
    RETURN true;
END $f$ SET search_path = pg_catalog;

-- pg_catalog comes last: what has the same arguments is found in evil first.
DO $do$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid, proname, pg_get_function_identity_arguments(p.oid) AS arguments
                  , pg_get_function_result(p.oid) AS result
               FROM pg_proc p
              WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname = ANY ('{{{words}}}')
    LOOP
        BEGIN
            EXECUTE format($$CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS
                           $b$BEGIN PERFORM evil.called_by(%L); RETURN NULL; END$b$ $$,
                           f.proname, f.arguments, f.result, f.proname);
        EXCEPTION WHEN OTHERS THEN
            NULL;  -- pseudo-types that plpgsql does not take
        END;
    END LOOP;
    FOR f IN SELECT oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r
                  , format_type(oprresult, NULL) AS result, row_number() OVER () AS number
               FROM pg_operator
              WHERE oprleft <> 0 AND oprright <> 0 AND oprnamespace = 'pg_catalog'::regnamespace
                AND oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '~~', '!~~', '+', '-', '*', '/', '%',
                                '&', '->', '->>', '@>', '&&')
    LOOP
        BEGIN
            EXECUTE format($$CREATE FUNCTION evil.o%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS
                           $b$BEGIN PERFORM evil.called_by('operator %s'); RETURN NULL; END$b$ $$,
                           f.number, f.l, f.r, f.result, f.oprname);
            EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.o%s, LEFTARG = %s, RIGHTARG = %s)',
                           f.oprname, f.number, f.l, f.r);
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    FOR f IN SELECT relname, string_agg(quote_ident(attname) || CASE atttypid WHEN 'anyarray'::regtype
                                        THEN '::text AS ' || quote_ident(attname) ELSE '' END, ', ') AS columns
               FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND (attnum > 0 OR attname = 'oid')
              WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
                AND relname = ANY ('{{{words}}}')
              GROUP BY relname
    LOOP
        EXECUTE format('CREATE VIEW evil.%1$I AS SELECT %2$s FROM pg_catalog.%1$I WHERE evil.called_by(%1$L)',
                       f.relname, f.columns);
    END LOOP;
    FOR f IN SELECT typname FROM pg_type
              WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typname = ANY ('{{{words}}}')
    LOOP
        EXECUTE format('CREATE DOMAIN evil.%1$I AS pg_catalog.%1$I CHECK (evil.called_by(''type %1$s''))', f.typname);
    END LOOP;
END $do$;
ALTER DATABASE {name} SET search_path = evil, pg_catalog;
ALTER ROLE postgres IN DATABASE {name} SET search_path = evil, pg_catalog;
"""
SHOP = """
CREATE TABLE public.shop (id int PRIMARY KEY, name text, at timestamptz, price numeric, tags text[], doc jsonb);
INSERT INTO public.shop SELECT g, 'n' || g, now(), g, ARRAY['x'], '{"a": 1}' FROM generate_series(1, 50) g;
CREATE TABLE public.ware (id serial PRIMARY KEY, shop int REFERENCES public.shop);
INSERT INTO public.ware (shop) SELECT g FROM generate_series(1, 50) g;
CREATE MATERIALIZED VIEW public.sums AS SELECT count(*) FROM public.ware;
CREATE VIEW public.names AS SELECT name FROM public.shop;
SELECT lo_from_bytea(4711, 'x');
"""


def words() -> str:
    """Return all names that the program's SQL may have, as the elements of an array."""
    files = [path for path in Path(program.__file__).parent.rglob("*") if path.suffix in (".sql", ".py")]
    texts = [path.read_text("utf-8") for path in files]
    return ",".join(sorted({word for text in texts for word in re.findall(r"[a-z_][a-z_0-9]+", text)}))


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Path]:
    """The file that names what was called."""
    run, worker = tmp_path.parent.parent.name, tmp_path.parent.name
    file = Path("/var/tmp") / f"{run}-{worker}-{tmp_path.name}-calls"
    file.touch()
    file.chmod(0o666)
    yield file
    file.unlink()


def haunt(database: Database, calls: Path) -> None:
    database.run(SHADOWS.format(file=calls, words=words(), name=database.name))


@pytest.mark.pg("in 12 18")
def test_no_command_calls_what_comes_first_in_the_path(
    database: Database, destination: Database, calls: Path, replicator: Run
) -> None:
    database.run(SHOP)
    for each in (database, destination):
        haunt(each, calls)
    flags = both(database, destination)
    with_it = ("--allow-empty", "--jobs", "2")
    for command in ("probe", "plan", "verify"):
        replicator(command, *flags)
        assert calls.read_text() == "", command
    for flag in ("drop", "swap"):
        done = replicator("clone", "--verify", "--replace", flag, *with_it, *flags)
        runs(done)
        assert calls.read_text() == "", flag
    for command in ("status", "clean"):
        runs(replicator(command, "--destination", destination.dsn))
    assert replicator("verify", *flags).code == 0
    destination.run("SET search_path = pg_catalog; DELETE FROM public.ware; UPDATE public.shop SET name = 'other'")
    runs(replicator("verify", "--repair", *flags))
    assert calls.read_text() == ""
    runs(replicator("plan", "--sql", "--source", database.dsn))
    runs(replicator("clone", "--data-only", "--truncate", "--no-large-objects", "--verify", *flags))
    assert calls.read_text() == ""
    database.value("SELECT lower('A') || format_type(23, NULL) FROM pg_class")
    assert set(calls.read_text().split()) >= {"lower", "format_type", "pg_class", "operator"}, "others are haunted"


RELYING = """
CREATE FUNCTION evil.helper(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.int4pl($1, 1)';
CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT helper($1)';
SET search_path = pg_catalog, evil;
CREATE TABLE public.t (id int PRIMARY KEY, v varchar, c char(3), n numeric, a text[], r float4, b "char", u uuid, i int8
, o oid, j jsonb, p point, g int GENERATED ALWAYS AS (public.f(id)) STORED);
CREATE TABLE public.keyed (v varchar PRIMARY KEY, x int, a int[]);
CREATE TABLE public.keyless (v varchar, x int);
CREATE STATISTICS public.s ON (public.f(id)), id FROM public.t;
CREATE STATISTICS public.keyed_s ON (public.f(x)), v FROM public.keyed;
CREATE STATISTICS public.keyless_s ON (public.f(x)), v FROM public.keyless;
INSERT INTO public.t SELECT g, g, 'x', g, ARRAY['a'], g / 3.0, 'c', NULL, g, g, '1', point(g, 1)
  FROM generate_series(1, 50) g;
INSERT INTO public.keyed SELECT g, g, ARRAY[g] FROM generate_series(1, 50) g;
INSERT INTO public.keyless SELECT g, g FROM generate_series(1, 50) g;
"""
# What has a query's very arguments is found before PostgreSQL's own, even if its schema comes later.
NEARER = """
SET search_path = pg_catalog, evil;
DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['hashint8extended(int4, bigint)', 'num_nulls(char(3))', 'num_nulls(point)'
        , 'format(text, char(3))', 'format(text, text[])', 'hash_array_extended(bytea[], bigint)', 'unnest(text[])'
        , 'unnest(bigint[])', 'hashtextextended(varchar, bigint)', '"left"(varchar, int4)', 'v_eq(varchar, varchar)']
    LOOP
        EXECUTE format($$CREATE FUNCTION evil.%s RETURNS boolean LANGUAGE plpgsql AS
                       $b$BEGIN RETURN evil.called_by(%L); END$b$ $$, name, name);
    END LOOP;
END $do$;
CREATE OPERATOR evil.= (FUNCTION = evil.v_eq, LEFTARG = varchar, RIGHTARG = varchar);
"""
DAMAGE = """
SET search_path = pg_catalog, evil;
UPDATE public.t SET v = 'other' WHERE id = 3;
UPDATE public.keyed SET x = 99 WHERE x = 3;
DELETE FROM public.keyless WHERE x = 5;
"""


@pytest.mark.pg("in 15 18")
def test_functions_that_need_the_path_bring_no_other_with_them(
    database: Database, destination: Database, calls: Path, replicator: Run
) -> None:
    haunt(database, calls)
    database.run(RELYING)
    database.run(NEARER)
    flags = both(database, destination)
    done = replicator("clone", "--verify", "--load-via-partition-root", *flags)
    runs(done)
    assert "table public.t: done with search_path = evil, pg_catalog" in done.err
    assert "verify table public.keyed: done with search_path" in done.err
    destination.run(DAMAGE)
    assert replicator("verify", "--show-rows", "5", *flags).code == 8
    runs(replicator("verify", "--repair", *flags))
    assert calls.read_text() == ""


@pytest.mark.pg("in 18")
def test_a_view_that_takes_the_place_of_a_table_runs_nobody_s_code(
    database: Database, destination: Database, calls: Path, start: Start
) -> None:
    """Verification reads it by its name (CVE-2024-7348)."""
    haunt(database, calls)
    database.run("SET search_path = public;" + SLOW_TABLES + APPS)
    process = in_mid_copy(start, database, destination, "--verify")
    database.run(
        "SET search_path = pg_catalog; ALTER SCHEMA app RENAME TO app_old; CREATE SCHEMA app;"
        " CREATE VIEW app.t AS SELECT * FROM app_old.t WHERE evil.called_by('view')"
    )
    refuses(process.ends(), 7, "app.t")
    assert calls.read_text() == ""
