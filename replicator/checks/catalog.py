"""Does the destination have what the source's objects need: extensions, collations, roles?"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from replicator.catalog.depend import LARGE_OBJECT_CLASS
from replicator.checks.extensions import check_extensions, created_by_extensions
from replicator.checks.load import slow
from replicator.events import counted
from replicator.model import Address, Catalog, Finding
from replicator.sessions.naming import named
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement

OF_LARGE_OBJECTS = b"SELECT pg_get_userbyid(lomowner)::text, count(*) FROM pg_largeobject_metadata GROUP BY 1"
SET_OPTION_SINCE = 160000
FIRST_SUPERUSERS = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'public' AND nspowner = 10"
DATABASE_OWNERS = """
SELECT r.rolname::text
  FROM pg_database d
  JOIN pg_roles r ON r.oid = d.datdba AND NOT r.rolsuper
  JOIN pg_namespace n ON n.nspname = 'public' AND pg_get_userbyid(n.nspowner) = 'pg_database_owner'
 WHERE d.datname = current_database()"""
"""The first owner of the schema public: before PostgreSQL 15 and since then."""


def check_catalog(
    source: Connection,
    destination: Connection,
    catalog: Catalog,
    *,
    roles: bool,
    replacing: bool = False,
    absent: bool = False,
) -> list[Finding]:
    """Return what these objects need and the destination lacks: extensions, collations, roles.

    `roles`: missing roles will be created. `replacing`: existing objects will be dropped. `absent`: the destination
    database will be created like the source, and `destination` is connected to another database of its server.
    """
    return [
        *check_extensions(source, destination, catalog, replacing=replacing, absent=absent),
        *_collations(source, destination, source if absent else destination),
        *([] if roles else check_roles(source, destination, catalog)),
        *_public(source, destination),
        *slow(destination, sum(table.bytes for table in catalog.tables)),
    ]


def _collations(source: Connection, destination: Connection, encoded: Connection) -> Iterable[Finding]:
    """Yield the collations that initdb made from the system's locales and that the destination lacks.

    User-defined ones are tried with the rest of the schema. `encoded`: a database with the destination's encoding.
    """
    used = [row[0] for row in source.execute(statement(__package__, "used_collations")).fetchall()]
    missing = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name) WHERE NOT EXISTS ("
        "SELECT FROM pg_collation c"
        " WHERE c.collnamespace = 'pg_catalog'::regnamespace AND c.collname = w.name"
        "   AND c.collencoding IN (-1, pg_char_to_encoding(%s))) ORDER BY w.name",
        [used, encoded.info.parameter_status("server_encoding")],
    ).fetchall()
    for (name,) in missing:
        yield Finding(
            f'Collation "{name}" does not exist on the destination, but the source uses it.',
            "after its locale is installed there.",
            object=f"collation {quoted(name)}",
            run="SELECT pg_import_system_collations('pg_catalog');",
        )


def _public(source: Connection, destination: Connection) -> Iterable[Finding]:
    """Since 15 the schema public belongs to the database's owner; a clone leaves it so (kinds/schema.sql)."""
    before = source.execute(FIRST_SUPERUSERS).fetchall() if source.info.server_version < 150000 else []
    for (first,) in before:
        for (owner,) in destination.execute(DATABASE_OWNERS).fetchall():
            yield Finding(
                f'Schema public will belong to the database owner, "{owner}", as in every new database since PostgreSQL'
                " 15;"
                f' on the source it belongs to "{first}".',
                fatal=False,
                object="schema public",
                run=f"ALTER SCHEMA public OWNER TO {quoted(first)};",
            )


def _owned(source: Connection, catalog: Catalog) -> Counter[str]:
    """Return how many objects each role owns, by its name on the destination."""
    owned = Counter(o.owner for o in catalog.objects if o.owner)
    if any(objects.owners for objects in catalog.large_objects):
        owned.update(dict(source.execute(named(OF_LARGE_OBJECTS, source, catalog.roles)).fetchall()))
    return owned


