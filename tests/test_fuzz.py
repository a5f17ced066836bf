"""Random schemas arrive as they are: to the same version, a newer one, an older one.

`pytest -m fuzz` tries two hundred of them, the usual run of the tests the first ten. REPLICATOR_FUZZ_SEED is the first
seed; a failing one is named, with the file of its statements. `python -m tests.fuzz` makes it small.
"""

import os
from pathlib import Path

import pytest

from tests.fix_servers import Servers
from tests.fuzz.run import direction, dropped, faults_of_seed, make, replay, write

FEW, MANY = 10, 200


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count = MANY if metafunc.config.getoption("markexpr") == "fuzz" else FEW
        first = int(os.environ.get("REPLICATOR_FUZZ_SEED", "1"))
        metafunc.parametrize("seed", range(first, first + count))


@pytest.mark.fuzz
def test_a_random_schema_arrives(seed: int, servers: Servers, tmp_path: Path) -> None:
    old, new = direction(seed)
    verdict, maker = faults_of_seed(seed, old, new, servers)
    if verdict.faults:
        script = write(maker.script, tmp_path / f"{old}-{new}-{seed}.sql")
        pytest.fail(f"REPLICATOR_FUZZ_SEED={seed}, {old} to {new}, statements in {script}\n{verdict}")


def test_a_seed_makes_the_same_schema_again(servers: Servers) -> None:
    with dropped(servers, 18, 18, 18) as (one, same, again):
        script = make(one, 1).script
        assert make(same, 1).script == script
        assert len(script) > 100
        assert len(replay(again, script)) == len(script)
        assert one.dump() == same.dump() == again.dump()
