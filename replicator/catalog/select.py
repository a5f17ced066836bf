"""Which objects of a catalog are copied. Pure: a catalog in, a smaller one out."""

from dataclasses import replace

from replicator.catalog import FACETS
from replicator.model import Address, Catalog


def without_owners(catalog: Catalog) -> Catalog:
    """Leave ownership to the role that creates the objects."""
    return replace(catalog, objects=tuple(replace(o, owner=None, alter_owner=None) for o in catalog.objects))


def without_privileges(catalog: Catalog) -> Catalog:
    """Leave privileges as they are by default."""
    return replace(catalog, objects=tuple(o for o in catalog.objects if o.kind not in ("acl", "default_acl")))


def without_schema(catalog: Catalog, schema: str) -> Catalog:
    """Leave out a schema with all that is in it and all that needs any of that."""
    gone: set[Address] = set()
    while True:
        found = {
            o.address
            for o in catalog.objects
            if o.address not in gone
            and o.kind not in FACETS
            and (o.schema == schema or (o.kind == "schema" and o.identity == schema) or o.needs & gone)
        }
        if not found:
            break
        gone |= found
    return replace(
        catalog,
        objects=tuple(o for o in catalog.objects if o.address not in gone and not o.needs & gone),
        tables=tuple(table for table in catalog.tables if table.schema != schema),
        sequences=tuple(sequence for sequence in catalog.sequences if sequence.schema != schema),
    )
