"""What a run's git did, brought into the host's repository: objects, branches, tags, HEAD, index.

Objects come first, as one pack, and change nothing that anybody sees. Refs,
HEAD and the index are steps of the apply's plan, each under git's own lock and
only if it is still what was looked at. The index is made anew from the host's
own by the host's git (two-way merge, index only), never taken from the run.

Where the owner signs, new commits of the owner's are made again with a
signature, and what stands on them moves with them: their names change.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Final

from nucleus.apply import change as words
from nucleus.apply import plan, resign
from nucleus.apply.beneath import Stamp, directory, held, look, regular
from nucleus.apply.change import Change, Held
from nucleus.apply.commits import COMMIT_LIMIT, Commits
from nucleus.apply.hands import Signer
from nucleus.apply.plan import Step
from nucleus.apply.stage import Stage, copy
from nucleus.apply.storage import Storage

INDEX_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of an index: about two million files."""


def with_branches(
    commits: Commits, chosen: Sequence[Change], left: Sequence[Held]
) -> tuple[tuple[Change, ...], tuple[Held, ...]]:
    """Return what is chosen and held, HEAD held too where its branch does not come."""
    there = commits.host.refs.keys() | {each.path.removeprefix(".git/") for each in chosen}
    lost = [each for each in chosen if each.kind == words.REF and _lacks(each, there)]
    held_too = tuple(Held(each, "its branch is held") for each in lost)
    return tuple(each for each in chosen if each not in lost), (*left, *held_too)


def _lacks(change: Change, there: frozenset[str] | set[str]) -> bool:
    return change.path == ".git/HEAD" and change.target.partition("..")[2] not in there


def landed(commits: Commits, chosen: Sequence[Change], stage: Stage, first: int, signer: Signer | None) -> list[Step]:
    """Install the objects, stage the rest, return its steps, numbered from ``first``. Raises OSError, ValueError."""
    refs = [each for each in chosen if each.kind == words.REF]
    if not refs:
        return []
    values = {each.path: each.target.partition("..")[::2] for each in refs}
    moved = _signed(commits, signer) if signer is not None else {}
    name = _packed(commits, {new for path, (_, new) in values.items() if path != ".git/HEAD"}, moved)
    if name:
        _install(commits, name)
    steps: list[Step] = []
    for path, (old, new) in sorted(values.items()):
        if path != ".git/HEAD":
            text = moved.get(new, new)
            steps.append(_staged(stage, first + len(steps), (plan.REF, path), (old, text), (old, text)))
    if ".git/HEAD" in values:
        old, new = values[".git/HEAD"]
        texts = (f"ref: {old}", f"ref: {new}")
        steps.append(_staged(stage, first + len(steps), (plan.HEAD, ".git/HEAD"), texts, texts))
    index = _index(commits, values, moved)
    if index is not None:
        digests = (sha256(index[0]).hexdigest() if index[0] else "", sha256(index[1]).hexdigest())
        steps.append(_staged(stage, first + len(steps), (plan.INDEX, ".git/index"), digests, index))
    return steps


def _staged(
    stage: Stage, number: int, what: tuple[str, str], values: tuple[str, str], contents: tuple[str | bytes, str | bytes]
) -> Step:
    """Write what shall be and what must be, so that either can be put in place."""
    for name, content in ((f"o{number}", contents[0]), (str(number), contents[1])):
        stage.write(name, content if isinstance(content, bytes) else f"{content}\n".encode())
    fresh = Stamp.of(os.lstat(str(number), dir_fd=stage.folder))
    return Step(what[0], what[1], number, 0, None, fresh, values)


def _signed(commits: Commits, signer: Signer) -> dict[str, str]:
    """Make the owner's new commits again, signed, and what stands on them; return old name -> new. Raises OSError."""
    tips = sorted({value for ref, value in commits.box.refs.items() if commits.host.refs.get(ref) != value})
    order = _new(commits, tips, "--topo-order", "--reverse").split()
    if len(order) > COMMIT_LIMIT:
        raise ValueError(f"more than {COMMIT_LIMIT} new commits")
    moved: dict[str, str] = {}
    for name in order:
        commit = commits.must("cat-file", "commit", name)
        ours = resign.committer(commit) == signer.mail and not resign.is_signed(commit)
        if not ours and not any(parent in moved for parent in resign.parents(commit)):
            continue
        after = resign.reparented(commit, moved)
        if resign.committer(commit) == signer.mail:
            after = resign.signed(after, signer.sign(after), sha256=commits.sha256)
        moved[name] = _written(commits, "commit", after)
    for tip in tips:
        kind = commits.must("cat-file", "-t", tip).strip()
        if kind == b"tag":
            text = commits.must("cat-file", "tag", tip)
            target = text.partition(b"\n")[0].removeprefix(b"object ").decode("ascii", "replace")
            if target in moved:
                moved[tip] = _written(commits, "tag", text.replace(target.encode(), moved[target].encode(), 1))
    return moved


