"""Which objects of the source are copied, by name and kind."""

from dataclasses import dataclass

from replicator.errors import UsageError

SECTIONS = ("pre-data", "data", "post-data")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Patterns of names and kinds of objects: see catalog/rules.py. What is excluded wins."""

    include: tuple[str, ...] = ()
    """Only what matches one of these, and what that needs."""
    exclude: tuple[str, ...] = ()
    exclude_data: tuple[str, ...] = ()
    """Tables and materialized views that are created without rows."""
    only_schema: tuple[str, ...] = ()
    """Schemas with all their objects: as `include` with `NAME.*`."""
    exclude_schema: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    """Like `include`, but only tables, views, materialized views, foreign tables and sequences."""
    exclude_table: tuple[str, ...] = ()
    include_kind: tuple[str, ...] = ()
    exclude_kind: tuple[str, ...] = ()
    schema_only: bool = False
    section: tuple[str, ...] = ()
    """Which of pg_dump's sections: `pre-data`, `data` and `post-data`. Empty: all."""
    allow_empty_patterns: bool = False

    @property
    def partial(self) -> bool:
        """Whether objects are copied only if they are named, or needed by one that is."""
        return bool(self.include or self.only_schema or self.table or self.include_kind)

    @property
    def chooses(self) -> bool:
        """Whether any object is left out by its name or kind."""
        return self.partial or bool(
            self.exclude
            or self.exclude_data
            or self.exclude_schema
            or self.exclude_table
            or self.exclude_kind
            or not self.has("post-data")
        )

    def has(self, section: str) -> bool:
        """Tell whether a section is copied."""
        return not (section == "data" and self.schema_only) and (not self.section or section in self.section)

    def _check(self) -> None:
        if unknown := [name for name in self.section if name not in SECTIONS]:
            raise UsageError(f"`section` {unknown[0]!r} is none of {', '.join(SECTIONS)}.")
        if self.section and self.schema_only:
            raise UsageError("`section` and `schema_only` exclude each other: both choose sections.")
        if self.section and "pre-data" not in self.section:
            raise UsageError(
                "`section` without pre-data needs a schema that exists.",
                hint="Copy rows into one with --data-only. To build indexes later, see --defer-indexes.",
            )
