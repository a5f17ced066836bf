"""`python -m replicator`, and the command `replicator`."""

import sys

INTERRUPTED = 130  # as errors.Interrupted, which may not be loaded yet


def main() -> None:
    """Run the command line and exit."""
    try:
        from replicator.cli import main as run  # takes a second, in which somebody may press Ctrl-C
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
