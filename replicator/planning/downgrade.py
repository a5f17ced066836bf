"""Adapts a catalog to an older major version: removes attributes that it does not support, or the whole object.

features.py lists what each version introduced. Anything else that a server does not support (a function, a type, a
view's syntax) shows in the dry run (checks/dry_run.py). Pure: a catalog in, a reduced one and the losses out.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from replicator.catalog.select import Key, dispensable, key, with_statements, without
from replicator.model import Catalog, Loss, Object
from replicator.planning.features import FEATURES, GRANTS, TABLES, Feature

STANDARD_SINCE_15 = "GRANT USAGE ON SCHEMA public TO PUBLIC"
GRANT = re.compile(r"\bGRANT .* TO ", re.DOTALL)
# A dollar-quoted body, a literal, a quoted name. A literal of one word is kept, since it may be an option's value.
OPAQUE = re.compile(r"""\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
WORD = re.compile(r"'\w*'")
NUMBER = re.compile(r"""(['"$])(\d+)\1""")


def adapt(catalog: Catalog, major: int) -> tuple[Catalog, list[Loss]]:
    """Return the catalog as a server of this major version supports it, as far as FEATURES know, and the losses."""
    features = [feature for feature in FEATURES if feature.since > major]
    version = catalog.version // 10000
    losses: list[Loss] = []
    excluded: dict[Key, str] = {}
    objects = []
    for o in catalog.objects if version > major else ():
        own = [f for f in features if f.since <= version and (not f.kinds or o.kind in f.kinds)]
        reduced, loss_words, whole = _adapt_object(o, own)
        if o.kind == "acl" and version >= 17 > major and _all_but_maintain(reduced.create):
            whole, loss_words = True, ["the owner's lack of the privilege MAINTAIN (new in PostgreSQL 17)"]
        if whole:
            excluded[key(o)] = loss_words[-1]
        losses += [] if whole else [Loss(o.name, text) for text in loss_words]
        objects.append(reduced)
    if version <= major:
        return catalog, []
    if version >= 17 > major:
        catalog = _intervals_as_text(catalog)
    if version >= 15 > major:
        objects = _public_as_since_15(objects)
    reduced_catalog, left_out = without(replace(catalog, objects=tuple(objects)), excluded)
    return reduced_catalog, losses + left_out


def _all_but_maintain(statements: Sequence[str]) -> bool:
    """Return whether a table's privileges only say that its owner has all that existed before 17."""
    return ALL_BUT_MAINTAIN.fullmatch("; ".join(statements)) is not None


ALL_BUT_MAINTAIN = re.compile(
    r"REVOKE ALL ON TABLE (.+) FROM (.+); GRANT INSERT, SELECT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
    r" ON TABLE \1 TO \2"
)


def _intervals_as_text(catalog: Catalog) -> Catalog:
    """Copy tables that may hold intervals as text: an older server reads binary infinity as a finite value."""
    named = {o.address for o in catalog.objects if any("interval" in statement for statement in o.create)}
    types = [
        o for o in catalog.objects if o.kind in ("domain", "composite_type", "table")
    ]  # a child has its parent's columns
    while more := {o.address for o in types if o.needs & named} - named:
        named |= more
    tables = (replace(table, as_text=table.address in named) for table in catalog.tables)
    return replace(catalog, tables=tuple(tables))


def _public_as_since_15(objects: Sequence[Object]) -> list[Object]:
    """Return the objects with a REVOKE of CREATE on the schema public from PUBLIC, which has it by default before 15.

    The schema's privileges are written as an older server prints them.
    """
    schema = next((o for o in objects if o.name == "schema public"), None)
    if schema is None:
        return list(objects)
    acl = next((o for o in objects if o.name == "acl public (schema)"), None) or Object(
        "acl", schema.address, "public (schema)", schema.schema, None, (), needs=frozenset({schema.address})
    )
    says_all = any(s.startswith("REVOKE") and s.endswith(" FROM PUBLIC") for s in acl.create)
    first = ("REVOKE ALL ON SCHEMA public FROM PUBLIC", *(() if says_all else (STANDARD_SINCE_15,)))
    return [o for o in objects if o is not acl] + [replace(acl, create=first + acl.create)]


def _adapt_object(o: Object, features: Sequence[Feature]) -> tuple[Object, list[str], bool]:
    """Return an object without these features, what it loses, and whether it is dropped as a whole."""
    loss_words: dict[str, None] = {}
    lists = []
    for statements in (o.create, o.stub, o.finish):
        kept = []
        for statement in statements:
            text, lost = _adapt_statement(statement, features)
            loss_words.update(dict.fromkeys(lost))
            if text:
                kept.append(text)
            elif lost and not dispensable(o, statement):
                return o, list(loss_words), True
        lists.append(tuple(kept))
    if o.kind in TABLES and any(feature.since == 18 for feature in features):
        lists = [_as_before_18(o, statements) for statements in lists]
    if o.kind in GRANTS and loss_words:
        lists[0] = _without_pairs(lists[0])
    if not lists[0] and o.create:
        return o, list(loss_words), True
    return with_statements(o, lists[0], lists[1], lists[2]), list(loss_words), False


