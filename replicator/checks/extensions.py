"""Does the destination server offer the source's extensions, in which version; in which schema does it have them?

CREATE EXTENSION IF NOT EXISTS accepts one in another schema, and whatever names its objects by schema fails later.
"""

import shlex
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import psycopg
from psycopg import sql

from replicator.model import Catalog, Finding
from replicator.sessions.postgres import Connection, quoted

AVAILABLE = """
SELECT a.name::text
     , CASE WHEN e.oid IS NULL THEN a.default_version ELSE a.installed_version END
     , ARRAY(SELECT version FROM pg_available_extension_versions v WHERE v.name = a.name)
     , n.nspname::text
     , quote_ident(n.nspname)
     , e.extrelocatable
     , pg_has_role(e.extowner, 'USAGE')
     , e.extnamespace >= 16384 AND NOT EXISTS (
           SELECT FROM pg_extension o WHERE o.extnamespace = e.extnamespace AND o.oid <> e.oid)
  FROM pg_available_extensions a
  LEFT JOIN pg_extension e ON e.extname = a.name AND NOT %s
  LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE a.name = ANY (%s)
"""
PINNED = """
SELECT v.schema IS NOT NULL
  FROM pg_available_extension_versions v
  JOIN pg_available_extensions a USING (name)
 WHERE v.name = %s AND v.version = coalesce(%s, a.default_version)
"""
UPDATE = """
SELECT path IS NOT NULL FROM pg_extension_update_paths(%s) WHERE source = %s AND target = %s"""
# In the order in which they can be created.
NEEDING = """
WITH RECURSIVE needing (oid, level) AS (
    SELECT oid, 0 FROM pg_extension WHERE extname = %s
     UNION
    SELECT d.objid, n.level + 1
      FROM needing n
      JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = n.oid
     WHERE d.classid = 'pg_extension'::regclass
)
SELECT e.extname::text
  FROM needing n JOIN pg_extension e USING (oid)
 GROUP BY e.extname HAVING min(n.level) > 0
 ORDER BY max(n.level), 1"""
OWN = """
SELECT e.extname::text
     , CASE WHEN n.oid >= 16384 AND quote_ident(n.nspname) <> ALL (given.schemas)
                 AND NOT EXISTS (SELECT FROM pg_extension o
                                  WHERE o.extnamespace = n.oid AND o.extname = ANY (given.wanted))
            THEN quote_ident(n.nspname) END
  FROM (SELECT %s::text[] AS wanted, %s::text[] AS schemas, %s AS replacing) AS given
 CROSS JOIN pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname <> ALL (given.wanted)
   AND e.extname <> 'plpgsql'
   AND NOT (given.replacing AND pg_has_role(e.extowner, 'USAGE'))
 ORDER BY 1"""
TO_KEEP = "before the clone, to have the source's version."
ALWAYS_THERE = ("public", "pg_catalog")


def check_extensions(
    source: Connection, destination: Connection, catalog: Catalog, *, replacing: bool, absent: bool
) -> Iterable[Finding]:
    """Yield the extensions that the destination lacks, or has in another version or another schema.

    `replacing`: existing extensions are dropped first, except those of other roles or in schemas that stay.
    `absent`: the database does not exist yet, and `destination` is connected to another one of its server.
    """
    wanted = [o.identity for o in catalog.objects if o.kind == "extension"]
    schemas = {o.identity for o in catalog.objects if o.kind == "schema"}
    wanted_ones = source.execute(
        "SELECT extname::text, extversion, nspname::text"
        "  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE quote_ident(extname) = ANY (%s) ORDER BY extname",
        [wanted],
    ).fetchall()
    rows = destination.execute(AVAILABLE, [absent, [row[0] for row in wanted_ones]]).fetchall()
    offered = {name: row for name, *row in rows}
    places = {name: schema for name, _, schema in wanted_ones}
    for name, version, schema in wanted_ones:
        if name not in offered:
            yield Finding(
                f'Extension "{name}" ({version}) is not available on the destination server, but the source uses it.',
                "Install its package on the destination server; or clone without it and everything that needs it:"
                f" --exclude-extension {shlex.quote(name)}",
                object=f"extension {name}",
            )
            continue
        other, versions, elsewhere, identity, relocatable, own, alone = offered[name]
        stays = elsewhere is not None and not (replacing and own and identity in schemas)
        if other != version:
            now = other if stays else None
            statements = _of_version(destination, name, schema, version, now, places) if version in versions else ""
            yield Finding(
                f'Extension "{name}" has version {version} on the source, but'
                f" {'has' if stays else 'will have'} {other} on the destination.",
                TO_KEEP if statements else "",
                fatal=False,
                object=f"extension {name}",
                run=statements,
            )
        if elsewhere != schema and stays:
            move = f"{_create_schema(schema, destination)}ALTER EXTENSION {quoted(name)} SET SCHEMA {quoted(schema)};"
            recreate = _recreate(destination, name, schema, version if version in versions else None, places)
            relocatable = relocatable and _may_be_moved(destination, name, schema)
            # Without the extension, its old schema would only keep the destination from being empty.
            rest = f" DROP SCHEMA {quoted(elsewhere)};" if alone and identity not in schemas and not replacing else ""
            yield Finding(
                f'Extension "{name}" is in schema {quoted(schema)} on the source, but in {quoted(elsewhere)} on the'
                " destination, so objects that name its schema would fail.",
                "" if relocatable else "It cannot be moved to another schema.",
                object=f"extension {name}",
                run=f"{move if relocatable else recreate}{rest}",
            )
    if not absent:
        yield from _kept(destination, places, schemas, replacing=replacing)


