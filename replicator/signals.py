"""The signals that end a command: Ctrl-C, SIGTERM, and SIGHUP of a closed terminal."""

import signal
from types import FrameType

ENDING = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]

_deaf = False


def catch() -> None:
    """Let each raise KeyboardInterrupt, as Ctrl-C does: no `except Exception` takes that for a failure."""
    global _deaf
    _deaf = False
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and a shell's background jobs want it
            signal.signal(number, _interrupt)


def ignore() -> None:
    """Let none of them change how the command ends: that is decided, and about to be told."""
    global _deaf
    _deaf = True  # at once; signal.signal runs the handler for one that came before
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)  # Python's own end would give a handled signal back its deadly default
    exec("")  # Python forgets one that passed a dataclass's `exec`: else its own end would be one by SIGINT


def block() -> None:
    """Hold them back, even across the start of another program in this process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


def unblock() -> None:
    """Take those that were held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _deaf:
        return
    name = signal.Signals(number).name
    raise KeyboardInterrupt(*(() if name == "SIGINT" else (f"Ended by {name}.",)))
