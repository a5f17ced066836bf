"""The benchmarks: their figures, and one small contest from end to end with real servers."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
from rich.console import Console

from benchmarks import chart, destinations, results
from benchmarks.contenders import checked_out
from benchmarks.database import SCENARIOS, difference, filled, fingerprint
from benchmarks.delay import far_away
from benchmarks.measure import Failed, run
from benchmarks.results import Contest, Runs
from replicator.demo.server import embedded_bin
from tests.fix_cli import environment, until

ROOT = Path(__file__).parents[1]


@pytest.fixture
def contest():
    ours = Runs("replicator", wall=[2.0, 9.0, 1.0], cpu=[0.5, 0.5, 0.4], largest=[50, 40, 30], total=[60, 40, 30])
    theirs = Runs("pg_dump | psql", wall=[4.0, 5.0, 3.0], cpu=[1.0, 1.0, 1.0], largest=[9, 8, 7], total=[20, 20, 20])
    wrong = Runs("<lazy>", wall=[0.1], cpu=[0.1], largest=[1], total=[1], wrong="triggers: 2, copied [0]")
    return Contest("clone mixed", "1 GB", 1_000_000, [ours, theirs, wrong])


def test_the_median_round_counts(contest):
    assert [runs.median("wall") for runs in contest.runs[:2]] == [2.0, 4.0]
    assert Runs("server", wall=[1.0, 2.0]).median("cpu") == 0


def test_the_ratio_is_the_first_ones_figure_to_the_others(contest):
    assert [contest.ratio(runs) for runs in contest.runs] == [1.0, 0.5, None]
    assert contest.ratio(contest.runs[1], "total") == 2.0


def test_nobody_is_compared_with_a_first_one_that_was_wrong(contest):
    contest.runs[0].wrong = "exit 1"
    assert contest.ratio(contest.runs[1]) is None


def test_the_table_shows_what_was_wrong_instead_of_figures(contest):
    console = Console(width=150, file=io.StringIO())
    console.print(results.table(contest))
    lines = console.file.getvalue().splitlines()
    (theirs,) = (line for line in lines if "pg_dump" in line)
    (lazy,) = (line for line in lines if "<lazy>" in line)
    assert [word for word in ("4.00 s", "1.000 µs", "0.50") if word not in theirs] == []
    assert "triggers: 2, copied [0]" in lazy
    assert "0.10" not in lazy


def test_the_file_keeps_every_contest_once(contest, tmp_path):
    file = tmp_path / "results.json"
    results.save([contest], file)
    other = Contest("table narrow", "", 1, [])
    contest.runs.pop()
    results.save([other, contest], file)
    assert results.load(file) == [contest, other]


def test_the_chart_has_a_bar_for_every_figure(contest):
    root = ElementTree.fromstring(chart.svg([contest, contest]))
    bars = [e for e in root.iterfind(".//{*}rect") if e.get("height") == str(chart.BAR)]
    assert len(bars) == 2 * 2 * 3
    ours, theirs = (float(bars[number].get("width")) for number in (0, 3))
    assert theirs == pytest.approx(2 * ours, rel=0.01)
    words = [e.text for e in root.iterfind(".//{*}text")]
    assert "4.00 s (0.50)" in words
    assert "not whole: triggers: 2, copied [0]" in words
    assert all(float(e.get("x")) < chart.WIDTH for e in root.iterfind(".//{*}text"))


def test_a_difference_names_what_a_copy_lacks_and_has_too_much():
    assert difference({"a": "1"}, {"a": "1"}) == ""
    assert difference({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == "a: 1, copied 0, and 2 more"


def test_a_fingerprint_tells_every_loss(database):
    database.run("""
        CREATE TABLE t (id int PRIMARY KEY, word text, body bytea);
        INSERT INTO t SELECT i, i, decode(md5(i::text), 'hex') FROM generate_series(1, 100) i;
        CREATE INDEX i ON t (word);
        CREATE TABLE empty ();
        SELECT lo_from_bytea(4711, 'abc');
    """)
    losses = {
        "rows of public.t": "UPDATE t SET word = 'other' WHERE id = 17",
        "relations r": "DROP TABLE empty",
        "relations i": "DROP INDEX i",
        "constraints p": "ALTER TABLE t DROP CONSTRAINT t_pkey",
        "large objects": "SELECT lo_put(4711, 1, 'B')",
    }
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        before = fingerprint(conn)
        assert difference(before, fingerprint(conn)) == ""
        for name, loss in losses.items():
            conn.execute(loss)
            after = fingerprint(conn)
            assert before.get(name) != after.get(name)
            before = after


def test_children_count_and_failures_are_told(tmp_path):
    busy = f"{sys.executable} -c 'x = bytes(60_000_000); [i for i in range(5_000_000)]; import time; time.sleep(0.3)'"
    usage = run(["sh", "-c", f"{busy} | cat"], tmp_path, environment())
    assert usage.cpu > 0.05
    assert usage.wall > 0.3
    assert 60_000_000 < usage.largest <= usage.total < 500_000_000
    with pytest.raises(Failed, match="exit 3: no such luck"):
        run(["sh", "-c", "echo no such luck >&2; exit 3"], tmp_path, environment())


def test_every_scenario_says_what_it_is():
    assert {"narrow", "mixed", "wide", "objects"} <= SCENARIOS.keys()
    for path in SCENARIOS.values():
        assert path.read_text("utf-8").startswith("-- "), path


def test_a_contest_from_the_command_line_to_the_chart(tmp_path):
    file = tmp_path / "results.json"
    lazy = tmp_path / "pgcopydb"
    lazy.write_text("#!/bin/sh\necho pgcopydb version 9.9\n")
    lazy.chmod(0o755)
    command = [sys.executable, "-m", "benchmarks"]
    small = [*command, "clone", "mixed", "--scale", "0.0002", "--rounds", "1", "--pgcopydb", lazy, "--save", file]
    for words in (small, [*command, "chart", file]):
        done = subprocess.run(words, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
    (contest,) = json.loads(file.read_text("utf-8"))
    *diligent, idle = contest["runs"]
    assert [r["name"] for r in diligent] == ["replicator", "pg_dump | psql", "pg_dump -Fd -j 2 | pg_restore -j 2"]
    assert idle["name"] == "pgcopydb 9.9"
    assert "copied 0, and" in idle["wrong"]
    assert contest["rows"] == 80 + 300 + 600 + 500 + 3
    for runs in diligent:
        assert runs["wrong"] == ""
        assert len(runs["wall"]) == 1
        assert all(figure > 0 for name in ("wall", "cpu", "largest", "total") for figure in runs[name])
    assert "clone mixed" in file.with_suffix(".svg").read_text("utf-8")


def test_single_rounds_say_how_far_to_trust_a_ratio(contest):
    assert contest.spread(contest.runs[1]) == (1 / 3, 1.8)
    assert contest.spread(contest.runs[2]) is None


def test_a_server_that_is_far_away_answers_later_and_its_round_trips_are_counted(database):
    with far_away(int(psycopg.conninfo.conninfo_to_dict(database.dsn)["port"]), 50) as distance:
        with psycopg.connect(database.dsn, port=distance.port, sslmode="disable", autocommit=True) as conn:
            began = time.monotonic()
            for _ in range(4):
                conn.execute("SELECT")
            assert time.monotonic() - began >= 0.2  # no sooner, however slow the machine
        until(lambda: distance.trips() > 0)
        assert distance.trips() >= 5


def test_the_destination_is_set_for_each_turn_anew():
    with filled("small", 0.01, embedded_bin(), embedded_bin()) as pair:
        for choice, expected in (("wal_level = minimal", "minimal"), ("as it comes", "replica")):
            destinations.arrange(pair, choice)
            with psycopg.connect(pair.destination.conninfo()) as conn:
                assert conn.execute("SHOW wal_level").fetchone() == (expected,)


def test_a_commit_that_is_none_is_said():
    with pytest.raises(RuntimeError, match="--against nothing"), checked_out(["nothing"]):
        pass
