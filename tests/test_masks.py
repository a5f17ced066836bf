"""Masks: what a copy holds in place of values, judged by SQL on both sides, and by the bytes of the destination."""

import re
from pathlib import Path

import psycopg
import pytest

from replicator.settings.mask_key import startup
from tests.fix_cli import Run, both, runs
from tests.fix_servers import SOME, Database, Servers

KEY = "5f0c1d9be26a4e7783a1d4c2b9f06e58"
OTHER_KEY = "a1d4c2b9f06e585f0c1d9be26a4e7783"
SHOP = """
CREATE SCHEMA "Odd.Schema";
CREATE DOMAIN mail AS varchar(40) CHECK (VALUE LIKE '%@%');
CREATE TABLE users (id int PRIMARY KEY, email mail NOT NULL UNIQUE, first_name text, last_name varchar(12), born date,
    card text, iban text, phone varchar(30), ip inet, token uuid UNIQUE, doc jsonb, salary numeric(10,2),
    seen timestamptz,
    tags text[], "Odd ""Col%%" text, note text DEFAULT 'none yet',
    shout text GENERATED ALWAYS AS (upper(first_name)) STORED);
INSERT INTO users SELECT g, 'secret' || g || '@corp-secret.de', 'Xavierus' || g, 'Zebulonius', '1970-01-01'::date + g,
    '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '+49 (89) 98765-' || g, ('77.66.55.' || g % 250)::inet,
    ('00000000-aaaa-bbbb-cccc-' || lpad(g::text, 12, '0'))::uuid,
    jsonb_build_object('email', 'secret' || g || '@corp-secret.de', 'k', g), 123456.78 + g,
    '2020-01-01'::timestamptz + g * interval '1 h',
    ARRAY['TagSecret' || g, NULL], 'OddSecret' || g, 'NoteSecret ' || g
  FROM generate_series(1, 300) g;
INSERT INTO users (id, email) VALUES (1000, 'secret1000@corp-secret.de');
CREATE TABLE "Odd.Schema"."Logins%" (n int GENERATED ALWAYS AS IDENTITY, "E-Mail" text REFERENCES users (email),
    at timestamp);
INSERT INTO "Odd.Schema"."Logins%" ("E-Mail", at) SELECT 'secret' || g || '@corp-secret.de',
    now() FROM generate_series(1, 300) g, generate_series(1, 3);
CREATE TABLE events (user_email text, what text) PARTITION BY LIST (what);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a'); CREATE TABLE events_b PARTITION OF events DEFAULT;
INSERT INTO events SELECT 'secret' || g || '@corp-secret.de', chr(97 + g % 3) FROM generate_series(1, 300) g;
CREATE MATERIALIZED VIEW seen AS SELECT email, note FROM users;
CREATE INDEX ON users (last_name); CREATE STATISTICS st ON first_name, last_name FROM users;
SELECT lo_from_bytea(0, 'LargeSecret');
ANALYZE;
"""
DEFINITION = """
[mask."public.users"]
email = "email"
first_name = { mask = "name", part = "first" }
last_name = { mask = "name", part = "last" }
born = { mask = "date", by = "id" }
card = { mask = "digits", keep_last = 4 }
iban = "digits"
phone = "phone"
ip = "inet"
token = "uuid"
doc = { mask = "json", paths = { email = "email" } }
salary = { mask = "number", percent = 20 }
seen = { mask = "date", days = 10 }
tags = "text"
'"Odd ""Col%%"' = "text"
note = { sql = "'id ' || id || ' of ' || length(note)" }
[mask."public.events"]
user_email = "email"
"""
SECRETS = ("corp-secret", "Xavierus", "Zebulonius", "98765-", "77.66.55", "TagSecret", "OddSecret", "NoteSecret",
    "LargeSecret",
           "4111 1111", "3704 0044", "00000000-aaaa")  # fmt: skip


def define(folder: Path, text: str = DEFINITION, key: str = KEY) -> tuple[str, ...]:
    """Write a definition and a key, and return the flags that name them."""
    file, secret = folder / "shop.toml", folder / f"{key[:4]}.key"
    file.write_text(text)
    secret.write_text(key + "\n")
    secret.chmod(0o600)
    return ("--definition", str(file), "--mask-key-file", str(secret))


def all_bytes(*folders: Path) -> bytes:
    return b"\0".join(path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())


