"""Reduces a catalog to the objects that are copied. Pure: a catalog in, a smaller one out."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from replicator.catalog import FACETS
from replicator.model import Address, Catalog, ForeignKey, Loss, Object, shown
from replicator.secrets import without_secrets

FIRST_USER_OID = 16384
NOT_VALID = " NOT VALID"
Key = Address | str
"""Identifies an object within a catalog. A facet has the address of its subject, so its name is used."""


def without_owners(catalog: Catalog, owners: Collection[str] | None = None) -> Catalog:
    """Leave objects to the role that creates them: those of these owners, or all.

    The owners of large objects are not known here: all of them are left to that role.
    """
    return replace(
        catalog,
        objects=tuple(
            replace(o, owner=None, alter_owner=None) if owners is None or o.owner in owners else o
            for o in catalog.objects
        ),
        large_objects=tuple(replace(r, owners=False) for r in catalog.large_objects)
        if owners is None or owners
        else catalog.large_objects,
    )


def without_privileges(catalog: Catalog) -> Catalog:
    """Leave privileges at their defaults."""
    return replace(
        catalog,
        objects=tuple(o for o in catalog.objects if o.kind not in ("acl", "default_acl")),
        large_objects=tuple(replace(r, privileges=False) for r in catalog.large_objects),
    )


def without_tablespaces(catalog: Catalog) -> Catalog:
    """Leave everything in the destination's default tablespace."""

    def kept(statements: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(s for s in statements if not s.startswith("SET default_tablespace = "))

    objects = (replace(o, create=kept(o.create), stub=kept(o.stub)) for o in catalog.objects)
    return replace(catalog, objects=tuple(objects))


def without_unlogged_rows(catalog: Catalog) -> Catalog:
    """Exclude the rows of unlogged tables and the values of unlogged sequences, but not the objects."""
    return replace(
        catalog,
        tables=tuple(table for table in catalog.tables if not table.unlogged),
        sequences=tuple(sequence for sequence in catalog.sequences if not sequence.unlogged),
    )


def as_validated(catalog: Catalog, other: Catalog, only: Collection[str] | None = None) -> Catalog:
    """Treat foreign keys as valid if another catalog has them as valid; those of these names, or all."""
    valid = {o.name for o in other.objects if isinstance(o.detail, ForeignKey) and o.detail.valid}
    valid = valid if only is None else valid.intersection(only)
    return replace(
        catalog,
        objects=tuple(
            replace(
                o,
                create=(o.create[0].removesuffix(NOT_VALID), *o.create[1:]),
                detail=replace(o.detail, valid=True),
            )
            if o.name in valid and isinstance(o.detail, ForeignKey)
            else o
            for o in catalog.objects
        ),
    )


def as_not_valid(o: Object) -> Object:
    """Return a foreign key that is created without a check of the rows that exist."""
    if not isinstance(o.detail, ForeignKey) or not o.detail.valid:
        return o
    create = (f"{o.create[0]}{NOT_VALID}", *o.create[1:])
    return replace(o, create=create, stub=(), finish=(), detail=replace(o.detail, valid=False))


def optional(catalog: Catalog) -> set[str]:
    """Return the names of objects that a copy may lack: indexes invalid on the source, and objects about them."""
    return {o.name for o in catalog.objects if catalog.invalid & {o.address, *o.needs}} if catalog.invalid else set()


def without_schema(catalog: Catalog, schema: str) -> Catalog:
    """Exclude a schema with its contents and everything that needs them."""
    excluded: set[Address] = set()
    while True:
        found = {
            o.address
            for o in catalog.objects
            if o.address not in excluded
            and o.kind not in FACETS
            and (o.schema == schema or (o.kind == "schema" and o.identity == schema) or o.needs & excluded)
        }
        if not found:
            break
        excluded |= found
    return replace(
        catalog,
        objects=tuple(o for o in catalog.objects if o.address not in excluded and not o.needs & excluded),
        tables=tuple(table for table in catalog.tables if table.schema != schema),
        sequences=tuple(sequence for sequence in catalog.sequences if sequence.schema != schema),
    )


def without_own(catalog: Catalog, extensions: Collection[str], wanted: Catalog) -> Catalog:
    """Exclude what the destination keeps of its own: these extensions with their schemas, the owner of public."""
    schemas = {o.identity: o for o in wanted.objects if o.kind == "schema"}
    owned = "public" in schemas and schemas["public"].alter_owner
    excluded = {o.address for o in catalog.objects if o.kind == "extension" and o.identity in extensions}
    needed = {address for o in catalog.objects if o.address in excluded for address in o.needs}
    others = (
        o for o in catalog.objects if o.kind not in FACETS and o.address not in excluded and not o.needs & excluded
    )
    also = {address for o in others for address in o.needs}
    excluded |= {
        o.address
        for o in catalog.objects
        if o.kind == "schema" and o.identity not in schemas and o.address in needed - also
    }
    return replace(
        catalog,
        objects=tuple(
            replace(o, owner=None, alter_owner=None) if o.name == "schema public" and not owned else o
            for o in catalog.objects
            if o.address not in excluded and (o.kind == "schema" or not o.needs & excluded)
        ),
    )


def key(o: Object) -> Key:
    """Return the key of this object."""
    return o.name if o.kind in FACETS else o.address


def without(
    catalog: Catalog, excluded: Mapping[Key, str], statements: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Catalog, list[Loss]]:
    """Exclude objects with everything that needs them, and single statements of others. Also returns the losses.

    Both are given with the reasons; `statements` by the object's name. Tables with rows come first among the losses.
    """
    reasons = dict(excluded)
    lost = statements or {}
    objects = [_without_statements(o, lost.get(o.name, {})) for o in catalog.objects]
    emptied = [o for o in objects if o.name in lost and not o.create and o.identity != "public"]
    reasons |= {key(o): "; ".join(dict.fromkeys(lost[o.name].values())) for o in emptied}
    names = {o.address: o.name for o in objects if o.kind not in FACETS}
    found = True
    while found:
        found = False
        for o in objects:
            needed = next((a for a in sorted(o.needs) if a in reasons), None)
            if needed is not None and key(o) not in reasons:
                reasons[key(o)] = f"it needs {shown(names[needed])}"
                found = True
    rows = {table.address: table.rows for table in catalog.tables}
    losses = []
    for o in objects:
        if key(o) not in reasons:
            pairs = lost.get(o.name, {}).items()
            losses += [
                Loss(o.name, f"{without_secrets(statement)} ({why})", fatal=not _built_in(o))
                for statement, why in pairs
            ]
        elif not (o.kind in FACETS and o.address in reasons):  # its subject is named
            count = rows.get(o.address) if o.kind == "table" else None
            losses.append(Loss(o.name, reasons[key(o)], whole=True, fatal=not _built_in(o), rows=count))
    reduced = replace(
        catalog,
        objects=tuple(o for o in objects if key(o) not in reasons),
        tables=tuple(t for t in catalog.tables if reasons.keys().isdisjoint((t.address, t.extension))),
        sequences=tuple(s for s in catalog.sequences if reasons.keys().isdisjoint((s.address, s.extension, s.table))),
        populated=frozenset(address for address in catalog.populated if address not in reasons),
    )
    return reduced, sorted(losses, key=lambda loss: loss.rows is None)


def _without_statements(o: Object, excluded: Mapping[str, str]) -> Object:
    if not excluded:
        return o
    create, stub, finish = (
        tuple(s for s in statements if s not in excluded) for statements in (o.create, o.stub, o.finish)
    )
    if o.alter_owner in excluded:
        o = replace(o, owner=None, alter_owner=None)
    return with_statements(o, create, stub, finish)


def with_statements(o: Object, create: tuple[str, ...], stub: tuple[str, ...], finish: tuple[str, ...]) -> Object:
    """Return an object that is created by fewer statements.

    An object with `finish` was tried in two steps. Its `create` would include what failed, so it becomes these two.
    """
    if len(finish) < len(o.finish):
        create = stub + finish
    if o.finish and not finish:
        return replace(o, create=create, stub=(), finish=(), needs=o.stub_needs)
    return replace(o, create=create, stub=stub, finish=finish)


def dispensable(o: Object, statement: str) -> bool:
    """Return whether an object is useful without a statement: one that adds to it, but does not create it."""
    if o.kind in FACETS or o.kind == "default_acl":
        return True
    return not statement.startswith("CREATE") and any(each.startswith("CREATE") for each in o.create)


def _built_in(o: Object) -> bool:
    return o.kind in FACETS and o.address.objid < FIRST_USER_OID
