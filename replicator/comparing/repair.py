"""Repairs differing rows: copies them again, from the snapshot in which they were found.

The destination may be in use: once the table is locked, each row must be as it was found, or already as on the source.

With session_replication_role = replica neither foreign keys nor triggers fire. Rows are deleted and copied in one
transaction for all tables that foreign keys connect; at its end these keys must hold. A role that may not set it
updates, inserts and deletes instead, in one transaction per table, and foreign keys fire. A row that one table needs
may come with the repair of another, so the tables are retried until nothing improves.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from replicator.comparing.fingerprint import Hashing, text_of
from replicator.comparing.references import broken, joined, keep_referenced, references, roots
from replicator.comparing.rows import MOST_ROWS, Found, select_rows
from replicator.comparing.sides import Pair, RowDifference, Side
from replicator.errors import ReplicatorError, SourceChanged
from replicator.model import CompareTable
from replicator.sessions import failures, locks, postgres
from replicator.sessions.failures import one_line
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import having
from replicator.work.copying import driver

AT_ONCE = 1000
STAGE = "pg_temp.replicator_stage"
SEE_ALL = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
"""Whatever the role's default: after waiting for a lock, a statement must see what others committed meanwhile."""

# The triggers of the table, of its partitions if it is a root, and of tables that firing foreign keys may change.
TRIGGERS = """
  WITH RECURSIVE reached (relid) AS (
       SELECT %(table)s::regclass::oid
        UNION
       SELECT next.relid
         FROM reached
        CROSS JOIN LATERAL (SELECT inhrelid FROM pg_inherits WHERE inhparent = reached.relid AND %(root)s
                             UNION ALL
                            SELECT conrelid FROM pg_constraint
                             WHERE confrelid = reached.relid AND contype = 'f' AND %(acting)s) AS next (relid)
     )
SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled = 'A', tgenabled = 'R'
  FROM pg_trigger
 WHERE tgrelid IN (SELECT relid FROM reached)
   AND NOT tgisinternal
   AND tgenabled::text = ANY (%(firing)s)
"""
# A published table needs a replica identity for DELETE, which it lacks while its key is still to be built.
UNIDENTIFIED = """
SELECT c.oid::regclass::text, CASE c.relreplident WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END
  FROM pg_class c
 WHERE (c.oid = %(table)s::regclass
        OR %(root)s AND c.oid = ANY (ARRAY(SELECT relid::oid FROM pg_partition_tree(%(table)s::regclass))))
   AND c.relkind = 'r'
   AND c.relpersistence = 'p'
   AND c.relreplident <> 'f'
   AND NOT EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = c.oid
                      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)
   AND EXISTS (SELECT FROM pg_publication WHERE pubupdate OR pubdelete)
"""
# pg_stat_xact counts this transaction, and perhaps some before it: compare before and after.
WRITTEN = """
SELECT root, done, sum(rows)::bigint
  FROM pg_stat_xact_user_tables
 CROSS JOIN coalesce(pg_partition_root(relid)::text, relid::regclass::text) AS root
 CROSS JOIN LATERAL (VALUES ('deleted', n_tup_del), ('changed', n_tup_upd)) AS counted (done, rows)
 WHERE rows > 0
   AND root <> %s
 GROUP BY root, done
"""
RULES = "SELECT rulename FROM pg_rewrite WHERE ev_class = %s::regclass AND ev_type <> '1' AND ev_enabled <> 'D'"


class Repaired(NamedTuple):
    """The outcome for a table: `done` or not, in words, and whether foreign keys fired (`acted`)."""

    done: bool
    text: str
    acted: bool = False


class NotRepaired(ReplicatorError):
    """The table cannot be repaired row by row."""


Tables = Mapping[str, tuple[CompareTable, Found]]


def repair_tables(sides: Pair, tables: Tables, hashing: Hashing) -> dict[str, Repaired]:
    """Make the rows of these tables equal to the source's. Returns the outcome for each table."""
    if not tables:
        return {}
    with sides.destination.sessions.use() as destination, destination.transaction():
        keys = references(destination) if postgres.become_replica(destination) else []
        names = (work.target.relation for work, _ in tables.values())
        roots_of = dict(zip(tables, roots(destination, names), strict=True))
    outcomes: dict[str, Repaired] = {}
    todo = dict(roots_of)
    better = True
    while todo and better:
        better = False
        for group in joined(todo, keys):
            some = {name: root for name, root in roots_of.items() if name in group}
            outcomes |= _repair_together(sides, tables, some, keys, hashing)
            better = better or any(outcomes[name].done for name in group)
        todo = {name: root for name, root in todo.items() if not outcomes[name].done}
    return outcomes


