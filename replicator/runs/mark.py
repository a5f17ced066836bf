"""The mark of a finished copy that a definition shaped: a setting of its database, so that its contents stay equal.

Without it, nobody would know later that rows and values differ on purpose: `verify --repair` without the definition
would replace masked values by the source's.
"""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import psycopg

from replicator import journal
from replicator.errors import PreflightFailed
from replicator.events import Emit, Note
from replicator.sessions.postgres import Connection, quoted
from replicator.settings import Settings

SETTING = "replicator.definition"
READ = """
SELECT substr(item, strpos(item, '=') + 1)
  FROM pg_db_role_setting s
  JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
 CROSS JOIN unnest(s.setconfig) AS item
 WHERE s.setrole = 0
   AND item LIKE %s
"""
NOT_MARKED = (
    "The copy could not be marked as made with a definition, since its database belongs to another role. Always give"
    " the definition when you verify or refresh it."
)


class Mark(NamedTuple):
    """What made a copy: the digest of a definition, the fingerprint of the key of its masks, and what now() meant."""

    definition: str = ""
    mask_fingerprint: str = ""
    as_of: str | None = None

    def checked(self, settings: Settings, emit: Emit) -> Settings:
        """Return the settings for work on this copy, with its time for now().

        Raises PreflightFailed if they would take masked values for wrong ones.
        """
        if not self.definition:
            return settings
        flags = "--definition FILE" + " --mask-key-file FILE" * bool(self.mask_fingerprint)
        masked = ", and its values are masked" if self.mask_fingerprint else ""
        if not settings.definition:
            raise PreflightFailed(f"The copy was made with a definition{masked}.", hint=f"Give it: {flags}.")
        if self.mask_fingerprint != settings.mask_fingerprint and self.mask_fingerprint:
            given = "another key is given" if settings.mask_fingerprint else "no key is given"
            raise PreflightFailed(
                f"The values of the copy are masked, and {given}.", hint="Give the key that it was made with."
            )
        if self.definition != settings.definition.digest:
            text = "The copy was made with another definition."
            if settings.repair:
                raise PreflightFailed(text, hint="Give the one that it was made with, or clone again.")
            emit(Note(f"{text} What the two choose otherwise counts as a difference."))
        elif settings.as_of is None and self.as_of:
            return replace(settings, as_of=self.as_of)
        return settings


def of_copy(conn: Connection) -> Mark:
    """Return the mark of this database, or what the journal of its unfinished run says; an empty one without."""
    if run := journal.read_run(conn):
        return Mark(*(run.options[name] for name in Mark._fields))
    for (text,) in conn.execute(READ, [f"{SETTING}=%"]).fetchall():
        with suppress(ValueError, TypeError):
            mark = Mark(**json.loads(text))
            if mark.as_of is None or datetime.fromisoformat(mark.as_of).tzinfo:
                return mark
    return Mark()


def put(conn: Connection, settings: Settings, emit: Emit) -> None:
    """Mark this database, in the transaction that completes the copy; remove the mark of an earlier one."""
    mark = Mark(settings.definition.digest, settings.mask_fingerprint, settings.as_of)
    change = f"RESET {SETTING}"
    if mark.definition:
        change = f"SET {SETTING} = {psycopg.sql.Literal(json.dumps(mark._asdict())).as_string()}"
    elif not conn.execute(READ, [f"{SETTING}=%"]).fetchall():
        return
    try:
        ((name,),) = conn.execute("SELECT current_database()").fetchall()  # a pooler may call it otherwise
        with conn.transaction():
            conn.execute(f"ALTER DATABASE {quoted(name)} {change}")
    except psycopg.errors.InsufficientPrivilege:
        emit(Note(NOT_MARKED))
