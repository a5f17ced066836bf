"""Foreign keys that are dropped and recreated: their definition, and the statements generated from it.

The journal stores the definition, never a statement: anyone able to write to it could have that executed. A foreign key
has no expression, so names and a few keywords define it. Reference: ruleutils.c
pg_get_constraintdef_worker (18.6).
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace

from psycopg import sql
from psycopg.rows import class_row

from replicator.journal.ownership import damaged, proven
from replicator.sessions.postgres import Connection, quoted

MATCHES = {"s": "", "f": " MATCH FULL"}
ACTIONS = {"a": "", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@dataclass(frozen=True, slots=True)
class DroppedKey:
    """A foreign key as in pg_constraint and in the journal. `name` is its name in the plan."""

    name: str
    schema_name: str
    table_name: str
    partitioned: bool
    constraint_name: str
    column_names: list[str]
    referenced_schema: str
    referenced_table: str
    referenced_columns: list[str]
    period: bool
    match_type: str
    on_update: str
    on_delete: str
    set_column_names: list[str]
    may_be_deferred: bool
    begins_deferred: bool
    enforced: bool
    validated: bool
    comment_text: str | None

    def __post_init__(self) -> None:
        """Raise PreflightFailed if the journal has impossible values."""
        if self.match_type not in MATCHES or not {self.on_update, self.on_delete} <= ACTIONS.keys():
            raise damaged(self.name)

    @property
    def drop(self) -> str:
        """The statement that drops it."""
        return f"ALTER TABLE {self._table} DROP CONSTRAINT {quoted(self.constraint_name)}"

    @property
    def create(self) -> tuple[str, ...]:
        """The statements that recreate it."""
        only = "" if self.partitioned else "ONLY "
        add = (
            f"ALTER TABLE {only}{self._table} ADD CONSTRAINT {quoted(self.constraint_name)}"
            f" FOREIGN KEY ({self._listed(self.column_names)})"
            f" REFERENCES {quoted(self.referenced_schema)}.{quoted(self.referenced_table)}"
            f" ({self._listed(self.referenced_columns)}){self._options}"
        )
        if self.comment_text is None:
            return (add,)
        comment = sql.Literal(self.comment_text).as_string()
        return add, f"COMMENT ON CONSTRAINT {quoted(self.constraint_name)} ON {self._table} IS {comment}"

    @property
    def not_valid(self) -> "DroppedKey":
        """The same key as NOT VALID, which rows may violate."""
        return replace(self, validated=False)

    @property
    def journal_insert(self) -> str:
        """The statement that records it in the journal."""
        values = sql.SQL(", ").join(map(sql.Literal, astuple(self)))
        return sql.SQL("INSERT INTO replicator.taken VALUES ({})").format(values).as_string()

    @property
    def journal_delete(self) -> str:
        """The statement that deletes it from the journal."""
        return sql.SQL("DELETE FROM replicator.taken WHERE name = {}").format(sql.Literal(self.name)).as_string()

    @property
    def _table(self) -> str:
        return f"{quoted(self.schema_name)}.{quoted(self.table_name)}"

    def _listed(self, names: Iterable[str]) -> str:
        columns = [quoted(name) for name in names]
        return ", ".join([*columns[:-1], f"PERIOD {columns[-1]}"] if self.period else columns)

    @property
    def _options(self) -> str:
        """The clauses after the column list."""
        options = MATCHES[self.match_type]
        for event, action in (("UPDATE", ACTIONS[self.on_update]), ("DELETE", ACTIONS[self.on_delete])):
            options += f" ON {event} {action}" if action else ""
        if self.set_column_names:
            options += f" ({', '.join(map(quoted, self.set_column_names))})"
        options += " DEFERRABLE" if self.may_be_deferred else ""
        options += " INITIALLY DEFERRED" if self.begins_deferred else ""
        if not self.enforced:
            return f"{options} NOT ENFORCED"
        return options if self.validated else f"{options} NOT VALID"


COLUMNS = ", ".join(field.name for field in fields(DroppedKey))


def read_dropped_keys(conn: Connection) -> list[DroppedKey]:
    """Return the foreign keys that an unfinished run dropped."""
    with proven(conn), conn.cursor(row_factory=class_row(DroppedKey)) as cursor:
        return cursor.execute(f"SELECT {COLUMNS} FROM replicator.taken ORDER BY name".encode()).fetchall()
