"""What a difference is shown as, and what mends it: psql runs the statements, and the next verification is content."""

import json
import os
import pty
import random
import re
import subprocess

import pytest

from replicator.comparing import Mismatch
from replicator.comparing.excerpts import described
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_cli import COMMAND, Run, both, environment, runs
from tests.fix_servers import CLIENTS, SOME, VERSIONS, Database, Servers, fill
from tests.planted import definitions
from tests.test_planted import OF_DEFINITIONS, plant

NEWEST = VERSIONS[-1]
UNMENDED = {"base_type", "domain", "enum_type", "function", "index_attach", "operator_class", "sequence", "table"}
"""What PostgreSQL cannot alter, where others use it: the types, the order of columns, how a table is partitioned."""
MOST_UNMENDED = 0.06


def found(pair: tuple[Database, Database]) -> list[Mismatch]:
    mismatches = verify_copy(Settings(pair[0].dsn, pair[1].dsn, jobs=2), lambda event: None)
    return [m for m in mismatches if m.about == "definition"]


def mended(pair: tuple[Database, Database], replicator: Run) -> str:
    """Run what `verify --sql` prints, and return what psql says."""
    script = subprocess.run(
        [*COMMAND, "verify", "--sql", *both(*pair)], env=environment(), capture_output=True, timeout=300
    )
    assert script.returncode in (0, 8), script.stderr
    psql = [CLIENTS / "psql", "-X", "-q", "-d", pair[1].dsn]
    done = subprocess.run(psql, input=script.stdout, capture_output=True)
    return done.stderr.decode()


@SOME
def test_the_script_mends_what_can_be_mended(pair: tuple[Database, Database], major: int, replicator: Run) -> None:
    """Of all the differences of definitions that are planted elsewhere: not of every draw as many."""
    seed = int(os.environ.get("REPLICATOR_SEED") or 1)
    plant(pair, [*definitions.plants(major, range(OF_DEFINITIONS), random.Random(seed))])
    before = len(found(pair))
    mended(pair, replicator)
    left = found(pair)
    told = f"REPLICATOR_SEED={seed}, {len(left)} of {before}\n" + "\n".join(f"{m}\n -> {m.fix}" for m in left)
    assert before > OF_DEFINITIONS / 2
    no_default_storage = {"column_setting"} if major < 16 else set()  # SET STORAGE DEFAULT
    assert {m.what.split()[0] for m in left} <= UNMENDED | no_default_storage, told
    assert len(left) < before * MOST_UNMENDED, told


SHOP = """
CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT 'ä', c int, e varchar(9), CONSTRAINT positive CHECK (c > 0));
CREATE VIEW v AS SELECT a, b FROM t;
CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
CREATE INDEX i ON t (b);
CREATE SEQUENCE s;
CREATE POLICY p ON t USING (c > 1);
COMMENT ON TABLE t IS 'first';
GRANT SELECT ON t TO alice;
REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC;
"""
SPOILED = """
ALTER TABLE t ALTER b SET DEFAULT 'ö', ALTER e TYPE int USING e::int, ADD d int, DROP CONSTRAINT positive;
CREATE OR REPLACE VIEW v AS SELECT a, b, c FROM t;
DROP FUNCTION f(int); CREATE FUNCTION f(i int) RETURNS bigint LANGUAGE sql AS 'SELECT 2::bigint';
DROP INDEX i; CREATE INDEX j ON t (c);
ALTER SEQUENCE s INCREMENT 7; SELECT nextval('s');
ALTER POLICY p ON t USING (c > 2);
COMMENT ON TABLE t IS 'second'; COMMENT ON COLUMN t.a IS 'more';
GRANT UPDATE ON t TO bob; REVOKE SELECT ON t FROM alice;
ALTER TABLE t OWNER TO carol; ALTER VIEW v OWNER TO bob;
"""


@SOME
def test_all_is_mended_without_an_error(pair: tuple[Database, Database], replicator: Run) -> None:
    fill(pair, SHOP)
    pair[1].run(SPOILED)
    assert len(found(pair)) > 9
    assert mended(pair, replicator) == ""
    assert found(pair) == []
    assert pair[1].dump() == pair[0].dump()


def test_the_statement_is_shown_with_the_difference(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int); CREATE TABLE u (a int)")
    pair[1].run("ALTER TABLE t OWNER TO alice; COMMENT ON TABLE u IS 'x'; GRANT SELECT ON u TO bob")
    out = replicator("verify", *both(*pair)).out
    assert out.splitlines() == [
        "privileges of table public.u: extra on the destination: GRANT SELECT ON TABLE public.u TO bob",
        "  to fix it: REVOKE SELECT ON TABLE public.u FROM bob CASCADE;",
        "comment on table public.u: extra on the destination: COMMENT ON TABLE public.u IS 'x'",
        "  to fix it: COMMENT ON TABLE public.u IS NULL;",
        "table public.t: different: owned by postgres on the source, by alice on the destination",
        "  to fix it: ALTER TABLE public.t OWNER TO postgres;",
    ]
    told = json.loads(replicator("verify", "--output", "json", *both(*pair)).out)
    assert told["differences"][-1]["fix"] == ["ALTER TABLE public.t OWNER TO postgres"]


def test_of_a_long_definition_only_what_differs_is_shown() -> None:
    columns = [f"column_{number} integer" for number in range(99)]
    here, there = (f"CREATE TABLE t ({', '.join(columns)})".replace("column_50 integer", word) for word in ("b", "c"))
    text = described(here, there)
    assert len(text) < 250
    assert re.search(r"^… .* b, column_51 .* … on the source, … .* c, column_51 .* … on the destination$", text)


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_shows_the_words_that_differ_in_colour(colour: bool, servers: Servers) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int DEFAULT 1)")
    pair[1].run("ALTER TABLE t ALTER a SET DEFAULT 2")
    outer, inner = pty.openpty()
    env = {**environment(), "TERM": "xterm", **({} if colour else {"NO_COLOR": "1"})}
    command = [*COMMAND, "verify", *both(*pair)]
    with subprocess.Popen(command, stdout=inner, stderr=subprocess.DEVNULL, env=env) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(outer)
    assert process.returncode == 8
    assert (b"DEFAULT \x1b[31m1\x1b[0m" in shown and b"DEFAULT \x1b[32m2\x1b[0m" in shown) is colour, shown


def test_a_script_of_nothing_is_empty_of_statements(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    assert "BEGIN" not in runs(replicator("verify", "--sql", *both(*pair)))


def test_a_script_that_takes_rows_away_says_so_first(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int)")
    pair[1].run("CREATE TABLE extra AS SELECT 1 AS a; ALTER TABLE t ADD b int")
    script = replicator("verify", "--sql", *both(*pair))
    assert script.code == 8
    assert (
        "drops WITH ALL ROWS what the source does not have: table public.extra, table public.t"
        in script.out.partition("BEGIN;")[0]
    )


def test_a_script_promises_no_repair_of_what_is_not_repaired(servers: Servers, replicator: Run) -> None:
    pair = servers.database(NEWEST), servers.database(NEWEST)
    fill(pair, "CREATE TABLE t (a int PRIMARY KEY)")
    pair[0].run("SELECT lo_create(4711); INSERT INTO t VALUES (1)")
    script = replicator("verify", "--sql", *both(*pair)).out
    assert "-- `verify --repair` copies rows: table public.t\n" in script
    assert "-- No statement fixes: large objects 0-4294967295: " in script
    left = replicator("verify", "--repair", *both(*pair)).out
    assert "table public.t: 1 missing row, repaired" in left and "large objects 0-4294967295: different" in left
