"""The options that choose what of the source is copied, and as what."""

import click

from replicator import settings

LEAVING_OUT = (
    click.option("--no-owner", is_flag=True, help="Leave ownership to the destination's role."),
    click.option("--no-acl", is_flag=True, help="Leave privileges (GRANT, REVOKE) out."),
    click.option("--no-tablespaces", is_flag=True, help="Leave everything to the destination's default tablespace."),
    click.option(
        "--no-unlogged-table-data", is_flag=True, help="Leave out the rows of unlogged tables: a standby has none."
    ),
    click.option("--no-large-objects", is_flag=True, help="Leave large objects out."),
    click.option("--no-comments", is_flag=True, help="Leave comments out."),
    click.option("--no-security-labels", is_flag=True, help="Leave security labels out."),
    click.option("--no-publications", is_flag=True, help="Leave publications out."),
    click.option("--no-subscriptions", is_flag=True, help="Leave subscriptions out."),
    click.option("--no-event-triggers", is_flag=True, help="Leave event triggers out."),
    click.option("--no-database-settings", is_flag=True, help="Leave the database's settings and limit out."),
    click.option("--thaw", is_flag=True, help="Leave out what freezes the source: a limit of 0, read-only by default."),
    click.option(
        "--exclude-extension",
        multiple=True,
        metavar="PATTERN",
        help="Leave an extension out, with all that needs it, and list that; may be given several times.",
    ),
)
NEGATIONS = {
    name: flag.removeprefix("--").replace("-", "_") for name, flag in settings.FLAGS.items() if flag.startswith("--no-")
}
"""The options that leave something out, by the fields that are then false."""
VIA_ROOT = click.option(
    "--load-via-partition-root",
    is_flag=True,
    help="Let the destination choose each row's partition; done by itself where another may be the right one.",
)
SOURCE_ENCODING = click.option(
    "--source-encoding", metavar="ENCODING", help="What the bytes of a source in SQL_ASCII are: LATIN1, WIN1252 …"
)
DEFER = (
    click.option(
        "--defer-validation",
        is_flag=True,
        help="Add foreign keys NOT VALID: they act at once, and `validate` checks the rows later.",
    ),
    click.option(
        "--defer-indexes",
        is_flag=True,
        help="Build what is unique; `validate` builds other indexes later, CONCURRENTLY.",
    ),
)