def _repair_together(
    sides: Pair, tables: Tables, roots_of: Mapping[str, str], keys: Sequence[Any], hashing: Hashing
) -> dict[str, Repaired]:
    """Repair tables in one transaction. If some cannot be repaired, repair the others without them."""
    outcomes: dict[str, Repaired] = {}
    left = dict(roots_of)
    while left:
        done: dict[str, Repaired] = {}
        refused: dict[str, str] = {}
        about = list(left)
        try:
            with sides.destination.sessions.use() as destination, destination.transaction():
                destination.execute(SEE_ALL)
                replica = postgres.become_replica(destination)
                keep_referenced(destination, left, keys)
                for name in left:
                    about = [name]
                    done[name] = _repair(sides, destination, *tables[name], hashing, replica)
                about = list(left)
                with postgres.without_views(destination):
                    refused = broken(destination, sides.destination.snapshot.now, left, keys)
                if refused:
                    raise psycopg.Rollback
        except (psycopg.Error, NotRepaired) as error:
            refused = dict.fromkeys(about, one_line(error))
        if not refused:
            return outcomes | done
        outcomes |= {name: Repaired(False, f"not repaired: {text}") for name, text in refused.items()}
        left = {name: root for name, root in left.items() if name not in refused}
    return outcomes


def _repair(
    sides: Pair, destination: Connection, work: CompareTable, found: Found, hashing: Hashing, replica: bool
) -> Repaired:
    if not found.all:
        raise NotRepaired(f"more than {MOST_ROWS:,} rows differ: clone the database again.")
    destination.execute(f"LOCK TABLE {work.target.reading.item} IN SHARE ROW EXCLUSIVE MODE")
    _refuse_another(sides, destination, work)
    path = sides.destination.paths.get(work.name, "")
    with postgres.without_views(destination), having(path, destination):
        rows = _still_to_do(sides.destination, destination, work, found, hashing)
    extra = [row for row in rows if row.how == "extra"]
    changed = [row for row in rows if row.how == "changed"]
    wanted = [row for row in rows if row.how != "extra"]
    before = _written(destination, work, replica)
    with _silenced(destination, work, replica), _identified(destination, work), sides.source.reading(work) as source:
        deleted = 0
        for some in _batches(extra + changed if replica else extra):
            with postgres.without_views(destination), having(path, destination):
                deleted += _delete(sides.destination, destination, work, found, some, hashing)
        with having(path, destination):
            if replica:
                copied = _copy(sides.source, source, destination, work, found, wanted, hashing, work.target.relation)
            else:
                copied = _copy_into_stage_and_merge(sides, source, destination, work, found, wanted, hashing)
    deleted -= len(changed) if replica else 0
    text = f"repaired: {deleted} deleted, {copied} copied"
    if others := _written(destination, work, replica) - before:
        cascaded = (f"{done} {n} row{'s' * (n > 1)} of {table}" for (table, done), n in sorted(others.items()))
        text += f"; foreign keys {', '.join(cascaded)}"
    return Repaired(True, text, not replica)


def _written(destination: Connection, work: CompareTable, replica: bool) -> Counter[tuple[str, str]]:
    """Return how many rows of other tables firing foreign keys have deleted and changed, as counted by the server."""
    if replica:
        return Counter()
    (root,) = roots(destination, [work.target.relation])
    return Counter({(table, done): n for table, done, n in destination.execute(WRITTEN, [root])})


def _refuse_another(sides: Pair, destination: Connection, work: CompareTable) -> None:
    """Refuse a table that was replaced since the comparison, or has rules. While it is locked, neither can happen."""
    try:
        locks.prove_names(destination, sides.destination.relations(work))
    except SourceChanged as error:
        raise NotRepaired(str(error)) from error
    if rules := destination.execute(RULES, [work.target.relation]).fetchall():
        raise NotRepaired(f"its rule {rules[0][0]} would change what is written.")


def _still_to_do(
    side: Side, destination: Connection, work: CompareTable, found: Found, hashing: Hashing
) -> list[RowDifference]:
    """Return the rows that are not as on the source yet. Raises NotRepaired if some are not as they were found, either.

    A row whose key is equal to the wanted one, but has another text, is another row.
    """
    what = [hashing.row(work.compared), *(text_of(column.name) for column in found.key)]
    texts = "".join(f", v{n}" for n in range(1, len(what)))
    left, changed = [], 0
    for some in _batches(found.rows):
        chosen = select_rows(destination, side, work, hashing, found.key, some, what)
        grouped = destination.execute(
            f"SELECT number, count(*), sum(v0){texts} FROM ({chosen}) AS r GROUP BY number{texts}"
        )
        now = {n: (count, int(total)) for n, count, total, *key in grouped if key == list(some[n - 1].key.values())}
        for n, row in enumerate(some, 1):
            if now.get(n, (0, 0)) != row.on_source:
                left.append(row)
                changed += now.get(n, (0, 0)) != row.on_destination
    if changed:
        were = "1 row was" if changed == 1 else f"{changed:,} rows were"
        raise NotRepaired(f"{were} changed since the comparison")
    return left


