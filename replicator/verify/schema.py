"""Are the objects the same? Definitions are compared one by one, less what servers of two versions print otherwise."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from replicator import postgres, sequences
from replicator.catalog import FACETS, select
from replicator.downgrade import STANDARD_SINCE_15, TABLES, adapt
from replicator.masking import compared, without_secrets
from replicator.model import Address, Catalog, Object
from replicator.verify.side import Mismatch, Side, same_names
from replicator.verify.structure import structure

Reread = Callable[[Object, Object], tuple[Object, Object] | None]
PUBLIC = "schema public"
SequenceValues = Mapping[str, tuple[int, bool]]
"""last_value and is_called by identity."""


def compare_schemas(source: Catalog, destination: Catalog, reread: Reread = lambda *objects: None) -> list[Mismatch]:
    """Return the objects that are missing, extra or defined otherwise.

    `reread` is asked for objects whose texts differ, and returns both as one server prints them: see verify.reread.
    """
    same_version = source.version // 10000 == destination.version // 10000
    older = min(source.version, destination.version) // 10000
    source, lost = adapt(source, older)  # nothing is, if that was agreed to
    destination, more = adapt(destination, older)
    left = {o.name for o in source.objects if o.owner is None and o.kind not in FACETS} - {PUBLIC}
    comparable = (_comparable_privileges(catalog, left, destination.role) for catalog in (source, destination))
    here, there = (_by_name(catalog, same_version) for catalog in comparable)
    mismatches = [Mismatch(loss.what, f"different: {loss}") for loss in lost if not loss.whole]
    mismatches += [Mismatch(loss.what, "missing on the destination") for loss in lost if loss.whole]
    mismatches += [Mismatch(loss.what, "extra on the destination") for loss in more if loss.whole]
    common = same_names(here, there)
    optional = select.optional(source)
    missing = here.keys() - common.keys() - optional
    extra = there.keys() - set(common.values()) - set(initial(source, destination))
    mismatches += [Mismatch(name, "missing on the destination", statement=_said(here[name])) for name in missing]
    mismatches += [Mismatch(name, "extra on the destination", statement=_said(there[name])) for name in extra]
    for name, same in common.items():
        found = there[same]
        if here[name].alter_owner is None:
            found = replace(found, alter_owner=None)  # it was left to the destination
        if not _alike(here[name], found, same_version, reread):
            mismatches.append(Mismatch(name, f"different: {_difference(here[name], found, same_version)}"))
    filled = {o.address: o.name for o in source.objects if o.address in source.populated and o.kind == "matview"}
    there_filled = {o.name for o in destination.objects if o.address in destination.populated}
    empty = [name for name in filled.values() if name in common and common[name] not in there_filled]
    mismatches += [Mismatch(name, "not populated on the destination") for name in empty]
    invalid = {o.name for o in destination.objects if o.kind == "index" and o.address in destination.invalid}
    return mismatches + [Mismatch(name, "invalid on the destination") for name in invalid - optional]


def _said(o: Object) -> str:
    return without_secrets("; ".join(o.create)) if o.kind in FACETS else ""


def initial(source: Catalog, destination: Catalog) -> list[str]:
    """Return the schema public and its privileges, if the destination has it, empty, and the source has none."""
    has = [any(o.name == PUBLIC for o in catalog.objects) for catalog in (source, destination)]
    empty = not any(o.schema == "public" for o in destination.objects)
    return [PUBLIC, "acl public (schema)"] if empty and has == [False, True] else []


def compare_sequences(source: Side, destination: Side, expected: SequenceValues | None) -> list[Mismatch]:
    """Return the sequences that do not stand where they should: as `expected`, or else as the source's do now."""
    ours, theirs = ({s.identity: s for s in side.catalog.sequences} for side in (source, destination))
    common = same_names(ours, theirs)
    # Outside the snapshots' transactions, which would hold a lock for each sequence to their end.
    here = expected
    if not here:
        with source.sessions.use() as conn:
            here = sequences.read_values(conn, [ours[name] for name in common])
    with destination.sessions.use() as conn:
        there = sequences.read_values(conn, [theirs[name] for name in common.values()])
    return [
        Mismatch(
            f"sequence {name}", f"different: {_at(*here[name])} on the source, {_at(*there[same])} on the destination"
        )
        for name, same in common.items()
        if here[name] != there[same]
    ]


