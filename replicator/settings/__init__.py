"""The options of a run, in groups. Each group validates its own options.

`Settings` inherits from all groups; a function that needs one group takes that group.
The command line fills them from flags, environment and file. Flags are named like fields, except those in `FLAGS`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, Literal, get_type_hints

from replicator.errors import UsageError
from replicator.model import Deferral, Format, Statistics
from replicator.settings.choice import Choice
from replicator.settings.conninfo import check_conninfo
from replicator.settings.definition import Definition
from replicator.settings.mask_key import check_key, fingerprint
from replicator.settings.values import CONNINFO, checked

MOST_DEFAULT_JOBS = 8


def default_jobs() -> int:
    """Return the number of processors that this process may use, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, MOST_DEFAULT_JOBS)


@dataclass(frozen=True)
class Servers:
    """Both databases, as conninfo strings or URLs, and how to reach them. Delays are seconds."""

    source: str = field(repr=False)
    destination: str = field(repr=False)
    wait_attempts: int = field(default=5, kw_only=True)
    wait_delay: float = field(default=5.0, kw_only=True)
    stall_seconds: float = field(default=300.0, kw_only=True)
    """How long a server may be silent before a second connection checks it."""
    retry_seconds: float = field(default=600.0, kw_only=True)
    """How long a step is retried after transient errors, counted from its first failure."""
    lock_timeout: float = field(default=0.0, kw_only=True)
    """How many seconds to wait for a lock on the source's tables; 0: no limit."""
    source_encoding: str | None = field(default=None, kw_only=True)
    """The encoding of the bytes of a SQL_ASCII source."""
    allow_unknown_version: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, kw_only=True)
class Content(Choice):
    """Which objects and rows of the source are copied and compared."""

    owners: bool = True
    privileges: bool = True
    tablespaces: bool = True
    unlogged_rows: bool = True
    large_objects: bool = True
    comments: bool = True
    security_labels: bool = True
    publications: bool = True
    subscriptions: bool = True
    event_triggers: bool = True
    database_settings: bool = True
    thaw: bool = False
    """Do not copy the settings that freeze the source for a move."""
    exclude_extension: tuple[str, ...] = ()
    """Patterns of names: see catalog/patterns.py."""
    roles: bool = False
    """Create the roles that the destination does not have."""
    create: bool = False
    """Create the destination database if it does not exist."""
    create_tablespaces: bool = False
    downgrade: bool = False
    """Skip what the destination's version does not support."""
    skip_unprivileged: bool = False
    """Skip what the destination's role may not create."""
    load_via_partition_root: bool = False
    definition: Definition = field(default_factory=Definition)
    """Which rows, columns, values and names. Dictionaries are read as `Definition.of` does."""
    mask_key: str | None = field(default=None, repr=False)
    """The key of the masks in the definition. It is sent to the source only, and shown and stored nowhere."""
    require_mask_review: bool = False
    """Refuse while columns that look personal are neither masked nor `plain` in the definition."""
    unmasked_large_objects: bool = False
    """Copy large objects although values are masked."""
    as_of: str | None = None
    """What now() means in the definition, in ISO format; None: when the run begins."""

    @property
    def mask_fingerprint(self) -> str:
        """What tells the key of the masks from others; "" without one."""
        return fingerprint(self.mask_key)

    @property
    def reads_large_objects(self) -> bool:
        """Whether large objects are copied: no pattern names them."""
        return self.large_objects and not self.partial and self.has("data")

    def _check(self) -> None:
        Choice._check(self)
        if self.thaw and not self.database_settings:
            raise UsageError("`thaw` and `database_settings` exclude each other: no setting is copied anyway.")
        if self.mask_key is not None:
            check_key(self.mask_key)
        try:
            known = self.as_of is None or datetime.fromisoformat(self.as_of).utcoffset() is not None
        except ValueError:
            known = False
        if not known:
            raise UsageError(f"`as_of` takes a time with its offset, as 2026-11-30T18:00:00+00:00, not {self.as_of!r}.")