def _written(commits: Commits, kind: str, content: bytes) -> str:
    return commits.must("hash-object", "-t", kind, "-w", "--stdin", stdin=content).decode("ascii").strip()


def _new(commits: Commits, tips: Sequence[str], *options: str) -> str:
    """Return the names of the commits that the tips lead to and the host does not have."""
    nots = [f"^{value}" for value in sorted(set(commits.host.refs.values())) if commits.says("cat-file", "-e", value)]
    return commits.must("rev-list", *options, "--stdin", stdin="\n".join([*tips, *nots, ""]).encode()).decode("ascii")


def _packed(commits: Commits, tips: set[str], moved: Mapping[str, str]) -> str:
    """Return the name of the pack that the host needs, "" for none. Raises OSError."""
    if not moved or commits.git is None:
        return commits.pack
    wants = sorted({moved.get(tip, tip) for tip in tips})
    nots = [f"^{value}" for value in sorted(set(commits.host.refs.values())) if commits.says("cat-file", "-e", value)]
    base = str(commits.git.folder / "objects" / "pack" / "pack")
    words_in = "\n".join([*wants, *nots, ""]).encode()
    return "pack-" + commits.must("pack-objects", "--revs", "--quiet", base, stdin=words_in).decode("ascii").strip()


def _install(commits: Commits, name: str) -> None:
    """Copy a checked pack into the host's store, durably: nobody sees it before its index is there. Raises OSError."""
    if commits.git is None:
        return
    store = str(commits.git.folder / "objects" / "pack")
    with (
        held(commits.run.workspace) as workspace,
        held(store) as source,
        Storage(workspace, commits.run.linked).above(".git/objects/pack") as (objects, _),
    ):
        with suppress(FileExistsError):
            os.mkdir("pack", dir_fd=objects)
        with directory(objects, ("pack",)) as target:
            for ending in (".pack", ".idx"):
                _copied(source, target, name + ending)
            os.fsync(target)


def _copied(source: int, target: int, name: str) -> None:
    if look(target, name) is not None:
        return
    fresh = f"tmp_{name}"
    with suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=target)
    descriptor = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444, dir_fd=target
    )
    try:
        with regular(source, name) as content:
            copy(content, descriptor, os.fstat(content).st_size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(fresh, name, src_dir_fd=target, dst_dir_fd=target)


def _index(
    commits: Commits, values: Mapping[str, tuple[str, str]], moved: Mapping[str, str]
) -> tuple[bytes, bytes] | None:
    """Return the host's index and what it shall be, None where it stays. Raises OSError where it can't follow."""
    host, git = commits.host, commits.git
    if git is None or not host.head.startswith("refs/heads/"):
        return None
    ref = values[".git/HEAD"][1] if ".git/HEAD" in values else host.head
    before = host.refs.get(host.head, "")
    after = values[f".git/{ref}"][1] if f".git/{ref}" in values else host.refs.get(ref, "")
    after = moved.get(after, after)
    if after in {"", before}:
        return None
    place = git.folder / "index"
    old = place.read_bytes() if place.exists() else b""
    commits.must("read-tree", *(("-i", "-m", before, after) if before and old else (after,)))
    return old, place.read_bytes()


def noted(commits: Commits, steps: Sequence[Step]) -> None:
    """Append what moved to the host's reflogs, where they are kept. One that is odd or missing is left alone."""
    moment = f"{int(time.time())} +0000"
    with held(commits.run.workspace) as workspace:
        for path, old, new in _moves(commits, steps):
            zero = "0" * len(new)
            line = f"{old or zero} {new} Nucleus <apply@nucleus.invalid> {moment}\tnucleus apply {commits.run.id}\n"
            # The branch has moved already: a log that can't be written is no reason to fail now.
            with suppress(OSError), Storage(workspace, commits.run.linked).above(f".git/logs/{path}") as (folder, name):
                flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(name, flags, dir_fd=folder)
                try:
                    os.write(descriptor, line.encode())
                finally:
                    os.close(descriptor)


def _moves(commits: Commits, steps: Sequence[Step]) -> Iterator[tuple[str, str, str]]:
    """Yield each log with the two objects that it is told of: that of a branch, and HEAD's."""
    head = commits.host.head
    for step in steps:
        name = step.path.removeprefix(".git/")
        if step.do == plan.REF:
            yield name, *step.values
            if name == head:
                yield "HEAD", *step.values