def _at(value: int, called: bool) -> str:
    return f"last value {value}" if called else f"next value {value}"


def _alike(here: Object, there: Object, same_version: bool, reread: Reread) -> bool:
    if (here.create, here.alter_owner) == (there.create, there.alter_owner):
        return True
    one, other = _definition(here, same_version), _definition(there, same_version)
    if one == other:
        return True
    if again := reread(here, there):
        one_again, other_again = (_definition(o, same_version) for o in again)
        return one_again in (other, other_again) or other_again == one
    return False


def _difference(here: Object, there: Object, same_version: bool) -> str:
    """Return in words how two definitions differ: the owners, if all else is the same."""
    one, other = ("; ".join(o.create) for o in (here, there))
    owners = here.owner, there.owner
    if here.alter_owner != there.alter_owner and owners[0] != owners[1]:
        owned = f"owned by {owners[0]} on the source, by {owners[1]} on the destination"
        here, there = (replace(o, alter_owner=None) for o in (here, there))
        if _definition(here, same_version) == _definition(there, same_version):
            return owned
        return f"{compared(one, other)}; {owned}"
    return compared(one, other)


def _comparable_privileges(catalog: Catalog, left: Collection[str], role: str) -> Catalog:
    """Leave out of privileges what depends on who owns the object; `left` names those that were left to this role.

    An owner has all privileges: what the source grants to that role cannot be told there, nor what is revoked.
    """
    names = "|".join(map(re.escape, (role, postgres.quoted(role))))
    revoked = r"REVOKE .* FROM (?!PUBLIC$).*|(RE)?SET .*"
    gone = re.compile(rf"GRANT .* TO ({names})( WITH GRANT OPTION)?|{revoked}", re.DOTALL)
    addresses = {o.address for o in catalog.objects if o.name in left}
    objects = (
        replace(o, create=tuple(sorted(s for s in o.create if not gone.fullmatch(s))))
        if o.kind == "acl" and o.address in addresses
        else o
        for o in catalog.objects
    )
    return replace(catalog, objects=tuple(o for o in objects if o.kind != "acl" or o.create))


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
    if same_version and o.kind not in WITH_EXPRESSIONS:
        return text
    return _loose(text, same_version, query=o.kind in ("view", "matview"))


WITH_EXPRESSIONS = {"table", "foreign_table", "domain", "not_valid_check", "constraint", "index", "statistics"}
WITH_EXPRESSIONS |= {"view", "matview", "rule", "policy", "trigger", "publication_table", "function"}
LITERAL_OR_NAME = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>(?:function|procedure)x*)\$.*?\$(?P=tag)\$""", re.DOTALL
)
ORDINARY = re.compile(r"[a-z_][a-z0-9_$]*")
NAME = r"[^\s,)]+"
MEMBERS = re.compile(r"(?: AS | ADD |, )(?=(?:OPERATOR|FUNCTION|STORAGE) )")
NOT_NULL = re.compile(r"""( CONSTRAINT (?:"(?:[^"]|"")*"|[^\s,)]+))? NOT NULL\b""")
OF_VERSIONS = (
    (r"CREATE VIEW [^;]+ AS SELECT NULL::[^;]+; CREATE OR REPLACE VIEW", "CREATE VIEW"),  # one that needs itself
    (rf"CONSTRAINT {NAME} NOT NULL", "NOT NULL"),  # has a name from 18 on
    (r"REVOKE [A-Z, ]+ ON SCHEMA public FROM PUBLIC(; )?", ""),  # what is granted there at first: CREATE before 15
    (r"^CREATE OR REPLACE\b", "CREATE"),
    (r"\bIN (?!\()", ""),  # of a procedure's arguments, said from 14 on
    (r"\bpg_catalog\.(?=json\b)", ""),  # a key word from 16 on
)
"""What servers of different versions print differently."""
NAMES = {"integer": "int4", "bigint": "int8", "smallint": "int2", "character varying": "varchar", "character": "bpchar",
         "boolean": "bool", "real": "float4", "double precision": "float8", "bit varying": "varbit",
         "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
         "time without time zone": "time", "time with time zone": "timetz"}  # fmt: skip
