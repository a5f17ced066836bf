"""Two values that print or send otherwise differ for `verify`, whatever their type's operators hold equal."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Json

from replicator.catalog.read import read_catalog
from replicator.comparing.fingerprint import Hashing, text_of
from replicator.model import Column
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.sessions import postgres
from replicator.settings import Settings
from tests.fix_servers import VERSIONS, Database, Servers
from tests.planted.values import EXPRESSIONS, SETUP, WITHOUT_VALUES, Type, Values

Connections = tuple[postgres.Connection, postgres.Connection]

TYPES = """
CREATE DOMAIN amount AS numeric;
CREATE DOMAIN amounts AS numeric[];
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN mood_domain AS mood;
CREATE DOMAIN moods_domain AS mood[];
CREATE DOMAIN codes AS char(3);
CREATE TYPE spot AS (x int, y numeric);
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TYPE moods AS RANGE (subtype = mood);
CREATE DOMAIN span AS floats;
CREATE DOMAIN place AS spot;
CREATE FUNCTION blind(mood) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'same'$$;
CREATE FUNCTION blind(spot) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'same'$$;
CREATE CAST (mood AS text) WITH FUNCTION blind(mood) AS IMPLICIT;
CREATE CAST (spot AS text) WITH FUNCTION blind(spot) AS IMPLICIT;
"""
ZEROS, ONES = ("{" + ",".join([digit] * 64) + "}" for digit in "01")
SWAPPED = ["{" + ",".join(map(str, numbers)) + "}" for numbers in (range(64), [32, *range(1, 32), 0, *range(33, 64)])]
PAIRS: list[tuple[str, str | None, str | None]] = [
    *(("numeric", *two) for two in [("1", "-1"), ("0", "NaN"), ("NaN", None), ("1.0", "1.00"), ("0", None)]),
    *((type, "{" + one + "}", "{" + two + "}") for type in ("numeric[]", "amounts") for one, two in [("1", "-1")]),
    ("numrange", "[1,2)", "[-2,-1)"),
    ("amount", "1", "-1"),
    *(("jsonb", *two) for two in [('{"a": 1}', '{"a": -1}'), ("{}", None), ("[]", None), ("{}", "[]"), ("0", "-1")]),
    ("jsonb", '{"a": {"b": 1}, "c": 2}', '{"a": {"b": 1, "c": 2}}'),
    *(("jsonb", *two) for two in [("[[1], 2]", "[[1, 2]]"), ("[1, 1]", "[2, 2]"), ("null", None), ('"1"', "1")]),
    ("jsonb", ZEROS.replace("{", "[").replace("}", "]"), ONES.replace("{", "[").replace("}", "]")),
    ("json", '{"a":1}', '{"a": 1}'),
    *((t, *two) for t in ("float4", "float8") for two in [("0", None), ("0", "-0"), ("NaN", None), ("Infinity", None)]),
    ("float8[]", "{0}", "{-0}"),
    *(("int4[]", *two) for two in [("{1,2}", "[0:1]={1,2}"), ("{}", None), ("{NULL}", "{}"), ("{{1,2}}", "{1,2}")]),
    *(("int4[]", *two) for two in [(ZEROS, ONES), SWAPPED, ("{{1,2},{3,4}}", "{1,2,3,4}"), ("{1}", "{{1}}")]),
    *(("int8[]", *two) for two in [("{1}", "{4294967296}"), ("{-1}", "{4294967295}")]),
    *(("int8", *two) for two in [("1", "4294967296"), ("-1", "4294967295"), ("0", None), ("0", "4294967295")]),
    ("int8range", "[1,2)", "[4294967296,4294967297)"),
    *(("int4range", *two) for two in [("empty", None), ("(,)", "empty"), ("[1,)", "(,1)")]),
    *((type, "00:00:00.000001", "01:11:34.967296") for type in ("time", "timetz")),
    *((t, "2000-01-01 00:00:00.000001", "2000-01-01 01:11:34.967296") for t in ("timestamp", "timestamptz")),
    ("timetz", "12:00+00", "13:00+01"),
    *(("interval", *two) for two in [("1 day", "24 hours"), ("1 mon", "30 days"), ("0", None)]),
    *(("date", *two) for two in [("2000-01-01", None), ("infinity", "-infinity")]),
    ("pg_lsn", "0/1", "1/0"),
    *(("bpchar", *two) for two in [("a", "a "), ("", None), ("", " ")]),
    *(("text", *two) for two in [("", None), ("a", "A"), ("a", "a ")]),
    *(("varchar(9)", *two) for two in [("", None), ("a", "a ")]),
    *((type, "{a}", "{A}") for type in ("refcursor", "refcursor[]")),
    *(("name", *two) for two in [("a", "b"), ("", None)]),
    *((type, "a", "A") for type in ('"char"', "citext")),
    *(("bytea", *two) for two in [(r"\x", None), (r"\x00", r"\x0000"), (r"\x", r"\x00")]),
    *(("bool", *two) for two in [("f", None), ("t", "f")]),
    *((type, one, None) for type, one in [("int2", "0"), ("int4", "0"), ("oid", "0"), ("varbit", ""), ("money", "0")]),
    ("varbit", "0", "00"),
    ("mood", "sad", "happy"),
    ("mood[]", "{sad}", "{happy}"),
    ("mood_domain", "sad", "happy"),
    ("moods_domain", "{sad}", "{happy}"),
    ("codes", "a", "b"),
    ("span", "[0,1]", "[-0,1]"),
    ("place", "(1,2)", "(1,2.0)"),
    ("spot", "(1,2)", "(1,2.0)"),
    *(("spot", *two) for two in [("(,)", None), ("(1,)", "(,1)")]),
    ("spot[]", '{"(1,2)"}', '{"(1,3)"}'),
    ("floats", "[0,1]", "[-0,1]"),
    ("moods", "[sad,happy]", "[sad,sad]"),
    ("point", "(0,0)", "(-0,0)"),
    *(("inet", *two) for two in [("10.0.0.1", "10.0.0.1/24"), ("10.0.0.1", None)]),
    ("cidr", "10.0.0.0/8", "10.0.0.0/16"),
    ("uuid", "00000000-0000-0000-0000-000000000000", None),
    ("macaddr", "00:00:00:00:00:00", None),
    *(("tsvector", *two) for two in [("a:1", "a:2"), ("", None)]),
    ("tsquery", "a & b", "a | b"),
    *(("hstore", *two) for two in [("a=>1", "a=>NULL"), ("", None)]),
    ("regclass", "pg_catalog.pg_class", "pg_catalog.pg_type"),
    ("regclass[]", "{pg_catalog.pg_class}", "{pg_catalog.pg_type}"),
]
SINCE: list[tuple[int, str, str | None, str | None]] = [
    (13, "xid8", "1", "4294967296"),
    (14, "numeric", "Infinity", None),
    (14, "int8multirange", "{[1,2)}", "{[4294967296,4294967297)}"),
    (14, "int4multirange", "{}", None),
    (17, "interval", "infinity", "-infinity"),
]


def pairs_of(major: int) -> list[tuple[str, str | None, str | None]]:
    return PAIRS + [(type, one, other) for since, type, one, other in SINCE if major >= since]


def fill(database: Database, major: int, which: int) -> None:
    """Give each pair a table: on either side the value that is its own, and both, which are the same there."""
    database.run(f"CREATE EXTENSION citext; CREATE EXTENSION hstore; {TYPES}")
    with psycopg.connect(database.dsn) as conn:
        for number, (type, *values) in enumerate(pairs_of(major)):
            conn.execute(f"CREATE TABLE differ_{number} (id int PRIMARY KEY, v {type})")
            conn.execute(f"CREATE TABLE same_{number} (id int PRIMARY KEY, v {type})")
            for id, value in enumerate(values):
                row = sql.SQL("({}, {})").format(id, sql.Literal(value))
                conn.execute(sql.SQL("INSERT INTO same_{} VALUES {}").format(number, row))
            row = sql.SQL("(1, {})").format(sql.Literal(values[which]))
            conn.execute(sql.SQL("INSERT INTO differ_{} VALUES {}").format(number, row))


def not_before_14(major: int, format: str) -> None:
    """Skip the test if the values have no binary form there: arrays of a database's own types, cubes."""
    if major < 14 and format == "binary":
        pytest.skip("before 14 these values have no binary form that another database reads")


