"""Figures as an SVG: a block for each contest, a bar for each contender's wall time, CPU time and memory."""

from collections.abc import Iterator
from html import escape

from benchmarks.results import Contest, Runs
from replicator.events import size_text

WIDTH, MARGIN, LINE, BAR = 960, 24, 24, 14
NAMES, COLUMN, GAP = 250, 200, 26
FIGURES = (("wall", "wall time"), ("cpu", "client CPU"), ("total", "client memory, peak"))
OURS, THEIRS, INK, FAINT, PAPER = "#0b6e99", "#b9c4cc", "#1f2d36", "#66757f", "#ffffff"
NOTE = "Medians. In brackets: the first contender's figure to this one's, below 1 where the first is better."


def svg(contests: list[Contest]) -> str:
    """Return the picture. Replicator's bars are in colour; a wrong contender gets words instead of bars."""
    body: list[str] = []
    y = MARGIN
    for contest in contests:
        body += _block(contest, y)
        y += (len(contest.runs) + 3) * LINE
    y += LINE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="13">'
    paper = f'<rect width="{WIDTH}" height="{y}" rx="8" fill="{PAPER}"/>'
    return "\n".join([head, paper, *body, _text(MARGIN, y - 12, NOTE, color=FAINT, size=11), "</svg>"]) + "\n"


def _block(contest: Contest, y: int) -> Iterator[str]:
    yield _text(MARGIN, y + 12, contest.name, weight="bold")
    yield _text(WIDTH - MARGIN, y + 12, contest.about, color=FAINT, anchor="end", size=11)
    for column, (_, title) in enumerate(FIGURES):
        yield _text(_left(column), y + 34, title, color=FAINT, size=11)
    for number, runs in enumerate(contest.runs):
        top = y + 44 + number * LINE
        yield _text(MARGIN, top + 11, runs.name)
        if not runs.counts:
            yield _text(_left(0), top + 11, f"not whole: {runs.wrong[:80]}", color=FAINT, size=11)
            continue
        for column, (figure, _) in enumerate(FIGURES):
            yield from _bar(contest, runs, figure, _left(column), top)


def _bar(contest: Contest, runs: Runs, figure: str, left: int, top: int) -> Iterator[str]:
    value = runs.median(figure)
    if not value:
        return
    most = max(other.median(figure) for other in contest.runs if other.counts)
    width = max(1.0, value / most * (COLUMN - 90))
    words = size_text(int(value)) if figure == "total" else f"{value:.2f} s"
    if (ratio := contest.ratio(runs, figure)) and runs is not contest.runs[0]:
        words += f" ({ratio:.2f})"
    color = OURS if runs.name.startswith("replicator") else THEIRS
    yield f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{color}"/>'
    yield _text(left + width + 6, top + 11, words, size=11)


def _left(column: int) -> int:
    return MARGIN + NAMES + column * (COLUMN + GAP)


def _text(
    x: float, y: int, text: str, *, color: str = INK, anchor: str = "start", size: int = 13, weight: str = "normal"
) -> str:
    style = f'fill="{color}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'
