"""Copy a schema and say what is wrong with the copy: by pg_dump's words, and by sums that this file takes itself.

The measure is what pg_dump and psql make of the same source: what they cannot copy either is told, and excused.
"""

import difflib
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from replicator import events
from replicator.errors import ReplicatorError, VerificationFailed
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_servers import CLIENTS, Database

AS_IS = "SET search_path = ''; SET datestyle = 'ISO'; SET extra_float_digits = 3; SET timezone = 'UTC'"
# Rows as text, sorted: no hash of the server's own type, no binary form, nothing of the program's. Columns by name: a
# child's may come in another order, as they do from pg_dump.
SUM = """
    SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), ''))
      FROM (SELECT {} FROM ONLY {}) t"""
COLUMNS = """
    SELECT coalesce(string_agg(quote_ident(attname), ', ' ORDER BY attname COLLATE "C"), '') FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""
RELATIONS = """
    SELECT c.relkind::text, c.oid::regclass::text FROM pg_class c
     WHERE c.relkind IN ('r', 'm', 'S') AND c.oid > 16383 AND (c.relkind <> 'm' OR c.relispopulated)
     ORDER BY 2"""

Sums = dict[str, tuple]


@dataclass
class Verdict:
    """What is wrong with a copy; what of it pg_dump and psql could not do either, and what psql said."""

    faults: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    as_pg_dump: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        excused = (f"excused: {text}" for text in self.excused)
        return "\n\n".join([*self.faults, *excused, *(f"pg_dump | psql: {line}" for line in self.as_pg_dump)])


def sums(database: Database) -> Sums:
    """Return of each table and filled matview how many rows it has and a sum of them; of sequences where they are."""
    found: Sums = {}
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute(AS_IS)
        for kind, name in conn.execute(RELATIONS).fetchall():
            ((columns,),) = conn.execute(COLUMNS, [name]).fetchall()
            query = f"SELECT last_value, is_called FROM {name}" if kind == "S" else SUM.format(columns, name)
            try:
                found[name] = conn.execute(query).fetchone() or ()  # type: ignore[call-overload]
            except psycopg.Error as error:  # a virtual column may fail for some rows
                found[name] = (str(error).partition("\n")[0],)
        large = "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid"
        found["large objects"] = tuple(conn.execute(large).fetchall())
    return found


def judge(source: Database, destination: Database, measure: Database, *, downgrade: bool = False) -> Verdict:
    """Clone, and say what is wrong. `measure` is an empty database of the destination's version."""
    seen: list[events.Event] = []
    # After a downgrade only the clone itself knows all that it had to leave out.
    settings = Settings(source.dsn, destination.dsn, jobs=2, verify=downgrade, downgrade=downgrade, wait_attempts=1)
    faults = attempt("clone", lambda: clone(settings, seen.append))
    if not faults:
        losses = [e.text for e in seen if isinstance(e, events.Note) and e.left_out]
        faults += worse(source, destination, measure)
        faults += rows_differ(sums(source), sums(destination), losses)
        if not downgrade:
            faults += attempt("verify", lambda: found_by_verify(settings))
    if not faults:
        return Verdict()
    here = sums(source)
    as_pg_dump = restore(source, measure, "--no-sync") + rows_differ(here, sums(measure), [])
    excused = [fault for fault in faults if excuses(fault, as_pg_dump) or excuses_by_name(fault, as_pg_dump, here)]
    return Verdict([fault for fault in faults if fault not in excused], excused, as_pg_dump)


SERVER_SAID = re.compile(r"(?:: on the destination: |, )([^,]*?) \[\w{5}\]")


def excuses(fault: str, as_pg_dump: list[str]) -> bool:
    """Tell whether psql complained of the same, or has other rows in the same table."""
    if said := SERVER_SAID.findall(fault):
        return all(any(words in line for line in as_pg_dump) for words in said)
    name = fault.partition(": ")[0]
    return name.startswith("rows of ") and any(line.startswith(f"{name}: ") for line in as_pg_dump)


STEP_FAILED = re.compile(r"(?:StepFailed: |All is done but 1 step\. )(?:data|refresh) (.+?) failed: ", re.DOTALL)
FILLED_FOR_OTHERS = re.compile(r"All is done but 1 step and \d+ that needs? it\. refresh (.+?) failed: ", re.DOTALL)
CYCLE = re.compile(r"DependencyCycle: .* made in two steps: (.+)\.\nhint: ", re.DOTALL)
FINDING = re.compile(r"The destination, PostgreSQL \d+, cannot hold it: ")
NULLABLE = re.compile(
    r"table .+: without ALTER TABLE ONLY .+ DROP NOT NULL \(cannot drop inherited constraint .+ \[42P16\]\.\)\s*"
    r"(?:\nhint: Since PostgreSQL 18 children inherit NOT NULL: .*)?",
    re.DOTALL,
)


