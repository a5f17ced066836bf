"""Is the copy the original? Schemas are compared object by object, rows by count and hash, computed on the servers.

The hash of a table is the sum of its rows' hashes, so the order of rows does not matter and the rows stay where they
are. Limits: what a type's hash holds equal is equal (numeric 1.0 and 1.00, float 0 and -0, text under a
nondeterministic collation is compared as C); a materialized view's rows are not compared, a refresh may change them.
"""

import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from replicator import events, sequences
from replicator.downgrade import STANDARD_SINCE_15, TABLES, adapt
from replicator.events import Emit
from replicator.executor import execute
from replicator.model import Address, Catalog, CompareTable, Execute, Object, Outcome, Phase, Step
from replicator.snapshot import Snapshot
from replicator.work import Sessions, naming

RECORDS_HASHED_SINCE = 140000
LARGE_OBJECTS = "large objects"

SequenceValues = Mapping[str, tuple[int, bool]]
"""last_value and is_called by identity."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `what` names an object or a table; `how` says missing, extra or different, and in what."""

    what: str
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how}"


class Side:
    """One of the two databases, at the moment of a snapshot."""

    def __init__(self, sessions: Sessions, snapshot: Snapshot, catalog: Catalog) -> None:
        self.sessions = sessions
        self.snapshot = snapshot
        self.catalog = catalog
        self.encoding = snapshot.holder.info.parameter_status("server_encoding")

    def fingerprint(self, query: str) -> tuple[int, int]:
        """Return a row count and a sum of hashes, as the query computes them on this server."""
        with self.sessions.use() as conn, self.snapshot.imported(conn):
            count, digest = conn.execute(query).fetchall()[0]
            return count, digest


