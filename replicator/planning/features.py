"""What each major version introduced, and what becomes of it on an older server.

References: the release notes' sections E.x.3 of 13 to 19; the `remoteVersion >=` branches of pg_dump.c (18.6); what
pg_dump 19rc1 says and 18.6 does not (tests/news.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

TABLES = frozenset({"table", "foreign_table"})
GRANTS = frozenset({"acl", "default_acl"})
NAME = r'(?:"\d+"|[a-z_][\w$]*)'
OPTION_VALUE = r"\s*=\s*(?:'[^']*'|\w+)"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that servers support since version `since`.

    `pattern` finds it in a statement whose literals, quoted names and bodies are replaced by numbers: `'1'`, `"2"`,
    `$3$`. `text` is the replacement for the older server; None drops the statement, and if that is the CREATE, the
    object. `loss_words` names the loss; empty if nothing is lost.
    """

    since: int
    kinds: frozenset[str]
    pattern: str
    text: str | Callable[[re.Match[str]], str] | None
    loss_words: str


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _options(since: int, kinds: str, names: str) -> Feature:
    """Storage parameters and the like, `name = value`, in brackets with others: those of these names go."""
    return Feature(since, _kinds(kinds), rf"(?:toast\.)?\b(?:{names}){OPTION_VALUE}", "\0", "the option {found}")


def _unlimited(found: re.Match[str]) -> str:
    """A scale below 0 or above the precision."""
    return found[0] if 0 <= int(found[2]) <= int(found[1]) else "numeric"


def _check_instead(found: re.Match[str]) -> str:
    """A check instead: before 18 every child inherits NOT NULL, which its rows may violate. Finds the column.

    For a composite type, IS NOT NULL would apply to each field, too. A type that is not shown may be composite.
    """
    column, depth, test = found[2], 0, "DISTINCT FROM NULL"
    for place in range(found.start() - 1, 0, -1) if not column else ():
        sign = found.string[place]
        depth += (sign == ")") - (sign == "(")
        if depth < 0 or (depth == 0 and sign == ","):
            column, type = found.string[place + 1 :].split()[:2]
            if "." not in type and type != "CONSTRAINT":
                test = "NOT NULL"
            break
    return f"{found[1]} CHECK (({column} IS {test})) NO INHERIT"


def _functions(since: int, access_method: str, numbers: str) -> Feature:
    """Support functions that an access method accepts in operator classes."""
    return Feature(
        since,
        _kinds("operator_class operator_family"),
        rf"( USING {access_method}\b.*?)(, | ADD )FUNCTION (?:{numbers}) \([^)]*\) [^(]*\([^)]*\)",
        lambda found: found[1] + ("" if found[2] == ", " else " ADD \0"),
        f"a support function of {access_method} (number {numbers})",
    )


