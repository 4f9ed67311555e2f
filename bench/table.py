"""The table: what was promised, what was measured, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.clock import Figure, shown

AT_MOST: Final = "at most"
AT_LEAST: Final = "at least"


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity. ``budget`` 0 means that nothing was promised and the figure is for information."""

    quantity: str
    measured: Figure
    of: str
    """What the figure counts: ``U``, ``B``, ``x decide``, ``records/s`` ..."""
    budget: float = 0.0
    ambitious: float = 0.0
    sense: str = AT_MOST
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return ``ambitious``, ``holds`` or ``MISSED``; empty where nothing was promised."""
        if self.budget == 0:
            return ""
        if self._within(self.ambitious):
            return "ambitious"
        return "holds" if self._within(self.budget) else "MISSED"

    def _within(self, bound: float) -> bool:
        return self.measured.median <= bound if self.sense == AT_MOST else self.measured.median >= bound

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as text."""
        sign = "<=" if self.sense == AT_MOST else ">="
        bounds = (f"{sign} {shown(bound)}" if self.budget else "-" for bound in (self.budget, self.ambitious))
        budget, ambitious = bounds
        return self.quantity, f"{self.measured} {self.of}", budget, ambitious, self.verdict or "-"


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together, and what a reader must know about them."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


HEAD: Final = ("quantity", "measured (quartiles)", "budget", "ambitious", "verdict")


def text(sections: Sequence[Section]) -> str:
    """Return one table for a terminal."""
    lines = [HEAD, *(row.cells() for section in sections for row in section.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [lines[0], rule, *lines[1:]]
    )


def markdown(sections: Sequence[Section]) -> str:
    """Return one table and the notes for each section."""
    parts = []
    for section in sections:
        parts += [f"## {section.title}", "", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
        parts += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells()) + " |" for row in section.rows]
        notes = [*(f"{row.quantity}: {row.note}" for row in section.rows if row.note), *section.notes]
        parts += ["", *(f"- {note}" for note in notes), *([""] if notes else [])]
    return "\n".join(parts)


def missed(sections: Sequence[Section]) -> list[str]:
    """Return the quantities whose budget does not hold."""
    return [row.quantity for section in sections for row in section.rows if row.verdict == "MISSED"]
