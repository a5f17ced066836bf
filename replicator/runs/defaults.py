"""Reset the destination to the state of a new database, on which the plan is based.

A new database has the schema public with its standard owner, privileges and comment, plpgsql, and no default
privileges, which would apply to every created object. It gets them from a template, which may have been modified.
"""

from collections.abc import Iterator, Sequence

from replicator.catalog import BY_NAME
from replicator.catalog.read import read_objects
from replicator.model import Catalog, Execute, Finding, Object, Phase, Step
from replicator.runs import resume
from replicator.sessions.postgres import Connection
from replicator.settings import Content
from replicator.work import emptying

RESET, CREATE_STANDARD, DROP_PUBLIC = (
    "reset to the defaults of a new database",
    "create standard objects",
    "drop schema public",
)
PUBLIC = "schema public"
STANDARD_OWNER_SINCE = 150000
HAS = """
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public' AND (oid < 16384 OR NOT %(dropping)s))
     , EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql' AND (oid < 16384 OR NOT %(dropping)s))
"""
FOR_ROLE = "ALTER DEFAULT PRIVILEGES FOR ROLE "
DEFAULT_PRIVILEGES = """
SELECT DISTINCT quote_ident(pg_get_userbyid(defaclrole)), pg_has_role(defaclrole, 'USAGE')
  FROM pg_default_acl
 ORDER BY 1
"""
PUBLIC_IS_EMPTY = """
SELECT FROM pg_namespace n
 WHERE n.nspname = 'public'
   AND pg_has_role(n.nspowner, 'USAGE')
   AND NOT EXISTS (SELECT
                     FROM pg_depend d
                     LEFT JOIN pg_extension e ON e.tableoid = d.classid AND e.oid = d.objid
                    WHERE d.refclassid = 'pg_namespace'::regclass
                      AND d.refobjid = n.oid
                      AND d.classid <> 'pg_default_acl'::regclass
                      AND (NOT %s OR NOT pg_has_role(e.extowner, 'USAGE')))
"""


def reset(
    destination: Connection, catalog: Catalog, content: Content, previous: resume.PreviousRun | None
) -> tuple[list[Step], list[Finding]]:
    """Return the step that removes what would affect the copy or differ from it, and findings about it.

    A resumed run did this before it created anything; what exists now is its own.
    """
    if previous and not any(step.name == RESET and not step.done for step in previous.steps):
        return [], []
    resets = emptying.reset(destination)
    statements, findings = _default_privileges(destination, catalog, resets) if content.privileges else ([], [])
    differing = [o for o in _differing(destination, content) if not _wanted(o, catalog)]
    kinds = {o.kind for o in differing}
    if kinds & {"schema", "acl"}:  # a new owner changes the privileges, too
        kinds |= {"schema", "acl"} if content.owners else {"acl"}
    public = [statement for statement in resets if " SCHEMA public " in statement and _about(statement) in kinds]
    if differing:
        definition = "; ".join(s for o in differing for s in (*o.create, *([o.alter_owner] if o.alter_owner else [])))
        what = "is reset" if public else "is kept"
        text = f"Schema public on the destination differs from a new database's and {what}: {definition}."
        findings.append(Finding(text, fatal=False, object=PUBLIC))
    statements += public
    return [Step(RESET, Phase.DROP, Execute(tuple(statements)))] if statements else [], findings


def _wanted(o: Object, catalog: Catalog) -> bool:
    """Tell whether the source has the same definition."""
    definition = (o.name, o.create, o.alter_owner)
    return any((other.name, other.create, other.alter_owner) == definition for other in catalog.objects)