def verify(
    source: Side, destination: Side, *, jobs: int, emit: Emit, sequence_values: SequenceValues | None = None
) -> list[Mismatch]:
    """Return all differences between two databases; none where the copy is complete. Raises StepFailed.

    `sequence_values` are those that the copy was given; without them the source's own are expected.
    """
    mismatches = compare_schemas(source.catalog, destination.catalog)
    mismatches += compare_sequences(source, destination, sequence_values)
    digest = _digest(source, destination)

    def run(batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        (step,) = batch
        began = time.monotonic()
        query = _hash_query(step.work, digest) if isinstance(step.work, CompareTable) else HASH_LARGE_OBJECTS
        with naming(step):
            expected, found = source.fingerprint(query), destination.fingerprint(query)
        if expected != found:
            mismatches.append(Mismatch(step.name.removeprefix("verify "), _difference(expected, found)))
        return {step.name: Outcome(time.monotonic() - began, expected[0], step.cost)}

    def cancel() -> None:
        source.sessions.cancel()
        destination.sessions.cancel()

    steps = _steps(source.catalog, destination.catalog)
    emit(events.Planned({Phase.VERIFY: len(steps)}, 0))
    execute(steps, run, jobs=jobs, emit=emit, cancel=cancel)
    return sorted(mismatches, key=str)


def compare_schemas(source: Catalog, destination: Catalog) -> list[Mismatch]:
    """Return the objects that are missing, extra or defined otherwise."""
    same_version = source.version // 10000 == destination.version // 10000
    older = min(source.version, destination.version) // 10000
    source, lost = adapt(source, older)  # nothing is, if that was agreed to
    destination, more = adapt(destination, older)
    here, there = (_by_name(catalog, same_version) for catalog in (source, destination))
    mismatches = [Mismatch(loss.what, f"different: {loss}") for loss in lost if not loss.whole]
    mismatches += [Mismatch(loss.what, "missing on the destination") for loss in lost if loss.whole]
    mismatches += [Mismatch(loss.what, "extra on the destination") for loss in more if loss.whole]
    mismatches += [Mismatch(name, "missing on the destination") for name in here.keys() - there.keys()]
    mismatches += [Mismatch(name, "extra on the destination") for name in there.keys() - here.keys()]
    for name in here.keys() & there.keys():
        found = there[name]
        if here[name].alter_owner is None and not same_version:
            found = replace(found, alter_owner=None)  # it was left to the destination
        if _definition(here[name], same_version) != _definition(found, same_version):
            one, other = ("; ".join(o.create) for o in (here[name], there[name]))
            mismatches.append(Mismatch(name, f"different: {one} on the source, {other} on the destination"))
    filled = {o.address: o.name for o in source.objects if o.address in source.populated and o.kind == "matview"}
    there_filled = {o.name for o in destination.objects if o.address in destination.populated}
    mismatches += [Mismatch(name, "not populated") for name in filled.values() if name not in there_filled]
    return mismatches


def compare_sequences(source: Side, destination: Side, expected: SequenceValues | None) -> list[Mismatch]:
    """Return the sequences that do not stand where they should: as `expected`, or else as the source's do now."""
    common = {s.identity for s in destination.catalog.sequences}
    wanted = [s for s in source.catalog.sequences if s.identity in common]
    # Outside the snapshots' transactions, which would hold a lock for each sequence to their end.
    with source.sessions.use() as one, destination.sessions.use() as other:
        here = expected or sequences.read_values(one, wanted)
        there = sequences.read_values(other, wanted)
    return [
        Mismatch(f"sequence {s.identity}", f"different: {here[s.identity]}, but {there[s.identity]} on the destination")
        for s in wanted
        if here[s.identity] != there[s.identity]
    ]


def _by_name(catalog: Catalog, same_version: bool) -> dict[str, Object]:
    """Return the objects by name, across versions without what one of them says and the other takes for granted."""
    objects = {o.name: o for o in catalog.objects}
    public = objects.get("acl public (schema)")
    if public and not same_version and _definition(public, same_version) == _loose(STANDARD_SINCE_15):
        del objects[public.name]
    return objects if same_version else _members_pooled(objects)


def _members_pooled(objects: dict[str, Object]) -> dict[str, Object]:
    """Return the objects with operator families' members, their classes' too, by themselves.

    From 14 on the server itself says which members a class cannot be without, whatever it was told.
    """
    pools: defaultdict[str, set[str]] = defaultdict(set)
    result = dict(objects)
    for o in objects.values():
        if o.kind not in ("operator_class", "operator_family"):
            continue
        kept = []
        for statement in o.create:
            head, *members = MEMBERS.split(statement)
            storage = [member for member in members if member.startswith("STORAGE ")]
            of = re.search(r" USING (\S+) FAMILY (.*)$", head) or re.search(r"^ALTER .* FAMILY (.*) USING (\S+)$", head)
            if of:
                pools[" ".join(sorted(of.groups()))].update(set(members) - set(storage))
            kept.append(" AS ".join([head, *storage]))
        result[o.name] = replace(o, create=tuple(s for s in kept if not s.startswith("ALTER ")))
    for family, pool in pools.items():
        o = Object("operator_family", Address(0, 0), f"members of {family}", None, None, tuple(sorted(pool)))
        result[o.name] = o
    return result


def _definition(o: Object, same_version: bool) -> str:
    made = o.create
    if not same_version:  # a view that needs itself is made in two steps, and what needs is not the same everywhere
        made = made[max((n for n, s in enumerate(made) if s.startswith("CREATE OR REPLACE")), default=0) :]
    if (
        not same_version and o.kind in TABLES and " INHERITS (" in made[0]
    ):  # before 18, a parent's NOT NULL is a child's
        made = tuple(NOT_NULL.sub("", s) for s in made if not s.endswith(" SET NOT NULL"))
    text = "; ".join((*made, *([o.alter_owner] if o.alter_owner else [])))
    return text if same_version and o.kind not in WITH_EXPRESSIONS else _loose(text, same_version)


WITH_EXPRESSIONS = {"table", "foreign_table", "domain", "not_valid_check", "constraint", "index", "statistics"}
WITH_EXPRESSIONS |= {"view", "matview", "rule", "policy", "trigger", "publication_table"}
LITERAL_OR_NAME = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")""")
ORDINARY = re.compile(r"[a-z_][a-z0-9_$]*")
NAME = r"[^\s,)]+"
MEMBERS = re.compile(r"(?: AS | ADD |, )(?=(?:OPERATOR|FUNCTION|STORAGE) )")
NOT_NULL = re.compile(r"""( CONSTRAINT (?:"(?:[^"]|"")*"|[^\s,)]+))? NOT NULL\b""")
OF_VERSIONS = (
    (rf"CONSTRAINT {NAME} NOT NULL", "NOT NULL"),  # has a name from 18 on
    (r"REVOKE [A-Z, ]+ ON SCHEMA public FROM PUBLIC(; )?", ""),  # what is granted there at first: CREATE before 15
    (r"^CREATE OR REPLACE\b", "CREATE"),
    (r"\bIN (?!\()", ""),  # of a procedure's arguments, said from 14 on
    (r"\b[a-z_][a-z0-9_$]*\.(?=[a-z_])", ""),  # a view's columns lost their qualifiers in 16
)
"""What servers of different versions print differently."""
OF_PARSING = (
    (r"::(character varying|text)(\[\])?", ""),
    (r"[\s()]+", ""),
)
"""What a server prints otherwise when it reads its own words back: `varchar IN (…)` gets casts, AND loses brackets."""