@dataclass(frozen=True, kw_only=True)
class Copying:
    """How the copy is made: workers, formats, and what may fail. Rates are bytes a second, sizes bytes."""

    jobs: int = field(default_factory=default_jobs)
    copy_jobs: int | None = None
    index_jobs: int | None = None
    relay: bool = True
    format: Format = Format.AUTO
    split_larger_than: int | None = None
    """0: split no table. None: split tables that would keep one worker busy while the others are idle."""
    max_rate: int | None = None
    maintenance_work_mem: int | None = None
    """For each session that builds indexes. None: chosen for each index."""
    statistics: Statistics | None = None
    """None: transfer if the destination supports it, else analyze."""
    toast_compression: str | None = None
    skip_failed_refresh: bool = False
    foreign_keys: Literal["not-valid"] | None = None
    """What to do with foreign keys that the rows violate."""
    defer_validation: bool = False
    defer_indexes: bool = False
    """Leave this work to `validate`: see planning/deferred.py."""
    resume: Literal["no", "same-snapshot", "per-table"] = "no"
    hold_snapshot_seconds: float = 0.0

    @property
    def lanes(self) -> dict[str, int]:
        """The limit of parallel steps that copy rows, and of those that build indexes and the like."""
        return {"copy": self.copy_jobs or self.jobs, "index": self.index_jobs or self.jobs}

    @property
    def deferral(self) -> Deferral:
        """What is deferred until the copy is in use."""
        return Deferral(self.defer_validation, self.defer_indexes)

    @property
    def workers(self) -> int:
        """How many steps run in parallel: enough to fill every lane with a limit of its own."""
        return max(self.jobs, (self.copy_jobs or 0) + (self.index_jobs or 0))


@dataclass(frozen=True, kw_only=True)
class Existing:
    """What happens to existing objects and rows on the destination."""

    replace: Literal["swap", "drop"] | None = None
    keep_previous: int | Literal["all"] = 0
    """With `replace="swap"`: how many of the replaced databases stay; older ones that a number kept are dropped."""
    allow_empty: bool = False
    data_only: bool = False
    truncate: bool = False
    append: bool = False
    upsert: bool = False
    """Replace the rows whose keys exist, add the others."""
    allow_narrower_types: bool = False

    def _check(self) -> None:
        _exclusive(
            self, "replace", "data_only", "either the rows of an existing schema are copied, or everything is replaced"
        )
        _exclusive(self, "truncate", "append", "existing rows are either removed or kept")
        _exclusive(self, "truncate", "upsert", "existing rows are either removed or replaced by their keys")
        _exclusive(self, "append", "upsert", "rows whose keys exist are either an error or replaced")
        for one, needed, wanted in (
            ("keep_previous", "`replace=swap`", self.replace == "swap"),
            ("allow_empty", "`replace` or `truncate`", self.replace is not None or self.truncate),
            *((name, "`data_only`", self.data_only) for name in ROWS_ONLY),
        ):
            if getattr(self, one) and not wanted:
                raise UsageError(f"`{one}` needs {needed}.")


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """Whether the databases are compared, and whether differing rows are repaired."""

    verify: bool = False
    show_rows: int = 10
    repair: bool = False


