"""The picture in the README: what the demo leaves on a terminal. `python -m benchmarks.sample` makes it again."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / ".github" / "demo.svg"
COMMAND = ["-m", "replicator", "demo"]
WIDTH = 84  # columns: those of the widest table


def main() -> None:
    """Run the demo, and draw its command and its results."""
    results = subprocess.run([sys.executable, *COMMAND], stdout=subprocess.PIPE, text=True, check=True).stdout
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, highlight=False, force_terminal=True)
        console.print(Text(f"$ python {' '.join(COMMAND)}", style="bold green"))
        for line in results.splitlines():
            heading = line.startswith(("phase ", "total ", "slowest ", "The copy is complete"))
            console.print(Text(line, style="bold" if heading else ""))
        PICTURE.write_text(console.export_svg(title="replicator demo", unique_id="demo"), "utf-8")


if __name__ == "__main__":
    main()
