"""HMAC-SHA256 as an SQL expression, from the server's own sha256(bytea): no extension is needed.

The key is not in the expression. The session has it in two settings, from its startup packet (settings/mask_key.py): a
subquery that depends on no row reads each once for a statement. So no statement, no parameter and no log has the key.

The same value under the same label and key has the same digest in every table and version. Text is hashed as UTF8,
whatever the database's encoding; bytes in SQL_ASCII have none, and are hashed as they are.
"""

from replicator.settings.mask_key import INNER, OUTER


def literal(text: str) -> str:
    """Return a text as an SQL literal, in sessions with standard_conforming_strings.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def digest(value: str, label: str, encoding: str = "UTF8") -> str:
    """Return the keyed digest of a text, as bytea; NULL for NULL. `label` keeps masks of different kinds apart."""
    to = "SQL_ASCII" if encoding == "SQL_ASCII" else "UTF8"
    return (
        f"pg_catalog.sha256((SELECT {_setting(OUTER)}) || pg_catalog.sha256((SELECT {_setting(INNER)}"
        rf" || '\x{f'{label}:'.encode().hex()}'::pg_catalog.bytea)"
        f" || pg_catalog.convert_to({value}, '{to}'::pg_catalog.name)))"
    )


def once(columns: str, expression: str, alias: str = "h") -> str:
    """Return an expression over `columns`, which are computed once for a row: the planner would repeat them."""
    return f"(SELECT {expression} FROM (SELECT {columns} OFFSET 0) AS {alias})"


def number(digest: str) -> str:
    """Return 48 bits of a digest as a bigint."""
    return (
        f"('x' || pg_catalog.\"left\"(pg_catalog.encode({digest}, 'hex'), 12))::pg_catalog.\"bit\"(48)::pg_catalog.int8"
    )


def _setting(name: str) -> str:
    return f"pg_catalog.decode(pg_catalog.current_setting('{name}'), 'hex')"
