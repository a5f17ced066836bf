"""An unfinished run: its original options, and the command that continues it."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from replicator.errors import PreflightFailed
from replicator.journal.ownership import damaged
from replicator.settings import Settings, flag
from replicator.settings.choice import Choice
from replicator.settings.definition import OF_SUBSET

CHOICE = tuple(field.name for field in fields(Choice) if field.name != "allow_empty_patterns")
LISTS = tuple(field.name for field in fields(Choice) if field.default == ())
SAME = (
    "data_only",
    "truncate",
    "append",
    "upsert",
    "allow_narrower_types",
    "replace",
    "owners",
    "privileges",
    "tablespaces",
    "create_tablespaces",
    "unlogged_rows",
    "large_objects",
    "comments",
    "security_labels",
    "publications",
    "subscriptions",
    "event_triggers",
    "exclude_extension",
    *CHOICE,
    "load_via_partition_root",
    "source_encoding",
    "database_settings",
    "thaw",
    "roles",
    "downgrade",
    "skip_unprivileged",
    "definition",
    "mask_fingerprint",
    "unmasked_large_objects",
    "defer_validation",
    "defer_indexes",
)
"""Options that change the copy: a run is resumed with its original ones."""
NEGATED = tuple(name for name in SAME if flag(name).startswith("--no-"))
LASTING = ("verify", "create", "skip_failed_refresh", "foreign_keys", "allow_unknown_version", "as_of")
"""Options that apply until the run is finished, once given."""
GIVEN_AGAIN = ("verify", "skip_failed_refresh", "foreign_keys", "allow_unknown_version")
"""Those of them that the suggested command repeats, to make them visible."""

ANOTHER = {"definition": "another definition", "mask_fingerprint": "another mask key"}
"""Of these the journal has only a digest."""
FILES = {"definition": "definition", "mask_fingerprint": "mask_key_file"}
"""The options that name their files."""

Options = Mapping[str, Any]


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


RIGHT: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("source_encoding", "as_of"), lambda value: value is None or isinstance(value, str)),
    **dict.fromkeys(("definition", "mask_fingerprint"), lambda value: isinstance(value, str)),
    "replace": lambda value: value in (None, "swap", "drop"),
    "foreign_keys": lambda value: value in (None, "not-valid"),
    **dict.fromkeys(("exclude_extension", *LISTS), _is_list),
}
"""The values that may be recorded for options that are not flags."""


def options_of(settings: Settings) -> Options:
    """Return the settings that the journal records."""
    values = {name: getattr(settings, name) for name in (*SAME, *LASTING)} | {"definition": settings.definition.digest}
    return {name: sorted(value) if isinstance(value, tuple) else value for name, value in values.items()}


def check_recorded(options: Options) -> None:
    """Raise PreflightFailed unless `options_of` could have returned these: nothing else may become a setting."""
    right = options.keys() == {*SAME, *LASTING} and all(
        RIGHT.get(name, _is_flag)(value) for name, value in options.items()
    )
    if not right:
        raise damaged("the options of the run")


def check_options(begun: Options, settings: Settings) -> None:
    """Raise PreflightFailed, with the right command, if the run began with other options that change the copy."""
    again = command(begun, f"--resume{_how(settings)}")
    if settings.as_of and settings.as_of != begun["as_of"]:
        then = f"--as-of {begun['as_of']}" if begun["as_of"] else "another now()"
        raise PreflightFailed(f"The unfinished run was started with {then}.", hint=f"Leave it out: `{again}`.")
    _check_same(SAME, begun, settings, f"Resume it with the same options: `{again}`.")


def _check_same(names: Iterable[str], begun: Options, settings: Settings, hint: str) -> None:
    now = options_of(settings)
    for name in names:
        if begun[name] != now[name]:
            missing = ANOTHER.get(name) or _flag(name, begun)
            raise PreflightFailed(
                f"The unfinished run was started with {missing}."
                if missing
                else f"The unfinished run was started without {_flag(name, now)}.",
                hint=hint,
            )


def as_recorded(settings: Settings, begun: Options) -> Settings:
    """Return the settings with all options of an earlier run.

    Raises PreflightFailed if they have another definition or key: of these, the journal has digests.
    """
    given = " ".join(filter(None, (_flag(name, begun) for name in ANOTHER)))
    hint = f"Use what it was started with: `{' '.join(filter(None, ('verify --repair', given)))}`."
    _check_same(ANOTHER, begun, settings, hint)
    return replace(settings, **{name: value for name, value in begun.items() if name not in ANOTHER})


def as_begun(settings: Settings, begun: Options) -> Settings:
    """Return the settings with the lasting options of an earlier run."""
    return replace(settings, **{name: begun[name] or getattr(settings, name) for name in LASTING})


def command(begun: Options, resume: str = "") -> str:
    """Return `clone` with the original flags of a run.

    >>> command({**dict.fromkeys(SAME + LASTING), **dict.fromkeys(NEGATED, True), "privileges": False, "verify": True})
    'clone --no-acl --verify'
    """
    again = () if begun["replace"] == "swap" else GIVEN_AGAIN  # it always verifies
    flags = [given for name in (*SAME, *again) if (given := _flag(name, begun))]
    return " ".join(["clone", *flags, *([resume] if resume else [])])


def start_over(begun: Options) -> str:
    """Return how to start over; "" if that would do harm, since rows that were appended stay."""
    if begun["append"]:
        return ""
    if begun["replace"]:
        return f"`{command(begun)}`"
    again = command({**begun, "truncate": begun["data_only"] and not begun["upsert"]})  # its rows stay
    return f"`clean`, then `{again}`"


def go_on(begun: Options, *, all_read: bool, held_until: datetime | None = None, resume: bool = True) -> str:
    """Return a sentence with the command that finishes the run. Without its snapshot, tables are of different times.

    `held_until`: until when a background process holds the snapshot, if one does. Without `resume`, since the
    source has changed, only starting over is offered.
    """
    over = start_over(begun)
    if not resume:
        return f"Start over with {over}." if over else ""
    if not all_read and not held_until and begun["definition"].endswith(OF_SUBSET):
        return f"The rows of a subset belong together: start over with {over}."
    if all_read or held_until:
        held = held_until and (
            f" Until then, at most until {held_until:%Y-%m-%d %H:%M %Z}, a separate process holds the snapshot, and"
            " with it"
            " locks on the source's tables; `clean` ends it and discards the copy."
        )
        return f"Continue with `{command(begun, '--resume')}`.{held or ''}"
    per_table = command(begun, "--resume=per-table")
    return (
        f"Continue with `{per_table}` (the remaining tables will be from a later point in time)"
        f"{f', or start over with {over}' if over else ''}."
    )


def keys_are_taken(begun: Options) -> str:
    """Return what to do if appended rows have keys that exist on the destination."""
    per_table = command(begun, "--resume=per-table")
    emptied = command({**begun, "append": False, "truncate": True})
    return (
        f"The destination already has rows with these keys. Delete them, then run `{per_table}`; or run `clean`, then"
        f" `{emptied}`, which empties the tables first."
    )


def correct(begun: Options, *, rows: bool) -> str:
    """Return what to do about a copy that differs. `rows`: it differs in rows, not only in definitions."""
    if begun["replace"] == "swap":
        return f"Start over with {start_over(begun)}."
    if rows and not begun["data_only"]:
        return "`verify` shows the rows that differ; `verify --repair` copies them again and completes the run."
    return f"Correct the destination; `{command(begun, '--resume')}` then compares again and completes the run."


def _flag(name: str, options: Options) -> str:
    """Return an option as a flag; "" if it was not given."""
    value = options[name]
    if name in ANOTHER:  # which file it was in is not known
        return f"{flag(FILES[name])} FILE" if value else ""
    if name in NEGATED:
        value = not value
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else None
    if values is not None:
        return " ".join(f"{flag(name)} {shlex.quote(each)}" for each in values)
    return flag(name) if value else ""


def _how(settings: Settings) -> str:
    return "=per-table" if settings.resume == "per-table" else ""
