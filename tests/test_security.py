"""Names and data as hostile as they can be, passwords in every place where they could show, TLS that must be right."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trustme
from psycopg import sql

from replicator.demo.server import Server
from tests.fix_cli import (
    NEWEST,
    SHORT_WAIT,
    Run,
    Start,
    both,
    is_silent_about,
    leaves_no_session,
    own_server,
    refuses,
    runs,
    until,
)
from tests.fix_servers import CLIENTS, Database
from tests.test_faults import SLOW_TABLES

SECRET = "s3cr3t' \\\"%40@:/ ü"


@pytest.fixture
def major() -> int:
    return NEWEST


# Names and data

NAMES = [
    "'; DROP TABLE victim; --",
    '"); DROP TABLE victim; --',
    "$$; DROP TABLE victim; $$",
    "$a$ $1 %s %(x)s {0} {name} %I %L",
    "back\\slash \\. \\' E'\\x41'",
    "line\nbreak\r\n-- and\n\\q\n\\. \n",
    "tab\t and \x01\x02\x7f",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe \u2066\u200b\ufeff",
    "\\u0000 \\0 %00 ",
    "[bold red]rich[/] :smile:",
    "x" * 63,
    "ä" * 31 + "x",
    "😀" * 15 + "xyz",
    " ",
    "SELECT",
    "/* ' \" $$ --",
]
"""What somebody who may create objects might call them. NUL itself no server takes."""


def plant(database: Database, name: str) -> None:
    """Use a name, and text, wherever there is a place for it."""
    inner, text = sql.Identifier(name), sql.Literal(name)
    table = sql.SQL("{}.{}").format(inner, inner)
    label = sql.Literal(name.encode()[:63].decode("utf-8", "ignore"))
    body = sql.Literal(f"SELECT {psycopg.sql.quote(name)}::text")
    statements = [
        "CREATE SCHEMA {inner}",
        "CREATE TABLE {table} ({inner} text DEFAULT {text} CHECK ({inner} <> {text} || 'no'), id int)",
        "INSERT INTO {table} VALUES ({text}, 1), (NULL, 2), ({text} || {text}, 3)",
        "CREATE TYPE {inner}.kind AS ENUM ({label})",
        "CREATE SEQUENCE {inner}.s",
        "CREATE UNIQUE INDEX ON {table} (id)",
        "CREATE VIEW {inner}.seen AS SELECT {inner} AS {inner}, {text}::text AS t FROM {table}",
        "CREATE FUNCTION {inner}.{inner}({inner} int) RETURNS text LANGUAGE sql AS {body}",
        "CREATE RULE {inner} AS ON DELETE TO {inner}.seen DO INSTEAD SELECT {text}::text",
        "CREATE POLICY {inner} ON {table} USING ({inner} <> {text})",
        "COMMENT ON TABLE {table} IS {text}",
        "COMMENT ON COLUMN {table}.{inner} IS {text}",
    ]
    parts = {"inner": inner, "text": text, "table": table, "label": label, "body": body}
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        for statement in statements:
            conn.execute(sql.SQL(statement).format(**parts))


@pytest.fixture(scope="module")
def hostile(servers) -> Database:
    source = servers.database(NEWEST)
    source.run("CREATE TABLE victim (a int); INSERT INTO victim VALUES (1)")
    for name in NAMES:
        plant(source, name)
    return source


def is_harmless(*texts: str) -> None:
    """Assert that nothing in a text controls a terminal or turns the direction of reading."""
    for text in texts:
        found = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", text)
        assert not found, (found, text)


@pytest.mark.parametrize("relay", ["on", "off"])
def test_hostile_names_and_data_arrive(relay: str, hostile: Database, destination: Database, replicator: Run) -> None:
    result = replicator("clone", "--verify", "--relay", relay, *both(hostile, destination))
    runs(result)
    assert destination.dump() == hostile.dump()
    assert sorted(destination.dump("--data-only").splitlines()) == sorted(hostile.dump("--data-only").splitlines())
    is_harmless(result.out, result.err)


def test_hostile_names_in_a_plan(hostile: Database, destination: Database, replicator: Run) -> None:
    """The script has them as they are, since psql must take it; the list for people is harmless."""
    destination.run(runs(replicator("plan", "--sql", "--source", hostile.dsn)))
    assert destination.dump() == hostile.dump()
    plan = replicator("plan", "--source", hostile.dsn)
    is_harmless(runs(plan), plan.err)
    json.loads(runs(replicator("plan", "--source", hostile.dsn, "--output", "json")))


def test_hostile_names_in_differences(hostile: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", *both(hostile, destination)))
    with psycopg.connect(destination.dsn, autocommit=True) as conn:
        for name in NAMES:
            table = sql.Identifier(name, name)
            conn.execute(sql.SQL("UPDATE {} SET {} = {} WHERE id = 2").format(table, sql.Identifier(name), "x" + name))
            conn.execute(sql.SQL("COMMENT ON TABLE {} IS 'other'").format(table))
    result = replicator("verify", *both(hostile, destination))
    refuses(result, 8, f"{2 * len(NAMES)} places")
    is_harmless(result.out, result.err)
    assert len(
        json.loads(replicator("verify", "--output", "json", *both(hostile, destination)).out)["differences"]
    ) == 2 * len(NAMES)
    replicator("verify", "--repair", *both(hostile, destination))
    assert sorted(destination.dump("--data-only").splitlines()) == sorted(hostile.dump("--data-only").splitlines())


def test_hostile_names_are_resumed_and_cleaned(
    hostile: Database, destination: Database, start: Start, replicator: Run
) -> None:
    process = start("clone", "--jobs", "1", *both(hostile, destination))
    until(lambda: process.ended or destination.value("SELECT to_regclass('replicator.step')") is not None)
    process.send(signal.SIGKILL)
    process.ends()
    status = replicator("status", "--destination", destination.dsn)
    is_harmless(status.out, status.err)
    runs(replicator("clone", "--resume=per-table", "--verify", *both(hostile, destination)))
    assert destination.dump() == hostile.dump()


@pytest.mark.parametrize("name", [name for name in NAMES if not name.isprintable()])
def test_hostile_names_in_errors(name: str, hostile: Database, replicator: Run) -> None:
    dsn = psycopg.conninfo.make_conninfo(hostile.dsn, dbname=name)
    result = replicator("probe", "--source", dsn, *SHORT_WAIT)
    assert result.code == 4, result
    is_harmless(result.out, result.err)


# Passwords


@pytest.fixture
def vault(spare: Server, spare_database: Database) -> Iterator[dict[str, str]]:
    """How to connect to a database where a role needs a password that is hard to write."""
    with psycopg.connect(spare.conninfo(), autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER ROLE keyed PASSWORD {}").format(SECRET))
    yield {
        "host": "127.0.0.1",
        "port": str(spare.port),
        "dbname": spare_database.name,
        "user": "keyed",
        "password": SECRET,
    }
    with psycopg.connect(spare.conninfo(), autocommit=True) as conn:
        conn.execute("ALTER ROLE keyed PASSWORD 'open sesame'")


def config(path: Path, vault: dict[str, str], mode: int = 0o600, **more: str) -> Path:
    path.write_text("[destination]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in vault.items()))
    path.chmod(mode)
    return path


def test_a_password_in_a_file_that_others_can_read(
    vault: dict[str, str], tmp_path: Path, replicator: Run, database: Database
) -> None:
    path = config(tmp_path / "replicator.toml", vault, 0o644)
    result = replicator("status", "--config", str(path))
    runs(result)
    assert "Other users can read" in result.said and "chmod 600" in result.said
    as_json = replicator("status", "--config", str(path), "--output", "json")
    assert any("Other users" in json.loads(line).get("text", "") for line in as_json.err.splitlines()), as_json
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert "Other users" not in replicator("status", "--config", str(path)).err
    config(path, {key: value for key, value in vault.items() if key != "password"}, 0o644)
    assert "Other users" not in replicator("status", "--config", str(path)).err
    is_silent_about("s3cr", result.out, result.err, as_json.err)


def everywhere(server: Server) -> str:
    """Return what other users see: of the sessions and of the processes."""
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        seen = conn.execute("SELECT application_name, query FROM pg_stat_activity").fetchall()
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return f"{seen}\n" + "\n".join(line for line in found.splitlines() if "replicator" in line)


@pytest.mark.parametrize("how", ["conninfo", "file", "PGPASSWORD", "service"])
def test_a_password_shows_nowhere(
    how: str,
    vault: dict[str, str],
    tmp_path: Path,
    start: Start,
    replicator: Run,
    database: Database,
    spare_database: Database,
) -> None:
    """With --debug and --hold-snapshot, while it runs, in the journal, and when the server then refuses it."""
    database.run(SLOW_TABLES)
    open_part = {key: value for key, value in vault.items() if key != "password"}
    flags, variables = ["--destination", psycopg.conninfo.make_conninfo("", **open_part)], {}
    match how:
        case "conninfo":
            flags = ["--destination", psycopg.conninfo.make_conninfo("", **vault)]
        case "file":
            flags = ["--config", str(config(tmp_path / "replicator.toml", vault))]
        case "PGPASSWORD":
            variables = {"PGPASSWORD": SECRET}
        case "service":
            lines = "".join(f"{key}={value}\n" for key, value in vault.items())
            (tmp_path / "services").write_text(f"[vault]\n{lines}")
            flags, variables = ["--destination", "service=vault"], {"PGSERVICEFILE": str(tmp_path / "services")}
    options = ("--hold-snapshot", "--debug", "--output", "json", "--jobs", "1", *SHORT_WAIT)
    process = start("clone", "--source", database.dsn, *flags, *options, **variables)
    spare = spare_database.server
    running = "SELECT count(*) FROM pg_stat_progress_copy"
    until(lambda: process.ended or bool(spare_database.value(running)))
    assert not process.ended, process.ends()
    seen = everywhere(spare) + everywhere(database.server)
    process.send(signal.SIGTERM)
    result = process.ends()
    assert result.code == 130, result
    dump = subprocess.run(
        [CLIENTS / "pg_dump", "-d", spare_database.dsn], capture_output=True, text=True, check=True
    ).stdout
    assert "replicator.run" in dump
    is_silent_about("s3cr", seen, result.out, result.err, dump)
    runs(replicator("clean", *flags, **variables))
    leaves_no_session(spare)
    with psycopg.connect(spare.conninfo(), autocommit=True) as conn:
        conn.execute("ALTER ROLE keyed PASSWORD 'another'")
    refused = replicator("clone", "--source", database.dsn, *flags, "--debug", **variables)
    refuses_without_traceback = refused.code, "authentication failed" in refused.said
    assert refuses_without_traceback == (4, True), refused
    is_silent_about("s3cr", refused.out, refused.err)


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def guarded(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, Path]]:
    """A server with TLS whose certificate is for `localhost` alone; its authority's certificate, and a stranger's."""
    folder = tmp_path_factory.mktemp("authorities")
    authority.cert_pem.write_to_path(folder / "right.pem")
    trustme.CA().cert_pem.write_to_path(folder / "wrong.pem")
    with own_server() as server:
        certificate = authority.issue_cert("localhost")
        owner = server.data.stat()
        for name, pem in (("server.key", certificate.private_key_pem), ("server.crt", certificate.cert_chain_pems[0])):
            pem.write_to_path(server.data / name)
            (server.data / name).chmod(0o600)
            os.chown(server.data / name, owner.st_uid, owner.st_gid)
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE ROLE keyed LOGIN SUPERUSER PASSWORD 'open sesame'; CREATE TABLE t AS SELECT 1 AS a")
            access = server.data / "pg_hba.conf"
            access.write_text(f"host all keyed all scram-sha-256\n{access.read_text()}")
            try:
                conn.execute("ALTER SYSTEM SET ssl = on")
            except psycopg.errors.InvalidParameterValue:
                pytest.skip("this build of PostgreSQL has no TLS")
            conn.execute("SELECT pg_reload_conf()")
            until(lambda: conn.execute("SHOW ssl").fetchone() == ("on",))
        yield server, folder / "right.pem", folder / "wrong.pem"


@pytest.mark.parametrize(
    ("host", "mode", "root", "complaint"),
    [
        ("localhost", "verify-full", "right", None),
        ("localhost", "verify-ca", "right", None),
        ("127.0.0.1", "verify-ca", "right", None),
        ("127.0.0.1", "verify-full", "right", "does not match host name"),
        ("localhost", "verify-full", "wrong", "certificate verify failed"),
        ("localhost", "verify-ca", "wrong", "certificate verify failed"),
        ("localhost", "verify-full", "nowhere", "does not exist"),
    ],
)
def test_a_certificate_must_be_right(
    host: str,
    mode: str,
    root: str,
    complaint: str | None,
    guarded: tuple[Server, Path, Path],
    replicator: Run,
    destination: Database,
) -> None:
    server, right, wrong = guarded
    path = {"right": right, "wrong": wrong, "nowhere": right.parent / "nowhere.pem"}[root]
    dsn = f"host={host} port={server.port} dbname=postgres user=postgres sslmode={mode} sslrootcert={path}"
    result = replicator("clone", "-v", "--verify", "--source", dsn, "--destination", destination.dsn, *SHORT_WAIT)
    if complaint:
        refuses(result, 4, complaint)
    else:
        runs(result)
        assert "TLS to plain" in result.err, result


@pytest.mark.parametrize("tls", [True, False])
def test_channel_binding_is_had_or_refused(tls: bool, guarded: tuple[Server, Path, Path], replicator: Run) -> None:
    server, *_ = guarded
    mode = "require" if tls else "disable"
    dsn = f"host=localhost port={server.port} dbname=postgres user=keyed sslmode={mode} channel_binding=require"
    result = replicator("probe", "--source", dsn, *SHORT_WAIT, PGPASSWORD="open sesame")
    if tls:
        runs(result)
    else:
        refuses(result, 4, "channel binding")
