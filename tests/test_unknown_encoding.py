"""A source in SQL_ASCII: its bytes are converted from what they are declared to be, or named where they do not fit."""

import json
from collections.abc import Iterable

import psycopg
import pytest

from replicator.errors import Incomplete, PreflightFailed
from replicator.runs.check import preflight
from replicator.runs.clone import clone
from replicator.settings import Settings
from replicator.work.copying import encoding
from tests.fix_cli import NEWEST, Run, both, refuses, runs
from tests.fix_servers import SOME, Database, Servers

pytestmark = SOME

SQL_ASCII, UTF8 = (f"ENCODING '{name}' LOCALE 'C'" for name in ("SQL_ASCII", "UTF8"))
OF_LATIN1 = """CREATE TABLE "größe" (id int, "straße" text DEFAULT 'ä' CHECK ("straße" <> 'ö'), j jsonb, a text[],
    u uuid DEFAULT '00000000-0000-0000-0000-000000000001', PRIMARY KEY (id, "straße"));
INSERT INTO "größe" SELECT g, 'Ærøskøbing' || g, '{"é": "ü"}', ARRAY['ñ', NULL, E'\\\\ \\t']
  FROM generate_series(1, 300) g;
CREATE VIEW "sicht" AS SELECT 'ß'::text AS "ü" FROM "größe"; COMMENT ON TABLE "größe" IS 'schön';
CREATE TABLE parts (a text) PARTITION BY HASH (a);
CREATE TABLE p0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT 'ü' || g FROM generate_series(1, 30) g;
SELECT lo_from_bytea(7, 'x'); COMMENT ON LARGE OBJECT 7 IS 'größer';"""
BAD = rb"""CREATE TABLE t (id int, w text, v text);
INSERT INTO t VALUES (1, 'fine', 'ok'), (2, E'a\\b\tc', E'xcaf\xe9')"""


def quiet(event: object) -> None:
    pass


def run_bytes(database: Database, script: bytes) -> None:
    """Run a script as it is in a database that takes all bytes."""
    with psycopg.connect(database.dsn, client_encoding="latin1", autocommit=True) as conn:
        conn.execute("SET client_encoding = SQL_ASCII")
        conn.execute(script)


@pytest.fixture
def ascii(servers: Servers, major: int) -> Database:
    return servers.database(major, SQL_ASCII.replace("LOCALE 'C'", "LC_COLLATE 'C' LC_CTYPE 'C'"))


@pytest.fixture
def utf8(servers: Servers, major: int) -> Database:
    return servers.database(major, UTF8.replace("LOCALE 'C'", "LC_COLLATE 'C' LC_CTYPE 'C'"))


def as_utf8(dump: str) -> list[str]:
    return [line for line in dump.splitlines() if "client_encoding" not in line]


@pytest.mark.parametrize("way", ["relay", "driver"])
def test_declared_bytes_arrive_as_text(way: str, replicator: Run, ascii: Database, utf8: Database):
    run_bytes(ascii, OF_LATIN1.encode("latin1"))
    declared = ("--source-encoding", "latin1", *both(ascii, utf8))
    runs(replicator("clone", "--verify", "--relay", "on" if way == "relay" else "off", *declared))
    runs(replicator("verify", *declared))
    assert utf8.value("SELECT count(*) FROM \"größe\" WHERE \"straße\" LIKE 'Ærøskøbing%' AND a[1] = 'ñ'") == 300
    assert utf8.value('SELECT j FROM "größe" LIMIT 1') == {"é": "ü"}
    assert utf8.value("SELECT obj_description('\"größe\"'::regclass)") == "schön"
    assert utf8.value("SELECT obj_description(7, 'pg_largeobject')") == "größer"
    assert utf8.value("SELECT count(*) FROM parts WHERE a = 'ü7'") == 1
    # What the source would be if it had been in LATIN1 all the time.
    run_bytes(
        ascii, b"UPDATE pg_database SET encoding = pg_char_to_encoding('LATIN1') WHERE datname = current_database()"
    )
    assert as_utf8(utf8.dump("-s", "-E", "UTF8")) == as_utf8(ascii.dump("-s", "-E", "UTF8"))
    rows = ("--data-only", "-t", '"größe"', "-E", "UTF8")
    assert as_utf8(utf8.dump(*rows)) == as_utf8(ascii.dump(*rows))


