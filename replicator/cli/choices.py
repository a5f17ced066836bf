"""The options that choose what of the source is copied, and as what."""

import click

from replicator.cli.parameters import Group, option
from replicator.model import Statistics

LEAVING_OUT = (
    option(Group.WHAT, "--no-owner", is_flag=True, help="Make the destination role the owner of everything."),
    option(Group.WHAT, "--no-acl", is_flag=True, help="Skip privileges (GRANT and REVOKE)."),
    option(Group.WHAT, "--no-tablespaces", is_flag=True, help="Put everything into the default tablespace."),
    option(
        Group.WHAT,
        "--no-unlogged-table-data",
        is_flag=True,
        help="Skip the rows of unlogged tables; a standby does not have them.",
    ),
    option(Group.WHAT, "--no-large-objects", is_flag=True, help="Skip large objects."),
    option(Group.WHAT, "--no-comments", is_flag=True, help="Skip comments."),
    option(Group.WHAT, "--no-security-labels", is_flag=True, help="Skip security labels."),
    option(Group.WHAT, "--no-publications", is_flag=True, help="Skip publications."),
    option(Group.WHAT, "--no-subscriptions", is_flag=True, help="Skip subscriptions."),
    option(Group.WHAT, "--no-event-triggers", is_flag=True, help="Skip event triggers."),
    option(
        Group.WHAT,
        "--no-database-settings",
        is_flag=True,
        help="Skip ALTER DATABASE … SET and the connection limit.",
    ),
    option(
        Group.WHAT,
        "--thaw",
        is_flag=True,
        help="Skip a connection limit of 0 and read-only mode, which freeze the source.",
    ),
    option(
        Group.WHAT,
        "--exclude-extension",
        multiple=True,
        metavar="PATTERN",
        help="Skip an extension and whatever depends on it. Repeat for more.",
    ),
)
VIA_ROOT = option(
    Group.WHAT,
    "--load-via-partition-root",
    is_flag=True,
    help="Route each row through the partitioned table. Used anyway where rows may belong elsewhere.",
)
SOURCE_ENCODING = option(
    Group.WHAT,
    "--source-encoding",
    metavar="ENCODING",
    help="Encoding of the text in a SQL_ASCII source, such as LATIN1.",
)
DOWNGRADE = option(
    Group.WHAT,
    "--downgrade",
    is_flag=True,
    help="Skip, and list, what the destination's version does not support.",
)
SKIP_UNPRIVILEGED = option(
    Group.WHAT,
    "--skip-unprivileged",
    is_flag=True,
    help="Skip, and list, what the destination role is not allowed to create.",
)
ROLES = option(Group.WHAT, "--roles", is_flag=True, help="Create roles that the destination lacks.")
TABLESPACES = option(
    Group.WHAT,
    "--tablespaces",
    "create_tablespaces",
    is_flag=True,
    help="Create tablespaces that the destination lacks, at the same paths.",
)
STATISTICS = option(
    Group.WHAT,
    "--statistics",
    type=click.Choice([how.value for how in Statistics]),
    callback=lambda context, parameter, value: value and Statistics(value),
    show_default="transfer into PostgreSQL 18 and newer, else analyze",
    help="Planner statistics: transfer the source's, run ANALYZE, or none.",
)
TOAST_COMPRESSION = option(
    Group.WHAT,
    "--toast-compression",
    type=click.Choice(["lz4", "pglz"]),
    show_default="the destination's",
    help="Compression of long values (PostgreSQL 14 and newer).",
)
FOREIGN_KEYS = option(
    Group.WHAT,
    "--foreign-keys",
    type=click.Choice(["not-valid"]),
    show_default="fail",
    help="Add a foreign key that the rows violate as NOT VALID, and warn.",
)
SKIP_FAILED_REFRESH = option(
    Group.WHAT,
    "--skip-failed-refresh",
    is_flag=True,
    help="Leave a materialized view empty if its query fails, and warn.",
)
DEFER = (
    option(
        Group.WHAT,
        "--defer-validation",
        is_flag=True,
        help="Add foreign keys NOT VALID; `validate` checks the rows later.",
    ),
    option(
        Group.WHAT,
        "--defer-indexes",
        is_flag=True,
        help="Build only unique indexes; `validate` builds the others later, CONCURRENTLY.",
    ),
)
