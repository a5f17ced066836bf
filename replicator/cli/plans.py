"""A plan in three forms: lines for people, one SQL script for psql, JSON for programs."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence

from replicator import events
from replicator.cli.layout import laid_out
from replicator.comparing import Mismatch
from replicator.events import size_text
from replicator.model import Execute, Phase, Plan
from replicator.model.words import shown
from replicator.secrets import without_secrets
from replicator.sessions import postgres

COPIED = (Phase.DATA, Phase.LARGE_OBJECTS)
OF_NO_SCHEMA = (Phase.STATISTICS, Phase.REFRESH, Phase.DATABASE)
ABOUT_RESTRICT = r"""
-- For psql. \restrict and \unrestrict keep names and definitions from being taken for its commands. It knows them in
-- the minor releases since 13.22, 14.19, 15.14, 16.10, 17.6, 18.0; for an older psql take these two lines out.
""".strip()
ALWAYS = (
    "standard_conforming_strings",
    "backslash_quote",
    "check_function_bodies",
    "row_security",
    "xmloption",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "lc_monetary",
    "array_nulls",
    "transform_null_equals",
    "default_table_access_method",
    "default_tablespace",
)
"""What changes the meaning of a statement that is read: as the sessions have it that make the statements."""
SOMETIMES = {"restrict_nonsystem_relation_kind": ""} | {name: "0" for name, since in postgres.TIMEOUTS.items() if since}
"""What not every version knows."""
# As pg_dump: before the search path is set, nothing may be looked up in it.
SETTINGS = "\n".join(
    [
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "SET client_min_messages = warning;",
        "SET default_transaction_read_only = off;",  # of a frozen database, as pg_dumpall
        *(f"SET {name} = 0;" for name, since in postgres.TIMEOUTS.items() if not since),
        *(f"SET {name} = '{postgres.SESSION[name]}';" for name in ALWAYS),
        *(
            f"SELECT pg_catalog.set_config('{name}', '{value}', false)"
            f" WHERE pg_catalog.current_setting('{name}', true) IS NOT NULL;"
            for name, value in SOMETIMES.items()
        ),
    ]
)


def plan_as_lines(plan: Plan) -> Iterator[str]:
    """Yield a line a step: its number, phase and name, what it costs, after which steps it comes, and why it is so."""
    for loss in plan.losses:
        yield events.one_line(f"not supported by the destination: {loss}")
    for loss in plan.excluded:
        yield events.one_line(f"not copied, as requested: {loss}")
    for name, why in plan.along.items():
        yield events.one_line(f"copied, too: {shown(name)}, {why}")
    steps = (*plan.steps, *plan.deferred)
    numbers = {step.name: number for number, step in enumerate(steps, 1)}
    width = len(str(len(numbers)))
    for step in steps:
        line = f"{numbers[step.name]:{width}} " + step.phase + ": " + shown(step.name)  # to format an Enum takes time
        if step.cost:
            line += f", {'copies' if step.phase in COPIED else 'reads'} {size_text(step.cost)}"
        if step.needs:
            after = [numbers[need] for need in step.needs]
            line += f", after {after[0] if len(after) == 1 else ranges(after)}"
        yield events.one_line(f"{line}; {step.reason}" if step.reason else line)


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers in order, neighbours together.

    >>> ranges([7, 1, 3, 2, 9])
    '1-3, 7, 9'
    """
    ordered = sorted(numbers)
    spans: list[list[int]] = []
    for number in ordered:
        if spans and spans[-1][-1] == number - 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)


def plan_as_sql(plan: Plan) -> bytes:
    """Return the schema's statements, as pg_dump -s: nothing of rows, nor of the database itself.

    In UTF-8, whatever the terminal's encoding; of a database in SQL_ASCII, the bytes that it has.
    """
    made = [
        (step.name.partition(" ")[0], statement)
        for step in (*plan.steps, *plan.deferred)
        if isinstance(step.work, Execute) and step.phase not in OF_NO_SCHEMA
        for statement in step.work.statements
    ]
    remarks = [f"Not supported by the destination: {loss}" for loss in plan.losses]
    remarks += [f"Not copied, as requested: {loss}" for loss in plan.excluded]
    return as_script([(kind, [f"{statement};"]) for kind, statement in made], remarks, plan.encoding)


WITH_ROWS = re.compile(r"DROP (FOREIGN )?TABLE |ALTER TABLE .* DROP COLUMN ", re.DOTALL)
"""A statement that takes rows, or values, with it."""


def as_script(made: Iterable[tuple[str, Sequence[str]]], remarks: Iterable[str], encoding: str = "UTF8") -> bytes:
    """Return a script for psql of statements by the kinds of their objects, whatever they hold, with remarks before."""
    script = "\n".join(_script(list(made), remarks, "SQL_ASCII" if encoding == "SQL_ASCII" else "UTF8"))
    return script.encode("latin-1", "backslashreplace") if encoding == "SQL_ASCII" else script.encode()


def mending_as_sql(mismatches: Iterable[Mismatch]) -> bytes:
    """Return the statements that would mend the differences of definitions, each in a transaction, drops first."""
    ordered = sorted(mismatches, key=lambda mismatch: mismatch.place)
    made = [
        (m.what.partition(" ")[0], ["BEGIN;", *(f"{statement};" for statement in m.fix), "COMMIT;"])
        for m in ordered
        if m.fix
    ]
    remarks = [f"No statement fixes: {m.what}: {m.how}" for m in ordered if not m.fix and m.about == "definition"]
    rows = [m for m in ordered if m.about == "rows" and not m.repaired]
    remarks += [f"`verify --repair` copies rows: {m.what}" for m in rows if m.what.startswith("table ")]
    remarks += [f"No statement fixes: {m.what}: {m.how}" for m in rows if not m.what.startswith("table ")]
    if dropped := [m.what for m in ordered if any(WITH_ROWS.match(statement) for statement in m.fix)]:
        remarks.insert(0, f"READ THIS FIRST: drops WITH ALL ROWS what the source does not have: {', '.join(dropped)}")
    how = "Run this on the destination. Each fix is a transaction of its own: if one fails, the others are still made."
    return as_script(made, [how, *remarks])


def _script(made: Sequence[tuple[str, Sequence[str]]], remarks: Iterable[str], encoding: str) -> Iterator[str]:
    if secret := sorted({kind for kind, texts in made for text in texts if without_secrets(text) != text}):
        yield f"-- This script contains secrets: {', '.join(secret)}. Keep it private."
    yield ABOUT_RESTRICT
    key = secrets.token_hex(16)  # nobody who chose a name or wrote a definition can know it
    yield f"\\restrict {key}"
    yield f"SET client_encoding = '{encoding}';"
    yield SETTINGS
    yield from (f"-- {events.one_line(remark)}" for remark in remarks)
    yield from (laid_out(text) for _, texts in made for text in texts)
    yield f"\\unrestrict {key}"


def plan_as_data(plan: Plan) -> dict[str, object]:
    """Return the steps and what is left out, as in show/schema.json."""
    steps = [
        {
            "step": step.name,
            "phase": step.phase,
            "needs": sorted(step.needs),
            "cost": step.cost,
            "reason": step.reason,
            "statements": list(map(without_secrets, step.work.statements)) if isinstance(step.work, Execute) else [],
        }
        for step in (*plan.steps, *plan.deferred)
    ]
    along = [{"object": shown(name), "why": why} for name, why in plan.along.items()]
    return {"steps": steps, "copied_too": along, "left_out": [str(loss) for loss in (*plan.losses, *plan.excluded)]}
