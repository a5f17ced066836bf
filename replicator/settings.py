"""What the user chose. Read by the command line from flags, environment and file, in this order of precedence."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import conninfo, pq

from replicator.errors import UsageError
from replicator.model import Deferral, Format, Statistics
from replicator.secrets import KEYS

MOST_DEFAULT_JOBS = 8


def default_jobs() -> int:
    """Return the number of processors that this process may use, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, MOST_DEFAULT_JOBS)


@dataclass(frozen=True, slots=True)
class Settings:
    """One run. `source` and `destination` are conninfo strings or URLs; delays are seconds, rates bytes a second."""

    source: str = field(repr=False)
    destination: str = field(repr=False)
    jobs: int = 1
    copy_jobs: int | None = None
    index_jobs: int | None = None
    wait_attempts: int = 5
    wait_delay: float = 5.0
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
    exclude_extension: tuple[str, ...] = ()
    """Patterns of names: see catalog/patterns.py."""
    load_via_partition_root: bool = False
    source_encoding: str | None = None
    """What the bytes of a SQL_ASCII source are."""
    database_settings: bool = True
    thaw: bool = False
    create: bool = False
    roles: bool = False
    downgrade: bool = False
    skip_unprivileged: bool = False
    allow_unknown_version: bool = False
    skip_failed_refresh: bool = False
    foreign_keys: Literal["not-valid"] | None = None
    """What to do with keys that the rows violate."""
    defer_validation: bool = False
    defer_indexes: bool = False
    """What is done when the copy is open: see planning/deferred.py."""
    create_tablespaces: bool = False
    verify: bool = False
    resume: Literal["no", "same-snapshot", "per-table"] = "no"
    retry_seconds: float = 600.0
    lock_timeout: float = 0.0
    """How many seconds are waited for a lock on the source's tables; 0: for ever."""
    hold_snapshot_seconds: float = 0.0
    show_rows: int = 10
    repair: bool = False
    relay: bool = True
    format: Format = Format.AUTO
    split_larger_than: int | None = None
    """In bytes; 0: split no table. None: what would keep one worker busy while the others are idle."""
    max_rate: int | None = None
    maintenance_work_mem: int | None = None
    """In bytes, of each session that builds indexes. None: what suits each index."""
    statistics: Statistics | None = None
    """None: transfer where the destination can take them, analyze where not."""
    toast_compression: str | None = None
    replace: Literal["swap", "drop"] | None = None
    keep_previous: bool = False
    allow_empty: bool = False
    data_only: bool = False
    truncate: bool = False
    append: bool = False
    allow_narrower_types: bool = False

    @property
    def lanes(self) -> dict[str, int]:
        """How many steps at a time copy rows, and how many build indexes and the like."""
        return {"copy": self.copy_jobs or self.jobs, "index": self.index_jobs or self.jobs}

    @property
    def deferral(self) -> Deferral:
        """What is put off until the copy is open."""
        return Deferral(self.defer_validation, self.defer_indexes)

    @property
    def workers(self) -> int:
        """How many steps run at a time: so many that every lane that was asked for can be full."""
        return max(self.jobs, (self.copy_jobs or 0) + (self.index_jobs or 0))

    def __post_init__(self) -> None:
        for name in ("source", "destination"):
            check_conninfo(getattr(self, name), f"--{name}")
        self._check_combination()

    def _check_combination(self) -> None:
        """Raise UsageError where options are given together of which one would not do what it says."""
        for one, other, why in (
            ("replace", "data_only", "the rows of an existing schema are copied, or all is replaced"),
            ("truncate", "append", "the rows that are there go, or they stay"),
            ("data_only", "repair", "a row that is copied again would lose what only the destination's columns hold"),
            ("append", "verify", "the rows that were there before would count as extra"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise UsageError(f"{flag(one)} and {flag(other)} exclude each other: {why}.")
        if self.replace == "swap" and any(self.deferral):
            raise UsageError(
                "--replace swap puts a complete copy into the place of a database in use: --defer-validation and"
                " --defer-indexes would leave it without keys or indexes.",
                hint="Leave them out, or use --replace drop.",
            )
        if self.thaw and not self.database_settings:
            raise UsageError("--thaw and --no-database-settings exclude each other: no setting is copied anyway.")
        for one, needed, wanted in (
            ("keep_previous", "--replace swap", self.replace == "swap"),
            ("allow_empty", "--replace or --truncate", self.replace is not None or self.truncate),
            *((name, "--data-only", self.data_only) for name in ("truncate", "append", "allow_narrower_types")),
        ):
            if getattr(self, one) and not wanted:
                raise UsageError(f"{flag(one)} needs {needed}.")
        if self.data_only and (given := [flag(f.name) for f in fields(self) if self._has_no_effect(f)]):
            raise UsageError(f"--data-only copies rows and values alone: {', '.join(given)} would have no effect.")

    def _has_no_effect(self, field: Field[object]) -> bool:
        """Tell whether a field has a value that a --data-only run would pass over."""
        value = getattr(self, field.name)
        return value not in (field.default, *NOT_IN_DATA_ONLY.get(field.name, (value,)))


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
    "database_settings": (),
    "thaw": (),
    "foreign_keys": (),
    "defer_validation": (),
    "defer_indexes": (),
    "keep_previous": (),
    "split_larger_than": (0,),
    "statistics": (Statistics.ANALYZE, Statistics.NONE),
}
"""What --data-only has no use for, with the values that it goes by all the same."""
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
    "hold_snapshot_seconds": "--hold-snapshot",
    "retry_seconds": "--retry-for",
}
"""The flags that are not called as their fields are."""