def inaccessible_owners(source: Connection, destination: Connection, catalog: Catalog) -> dict[str, int]:
    """Return the owners that exist on the destination but this role may not SET ROLE to, and how much each owns."""
    owned = _owned(source, catalog)
    may_set = "SET" if destination.info.server_version >= SET_OPTION_SINCE else "MEMBER"
    rows = destination.execute(
        "SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)"
        " AND NOT (pg_has_role(oid, %s) AND pg_has_role(oid, 'USAGE')) ORDER BY rolname",
        [list(owned), may_set],
    ).fetchall()
    return {row[0]: owned[row[0]] for row in rows}


def check_memberships(
    source: Connection, destination: Connection, catalog: Catalog, *, agreed: bool
) -> Iterable[Finding]:
    """Yield the owners that this role may not SET ROLE to. `agreed`: their objects may belong to this role instead.

    Never advise to grant a superuser's role for this: that would give away the whole server.
    """
    user = quoted(destination.info.user)
    options = " WITH INHERIT TRUE, SET TRUE" if destination.info.server_version >= SET_OPTION_SINCE else ""
    inherits = destination.execute("SELECT rolinherit FROM pg_roles WHERE rolname = current_user").fetchall()
    inherit = "" if options or inherits == [(True,)] else f" ALTER ROLE {user} INHERIT;"
    superusers = {row[0] for row in destination.execute("SELECT rolname::text FROM pg_roles WHERE rolsuper").fetchall()}
    for role, number in inaccessible_owners(source, destination, catalog).items():
        superuser = role in superusers
        leave = "--no-owner, or with --skip-unprivileged" if catalog.objects else "--no-owner"
        yield Finding(
            f"On the destination, role {user} is not a member of {quoted(role)}, which owns"
            f" {counted(number, 'object')} on the source" + (f": they will belong to {user}." if agreed else "."),
            f"Clone with {leave}, or connect as a superuser." if superuser else f"or clone with {leave}.",
            fatal=not agreed,
            object=f"role {quoted(role)}",
            run="" if superuser else f"GRANT {quoted(role)} TO {user}{options};{inherit}",
        )


def _named(catalog: Catalog, mentions: Iterable[tuple[str, str, int, int, str | None]]) -> set[str]:
    """Return the roles that a catalog's statements name in privileges and policies."""
    statements = {o.address: "; ".join(o.create) for o in catalog.objects if o.kind in ("acl", "default_acl", "policy")}
    of_large_objects = any(r.privileges for r in catalog.large_objects)
    return {
        role
        for role, word, classid, objid, _ in mentions
        if (of_large_objects and classid == LARGE_OBJECT_CLASS)
        or re.search(rf'(?<![\w$"]){re.escape(word)}(?![\w$"])', statements.get(Address(classid, objid), ""))
    }


def check_roles(source: Connection, destination: Connection, catalog: Catalog) -> Iterable[Finding]:
    """Yield the roles that a catalog names and the destination lacks. The catalog may hold large objects alone."""
    owned = _owned(source, catalog)
    all_objects = bool(catalog.objects)
    mentions = source.execute(named(statement(__package__, "named_roles"), source, catalog.roles)).fetchall()
    wanted = _named(catalog, mentions) | owned.keys()
    missing = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name) ORDER BY w.name",
        [sorted(wanted)],
    ).fetchall()
    policies = tuple(o for o in catalog.objects if o.kind == "policy")
    suspects = {extension for role, *_, extension in mentions if extension and (role,) in missing}
    created = created_by_extensions(destination, catalog, suspects) if suspects else set()
    missing = [row for row in missing if row[0] not in created]
    of_policies = _named(replace(catalog, objects=policies, large_objects=()), mentions)
    for (role,) in missing:
        if role.startswith("pg_"):
            continue  # a predefined role of a newer server: the dry run finds what needs it
        owns = f"it owns {counted(owned[role], 'object')} on the source"
        why = owns if owned[role] else "the source grants it privileges"
        if role in of_policies:
            why = f"{owns}, and policies name it" if owned[role] else "policies on the source name it"
        without = ["--roles"] * all_objects + ["--no-owner and --no-acl"] * (role not in of_policies)
        yield Finding(
            f'Role "{role}" does not exist on the destination, but {why}.',
            f"or clone with {', or with '.join(without)}.",
            object=f"role {quoted(role)}",
            run=f"CREATE ROLE {quoted(role)};",
        )
