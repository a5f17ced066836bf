"""What is reported while it happens. The library emits events; progress and report turn them into words."""

from collections.abc import Callable
from dataclasses import dataclass

from replicator.model import Phase


@dataclass(frozen=True, slots=True)
class Waiting:
    """An attempt to connect failed; the next follows in `delay` seconds."""

    server: str
    where: str
    attempt: int
    attempts: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A server answered."""

    server: str
    where: str
    version: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know that stops nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made; `steps` counts the steps by phase, `bytes` is what the DATA and LARGE_OBJECTS phases hold."""

    steps: dict[Phase, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker (0, 1, …) began a step. `bytes` is the expected amount, 0 where there is none."""

    step: str
    phase: Phase
    worker: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Moved:
    """So many more bytes of a step have been moved since its last Moved."""

    step: str
    phase: Phase
    worker: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """A step is finished and committed."""

    step: str
    phase: Phase
    worker: int
    seconds: float
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A step failed; `reason` is one line."""

    step: str
    phase: Phase
    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole command is over."""

    ok: bool
    seconds: float


Event = Waiting | Ready | Note | Planned | Started | Moved | Done | Failed | Finished
Emit = Callable[[Event], None]
