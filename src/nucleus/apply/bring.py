"""Bring the changes of a run into the workspace, all that may be or nothing; and put right what a crash left.

``apply`` asks a judge, stages, writes the plan down, does it, and writes that
it is done. Whatever fails on the way is undone before the error goes on.
``recover`` does the same for an apply that was killed: afterwards the
workspace is entirely old, or entirely new.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final, final

from nucleus.apply import change as words
from nucleus.apply import journal as marks
from nucleus.apply import plan, stage, syscalls
from nucleus.apply.adopt import Layer, released
from nucleus.apply.beneath import Folders, directory, held, split
from nucleus.apply.change import Applied, Change, Held, Judge, Ruling
from nucleus.apply.commits import Commits, looked
from nucleus.apply.hands import Hands, Signer
from nucleus.apply.journal import Journal
from nucleus.apply.keeping import kept_by
from nucleus.apply.landing import landed, with_branches
from nucleus.apply.landing import noted as note_moves
from nucleus.apply.plan import Step
from nucleus.apply.run import APPLIED, PARTLY, Run, alone, home, load, noted, runs
from nucleus.apply.sighting import Kept
from nucleus.apply.stage import Stage
from nucleus.apply.survey import changes
from nucleus.apply.transaction import SYNCED_ALONE, Tell, Transaction
from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.policy.label_file import FileJournal
from nucleus.policy.labels import LabelStore

YES_NAMED: Final = 1000
"""Changes by somebody's yes that ``run.json`` names."""
LABELLED: Final = frozenset({words.ADDED, words.CHANGED, words.LINK})


def silent(found: tuple[Change, ...]) -> list[Ruling]:
    """Judge as nobody would who is not asked: what is plain or flagged is applied, all else held."""
    return [Ruling(each.silent, "" if each.silent else each.why) for each in found]


def quiet(about: str) -> None:
    """Tell nobody."""
    del about


def apply(
    run: Run,
    judge: Judge,
    paths: Sequence[str] | None = None,
    *,
    hands: Hands | None = None,
    kept: Kept | None = None,
    locked: bool = False,
    tell: Tell = quiet,
) -> Applied:
    """Apply what ``judge`` allows of a run that is over, all-or-nothing, and return what came of it.

    ``paths``: only changes at and below these, relative to the workspace.
    A change in conflict that would have been applied stops everything: then
    nothing was applied and ``conflicts`` says why. Held changes stay in the
    run and can be applied later. Each written file is labelled with the run's
    exposure, durably, before it is there.

    ``hands``: git, a packer and a signer; without them what the run's git did
    stays in the run. ``kept``: whether a commit of the host keeps what is at a
    path; asked of the host's repository if not given. ``locked``: the caller
    holds the run's lock.

    Raises BlockingIOError if the run or the workspace is in use, FileNotFoundError
    for a path at which the run changes nothing, OSError where the host fails
    (then nothing was applied), and CannotEnforce for a run that can't be read.
    """
    with ExitStack() as open_here:
        workspace = open_here.enter_context(_ours(run, locked=locked))
        _recovered(run, workspace, tell)
        commits = open_here.enter_context(looked(run, hands))
        found = changes(run, kept or kept_by(run, hands), commits)
        asked = _chosen(found, paths)
        stopped = tuple(found[place] for place in asked if _stops(found[place]))
        if stopped:
            return Applied((), (), stopped)
        settled = plan.settled(found, _rulings(found, asked, judge))
        chosen, left = with_branches(commits, *settled)
        messages: tuple[str, ...] = ()
        if chosen:
            signer = hands.signer() if hands is not None and any(c.kind == words.REF for c in chosen) else None
            messages = _bring(_Job(run, workspace, commits, signer, tell), found, chosen)
        complete = len(asked) == len(found) and not left
        messages += tuple(_noted(run, APPLIED if complete else PARTLY, chosen, left))
        return Applied(chosen, left, messages=messages)


def _noted(run: Run, state: str, chosen: Sequence[Change], left: Sequence[Held]) -> Iterator[str]:
    """Let ``run.json`` say what came of it; yield why it does not."""
    count = {"at_ns": time.time_ns(), "by": os.getuid(), "applied": len(chosen), "held": len(left)}
    yes = [each.shown for each in chosen if not each.silent]
    try:
        noted(load(run.folder), state, count | {"by_yes": yes[:YES_NAMED]})
    except (OSError, CannotEnforce) as error:
        yield f"the run's own notes lack this apply: {words.printable(str(error))}"


@final
@dataclass(frozen=True, slots=True)
class _Job:
    """What all parts of one apply need."""

    run: Run
    workspace: int
    commits: Commits
    signer: Signer | None
    tell: Tell