def test_verify_finds_what_is_not_what_was_declared(replicator: Run, ascii: Database, utf8: Database):
    run_bytes(ascii, OF_LATIN1.encode("latin1"))
    declared = ("--source-encoding", "LATIN1", *both(ascii, utf8))
    runs(replicator("clone", *declared))
    utf8.run('UPDATE "größe" SET "straße" = \'Ärösköbing\' WHERE id = 17')
    found = replicator("verify", *declared)
    refuses(found, 8)
    assert "Ærøskøbing17" in found.out
    runs(replicator("verify", "--repair", *declared))
    assert utf8.value('SELECT "straße" FROM "größe" WHERE id = 17') == "Ærøskøbing17"


def test_verify_asks_for_what_was_declared(replicator: Run, ascii: Database, utf8: Database):
    run_bytes(ascii, b"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, E'xcaf\\xe9')")
    runs(replicator("clone", "--source-encoding", "LATIN1", *both(ascii, utf8)))
    refuses(replicator("verify", *both(ascii, utf8)), 6, "Use the --source-encoding that the copy was made with")


def test_a_database_is_made_for_the_text(replicator: Run, ascii: Database, servers: Servers, major: int):
    run_bytes(ascii, OF_LATIN1.encode("latin1"))
    there = Database(servers[major], f"{ascii.name}_new", major)
    there.dsn = there.server.conninfo(there.name)
    runs(replicator("clone", "--create", "--verify", "--source-encoding", "LATIN1", *both(ascii, there)))
    assert there.value("SHOW server_encoding") == "UTF8"
    assert there.value('SELECT count(*) FROM "größe" WHERE "straße" LIKE \'Ærø%\'') == 300


def test_plan_prints_the_text(replicator: Run, ascii: Database, utf8: Database):
    run_bytes(ascii, OF_LATIN1.encode("latin1"))
    for destination in ((), ("--destination", utf8.dsn)):
        said = runs(replicator("plan", "--sql", "--source-encoding", "LATIN1", "--source", ascii.dsn, *destination))
        assert "COMMENT ON TABLE public.\"größe\" IS 'schön'" in said


def test_the_first_value_that_does_not_fit_is_named_before_anything_is_written(
    replicator: Run, ascii: Database, utf8: Database
):
    run_bytes(ascii, BAD)
    words = "row 2 of public.t (ctid (0,2)) has bytes in column v that are not valid UTF8: 78 63 61 66 e9"
    probed = replicator("probe", "--output", "json", *both(ascii, utf8))
    assert probed.code == 3
    (finding,) = [f for f in json.loads(probed.out)["findings"] if f["severity"] == "fatal"]
    assert words[1:] in finding["text"] and "--source-encoding" in finding["hint"]
    refuses(replicator("clone", *both(ascii, utf8)), 3, words[1:])
    there = Database(utf8.server, f"{ascii.name}_new", utf8.major)
    runs(replicator("probe", "--create", "--source", ascii.dsn, "--destination", there.server.conninfo(there.name)))
    assert utf8.dump() == utf8.dump() and utf8.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("split", [None, 8192])