def convicted(source: Database, destination: Database) -> set[str]:
    found = verify_copy(Settings(source.dsn, destination.dsn, jobs=2), lambda event: None)
    return {mismatch.what for mismatch in found if mismatch.about == "rows"}


def is_convicted_of_each(source: Database, destination: Database, major: int) -> None:
    names = {f"table public.differ_{number}": pair for number, pair in enumerate(pairs_of(major))}
    found = convicted(source, destination)
    assert [pair for name, pair in names.items() if name not in found] == []
    assert found == names.keys()


def test_values_that_differ_are_convicted(servers: Servers, major: int) -> None:
    databases = servers.database(major), servers.database(major)
    for which, database in enumerate(databases):
        fill(database, major, which)
    is_convicted_of_each(*databases, major)


@pytest.mark.parametrize(("one", "other"), [(VERSIONS[0], VERSIONS[-1]), (VERSIONS[-1], VERSIONS[0])])
def test_values_that_differ_are_convicted_across_versions(servers: Servers, one: int, other: int) -> None:
    databases = servers.database(one), servers.database(other)
    for which, database in enumerate(databases):
        fill(database, VERSIONS[0], which)
    is_convicted_of_each(*databases, VERSIONS[0])


@pytest.mark.parametrize("encodings", ["UTF8 LATIN1", "LATIN1 UTF8", "SQL_ASCII UTF8", "UTF8 SQL_ASCII"])
def test_values_that_differ_are_convicted_across_encodings(servers: Servers, encodings: str) -> None:
    major = VERSIONS[-1]
    databases = [servers.database(major, f"ENCODING '{name}' LOCALE 'C'") for name in encodings.split()]
    for which, database in enumerate(databases):
        fill(database, major, which)
    is_convicted_of_each(*databases, major)