def flag(field: str) -> str:
    """Return what a field is called on the command line."""
    return FLAGS.get(field, f"--{field.replace('_', '-')}")


URL = re.compile(r"\s*postgres(?:ql)?://", re.IGNORECASE)
OTHER_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
WRONG_KEY = re.compile(r'invalid (?:connection option|URI query parameter:) "([a-z_]+)"')
MAY_HAVE_PASSWORD = re.compile(r"pass|:[^/]", re.IGNORECASE)
"""Where a part of it, after a blank that nobody quoted, would be taken for a key."""
ENCODED = "In a URL, write special characters of a password as %40 (@), %2F (/), %3A (:), %3F (?), %23 (#), %25 (%)."

BLANKS = "A value with blanks needs quotes: password='a b'."


def check_conninfo(dsn: str, where: str) -> str:
    """Return the conninfo if libpq can read it. Raises UsageError, which never shows the string itself."""
    try:
        dsn.encode()
        given = conninfo.conninfo_to_dict(dsn)
    except (psycopg.Error, UnicodeError) as error:
        raise _unreadable(dsn, where, str(error)) from None
    # libpq takes the rest of a password for the host, the port or the database, and would show it in its messages.
    if _has_at_beyond_the_user(dsn):
        raise UsageError(f"{where} is a URL with an @ too many: a part of its password would be taken for something"
                         " else.", hint=ENCODED)  # fmt: skip
    if re.search(".@", str(given.get("host", ""))) or not re.fullmatch(r"[\d,]*", str(given.get("port", ""))):
        raise UsageError(f"{where} has a host or a port that cannot be one.", hint=ENCODED)
    if any(URL.search(str(value)) for key, value in given.items() if key not in KEYS):
        raise UsageError(f"{where} has a URL as the value of one of its keys.", hint="Give the URL alone.")
    return dsn


def _unreadable(dsn: str, where: str, reason: str) -> UsageError:
    """Return what is wrong with a string that libpq cannot read, as far as it can be told without any of its values."""
    if (scheme := OTHER_SCHEME.match(dsn)) and not URL.match(dsn):
        return UsageError(
            f"{where} begins with {scheme[1]}, which is no scheme that libpq knows.",
            hint="Write postgresql:// instead, and leave what follows as it is.",
        )
    if key := WRONG_KEY.search(reason):
        known = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
        alike = difflib.get_close_matches(key[1], known, 1)
        if alike or not MAY_HAVE_PASSWORD.search(dsn):
            return UsageError(
                f'{where} has a key that libpq does not know: "{key[1]}".',
                hint=f"Is {alike[0]} meant?" if alike else None,
            )
    return UsageError(
        f"{where} is neither a URL nor a conninfo string that libpq understands.",
        hint=f"Write postgresql://user@host:5432/database or 'host=… port=… dbname=… user=…'."
        f" {ENCODED if URL.match(dsn) else BLANKS}",
    )


def _has_at_beyond_the_user(dsn: str) -> bool:
    """Tell whether a URL has an @ after the one that ends user and password, as libpq parts them."""
    if not (scheme := URL.match(dsn)):
        return False
    rest = dsn[scheme.end() :]
    end = re.search("[@/]", rest)
    return "@" in (rest[end.end() :] if end else rest)


def read_config(path: Path) -> dict[str, object]:
    """Return the defaults that a TOML file sets: `source` and `destination` as conninfo strings, options by name.

    Tables [source] and [destination] hold libpq's keys, [options] the command line's. Raises UsageError.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The file {path} is not valid TOML: {error}.") from error
    if unknown := sorted(tables.keys() - {"source", "destination", "options"}):
        raise UsageError(f"The file {path} has unknown tables: {', '.join(unknown)}.")
    defaults = dict(_table(tables, "options", path))
    for side in ("source", "destination"):
        if side in tables and side in defaults:
            raise UsageError(
                f"The file {path} names the {side} twice: in the table [options], and in a table [{side}].",
                hint="Leave one of them out.",
            )
        if side in tables:
            defaults[side] = _conninfo(_table(tables, side, path), f"table [{side}] of {path}")
    return defaults


def has_password(dsn: str) -> bool:
    """Tell whether a connection string has a password, or is none at all: whatever that is, it need not be seen."""
    try:
        return bool(set(KEYS) & conninfo.conninfo_to_dict(dsn).keys())
    except psycopg.Error:
        return True


def exposes_password(path: Path, defaults: Mapping[str, object]) -> bool:
    """Tell whether other users can read the file that these defaults are from, and there is a password in it."""
    shared = os.name == "posix" and path.stat().st_mode & 0o077
    return bool(shared) and any(has_password(str(defaults[s])) for s in ("source", "destination") if s in defaults)


def _table(tables: Mapping[str, object], name: str, path: Path) -> Mapping[str, object]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name} in the file {path} is not a table: write [{name}] on a line of its own.")
    return table


def _conninfo(keys: Mapping[str, object], where: str) -> str:
    for key, value in keys.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
            raise UsageError(f"The value of {key} in {where} is neither text nor a number.")
    try:
        return conninfo.make_conninfo("", **{key: str(value) for key, value in keys.items()})
    except psycopg.ProgrammingError as error:
        # libpq's message names the key, never a value.
        raise UsageError(f"The {where} has a key that libpq does not know: {str(error).strip()}.") from None
