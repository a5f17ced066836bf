"""What somebody means who gives an option or a command that there is not, perhaps one of another tool."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import click

HELP = "See --help."
OF_OTHER_TOOLS = {
    "--dry-run": "`plan` shows what a clone would do and what blocks it; `check` shows only what blocks it.",
    "--target": "Did you mean --destination?",
    "--dbname": "Did you mean --source or --destination?",
    "--no-privileges": "Did you mean --no-acl?",
    "--skip-large-objects": "Did you mean --no-large-objects?",
    "--table-jobs": "Did you mean --copy-jobs?",
    "--quiet": "Progress goes to stderr: 2>/dev/null discards it.",
    "--force": "Did you mean --replace?",
}
"""What other tools call so: pg_dump, pg_restore, pgcopydb."""
COMMANDS_OF_OTHER_TOOLS = {
    "copy": "clone",
    "copy-db": "clone",
    "restore": "clone",
    "replicate": "clone",
    "migrate": "clone",
    "sync": "clone",
    "resume": "clone --resume",
    "compare": "verify",
    "diff": "verify",
    "repair": "verify --repair",
    "dump": "plan --sql",
    "apply": "clone",
    "preflight": "check",
    "ping": "check",
    "doctor": "check",
    "cleanup": "clean",
    "init": "config --init",
    "version": "--version",
}
ALIKE = 0.75


def option_meant(option: str, commands: Mapping[str, click.Command], known: Iterable[str]) -> str:
    """Return a hint; `known` are the options of the command that was given."""
    if option in OF_OTHER_TOOLS:
        return OF_OTHER_TOOLS[option]
    others = [
        name
        for name, command in commands.items()
        if any(option in each.opts and not each.hidden for each in command.params if isinstance(each, click.Option))
    ]
    if others:
        return f"It belongs to {', '.join(f'`{name}`' for name in others)}."
    alike = get_close_matches(option, known, 2, ALIKE)
    return f"Did you mean {' or '.join(alike)}?" if alike else HELP


def command_meant(word: str, commands: Iterable[str]) -> str:
    """Return a hint."""
    word = word.lower()
    alike = COMMANDS_OF_OTHER_TOOLS.get(word) or next(iter(get_close_matches(word, commands, 1)), None)
    return f"Did you mean '{alike}'?" if alike else HELP
