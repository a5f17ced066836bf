"""What changed in the catalogs since the snapshot: in the definitions that were read, or in how rows are printed.

pg_get_*def, format_type and the output functions of enums read the catalogs as they are now, not as in the snapshot.
Tables are locked, but functions, types, views, triggers and indexes are not: a definition that somebody changes while
it is read may mix two states.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import psycopg

from replicator.model import Address
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

NAMED = 10
NOT_FILES = "   AND NOT (classid = 'pg_class'::regclass AND part = 0)"
"""For the end of contents.sql."""


def changed_objects(then: Connection, now: Connection, names: Mapping[Address, str] | None = None) -> list[str]:
    """Return the first ten objects whose definition changed since the snapshot that `then` is in.

    Both are connections to the same database; `names` are those of the snapshot's objects. Two hashes are compared
    first. Not reported: new objects, rows of a materialized view, a sequence's value, privileges (they are read as in
    the snapshot), the body of a function (it is read in a single query).
    """
    if _nothing_was_written(then, now):
        return []
    versions = statement(__package__, "fingerprint", now).decode()
    digest = f"SELECT count(*), sum(hashint8extended(objid, version)) FROM ({versions}) AS entry"
    if then.execute(digest).fetchall() == now.execute(digest).fetchall():
        return []
    earlier, later = (_versions(conn, versions) for conn in (then, now))
    changed = sorted(address for address in earlier if earlier[address] != later[address])  # new objects were not read
    return [(names or {}).get(address) or _name(address, now) for address in changed[:NAMED]]


def changed_contents(then: Connection, now: Connection, tables: Iterable[int], *, files: bool = True) -> list[str]:
    """Return the first ten objects whose change affects the rows of these tables, or how they are printed.

    `tables` are OIDs. Without `files`, a new file after TRUNCATE or VACUUM FULL is not a change. Locks prevent most
    changes while they are held; types cannot be locked. Two hashes are compared first. Not reported: new objects, and
    changes that do not affect rows.
    """
    if _nothing_was_written(then, now):
        return []
    contents = statement(__package__, "contents", now).decode()
    if not files:
        contents += NOT_FILES
    digest = f"""SELECT count(*), sum(hashtextextended(concat_ws(' ', classid, objid, part, content), 0))
                   FROM ({contents}) AS entry"""
    given = [list(tables)]
    if then.execute(digest, given).fetchall() == now.execute(digest, given).fetchall():
        return []
    earlier, later = (
        {(Address(row[0], row[1]), row[2]): row[3] for row in conn.execute(contents.encode(), given).fetchall()}
        for conn in (then, now)
    )
    changed = {key[0]: None for key in sorted(earlier) if earlier[key] != later.get(key)}
    return [_name(address, now) for address in list(changed)[:NAMED]]


def _nothing_was_written(then: Connection, now: Connection) -> bool:
    """Return whether no transaction on the whole server has ended since the snapshot was taken. One cheap query.

    A standby's snapshots do not list the running transactions, so two different ones may look the same.
    """
    query = "SELECT txid_current_snapshot()::text, pg_is_in_recovery()"
    ((seen, _),), ((sees, standby),) = (conn.execute(query).fetchall() for conn in (then, now))
    return bool(seen == sees and not standby)


def _versions(conn: Connection, versions: str) -> defaultdict[Address, list[int]]:
    found: defaultdict[Address, list[int]] = defaultdict(list)
    query = f"SELECT classid, objid, version FROM ({versions}) AS entry ORDER BY 1, 2, 3"
    for classid, objid, version in conn.execute(query):
        found[Address(classid, objid)].append(version)
    return found


def _name(address: Address, now: Connection) -> str:
    """Return the name of an object that the snapshot's catalog does not list."""
    query = "SELECT type || ' ' || identity FROM pg_identify_object(%s::bigint::oid, %s::bigint::oid, 0)"
    try:
        name = now.execute(query, [*address]).fetchall()[0][0]
    except psycopg.errors.InternalError:  # dropped: an error before 14
        name = None
    return name or f"object {address.objid} of catalog {address.classid}"