def _kept(
    destination: Connection, wanted: Collection[str], schemas: Collection[str], *, replacing: bool
) -> Iterable[Finding]:
    """Yield the extensions that only the destination has and that stay, with the statements that would drop them."""
    rows = destination.execute(OWN, [list(wanted), list(schemas), replacing]).fetchall()
    if names := [name for name, _ in rows]:
        dropped = ", ".join(map(quoted, names))
        emptied = "".join(f" DROP SCHEMA {schema};" for schema in dict.fromkeys(s for _, s in rows if s))
        yield Finding(
            f"Extensions that only the destination has will stay: {', '.join(names)}.",
            fatal=False,
            object="extensions",
            run=f"DROP EXTENSION {dropped};{emptied}",
        )


def _may_be_moved(destination: Connection, name: str, schema: str) -> bool:
    """Try to move an extension, which others that need it may prevent. Without the privilege, assume that it may."""
    try:
        with destination.transaction(force_rollback=True):
            destination.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            destination.execute(f"ALTER EXTENSION {quoted(name)} SET SCHEMA {quoted(schema)}")
    except psycopg.errors.InsufficientPrivilege:
        pass
    except psycopg.DatabaseError:
        return False
    return True


def _of_version(
    destination: Connection, name: str, schema: str, version: str, now: str | None, places: Mapping[str, str]
) -> str:
    """Return the statements that give an extension this version; `now` is the version on the destination, if any.

    Empty if objects that need it would have to be dropped with it.
    """
    if now is None:
        return creation(destination, name, schema, version)
    if destination.execute(UPDATE, [name, now, version]).fetchall() == [(True,)]:
        return f"ALTER EXTENSION {quoted(name)} UPDATE TO {sql.Literal(version).as_string()};"
    return "" if _in_use(destination, name) else _recreate(destination, name, schema, version, places)


def _in_use(destination: Connection, name: str) -> bool:
    """Tell, by trying, whether more than other extensions depends on an extension."""
    try:
        with destination.transaction(force_rollback=True):
            destination.execute("SET LOCAL lock_timeout = '1s'")  # somebody may use its tables
            destination.execute(f"DROP EXTENSION {_with_needing(destination, name)[1]}")
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.LockNotAvailable):
        return True
    except psycopg.DatabaseError:
        pass
    return False


def _with_needing(destination: Connection, name: str) -> tuple[list[str], str]:
    """Return the extensions that need one, and the list of all of them for a DROP EXTENSION."""
    needing = [row[0] for row in destination.execute(NEEDING, [name]).fetchall()]
    return needing, ", ".join(map(quoted, [name, *needing]))


def _recreate(destination: Connection, name: str, schema: str, version: str | None, places: Mapping[str, str]) -> str:
    """Return the statements that drop and create an extension, and the source's extensions that need it."""
    needing, dropped = _with_needing(destination, name)
    again = "".join(f" {creation(destination, other, places[other])}" for other in needing if other in places)
    return f"DROP EXTENSION {dropped}; {creation(destination, name, schema, version)}{again}"


def creation(destination: Connection, name: str, schema: str, version: str | None = None) -> str:
    """Return the statements that create an extension in the schema that it has on the source.

    An extension whose control file names its schema takes no SCHEMA.
    """
    of_version = f" VERSION {sql.Literal(version).as_string()}" if version else ""
    if destination.execute(PINNED, [name, version]).fetchall() == [(True,)]:
        return f"CREATE EXTENSION {quoted(name)}{of_version};"
    first = _create_schema(schema, destination)
    return f"{first}CREATE EXTENSION {quoted(name)} SCHEMA {quoted(schema)}{of_version};"


def _create_schema(schema: str, destination: Connection) -> str:
    """Return the statement that creates a schema unless it exists, owned by this role as after a clone."""
    if schema in ALWAYS_THERE:
        return ""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)} AUTHORIZATION {quoted(destination.info.user)}; "


def created_by_extensions(destination: Connection, catalog: Catalog, extensions: Collection[str]) -> set[str]:
    """Return the destination's roles once it has these extensions: create them, and roll back."""
    kinds = {o.address: o for o in catalog.objects if o.kind in ("schema", "extension")}
    wanted = [o for o in kinds.values() if o.kind == "extension" and o.identity in extensions]
    schemas = [kinds[a] for o in wanted for a in o.needs if a in kinds and kinds[a].kind == "schema"]
    tried = [*(s for o in schemas for s in o.create[:1]), *(f"{s} CASCADE" for o in wanted for s in o.create)]
    with destination.transaction(force_rollback=True):
        for each in tried:
            with suppress(psycopg.DatabaseError), destination.transaction():
                destination.execute(each)
        return {row[0] for row in destination.execute("SELECT rolname::text FROM pg_roles").fetchall()}