def settle(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("CHECKPOINT")


COLUMNS = (
    'id, email, first_name, last_name, born, card, iban, phone, ip, token, doc, salary, seen, tags, "Odd ""Col%", note'
)


@SOME
def test_a_masked_copy_is_complete_and_joins(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run(SHOP)
    flags = (*define(tmp_path), *both(database, destination))
    said = replicator("clone", "--verify", *flags)
    assert "1 large object: masks cannot reach into them" in said.said, said
    runs(said)
    assert destination.value("SELECT count(*) FROM users") == 301
    assert destination.value("SELECT count(DISTINCT email) FROM users WHERE email LIKE '%@example.com'") == 301
    joined = 'SELECT count(*) FROM users JOIN "Odd.Schema"."Logins%" ON "E-Mail" = email'
    assert destination.value(joined) == database.value(joined) == 900
    joined = "SELECT count(*) FROM users JOIN events ON user_email = email"
    assert destination.value(joined) == database.value(joined) == 300
    assert destination.value("SELECT bool_and(doc ->> 'email' = email) FROM users")
    assert destination.value("SELECT bool_and(shout = upper(first_name)) FROM users WHERE id < 1000")
    assert (
        destination.value(
            "SELECT count(*) FROM users WHERE id = 1000 AND num_nulls(first_name, card, ip, tags, doc) = 5"
        )
        == 1
    )
    assert destination.value("SELECT bool_and(card LIKE '____ ____ ____ 1111') FROM users")
    assert destination.value(
        "SELECT bool_and(array_length(tags, 1) = 2 AND tags[2] IS NULL) FROM users WHERE id < 1000"
    )
    assert destination.value("SELECT count(*) FROM seen WHERE email LIKE '%@example.com'") == 301
    assert destination.value("SELECT note FROM users WHERE id = 7") == "id 7 of 12"
    assert destination.value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
    runs(replicator("verify", *flags))
    destination.run("UPDATE users SET first_name = 'Xavierus7' WHERE id = 7")
    found = replicator("verify", *flags)
    assert found.code == 8 and "table public.users" in found.out, found
    assert re.search(r'changed \(id = "7"\): first_name = "(?!Xav)\w+" on the source', found.out), found
    runs(replicator("verify", "--repair", *flags))
    runs(replicator("verify", *flags))


@SOME
def test_nothing_of_the_source_is_on_the_destination(
    servers: Servers, major: int, replicator: Run, tmp_path: Path
) -> None:
    """On a server of its own, whose every byte is searched."""
    from replicator.demo.server import Server, reachable_folder
    from tests.fix_servers import BINARIES, SETTINGS

    source = servers.database(major)
    source.run(SHOP)
    settings = {**SETTINGS, "log_statement": "all", "log_min_messages": "debug1", "log_min_duration_statement": "0"}
    with Server(BINARIES[major], reachable_folder("replicator-masks-"), settings) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE copy TEMPLATE template0")
        destination = Database(server, "copy", major)
        flags = (*define(tmp_path), *both(source, destination), "--output", "json", "--debug", "-v")
        outputs = [replicator("plan", *flags), replicator("clone", "--verify", "--jobs", "3", *flags)]
        runs(outputs[-1])
        destination.run("UPDATE users SET salary = 0 WHERE id = 7")
        outputs.append(replicator("verify", *flags))
        assert outputs[-1].code == 8
        settle(destination)
        there = all_bytes(server.folder)
        texts = "".join(output.out + output.err for output in outputs)
    assert b"example.com" in there and b"pg_stat_activity" in there
    for secret in (*SECRETS, KEY, *startup(KEY).values()):
        assert secret not in texts, secret
        assert secret.encode() not in there, secret
        assert secret.encode().hex().encode() not in there, secret


@pytest.mark.pg("in 18")
def test_copies_agree_under_one_key_and_differ_under_another(
    servers: Servers, major: int, replicator: Run, tmp_path: Path
) -> None:
    sources = [servers.database(12), servers.database(18)]
    rows = []
    for source in sources:
        source.run(SHOP)
    for source, key in ((sources[0], KEY), (sources[1], KEY), (sources[1], KEY), (sources[1], OTHER_KEY)):
        copy = servers.database(18)
        runs(replicator("clone", *define(tmp_path, key=key), *both(source, copy)))
        columns = COLUMNS.replace("%", "%%")
        rows.append(copy.rows(f"SELECT {columns} FROM users WHERE id < 1000 ORDER BY id"))
    assert rows[0] == rows[1] == rows[2]
    plain = sources[1].rows(f"SELECT {COLUMNS.replace('%', '%%')} FROM users WHERE id < 1000 ORDER BY id")
    for mine, other, original in zip(rows[0], rows[3], plain, strict=True):
        same = [n for n, (a, b) in enumerate(zip(mine, other, strict=True)) if a == b]
        assert same[0] == 0 and len(same) <= 4, (mine, other)  # the id, the expression, a name by chance
        assert sum(a == b for a, b in zip(mine, original, strict=True)) <= 3, (mine, original)