@pytest.mark.parametrize("format", ["binary", "text"])
def test_a_copy_of_such_values_is_equal(servers: Servers, major: int, format: str) -> None:
    not_before_14(major, format)
    source, destination = servers.database(major), servers.database(major)
    fill(source, major, 0)
    clone(Settings(source.dsn, destination.dsn, jobs=2, format=format), lambda event: None)
    assert convicted(source, destination) == set()


LEFTOVERS = """
CREATE EXTENSION cube;
CREATE TABLE t (id int PRIMARY KEY, a int[], q tsquery, c cube);
INSERT INTO t VALUES (1, '{1,NULL}', NULL, NULL), (2, NULL, 'a'::tsquery && ('b'::tsquery && 'c'::tsquery), NULL)
     , (3, NULL, NULL, cube(array[1.0, 2.0], array[1.0, 2.0]));
UPDATE t SET a[2] = 2 WHERE id = 1;
"""


@pytest.mark.parametrize("format", ["binary", "text"])
def test_what_no_copy_can_bring_along_is_no_difference(servers: Servers, major: int, format: str) -> None:
    """An array that had a NULL, a query of three words joined from the right, a point that was made of two."""
    not_before_14(major, format)
    source, destination = servers.database(major), servers.database(major)
    source.run(LEFTOVERS)
    if major >= 14:
        assert source.value("SELECT get_byte(array_send(a), 7) FROM t WHERE id = 1") == 1
    clone(Settings(source.dsn, destination.dsn, jobs=2, format=format), lambda event: None)
    assert convicted(source, destination) == set()
    destination.run("UPDATE t SET a[2] = NULL WHERE id = 1")
    assert convicted(source, destination) == {"table public.t"}


# Rows


