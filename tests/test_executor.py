import itertools
import random
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from replicator.errors import StepFailed
from replicator.events import Done, Failed, Started
from replicator.model import Address, CopyTable, Execute, Lock, Outcome, Part, Phase, Step, Table
from replicator.work import executor
from replicator.work.executor import BATCH_STEPS, LEAST_BYTES, LEAST_STEPS, SMALL_BYTES, SMALL_STEPS, execute

A, B = Address(1259, 1), Address(1259, 2)
WAIT = 5.0  # seconds; nothing waits so long but a test that fails


def step(name, *needs, cost=1, phase=Phase.BUILD, **locks):
    """Return a step that is too large to go with others; a small one where it costs nothing."""
    taken = {{"a": A, "b": B}[table]: lock for table, lock in locks.items()}
    return Step(name, phase, Execute(("SELECT",)), frozenset(needs), cost * (SMALL_BYTES + 1), taken)


def small(name, *needs, phase=Phase.BUILD, **locks):
    return step(name, *needs, cost=0, phase=phase, **locks)


class Run:
    """What the workers do: write down when each batch began and ended, and what its `action` says."""

    def __init__(self, action=lambda step: None):
        self.action = action
        self.log = []
        self.batches = []
        self.workers = set()
        self.events = []
        self.cancels = 0
        self.cancelled = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, batch, worker):
        names = [step.name for step in batch]
        with self._lock:
            assert worker not in self.workers, "two batches at once for one worker"
            self.workers.add(worker)
            self.batches.append(names)
            self.log.append(("begin", names))
        try:
            for member in batch:
                self.action(member)
        finally:
            with self._lock:
                self.workers.discard(worker)
                self.log.append(("end", names))
        return {name: Outcome(0.5, 3, 7) for name in names}

    def cancel(self):
        self.cancels += 1
        self.cancelled.set()

    def execute(self, steps, jobs=4, emit=None, **options):
        emit = emit or self.events.append
        return execute(steps, self, jobs=jobs, emit=emit, cancel=self.cancel, **options)

    def order(self):
        return [name for names in self.batches for name in names]

    def reported(self, kind):
        return [event.step for event in self.events if isinstance(event, kind)]

    def most_at_once(self):
        running = most = 0
        for what, _ in self.log:
            running += 1 if what == "begin" else -1
            most = max(most, running)
        return most


def fail_on(*names):
    def action(step):
        if step.name in names:
            raise StepFailed(step.name, "it was told to")

    return action


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(executor, "CANCEL_AGAIN_SECONDS", 0.005)


def test_nothing_to_do_is_done_at_once():
    assert Run().execute([]) == {}


def test_every_step_is_done_once():
    run = Run()
    assert run.execute([step("x"), step("y", "x"), step("z")]) == {}
    assert sorted(run.order()) == ["x", "y", "z"]
    assert run.cancels == 0


@pytest.mark.parametrize("smallest", [0, 8])
def test_no_step_begins_before_all_that_it_needs_has_ended(smallest):
    rng = random.Random(1)
    steps = []
    for number in range(400):
        needs = {f"s{rng.randrange(number)}" for _ in range(rng.randint(0, 3))} if number else set()
        phase = rng.choice([Phase.SCHEMA, Phase.DATA, Phase.BUILD, Phase.FINISH])
        steps.append(step(f"s{number}", *needs, cost=rng.randrange(smallest, 9), phase=phase))
    run = Run(lambda step: time.sleep(rng.choice([0, 0, 0.0005])))
    assert run.execute(steps, jobs=8) == {}
    assert len(run.order()) == len(steps)
    needs = {step.name: step.needs for step in steps}
    ended = set()
    for what, names in run.log:
        if what == "end":
            ended.update(names)
            continue
        done = set(ended)
        for name in names:  # a batch is done in its order
            assert needs[name] <= done, name
            done.add(name)
    assert sorted(run.order()) == sorted(needs)


def test_steps_that_nothing_keeps_apart_run_at_once_on_all_workers():
    together = threading.Barrier(4, timeout=WAIT)
    run = Run(lambda step: together.wait())
    run.execute([step(str(n)) for n in range(4)])
    assert {event.worker for event in run.events if isinstance(event, Started)} == {0, 1, 2, 3}


def test_no_more_steps_run_at_once_than_there_are_jobs():
    run = Run(lambda step: time.sleep(0.001))
    run.execute([step(str(n)) for n in range(30)], jobs=3)
    assert run.most_at_once() == 3
    assert {event.worker for event in run.events} == {0, 1, 2}


