"""Differences of objects, drawn from the templates in the .sql files: relations.sql says how they are read."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.planted import ANY, NOTHING, Plant, name_of
from tests.planted.rows import endless

FILES = ("relations.sql", "programs.sql", "others.sql")
HEAD = re.compile(r"-- ([a-z_, ]+)(?:: ([a-z ]+))?(?: --(\d+)\+)?")
GUARDED = re.compile(r"(.*?)\s*(?:--(\d+)\+)?")
CHOICE = re.compile(r"\{((?:~ |[^{}]* ~)[^{}]*)\}")
BETWEEN = re.compile(r"(?:^|(?<=\s))~(?=\s|$)")
ALTERNATIVE = re.compile(r"\s*(?:(\d\d):)?(.*?)\s*", re.DOTALL)
OWN_NAME = re.compile(r"\bxN(\w*)")
WHOLE = -1
"""Stands for the choice whether there is anything at all."""


@dataclass(frozen=True)
class Template:
    kinds: tuple[str, ...]
    flags: tuple[str, ...]
    parts: tuple[str, ...]
    """Text, and at the odd places what the alternatives are between."""
    choices: tuple[tuple[str, ...], ...]

    def text(self, chosen: Sequence[int]) -> str:
        filled = list(self.parts)
        for number, at in enumerate(chosen):
            filled[2 * number + 1] = self.choices[number][at]
        return "".join(filled)


def templates(major: int) -> list[Template]:
    """Return the templates for a server's major version."""
    found = []
    for file in FILES:
        for block in Path(__file__).with_name(file).read_text("utf-8").strip().split("\n\n"):
            head, *body = block.split("\n")
            match = HEAD.fullmatch(head)
            if not body or body[0].startswith("--"):  # what is said of the file
                continue
            assert match, head
            if major >= int(match[3] or 0):
                lines = (GUARDED.fullmatch(line) for line in body)
                text = "\n".join(line[1] for line in lines if line and major >= int(line[2] or 0))
                found.append(_template(tuple(match[1].split(", ")), tuple((match[2] or "").split()), text, major))
    return found


def _template(kinds: tuple[str, ...], flags: tuple[str, ...], text: str, major: int) -> Template:
    parts = CHOICE.split(text)
    choices = []
    for choice in parts[1::2]:
        alternatives = [ALTERNATIVE.fullmatch(text) for text in BETWEEN.split(choice)]
        choices.append(tuple(found[2] for found in alternatives if found and major >= int(found[1] or 0)))
        assert len(set(choices[-1])) == len(choices[-1]), f"twice the same: {choice}"
    return Template(kinds, flags, tuple(parts), tuple(choices))


def plants(major: int, numbers: Sequence[int], dice: random.Random) -> Iterator[Plant]:
    """Yield a plant for each number: each choice of each template in turn."""
    known = templates(major)
    turns = [f"{n} {c}" for n, t in enumerate(known) for c, texts in enumerate(t.choices) if len(texts) > 1]
    turns += [f"{n} {WHOLE}" for n in range(len(known))]
    turn = endless(turns, dice)
    for number in numbers:
        which, choice = map(int, next(turn).split())
        yield plant(number, known[which], choice, dice)


def plant(number: int, template: Template, choice: int, dice: random.Random) -> Plant:
    """Return a plant whose sides differ in one choice; WHOLE: only one has it."""
    name = name_of(number, dice, plain="plain" in template.flags)
    one = [dice.randrange(len(texts)) for texts in template.choices]
    other = list(one)
    if choice == WHOLE:
        one = [dice.choice([n for n, text in enumerate(texts) if text] or [0]) for texts in template.choices]
    else:
        other[choice] = dice.choice([n for n in range(len(template.choices[choice])) if n != one[choice]])
    texts = [OWN_NAME.sub(lambda found: name(found[1]), template.text(c)).strip().rstrip(";") for c in (one, other)]
    kind, dumped = template.kinds[0], "undumped" not in template.flags
    if choice == WHOLE:
        sides = dice.sample([texts[0], NOTHING], 2)
        return Plant(number, f"{kind}: missing or extra", (sides[0], sides[1]), frozenset([ANY]), dumped=dumped)
    return Plant(number, kind, (texts[0], texts[1]), frozenset(template.kinds), dumped=dumped)
