"""The pages that people read, cut into what a test can run: code blocks, links, sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
HELP = ROOT / "replicator" / "help"
HELP_PAGES = sorted(HELP.glob("*.md"))
PAGES = [ROOT / "README.md", *HELP_PAGES, *(ROOT / ".github").glob("*.md"), ROOT / "CHANGELOG.md"]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n)+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b")


@dataclass(frozen=True)
class Block:
    """A code block; one that is indented is for a shell."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def name(self) -> str:
        return f"{self.page}: {self.lines[0]}"


def name_of(page: Path) -> str:
    """Return what a page is called in these tests: `README`, `resume`."""
    return page.stem


def blocks(page: Path) -> Iterator[Block]:
    """Yield the code blocks of a page, in their order."""
    text = page.read_text("utf-8")
    found = [(match.start(), match[1], match[2]) for match in FENCED.finditer(text)]
    fenced = [range(match.start(), match.end()) for match in FENCED.finditer(text)]
    for match in INDENTED.finditer(text):
        if not any(match.start() in place for place in fenced):
            found.append((match.start(), "sh", re.sub("(?m)^    ", "", match[0])))
    for _, language, code in sorted(found):
        yield Block(name_of(page), language, code)


def prose(page: Path) -> str:
    """Return a page's text without code blocks and tables, with links as their words."""
    text = INDENTED.sub("\n", FENCED.sub("", page.read_text("utf-8")))
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("|"))
    return re.sub(r"!?\[([^\]]*)\]\([^)\s]+\)", r"\1", text)


def sentences(page: Path) -> Iterator[str]:
    """Yield a page's sentences. A heading, an item of a list and a paragraph each begin a new one."""
    for paragraph in re.split(r"\n\n|\n(?= *(?:- |\d+\. |#))", prose(page)):
        words = " ".join(re.sub(r"^\W*(?:- |\d+\. |#+ )", "", paragraph).replace("**", "").split())
        yield from (part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z`\"])|(?<=:)\s+", words) if part)


def cells(page: Path) -> Iterator[str]:
    """Yield the cells of a page's tables."""
    for line in FENCED.sub("", page.read_text("utf-8")).splitlines():
        if line.startswith("|"):
            yield from (cell.strip() for cell in line.strip("|").split("|"))