def test_cells_exchanged_between_two_rows_show(servers: Servers) -> None:
    """An exclusive or of the cells' hashes, summed up, lost one in a hundred million."""
    cells = 250
    columns = [Column(name, "pg_catalog.int4", True, "int4send") for name in "ab"]
    with psycopg.connect(servers.database(VERSIONS[-1]).dsn) as conn:
        row = Hashing(("UTF8", "UTF8"), since_18=True).row(columns)
        query = f"SELECT {row} FROM generate_series(1, {cells}) a, generate_series(1, {cells}) b"
        hashes = [value for (value,) in conn.execute(query.encode())]
    rows = [hashes[n * cells : (n + 1) * cells] for n in range(cells)]
    for one, other in combinations(rows, 2):
        assert len({x - y for x, y in zip(one, other, strict=True)}) == cells


def test_seeds_differ_from_run_to_run() -> None:
    column = Column("a", "pg_catalog.int4", True, "int4send")
    assert len({Hashing(("UTF8", "UTF8"), True).value(column, 1) for _ in range(9)}) == 9


# Random values: what prints otherwise has another hash, and both servers have the same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def array_of(items: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(items, max_size=4) | st.lists(st.lists(items, min_size=2, max_size=2), min_size=1, max_size=3)


SMALL = st.integers(-3, 3)
LARGE = st.sampled_from([0, 1, -1, 2**32, -(2**32), 2**32 - 1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.decimals(-10, 10, places=1)
RANDOM: dict[str, st.SearchStrategy[object]] = {
    "numeric": DECIMALS,
    "numeric[]": array_of(DECIMALS),
    "int8": LARGE,
    "int8[]": array_of(LARGE),
    "int4[]": array_of(SMALL),
    "float8": st.floats(),
    "float4": st.floats(width=32),
    "float8[]": array_of(st.floats()),
    "text": st.text(st.sampled_from("ab ")),
    "bpchar": st.text(st.sampled_from("ab ")),
    "text[]": array_of(st.text(st.sampled_from("ab "), max_size=2)),
    "bytea": st.binary(max_size=3),
    "jsonb": JSON,
    "json": JSON,
    "timestamptz": st.datetimes(),
    "date": st.dates(),
    "time": st.times(),
    "interval": st.timedeltas(),
    "uuid": st.uuids(),
    "bool": st.booleans(),
    "int4range": st.tuples(SMALL, SMALL).map(lambda two: f"[{min(two)},{max(two)})"),
    "numrange": st.tuples(SMALL, SMALL).map(lambda two: f"({min(two)},{max(two)}.0]"),
    "inet": st.ip_addresses(),
}


@pytest.fixture(scope="module")
def connections(servers: Servers) -> Iterator[Connections]:
    """One to each of the oldest and the newest server."""
    old, new = (servers.database(major).dsn for major in (VERSIONS[0], VERSIONS[-1]))
    with postgres.connect(old) as one, postgres.connect(new) as other:
        yield one, other


@pytest.mark.parametrize("type", RANDOM)
def test_random_values(connections: Connections, type: str) -> None:
    for conn in connections:
        conn.execute(f"DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (v {type})")
    one, other = (read_catalog(conn).tables[0].columns[0] for conn in connections)
    assert one == replace(other, type=one.type), "only its quotes may differ"

    def adapted(value: object) -> object:
        return Json(value) if "json" in type and value is not None else value

    hashing = Hashing(("UTF8", "UTF8"), since_18=False)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(RANDOM[type] | st.none(), min_size=2, max_size=30))
    def check(values: list[object]) -> None:
        answers = []
        for conn in connections:
            rows = ", ".join([f"(%s::{type})"] * len(values))
            both = f"{hashing.value(one, 1)}, {text_of('v')}".replace("%", "%%")
            query = f"SELECT {both} FROM (VALUES {rows}) AS t (v)"
            answers.append(conn.execute(query.encode(), [adapted(value) for value in values]).fetchall())
        assert answers[0] == answers[1]
        texts = {text for _, text in answers[0]}
        assert len(texts) == len({hash for hash, _ in answers[0]}) == len(set(answers[0]))

    check()


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0))
def test_random_values_of_every_type(connections_with_types: Connections, seed: int) -> None:
    old, new = connections_with_types
    here, there = (Values(conn, random.Random(seed)) for conn in (old, new))
    hashing = Hashing(("UTF8", "UTF8"), since_18=False)
    columns = {table.identity: table.columns[0] for table in read_catalog(old).tables}
    for number, (name, type) in enumerate(of_both(connections_with_types).items()):
        drawn = [*here.pair(name), *(here.one(name) for _ in range(8))] if name not in WITHOUT_VALUES else []
        known = [value for value in drawn if here.prints(value) == there.prints(value)]  # older ones take more
        rows = ", ".join(f"({value})" for value in [*known, f"NULL::{type.sql}"])
        both = f"{hashing.value(columns[f'public.t_{number}'], 1)}, {text_of('v')}"
        query = f"SELECT {both} FROM (VALUES {rows}) AS t (v)".encode()
        answers = [conn.execute(query).fetchall() for conn in (old, new)]
        assert answers[0] == answers[1], (name, rows)
        assert len({text for _, text in answers[0]}) == len({hash for hash, _ in answers[0]}), name
        assert len(set(answers[0])) == len({text for _, text in answers[0]}), name


