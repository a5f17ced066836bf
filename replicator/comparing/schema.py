"""Are the objects the same? Compares definitions one by one, ignoring what server versions print differently."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from replicator.catalog import FACETS, select
from replicator.comparing.excerpts import described
from replicator.comparing.remedies import Remedies
from replicator.comparing.sides import Mismatch, Side, same_names
from replicator.model import Address, Catalog, Object
from replicator.planning.downgrade import STANDARD_SINCE_15, adapt
from replicator.planning.features import TABLES
from replicator.secrets import without_secrets
from replicator.sessions import postgres
from replicator.work import sequences

Reread = Callable[[Object, Object], tuple[Object, Object] | None]
PUBLIC = "schema public"
MISSING, EXTRA = "missing on the destination", "extra on the destination"
PLPGSQL = "extension plpgsql"
"""In a catalog only if it was recreated: states.py checks whether it exists."""
LAST = 2**31
"""The place of statements that must run last."""
SequenceValues = Mapping[str, tuple[int, bool]]
"""last_value and is_called by identity."""


def compare_schemas(source: Catalog, destination: Catalog, reread: Reread = lambda *objects: None) -> list[Mismatch]:
    """Return the objects that are missing, extra or defined differently.

    `reread` returns two objects whose texts differ as one server prints them both: see reread.py.
    """
    same_version = source.version // 10000 == destination.version // 10000
    older = min(source.version, destination.version) // 10000
    source, lost = adapt(source, older)  # with --downgrade, this was done before
    destination, more = adapt(destination, older)
    source, destination = _comparable_privileges(source, destination)
    wanted, existing = (_by_name(catalog, same_version) for catalog in (source, destination))
    mismatches = [Mismatch(loss.what, f"different: {loss}") for loss in lost if not loss.whole]
    mismatches += [Mismatch(loss.what, MISSING, kind="missing") for loss in lost if loss.whole]
    mismatches += [Mismatch(loss.what, EXTRA, kind="extra") for loss in more if loss.whole]
    common = same_names(wanted, existing)
    optional = select.optional(source)
    missing = wanted.keys() - common.keys() - optional - {PLPGSQL}
    extra = existing.keys() - set(common.values()) - {PLPGSQL, *initial(source, destination)}
    remedies = Remedies(source, destination)
    mismatches += [remedies.add(_missing(wanted[name]), wanted[name], None) for name in missing]
    mismatches += [remedies.add(_extra(existing[name]), None, existing[name]) for name in extra]
    for name, same in common.items():
        found = existing[same]
        if wanted[name].alter_owner is None and name != PUBLIC:
            found = replace(found, alter_owner=None)  # --no-owner: it is left to the destination
        if not _alike(wanted[name], found, same_version, reread):
            different = _different(name, wanted[name], found, same_version)
            mismatches.append(remedies.add(different, wanted[name], found))
    return mismatches + _unready(source, destination, common, optional)


def _unready(
    source: Catalog, destination: Catalog, common: Mapping[str, str], optional: Collection[str]
) -> list[Mismatch]:
    """Return materialized views that only the source has populated, and indexes that are invalid on the destination."""
    filled = {o.name: o for o in source.objects if o.address in source.populated and o.kind == "matview"}
    there_filled = {o.name for o in destination.objects if o.address in destination.populated}
    empty = [o for name, o in filled.items() if name in common and common[name] not in there_filled]
    invalid = [o for o in destination.objects if o.kind == "index" and o.address in destination.invalid]
    return [
        Mismatch(
            o.name,
            "not populated on the destination",
            kind="unpopulated",
            fix=(f"REFRESH MATERIALIZED VIEW {o.identity}",),
            place=LAST,
        )
        for o in empty
    ] + [
        Mismatch(o.name, "invalid on the destination", kind="invalid", fix=(f"REINDEX INDEX {o.identity}",), place=LAST)
        for o in invalid
        if o.name not in optional
    ]


def _missing(o: Object) -> Mismatch:
    return Mismatch(o.name, MISSING, kind="missing", statement=_said(o))


def _extra(o: Object) -> Mismatch:
    return Mismatch(o.name, EXTRA, kind="extra", statement=_said(o))


def _said(o: Object) -> str:
    return without_secrets("; ".join(o.create)) if o.kind in FACETS else ""


def initial(source: Catalog, destination: Catalog) -> list[str]:
    """Return the names of schema public and its privileges, if only the destination has it, and it is empty there."""
    has = [any(o.name == PUBLIC for o in catalog.objects) for catalog in (source, destination)]
    empty = not any(o.schema == "public" for o in destination.objects)
    return [PUBLIC, "acl public (schema)"] if empty and has == [False, True] else []


def compare_sequences(source: Side, destination: Side, expected: SequenceValues | None) -> list[Mismatch]:
    """Return the sequences whose value is not as `expected`, or else not as on the source now."""
    ours, theirs = ({s.target: s for s in side.catalog.sequences} for side in (source, destination))
    common = same_names(ours, theirs)
    # Outside the snapshots' transactions, which would hold a lock for each sequence until their end.
    wanted = expected
    if not wanted:
        with source.sessions.use() as conn:
            wanted = sequences.read_values(conn, [s for s in source.catalog.sequences if s.target in common])
    with destination.sessions.use() as conn:
        actual = sequences.read_values(conn, [theirs[name] for name in common.values()])
    return [
        Mismatch(
            f"sequence {name}",
            f"different: {_at(*wanted[name])} on the source, {_at(*actual[same])} on the destination",
            fix=(_set(theirs[same].identity, *wanted[name]),),
            place=LAST,
        )
        for name, same in common.items()
        if wanted[name] != actual[same]
    ]


def _set(name: str, value: int, called: bool) -> str:
    literal = "'" + name.replace("'", "''") + "'"
    return f"SELECT pg_catalog.setval({literal}, {value}, {str(called).lower()})"


def _at(value: int, called: bool) -> str:
    return f"last value {value}" if called else f"next value {value}"


def _alike(source: Object, destination: Object, same_version: bool, reread: Reread) -> bool:
    """Tell whether two objects are the same as they are printed, or after they were parsed and printed again.

    A clone parses the source's text once. Objects that somebody else created may have been parsed more often.
    """
    if (source.create, source.alter_owner) == (destination.create, destination.alter_owner):
        return True
    ones, others = {_definition(source, same_version)}, {_definition(destination, same_version)}
    for _ in range(MOST_READINGS):
        if ones & others:
            return True
        if not (again := reread(source, destination)):
            return False
        source, destination = again
        one, other = (_definition(o, same_version) for o in again)
        if one in ones and other in others:
            return False
        ones.add(one)
        others.add(other)
    return bool(ones & others)


def _different(name: str, source: Object, destination: Object, same_version: bool) -> Mismatch:
    """Describe how two definitions differ; only the owners, if everything else is the same."""
    one, other = ("; ".join(o.create) for o in (source, destination))
    owners = source.owner, destination.owner
    owned = ""
    if source.alter_owner != destination.alter_owner and owners[0] != owners[1]:
        one_s, other_s = (owner or "its owner in a new database" for owner in owners)
        owned = f"owned by {one_s} on the source, by {other_s} on the destination"
        source, destination = (replace(o, alter_owner=None) for o in (source, destination))
        if _definition(source, same_version) == _definition(destination, same_version):
            return Mismatch(name, f"different: {owned}")
    how = "; ".join(["different: " + described(one, other), *([owned] if owned else [])])
    return Mismatch(name, how, definitions=(without_secrets(one), without_secrets(other)))


def _comparable_privileges(source: Catalog, destination: Catalog) -> tuple[Catalog, Catalog]:
    """Ignore privileges that depend on the owner, for objects that different roles own on each side.

    An owner has all privileges, so grants to that role do not show there, nor do revocations.
    """
    left = {o.name for o in source.objects if o.owner is None and o.kind not in FACETS} - {PUBLIC}
    source_owners, destination_owners = (
        {o.name: catalog.member_owners[o.address] for o in catalog.objects if o.address in catalog.member_owners}
        for catalog in (source, destination)
    )
    owners = {
        name: {owner, destination_owners[name]}
        for name, owner in source_owners.items()
        if destination_owners.get(name, owner) != owner
    }
    return (
        _without_owners_privileges(source, left, owners, destination.role),
        _without_owners_privileges(destination, left, owners, destination.role),
    )


def _without_owners_privileges(
    catalog: Catalog, left: Collection[str], owners: Mapping[str, Collection[str]], role: str
) -> Catalog:
    """`left` names objects that were left to this role, `owners` both owners of members of extensions."""
    addresses = {o.address for o in catalog.objects if o.name in left}
    objects = []
    for o in catalog.objects:
        roles = [role] if o.address in addresses else owners.get(o.name, ())
        if o.kind == "acl" and roles:
            names = "|".join(re.escape(name) for role in roles for name in (role, postgres.quoted(role)))
            revoked = r"REVOKE .* FROM (?!PUBLIC$).*|(RE)?SET .*"
            gone = re.compile(rf"GRANT .* TO ({names})( WITH GRANT OPTION)?|{revoked}", re.DOTALL)
            o = replace(o, create=tuple(sorted(s for s in o.create if not gone.fullmatch(s))))
        if o.create or o.kind != "acl":
            objects.append(o)
    return replace(catalog, objects=tuple(objects))


def _by_name(catalog: Catalog, same_version: bool) -> dict[str, Object]:
    """Return the objects by name; across versions without privileges that only one version prints."""
    objects = {o.name: o for o in catalog.objects}
    public = objects.get("acl public (schema)")
    if public and not same_version and _definition(public, same_version) == _loose(STANDARD_SINCE_15):
        del objects[public.name]
    return objects if same_version else _members_pooled(objects)


def _members_pooled(objects: dict[str, Object]) -> dict[str, Object]:
    """Return the objects, with the members of each operator family and its classes as an object of their own.

    From 14 on the server decides which members belong to a class, whatever the statement said.
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
    if not same_version:  # which views need two steps differs between versions
        made = made[max((n for n, s in enumerate(made) if s.startswith("CREATE OR REPLACE")), default=0) :]
    if not same_version and o.kind in TABLES and any(" INHERITS (" in s for s in made):
        # before 18, a parent's NOT NULL is a child's
        made = tuple(NOT_NULL.sub("", s) for s in made if not s.endswith(" SET NOT NULL"))
    text = "; ".join((*made, *([o.alter_owner] if o.alter_owner else [])))
    return text if same_version else _loose(text)