def test_a_lane_has_no_more_steps_at_once_than_it_may_and_the_others_go_on():
    steps = [step(str(n), cost=9, phase=Phase.BUILD) for n in range(4)]
    steps += [step("d", cost=1, phase=Phase.DATA), step("e", cost=1, phase=Phase.DATA)]
    together = threading.Barrier(3, timeout=WAIT)
    run = Run(lambda step: together.wait() if step.name in "01d" else None)
    run.execute(steps, jobs=5, lanes={"index": 2, "copy": 1})
    running = {"index": 0, "copy": 0}
    most = dict(running)
    for what, (name,) in run.log:
        lane = "copy" if name in "de" else "index"
        running[lane] += 1 if what == "begin" else -1
        most[lane] = max(most[lane], running[lane])
    assert most == {"index": 2, "copy": 1}
    assert run.most_at_once() == 3


def test_the_longest_chain_comes_first():
    run = Run()
    run.execute(
        [step("small", cost=1), step("big", cost=5), step("head", cost=2), step("tail", "head", cost=4)], jobs=1
    )
    assert run.order() == ["head", "big", "tail", "small"]


def test_among_equals_the_order_of_the_plan_decides():
    run = Run()
    run.execute([step(name, cost=1) for name in "zxyw"], jobs=1)
    assert run.order() == list("zxyw")


def test_shared_locks_are_held_together():
    together = threading.Barrier(2, timeout=WAIT)
    run = Run(lambda step: together.wait())
    run.execute([step("i", a=Lock.SHARED), step("j", a=Lock.SHARED, b=Lock.SHARED)])
    assert run.most_at_once() == 2


def test_exclusive_locks_on_different_tables_are_held_together():
    together = threading.Barrier(2, timeout=WAIT)
    Run(lambda step: together.wait()).execute([step("i", a=Lock.EXCLUSIVE), step("j", b=Lock.EXCLUSIVE)])


@pytest.mark.parametrize("smallest", [0, 1])
def test_no_two_batches_hold_locks_that_exclude_one_another(smallest):
    rng = random.Random(2)
    kinds = [None, Lock.SHARED, Lock.EXCLUSIVE]
    steps = []
    for number in range(150):
        locks = {table: lock for table in "ab" if (lock := rng.choice(kinds))}
        needs = {str(rng.randrange(number))} if number and rng.random() < 0.5 else set()
        steps.append(step(str(number), *needs, cost=rng.randrange(smallest, 5), **locks))
    run = Run(lambda step: time.sleep(rng.choice([0, 0.0005])))
    run.execute(steps, jobs=6)
    locks = {step.name: step.locks for step in steps}
    held = []
    for what, names in run.log:
        if what == "end":
            held.remove(names)
            continue
        for name, other in itertools.product(names, itertools.chain(*held)):
            for table in locks[name].keys() & locks[other].keys():
                assert {locks[name][table], locks[other][table]} == {Lock.SHARED}, f"{name} beside {other}"
        held.append(names)
    assert run.most_at_once() > 1
    assert (max(map(len, run.batches)) > 1) == (smallest == 0)


