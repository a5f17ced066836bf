"""What somebody means who gives an option or a command that there is not, perhaps one of another tool."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import click

HELP = "--help tells what there is."
OF_OTHER_TOOLS = {
    "--dry-run": "`plan` says what a clone would do, `probe` what is in its way.",
    "--schema-only": "`plan --sql` prints the schema as a script for psql.",
    "--target": "Is --destination meant?",
    "--dbname": "Is --source or --destination meant?",
    "--no-privileges": "Is --no-acl meant?",
    "--skip-large-objects": "Is --no-large-objects meant?",
    "--table-jobs": "Is --copy-jobs meant?",
    "--verbose": "Is --debug meant?",
}
"""What other tools call so: pg_dump, pg_restore, pgcopydb."""
ALIKE = 0.75


def option_meant(option: str, commands: Mapping[str, click.Command], known: Iterable[str]) -> str:
    """Return a hint; `known` are the options of the command that was given."""
    if option in OF_OTHER_TOOLS:
        return OF_OTHER_TOOLS[option]
    others = [name for name, command in commands.items() if any(option in each.opts for each in command.params)]
    if others:
        return f"It belongs to {', '.join(sorted(others))}."
    alike = get_close_matches(option, known, 2, ALIKE)
    return f"Is {' or '.join(alike)} meant?" if alike else HELP


def command_meant(word: str, commands: Iterable[str]) -> str:
    """Return a hint."""
    alike = get_close_matches(word.lower(), commands, 1)
    return f"Is {alike[0]} meant?" if alike else HELP
