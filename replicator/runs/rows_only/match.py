"""Match the destination's tables and columns with the source's, by name."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from replicator.comparing.sides import most_quoted, same_names
from replicator.events import listed
from replicator.model import Address, Column, Finding, Table
from replicator.runs.rows_only.narrower import is_lossy, most_characters


@dataclass(frozen=True, slots=True)
class MatchedTable:
    """A table, and the relation `name` on the destination that its rows go to; `columns` are the source's."""

    table: Table
    name: str
    top: str
    """The relation, or the partitioned table that it is a part of."""
    partitioned: bool
    """Whether `top` is a partitioned table."""
    root: str
    """The partitioned table of the source, or the table itself if it is in none."""
    address: Address
    direct: bool
    """Not through a partitioned table."""
    columns: tuple[Column, ...]
    alike: frozenset[str]
    """The columns that have the same type on both ends."""
    read_as: Mapping[str, str]
    """The destination's types, where they are PostgreSQL's own and differ, be it in a modifier."""

    @property
    def copied(self) -> Table:
        """The source's table, reduced to what is copied."""
        read = {c.name.replace('"', ""): e for c, e in zip(self.table.columns, self.table.expressions, strict=False)}
        of_source = self.table.identity if self.direct else self.root
        renamed = not same_names([of_source], [self.name])
        name = of_source if renamed else most_quoted(of_source, self.name)
        return replace(
            self.table,
            identity=name if self.direct else self.table.identity,
            columns=self.columns,
            expressions=tuple(read[column.name.replace('"', "")] for column in self.columns) if read else (),
            stored=(),
            root=None if self.direct else name,
            renamed=self.name if renamed else "",
            as_text=self.table.as_text or len(self.alike) < len(self.columns),
        )


