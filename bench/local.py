"""``python -m bench.local``: what a box costs, beside other ways to contain a command, in one interleaved run.

In each round every contender does every piece of work once, one after the
other; the order is reversed in every other round. What is reported is the
median over the rounds, with its quartiles, of the time on the wall. A start is
the whole of ``CONTENDER true``. A run time is the whole of a longer piece of
work less that contender's own start in the same round, over the same of the
bare command. Writes its section of docs/benchmarks.md; ``--quick`` writes nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import page
from bench.boxes import contenders
from bench.boxes.contenders import BARE, NUCLEUS, Contender
from bench.clock import Figure, figure
from bench.table import Row, Section

TITLE: Final = "Boxes"
FILES: Final = 5000
STATUSES: Final = 20
SPAWNS: Final = 300
TESTS: Final = 2000
"""So many that what differs between two starts does not decide: with 400 it was a tenth of the work."""
MODULES: Final = 400
COLD_ROUNDS: Final = 5
WARM, COLD = "start, warm", "start, cold"
GIT, PYTEST, PIP, SPAWN = "git status on 5k files", "pytest", "pip install", "300 processes"
PYTHON: Final = "python -c pass, bare"


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work: the command, what makes the workspace ready for it, outside of the clock, and its proof."""

    name: str
    words: tuple[str, ...]
    proof: bytes
    """What its output holds, ``times`` times, if the work was done."""
    times: int = 1
    budget: float = 0.0
    ready: Callable[[Path], None] = lambda _: None


class WrongError(Exception):
    """A contender did not do its work."""


def works() -> list[Work]:
    """Return all work. The first is the start."""
    python = sys.executable
    status = f"i=0; while [ $i -lt {STATUSES} ]; do git status --porcelain; i=$((i+1)); done"
    spawn = f"i=0; while [ $i -lt {SPAWNS} ]; do /bin/echo spawned; i=$((i+1)); done"
    pip = (python, "-m", "pip", "install", "--no-index", "--disable-pip-version-check", "--no-warn-script-location")
    wheel = ("--target", "installed", "wheels/sample-1.0-py3-none-any.whl")
    pytest = (python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "suite")
    return [
        Work(WARM, ("echo", "started"), b"started"),
        Work(GIT, ("sh", "-c", status), b" M d0/e0/f0.txt", STATUSES, 2.0),
        Work(PYTEST, pytest, b"%d passed" % TESTS, 1, 1.2),
        Work(PIP, (*pip, *wheel), b"Successfully installed sample-1.0", 1, 1.2, _without_installed),
        Work(SPAWN, ("sh", "-c", spawn), b"spawned", SPAWNS),
    ]


def _without_installed(workspace: Path) -> None:
    shutil.rmtree(workspace / "installed", ignore_errors=True)


def lay_out(workspace: Path) -> None:
    """Make a repository of many files, a test suite and a wheel."""
    for number in range(FILES):
        folder = workspace / f"d{number % 50}" / f"e{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}.txt").write_text(f"file {number}\n")
    suite = workspace / "suite"
    suite.mkdir()
    lines = "".join(f"def test_{n}():\n    assert sorted(range(2000), reverse=True)[0] == 1999\n" for n in range(TESTS))
    (suite / "test_sample.py").write_text(lines)
    (workspace / "wheels").mkdir()
    with zipfile.ZipFile(workspace / "wheels" / "sample-1.0-py3-none-any.whl", "w") as wheel:
        for number in range(MODULES):
            wheel.writestr(f"sample/m{number}.py", f"def f{number}(x):\n    return x + {number}\n" * 20)
        info = "sample-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (workspace / ".gitignore").write_text("installed/\nhere\n")
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "gc.auto=0"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *who, *words], cwd=workspace, check=True)
    (workspace / "d0" / "e0" / "f0.txt").write_text("changed\n")


def taken(contender: Contender, work: Work, workspace: Path) -> float:
    """Return the seconds that one piece of work took. Raises WrongError if it was not done."""
    work.ready(workspace)
    # Some of them show git a home whose configuration it may not read, which ends it.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **contender.environment}
    begin = time.perf_counter()
    done = subprocess.run(
        contender.command(work.words), capture_output=True, cwd=workspace, env=environment, timeout=300, check=False
    )
    seconds = time.perf_counter() - begin
    # A run of ours says by 75 that some of what it changed waits for its owner.
    good = done.returncode in ({0, 75} if contender.name == NUCLEUS else {0})
    if not good or done.stdout.count(work.proof) != work.times:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")[-400:]
        raise WrongError(f"{contender.name}: {work.name} ended with {done.returncode}: {said}")
    return seconds


def evict(paths: Sequence[str]) -> None:
    """Ask the kernel to forget the files below these places, as far as nobody else uses them."""
    for place in paths:
        walked = os.walk(place) if os.path.isdir(place) else [("", (), (place,))]
        for folder, _, names in walked:
            for name in names:
                try:
                    number = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW)
                except OSError:
                    continue
                os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(number)


