"""Reads settings of the whole server (`server`) and of the database itself (`database`), not of its contents."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from replicator.cluster import login
from replicator.cluster.login import roles_of
from replicator.model import Execute, Finding, Loss, Step
from replicator.secrets import without_secrets
from replicator.sessions.failures import one_line
from replicator.sessions.naming import named
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import NO_NAMES, Rename

SETTING = re.compile(r" SET (?!(?:role|session_authorization) )(\S+) TO ")
KNOWN = "SELECT current_setting(%s, true) IS NOT NULL"
__all__ = ["read", "refusals", "roles_of"]

PLACE = re.compile(rb"<(\w+)>")


def read(
    conn: Connection, name: str, /, *, major: int | None = None, rename: Rename = NO_NAMES, **values: object
) -> list[Any]:
    """Return the rows of `cluster/<name>.sql`, in which these values replace their names in <>.

    `major` is the version that the statements are for, the server's own by default. `rename`: print these names of
    roles, tablespaces and, in settings, schemas.
    """
    query = _composed(name, major or conn.info.server_version // 10000)
    values["renamed"] = json.dumps(_in_settings(rename))
    for place in [place for place, value in values.items() if isinstance(value, sql.Composable)]:
        query = query.replace(f"<{place}>".encode(), values.pop(place).as_bytes(conn))  # type: ignore[attr-defined]
    query = named(query, conn, rename.roles, rename.tablespaces)
    literals = {place.encode(): sql.Literal(value).as_bytes(conn) for place, value in values.items()}
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(PLACE.sub(lambda match: literals[match[1]], query)).fetchall()


def _in_settings(rename: Rename) -> dict[str, dict[str, str]]:
    """Return the new names that values of settings may have, by parameter."""
    tablespaces, roles = dict(rename.tablespaces), dict(rename.roles)
    return {
        "search_path": dict(rename.schemas),
        "default_tablespace": tablespaces,
        "temp_tablespaces": tablespaces,
        "role": roles,
        "session_authorization": roles,
    }


@cache
def _composed(name: str, major: int) -> bytes:
    """Return a statement, including the parts that it shares with others."""
    query = statement(__package__, name, major)
    for part in ("acl", "setting"):
        query = query.replace(f"<{part}>".encode(), statement(__package__, part, major))
    # Drop comments: they mention the placeholders, and a value with a newline would end them.
    return b"\n".join(line for line in query.splitlines() if not line.lstrip().startswith(b"--"))


def held(source: Connection, destination: Connection, *parts: Sequence[Step]) -> tuple[list[list[Step]], list[Loss]]:
    """Return each part's steps without the settings that the destination's version rejects, and these as losses.

    They are tried in a transaction that is rolled back: a parameter, or one of its values, may not exist there.
    """
    if source.info.server_version // 10000 == destination.info.server_version // 10000:
        return [list(part) for part in parts], []
    kept, losses = [], []
    with destination.transaction(force_rollback=True):
        for part in parts:
            lesser = [_lesser(step, _not_taken(destination, step)) for step in part]
            kept.append([step for step, _ in lesser if step.work != Execute(())])
            losses += [loss for _, lost in lesser for loss in lost]
    return kept, losses


def _lesser(step: Step, refused: Mapping[str, str]) -> tuple[Step, list[Loss]]:
    if not refused or not isinstance(step.work, Execute):
        return step, []
    statements = tuple(s for s in step.work.statements if s not in refused)
    losses = [
        Loss(step.name, f"{without_secrets(s)} ({why})" if statements else why, whole=not statements)
        for s, why in refused.items()
    ]
    return replace(step, work=Execute(statements)), losses


def _not_taken(destination: Connection, step: Step) -> dict[str, str]:
    """Return the statements of a step with a parameter or value that the server does not know, and its error."""
    refused = {}
    for each in step.work.statements if isinstance(step.work, Execute) else ():
        setting = SETTING.search(each)
        try:
            with destination.transaction():
                destination.execute(each)
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.FeatureNotSupported) as error:
            if setting:
                refused[each] = one_line(error)
        except psycopg.errors.UndefinedObject as error:  # or an unknown role
            if setting and destination.execute(KNOWN, [setting[1].strip('"')]).fetchall() == [(False,)]:
                refused[each] = one_line(error)
        except psycopg.DatabaseError:
            continue
    return refused


def refusals(destination: Connection, steps: Iterable[Step]) -> list[Finding]:
    """Return the steps that this role may not do, and those that would lock everybody out.

    They are tried in a transaction that is rolled back.
    """
    steps = list(steps)
    findings = []
    with destination.transaction(force_rollback=True):
        for step in steps:
            if isinstance(step.work, Execute):
                try:
                    with destination.transaction():
                        for statement in step.work.statements:
                            destination.execute(statement)
                except psycopg.DatabaseError as error:
                    together = without_secrets("; ".join(step.work.statements))
                    findings.append(
                        Finding(
                            f"The destination rejects {step.name}: {one_line(error)}",
                            "as a superuser, before the clone.",
                            object=step.name,
                            run=f"{together};",
                        )
                    )
        for step, parameter, reason in login.shut_out(destination, steps):
            text = f"With {step.name}, nobody could connect to the copy: {parameter}: {reason}"
            instead = "Install that library on the destination server, or remove the setting on the source."
            findings.append(Finding(text, instead, object=step.name))
    return findings