@dataclass(frozen=True)
class Settings(Comparing, Existing, Copying, Content, Servers):
    """All options of one run: `Settings("postgresql://…", "postgresql://…", jobs=4, verify=True)`.

    Raises UsageError if options exclude each other, or a value is invalid: each field takes what its annotation says,
    enums also as their values, tuples also as lists.
    """

    def __post_init__(self) -> None:
        for name, value in check_values(**vars(self)).items():
            object.__setattr__(self, name, value)
        for group in (Content, Existing):
            group._check(self)
        _exclusive(
            self,
            "data_only",
            "repair",
            "copying a row again would lose the values of columns that only the destination has",
        )
        _exclusive(self, "append", "verify", "the existing rows would count as extra")
        if self.resume == "per-table" and self.definition.subset:
            raise UsageError(
                "`resume=per-table` reads the remaining tables as they are now, but the rows of a subset belong"
                " together, as they were at one moment.",
                hint="Start over: leave out `resume`."
                if self.replace == "swap"
                else "Start over: run the command clean first, or replace what is there with `replace=drop`.",
            )
        _exclusive(self, "upsert", "verify", "rows that only the destination has would count as extra")
        if self.replace == "swap" and any(self.deferral):
            raise UsageError(
                "`replace=swap` puts the copy into use at once: `defer_validation` and"
                " `defer_indexes` would leave it without keys or indexes.",
                hint="Leave them out, or use `replace=drop`.",
            )
        if self.data_only and (given := [f"`{f.name}`" for f in fields(self) if self._has_no_effect(f)]):
            raise UsageError(f"`data_only` copies only rows and sequences: {', '.join(given)} would have no effect.")

    def _has_no_effect(self, field: Field[object]) -> bool:
        """Tell whether a field has a value that a --data-only run would ignore."""
        value = getattr(self, field.name)
        return value not in (field.default, *NOT_IN_DATA_ONLY.get(field.name, (value,)))


@cache
def _annotations() -> Mapping[str, Any]:
    return get_type_hints(Settings)


def check_values(**options: object) -> dict[str, object]:
    """Return the values of fields of Settings in their own types. Raises UsageError."""
    values = {name: checked(name, value, _annotations()[name]) for name, value in options.items()}
    for name in CONNINFO & values.keys():
        check_conninfo(str(values[name]), f"`{name}`")
    return values


def _exclusive(group: object, one: str, other: str, why: str) -> None:
    if getattr(group, one) and getattr(group, other):
        raise UsageError(f"`{one}` and `{other}` exclude each other: {why}.")


ROWS_ONLY = ("truncate", "append", "upsert", "allow_narrower_types")
NOT_IN_DATA_ONLY: Mapping[str, tuple[object, ...]] = {
    "create": (),
    "roles": (),
    "create_tablespaces": (),
    "tablespaces": (),
    "downgrade": (),
    "skip_unprivileged": (),
    "security_labels": (),
    "publications": (),
    "subscriptions": (),
    "event_triggers": (),
    "exclude_extension": (),
    "include_kind": (),
    "exclude_kind": (),
    "schema_only": (),
    "section": (),
    "database_settings": (),
    "thaw": (),
    "foreign_keys": (),
    "defer_validation": (),
    "defer_indexes": (),
    "keep_previous": (),
    "split_larger_than": (0,),
    "statistics": (Statistics.ANALYZE, Statistics.NONE),
}
"""Options without effect under --data-only, with the values that do have one."""
FLAGS = {
    "owners": "--no-owner",
    "privileges": "--no-acl",
    "tablespaces": "--no-tablespaces",
    "unlogged_rows": "--no-unlogged-table-data",
    "large_objects": "--no-large-objects",
    "comments": "--no-comments",
    "security_labels": "--no-security-labels",
    "publications": "--no-publications",
    "subscriptions": "--no-subscriptions",
    "event_triggers": "--no-event-triggers",
    "database_settings": "--no-database-settings",
    "create_tablespaces": "--tablespaces",
    "mask_key": "--mask-key-file",
    "hold_snapshot_seconds": "--hold-snapshot",
    "retry_seconds": "--retry-for",
    "stall_seconds": "--stall-timeout",
}
"""Flags whose names differ from their fields'."""


FIELD = re.compile(r"`(\w+)(?:=(\w+))?`")


def flag(field: str) -> str:
    """Return a field's flag on the command line."""
    return FLAGS.get(field, f"--{field.replace('_', '-')}")


def from_flags(**options: Any) -> Settings:
    """Return the settings of a command line. Its errors name flags; those of `Settings` name fields."""
    with naming_flags():
        return Settings(**options)


@contextmanager
def naming_flags() -> Iterator[None]:
    """Raise errors that name flags instead of fields."""
    try:
        yield
    except UsageError as error:
        raise UsageError(_in_flags(str(error)), hint=error.hint and _in_flags(error.hint)) from None


def _in_flags(text: str) -> str:
    return FIELD.sub(lambda m: " ".join(filter(None, (flag(m[1]), m[2]))), text)