ANY = frozenset[str]()
FEATURES = (
    # Tables and columns.
    Feature(18, TABLES, r"(?<=\)) VIRTUAL\b", " STORED", "virtual generated column becomes STORED"),
    Feature(
        18,
        TABLES,
        rf"(CONSTRAINT {NAME}) NOT NULL(?: ({NAME}))? NO INHERIT",
        _check_instead,
        "NOT NULL NO INHERIT becomes a CHECK constraint",
    ),
    Feature(
        18,
        TABLES,
        r"^ALTER TABLE .* ALTER CONSTRAINT .* NO INHERIT$",
        None,
        "NO INHERIT of an identity column's not-null constraint",
    ),
    Feature(17, TABLES, rf"( PARTITION BY .*) USING {NAME}", r"\1", "the access method of a partitioned table"),
    Feature(15, ANY, r"\bnumeric\((\d+),(-?\d+)\)", _unlimited, "the limits of a numeric"),
    Feature(14, _kinds("column_setting"), r"^.* SET COMPRESSION .*$", None, "the compression of a column ({found})"),
    _options(19, "table matview", "autovacuum_parallel_workers|log_autoanalyze_min_duration"),
    _options(18, "table matview", "autovacuum_vacuum_max_threshold|vacuum_max_eager_freeze_failure_rate"),
    _options(13, "table matview", "autovacuum_vacuum_insert_threshold|autovacuum_vacuum_insert_scale_factor"),
    _options(13, "index constraint", "deduplicate_items"),
    _options(15, "view", "security_invoker"),
    # Constraints.
    Feature(
        18,
        _kinds("not_valid_check"),
        rf"NOT NULL ({NAME})( NO INHERIT)?",
        r"CHECK ((\1 IS DISTINCT FROM NULL))\2",
        "NOT NULL NOT VALID becomes a CHECK constraint",
    ),
    Feature(18, _kinds("foreign_key not_valid_check"), r" NOT ENFORCED", None, "NOT ENFORCED constraints"),
    Feature(18, _kinds("constraint"), r" WITHOUT OVERLAPS", None, "constraints WITHOUT OVERLAPS"),
    Feature(18, _kinds("foreign_key"), r"\bPERIOD\b", None, "foreign keys with PERIOD"),
    Feature(15, _kinds("constraint index"), r" NULLS NOT DISTINCT", "", "NULLS NOT DISTINCT"),
    Feature(15, _kinds("foreign_key"), r"(SET (?:NULL|DEFAULT)) \([^)]*\)", r"\1", "the columns of {found}"),
    # Types, collations, sequences, statistics.
    Feature(14, _kinds("range_type"), rf", MULTIRANGE_TYPE_NAME = {NAME}(?:\.{NAME})?", "", "the multirange type"),
    Feature(14, _kinds("range_type"), rf"^ALTER FUNCTION {NAME}\.{NAME}\([^,()]*\) ", None, ""),  # its constructors
    Feature(14, _kinds("base_type"), r", SUBSCRIPT = (?:raw_)?array_subscript_handler\b", "", ""),
    Feature(14, _kinds("base_type"), rf", SUBSCRIPT = {NAME}(?:\.{NAME})?", "", "the subscript handler"),
    Feature(16, _kinds("collation"), r", RULES = '\d+'", "", "the rules of a collation"),
    Feature(
        17,
        _kinds("collation"),
        r"PROVIDER = builtin, LOCALE = '[^']*'",
        "PROVIDER = libc, LOCALE = 'C'",
        "collation provider builtin becomes libc with locale C, which sorts the same",
    ),
    Feature(17, ANY, r"COLLATE pg_catalog\.pg_c_utf8\b", 'COLLATE pg_catalog."C"', 'collation pg_c_utf8 becomes "C"'),
    Feature(
        18,
        ANY,
        r"COLLATE pg_catalog\.pg_unicode_fast\b",
        'COLLATE pg_catalog."C"',
        'collation pg_unicode_fast becomes "C"',
    ),
    Feature(15, _kinds("sequence"), r"^CREATE UNLOGGED SEQUENCE", "CREATE SEQUENCE", "UNLOGGED"),
    Feature(15, TABLES, r"^ALTER SEQUENCE .* SET (UNLOGGED|LOGGED)$", None, "an identity sequence SET {0}"),
    Feature(14, _kinds("statistics"), r"^CREATE STATISTICS .* ON [^;]*\(", None, "statistics of expressions"),
    Feature(13, _kinds("statistics"), r"^ALTER STATISTICS .* SET STATISTICS", None, "a statistics target"),
    _functions(18, "btree", "6"),
    _functions(18, "gist", "12"),
    _functions(14, "gist", "11"),
    _functions(13, "btree", "[45]"),
    _functions(13, "gist", "10"),
    _functions(13, "gin", "7"),
    _functions(13, "spgist", "6"),
    _functions(13, "brin", "5"),
    _functions(13, "hash", "3"),
    # Functions, aggregates, wrappers and event triggers.
    Feature(19, _kinds("aggregate"), rf", SUPPORT = {NAME}(?:\.{NAME})?", "", "the support function"),
    Feature(19, _kinds("foreign_data_wrapper"), rf" CONNECTION {NAME}(?:\.{NAME})?", "", "the connection function"),
    Feature(
        14,
        _kinds("function"),
        r"\nBEGIN ATOMIC\n(.*)\nEND$",
        "\nAS $function$\n\\1\n$function$",
        "BEGIN ATOMIC body becomes a string",
    ),
    Feature(
        14,
        _kinds("function"),
        r"(?<=\n)RETURN (.*)$",
        "AS $function$SELECT \\1$function$",
        "RETURN body becomes a string",
    ),
    Feature(17, _kinds("event_trigger"), r"^CREATE EVENT TRIGGER .* ON login\b", None, "the event login"),
    Feature(16, ANY, r" NO INDENT\b", "", ""),
    # Privileges.
    Feature(17, GRANTS, r"(?:GRANT|REVOKE(?: GRANT OPTION FOR)?) MAINTAIN ON ", None, "the privilege MAINTAIN"),
    Feature(17, GRANTS, r", MAINTAIN\b|\bMAINTAIN, ", "", "the privilege MAINTAIN"),
    # Publications: one that would publish more than intended is not created at all.
    Feature(19, _kinds("publication"), r" EXCEPT \(", None, "publications of all tables EXCEPT some"),
    Feature(19, _kinds("publication"), r"FOR ALL SEQUENCES", None, "publications of all sequences"),
    Feature(19, _kinds("publication"), r", ALL SEQUENCES", "", "ALL SEQUENCES"),
    Feature(18, _kinds("publication"), r", publish_generated_columns = \w+", "", "publish_generated_columns"),
    Feature(15, _kinds("publication_schema"), r"^", None, "schemas in a publication"),
    Feature(
        15,
        _kinds("publication_table"),
        rf"ADD TABLE ONLY {NAME}(?:\.{NAME})? WHERE ",
        None,
        "row filters of a publication's tables",
    ),
    Feature(
        15,
        _kinds("publication_table"),
        rf"ADD TABLE ONLY {NAME}(?:\.{NAME})? \(",
        None,
        "column lists of a publication's tables",
    ),
    Feature(13, _kinds("publication"), r", publish_via_partition_root = true", "", "publish_via_partition_root"),
    # Subscriptions: an option that equals an older server's behaviour is no loss.
    Feature(19, _kinds("subscription"), rf"^CREATE SUBSCRIPTION {NAME} SERVER ", None, "subscriptions to a server"),
    Feature(
        19,
        _kinds("subscription"),
        r", (?:retain_dead_tuples|max_retention_duration|wal_receiver_timeout) = (?:'[^']*'|\w+)",
        "",
        "the option {found}",
    ),
    Feature(17, _kinds("subscription"), r", failover = false", "", ""),
    Feature(17, _kinds("subscription"), r", failover = true", "", "failover"),
    Feature(16, _kinds("subscription"), r", password_required = true|, run_as_owner = true|, origin = 'any'", "", ""),
    Feature(
        16,
        _kinds("subscription"),
        r", password_required = false|, run_as_owner = false|, origin = '[^']*'",
        "",
        "the option {found}",
    ),
    Feature(16, _kinds("subscription"), r"streaming = parallel", "streaming = on", ""),
    Feature(15, _kinds("subscription"), r", (?:two_phase|disable_on_error) = false", "", ""),
    Feature(15, _kinds("subscription"), r", (?:two_phase|disable_on_error) = true", "", "the option {found}"),
    Feature(14, _kinds("subscription"), r", binary = false|, streaming = \w+", "", ""),
    Feature(14, _kinds("subscription"), r", binary = true", "", "the option {found}"),
)
