"""No password shows up, however odd it is and however wrongly it was written."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replicator import argv, cli
from replicator.cli.chosen import one
from replicator.runs import reading
from tests.fix_cli import (
    COMMAND,
    FOREIGN,
    RUN_SECONDS,
    Run,
    both,
    closed_port,
    environment,
    is_silent_about,
    refuses,
    runs,
)
from tests.fix_servers import SOME, Database

PORT = closed_port()
SHORTEST = 4
OWN_LETTERS = re.compile("[QXZ].*[QXZ]", re.DOTALL)  # by these a piece is known from the program's own words
PASSWORDS = st.text("QXZ127:/?#[]@!$&'()*+,;=%\"\\- .", min_size=SHORTEST, max_size=24)
WRITTEN = {
    "url": ("env", "postgresql://me:{}@127.0.0.1:{port}/db"),
    "short url": ("env", "postgres://me:{}@127.0.0.1:{port}"),
    "key of a url": ("env", "postgresql://127.0.0.1:{port}/db?user=me&password={}"),
    "keywords": ("env", "host=127.0.0.1 port={port} password={} dbname=db"),
    "quoted keywords": ("env", "host=127.0.0.1 port={port} password='{}' dbname=db"),
    "a url as database": ("env", "host=127.0.0.1 port={port} dbname=postgresql://me:{}@127.0.0.1/db"),
    "file": ("file", "[source]\nhost = '127.0.0.1'\nport = {port}\npassword = {}\n"),
    "url in a file": ("file", "[options]\nsource = {}\n"),
    "one argument too many": ("argv", "postgresql://me:{}@127.0.0.1:{port}/db"),
    "keywords as argument": ("argv", "host=127.0.0.1 password={}"),
    "of another flag": ("argv", "--jobs=postgresql://me:{}@127.0.0.1:{port}/db"),
    "as the file": ("argv", "--config=postgresql://me:{}@127.0.0.1:{port}/db"),
    "as a rate": ("argv", "--max-rate=postgresql://me:{}@127.0.0.1:{port}/db"),
}


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Keep what the command changes of its process."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    own = reading.own_process.get()
    try:
        yield
    finally:
        reading.own_process.set(own)
        for number, handler in signals.items():
            signal.signal(number, handler)


def shown(arguments: list[str], variables: dict[str, str]) -> str:
    """Run the command in this process and return all that it wrote."""
    out, err = io.StringIO(), io.StringIO()
    surroundings = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)} | variables
    with (
        as_it_was(),
        mock.patch.object(sys, "argv", ["replicator", *arguments]),
        mock.patch.dict(os.environ, surroundings, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert ended.value.code in (1, 2, 4), err.getvalue()
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("flags", [["--output", "plain"], ["--output", "json", "--debug"]])
@settings(max_examples=25, deadline=None)
@given(password=PASSWORDS)
@example(password="QX@ZZ/QXZX")
@example(password="12/QXZX")
@example(password="Q@XZ?sslmode=ZXQZ")
@example(password="1/Q?user=XZQX")
@example(password="XQ%ZZQX")
@example(password="XQ' ZZQX='X")
@example(password="XQ ZZQX")
def test_no_piece_of_a_password_shows(how: str, flags: list[str], password: str) -> None:
    where, pattern = WRITTEN[how]
    arguments = ["clone", "--wait-attempts", "1", "--destination", f"host=127.0.0.1 port={PORT}", *flags]
    variables = {}
    with tempfile.TemporaryDirectory() as folder:
        if where == "file":
            path = Path(folder) / "replicator.toml"
            value = f"postgresql://me:{password}@127.0.0.1:{PORT}/db" if "url" in how else password
            path.write_text(pattern.format(json.dumps(value), port=PORT))
            arguments += ["--config", str(path)]
        elif where == "env":
            variables["REPLICATOR_SOURCE"] = pattern.format(password, port=PORT)
        else:
            arguments.append(pattern.format(password, port=PORT))
        text = shown(arguments, variables)
    for written in (password, quote(password)):
        for start in range(len(written) - SHORTEST + 1):
            piece = written[start : start + SHORTEST]
            if OWN_LETTERS.search(piece):
                assert piece not in text, text


def test_a_password_that_a_url_cannot_hold_is_refused_once(replicator: Run) -> None:
    result = replicator("probe", "--source", "postgresql://me:p@ss/word@127.0.0.1:1/db")
    refuses(result, 2, "more than one @", "%40", "%2F")
    assert "waiting" not in result.err
    is_silent_about("word@", result.out, result.err)


@pytest.mark.parametrize("password", ["p@ss/w:o?r#d%", "a b'c\\", "ü€"])
def test_a_password_that_is_encoded_is_taken(password: str) -> None:
    one("source", f"postgresql://me:{quote(password, safe='')}@127.0.0.1/db")


# In the process list


@pytest.mark.parametrize(
    "word",
    [
        "postgresql://me:hunter2@127.0.0.1:{port}/db",
        "postgresql://me:12/hunter2@127.0.0.1:{port}/db",
        "postgresql://127.0.0.1:{port}/db?user=me&pass%77ord=hunter2",
        "postgresql://me:a hunter2",
        "host=127.0.0.1 port={port} dbname=db password = 'hunter2'",
        "host=127.0.0.1 port={port} dbname=db sslpassword=hunter2",
        "host=127.0.0.1 port={port} dbname=db oauth_client_secret=hunter2",
        "host=127.0.0.1 port={port} dbname=db scram_client_key=hunter2",
        "host=127.0.0.1 port={port} dbname=db scram_server_key=hunter2",
    ],
)
@pytest.mark.parametrize("written", [["--source", "{}"], ["--source={}"], ["{}"], ["--jobs={}"], ["-j", "{}"]])
def test_an_argument_that_may_be_secret_is_known_before_libpq_is(written: list[str], word: str) -> None:
    words = [part.format(word.format(port=PORT)) for part in written]
    hidden = argv.hide(["check", *words])
    assert hidden
    arguments, variables = hidden
    is_silent_about("hunter2", *arguments)
    assert [*variables.values()] == [words[-1]]


def test_a_hidden_argument_comes_back_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--source", "host=a password=x", "check", "--destination=host=b password=y"]
    hidden = argv.hide(words)
    assert hidden
    monkeypatch.setattr(sys, "argv", ["replicator", *hidden[0]])
    for name, value in hidden[1].items():
        monkeypatch.setenv(name, value)
    argv.hide_secrets()
    assert sys.argv[1:] == words
    assert not [name for name in os.environ if name.startswith(argv.HIDDEN)]


def test_what_is_no_secret_stays_where_it_is() -> None:
    for word in ("postgresql://me@db:5433/shop", "postgresql://a:1,b:2/shop?sslmode=require", "host=db user=me", "x"):
        assert argv.hide(["check", "--source", word, f"--destination={word}", word, "--config", "a=b"]) is None


@pytest.mark.parametrize("key", ["password", "sslpassword", "oauth_client_secret", "scram_client_key"])
def test_a_secret_leaves_the_process_list_before_anything_heavy_is_loaded(key: str, tmp_path: Path) -> None:
    """`-X importtime` writes its headline once a process: what stands before the second was loaded by the first."""
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "err").open("wb+") as err:
        value = f"hunter2{'A' * 36}="  # 32 bytes, as a key has
        dsn = f"host=127.0.0.1 port={listener.getsockname()[1]} user=me dbname=db sslmode=disable {key}={value}"
        command = [sys.executable, "-X", "importtime", *COMMAND[1:], "probe", "--source", dsn]
        # Where coverage is measured, that is loaded first, with much else.
        unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
        process = subprocess.Popen(command, env=unmeasured, stdout=err, stderr=err)
        listener.settimeout(RUN_SECONDS)
        try:
            conn, _ = listener.accept()
            seen = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        finally:
            process.kill()
            process.wait()
        conn.close()
        err.seek(0)
        said = err.read().decode()
    _, first, second = said.split("import time: self [us]")
    assert b"hunter2" not in seen and b"probe" in seen
    assert "psycopg" in second and "replicator.argv" in first
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in first.splitlines()}
    assert not loaded & {"psycopg", "psycopg_pool", "click", "rich", "tenacity", "logging", "asyncio", "json"}


# In a database

HOLDS_SECRETS = r"""
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h', secret_access_key '{0} 1');
CREATE USER MAPPING FOR alice SERVER s OPTIONS ("user" 'remote', password E'it''s {0} \\2 "x"', pin '{0} 3');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (z '{0}4');
CREATE SUBSCRIPTION doubled CONNECTION 'host=h password=''it\''s {0} 5; "x"'' user=me' PUBLICATION p WITH ({1});
CREATE SUBSCRIPTION escaped CONNECTION E'password=\'{0} \\\\6\' host=h' PUBLICATION p WITH ({1});
CREATE SUBSCRIPTION bare CONNECTION 'host=h password={0}7' PUBLICATION p WITH ({1});
CREATE SUBSCRIPTION url CONNECTION 'postgresql://me:{0}8@h/db?password={0}9&user=x' PUBLICATION p WITH ({1});
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'host=h password={0}10'$$;
"""
DIFFERING = 8
NO_SLOT = "connect = false, slot_name = NONE"


@SOME
def test_what_a_database_holds_of_secrets_shows_in_its_script_alone(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(HOLDS_SECRETS.format("hunter2", NO_SLOT))
    script = runs(replicator("plan", "--sql", "--source", database.dsn))
    assert script.startswith("-- This script contains secrets: foreign_server, function, subscription, user_mapping.")
    destination.run(script)
    assert destination.dump() == database.dump()
    for command in (("plan",), ("plan", "--json"), ("verify",), ("verify", "--debug")):
        result = replicator(*command, *both(database, destination))
        assert result.code == (3 if command[0] == "plan" else 0)  # it is not empty
        is_silent_about("hunter2", result.out, result.err)


@SOME
@pytest.mark.parametrize("flags", [[], ["--output", "json"], ["--debug"]])
def test_secrets_that_differ_are_convicted_and_not_shown(
    flags: list[str], database: Database, destination: Database, replicator: Run
) -> None:
    database.run(HOLDS_SECRETS.format("hunter2", NO_SLOT))
    destination.run(HOLDS_SECRETS.format("hunter3", NO_SLOT))
    result = replicator("verify", *flags, *both(database, destination))
    refuses(result, 8, f"{DIFFERING} places") if not flags else None
    assert result.code == 8
    assert result.out.count("but with another secret (***)") == DIFFERING
    is_silent_about("hunter", result.out, result.err)
    for name in ("alice", "doubled", "remote", "host=h"):
        assert name in result.out


@SOME
@pytest.mark.parametrize("flags", [["--debug"], ["--output", "json", "--debug"]])
def test_secrets_that_a_server_refuses_are_not_shown(
    flags: list[str], database: Database, destination: Database, replicator: Run
) -> None:
    """What checks a user mapping's options quotes, in its message, all statements that it came with."""
    database.run(HOLDS_SECRETS.format("hunter2", NO_SLOT))
    database.run(
        f"""CREATE FUNCTION refuses(text[], oid) RETURNS void LANGUAGE plpgsql AS
            $$ BEGIN
                 IF $2 = 1418 AND pg_catalog.current_database() = '{destination.name}' THEN
                   RAISE 'never: %', pg_catalog.current_query();
                 END IF;
               END $$;
            ALTER FOREIGN DATA WRAPPER w VALIDATOR refuses"""
    )
    result = replicator("clone", *flags, *both(database, destination))
    assert result.code == 6, result
    status = replicator("status", "--destination", destination.dsn)
    for text in (result.err, status.out):
        assert "never: " in text and "USER MAPPING FOR alice" in text, text
    is_silent_about("hunter", result.out, result.err, status.out)
    with psycopg.connect(destination.dsn) as conn:
        is_silent_about("hunter", str(conn.execute("SELECT * FROM replicator.run").fetchall()))
