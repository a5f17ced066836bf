import io
import json
import os
import threading
from itertools import pairwise

import pytest
from rich.console import Console

from replicator.events import (
    Done,
    Failed,
    Finished,
    Moved,
    Note,
    Planned,
    Ready,
    Started,
    Waiting,
    duration_text,
    saying,
    size_text,
)
from replicator.model import Phase
from replicator.show.lines import Json, Plain
from replicator.show.progress import progress
from replicator.show.terminal import Terminal


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def lines_of(show, output="plain"):
    stream = io.StringIO()
    with progress(output, stream) as emit:
        for event in show:
            emit(event)
    return stream.getvalue().splitlines()


def table_in_work(moved):
    yield Planned({Phase.DATA: 2}, 1_000_000_000)
    yield Started('data public."[bold]x[/]"', Phase.DATA, 0, 500_000_000)
    yield Moved('data public."[bold]x[/]"', Phase.DATA, 0, moved)


def drawn(view, width):
    """What the view shows: an iterator of lines, as a terminal of this width has them."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=20, markup=False)
    terminal = Terminal(console)
    for event in view:
        terminal.emit(event)
    console.print(terminal.render())
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("bytes", "text"),
    [(999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (999_960_000, "1.0 GB"), (5 * 10**15, "5.0 PB")],
)
def test_sizes_are_decimal_and_never_a_thousand_of_a_unit(bytes, text):
    assert size_text(bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.24, "1.2 s"), (59.96, "1 min 00 s"), (184, "3 min 04 s"), (3599.6, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations_carry_over_when_rounded(seconds, text):
    assert duration_text(seconds) == text


def test_plain_says_who_is_waited_for_and_who_answers():
    assert lines_of(
        [
            Waiting("source", "me@host:5432/db", 1, 5, 5.0, "connection refused"),
            Ready("source", "me@host:5432/db", "18.6"),
        ]
    ) == [
        "waiting for source me@host:5432/db: attempt 1 of 5: connection refused; next in 5 s",
        "source me@host:5432/db: PostgreSQL 18.6",
    ]


def test_plain_sums_up_thousands_of_small_steps():
    def events():
        yield Planned({Phase.SCHEMA: 1234}, 0)
        for number in range(1234):
            yield Started(f"index i{number}", Phase.SCHEMA, 0, 0)
            yield Done(f"index i{number}", Phase.SCHEMA, 0, 0.0, 0, 0)

    *lines, last = lines_of(events())
    assert lines == ["planned: 1,234 steps", "schema: 1,234 steps to do"]
    assert last.startswith("schema: 1,234 objects in ")


def test_plain_tells_of_each_table_each_failure_and_the_end():
    lines = lines_of(
        [
            Done("data public.a", Phase.DATA, 0, 1.24, 1_000_000, 86_200_000),
            Failed("data public.b", Phase.DATA, 1, "disk full"),
            Finished(False, 184.0),
        ]
    )
    assert lines == [
        "data public.a: 1,000,000 rows, 86.2 MB in 1.2 s",
        "failed: data public.b: disk full",
        "failed after 3 min 04 s",
    ]


def test_a_phase_that_nobody_planned_has_no_total_and_ends_at_the_end():
    events = [Started("verify a", Phase.VERIFY, 0, 0), Done("verify a", Phase.VERIFY, 0, 0.0, 5, 0)]
    assert drawn(events, 60)[0].strip() == "verification 1 · 0 s"
    assert lines_of([*events, Finished(True, 0.1)]) == [
        "verification: begins",
        "verification: 1 step, 5 rows in 0.0 s",
        "finished in 0.1 s",
    ]


def test_plain_says_at_the_end_what_was_not_done():
    lines = lines_of([*table_in_work(5), Finished(False, 0.1)])
    assert lines[-2:] == ["data: 0 steps, 2 not done in 0.0 s", "failed after 0.1 s"]


def test_a_batch_that_one_start_announces_counts_each_of_its_steps():
    batch = [Done(f"table {n}", Phase.SCHEMA, 0, 0.0, 0, 0) for n in range(3)]
    assert "schema 3/4" in drawn([Planned({Phase.SCHEMA: 4}, 0), Started("table 0", Phase.SCHEMA, 0, 0), *batch], 60)[0]


def test_plain_reports_percent_rate_and_time_left_while_data_moves(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    plain = Plain(stream)
    for event in table_in_work(200_000_000):
        plain.emit(event)
    clock[0] += 10
    plain.tick()
    assert stream.getvalue().splitlines()[-1] == "20 %, 40 s left, 200.0 MB of 1.0 GB, 20.0 MB/s, data 0/2"


def test_nothing_is_left_of_the_time_when_nothing_comes(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    plain = Plain(stream)
    for event in table_in_work(200_000_000):
        plain.emit(event)
    for _ in range(4):
        clock[0] += 10
        plain.tick()
    silent = [f"20 %, 200.0 MB of 1.0 GB, no data for {t}, data 0/2" for t in ("20 s", "30 s", "40 s")]
    assert stream.getvalue().splitlines()[-3:] == silent
    plain.emit(Moved('data public."[bold]x[/]"', Phase.DATA, 0, 100_000_000))
    clock[0] += 10
    plain.tick()
    assert "30 %, " in stream.getvalue().splitlines()[-1] and " left, " in stream.getvalue().splitlines()[-1]


def test_what_takes_long_is_said_again_and_again(monkeypatch):
    monkeypatch.setattr("replicator.events.SILENT_SECONDS", 0.01)
    said, often = [], threading.Event()

    def emit(event):
        said.append(event.text)
        if len(said) == 3:
            often.set()

    with saying(emit, "Dropping all"):
        assert often.wait(60)
    assert all(text.startswith("Dropping all (") for text in said)
    monkeypatch.setattr("replicator.events.SILENT_SECONDS", 60.0)
    said.clear()
    with saying(emit, "Something short"):
        pass
    assert not said


def ticked(monkeypatch, *timed):
    """What is written at each of these seconds, with the events that come there: the clock ticks every second."""
    clock, stream, lines = [0.0], io.StringIO(), {}
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    plain, due = Plain(stream), dict(timed)
    for second in range(max(due) + 1):
        clock[0] = float(second)
        for event in due.get(second, ()):
            plain.emit(event)
        stream.truncate(stream.seek(0))
        plain.tick()
        if stream.getvalue():
            lines[second] = stream.getvalue().rstrip()
    return lines


def test_plain_breaks_the_silence_of_a_long_index_build(monkeypatch):
    begun = [Planned({Phase.BUILD: 2}, 0), Started("index i", Phase.BUILD, 0, 0)]
    lines = ticked(monkeypatch, (0, begun), (20, [Started("index \x1bj", Phase.BUILD, 1, 0)]), (40, []))
    assert list(lines) == [3, 6, 12, 23], "after a few seconds, then rarer; a new step that takes long at once"
    assert lines[3] == "after 3 s: indexes and constraints 0/2; still running: index i (3 s)"
    assert lines[23] == "after 23 s: indexes and constraints 0/2; still running: index i (23 s), index  j (3 s)"


def test_a_log_of_a_long_build_stays_short(monkeypatch):
    steps = [Planned({Phase.BUILD: 9}, 0), *(Started(f"index {n}", Phase.BUILD, n, 0) for n in range(9))]
    lines = ticked(monkeypatch, (0, steps), (3600, []))
    assert len(lines) < 70
    assert lines[3].endswith("still running: index 0 (3 s), index 1 (3 s), index 2 (3 s) and 6 more")


def test_steps_that_are_short_are_not_named(monkeypatch):
    begun = (0, [Planned({Phase.BUILD: 99}, 0)])
    steps = [(n, [Done("i", Phase.BUILD, 0, 1.0, 0, 0), Started("i", Phase.BUILD, 0, 0)]) for n in range(1, 13)]
    lines = ticked(monkeypatch, begun, *steps)
    assert list(lines) == [4, 7], lines
    assert "still" not in "".join(lines.values())


def test_plain_says_how_much_is_verified(monkeypatch):
    name = "verify table public.t"
    pieces = [Planned({Phase.VERIFY: 2}, 80_000_000), Started(name, Phase.VERIFY, 0, 40_000_000)]
    second = [Done(name, Phase.VERIFY, 0, 5.0, 9, 40_000_000), Started(f"{name} 2", Phase.VERIFY, 0, 40_000_000)]
    lines = ticked(
        monkeypatch,
        (0, pieces),
        (2, [Moved(name, Phase.VERIFY, 0, 10_000_000)]),
        (5, second),
        (7, [Moved(f"{name} 2", Phase.VERIFY, 0, 20_000_000)]),
        (35, []),
    )
    assert lines[3] == f"after 3 s: verification 0/2, 10.0 MB of 80.0 MB; still running: {name} (3 s)"
    assert lines[9] == f"after 9 s: verification 1/2, 60.0 MB of 80.0 MB; still running: {name} 2 (4 s)"
    assert max(later - earlier for earlier, later in pairwise([*lines, 35])) <= 10


def test_a_finished_table_counts_as_much_as_was_expected_of_it():
    done = Done('data public."[bold]x[/]"', Phase.DATA, 0, 1.0, 1, 300_000_000)
    assert any("50 %" in line for line in drawn([*table_in_work(300_000_000), done], 100))


@pytest.mark.parametrize("width", [100, 40, 10])
def test_the_display_fits_the_terminal_and_shows_names_as_they_are(width):
    lines = drawn(table_in_work(123_400_000), width)
    assert max(map(len, lines)) <= width
    if width > 30:
        assert any("[bold]x[/]" in line and "123.4 MB" in line for line in lines)
        assert any("12 %" in line for line in lines)
        assert any("123.4 MB of 1.0 GB" in line for line in lines)
        assert any("12 %" in line and "123.4 MB of" in line for line in lines) == (width == 100)  # else two lines


def test_names_cannot_control_the_terminal():
    lines = lines_of([Note("\x1b[2Jfirst\nsecond"), Done("data \x1b[31m", Phase.DATA, 0, 0.0, 0, 0)])
    assert lines == ["note:  [2Jfirst second", "data  [31m: 0 rows, 0 B in 0.0 s"]


def test_an_exception_leaves_a_terminal_with_its_cursor_and_without_the_display(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Tty()
    with pytest.raises(RuntimeError), progress("auto", stream) as emit:
        emit(Note("seen"))
        raise RuntimeError
    shown, erased = stream.getvalue().rsplit("\x1b[?25h", 1)  # "show cursor"
    assert "note: seen" in shown
    assert "\x1b[2K" in erased  # "erase line"


def test_a_stream_that_is_no_terminal_gets_no_control_sequences(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in "".join(lines_of([Note("x"), Failed("a", Phase.DATA, 0, "b")], "auto"))


def test_json_lines_have_all_fields_and_a_time():
    planned, failed = map(
        json.loads, lines_of([Planned({Phase.DATA: 2}, 7), Failed("é", Phase.DATA, 3, "why\n")], "json")
    )
    assert planned.pop("time").endswith("+00:00")
    assert planned == {"event": "planned", "steps": {"data": 2}, "bytes": 7}
    del failed["time"]
    assert failed == {"event": "failed", "step": "é", "phase": "data", "worker": 3, "reason": "why\n"}


def test_json_adds_up_what_a_step_moved():
    stream = io.StringIO()
    view = Json(stream)
    for _ in range(1000):
        view.emit(Moved("a", Phase.DATA, 0, 3))
    view.tick()
    view.tick()
    view.emit(Moved("a", Phase.DATA, 0, 4))
    view.emit(Done("a", Phase.DATA, 0, 0.0, 1, 3004))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["event"], event["bytes"]) for event in events] == [("moved", 3000), ("moved", 4), ("done", 3004)]


def test_threads_do_not_mix_their_lines():
    def work(worker):
        for number in range(200):
            emit(Done(f"{worker}-{number}", Phase.BUILD, worker, 0.0, 0, 0))

    stream = io.StringIO()
    with progress("json", stream) as emit:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    steps = [json.loads(line)["step"] for line in stream.getvalue().splitlines()]
    assert sorted(steps) == sorted(f"{worker}-{number}" for worker in range(4) for number in range(200))


@pytest.mark.parametrize("output", ["plain", "json"])
def test_a_reader_that_goes_away_does_not_stop_the_work(output):
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    with progress(output, stream) as emit:
        emit(Note("nobody reads this"))
        emit(Note("nor this"))
    with pytest.raises(BrokenPipeError):  # the buffer still has it
        stream.close()


def test_characters_that_the_stream_cannot_write_become_escapes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with progress("plain", stream) as emit:
        emit(Note("né"))
    assert raw.getvalue() == rb"note: n\xe9" + b"\n"
