"""The options that choose objects by name and kind. The short ones are those of pg_dump."""

from typing import Any

import click

from replicator.cli.parameters import Group, option


def _parts(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for each in given for part in each.split(",") if part.strip())


def _patterns(*declared: str, metavar: str = "PATTERN", **more: Any) -> Any:
    return option(Group.OBJECTS, *declared, multiple=True, metavar=metavar, **more)


CHOOSING = (
    _patterns("--include", help="Copy only objects that match, and what they need. Repeat for more."),
    _patterns("--exclude", help="Skip objects that match, and whatever depends on them. Wins over --include."),
    _patterns("--exclude-data", "--exclude-table-data", help="Create tables that match, but copy none of their rows."),
    _patterns("-n", "--only-schema", "--schema", metavar="NAME", help="Copy only this schema: --include 'NAME.*'."),
    _patterns("-N", "--exclude-schema", metavar="NAME", help="Skip this schema: --exclude 'NAME.*'."),
    _patterns("-t", "--table", help="Like --include, for tables, views and sequences."),
    _patterns("-T", "--exclude-table", help="Like --exclude, for tables, views and sequences."),
    _patterns("--include-kind", metavar="KIND", callback=_parts, help="Copy only objects of this kind, as `table`."),
    _patterns("--exclude-kind", metavar="KIND", callback=_parts, help="Skip objects of this kind, as `trigger`."),
    option(Group.OBJECTS, "-s", "--schema-only", is_flag=True, help="Copy definitions, and no rows."),
    _patterns(
        "--section",
        metavar="SECTION",
        callback=_parts,
        help="Copy only pre-data, data or post-data. Repeat, or separate with commas.",
    ),
    option(Group.OBJECTS, "--allow-empty-patterns", is_flag=True, help="Accept a pattern that matches nothing."),
)
