"""``python -m bench``: measure everything, print one table, write docs/benchmarks.md.

``--check``   know that the harness tells the truth, in seconds; nothing about speed is judged
``--quick``   fewer rounds and a smaller trace: for whoever works on something; writes nothing
"""

import argparse
import datetime as dt
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from bench import decisions, gate, policies, processes, records, selfcheck
from bench.clock import Candidate, seconds, units
from bench.page import PAGE, kept
from bench.peers import report
from bench.table import Section, markdown, missed, text

INTRODUCTION: Final = """# Benchmarks

Written by `make bench`; nothing here is typed by hand. Ratios, so that any machine can check them: in each round
every candidate and the calibration run one after the other, and a figure is the median over the rounds of their ratio,
with its quartiles; of the few absolute figures (records/s) it is the best round. `U` is one Python call of a function
that looks a key up in a dict, `B` is one process `python -c pass`. Like every candidate, `U` is one turn of the same
`for` loop: the loop is in both. "Budget" must hold; "ambitious" is the aim. `python -m bench --check` checks the
harness itself: peers that answer wrongly are found, and so is a slower candidate.
"""


def machine() -> list[str]:
    """Return what a reader needs to place the figures, and nothing that names the machine."""
    unit = min(seconds(Candidate("", units, 20_000)) for _ in range(20))
    return [
        f"date: {dt.datetime.now(dt.UTC).date().isoformat()}",
        f"nucleus-runtime {version('nucleus-runtime')}, {platform.python_implementation()} {platform.python_version()}",
        f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors; load when it ended: {_load()}",
        f"U at its best: {unit * 1e9:.0f} ns",
    ]


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def page(sections: list[Section]) -> str:
    """Return docs/benchmarks.md."""
    facts = "\n".join(f"- {fact}" for fact in machine())
    return f"{INTRODUCTION}\n## Where\n\n{facts}\n\n{markdown(sections)}".rstrip() + "\n"


def measured(*, quick: bool) -> list[Section]:
    """Return all sections, saying on standard error what is under way."""
    rounds = 7 if quick else 25
    grown = 50_000 if quick else records.GROWN
    steps: tuple[tuple[str, Callable[[], Section]], ...] = (
        ("decision", lambda: decisions.measure(rounds)),
        ("policy load", lambda: policies.measure(rounds)),
        ("trace", lambda: records.measure(rounds, grown)),
        ("gate", lambda: gate.measure(rounds)),
        ("start", lambda: processes.measure(rounds)),
        ("peers", lambda: report.measure(rounds)),
    )
    sections = []
    for name, measure in steps:
        print(f"bench: {name}", file=sys.stderr)
        sections.append(measure())
    return sections


def main() -> int:
    """Run; 0 if every budget held (or every check passed), else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=str(__doc__).splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check the harness, measure nothing")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, write nothing")
    chosen = parser.parse_args()
    if chosen.check:
        return selfcheck.run()
    sections = measured(quick=chosen.quick)
    print(text(sections))
    for section in sections:
        for note in section.notes:
            print(f"{section.title}: {note}", file=sys.stderr)
    if not chosen.quick:
        PAGE.write_text(kept(page(sections), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"bench: wrote {PAGE.relative_to(PAGE.parents[1])}", file=sys.stderr)
    behind = missed(sections)
    for quantity in behind:
        print(f"bench: over budget: {quantity}", file=sys.stderr)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
