"""The definition of a copy: which rows, which columns, which values, which names. See `replicator help definition`.

It is written as TOML, or as the same dictionaries in Python. Tables are named as in psql: `schema.table`, in lower case
unless quoted. Whether the names exist and the expressions work is found out on the source: see shaping/.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from hashlib import sha256
from typing import Any, Literal, NamedTuple, Self, TypeVar, get_args

from replicator.errors import UsageError

V = TypeVar("V")
Path = tuple[str, ...]
"""Where in the definition something is: keys, from the outermost on."""
Dangling = Literal["refuse", "drop", "null", "keep-not-valid"]
MOST_NAME_BYTES = 63
"""The server cuts off a longer name."""
NO_CONDITION = "a condition is missing.", 'Write "true" for all rows.'
OF_SUBSET = "-subset"
"""What the digest of a definition with a subset ends in."""
PARTS = ("tables", "subset", "mask", "rename")
"""The tables of a file that make up a definition."""


class DefinitionError(UsageError):
    """The definition is wrong. `path` says where; `problem` is the message without it."""

    def __init__(self, path: Path, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{'.'.join(map(_as_key, path))}: {problem}" if path else problem, hint=hint)
        self.path = path
        self.problem = problem


class Name(NamedTuple):
    """A table's schema and name, both without quotes."""

    schema: str
    table: str

    def __str__(self) -> str:
        return ".".join(map(in_words, self))

    @property
    def quoted(self) -> str:
        """The name as SQL understands it, whatever words are reserved there."""
        return ".".join(map(_quoted, self))


@dataclass(frozen=True, slots=True)
class TableRule:
    """How a table's rows are copied. `where` and the values of `extra` are SQL over a row."""

    where: str = ""
    dangling: Dangling = "refuse"
    """What to do with rows that refer to rows which are not copied."""
    exclude_columns: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    """Columns that only the copy has, and their values."""


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows of some tables with all that belongs to them."""

    roots: Mapping[Name, str]
    """Tables, and the condition for the rows to begin with."""
    limit: int | None = None
    """How many rows of each root to begin with, at most."""
    follow: Literal["all"] | tuple[Name, ...] = "all"
    """The tables whose rows come along because they refer to copied ones."""
    depth: int | None = None
    """How many keys to follow down from the roots; None: to the end."""
    virtual: tuple[str, ...] = ()
    """Foreign keys that the schema does not declare: `schema.table.column -> schema.table.column [where …]`."""
    others: Literal["all", "none"] = "all"
    """Which rows are copied of the tables that no key connects with the roots."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """How a column is masked: the name of a mask, `sql` or `plain`, and its options."""

    mask: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rename:
    """Names on the destination, by those on the source."""

    schemas: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[Name, str] = field(default_factory=dict)
    """A table's new name, without a schema."""
    roles: Mapping[str, str] = field(default_factory=dict)
    tablespaces: Mapping[str, str] = field(default_factory=dict)


NO_NAMES = Rename()