"""How types are called as columns that are casts to them, where that is not how they are printed."""
OF_PARSING = (
    *((rf"(::{type}(?:\([0-9,]+\))?(?:\[\])*) AS {name}\b", r"\1") for type, name in NAMES.items()),
    (r"(::([a-z_][a-z0-9_$]*)(?:\([0-9,]+\))?(?:\[\])*) AS \2\b", r"\1"),  # the name that it has anyway
    (r"\bNOT \(([^()]* IS DOCUMENT)\)", r"NOT \1"),
    (r"\bON TRUE\b", "ON true"),  # a natural join of no columns
    # said of UPDATE and DELETE, too, since the minor releases of November 2026
    (r"\b((?:UPDATE|DELETE FROM) (?:ONLY )?[^\s;]+) AS ", r"\1 "),
)
"""What a server prints otherwise when it reads its own words back; and see structure."""
IN_BRACKETS = re.compile(r"\([^()]*\)")
NO_FROM = r"(?: (?! \ FROM\ ) . )*"
ONE_RELATION = re.compile(
    rf"""^ {NO_FROM} \ FROM\ (?: ONLY\ )? (?: [\w$]+ \. )* (?P<name> [\w$]* ) (?: \#(?:\ WITH\ ORDINALITY)? )?
           (?: \ (?P<alias> [a-z_][\w$]* ) \#? )?
           (?: \ (?: WHERE|GROUP|HAVING|WINDOW|ORDER|LIMIT|OFFSET|FETCH|FOR|WITH ) \b | ; | $ ) {NO_FROM} $""",
    re.VERBOSE | re.DOTALL,
)
"""A query that reads one relation: the server qualified its columns before 16."""


def _loose(text: str, same_version: bool = False, *, query: bool = False) -> str:
    """Return a definition without what two servers may print differently though they mean the same.

    >>> _loose("SELECT t.a\\n FROM t", query=True) == _loose("SELECT a FROM t", query=True)
    True
    >>> _loose("SELECT t.a FROM t, u", query=True) == _loose("SELECT u.a FROM t, u", query=True)
    False
    >>> _loose("UPDATE t AS x SET a = 1") == _loose("UPDATE t x SET a = 1")
    True
    >>> _loose('(a int CONSTRAINT "Odd" NOT NULL)') == _loose("(a int NOT NULL)")
    True
    """
    text = LITERAL_OR_NAME.sub(lambda found: _bare(found[0]) if found[0][0] == '"' else found[0], text)
    parts, place = [], 0  # the literals, which must be the same, have the odd places
    for literal in LITERAL_OR_NAME.finditer(text):
        parts += [text[place : literal.start()], literal[0]]
        place = literal.end()
    parts.append(text[place:])
    for pattern, replacement in OF_PARSING if same_version else (*OF_VERSIONS, *OF_PARSING):
        parts[::2] = [re.sub(pattern, replacement, part) for part in parts[::2]]
    if query and not same_version and (qualifier := _qualifier("''".join(parts[::2]))):
        parts[::2] = [re.sub(rf"\b{re.escape(qualifier)}\.", "", part) for part in parts[::2]]
    return structure(parts)


def _qualifier(query: str) -> str:
    """Return what a query calls the only relation that it reads; nothing where it reads others.

    >>> _qualifier("SELECT t.a, (SELECT x FROM u) FROM s.big t WHERE (t.a > 1)")
    't'
    >>> _qualifier("SELECT a FROM s.t JOIN u ON (t.a = u.a)")
    ''
    """
    before = None
    text = " ".join(query.split())
    while before != text:
        before, text = text, IN_BRACKETS.sub("#", text)
    found = ONE_RELATION.search(text)
    return (found["alias"] or found["name"]) if found else ""


def _bare(name: str) -> str:
    """Return a quoted name as a word: which words are key words is a matter of the version."""
    inner = name[1:-1]
    return inner if ORDINARY.fullmatch(inner) else f"name_{inner.encode().hex()}"
