"""`config`: a file with every option, and what is in force."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click
from click.core import ParameterSource

from replicator.cli.ending import write_document
from replicator.cli.file import every_option
from replicator.cli.invocation import Common
from replicator.cli.parameters import RAW, Group, Setting
from replicator.errors import UsageError
from replicator.secrets import without_secrets

HEAD = """\
# Every option of replicator, with its default. Remove the # before a setting to change it.
# A flag wins over its variable (REPLICATOR_JOBS), a variable over this file.
# Use the file with --config replicator.toml. If it has a password: chmod 600 replicator.toml

# Where to copy from. Any key of libpq: host, port, dbname, user, sslmode, service, passfile ...
[source]
# for example: host = "old.example.com"
# for example: dbname = "shop"

# Where to copy to.
[destination]
# for example: host = "new.example.com"
# for example: dbname = "shop"

[options]
"""
EXAMPLES = {
    "copy-jobs": 2,
    "index-jobs": 2,
    "max-rate": "50MB/s",
    "maintenance-work-mem": "64MB",
    "source-encoding": "LATIN1",
    "exclude-extension": ["postgis*"],
    "include-database": ["shop*"],
    "exclude-database": ["*_test"],
    "include": ["sales.*"],
    "exclude": ["*.audit_*"],
    "exclude-data": ["public.log"],
    "only-schema": ["sales"],
    "exclude-schema": ["audit"],
    "table": ["sales.orders"],
    "exclude-table": ["sales.audit_*"],
    "include-kind": ["table", "type"],
    "exclude-kind": ["trigger"],
    "section": ["pre-data", "data"],
    "definition": "shop.toml",
    "define": ['tables."public.orders".where = "id > 9"'],
    "mask-key-file": "mask.key",
    "as-of": "2026-11-30T18:00:00+00:00",
    "statistics": "analyze",
    "toast-compression": "lz4",
    "foreign-keys": "not-valid",
    "replace": "swap",
}
"""Values of the options that have no default of their own."""


def as_file(options: Iterable[Setting]) -> Iterator[str]:
    """Yield the lines of a file that says what is the default anyway."""
    yield HEAD
    group: Group | None = None
    for option in options:
        if option.flag in ("source", "destination"):
            continue
        if option.group is not group:
            group = option.group
            yield f"# --- {group} ---\n"
        default = option.default_text()
        yield f"# {option.help}{f' (default: {default})' if default else ''}"
        value = option.default() if callable(option.default) else option.default
        if option.is_bool_flag:
            value = False
        known = isinstance(value, bool | int | float | str)
        written = json.dumps(value if known else EXAMPLES[option.flag], ensure_ascii=False)
        yield f"{'#' if known else '# for example: '}{option.flag} = {written}\n"


def run(context: click.Context, show: bool, init: bool, as_json: bool) -> None:
    """Print a file, or what is in force."""
    if show is init:
        raise UsageError("`config` needs either --init or --show.")
    assert context.parent is not None
    assert isinstance(context.parent.command, click.Group)
    options = every_option(context.parent.command.commands.values())
    if init:
        click.echo("\n".join(as_file(options)), nl=False)
        return
    rows = [in_force(context, option) for option in options]
    if as_json:
        settings = [dict(zip(("option", "value", "from"), row[1:], strict=True)) for row in rows]
        write_document(context.ensure_object(Common), settings=settings)
        return
    widths = [max(len(str(row[column])) for row in rows) for column in (1, 2)]
    for group in Group:
        click.echo(f"{group}:")
        for _, name, value, whence in (row for row in rows if row[0] is group):
            click.echo(f"  {name:{widths[0]}}  {value:{min(widths[1], 40)}}  {whence}")


def in_force(context: click.Context, option: Setting) -> tuple[Group, str, str, str]:
    """Return an option's group, its name, its value in words and where that comes from."""
    raw, source = context.meta[RAW][option.flag]
    if source is ParameterSource.DEFAULT:
        return option.group, option.flag, option.default_text() or _words(raw), "default"
    if source is ParameterSource.ENVIRONMENT:
        return option.group, option.flag, _shown(option, raw), f"variable {option.variable}"
    where = "file" if source is ParameterSource.DEFAULT_MAP else "flag"
    return option.group, option.flag, _shown(option, raw), where


def _shown(option: Setting, raw: Any) -> str:
    if option.flag in ("source", "destination"):
        from replicator.settings.conninfo import check_conninfo

        check_conninfo(str(raw), f"--{option.flag}")
    return without_secrets(_words(raw))


def _words(value: Any) -> str:
    if not isinstance(value, bool | int | float | str | list | tuple):
        return "none"  # click has a mark of its own for it
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
