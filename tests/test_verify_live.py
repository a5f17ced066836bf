"""Verification while both servers live: tables grow, are rewritten, emptied or dropped while they are compared."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replicator import events
from replicator.comparing import Mismatch
from replicator.errors import StepFailed
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_cli import until
from tests.fix_servers import SOME, Database, fill

GROWN = """
CREATE TABLE t (a int PRIMARY KEY, b text);
CREATE TABLE without_key (b text);
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 4000) g;
INSERT INTO without_key SELECT b FROM t;
"""
GROW = """
INSERT INTO t SELECT last + g, md5(g::text) FROM (SELECT max(a) FROM t) AS of (last), generate_series(1, 3000) g;
INSERT INTO without_key SELECT b FROM t LIMIT 3000;
"""


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is big: read in many pieces of some blocks."""
    monkeypatch.setattr("replicator.comparing.PIECE_BYTES", 40_000)
    monkeypatch.setattr("replicator.comparing.fingerprint.CHUNK_BYTES", 10_000)


def after(
    step: str, act: Callable[[], object], seen: list[events.Event] | None = None
) -> Callable[[events.Event], None]:
    """Return an `emit` that acts whenever a step of this name is done."""

    def emit(event: events.Event) -> None:
        if seen is not None:
            seen.append(event)
        if isinstance(event, events.Done) and event.step.startswith(step):
            act()

    return emit


def compare(pair: tuple[Database, Database], emit: Callable[[events.Event], None], **options: object) -> list[Mismatch]:
    return verify_copy(Settings(*(database.dsn for database in pair), **{"jobs": 1, **options}), emit)


# Growing


@SOME
@pytest.mark.parametrize("side", [0, 1])
def test_a_table_that_grows_between_its_pieces_is_the_same(pair: tuple[Database, Database], side: int) -> None:
    fill(pair, GROWN)
    seen: list[events.Event] = []
    assert compare(pair, after("verify table public.", lambda: pair[side].run(GROW), seen)) == []
    pieces = [
        event for event in seen if isinstance(event, events.Done) and event.step.startswith("verify table public.t")
    ]
    assert len(pieces) > 3 or pair[0].major < 14
    assert pair[side].value("SELECT count(*) FROM t") > 4000


@SOME
def test_a_difference_in_a_table_that_grows_is_found_and_counted_right(pair: tuple[Database, Database]) -> None:
    fill(pair, GROWN)
    pair[1].run("DELETE FROM t WHERE a = 7; UPDATE without_key SET b = 'x' WHERE b = md5('8')")
    mismatches = compare(pair, after("verify table public.", lambda: pair[0].run(GROW)))
    assert [str(mismatch) for mismatch in mismatches] == [
        "table public.t: different: 4000 rows on the source, 3999 on the destination: 1 missing",
        "table public.without_key: different: 4000 rows on both sides, but not the same: 1 extra, 1 missing",
    ]


@SOME
@pytest.mark.parametrize("replace", [None, "swap"])
def test_a_clone_of_a_source_that_grows_is_verified(pair: tuple[Database, Database], replace: str | None) -> None:
    source, destination = pair
    source.run(GROWN)
    settings = Settings(source.dsn, destination.dsn, jobs=1, verify=True, replace=replace)
    seen: list[events.Event] = []
    clone(settings, after("verify table public.", lambda: source.run(GROW), seen))
    assert destination.value("SELECT count(*) FROM t") == 4000
    assert source.value("SELECT count(*) FROM t") > 4000
    assert any(isinstance(event, events.Done) and event.step.startswith("verify table") for event in seen)


@contextmanager
def heavily_written(source: Database, seed: int, writers: int = 3) -> Iterator[None]:
    """Insert, update and delete all the time, and vacuum."""
    print(f"seed {seed}")
    stopped = threading.Event()

    def write(number: int) -> None:
        chance = random.Random(seed + number)
        with psycopg.connect(source.dsn, autocommit=True) as conn:
            while not stopped.is_set():
                with suppress(psycopg.errors.DeadlockDetected):
                    match chance.randrange(5):
                        case 0:
                            conn.execute("UPDATE t SET b = 'u' || b WHERE a %% 97 = %s", [chance.randrange(97)])
                        case 1:
                            conn.execute("DELETE FROM t WHERE a %% 89 = %s", [chance.randrange(89)])
                        case 2 if number == 0:
                            conn.execute("VACUUM t, without_key")
                        case _:
                            conn.execute("INSERT INTO t SELECT (SELECT coalesce(max(a), 0) FROM t) + g, 'x' FROM"
                                         " generate_series(1, 500) g ON CONFLICT DO NOTHING")  # fmt: skip
                            conn.execute("INSERT INTO without_key SELECT 'y' FROM generate_series(1, 500)")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@pytest.mark.pg("in 15 18")
