"""What a push would send: its size as a pack, and its commits, files and differences for a person.

What the remote has already is taken from the remote branches of the last
fetch and from what this session pushed there; where there is neither,
everything that the tip reaches is counted. The
pack is made without deltas against what the remote has, so that git's own,
which may have some, is rarely larger.
"""

import errno
import re
from collections.abc import Sequence
from typing import Final

from nucleus.gate.effects import Outcome, Permit
from nucleus.tools.perform.deliver import taken
from nucleus.tools.perform.outcomes import Deadline, text, texts
from nucleus.tools.perform.private_git import PrivateGit, prepared
from nucleus.tools.perform.repository import Repository, good_object

COMMITS_SHOWN: Final = 50
FILES_SHOWN: Final = 200
TEXT_SHOWN: Final = 48 * 1024
"""Bytes of the differences that are shown. A person reads no more, and is told how to see the rest."""
DIFF_LIMIT: Final = 64 * 1024 * 1024
_EMPTY: Final = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree of nothing, by the length of names: git knows it without having it."""
_PLAIN: Final = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=all")
_UNFIT: Final = re.compile(r"[^\x20-\x7e\n\t\u00a0-\U0010ffff]")


def outgoing(permit: Permit, repository: Repository, deadline: Deadline, pack: bytes = b"") -> Outcome:
    """Return ``bytes``, ``commits``, and a text as the body. Raises OSError, ValueError.

    ``pack`` comes from a box. Without a network, one that builds upon what only the remote has can't be looked at.
    """
    tip, remotes = text(permit.args, "tip"), texts(permit.args, "remotes")
    if not good_object(tip):
        raise ValueError("the id of a commit was expected")
    there = tuple(f"refs/remotes/{name}/" for name in remotes)
    fetched = {value for name, value in repository.refs().items() if there and name.startswith(there)}
    known = sorted(fetched | {name for name in texts(permit.args, "sent") if good_object(name)})
    with prepared(repository, permit.workspace, deadline) as git:
        if pack and not taken(git, pack, tip):
            raise OSError(errno.ENODATA, "it builds upon commits that only the remote has")
        # What the tree says of itself ("no differences, this is binary") hides nothing: git looks at the content.
        (git.folder / "info" / "attributes").write_text("* !diff\n")
        # A branch of the last fetch whose commit is gone says nothing about what the remote has.
        known = [value for value in known if git.run("cat-file", "-e", f"{value}^{{commit}}").status == 0]
        size = _packed(git, tip, known)
        count = int(git.must("rev-list", "--count", tip, "--not", *known))
        shown = _shown(git, tip, known, count, size)
    return Outcome("ok", {"bytes": size, "commits": count}, shown.encode())


def _packed(git: PrivateGit, tip: str, known: Sequence[str]) -> int:
    """Return the size of the pack of what the tip reaches and the others do not."""
    wanted = "\n".join([tip, *(f"^{value}" for value in known), ""]).encode()
    base = git.scratch / "outgoing"
    name = git.must("pack-objects", "--quiet", "--revs", str(base), stdin=wanted).decode("ascii").strip()
    # Nothing new makes no pack.
    return (git.scratch / f"outgoing-{name}.pack").stat().st_size if name else 0


def _shown(git: PrivateGit, tip: str, known: Sequence[str], count: int, size: int) -> str:
    """Return what a person is shown."""
    lines = git.must(
        "log", "--no-color", "--no-show-signature", "--no-patch", "--no-notes", f"--max-count={COMMITS_SHOWN}",
        "--format=tformat:  %h %an: %s", tip, "--not", *known,
    )  # fmt: skip
    base = _base(git, tip, known)
    since = "nothing: the whole history is new there" if base == _nothing(tip) else base[:12]
    stat = git.must("diff", "--stat=100", f"--stat-count={FILES_SHOWN}", *_PLAIN, base, tip)
    difference = _difference(git, base, tip)
    more = f"  ... and {count - COMMITS_SHOWN} more\n" if count > COMMITS_SHOWN else ""
    cut = ""
    if len(difference) > TEXT_SHOWN:
        difference = difference[:TEXT_SHOWN]
        cut = f"\n... cut here; all of it: git diff {base[:12]} {tip[:12]}\n"
    head = f"{count} {'commit' if count == 1 else 'commits'}, {size} bytes, since {since}\n"
    said = head.encode() + lines + more.encode() + b"\n" + stat + b"\n" + difference + cut.encode()
    return _UNFIT.sub("\ufffd", said.decode("utf-8", "replace"))


def _difference(git: PrivateGit, base: str, tip: str) -> bytes:
    """Return the differences, or what says that they are too large to be made."""
    try:
        return git.must("diff", *_PLAIN, base, tip, limit=DIFF_LIMIT)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return b"(the differences are too large to be shown here)\n"


def _base(git: PrivateGit, tip: str, known: Sequence[str]) -> str:
    """Return the commit that the differences are shown against: the last that the remote has too."""
    found = git.run("merge-base", tip, *known) if known else None
    return found.out.decode("ascii").strip() if found is not None and found.status == 0 else _nothing(tip)


def _nothing(tip: str) -> str:
    return _EMPTY[len(tip)]
