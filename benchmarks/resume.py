"""`python -m benchmarks.resume`: the cost of finishing a clone that was killed half way, against a whole clone.

Times a whole run; kills the next one with SIGKILL after half of that time, while another process holds its snapshot
(`--hold-snapshot`), and finishes it with `--resume`. Medians of several rounds; every copy is verified.
"""

import shlex
import statistics
import subprocess
import sys
import time

import click

from benchmarks.database import SCENARIOS, Pair, filled
from replicator.demo.server import embedded_bin

CLONE = [sys.executable, "-m", "replicator", "clone", "--output", "plain"]
VERIFY = [sys.executable, "-m", "replicator", "verify", "--output", "plain"]


@click.command(help=__doc__)
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), default="mixed", show_default=True)
@click.option("--scale", default=1.0, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--options", default="", help="Further options of `clone`, for all runs.")
def main(scenario: str, scale: float, rounds: int, options: str) -> None:
    """Measure and print the medians."""
    whole, rest = [], []
    clone = [*CLONE, *shlex.split(options)]
    with filled(scenario, scale, embedded_bin(), embedded_bin()) as pair:
        for _ in range(rounds):
            pair.renew()
            whole.append(timed(pair, clone))
            pair.renew()
            with subprocess.Popen([*clone, "--hold-snapshot", *ends(pair)], stderr=subprocess.DEVNULL) as process:
                time.sleep(whole[-1] / 2)
                process.kill()
            rest.append(timed(pair, [*clone, "--resume"]))
            timed(pair, VERIFY)
    ratio = statistics.median(r / w for r, w in zip(rest, whole, strict=True))
    click.echo(f"whole {statistics.median(whole):.1f} s, resumed {statistics.median(rest):.1f} s, ratio {ratio:.2f}")


def ends(pair: Pair) -> list[str]:
    """Return the options that name both databases."""
    return ["--source", pair.url("source"), "--destination", pair.url("destination")]


def timed(pair: Pair, command: list[str]) -> float:
    """Run a command and return its seconds. Raises CalledProcessError if it fails."""
    began = time.monotonic()
    subprocess.run([*command, *ends(pair)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