def test_a_copy_that_fails_names_row_column_and_bytes(
    relay: bool, split: int | None, ascii: Database, utf8: Database, monkeypatch: pytest.MonkeyPatch
):
    """Where no sample had it."""
    run_bytes(ascii, b"CREATE TABLE t (id int, v text); INSERT INTO t SELECT g, 'ok' FROM generate_series(1, 3000) g;")
    run_bytes(ascii, b"INSERT INTO t VALUES (0, E'caf\\xe9'); ANALYZE t")
    ctid = bytes(ascii.value("SELECT ctid::text::bytea FROM t WHERE id = 0")).decode()
    monkeypatch.setattr(encoding, "sample", lambda *_: [])
    with pytest.raises(Incomplete) as caught:
        clone(Settings(ascii.dsn, utf8.dsn, relay=relay, split_larger_than=split, jobs=2), quiet)
    said = str(caught.value)
    assert f"of public.t (ctid {ctid}) has bytes in column v that are not valid UTF8: 63 61 66 e9" in said
    if split is None:
        assert "row 3001 of public.t" in said
    assert "--source-encoding LATIN1" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (b"COMMENT ON COLUMN t.a IS 'sch\xf6n'", "comment public.t (table) ("),
        (
            b"DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), '\xf6'); END $$",
            "database comment (",
        ),
        (b"CREATE VIEW v AS SELECT '\xf6'::text AS x", "view public.v ("),
        (b'CREATE TABLE "Z\xfcrich" ()', r'table public."Z\xfcrich" ('),
    ],
)
def test_an_object_whose_text_does_not_fit_is_named(
    statement: bytes, name: str, replicator: Run, ascii: Database, utf8: Database
):
    run_bytes(ascii, b"CREATE TABLE t (a int); " + statement)
    refused = replicator("clone", *both(ascii, utf8))
    refuses(refused, 3, "destination's encoding cannot store a name", name, "--source-encoding")
    refuses(replicator("verify", *both(ascii, utf8)), 3, name)


@pytest.mark.parametrize(
    ("options", "encoding", "words"),
    [
        ((UTF8, UTF8), "LATIN1", "requires a source in SQL_ASCII"),
        ((SQL_ASCII, SQL_ASCII), "LATIN1", "would have no effect"),
        ((SQL_ASCII, UTF8), "LATIN99", "--source-encoding LATIN99 is not possible"),
        ((SQL_ASCII, "ENCODING 'LATIN1' LOCALE 'C'"), "SJIS", "--source-encoding SJIS is not possible"),
    ],
)
def test_what_cannot_be_declared_is_refused(options: Iterable[str], encoding: str, words: str, servers: Servers):
    source, destination = (servers.database(NEWEST, each) for each in options)
    with pytest.raises(PreflightFailed, match=words):
        preflight(Settings(source.dsn, destination.dsn, source_encoding=encoding), quiet)


def test_a_run_is_resumed_with_the_encoding_that_it_was_begun_with(replicator: Run, ascii: Database, utf8: Database):
    run_bytes(ascii, b"CREATE ROLE for_view; CREATE TABLE t (v text); INSERT INTO t VALUES (E'caf\\xe9');"
                     b" CREATE MATERIALIZED VIEW m AS SELECT 1 / count(*) FROM pg_roles WHERE rolname = 'for_view';"
                     b" DROP ROLE for_view")  # fmt: skip
    failed = replicator("clone", "--source-encoding", "LATIN1", *both(ascii, utf8))
    refuses(failed, 6, "clone --source-encoding LATIN1 --resume")
    refuses(replicator("clone", "--resume", *both(ascii, utf8)), 3, "started with --source-encoding LATIN1")


def test_comments_on_large_objects_are_the_same_in_another_encoding(replicator: Run, servers: Servers, utf8: Database):
    """Of a source that knows what its bytes are."""
    source = servers.database(NEWEST, "ENCODING 'LATIN1' LOCALE 'C'")
    source.run("SET client_encoding = 'UTF8'; SELECT lo_from_bytea(7, 'x'); COMMENT ON LARGE OBJECT 7 IS 'größer';")
    runs(replicator("clone", "--verify", *both(source, utf8)))
    utf8.run("COMMENT ON LARGE OBJECT 7 IS 'grösser'")
    refuses(replicator("verify", *both(source, utf8)), 8)


def test_a_sample_ends_in_time(ascii: Database, utf8: Database, monkeypatch: pytest.MonkeyPatch):
    run_bytes(ascii, BAD)
    monkeypatch.setattr(encoding, "SAMPLE_SECONDS", -1.0)
    found = preflight(Settings(ascii.dsn, utf8.dsn), quiet)[1]
    assert [f.text for f in found if "Not checked" in f.text] == [
        "Not checked for valid UTF8, for lack of time: public.t."
    ]
