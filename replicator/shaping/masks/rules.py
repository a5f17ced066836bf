"""Which mask each column has: its own, that of the table it inherits from, or that of the key that it refers to.

A mask on a key holds for all columns that refer to it, so that joins still match. It is made for the type of the key:
a shorter column would get another value.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from replicator.model import Catalog, ForeignKey
from replicator.settings.definition import Definition, DefinitionError, MaskRule, Path
from replicator.shaping.masks.kinds import MASKS, PLAIN, options
from replicator.shaping.masks.places import Place, Places
from replicator.shaping.masks.value import Unfit

OF_ITS_OWN = ("null", "sql")
"""Masks that a column may have although it refers to a key with another one."""
OF_THE_ROW = ("sql",)
"""Masks that other columns cannot take over, since they may depend on the whole row."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule that holds for a column: the type of `origin` decides what fits, and `path` says where the rule is."""

    rule: MaskRule
    origin: Place
    path: Path


@dataclass(frozen=True, slots=True)
class Link:
    """Columns that refer to others, pair by pair; of a foreign key, or of one that the definition declares."""

    child: Place
    parent: Place


Rules = Mapping[Place, Applied]


def links(catalog: Catalog, places: Places, declared: Iterable[tuple[Place, Place]]) -> list[Link]:
    """Return which columns refer to which."""
    found = [Link(*pair) for pair in declared]
    for o in catalog.objects:
        if isinstance(key := o.detail, ForeignKey):
            ends = key.relation.objid, key.referenced.objid
            for names in zip(key.columns, key.referenced_columns, strict=True):
                child, parent = (_place(places, oid, name) for oid, name in zip(ends, names, strict=True))
                if child and parent:
                    found.append(Link(child, parent))
    return found


def _place(places: Places, oid: int, quoted: str) -> Place | None:
    return next((c.place for c in places.columns.get(oid, {}).values() if c.quoted == quoted), None)


def resolve(definition: Definition, places: Places, links: Iterable[Link]) -> Rules:
    """Return the rule of each column that has one, `plain` included. Raises DefinitionError."""
    rules = _direct(definition, places)
    for place in list(rules):
        _inherit(rules, places, place)
    down: defaultdict[Place, list[Place]] = defaultdict(list)
    links = list(links)
    for link in links:
        down[link.parent].append(link.child)
    waiting = deque(sorted(rules))
    while waiting:
        parent = waiting.popleft()
        for child in down[parent]:
            if child != parent and _follow(rules, places, parent, child):
                waiting += _inherit(rules, places, child)
    for link in links:
        _check_both(rules, places, link)
    return rules


def _direct(definition: Definition, places: Places) -> dict[Place, Applied]:
    """Return the rules as they are written. The tables and columns exist: see `__init__`."""
    oids = {relation.called: relation.oid for relation in places.relations.values()}
    rules = {}
    for name, columns in definition.mask.items():
        relation = places.relations[oids[name]]
        for column, rule in columns.items():
            path = ("mask", str(name), column)
            try:
                options(rule)
            except Unfit as error:
                raise DefinitionError(path, error.problem, error.hint) from None
            if relation.partition:
                above = places.relations[relation.parents[0]].called
                raise DefinitionError(path, f"{name} is a partition of {above}.", f"Name {above} instead.")
            place = Place(relation.oid, column)
            if places.column(place).generated and rule.mask != PLAIN:
                raise DefinitionError(
                    path,
                    f"{column} is a generated column: the destination computes it from the masked values.",
                    "Leave it out.",
                )
            rules[place] = Applied(rule, place, path)
    return rules


def _inherit(rules: dict[Place, Applied], places: Places, place: Place) -> list[Place]:
    """Give a column's rule to the tables that inherit from its table; return it and all those."""
    reached = [place]
    for at in reached:
        for heir in places.heirs.get(at.relation, ()):
            below = Place(heir, place.column)
            own = rules.get(below)
            if own and own.rule != rules[place].rule:
                raise DefinitionError(
                    own.path,
                    f"{places.relations[heir].called} inherits from {places.relations[place.relation].called}, where"
                    f" {place.column} has another mask.",
                    "Leave out one of them.",
                )
            rules[below] = rules[place]
            reached.append(below)
    return reached


def _follow(rules: dict[Place, Applied], places: Places, parent: Place, child: Place) -> bool:
    """Give a key's rule to a column that refers to it. Returns whether that is new."""
    of_key, own = rules[parent], rules.get(child)
    if of_key.rule.mask == PLAIN or (own and own.rule.mask in OF_ITS_OWN):
        return False
    if own:
        if own.rule != of_key.rule:
            raise DefinitionError(
                own.path,
                f"{places.shown(child)} refers to {places.shown(parent)}, which has another mask: rows would no"
                " longer belong together.",
                "Leave out the rule of the referring column.",
            )
        if own.origin == of_key.origin:
            return False
    elif of_key.rule.mask in OF_THE_ROW or of_key.rule.options.get("by"):
        raise DefinitionError(
            of_key.path,
            f"{places.shown(child)} refers to {places.shown(parent)}, and has no mask: an expression over"
            " a row cannot be used in another table.",
            f"Write one for {places.shown(child)} that gives the same values.",
        )
    rules[child] = Applied(of_key.rule, of_key.origin, of_key.path)
    return True


def _check_both(rules: Rules, places: Places, link: Link) -> None:
    """Raise DefinitionError if only the referring column is masked."""
    own, of_key = rules.get(link.child), rules.get(link.parent)
    if own and own.rule.mask not in (PLAIN, *OF_ITS_OWN) and not (of_key and of_key.rule.mask != PLAIN):
        raise DefinitionError(
            own.path,
            f"{places.shown(link.child)} refers to {places.shown(link.parent)}, which is not masked.",
            f"Mask {places.shown(link.parent)}: what refers to it is masked in the same way.",
        )


def keyed(rules: Rules) -> bool:
    """Tell whether any mask needs the key."""
    return any(MASKS[applied.rule.mask].keyed for applied in rules.values())


def masked_places(rules: Rules) -> dict[Place, Applied]:
    """Return the rules without those for columns that are copied as they are."""
    return {place: applied for place, applied in rules.items() if applied.rule.mask != PLAIN}