def test_small_steps_go_together_each_worker_has_its_share():
    tables = [small(f"t{n}", phase=Phase.DATA) for n in range(24)]
    run = Run(lambda step: time.sleep(0.01))
    run.execute(tables, jobs=2)
    assert [len(names) for names in run.batches] == [12, LEAST_STEPS, 4]
    sized = Run()
    sized.execute([replace(table, cost=LEAST_BYTES // 2) for table in tables[:6]], jobs=3)
    assert [len(names) for names in sized.batches] == [2, 2, 2]
    more = Run()
    more.execute([small(f"t{n}", phase=Phase.DATA) for n in range(SMALL_STEPS + 1)], jobs=1)
    assert [len(names) for names in more.batches] == [SMALL_STEPS, 1]


def test_small_tables_go_with_what_is_built_upon_them():
    a, b = (small(name, phase=Phase.DATA, **{name: Lock.EXCLUSIVE}) for name in "ab")
    large = step("large", phase=Phase.DATA)
    steps = [a, b, large, small("pa", "a", a=Lock.EXCLUSIVE), small("pb", "b", b=Lock.EXCLUSIVE)]
    steps += [small("fk", "pa", "pb", a=Lock.EXCLUSIVE, b=Lock.EXCLUSIVE), small("later", "fk", "large"),
              step("big index", "large")]  # fmt: skip
    run = Run()
    run.execute(steps, jobs=1)
    assert run.batches == [["large"], ["big index"], ["a", "b", "pa", "pb", "fk", "later"]]


def test_what_is_tried_in_rounds_and_what_a_lane_has_no_room_for_goes_alone():
    rounds = [replace(small(name, phase=Phase.DATA), rounds=True) for name in "xy"]
    run = Run()
    run.execute([*rounds, replace(small("z", "x"), rounds=True)], jobs=1)
    assert [len(names) for names in run.batches] == [1, 1, 1]
    run = Run()
    run.execute([small("t", phase=Phase.DATA), small("i", "t"), small("j", "t")], jobs=4, lanes={"index": 1})
    assert run.batches == [["t"], ["i", "j"]]


def test_what_comes_after_a_gate_does_not_go_with_the_rows():
    gate = replace(small("gate", "t"), work=Execute(()))
    run = Run()
    run.execute([small("t", phase=Phase.DATA), small("plain", "t"), gate, small("code", "gate")], jobs=1)
    assert run.batches == [["t", "plain"], ["gate", "code"]]


def test_small_steps_go_one_by_one_where_that_is_wanted():
    run = Run()
    run.execute([small(f"t{n}", phase=Phase.DATA) for n in range(3)], jobs=1, together=False)
    assert run.batches == [["t0"], ["t1"], ["t2"]]


def test_parts_of_a_table_go_one_by_one():
    table = Table(A, "public.t", "public", (), 2, 0, None)
    parts = [
        CopyTable(table, table.reading, table.target, binary=True, part=Part(n, 2, None, None, None)) for n in (1, 2)
    ]
    run = Run()
    run.execute([replace(small(f"part {work.part.number}", phase=Phase.DATA), work=work) for work in parts], jobs=1)
    assert [len(names) for names in run.batches] == [1, 1]


def test_small_steps_that_build_on_a_refused_one_are_not_tried():
    run = Refusing(lambda name, done: name == "index")
    steps = [small("index"), replace(small("key", "index"), builds_on=frozenset({"index"})), small("other")]
    assert sorted(run.execute(steps, jobs=1)) == ["index", "key"]
    assert run.done == {"other"}


def test_a_step_whose_lock_is_taken_lets_others_pass():
    passed = threading.Event()

    def action(step):
        if step.name == "first":
            assert passed.wait(WAIT)
        elif step.name == "cheap":
            passed.set()

    run = Run(action)
    run.execute([step("first", cost=9, a=Lock.EXCLUSIVE), step("second", cost=8, a=Lock.SHARED), step("cheap")], jobs=2)
    assert run.order() == ["first", "cheap", "second"]


@pytest.mark.parametrize("phase", [Phase.SCHEMA, Phase.FINISH])
def test_a_chain_of_small_steps_goes_in_batches_in_its_order(phase):
    total = 2 * BATCH_STEPS + 50
    chain = [step(f"s{n}", *([f"s{n - 1}"] if n else []), phase=phase) for n in range(total)]
    run = Run()
    run.execute(chain)
    assert run.order() == [step.name for step in chain]
    assert [len(names) for names in run.batches] == [BATCH_STEPS, BATCH_STEPS, 50]


def test_steps_of_other_phases_go_one_by_one():
    run = Run()
    run.execute([step("x", phase=Phase.DATA), step("y", "x", phase=Phase.DATA)])
    assert run.batches == [["x"], ["y"]]


def test_a_batch_ends_where_the_phase_does():
    run = Run()
    run.execute([step("x", phase=Phase.SCHEMA), step("y", "x", phase=Phase.DATA), step("z", "y", phase=Phase.FINISH)])
    assert run.batches == [["x"], ["y"], ["z"]]


def test_a_batch_leaves_out_what_waits_for_something_else():
    run = Run()
    run.execute(
        [step("x", phase=Phase.SCHEMA), step("data", phase=Phase.DATA), step("y", "x", "data", phase=Phase.SCHEMA)]
    )
    assert ["x"] in run.batches
    assert run.batches[-1] == ["y"]


def test_a_step_that_needs_two_others_of_its_batch_is_in_it_once():
    run = Run()
    small = Phase.SCHEMA
    run.execute([step("x", phase=small), step("l", "x", phase=small), step("r", "x", phase=small),
                 step("end", "l", "r", phase=small)])  # fmt: skip
    assert run.batches == [["x", "l", "r", "end"]]


def test_only_one_batch_of_small_steps_runs_at_a_time():
    run = Run(lambda step: time.sleep(0.001))
    run.execute([step(str(n), phase=random.Random(n).choice([Phase.SCHEMA, Phase.FINISH])) for n in range(20)], jobs=4)
    assert run.most_at_once() == 1


def test_a_batch_is_announced_by_its_first_step_and_each_step_is_reported_done():
    run = Run()
    run.execute([step("x", phase=Phase.SCHEMA, cost=2), step("y", "x", phase=Phase.SCHEMA)])
    assert run.events == [
        Started("x", Phase.SCHEMA, 0, 0),
        Done("x", Phase.SCHEMA, 0, 0.5, 3, 7),
        Done("y", Phase.SCHEMA, 0, 0.5, 3, 7),
    ]


def test_the_first_failure_is_raised_and_nothing_begins_after_it():
    run = Run(fail_on("bad"))
    with pytest.raises(StepFailed, match="bad failed: it was told to"):
        run.execute([step("bad", cost=9), step("after", "bad"), step("later")], jobs=1)
    assert run.order() == ["bad"]
    assert run.events == [Started("bad", Phase.BUILD, 0, 0), Failed("bad", Phase.BUILD, 0, "it was told to")]


def test_a_failure_in_a_batch_leaves_none_of_it_done():
    run = Run(fail_on("y"))
    with pytest.raises(StepFailed):
        run.execute([step("x", phase=Phase.SCHEMA), step("y", "x", phase=Phase.SCHEMA)])
    assert run.reported(Done) == []
    assert run.reported(Failed) == ["y"]


def test_the_others_are_cancelled_until_they_come_home():
    busy = threading.Event()

    def action(step):
        if step.name == "bad":
            assert busy.wait(WAIT)
            raise StepFailed("bad", "first")
        busy.set()
        deadline = time.monotonic() + WAIT
        while run.cancels < 3 and time.monotonic() < deadline:  # two cancels come at the wrong moment
            time.sleep(0.001)
        raise StepFailed(step.name, "cancelled")

    run = Run(action)
    with pytest.raises(StepFailed, match="bad failed: first"):
        run.execute([step("slow", cost=5), step("bad", cost=4), step("never", "slow")], jobs=2)
    assert run.cancels >= 3
    assert run.reported(Done) == []
    assert run.reported(Failed) == ["bad"]
    assert run.workers == set()
    assert "never" not in run.order()


def test_any_other_exception_of_a_worker_cancels_too():
    def action(step):
        if step.name == "slow":
            assert run.cancelled.wait(WAIT)
        else:
            raise ZeroDivisionError

    run = Run(action)
    with pytest.raises(ZeroDivisionError):
        run.execute([step("slow"), step("bad")])
    assert run.cancelled.is_set()
    assert run.workers == set()


@pytest.mark.parametrize("moment", [Started, Done])
def test_an_interrupt_of_the_main_thread_cancels_and_waits_for_the_workers(moment):
    def emit(event):
        if isinstance(event, moment) and event.step == "quick":
            raise KeyboardInterrupt

    def action(step):
        if step.name == "slow":
            assert run.cancelled.wait(WAIT)

    run = Run(action)
    with pytest.raises(KeyboardInterrupt):
        run.execute([step("slow", cost=5), step("quick", cost=4), step("after", "quick")], jobs=2, emit=emit)
    assert run.cancels >= 1
    assert run.workers == set()
    assert "after" not in run.order()


def test_what_was_committed_beside_a_failure_is_reported_done():
    """What is in the journal is to be in the report, even if the scheduler looks at the failure first."""

    def action(step):
        if step.name != "quick":
            assert ending.wait(WAIT)
        if step.name == "bad":
            raise StepFailed(step.name, "told to")

    def emit(event):
        run.events.append(event)
        if event == Done("quick", Phase.BUILD, 0, 0.5, 3, 7):
            ending.set()
            time.sleep(0.01)  # all others have ended when the scheduler looks again

    for _ in range(4):  # in which order it looks is not known
        ending = threading.Event()
        run = Run(action)
        with pytest.raises(StepFailed):
            run.execute([step(name) for name in ("quick", "a", "b", "bad", "c")], jobs=5, emit=emit)
        assert sorted(run.reported(Done)) == ["a", "b", "c", "quick"]


@pytest.mark.parametrize("jobs", [1, 4])
def test_steps_that_wait_for_one_another_are_an_error_and_not_a_hang(jobs):
    with pytest.raises(AssertionError, match="wait for one another"):
        Run().execute([step("x", "y"), step("y", "x"), step("fine")], jobs=jobs)


def test_a_need_that_is_no_step_is_an_error_and_not_a_hang():
    with pytest.raises((AssertionError, KeyError)):
        Run().execute([step("x", "nobody")])


class Refusing(Run):
    """Workers whose destination refuses a step as long as `refuses` says so of it and of those that are done."""

    def __init__(self, refuses):
        super().__init__()
        self.done = set()
        self.refuses = refuses

    def __call__(self, batch, worker):
        outcomes = super().__call__(batch, worker)
        refused = set()
        for member in batch:
            if error := executor.blocked(member, refused):
                outcomes[member.name] = error
                refused.add(member.name)
            elif self.refuses(member.name, self.done):
                outcomes[member.name] = StepFailed(member.name, "refused")
                refused.add(member.name)
            else:
                self.done.add(member.name)
        return outcomes


def building(name, *needs, **more):
    return replace(step(name, *needs, **more), builds_on=frozenset(needs))


def test_what_builds_on_a_refused_step_is_not_tried_and_all_else_is_done():
    run = Refusing(lambda name, done: name == "index")
    steps = [
        step("index"),
        step("other"),
        building("key", "index"),
        building("comment", "key"),
        step("after", "index", "comment"),
    ]
    refused = run.execute(steps)
    assert sorted(refused) == ["comment", "index", "key"]
    assert run.done == {"other", "after"}
    assert "it depends on key" in refused["comment"].reason
    assert sorted(run.order()) == ["after", "index", "other"]
    assert sorted(e.step for e in run.events if isinstance(e, Failed)) == ["comment", "index", "key"]


def test_what_builds_on_an_optional_step_is_done_without_it():
    run = Refusing(lambda name, done: name == "refresh")
    refused = run.execute([replace(step("refresh"), optional=True), building("index", "refresh")])
    assert list(refused) == ["refresh"]
    assert run.done == {"index"}
    assert not [event for event in run.events if isinstance(event, Failed)]


def test_a_long_chain_that_builds_on_a_refused_step_is_passed_over():
    steps = [step("s0", phase=Phase.FINISH)]
    for number in range(1, 5000):
        steps.append(building(f"s{number}", f"s{number - 1}", phase=Phase.FINISH))
    assert len(Refusing(lambda name, done: name == "s0").execute(steps)) == 5000


@pytest.mark.parametrize("jobs", [1, 3])
def test_in_rounds_a_step_is_tried_again_when_another_one_is_done(jobs):
    names = [f"s{number}" for number in range(12)]  # each lacks the one after it
    wants = dict(pairwise(names))
    run = Refusing(lambda name, done: wants.get(name, "gate") not in done)
    steps = [step("gate"), *(replace(step(name, "gate"), rounds=True) for name in names)]
    run.done.add("gate")
    assert run.execute(steps, jobs=jobs) == {}
    assert run.done == {"gate", *names}
    assert not [event for event in run.events if isinstance(event, Failed)]


def test_in_rounds_the_order_is_no_more_than_a_guess():
    """The second was to come after the first, which lacks it."""
    run = Refusing(lambda name, done: name == "first" and "second" not in done)
    steps = [replace(step("first"), rounds=True), replace(step("second", "first"), rounds=True), step("then", "first")]
    assert run.execute(steps) == {}
    assert run.order().index("then") > len(run.order()) - 2


def test_rounds_without_progress_end():
    run = Refusing(lambda name, done: name in "ab")
    steps = [*(replace(step(name), rounds=True) for name in "abc"), building("index", "a"), step("rest", "a", "b")]
    assert sorted(run.execute(steps)) == ["a", "b", "index"]
    assert run.done == {"c", "rest"}
    assert run.order().count("a") <= 3


def test_what_builds_on_a_step_that_was_put_aside_does_not_keep_it_waiting():
    """It is in rounds itself, and never tried."""
    run = Refusing(lambda name, done: name == "view")
    reader = replace(building("reader", "view"), rounds=True)
    steps = [replace(step("view"), rounds=True), reader, step("last", "reader")]
    assert sorted(run.execute(steps)) == ["reader", "view"]
    assert run.done == {"last"}