MOST_READINGS = 3
LITERAL_OR_NAME = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>(?:function|procedure)x*)\$.*?\$(?P=tag)\$""", re.DOTALL
)
ORDINARY = re.compile(r"[a-z_][a-z0-9_$]*")
NAME = r"[^\s,)]+"
MEMBERS = re.compile(r"(?: AS | ADD |, )(?=(?:OPERATOR|FUNCTION|STORAGE) )")
NOT_NULL = re.compile(r"""( CONSTRAINT (?:"(?:[^"]|"")*"|[^\s,)]+))? NOT NULL\b""")
OF_VERSIONS = (
    (rf"CONSTRAINT {NAME} NOT NULL", "NOT NULL"),  # has a name from 18 on
    (r"REVOKE [A-Z, ]+ ON SCHEMA public FROM PUBLIC(; )?", ""),  # what is granted there at first: CREATE before 15
    (r"^CREATE OR REPLACE\b", "CREATE"),
    (r"\bIN (?!\()", ""),  # of a procedure's arguments, said from 14 on
    (r"\bpg_catalog\.(?=json\b)", ""),  # a key word from 16 on
)
"""What server versions print differently in names and implied clauses; for everything else see reread.py."""


def _loose(text: str) -> str:
    """Return a definition without what server versions print differently for the same meaning.

    >>> _loose('(a int CONSTRAINT "Odd" NOT NULL)') == _loose("(a int NOT NULL)")
    True
    """
    text = LITERAL_OR_NAME.sub(lambda found: _bare(found[0]) if found[0][0] == '"' else found[0], text)
    parts, place = [], 0  # literals, which must be equal, are at the odd places
    for literal in LITERAL_OR_NAME.finditer(text):
        parts += [text[place : literal.start()], literal[0]]
        place = literal.end()
    parts.append(text[place:])
    for pattern, replacement in OF_VERSIONS:
        parts[::2] = [re.sub(pattern, replacement, part) for part in parts[::2]]
    return "".join(parts)


def _bare(name: str) -> str:
    """Return a quoted name as a word: which words need quotes depends on the version."""
    inner = name[1:-1]
    return inner if ORDINARY.fullmatch(inner) else f"name_{inner.encode().hex()}"
