"""Which objects the patterns and kinds of a choice name."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from replicator.catalog import BUILD_KINDS, FACETS, FINISH_KINDS, KINDS
from replicator.catalog.closure import ATTACHED, PARTS, RELATIONS
from replicator.catalog.patterns import Qualified, qualified
from replicator.errors import PreflightFailed, UsageError
from replicator.events import listed
from replicator.model import Catalog, Object, counted_kind, kind_words
from replicator.sessions.postgres import unquoted
from replicator.settings.choice import Choice

NAME = re.compile(r'"(?:[^"]|"")*"|[^\s(]+')
OPERATOR = re.compile(r"[^(]+")
TABLES = RELATIONS | {"sequence"}
FILLED = frozenset({"table", "matview"})
TYPES = frozenset({"enum_type", "base_type", "range_type", "composite_type", "domain"})
CHOOSABLE = {
    kind.name for kind in KINDS if kind.name not in FACETS and kind.name not in PARTS - {"publication_table"}
} | {"comment", "security_label", "acl"}


POST_DATA = frozenset(kind.name for kind in (*BUILD_KINDS, *FINISH_KINDS)) - {"comment", "security_label", "acl"}
"""What pg_dump has in its section post-data. Reference: pg_dump.c (18.6), SECTION_POST_DATA."""


def kinds_named(name: str) -> frozenset[str]:
    """Return the kinds that a word means: as messages call them, in the singular or plural, with `-` for blanks.

    >>> sorted(kinds_named("materialized-views")), sorted(kinds_named("index")), len(kinds_named("type"))
    (['matview'], ['index'], 5)

    Raises UsageError.
    """
    words = name.lower().replace("-", " ").replace("_", " ").strip()
    if words in ("type", "types"):
        return TYPES
    known = {counted_kind(n, kind).partition(" ")[2].lower(): kind for kind in CHOOSABLE for n in (1, 2)}
    if words not in known:
        alike = get_close_matches(words, known, 1)
        raise UsageError(
            f"{name!r} is no kind of object.",
            hint=f"Did you mean {alike[0].replace(' ', '-')}?" if alike else f"Kinds are {', '.join(kind_list())}.",
        )
    return frozenset({known[words]})


def kind_list() -> list[str]:
    """Return the names of all kinds that can be chosen."""
    return sorted({"type", *(kind_words(kind).lower().replace(" ", "-") for kind in CHOOSABLE)})


def place(o: Object) -> tuple[str, str] | None:
    """Return the unquoted schema and name of an object that is in a schema; of a schema, its name alone.

    >>> from replicator.model import Address
    >>> place(Object("function", Address(1255, 1), 'public."F"(integer)', "public", None, ()))
    ('public', 'F')
    """
    if o.kind == "schema":
        return unquoted(o.identity), ""
    if o.kind in FACETS or not o.schema or not o.identity.startswith(f"{o.schema}."):
        return None
    rest = o.identity.removeprefix(f"{o.schema}.")
    found = (OPERATOR if o.kind == "operator" else NAME).match(rest)
    return (unquoted(o.schema), unquoted(found[0])) if found else None


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern with the flag that gave it, and the kinds that it is about."""

    flag: str
    pattern: str
    test: Qualified
    kinds: Collection[str] | None = None

    def __str__(self) -> str:
        return f"{self.flag} {self.pattern}"

    def matches(self, o: Object) -> bool:
        """Tell whether it names this object."""
        if (where := place(o)) is None:
            return False
        if o.kind == "schema":
            return self.kinds is None and self.test.all_of_schema and bool(self.test.schema.fullmatch(where[0]))
        return (self.kinds is None or o.kind in self.kinds) and self.test.matches(*where)


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of a choice, by what they do."""

    include: tuple[Rule, ...]
    exclude: tuple[Rule, ...]
    exclude_data: tuple[Rule, ...]
    include_kinds: frozenset[str]
    exclude_kinds: Mapping[str, str]
    """With the flag that excludes each."""

    @classmethod
    def of(cls, choice: Choice) -> "Rules":
        """Read the patterns. Raises UsageError."""

        def rules(field: str, form: str = "{}", kinds: Collection[str] | None = None) -> Iterator[Rule]:
            for pattern in getattr(choice, field):
                yield Rule(f"--{field.replace('_', '-')}", pattern, qualified(form.format(pattern)), kinds)

        return cls(
            (*rules("include"), *rules("only_schema", "{}.*"), *rules("table", kinds=TABLES)),
            (*rules("exclude"), *rules("exclude_schema", "{}.*"), *rules("exclude_table", kinds=TABLES)),
            (*rules("exclude_data", kinds=FILLED),),
            frozenset[str]().union(*map(kinds_named, choice.include_kind)),
            {
                **dict.fromkeys(() if choice.has("post-data") else POST_DATA, f"--section {','.join(choice.section)}"),
                **{kind: f"--exclude-kind {name}" for name in choice.exclude_kind for kind in kinds_named(name)},
            },
        )

    def roots(self, objects: Iterable[Object]) -> Iterator[Object]:
        """Yield what is to be copied for its own sake."""
        for o in objects:
            if o.kind in ATTACHED or (self.include_kinds and o.kind not in self.include_kinds):
                continue
            if not self.include or any(rule.matches(o) for rule in self.include):
                yield o

    def wants(self, attached: Object) -> bool:
        """Tell whether an attached object is copied with its subject."""
        return not self.include_kinds or attached.kind in PARTS or attached.kind in self.include_kinds

    def excluded(self, objects: Iterable[Object]) -> Iterator[tuple[Object, str]]:
        """Yield what is excluded by name or kind, and the flag that excludes it."""
        for o in objects:
            if o.kind in self.exclude_kinds:
                yield o, self.exclude_kinds[o.kind]
            elif o.kind not in PARTS and (rule := next((r for r in self.exclude if r.matches(o)), None)):
                yield o, str(rule)

    def check(self, catalog: Catalog, *, allow_empty: bool) -> None:
        """Raise PreflightFailed if a pattern or kind matches nothing on the source."""
        if allow_empty:
            return
        kinds = {o.kind for o in catalog.objects}
        excluded = {kind for kind, flag in self.exclude_kinds.items() if flag.startswith("--exclude-kind")}
        for flag, wanted in (("--include-kind", self.include_kinds), ("--exclude-kind", excluded)):
            if wanted and not wanted & kinds:
                names = ", ".join(sorted(kind_words(kind) for kind in wanted))
                raise PreflightFailed(
                    f"{flag}: the source has no {names}.", hint="Leave it out, or add --allow-empty-patterns."
                )
        named = [o for o in catalog.objects if o.kind not in PARTS]
        for rule in (*self.include, *self.exclude, *self.exclude_data):
            if not any(rule.matches(o) for o in named):
                raise PreflightFailed(f"{rule} matches nothing on the source.", hint=_meant(rule, named))


def _meant(rule: Rule, objects: Iterable[Object]) -> str:
    found = filter(None, (place(o) for o in objects if rule.kinds is None or o.kind in rule.kinds))
    places = {(_part(schema), name and _part(name)) for schema, name in found}
    schemas = sorted({schema for schema, _ in places})
    named = sorted({f"{schema}.{name}" if "." in rule.pattern else name for schema, name in places if name})
    whole = rule.test.all_of_schema
    asked = rule.pattern.removesuffix(".*") if whole else rule.pattern
    names = schemas if whole else named if rule.kinds else [*named, *(f"{schema}.*" for schema in schemas)]
    lower = {name.lower(): name for name in names}
    alike = get_close_matches(asked.lower(), lower, 1)
    meant = f"Did you mean {lower[alike[0]]}?" if alike else f"There are {listed(names) or 'none'}."
    return f"{meant} If it may match nothing, add --allow-empty-patterns."


def _part(name: str) -> str:
    """Return a name as a part of a pattern: in double quotes unless it is lower case."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"{}"'.format(name.replace('"', '""'))