@dataclass(slots=True)
class Matched:
    """The targets, and the findings of the match."""

    targets: list[MatchedTable] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a note."""
        self.findings.append(Finding(text, "", fatal=False))

    def refuse(self, text: str, hint: str) -> None:
        """Add a fatal finding."""
        self.findings.append(Finding(text, hint))


def match(
    tables: Iterable[Table], ours: Sequence[Any], theirs: Sequence[Any], new: Callable[[str], str] = str
) -> Matched:
    """Find the target of each source table. `ours` and `theirs` are rows of catalog/targets.sql.

    `new` gives the destination's name of a source's relation.

    A partition's target is the partition of the same name if all bounds match, else the partitioned table.
    """
    matched = Matched()
    source, destination = {r.identity: r for r in ours}, {r.identity: r for r in theirs}
    names = {new(name): name for name in source}
    found = {names[name]: destination[same] for name, same in same_names(names, destination).items()}
    partitions: defaultdict[str, list[str]] = defaultdict(list)
    for r in ours:
        if r.root and not r.partitioned:
            partitions[r.root].append(r.identity)
    alike = {
        root: all(leaf in found and found[leaf].partitioning == source[leaf].partitioning for leaf in leaves)
        for root, leaves in partitions.items()
    }
    missing = []
    for table in tables:
        if table.identity not in source:  # an extension's
            matched.note(f"Not copied: the rows of {table.identity}, which belongs to an extension.")
            continue
        root = source[table.identity].root
        direct = root is None or (alike[root] and table.root is None)
        target = found.get(table.identity if direct else root)
        if target is None:
            missing.append(table)
        else:
            through = not direct or target.partitioned
            matched.targets.append(_target(table, source[table.identity], target, matched, direct=not through))
    if with_rows := [table.identity for table in missing if not table.empty]:
        matched.refuse(
            f"Tables with rows are missing on the destination: {listed(with_rows)}.",
            "Create them on the destination first.",
        )
    if empty := [table.identity for table in missing if table.empty]:
        matched.note(f"Tables are missing on the destination, but empty on the source: {listed(empty)}.")
    tops = {target.top for target in matched.targets}
    if own := [r.identity for r in theirs if not r.root and r.identity not in tops and not r.partitioned]:
        matched.note(f"Tables that only the destination has are left unchanged: {listed(own)}.")
    return matched


def _target(table: Table, source: Any, destination: Any, matched: Matched, *, direct: bool) -> MatchedTable:
    """Match the columns. Unmatched ones are noted; a NOT NULL column without default or value is refused."""
    writable = [name for name, generated in zip(destination.names, destination.generated, strict=True) if not generated]
    same = same_names([column.name for column in table.columns], writable)
    source_types, destination_types = _types_by_name(source), _types_by_name(destination)
    types = {most_quoted(n, other): (source_types[n.replace('"', "")], destination_types[other.replace('"', "")])
             for n, other in same.items()}  # fmt: skip
    columns = [replace(c, name=most_quoted(c.name, same[c.name])) for c in table.columns if c.name in same]
    alike = {name for name, ((ours, _), (theirs, _)) in types.items() if ours == theirs}
    read_as = {name: theirs for name, ((_, ours), (_, theirs)) in types.items() if theirs not in ("", ours)}
    where = (
        table.identity if destination.identity == table.identity else f"{table.identity} (into {destination.identity})"
    )
    if missing := [c.name for c in table.columns if c.name not in same]:
        matched.note(f"Not copied: columns of {where} that the destination lacks or generates: {listed(missing)}.")
    extra = set(writable) - set(same.values())
    if needed := sorted(
        n for n, need in zip(destination.names, destination.needed, strict=True) if need and n in extra
    ):
        matched.refuse(
            f"On the destination, {where} has NOT NULL columns without default that the source lacks:"
            f" {listed(needed)}.",
            "Give them a default or drop NOT NULL.",
        )
    elif extra:
        matched.note(
            f"On the destination, columns of {where} that the source lacks get their defaults: {listed(sorted(extra))}."
        )
    if other := [c.name for c in columns if c.name not in alike]:
        matched.note(f"{where} is copied as text, since types differ on the destination: {listed(other)}.")
    return MatchedTable(
        table,
        destination.identity,
        destination.root or destination.identity,
        destination.root is not None or destination.partitioned,
        source.root or table.identity,
        Address(destination.classid, destination.objid),
        direct,
        tuple(columns),
        frozenset(alike),
        read_as,
    )


def _types_by_name(relation: Any) -> dict[str, tuple[str, str]]:
    """Return each column's type, and the type exactly if it is PostgreSQL's own, by the bare name."""
    columns = zip(relation.names, relation.types, relation.exactly, strict=True)
    return {name.replace('"', ""): (type, exactly) for name, type, exactly in columns}


def check_types(
    matched: Matched, ours: Iterable[Any], theirs: Iterable[Any], *, agreed: bool
) -> dict[str, dict[str, int]]:
    """Refuse (or note, if `agreed`) columns whose values the destination's type would change silently.

    `ours` and `theirs` are rows of catalog/target_types.sql. Returns, by table and column, how many characters may be
    there where the source's type allows more.
    """
    source_types, destination_types = _types(ours), _types(theirs)
    found = []
    shorter: dict[str, dict[str, int]] = {}
    for target in matched.targets:
        source = {name.replace('"', ""): values for name, values in source_types.get(target.table.identity, {}).items()}
        destination = {name.replace('"', ""): values for name, values in destination_types.get(target.name, {}).items()}
        for column in (c.name.replace('"', "") for c in target.columns):
            # Fields of composite types match by position.
            for (path, type), (_, other) in zip(source.get(column, ()), destination.get(column, ()), strict=False):
                if path.replace('"', "") == column and (most := most_characters(type, other)):
                    shorter.setdefault(target.table.identity, {})[path] = most
                if is_lossy(type, other):
                    found.append(f"{target.table.identity}.{path} ({type} into {other})")
    if found:
        text = f"Narrower types on the destination would silently change values: {listed(found)}."
        hint = "" if agreed else "Widen them, or accept rounded and truncated values with --allow-narrower-types."
        matched.findings.append(Finding(text, hint, fatal=not agreed))
    return shorter


def _types(rows: Iterable[Any]) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Return path and type of each value, by table and column."""
    types: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for r in rows:
        types.setdefault(r.identity, {}).setdefault(r.name, []).append((r.path, r.type))
    return types
