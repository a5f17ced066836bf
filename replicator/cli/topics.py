"""The pages of help, which lie in replicator/help: there is a container without the checkout, too."""

import sys
from importlib.resources import files

import click

from replicator.errors import UsageError


def topics() -> dict[str, str]:
    """Return the pages by their names."""
    pages = (page for page in files("replicator").joinpath("help").iterdir() if page.name.endswith(".md"))
    return {page.name.removesuffix(".md"): page.read_text("utf-8") for page in sorted(pages, key=lambda p: p.name)}


def _complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return [name for name in topics() if name.startswith(begun)]


@click.command("help", short_help="Show a page of help: replicator help TOPIC.")
@click.argument("topic", required=False, shell_complete=_complete)
@click.pass_context
def help_command(context: click.Context, /, topic: str | None) -> None:
    """Show a page of help. If there is none, show the command's --help; without a name, list the pages."""
    pages = topics()
    assert context.parent is not None
    assert isinstance(context.parent.command, click.Group)
    commands = context.parent.command.commands
    if topic and topic in commands and topic not in pages:
        click.echo(commands[topic].get_help(click.Context(commands[topic], context.parent, info_name=topic)))
    elif topic is None:
        width = max(map(len, pages))
        for name, text in pages.items():
            click.echo(f"{name:{width}}  {text.splitlines()[0].removeprefix('# ')}")
    elif topic not in pages:
        raise UsageError(f"There is no page of help about {topic}.", hint=f"Topics: {', '.join(pages)}.")
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown  # which takes as long to load as a small clone

        console = Console()
        console.print(Markdown(pages[topic]), width=min(console.width, 100))
    else:
        click.echo(pages[topic], nl=False)