def _loose(text: str, same_version: bool = False) -> str:
    """Return a definition without what two servers may print differently though they mean the same.

    >>> _loose("SELECT (t.a)\\n FROM t") == _loose("SELECT a FROM t")
    True
    >>> _loose('(a int CONSTRAINT "Odd" NOT NULL)') == _loose("(a int NOT NULL)")
    True
    """
    text = LITERAL_OR_NAME.sub(lambda found: _bare(found[0]) if found[0][0] == '"' else found[0], text)
    parts = LITERAL_OR_NAME.split(text)  # the literals, which must be the same, have the odd places
    for pattern, replacement in OF_PARSING if same_version else OF_VERSIONS + OF_PARSING:
        parts[::2] = [re.sub(pattern, replacement, part) for part in parts[::2]]
    return "".join(parts)


def _bare(name: str) -> str:
    """Return a quoted name as a word: which words are key words is a matter of the version."""
    inner = name[1:-1]
    return inner if ORDINARY.fullmatch(inner) else f"name_{inner.encode().hex()}"


def _steps(source: Catalog, destination: Catalog) -> list[Step]:
    """One step for each table that both sides have with the same columns, largest first; one for the large objects."""
    there = {(table.identity, table.columns) for table in destination.tables}
    steps = {}
    for table in sorted(source.tables, key=lambda table: -table.bytes):
        if (table.identity, table.columns) in there:
            identity = table.root or table.identity
            work = CompareTable(identity, table.columns, table.root is None, table.condition or "")
            steps[identity] = Step(f"verify table {identity}", Phase.VERIFY, work, cost=table.bytes)
    if source.large_objects or destination.large_objects:
        steps[LARGE_OBJECTS] = Step(f"verify {LARGE_OBJECTS}", Phase.VERIFY, Execute(()))
    return list(steps.values())


def _digest(source: Side, destination: Side) -> str:
    """Return the expression for a row's hash that both servers compute alike."""
    if source.encoding != destination.encoding:
        return "hashtextextended(encode(convert_to({row}::text, 'UTF8'), 'hex'), 0)"
    if min(source.catalog.version, destination.catalog.version) < RECORDS_HASHED_SINCE:
        return "hashtextextended({row}::text, 0)"
    return "hash_record_extended({row}, 0)"


def _hash_query(work: CompareTable, digest: str) -> str:
    """Return the query for a table's row count and the sum of its rows' hashes."""
    only = "ONLY " if work.only else ""
    row = f"ROW({', '.join(column.hash_expression for column in work.columns)})"
    # A sum, not an exclusive or: two equal rows must not cancel each other. numeric: a sum of bigint never overflows.
    total = f"coalesce(sum({digest.replace('{row}', row)}), 0)" if work.columns else "0::numeric"
    return f"SELECT count(*), {total} FROM {only}{work.identity} {work.condition}"


# By the megabyte: an object may be larger than memory.
HASH_LARGE_OBJECTS = """
  WITH RECURSIVE piece (oid, number, length, hash) AS (
       SELECT l.oid, 0::bigint, length(p.data), hashtextextended(md5(p.data), l.oid::bigint)
         FROM pg_largeobject_metadata l
        CROSS JOIN LATERAL lo_get(l.oid, 0, 1048576) AS p (data)
        UNION ALL
       SELECT l.oid, l.number + 1, length(p.data), hashtextextended(md5(p.data), l.oid::bigint + l.number + 1)
         FROM piece l
        CROSS JOIN LATERAL lo_get(l.oid, (l.number + 1) * 1048576, 1048576) AS p (data)
        WHERE l.length = 1048576
     )
SELECT count(*) FILTER (WHERE number = 0), coalesce(sum(hash), 0)
  FROM piece
"""


def _difference(expected: tuple[int, int], found: tuple[int, int]) -> str:
    if expected[0] != found[0]:
        return f"different: {expected[0]} rows on the source, {found[0]} on the destination"
    return f"different: {expected[0]} rows on both sides, but not the same"
