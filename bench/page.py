"""docs/benchmarks.md, section by section: each target replaces its own and leaves the others as they are."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import table
from bench.table import Section

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
OTHERS: Final = ("Boxes", "MCP mediation")
"""Sections that other targets than ``make bench`` write."""


def sections(text: str) -> dict[str, str]:
    """Return title -> text with its heading, in order; what stands before the first is under ""."""
    found = {"": ""}
    title = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("## "):
            title = line[3:].strip()
            found[title] = ""
        found[title] += line
    return found


def replaced(text: str, title: str, section: str) -> str:
    """Return ``text`` with one section in place of its former self, or at the end."""
    found = sections(text)
    found[title] = section.strip() + "\n"
    return "\n".join(part.rstrip() + "\n" for part in found.values() if part.strip())


def kept(new: str, old: str) -> str:
    """Return ``new`` with the sections of other targets that ``old`` has."""
    for title, section in sections(old).items():
        if title in OTHERS:
            new = replaced(new, title, section)
    return new


def put(title: str, section: str) -> None:
    """Write one section of the page."""
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), title, section), encoding="utf-8")


def written_by(name: str, about: str, title: str, measure: Callable[[int], Section], *, quick: int, full: int) -> int:
    """Be the command line of a target with a section of its own: measure, print, write it; 0 if every budget held."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, write nothing")
    chosen = parser.parse_args()
    section = measure(quick if chosen.quick else full)
    print(table.text([section]))
    for note in section.notes:
        print(f"{title}: {note}", file=sys.stderr)
    if not chosen.quick:
        put(title, table.markdown([section]))
    behind = table.missed([section])
    for quantity in behind:
        print(f"bench: over budget: {quantity}", file=sys.stderr)
    return 1 if behind else 0