@contextmanager
def _silenced(destination: Connection, work: CompareTable, replica: bool) -> Iterator[None]:
    """Disable the triggers that would fire, and restore them in the same transaction."""
    firing = ["A", "R"] if replica else ["A", "O"]
    about = {"table": work.target.relation, "root": not work.target.only, "acting": not replica, "firing": firing}
    triggers = destination.execute(TRIGGERS, about).fetchall()
    for table, trigger, _, _ in triggers:
        destination.execute(f"ALTER TABLE ONLY {table} DISABLE TRIGGER {trigger}")
    yield
    for table, trigger, always, on_replica in triggers:
        when = "ALWAYS " if always else "REPLICA " if on_replica else ""
        destination.execute(f"ALTER TABLE ONLY {table} ENABLE {when}TRIGGER {trigger}")


@contextmanager
def _identified(destination: Connection, work: CompareTable) -> Iterator[None]:
    """Let published rows be deleted though the table has no replica identity yet."""
    unidentified = destination.execute(
        UNIDENTIFIED, {"table": work.target.relation, "root": not work.target.only}
    ).fetchall()
    for table, _ in unidentified:
        destination.execute(f"ALTER TABLE ONLY {table} REPLICA IDENTITY FULL")
    yield
    for table, identity in unidentified:
        destination.execute(f"ALTER TABLE ONLY {table} REPLICA IDENTITY {identity}")


def _batches(rows: Sequence[RowDifference]) -> Iterator[Sequence[RowDifference]]:
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def _names(work: CompareTable) -> str:
    return ", ".join(column.name for column in work.columns)


def _as_often(query: str, rows: Sequence[RowDifference], what: str) -> str:
    """Return the query for `what` of selected rows, limited to the wanted number of equal ones."""
    times = sql.Literal([row.times for row in rows]).as_string()
    return (
        f"SELECT {what} FROM (SELECT *, row_number() OVER (PARTITION BY number) AS nth FROM ({query}) AS r) AS r"
        f" JOIN pg_catalog.unnest({times}::bigint[]) WITH ORDINALITY AS m (times, number) USING (number)"
        " WHERE nth <= times"
    )


def _delete(
    side: Side,
    destination: Connection,
    work: CompareTable,
    found: Found,
    rows: Sequence[RowDifference],
    hashing: Hashing,
) -> int:
    query = select_rows(destination, side, work, hashing, found.key, rows, ["tableoid", "ctid"])
    chosen = _as_often(query, rows, "v0, v1")
    same = "t.tableoid = r.v0 AND t.ctid = r.v1"
    query = f"DELETE FROM {work.target.reading.item} AS t USING ({chosen}) AS r WHERE {same}"
    return destination.execute(query).rowcount


def _copy(
    side: Side,
    source: Connection,
    destination: Connection,
    work: CompareTable,
    found: Found,
    rows: Sequence[RowDifference],
    hashing: Hashing,
    target: str,
) -> int:
    """Copy rows from the source into a table. Returns their number."""
    columns = f" ({_names(work)})" if work.columns else ""
    what = [column.name for column in work.columns]
    values = ", ".join(f"v{n}" for n in range(len(what)))
    copied = 0
    for some in _batches(rows):
        chosen = _as_often(select_rows(source, side, work, hashing, found.key, some, what), some, values)
        copied += driver.transfer(
            source, destination, f"COPY ({chosen}) TO STDOUT", f"COPY {target}{columns} FROM STDIN", lambda bytes: None
        )
    return copied


def _copy_into_stage_and_merge(
    sides: Pair,
    source: Connection,
    destination: Connection,
    work: CompareTable,
    found: Found,
    rows: Sequence[RowDifference],
    hashing: Hashing,
) -> int:
    with failures.on("destination"):
        (rows_there,) = sides.destination.rows_of(work)
        destination.execute(f"CREATE TEMP TABLE replicator_stage AS SELECT {_names(work)} FROM {rows_there} LIMIT 0")
    copied = _copy(sides.source, source, destination, work, found, rows, hashing, STAGE)
    item, names = work.target.reading.item, _names(work)
    missing = f"INSERT INTO {work.target.relation} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {STAGE}"
    if found.key:
        same = " AND ".join(
            f"{one} OPERATOR(pg_catalog.=) {other}"
            if c.type.startswith("pg_catalog.")
            else f"{text_of(one)} = {text_of(other)}"
            for c in found.key
            for one, other in [(f"t.{c.name}", f"s.{c.name}")]
        )
        keys = {column.name for column in found.key}
        values = ", ".join(f"{c.name} = s.{c.name}" for c in work.columns if c.name not in keys)
        if values:
            destination.execute(f"UPDATE {item} AS t SET {values} FROM {STAGE} AS s WHERE {same}")
        missing += f" AS s WHERE NOT EXISTS (SELECT FROM {item} AS t WHERE {same})"
    if work.columns:
        destination.execute(missing)
    destination.execute(f"DROP TABLE {STAGE}")
    return copied