def forget(scratch: Path) -> None:
    """Throw away what runs left, so that the next one starts as the first did."""
    shutil.rmtree(scratch / "state" / "runs", ignore_errors=True)


Times = dict[tuple[str, str], list[float]]


def interleaved(found: Sequence[Contender], workspace: Path, scratch: Path, rounds: int) -> Times:
    """Return (contender, work) -> seconds, one for each round. One round before that is thrown away."""
    times: Times = {(one.name, work.name): [] for one in found for work in works()}
    times[BARE, PYTHON] = []
    python = Work(PYTHON, (sys.executable, "-c", "print('started')"), b"started")
    for turn in range(rounds + 1):
        seconds = taken(Contender(BARE), python, workspace)
        times[BARE, PYTHON] += [seconds] if turn else []
        for work in works():
            for one in found if turn % 2 else reversed(found):
                seconds = taken(one, work, workspace)
                forget(scratch)
                if turn:
                    times[one.name, work.name].append(seconds)
    return times


def cold(found: Sequence[Contender], workspace: Path, scratch: Path, rounds: int) -> Times:
    """Return (contender, "start, cold") -> seconds: each start after its files were evicted."""
    times: Times = {(one.name, COLD): [] for one in found}
    start = works()[0]
    for _ in range(rounds):
        for one in found:
            evict(one.files)
            times[one.name, COLD].append(taken(one, start, workspace))
            forget(scratch)
    return times


def rows(times: Times, names: Sequence[str]) -> list[Row]:
    """Return the rows of the table. Budgets are for ours."""
    made = [Row(f"for comparison: {PYTHON}", figure([one * 1000 for one in times[BARE, PYTHON]]), "ms")]
    for name in names:
        ours = name == NUCLEUS
        for start, budget, ambitious in ((WARM, 100, 60), (COLD, 200, 150)):
            if name != BARE and times.get((name, start)):
                measured = figure([seconds * 1000 for seconds in times[name, start]])
                made.append(Row(f"{name}: {start}", measured, "ms", budget * ours, ambitious * ours))
    for work in works()[1:]:
        for name in names:
            if name != BARE:
                measured = run_time(times, name, work.name)
                made.append(Row(f"{name}: {work.name}", measured, "x bare", work.budget * (name == NUCLEUS), 1.0))
    return made


def run_time(times: Times, name: str, work: str) -> Figure:
    """Return what a piece of work takes without the start, over the same of the bare command, round by round."""

    def rest(of: str) -> list[float]:
        return [max(0.0, whole - start) for whole, start in zip(times[of, work], times[of, WARM], strict=True)]

    return figure([ours / bare for ours, bare in zip(rest(name), rest(BARE), strict=True)])


NOTES: Final = (
    "a start is the whole of `CONTENDER echo`; a run time is the whole of the work less the contender's own start",
    "both of one round; a run time is over the same of the bare command",
    f"git status: {STATUSES} times in one command; pytest: {TESTS} tests; pip install: {MODULES} modules and byte code",
    "no network is needed by any of it: the wheel lies in the workspace",
    "cold: after the kernel was asked to forget the files that a start reads, as far as no other process uses them",
    "only `nucleus run` has a gate that decides and records, masks secrets, tests its box, and judges the changes",
    "sandlock keeps changes in a layer and merges them unjudged; sandbox-runtime writes at once",
    "sandlock has no command line: a start is a Python program of its SDK",
)


def measured(rounds: int) -> Section:
    """Return the section, saying on standard error what is under way."""
    with tempfile.TemporaryDirectory(prefix="nucleus-bench-") as place:
        scratch, workspace = Path(place) / "scratch", Path(place) / "workspace"
        scratch.mkdir()
        workspace.mkdir()
        lay_out(workspace)
        usable, notes = [], []
        for one in contenders.every(scratch, workspace):
            why = contenders.tried(one, workspace)
            forget(scratch)
            if why:
                notes.append(f"{one.name}: not run: {why}")
                continue
            usable.append(one)
            if one.version:
                notes.append(f"{one.name} {one.version}")
        print(f"bench: {', '.join(one.name for one in usable)}", file=sys.stderr)
        times = interleaved(usable, workspace, scratch, rounds)
        times |= cold(usable, workspace, scratch, min(rounds, COLD_ROUNDS))
        found = rows(times, [one.name for one in usable])
    load = f"load of the machine when it ended: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return Section(TITLE, tuple(found), (*notes, *NOTES, load))


def main() -> int:
    """Run; 0 if every budget held, else 1."""
    return page.written_by("bench.local", str(__doc__), TITLE, measured, quick=3, full=11)


if __name__ == "__main__":
    sys.exit(main())