def excuses_by_name(fault: str, as_pg_dump: list[str], here: Sums) -> bool:
    """Tell whether psql lost the same rows without the same words, or something in silence."""
    if fault.startswith("verify: "):  # what it says is true, and the sums say the same of psql's copy
        matviews = [re.match(r"matview (.+?): different: .* rows ", line) for line in fault.splitlines()[1:]]
        return all(m and any(line.startswith(f"rows of {m[1]}: ") for line in as_pg_dump) for m in matviews)
    if found := STEP_FAILED.search(fault):
        return any(line.startswith(f"rows of {found[1]}: ") for line in as_pg_dump)
    if found := FILLED_FOR_OTHERS.search(fault):
        # One that is empty on the source, whose owner may not fill it: pg_dump leaves those that read it empty as well.
        return found[1] not in here and any(line.endswith(" None on the copy") for line in as_pg_dump)
    if found := CYCLE.search(fault):
        # A table got a column of the row type of a materialized view that reads it: pg_dump loses both, in passing.
        names = [member.partition(" ")[2].replace('"', "") for member in found[1].split(", ")]
        return all(any(f'"{name}" does not exist' in line for line in as_pg_dump) for name in names)
    # A child that may hold NULL though its parent may not is refused, with a way out; pg_dump makes it NOT NULL.
    first, *findings = FINDING.split(fault)
    return bool(findings) and "PreflightFailed" in first and all(map(NULLABLE.fullmatch, findings))


def attempt(what: str, action: object) -> list[str]:
    """Return how an action of the program failed."""
    try:
        action()  # type: ignore[operator]
    except VerificationFailed as error:
        return [f"{what}: {error}\n" + "\n".join(error.differences)]
    except ReplicatorError as error:
        return [f"{what}: {type(error).__name__}: {error}\nhint: {error.hint}"]
    return []


def found_by_verify(settings: Settings) -> None:
    if mismatches := verify_copy(settings, lambda event: None):
        raise VerificationFailed([str(mismatch) for mismatch in mismatches])


def rows_differ(here: Sums, there: Sums, losses: list[str]) -> list[str]:
    left_out = "\n".join(losses)
    return [
        f"rows of {name}: {here[name]} on the source, {there.get(name)} on the copy"
        for name in here
        if here[name] != there.get(name) and not (name not in there and name in left_out)
    ]


def difference(one: str, other: str, what: str) -> list[str]:
    lines = list(difflib.unified_diff(one.splitlines(), other.splitlines(), "source", "copy", lineterm="", n=4))
    return [f"{what}:\n" + "\n".join(lines)] if lines else []


def restore(source: Database, measure: Database, *options: str) -> list[str]:
    """Have pg_dump and psql copy the source, going on at errors as people do. Returns what psql complained of."""
    command = [CLIENTS / "psql", "-X", "-q", "-o", "/dev/null", "-d", measure.dsn]
    done = subprocess.run(command, input=source.dump(*options), capture_output=True, text=True)
    # Names may have line ends, which are blanks in what the program says.
    said = re.split(r"^(?=psql:|ERROR:|DETAIL:|HINT:|LINE |CONTEXT:)", done.stderr, flags=re.MULTILINE)
    return [" ".join(message.split()) for message in said if "ERROR" in message]


def worse(source: Database, destination: Database, measure: Database) -> list[str]:
    """Say what pg_dump tells of the copy that it does not tell of the source, nor of a copy of its own."""
    original, copy = source.dump(), destination.dump()
    if source.major == destination.major and original == copy:
        return []
    errors = restore(source, measure)
    wanted = Counter(statements(measure.dump()))
    again(measure)
    got = Counter(statements(copy))
    known, heads = Counter(statements(original)), {head(statement) for statement in got}
    # The order of a child's columns is lost by pg_dump, which may then know less of what they have than the copy does.
    reordered = {lines(s) for s in known if "\nINHERITS (" in s and s not in wanted}
    # pg_dump loses some things itself: a default or a compression that a child lacks, the order of columns.
    missing = [s for s in (wanted - got).elements() if s in known or (s.startswith("CREATE") and head(s) not in heads)]
    surplus = [] if errors else [s for s in (got - wanted).elements() if s not in known and lines(s) not in reordered]
    if source.major != destination.major:  # servers print some things otherwise
        theirs = {head(statement) for statement in wanted}
        surplus = [s for s in surplus if head(s) not in theirs]
    return difference("\n".join(missing), "\n".join(surplus), "dump") if missing or surplus else []


def head(statement: str) -> str:
    return re.split(r" AS\b| \(|\n", statement)[0]


def lines(statement: str) -> tuple[str, ...]:
    return tuple(sorted(line.removesuffix(",") for line in statement.splitlines()))


def again(database: Database) -> None:
    """Make a database empty."""
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{database.name}" WITH (FORCE)')
        conn.execute(f'CREATE DATABASE "{database.name}" TEMPLATE template0')


def statements(dump: str) -> list[str]:
    """Return the statements of a dump, comments gone, however they are ordered."""
    text = re.sub(r"^(--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*)$", "", dump, flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\n", text) if part.strip()]