def _without_pairs(statements: Sequence[str]) -> tuple[str, ...]:
    """Drop privileges that are revoked and granted again: the privilege that made the difference was removed."""
    again = {
        s: re.sub(r"\bGRANT (.*) TO ", r"REVOKE \1 FROM ", s, flags=re.DOTALL) for s in statements if GRANT.search(s)
    }
    pairs = {s for grant, revoke in again.items() if revoke in statements for s in (grant, revoke)}
    return tuple(s for s in statements if s not in pairs)


def _adapt_statement(statement: str, features: Sequence[Feature]) -> tuple[str, list[str]]:
    """Return a statement without these features, "" if nothing is left, and what it loses."""
    if not features:
        return statement, []
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        if WORD.fullmatch(found[0]) and not NUMBER.fullmatch(found[0]):
            return found[0]
        hidden.append(found[0])
        return f"{found[0][0]}{len(hidden) - 1}{found[0][0]}"

    def show(text: str) -> str:
        return NUMBER.sub(lambda found: hidden[int(found[2])] if int(found[2]) < len(hidden) else found[0], text)

    text = OPAQUE.sub(hide, statement)
    loss_words = []
    for feature in features:
        pattern, start = re.compile(feature.pattern, re.DOTALL), 0
        while found := pattern.search(text, start):
            reduced = "" if feature.text is None else text[: found.start()] + _put(feature, found) + text[found.end() :]
            start = found.end() if reduced == text else found.start()
            if reduced == text:
                continue
            text = reduced
            if feature.loss_words:
                name = feature.loss_words.format(*found.groups(), found=found[0].strip(", "))
                loss_words.append(name if feature.text is not None else f"{name} (new in PostgreSQL {feature.since})")
            if feature.text is None:
                break
    text = re.sub(r"(, )?\0(?(1)|(?:, )?)", "", re.sub(r" (?:WITH \(\0(?:, \0)*\)|ADD \0$)", "", text))
    return show(text), [show(name) for name in loss_words]


def _put(feature: Feature, found: re.Match[str]) -> str:
    return feature.text(found) if callable(feature.text) else found.expand(feature.text or "")


QUOTED = r'(?:"(?:[^"]|"")*"|[\w$]+)'
APART = re.compile(rf"(?:, |(?<=\())CONSTRAINT {QUOTED} NOT NULL ({QUOTED})(?=[,)])")


def _as_before_18(o: Object, statements: tuple[str, ...]) -> tuple[str, ...]:
    """Return a table's statements with not-null constraints, or checks instead, as an older server prints them."""
    start = next((n for n, statement in enumerate(statements) if statement.startswith("CREATE")), len(statements))
    return statements[:start] + _checks_last(_not_null_after(o, statements[start:]))


def _not_null_after(o: Object, statements: tuple[str, ...]) -> tuple[str, ...]:
    """Return a table's statements with NOT NULL of inherited columns after CREATE: before 18 it cannot have them."""
    if not statements:
        return statements
    columns = APART.findall(statements[0])
    first = APART.sub("", statements[0])
    alter = tuple(f"ALTER TABLE ONLY {o.identity} ALTER COLUMN {column} SET NOT NULL" for column in columns)
    return (first.replace("(, ", "("), *alter, *statements[1:])


INSTEAD = re.compile(rf"CONSTRAINT {QUOTED} CHECK \(\({QUOTED} IS (?:NOT|DISTINCT FROM) NULL\)\) NO INHERIT")
INLINE = re.compile(rf"(.*) ({INSTEAD.pattern})(.*)", re.DOTALL)
CHECK_OF = re.compile(rf"CONSTRAINT ({QUOTED}) CHECK ")
BRACKET = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]""")


def _checks_last(statements: tuple[str, ...]) -> tuple[str, ...]:
    """Return a table's statements with checks that replace not-null constraints in the place of other checks."""
    if not statements or not INSTEAD.search(statements[0]):
        return statements
    first, depth, cuts = statements[0], 0, []
    for token in BRACKET.finditer(first):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if (depth, token[0]) in ((1, "("), (1, ","), (0, ")")):
            cuts.append(token.start())
            if depth == 0:
                break
    columns, checks = [], []
    for start, end in itertools.pairwise(cuts):
        item = first[start + 1 : end].strip()
        if CHECK_OF.match(item):
            checks.append(item)
        elif found := INLINE.fullmatch(item):
            columns.append(found[1] + found[3])
            checks.append(found[2])
        else:
            columns.append(item)
    checks.sort(key=lambda item: CHECK_OF.match(item)[1].strip('"').encode())  # type: ignore[index]
    items = ", ".join(filter(None, columns + checks))
    return (f"{first[: cuts[0]]}({items}{first[cuts[-1] :]}", *statements[1:])
