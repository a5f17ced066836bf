import io
import json
import re

from replicator.events import Done, Failed, Finished, Planned, Started
from replicator.model import Phase
from replicator.show.report import Report


def report_of(*timed):
    """A report of (clock reading, event) pairs."""
    now = [0.0]
    report = Report(clock=lambda: now[0])
    for seconds, event in timed:
        now[0] = seconds
        report(event)
    return report


def copied(name, seconds, worker=0):
    return Done(f"data {name}", Phase.DATA, worker, seconds, 1000, 5_000_000)


CLONE = (
    (0, Planned({Phase.SCHEMA: 1, Phase.DATA: 2, Phase.BUILD: 1, Phase.VERIFY: 1}, 10_000_000)),
    (1, Started("table a", Phase.SCHEMA, 0, 0)),
    (2, Done("table a", Phase.SCHEMA, 0, 1.0, 0, 0)),
    (2, Started("data a", Phase.DATA, 0, 5_000_000)),
    (2, Started("data b", Phase.DATA, 1, 5_000_000)),
    (4, copied("a", 2.0)),
    (4, Started("index a_i", Phase.BUILD, 0, 0)),
    (7, copied("b", 5.0, 1)),
    (9, Done("index a_i", Phase.BUILD, 0, 5.0, 0, 0)),
    (9, Started("verify", Phase.VERIFY, 0, 0)),
    (10, Done("verify", Phase.VERIFY, 0, 1.0, 2000, 0)),
    (10, Finished(True, 10.5)),
)


def text_of(report, encoding="utf-8"):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    report.render(file)
    file.flush()
    return raw.getvalue().decode(encoding)


def cells(text):
    return [line.split() for line in text.splitlines()]


def test_a_phase_lasts_from_its_first_start_to_its_last_end():
    text = text_of(report_of(*CLONE))
    assert ["data", "2", "5.0", "s", "2,000", "10.0", "MB"] in cells(text)
    assert ["indexes", "and", "constraints", "1", "5.0", "s"] in cells(text)
    assert ["total", "5", "10.5", "s", "2,000", "10.0", "MB"] in cells(text)


def test_overlapping_phases_are_said_to_overlap():
    assert "phases overlap" in text_of(report_of(*CLONE))
    assert "phases overlap" not in text_of(report_of(*CLONE[:6]))


def test_the_five_slowest_tables_come_slowest_first():
    planned = (0, Planned({Phase.DATA: 6}, 0))
    text = text_of(report_of(planned, *((0, copied(f"t{seconds}", seconds)) for seconds in (3, 6, 1, 5, 2, 4))))
    assert re.findall(r"data (t\d): 1,000 rows", text) == ["t6", "t5", "t4", "t3", "t2"]


def test_programs_get_every_table_with_its_parts_added_up():
    parts = [Done(f"data p, part {n} of 2", Phase.DATA, 0, 1.0, 10, 100, "p") for n in (1, 2)]
    report = report_of(*((0, copied(f"t{seconds}", seconds)) for seconds in range(3, 10)), *((0, p) for p in parts))
    tables = json.loads(report.to_json())["tables"]
    assert len(tables) == 8
    assert tables[-1] == {"table": "p", "rows": 20, "bytes": 200, "seconds": 2.0}


def test_tables_that_took_no_time_are_not_listed():
    assert "slowest" not in text_of(report_of((0, Planned({Phase.DATA: 1}, 0)), (0, copied("t", 0.01))))


def test_a_failure_names_its_steps_and_counts_the_unfinished_ones():
    report = report_of(*CLONE[:6], (6, Failed("data b", Phase.DATA, 1, "disk [full]")), (6, Finished(False, 6.0)))
    text = text_of(report)
    assert "data b: disk [full]" in text
    assert "unfinished steps: 2" in text
    assert ["data", "1", "of", "2", "4.0", "s", "1,000", "5.0", "MB"] in cells(text)
    assert not report.ok


def test_unplanned_verification_does_not_make_up_for_what_is_undone():
    report = report_of(*CLONE[:6], *((9, Done(f"v{n}", Phase.VERIFY, 0, 0.1, 1, 0)) for n in range(9)))
    assert ["total", "11", "of", "13"] in [line[:4] for line in cells(text_of(report))]


def test_nothing_begun_is_nothing_told():
    assert text_of(report_of((1, Finished(False, 1.0)))) == ""


def test_success_is_not_believed_while_a_planned_step_is_undone():
    report = report_of(*CLONE[:6], (6, Finished(True, 6.0)))
    assert not report.ok
    assert "unfinished steps: 3" in text_of(report)


def test_a_step_done_at_its_second_attempt_has_not_failed():
    failed = (3, Failed("data a", Phase.DATA, 0, "connection lost"))
    report = report_of(*CLONE[:4], failed, *CLONE[4:])
    assert report.ok
    assert "connection lost" not in text_of(report)


def test_the_json_document_holds_the_same_account():
    document = json.loads(report_of(*CLONE).to_json())
    assert document["ok"] is True
    assert document["phases"][1] == {
        "phase": "data", "planned": 2, "done": 2, "seconds": 5.0, "rows": 2000, "bytes": 10_000_000,
    }  # fmt: skip
    assert document["total"] == {"planned": 5, "done": 5, "seconds": 10.5, "rows": 2000, "bytes": 10_000_000}
    assert (document["phases_overlap"], document["failed"], document["unfinished"]) == (True, [], 0)


def test_a_file_gets_neither_colour_nor_characters_it_cannot_hold(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = text_of(report_of(*CLONE, (11, copied("é", 1.0))), "ascii")
    assert "\x1b" not in text
    assert r"data \xe9" in text


def test_a_narrow_terminal_gets_lines_instead_of_a_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    file = io.StringIO()
    file.isatty = lambda: True
    report_of(*CLONE).render(file)
    assert " 5.0 s  data: 2 steps, 2,000 rows," in file.getvalue()
    assert "schema: 1 step\n" in file.getvalue()