def _default_privileges(
    destination: Connection, catalog: Catalog, resets: Sequence[str]
) -> tuple[list[str], list[Finding]]:
    """Return the statements that revoke the destination's default privileges, as far as this role may, and findings."""
    roles: dict[str, bool] = dict(destination.execute(DEFAULT_PRIVILEGES).fetchall())
    of_role = {role: [s for s in resets if s.startswith(f"{FOR_ROLE}{role} ")] for role in roles}
    revokes = [statement for role, may in roles.items() if may for statement in of_role[role]]
    findings = []
    existing = read_objects(destination, BY_NAME["default_acl"])
    if revokes:
        existing_grants = [each for o in existing for each in o.create]
        ours = tuple(f"{FOR_ROLE}{role} " for role, may in roles.items() if may)
        mine = " ".join(f"{each};" for each in existing_grants if each.startswith(ours))
        text = "The destination's own default privileges would apply to the copy, so they are removed first."
        findings.append(Finding(text, f"To restore them: {mine}", fatal=False, object="default privileges"))
    others = [each for o in existing if not _wanted(o, catalog) for each in o.create]
    if previous := [r for r, may in roles.items() if not may and any(s.startswith(f"{FOR_ROLE}{r} ") for s in others)]:
        run = " ".join(f"{statement};" for role in previous for statement in of_role[role])
        text = f"The destination has default privileges of other roles that the source lacks: {', '.join(previous)}."
        findings.append(Finding(text, "or clone with --no-acl.", object="default privileges", run=run))
    return revokes, findings


def _differing(conn: Connection, content: Content) -> Iterator[Object]:
    """Yield the owner, privileges and comment of the schema public that a new database does not have."""
    for kind in ("schema", "acl", "comment"):
        for o in read_objects(conn, BY_NAME[kind]):
            counts = {"schema": content.owners and o.alter_owner is not None, "acl": content.privileges}
            if o.identity in ("public", "public (schema)") and counts.get(kind, True):
                yield o


def _about(statement: str) -> str:
    return "comment" if statement.startswith("COMMENT ") else "schema" if " OWNER TO " in statement else "acl"


def create_standard(source: Connection, destination: Connection, catalog: Catalog, *, dropping: bool) -> list[Step]:
    """Return the step that creates the schema public and plpgsql if the source has them and the destination does not.

    `dropping`: everything that users created is dropped before.
    """
    ((has_public, plpgsql),) = destination.execute(HAS, {"dropping": dropping}).fetchall()
    statements = public(destination) if not has_public and any(o.name == PUBLIC for o in catalog.objects) else []
    if not plpgsql and source.execute("SELECT FROM pg_extension WHERE extname = 'plpgsql'").fetchall():
        statements.append("CREATE EXTENSION IF NOT EXISTS plpgsql")
    return [Step(CREATE_STANDARD, Phase.DROP, Execute(tuple(statements)))] if statements else []


def restore(conn: Connection) -> None:
    """Create the schema public if it does not exist, after everything a run created was removed."""
    ((has_public, _),) = conn.execute(HAS, {"dropping": False}).fetchall()
    if not has_public:
        with conn.transaction():
            for statement in public(conn):
                conn.execute(statement)


def public(conn: Connection) -> list[str]:
    """Return the statements that create a new database's schema public, as far as this role may."""
    since_15 = conn.info.server_version >= STANDARD_OWNER_SINCE
    owner = "pg_database_owner"
    if not since_15:
        ((owner,),) = conn.execute("SELECT quote_ident(pg_get_userbyid(10))").fetchall()
    may = since_15 or conn.info.parameter_status("is_superuser") == "on"
    return [
        "CREATE SCHEMA IF NOT EXISTS public",
        *([f"ALTER SCHEMA public OWNER TO {owner}"] if may else []),
        f"GRANT {'USAGE' if since_15 else 'ALL'} ON SCHEMA public TO PUBLIC",
        "COMMENT ON SCHEMA public IS 'standard public schema'",
    ]


def drop_public(destination: Connection, catalog: Catalog, kept: Sequence[str], *, dropping: bool) -> list[Step]:
    """Return the step that drops the schema public if the source has none and it is empty."""
    if any(o.name == PUBLIC for o in catalog.objects) or not catalog.objects or "public" in kept:
        return []
    if not destination.execute(PUBLIC_IS_EMPTY, [dropping]).fetchall():
        return []
    return [Step(DROP_PUBLIC, Phase.DROP, Execute(("DROP SCHEMA IF EXISTS public",)))]
