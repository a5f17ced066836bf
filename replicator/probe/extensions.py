"""Extensions: whether the destination's server has them, in which version, and where the database has them already.

CREATE EXTENSION IF NOT EXISTS takes one for there that is in another schema, and all that names it by its schema fails.
"""

from collections.abc import Iterable

from psycopg import sql

from replicator.model import Catalog, Finding
from replicator.postgres import Connection, quoted

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
ALWAYS_THERE = ("public", "pg_catalog")


def check_extensions(
    source: Connection, destination: Connection, catalog: Catalog, *, replacing: bool, absent: bool
) -> Iterable[Finding]:
    """Yield the extensions that the destination lacks, or has in another version or another schema.

    `replacing`: of what is there, all goes first but what is another role's, or in a schema of the destination's own.
    `absent`: there is nothing yet in the destination, and this is another database of its server.
    """
    wanted = [o.identity for o in catalog.objects if o.kind == "extension"]
    schemas = {o.identity for o in catalog.objects if o.kind == "schema"}
    here = source.execute(
        "SELECT extname::text, extversion, nspname::text"
        "  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE quote_ident(extname) = ANY (%s) ORDER BY extname",
        [wanted],
    ).fetchall()
    rows = destination.execute(AVAILABLE, [absent, [row[0] for row in here]]).fetchall()
    there = {name: row for name, *row in rows}
    for name, version, schema in here:
        if name not in there:
            yield Finding(
                f"The destination server lacks an extension that the source uses: {name} {version}.",
                "Install its package on the destination server.",
                object=f"extension {name}",
            )
            continue
        other, versions, elsewhere, identity, relocatable, own, alone = there[name]
        if other != version:
            choosable = elsewhere is None and version in versions
            yield Finding(
                f"The extension {name} is {version} on the source,"
                f" {'and will be' if elsewhere is None else 'but'} {other} on the destination.",
                fatal=False,
                object=f"extension {name}",
                run=creation(destination, name, schema, version) if choosable else "",
            )
        stays = not (replacing and own and identity in schemas)
        if elsewhere not in (None, schema) and stays:
            move = f"{_made(schema, destination)}ALTER EXTENSION {quoted(name)} SET SCHEMA {quoted(schema)};"
            anew = f"DROP EXTENSION {quoted(name)}; {creation(destination, name, schema)}"
            # Without the extension that schema is one thing more that keeps the destination from being empty.
            rest = f" DROP SCHEMA {quoted(elsewhere)};" if alone and identity not in schemas and not replacing else ""
            yield Finding(
                f"The extension {name} is in the schema {quoted(schema)} on the source, and in {quoted(elsewhere)} on"
                " the destination: what names it there would not find it.",
                "" if relocatable else "It cannot be moved.",
                object=f"extension {name}",
                run=f"{move if relocatable else anew}{rest}",
            )


def creation(destination: Connection, name: str, schema: str, version: str | None = None) -> str:
    """Return the statements with which an administrator makes an extension in the schema that it has on the source.

    Where it prescribes its schema itself, there is nothing to say of that.
    """
    of_version = f" VERSION {sql.Literal(version).as_string()}" if version else ""
    if destination.execute(PINNED, [name, version]).fetchall() == [(True,)]:
        return f"CREATE EXTENSION {quoted(name)}{of_version};"
    made = _made(schema, destination)
    return f"{made}CREATE EXTENSION {quoted(name)} SCHEMA {quoted(schema)}{of_version};"


def _made(schema: str, destination: Connection) -> str:
    """Return what makes a schema unless it is there. It is this role's, as if the clone had made it."""
    if schema in ALWAYS_THERE:
        return ""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)} AUTHORIZATION {quoted(destination.info.user)}; "