@pytest.mark.parametrize("replace", [None, "swap"])
def test_a_source_under_heavy_writes_is_cloned_and_verified(
    pair: tuple[Database, Database], replace: str | None
) -> None:
    source, destination = pair
    source.run(GROWN)
    with heavily_written(source, random.randrange(10**6)):
        settings = Settings(source.dsn, destination.dsn, jobs=3, verify=True, replace=replace)
        clone(settings, lambda event: None)
    assert destination.value("SELECT count(*) FROM t") > 0


# Rewritten, emptied, dropped


@SOME
def test_a_table_whose_rows_move_between_its_pieces_is_compared_again(pair: tuple[Database, Database]) -> None:
    fill(pair, GROWN)
    pair[1].run("DELETE FROM t WHERE a <= 3000; INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 3000) g")
    seen: list[events.Event] = []
    assert compare(pair, after("verify table public.t, part 1 of", lambda: pair[1].run("VACUUM FULL t"), seen)) == []
    again = [event.text for event in seen if isinstance(event, events.Note) and "rewritten" in event.text]
    assert again == ["table public.t: rewritten during the comparison; compared again: no difference."] or (
        pair[0].major < 14
    )


@pytest.mark.pg("in 15 18")
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE t",
        "ALTER TABLE t ADD c float DEFAULT random()",
        "ALTER TABLE t RENAME TO gone; CREATE TABLE t (a int PRIMARY KEY, b text)",
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_what_was_emptied_or_rewritten_is_no_difference(
    pair: tuple[Database, Database], side: int, statement: str
) -> None:
    fill(pair, GROWN)
    server = ("source", "destination")[side]
    with pytest.raises(StepFailed, match=f"truncated, rewritten or renamed on the {server} during the comparison"):
        compare(pair, after("verify table public.t, part 1 of", lambda: pair[side].run(statement)))


@SOME
@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE t", "ALTER TABLE t RENAME TO other", "ALTER TABLE t RENAME a TO c", "ALTER TABLE t SET SCHEMA gone"],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_table_that_is_gone_is_said_to_be_gone(pair: tuple[Database, Database], side: int, statement: str) -> None:
    fill(pair, GROWN + "CREATE SCHEMA gone")
    server = ("source", "destination")[side]

    def emit(event: events.Event) -> None:
        if isinstance(event, events.Planned):
            pair[side].run(statement)

    with pytest.raises(StepFailed) as raised:
        compare(pair, emit)
    assert str(raised.value).startswith("verify table public.t")
    assert f"failed: on the {server}: " in str(raised.value)
    assert "It was dropped, renamed or altered during the comparison." in str(raised.value)
    assert raised.value.hint == "Run `verify` again."


# Written to while it is repaired


SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, email text UNIQUE, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer ON DELETE CASCADE, v text);
CREATE TABLE log (what text);
INSERT INTO customer SELECT g, 'e' || g, 'n' FROM generate_series(1, 10) g;
INSERT INTO orders SELECT g, g, 'v' FROM generate_series(1, 10) g;
INSERT INTO log VALUES ('once'), ('once'), ('twice'), ('twice'), ('twice');
"""
WAITING = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE datname = %s AND NOT granted"


def told_of_rows(mismatches: list[Mismatch]) -> dict[str, tuple[str | None, bool]]:
    return {m.what.removeprefix("table public."): (m.repair, m.repaired) for m in mismatches if m.about == "rows"}


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_rows_that_change_while_the_repair_waits_for_the_table_are_left_alone(
    pair: tuple[Database, Database], isolation: str
) -> None:
    fill(pair, SHOP)
    for database in pair:
        database.run(f"ALTER DATABASE {database.name} SET default_transaction_isolation = '{isolation}'")
    pair[1].run("INSERT INTO customer VALUES (99, 'x', 'extra'); UPDATE customer SET name = 'stale' WHERE id IN (5, 6)")

    def commit() -> None:
        with psycopg.connect(pair[1].dsn, autocommit=True) as other:
            until(lambda: other.execute(WAITING, [pair[1].name]).fetchall() != [(0,)])
        conn.commit()

    with psycopg.connect(pair[1].dsn) as conn:
        conn.execute("UPDATE customer SET name = 'NEWER' WHERE id = 5; INSERT INTO orders VALUES (50, 99, 'of 99')")
        committing = threading.Thread(target=commit)
        committing.start()
        mismatches = compare(pair, lambda event: None, repair=True)
        committing.join()
    assert told_of_rows(mismatches) == {"customer": ("not repaired: 1 row was changed since the comparison", False)}
    others = pair[1].rows("SELECT id, name FROM customer WHERE name <> 'n' ORDER BY id")
    assert others == [(5, "NEWER"), (6, "stale"), (99, "extra")]
    assert pair[1].value("SELECT count(*) FROM orders JOIN customer c ON c.id = customer_id") == 11


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("superuser", [True, False])
def test_rows_that_are_right_meanwhile_are_repaired_and_not_doubled(
    pair: tuple[Database, Database], superuser: bool
) -> None:
    fill(pair, SHOP + "".join(f"ALTER TABLE {table} OWNER TO alice;" for table in ("customer", "orders", "log")))
    pair[1].run("""
        DELETE FROM orders; DELETE FROM customer WHERE id = 7; INSERT INTO customer VALUES (98, 'x', 'extra');
        UPDATE customer SET name = 'stale' WHERE id = 5; DELETE FROM log; INSERT INTO log VALUES ('gone')
    """)
    right = """
        INSERT INTO customer VALUES (7, 'e7', 'n'); DELETE FROM customer WHERE id = 98;
        UPDATE customer SET name = 'n' WHERE id = 5; DELETE FROM log; INSERT INTO log VALUES ('once'), ('once')
    """
    done = after("table public.log", lambda: pair[1].run(right))
    pair[0].run("ALTER ROLE alice LOGIN")
    try:
        dsns = [database.dsn if superuser else make_conninfo(database.dsn, user="alice") for database in pair]
        mismatches = verify_copy(Settings(*dsns, jobs=1, repair=True), done)
    finally:
        pair[0].run("ALTER ROLE alice NOLOGIN")
    assert told_of_rows(mismatches) == {
        "customer": ("repaired: 0 deleted, 0 copied", True),
        "orders": ("repaired: 0 deleted, 10 copied", True),
        "log": ("repaired: 0 deleted, 3 copied", True),
    }
    assert compare(pair, lambda event: None) == []


@pytest.mark.pg("in 18")
def test_of_equal_rows_no_more_are_deleted_than_are_too_many_now(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP)
    pair[1].run("INSERT INTO log VALUES ('once')")
    spoil = after("table public.log", lambda: pair[1].run("DELETE FROM log WHERE what = 'once'"))
    mismatches = compare(pair, spoil, repair=True)
    assert told_of_rows(mismatches) == {"log": ("not repaired: 1 row was changed since the comparison", False)}


@pytest.mark.pg("in 12 18")
def test_a_row_that_came_meanwhile_keeps_the_row_it_refers_to(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP)
    pair[1].run("INSERT INTO customer VALUES (99, 'x', 'extra'); UPDATE orders SET v = 'stale' WHERE id = 5")
    comes = after("table public.orders", lambda: pair[1].run("INSERT INTO orders SELECT 50, 99 ON CONFLICT DO NOTHING"))
    assert told_of_rows(compare(pair, comes, repair=True)) == {
        "customer": ("not repaired: public.orders refers to rows that would be deleted", False),
        "orders": ("repaired: 0 deleted, 1 copied, but rows differ again", False),
    }
    assert pair[1].value("SELECT count(*) FROM orders JOIN customer c ON c.id = customer_id") == 11
    assert [m.repaired for m in compare(pair, lambda event: None, repair=True)] == [True, True]


@pytest.mark.pg("in 12 18")
def test_what_refers_to_a_row_that_goes_meanwhile_is_not_copied(pair: tuple[Database, Database]) -> None:
    fill(pair, SHOP)
    pair[1].run("DELETE FROM orders WHERE id IN (4, 5); INSERT INTO customer VALUES (99, 'x', 'extra')")
    goes = after("table public.orders", lambda: pair[1].run("DELETE FROM customer WHERE id = 5"))
    assert told_of_rows(compare(pair, goes, repair=True)) == {
        "customer": ("repaired: 1 deleted, 0 copied, but rows differ again", False),
        "orders": ("not repaired: it would refer to rows that are missing in public.customer", False),
    }
    assert pair[1].value("SELECT count(*) FROM orders") == 8
    assert [m.repaired for m in compare(pair, lambda event: None, repair=True)] == [True, True]


# Sessions that end


END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name"
UNHEARD = "replicator.sessions.workers._ended"
"""Returning False, it lets the end of a session be heard only when the session is used."""


@SOME
@pytest.mark.parametrize("side", [0, 1])
def test_a_piece_whose_session_was_ended_is_compared_again(
    pair: tuple[Database, Database], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UNHEARD, lambda conn: False)
    fill(pair, GROWN)
    pair[1].run("DELETE FROM t WHERE a = 7")
    seen: list[events.Event] = []
    end_workers = after("verify table public.", lambda: pair[side].rows(f"{END} LIKE 'replicator worker%'"), seen)
    (mismatch,) = compare(pair, end_workers)
    assert mismatch.how.endswith("3999 on the destination: 1 missing")
    retried = [event for event in seen if isinstance(event, events.Retried)]
    server = ("source", "destination")[side]
    assert retried and all(f"on the {server}" in event.reason for event in retried)
    assert any(event.step == "table public.t" for event in retried)  # the search, after the last piece


@pytest.mark.pg("in 18")
def test_without_time_for_it_nothing_is_tried_again(
    pair: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UNHEARD, lambda conn: False)
    fill(pair, GROWN)
    end_workers = after("verify table public.", lambda: pair[0].rows(f"{END} LIKE 'replicator worker%'"))
    with pytest.raises(StepFailed, match="on the source: "):
        compare(pair, end_workers, retry_seconds=0)


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("side", [0, 1])
def test_one_holder_of_a_snapshot_may_end(pair: tuple[Database, Database], side: int) -> None:
    fill(pair, GROWN)
    end_holder = after(
        "verify table public.",
        lambda: pair[side].rows(f"{END} = 'replicator snapshot' ORDER BY backend_start LIMIT 1"),
    )
    assert compare(pair, end_holder) == []


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("side", [0, 1])
def test_a_snapshot_that_is_lost_ends_the_verification(pair: tuple[Database, Database], side: int) -> None:
    fill(pair, GROWN)
    end_holders = after("verify table public.", lambda: pair[side].rows(f"{END} = 'replicator snapshot'"))
    with pytest.raises(StepFailed) as raised:
        compare(pair, end_holders)
    server = ("source", "destination")[side]
    assert f"Lost all sessions that held the snapshot of the {server}" in str(raised.value)
    assert raised.value.hint == "Run `verify` again."
    assert raised.value.exit_code == 6


@pytest.mark.pg("in 12 18")
def test_sessions_of_both_sides_may_end_at_any_time(pair: tuple[Database, Database]) -> None:
    fill(pair, GROWN)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    stopped = threading.Event()
    ended: list[tuple] = []

    def end_some() -> None:
        which = f"{END} LIKE 'replicator worker%%' AND pid %% 2 = %s"
        with (
            psycopg.connect(pair[0].dsn, autocommit=True) as one,
            psycopg.connect(pair[1].dsn, autocommit=True) as other,
        ):
            while len(ended) < 8 and not stopped.is_set():
                ended.extend(chance.choice((one, other)).execute(which, [chance.randrange(2)]).fetchall())
                stopped.wait(chance.uniform(0.05, 0.3))

    thread = threading.Thread(target=end_some)
    thread.start()
    try:
        while thread.is_alive():  # one comparison may be over before any session is met
            assert compare(pair, lambda event: None, jobs=3) == []
    finally:
        stopped.set()
        thread.join()
    assert ended