def recover(run: Run, tell: Tell = quiet) -> bool:
    """Finish or undo an apply of this run that was interrupted; return whether there was one.

    Raises BlockingIOError if the run or the workspace is in use, and
    CannotEnforce where somebody's later change is in the way: it is kept, and
    so is what the apply had replaced.
    """
    with _ours(run) as workspace:
        return _recovered(run, workspace, tell)


def finished(run: Run) -> bool:
    """Whether an apply of this run did all that it had to, and did not come to clean up after itself."""
    return Journal(run).has(marks.DONE)


def half_done(run: Run) -> bool:
    """Whether an apply of this run was interrupted, and has to be undone or ended."""
    return Journal(run).has(marks.BEGUN)


def recover_all(state_directory: str, workspace: str) -> list[str]:
    """Recover each run of a workspace; return the names of those that had to be. For the start of a new run."""
    found = []
    for run in runs(state_directory):
        interrupted = run.workspace == workspace and half_done(run)
        if interrupted and recover(run):
            found.append(run.id)
    return found


@contextmanager
def _ours(run: Run, *, locked: bool = False) -> Iterator[int]:
    """Hold the run and the workspace, so that no two applies are at work in one; yield a descriptor of the latter."""
    with nullcontext() if locked else alone(run), home(run) as workspace:
        try:
            fcntl.flock(workspace, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(error.errno, "another apply is at work here", run.workspace) from None
        yield workspace


def _chosen(found: Sequence[Change], paths: Sequence[str] | None) -> list[int]:
    """Return the places of the changes at and below the paths. Raises FileNotFoundError for a path without any."""
    if paths is None:
        return list(range(len(found)))
    wanted: set[int] = set()
    for path in paths:
        name = os.path.normpath(path)
        below = [
            place for place, each in enumerate(found) if name in {".", each.path} or each.path.startswith(name + "/")
        ]
        if not below:
            raise FileNotFoundError(errno.ENOENT, "the run changes nothing there", path)
        wanted |= set(below)
    return sorted(wanted)


def _stops(change: Change) -> bool:
    """Whether a conflict is one of a change that nobody would have to be asked about."""
    return bool(change.conflict) and change.category in {words.PLAIN, words.FLAGGED} and not change.refused


def _rulings(found: Sequence[Change], asked: Sequence[int], judge: Judge) -> dict[int, Ruling]:
    """Return the ruling on each change. The judge is asked about what can be applied at all."""
    rulings = {place: Ruling(False, found[place].refused or found[place].conflict) for place in asked}
    open_here = [place for place in asked if not rulings[place].why]
    answers = judge(tuple(found[place] for place in open_here))
    if len(answers) != len(open_here):
        raise CannotEnforce(
            "the changes were not judged one by one", why=f"{len(answers)} answers to {len(open_here)} changes"
        )
    return rulings | dict(zip(open_here, answers, strict=True))


def _bring(job: _Job, found: Sequence[Change], chosen: Sequence[Change]) -> tuple[str, ...]:
    """Do what was chosen, or nothing; return what a person should know. Raises OSError, ValueError, CannotEnforce."""
    run, workspace, tell = job.run, job.workspace, job.tell
    journal = Journal(run)
    place = stage.place(workspace)
    tell("begin")
    journal.begin(place)
    labels = LabelStore(FileJournal.of_workspace(Path(run.state_directory), run.workspace))
    written = {each.path: each.digest for each in chosen if each.what in LABELLED and each.digest}
    try:
        with _staged(workspace, place) as ready:
            made = {each.path for each in found if each.what == words.ADDED and each.kind == "directory"}
            steps = _filled(job, ready, plan.steps(chosen, made), chosen)
            tell("land")
            steps += landed(job.commits, chosen, ready, len(steps), job.signer)
            tell("label")
            labels.will_write_all(written, run.exposure)
            tell("plan")
            journal.plan(steps)
            _done(job, journal, ready, steps)
    except BaseException:
        # A mark that may not be durable is none: whoever is told that it failed finds the old workspace.
        journal.ended(marks.DONE)
        _recovered(run, workspace, tell)
        raise
    return tuple(_ended(job, steps, lambda: labels.settle_all(written)))


def _ended(job: _Job, steps: Sequence[Step], settle: Callable[[], None]) -> Iterator[str]:
    """Do what is left when all is applied, and yield what of it has to wait: it is no failure of the apply any more."""
    job.tell("settle")
    for late, what in (
        (settle, "old labels of what was replaced still count"),
        (lambda: note_moves(job.commits, steps), "the reflog lacks what moved"),
        (lambda: _recovered(job.run, job.workspace, job.tell, steps), "what it replaced could not be removed yet"),
    ):
        try:
            late()
        except (OSError, CannotEnforce) as error:
            yield f"everything was applied, but {what}: {words.printable(str(error))}"


def _done(job: _Job, journal: Journal, ready: Stage, steps: Sequence[Step]) -> None:
    transaction = Transaction(job.workspace, ready, job.tell, job.run.linked)
    try:
        transaction.do(steps)
        job.tell("verify")
        transaction.verify(steps)
        job.tell("sync")
        transaction.sync(steps)
    finally:
        transaction.close()
    journal.know(transaction.left)
    job.tell("done")
    journal.done()


@contextmanager
def _staged(workspace: int, place: str) -> Iterator[Stage]:
    """Make the stage and hold it."""
    above, name = split(place)
    with directory(workspace, above) as folder:
        os.mkdir(name, 0o700, dir_fd=folder)
        with directory(folder, (name,)) as own:
            yield Stage(own)


def _filled(job: _Job, ready: Stage, steps: Sequence[Step], chosen: Sequence[Change]) -> list[Step]:
    """Stage everything, durably, and return the steps with the stamps of what is staged."""
    contents = {each.path: each for each in chosen if each.what not in {words.MODE, words.DELETED}}
    filled = []
    with held(job.run.upper) as upper:
        layer, folders = Layer(upper), Folders(job.workspace)
        try:
            for step in steps:
                if step.do not in {plan.MKDIR, plan.PUT, plan.SWAP}:
                    filled.append(step)
                    continue
                job.tell(f"stage {step.path}")
                fresh = ready.fill(step, contents.get(step.path), layer, _replaced(folders, step))
                filled.append(step.staged(fresh))
        finally:
            layer.close()
            folders.close()
    job.tell("sync stage")
    copied = [step for step in filled if step.do in {plan.PUT, plan.SWAP} and contents[step.path].kind == "file"]
    if len(copied) <= SYNCED_ALONE:
        for step in copied:
            ready.sync(step)
        os.fsync(ready.folder)
    else:
        syscalls.sync(ready.folder)
    return filled


def _replaced(folders: Folders, step: Step) -> os.stat_result | None:
    """Return the status of what a step will replace. Raises OSError."""
    if step.do != plan.SWAP:
        return None
    above, name = split(step.path)
    return os.lstat(name, dir_fd=folders.at(above))


def _recovered(run: Run, workspace: int, tell: Tell, steps: Sequence[Step] | None = None) -> bool:
    """Bring an apply to its end or undo it; whichever, nothing is left of it. Raises CannotEnforce.

    ``steps``: those of the plan, where they are known already.
    """
    journal = Journal(run)
    if not journal.has(marks.BEGUN):
        if journal.has(marks.DONE):
            journal.ended(marks.DONE)
        return False
    place = journal.stage()
    above, name = split(place)
    if not name.startswith(stage.PREFIX) or above not in {(), (".git",)}:
        raise CannotEnforce(f"the journal of the run {run.id} names {place!r}, which is no stage")
    if journal.has(marks.PLAN) and not journal.has(marks.DONE):
        _undone(run, journal, workspace, place, tell)
        tell("undone")
        # INVARIANT: the plan goes before the stage, so that a half-removed stage is never undone from.
        journal.ended(marks.PLAN)
    elif journal.has(marks.PLAN):
        tell("release")
        with held(run.upper) as upper:
            released(upper, journal.steps() if steps is None else steps)
    tell("clean")
    with suppress(FileNotFoundError), directory(workspace, above) as folder:
        stage.remove(folder, name)
    tell("cleaned")
    journal.ended(marks.PLAN, marks.BEGUN)
    journal.ended(marks.DONE)
    return True


def _undone(run: Run, journal: Journal, workspace: int, place: str, tell: Tell) -> None:
    above, name = split(place)
    with directory(workspace, above) as folder, directory(folder, (name,)) as own:
        transaction = Transaction(workspace, Stage(own), tell, run.linked)
        try:
            steps = journal.steps()
            stranded = transaction.undo(steps)
            transaction.sync(steps)
        finally:
            transaction.close()
        journal.know(transaction.left)
    if stranded:
        shown = ", ".join(words.printable(path) for path in stranded[:3])
        raise CannotEnforce(
            "an interrupted apply can't be undone as a whole",
            why=f"somebody changed {len(stranded)} of its files since: {shown}",
            fix=f"what it had replaced is in {os.path.join(run.workspace, place)}; put it where it belongs, "
            f"then remove that directory and {run.journal}",
        )