def of_both(connections: Connections) -> dict[str, Type]:
    """Return the types that both servers have, and print alike."""
    one, other = (Values(conn, random.Random()).types for conn in connections)
    return {name: type for name, type in one.items() if name in other and name not in EXPRESSIONS}


@pytest.fixture(scope="module")
def connections_with_types(servers: Servers) -> Iterator[Connections]:
    """One to each of the oldest and the newest server, to databases with a column of each type that both have."""
    pair = servers.database(VERSIONS[0]), servers.database(VERSIONS[-1])
    for database in pair:
        database.run(SETUP)
    with postgres.connect(pair[0].dsn) as old, postgres.connect(pair[1].dsn) as new:
        tables = [f"CREATE TABLE public.t_{n} (v {type.sql})" for n, type in enumerate(of_both((old, new)).values())]
        for conn in (old, new):
            conn.execute(";".join(tables).encode())
        yield old, new


# What is stored and computed


def test_generated_columns_that_were_computed_otherwise(servers: Servers, major: int) -> None:
    """Copying cannot keep them: the destination computes them by today's function."""
    source, destination = servers.database(major), servers.database(major)
    function = "CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * {}'".format
    source.run(f"{function(1)}; CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (f(a)) STORED)")
    source.run("INSERT INTO t VALUES (1), (0)")
    clone(Settings(source.dsn, destination.dsn, verify=True), lambda event: None)
    source.run(function(100))
    destination.run(f"{function(100)}; UPDATE t SET a = a")
    for repair in (False, True):
        (mismatch,) = verify_copy(Settings(source.dsn, destination.dsn, repair=repair), lambda event: None)
        (row,) = mismatch.rows
        assert (row.how, row.key, row.source, row.destination) == ("changed", {"a": "1"}, {"b": "1"}, {"b": "100"})
        assert not mismatch.repaired


# Large objects


def test_pieces_exchanged_between_two_large_objects_show(servers: Servers) -> None:
    """Their places and their objects' numbers add up to the same."""
    databases = servers.database(VERSIONS[-1]), servers.database(VERSIONS[-1])
    for database, (one, other) in zip(databases, ("bc", "cb"), strict=True):
        piece = "convert_to(repeat('{}', 1048576), 'UTF8')".format
        database.run(f"SELECT lo_from_bytea(10, {piece('a')} || {piece(one)}), lo_from_bytea(11, {piece(other)})")
    found = verify_copy(Settings(databases[0].dsn, databases[1].dsn), lambda event: None)
    assert sorted(row.key["oid"] for mismatch in found for row in mismatch.rows) == ["10", "11"]
