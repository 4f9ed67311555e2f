"""Whole processes: what a start costs, against a bare Python that does nothing."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import audit
from bench.clock import Candidate, figure, interleaved, ratio
from bench.table import Row, Section

BARE = "B"


def started(command: Sequence[str]) -> Callable[[int], object]:
    """Return a loop that runs ``command`` to its end."""

    def act(turns: int) -> None:
        for _ in range(turns):
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    return act


def children() -> float:
    """Return the processor seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(rounds: int) -> Section:
    """Return the rows of starts. Processor time of the children: a busy machine makes the wall say anything."""
    python = sys.executable
    bare = Candidate(BARE, started([python, "-c", "pass"]), 4)
    imported = Candidate("import", started([python, "-c", "import nucleus"]), 4)
    helped = Candidate("help", started([python, "-m", "nucleus", "--help"]), 4)
    times = interleaved([bare, imported, helped], rounds, children)
    with tempfile.TemporaryDirectory() as name:
        files = audit.build(Path(name))
        spent = audit.seconds(audit.nucleus(), Path(name))[1]
    return Section(
        "Start",
        (
            Row("import nucleus", ratio(times, "import", BARE), "B", 4, 2.5),
            Row("nucleus --help", ratio(times, "help", BARE), "B", 4, 2.5),
            Row(f"nucleus audit on {files} files, its start included", figure([spent]), "s", 1.5, 0.5),
        ),
        ("processor time of whole processes, with the same interpreter and site-packages as the bare one",),
    )
