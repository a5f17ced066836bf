"""Did the source's schema change since the snapshot? pg_get_*def and format_type look at the catalogs as they are now.

Tables are locked, but functions, types, views, triggers and indexes are not: what was read of them while somebody
changed them may be of two moments.
"""

from collections import defaultdict
from collections.abc import Mapping

import psycopg

from replicator.catalog.read import statement
from replicator.model import Address
from replicator.postgres import Connection

NAMED = 10
TABLES = "classid = 'pg_class'::regclass AND objid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p'))"


def changed_objects(
    then: Connection, now: Connection, names: Mapping[Address, str] | None = None, *, tables_only: bool = False
) -> list[str]:
    """Return what changed between the snapshot that `then` is in and the present that `now` sees: the first ten names.

    Both are connections to the same database; `names` are those of the snapshot's objects. Empty where nothing changed,
    which two hashes tell.
    """
    versions = statement("fingerprint", now.info.server_version // 10000).decode()
    entries = f"FROM ({versions}) AS entry WHERE {TABLES if tables_only else 'true'}"
    digest = f"SELECT count(*), sum(hashint8extended(objid, version)) {entries}"
    if then.execute(digest).fetchall() == now.execute(digest).fetchall():
        return []
    earlier, later = (_versions(conn, entries) for conn in (then, now))
    changed = sorted(address for address in earlier.keys() | later.keys() if earlier[address] != later[address])
    return [(names or {}).get(address) or _name(address, now) for address in changed[:NAMED]]


def _versions(conn: Connection, entries: str) -> defaultdict[Address, list[int]]:
    versions: defaultdict[Address, list[int]] = defaultdict(list)
    for classid, objid, version in conn.execute(f"SELECT classid, objid, version {entries} ORDER BY 1, 2, 3"):
        versions[Address(classid, objid)].append(version)
    return versions


def _name(address: Address, now: Connection) -> str:
    """Return the name of an object that is new, or part of another."""
    query = "SELECT type || ' ' || identity FROM pg_identify_object(%s::bigint::oid, %s::bigint::oid, 0)"
    try:
        name = now.execute(query, address).fetchall()[0][0]
    except psycopg.errors.InternalError:  # gone: before 14 that is an error
        name = None
    return name or f"object {address.objid} of catalog {address.classid}"
