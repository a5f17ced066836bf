"""The script of `plan --sql` is what psql makes the same schema of, whatever its surroundings are set to."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from replicator.cli.layout import laid_out
from replicator.cli.plans import plan_as_lines, plan_as_sql
from replicator.model import Loss, Plan
from tests.fix_cli import COMMAND, environment
from tests.fix_servers import CLIENTS, SOME, Database, Servers

LATIN1 = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
SQL_ASCII = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
EXECUTED = ("\\! touch marker", "\\connect nowhere", "\\o marker", "\\i marker", "\\unrestrict x", "\\q", "\\.")
HOSTILE = [
    *(f"x\n{command}\n" for command in EXECUTED),
    "\\'; CREATE TABLE public.injected (); --",
    "';\n\\! touch marker\n--",
    "*/;\n\\! touch marker\n",
    "$$;\n\\! touch marker\n$$",
    "\n-- \n\\! touch marker",
    "ä\\",
    "é\\'; CREATE TABLE public.injected (); --",
]
"""Text, and names. A letter that is not ASCII may, in another encoding, be the first half of one with the backslash."""
SETTINGS = {
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "IntervalStyle": "sql_standard",
    "DateStyle": "SQL, DMY",
    "TimeZone": "America/New_York",
    "search_path": "elsewhere",
    "default_table_access_method": "another",
    "check_function_bodies": "on",
    "client_min_messages": "debug1",
    "quote_all_identifiers": "on",
}


def plant(database: Database) -> None:
    """Use each text wherever there is a place for it."""
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("SET check_function_bodies = off")
        conn.execute("CREATE FUNCTION early() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.later'")
        conn.execute(
            """CREATE TABLE later (a text[] DEFAULT '{NULL,"NULL"}', i interval DEFAULT '-1 year 2 days -03:00',
                                   t timestamptz DEFAULT '2020-02-03 04:05:06+00', CHECK (i IS DISTINCT FROM NULL))"""
        )
        for number, text in enumerate(HOSTILE):
            literal, name = sql.Literal(text), sql.Identifier(text)
            for statement in (
                "CREATE SCHEMA {name}",
                "CREATE TABLE {name}.{name} ({name} text DEFAULT {literal} CONSTRAINT c CHECK ({name} <> {literal}))",
                "COMMENT ON TABLE {name}.{name} IS {literal}",
                "CREATE TYPE {name}.kind AS ENUM ({literal})",
                "CREATE VIEW {name}.seen AS SELECT {name} AS {name}, {literal}::text AS t FROM {name}.{name}",
                "CREATE FUNCTION {name}.{name}() RETURNS text LANGUAGE sql AS {body}",
                "CREATE RULE {name} AS ON DELETE TO {name}.seen DO INSTEAD SELECT {literal}::text",
                "CREATE SERVER {server} FOREIGN DATA WRAPPER w OPTIONS (a {literal})",
            ):
                parts = {"name": name, "literal": literal, "server": sql.Identifier(f"s{number}")}
                body = sql.Literal(f"SELECT {sql.Literal(text).as_string(conn)}")
                conn.execute(sql.SQL(statement).format(**parts, body=body))


@pytest.fixture(params=["", LATIN1], ids=["UTF8", "LATIN1"])
def planted(request: pytest.FixtureRequest, servers: Servers, major: int) -> Iterator[Database]:
    database = servers.database(major, request.param)
    database.run("CREATE FOREIGN DATA WRAPPER w")
    plant(database)
    yield database
    drop(database)


def drop(database: Database) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{database.name}"')


def script_of(database: Database, **variables: str) -> bytes:
    """Return what the command writes, in bytes."""
    command = [*COMMAND, "plan", "--sql", "--source", database.dsn]
    done = subprocess.run(command, env=environment(**variables), capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_by_psql(script: bytes, database: Database, folder: Path, **variables: str) -> None:
    """Have psql read a script in a folder, where nothing is made by it."""
    command = [CLIENTS / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn]
    done = subprocess.run(command, input=script, cwd=folder, env=os.environ | variables, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())


def set_otherwise(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("CREATE ACCESS METHOD another TYPE TABLE HANDLER heap_tableam_handler; CREATE SCHEMA elsewhere")
        for name, value in SETTINGS.items():
            conn.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(database.name), sql.Identifier(name), sql.Literal(value)))  # fmt: skip


@SOME
@pytest.mark.parametrize("encoding", ["", "SJIS", "GB18030", "LATIN1"])
def test_psql_makes_the_same_of_it_whatever_is_set(
    encoding: str, planted: Database, destination: Database, tmp_path: Path
) -> None:
    set_otherwise(destination)
    variables = {"PGCLIENTENCODING": encoding} if encoding else {}
    read_by_psql(script_of(planted), destination, tmp_path, **variables)
    destination.run(f"DROP ACCESS METHOD another; DROP SCHEMA elsewhere; ALTER DATABASE {destination.name} RESET ALL")
    assert destination.dump("-s", "--encoding=UTF8") == planted.dump("-s", "--encoding=UTF8")


@SOME
def test_a_latin1_database_takes_it_as_well(planted: Database, servers: Servers, major: int, tmp_path: Path) -> None:
    copy = servers.database(major, LATIN1)
    read_by_psql(script_of(planted), copy, tmp_path)
    assert copy.dump("-s", "--encoding=UTF8").replace("LATIN1", "UTF8") == planted.dump("-s", "--encoding=UTF8")
    drop(copy)


@SOME
def test_it_is_utf_8_whatever_the_terminal_shows(planted: Database) -> None:
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    found = {
        re.sub(rb"restrict \w+", b"restrict", script_of(planted, **variables))
        for variables in ({}, plain, {"PYTHONIOENCODING": "latin1"}, {"PYTHONIOENCODING": "ascii"})
    }
    (script,) = found
    assert "ä\\" in script.decode()


@SOME
def test_bytes_in_no_encoding_arrive(servers: Servers, major: int, tmp_path: Path) -> None:
    source, copy = (servers.database(major, SQL_ASCII) for _ in range(2))
    with psycopg.connect(source.dsn, autocommit=True, client_encoding="LATIN1") as conn:
        conn.execute("CREATE TABLE \"\xff\xe4\" (a text DEFAULT '\xfe'); COMMENT ON TABLE \"\xff\xe4\" IS '\x80\xc3'")
    read_by_psql(script_of(source), copy, tmp_path)
    query = "SELECT relname::bytea, obj_description(oid, 'pg_class')::bytea FROM pg_class WHERE relnamespace = 2200"
    assert copy.rows(query) == source.rows(query) == [(b"\xff\xe4", b"\x80\xc3")]
    for database in (source, copy):
        drop(database)


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII"])
def test_what_is_said_of_losses_is_a_comment(encoding: str) -> None:
    text = "x\n\\! touch marker\r\u2028\x85\\q €"
    lines = plan_as_sql(Plan((), (Loss(f"table {text}", text, whole=True),), encoding)).split(b"\n")
    commands = [line.split()[0] for line in lines if line.startswith(b"\\")]
    assert commands == [b"\\restrict", b"\\unrestrict"]
    assert len([line for line in lines if b"touch" in line]) == 1
    (for_people,) = plan_as_lines(Plan((), (Loss(f"table {text}", text, whole=True),)))
    assert for_people.isprintable()


def test_no_two_scripts_have_the_same_key() -> None:
    keys = {re.search(rb"\\restrict (\w{32})\n", plan_as_sql(Plan(())))[1] for _ in range(9)}
    assert len(keys) == 9


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        ("CREATE TABLE t ()", ["CREATE TABLE t ()"]),
        ("CREATE INDEX i ON t (a, b)", ["CREATE INDEX i ON t (a, b)"]),
        ("CREATE TABLE t PARTITION OF p FOR VALUES IN (1, 2)", ["CREATE TABLE t PARTITION OF p FOR VALUES IN (1, 2)"]),
        ("CREATE TYPE s.c AS (a int, b text)", ["CREATE TYPE s.c AS (", "    a int,", "    b text", ")"]),
        (
            """CREATE UNLOGGED TABLE "a (b,".t (c text DEFAULT E'\\', (' COLLATE "x,y", d int[] DEFAULT ARRAY[1, 2])""",
            [
                """CREATE UNLOGGED TABLE "a (b,".t (""",
                """    c text DEFAULT E'\\', (' COLLATE "x,y",""",
                "    d int[] DEFAULT ARRAY[1, 2]",
                ")",
            ],
        ),
        (
            "CREATE FOREIGN TABLE t (a int OPTIONS (x ', '), CHECK ((a > 0))) SERVER s OPTIONS (y ',', z ')')",
            [
                "CREATE FOREIGN TABLE t (",
                "    a int OPTIONS (x ', '),",
                "    CHECK ((a > 0))",
                ") SERVER s OPTIONS (y ',', z ')')",
            ],
        ),
    ],
)
def test_a_column_has_a_line_of_its_own(statement: str, lines: list[str]) -> None:
    assert laid_out(statement).splitlines() == lines
