"""What people call the kinds of objects. A name such as `matview public.m` is a key: in plans, journals and JSON."""

import re

WORDS = {
    "acl": "privileges of",
    "clustered_index": "clustering of",
    "column_setting": "column settings of",
    "comment": "comment on",
    "default_acl": "default privileges",
    "index_attach": "attachment of index",
    "index_setting": "index settings of",
    "matview": "materialized view",
    "not_valid_check": "NOT VALID check",
    "replica_identity": "replica identity of",
    "row_security": "row security of",
    "security_label": "security label on",
    "sequence_owner": "owner of sequence",
    "statistics": "statistics object",
    "table_attach": "attachment of partition",
}
"""What stands before the name of an object; other kinds are called as they are written, with blanks."""
NOUNS = {
    "acl": "privileges",
    "column_setting": "column settings",
    "default_acl": "default privileges",
    "index": "index",
    "index_attach": "index attachment",
    "index_setting": "index settings",
    "policy": "policy",
    "row_security": "row security",
    "sequence_owner": "sequence owner",
    "table_attach": "partition attachment",
}
"""What several of a kind are counted by, where that is something else."""
NAME = re.compile(r"(?P<step>(?:verify|validate|check) )?(?P<kind>[a-z_]+) (?P<rest>.*)", re.DOTALL)
ABOUT = re.compile(r"(.*) \(([a-z][a-z ]*)\)", re.DOTALL)
"""What a facet is about: `public.t (table)`."""


def kind_words(kind: str) -> str:
    """Return the noun for a kind of objects.

    >>> kind_words("matview"), kind_words("enum_type"), kind_words("acl")
    ('materialized view', 'enum type', 'privileges')
    """
    return NOUNS.get(kind) or WORDS.get(kind, kind.replace("_", " ")).removesuffix(" of").removesuffix(" on")


def counted_kind(number: int, kind: str) -> str:
    """Return how many objects of a kind there are.

    >>> counted_kind(2, "matview"), counted_kind(1, "index"), counted_kind(1200, "policy")
    ('2 materialized views', '1 index', '1,200 policies')
    >>> counted_kind(1, "acl"), counted_kind(3, "column_setting"), counted_kind(2, "operator_class")
    ('1 set of privileges', '3 sets of column settings', '2 operator classes')
    """
    noun = kind_words(kind)
    if noun.endswith(("privileges", "settings")):
        noun = f"set{'' if number == 1 else 's'} of {noun}"
    elif number != 1:
        noun = _plural(noun)
    return f"{number:,} {noun}"


def _plural(noun: str) -> str:
    """Return the plural of a noun.

    >>> _plural("index"), _plural("operator family"), _plural("foreign key")
    ('indexes', 'operator families', 'foreign keys')
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def shown(name: str) -> str:
    """Return the name of an object, or of a step that is about one, as people read it.

    >>> shown("matview public.m"), shown("foreign_key k on public.t"), shown("verify matview public.m")
    ('materialized view public.m', 'foreign key k on public.t', 'verify materialized view public.m')
    >>> shown("acl public.t (table)"), shown("sequence_owner public.s"), shown("data public.t")
    ('privileges of table public.t', 'owner of sequence public.s', 'data public.t')
    """
    if not (found := NAME.fullmatch(name)):
        return name
    kind, rest = found["kind"], found["rest"]
    words = WORDS.get(kind, kind.replace("_", " "))
    if words.endswith((" of", " on")) and (about := ABOUT.fullmatch(rest)):
        rest = f"{about[2]} {about[1]}"
    return f"{found['step'] or ''}{words} {rest}"