@dataclass(frozen=True, slots=True)
class Definition:
    """What differs between source and copy on purpose. An empty one changes nothing."""

    tables: Mapping[Name, TableRule] = field(default_factory=dict)
    subset: Subset | None = None
    mask: Mapping[Name, Mapping[str, MaskRule]] = field(default_factory=dict)
    """By table and column, both unquoted."""
    rename: Rename = field(default_factory=Rename)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Read the dictionaries that TOML or a program gives. Raises DefinitionError."""
        parts = _table((), given, PARTS, "table")
        subset = parts.get("subset")
        return cls(
            {name: _table_rule(path, rule) for name, path, rule in _by_table(("tables",), parts.get("tables", {}))},
            None if subset is None else _subset(("subset",), subset),
            {name: _masks(path, rules) for name, path, rules in _by_table(("mask",), parts.get("mask", {}))},
            _rename(("rename",), parts.get("rename", {})),
        )

    def expressions(self) -> Iterator[tuple[Path, str]]:
        """Yield all SQL in it, and where."""
        for name, rule in self.tables.items():
            at = ("tables", str(name))
            yield (*at, "where"), rule.where
            yield from (((*at, "extra", column), text) for column, text in rule.extra.items())
        for name, condition in self.subset.roots.items() if self.subset else ():
            yield ("subset", "roots", str(name)), condition
        yield from ((("subset", "virtual"), text) for text in (self.subset.virtual if self.subset else ()))
        for name, rules in self.mask.items():
            masks = ((column, rule.options.get("sql")) for column, rule in rules.items())
            yield from ((("mask", str(name), column), sql) for column, sql in masks if isinstance(sql, str))

    def __bool__(self) -> bool:
        return self != Definition()

    @property
    def digest(self) -> str:
        """What tells this definition from others, and whether it has a subset; "" for an empty one."""
        text = json.dumps(_plain(asdict(self)), sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest() + OF_SUBSET * bool(self.subset) if self else ""


def _table_rule(path: Path, given: object) -> TableRule:
    rule = _table(path, given, [f.name for f in fields(TableRule)])
    extra = _table((*path, "extra"), rule.get("extra", {}))
    where = _text((*path, "where"), rule.get("where", ""))
    if "where" in rule and not where:
        raise DefinitionError((*path, "where"), *NO_CONDITION)
    return TableRule(
        where,
        _one_of((*path, "dangling"), rule.get("dangling", "refuse"), get_args(Dangling)),
        _each((*path, "exclude_columns"), rule.get("exclude_columns", ()), _column),
        {_column((*path, "extra"), name): _text((*path, "extra", name), value) for name, value in extra.items()},
    )


def _subset(path: Path, given: object) -> Subset:
    subset = _table(path, given, [f.name for f in fields(Subset)])
    roots = {name: _text(at, value) for name, at, value in _by_table((*path, "roots"), subset.get("roots", {}))}
    if not roots:
        raise DefinitionError(path, "roots are missing.", 'Write roots = { "public.customers" = "id % 100 = 0" }.')
    follow = subset.get("follow", "all")
    return Subset(
        roots,
        _count((*path, "limit"), subset.get("limit")),
        "all" if follow == "all" else _each((*path, "follow"), follow, _name),
        _count((*path, "depth"), subset.get("depth"), least=0),
        _each((*path, "virtual"), subset.get("virtual", ()), _text),
        _one_of((*path, "others"), subset.get("others", "all"), ("all", "none")),
    )


def _masks(path: Path, given: object) -> dict[str, MaskRule]:
    rules = {}
    for column, rule in _table(path, given).items():
        at = (*path, column)
        options = {"mask": rule} if isinstance(rule, str) else dict(_table(at, rule))
        if "sql" in options and "mask" not in options:
            options["mask"] = "sql"
        rules[_column(at, column)] = MaskRule(_text((*at, "mask"), options.pop("mask", "")), options)
    return rules


def _rename(path: Path, given: object) -> Rename:
    rename = _table(path, given, [f.name for f in fields(Rename)])

    def pairs(part: str) -> dict[str, str]:
        table = _table((*path, part), rename.get(part, {}))
        return {_column((*path, part), old): _column((*path, part, old), new) for old, new in table.items()}

    tables = _by_table((*path, "tables"), rename.get("tables", {}))
    return Rename(
        pairs("schemas"), {name: _column(at, new) for name, at, new in tables}, pairs("roles"), pairs("tablespaces")
    )


def _by_table(path: Path, given: object) -> list[tuple[Name, Path, Any]]:
    """Return the parts of a TOML table whose keys are tables of the database, with their paths."""
    found: dict[Name, tuple[Name, Path, Any]] = {}
    for key, value in _table(path, given).items():
        name = _name((*path, key), key)
        if name in found:
            raise DefinitionError((*path, key), f"{name} is named twice. Remove one.")
        found[name] = name, (*path, key), value
    return list(found.values())


def _table(path: Path, given: object, known: Collection[str] | None = None, what: str = "key") -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise DefinitionError(path, f"a table of keys and values is needed, not {_shown(given)}.")
    for key in given:
        if known is not None and key not in known:
            alike = get_close_matches(key, known, 1)
            hint = f"Did you mean {alike[0]}?" if alike else f"Possible: {', '.join(known)}."
            raise DefinitionError((*path, key), f"unknown {what} {key}.", hint)
    return given


def _text(path: Path, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise DefinitionError(path, f"a text is needed, not {_shown(value)}.")
    return value.strip()


def _count(path: Path, value: object, least: int = 1) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
        return value
    raise DefinitionError(path, f"a whole number of at least {least} is needed, not {_shown(value)}.")


def _one_of(path: Path, value: object, choices: Collection[Any]) -> Any:
    if value in choices and isinstance(value, str):
        return value
    raise DefinitionError(path, f"{_shown(value)} is none of {', '.join(choices)}.")


def _each(path: Path, values: object, read: Callable[[Path, Any], V]) -> tuple[V, ...]:
    if not isinstance(values, list | tuple):
        raise DefinitionError(path, f"a list is needed, not {_shown(values)}.", f"Write [{_shown(values)}].")
    return tuple(read(path, value) for value in values)


def _name(path: Path, value: object) -> Name:
    parts = [unquoted(path, part) for part in split(_text(path, value))]
    if len(parts) != 2:
        raise DefinitionError(
            path,
            f"{value} is no name of a table with its schema.",
            'Write "schema.table"; names with dots or capitals in double quotes: \'"Sales"."order.lines"\'.',
        )
    return Name(*parts)


def _column(path: Path, value: object) -> str:
    return unquoted(path, _text(path, value))


def unquoted(path: Path, name: str) -> str:
    """Return a name as the catalogs have it: in lower case, unless it is quoted. Raises DefinitionError."""
    quoted = len(name) > 2 and name[0] == name[-1] == '"' and '"' not in name[1:-1].replace('""', "")
    if not name or (not quoted and '"' in name):
        raise DefinitionError(path, f"{name or 'an empty text'} is no name.")
    if not quoted and "." in name:
        raise DefinitionError(
            path, f"{name} is no single name.", f"A name with a dot needs double quotes: '\"{name}\"'."
        )
    return name[1:-1].replace('""', '"') if quoted else name.lower()


def split(name: str) -> list[str]:
    """Split a name at the dots outside of double quotes.

    >>> split('public."a.b"')
    ['public', '"a.b"']
    """
    parts, inside = [""], False
    for c in name:
        inside ^= c == '"'
        if c == "." and not inside:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def in_words(name: str) -> str:
    """Return a name for people, quoted if it is not a plain one."""
    return name if name.isidentifier() and name == name.lower() else _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else _quoted(key)


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)[:60]


def _plain(value: Any) -> Any:
    """Return dictionaries as sorted lists of pairs: their keys may be names of tables."""
    if isinstance(value, Mapping):
        return sorted(([str(key), _plain(each)] for key, each in value.items()), key=lambda pair: pair[0])
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
