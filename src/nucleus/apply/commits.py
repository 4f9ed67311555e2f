"""What a run's git did: its branches, tags and HEAD as changes, judged by what a checkout of them would bring.

New objects are packed by a worker without a network (it is the one who reads
what the run's git wrote), checked here object by object (``git index-pack
--strict --fsck-objects``) in a GIT_DIR whose configuration we wrote, and only
then asked about. No ref of the run's is taken over but branches and tags; a
branch only ever moves forward from where the host's own is now. Grafts,
replacements, alternates, attributes, index flags of the run say nothing here:
no git reads them.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, final

from nucleus.apply import change as words
from nucleus.apply.beneath import Stamp, directory, held, look
from nucleus.apply.box_refs import OBJECT, Refs, box_refs, host_refs, remote_names, worktree_heads
from nucleus.apply.change import Change
from nucleus.apply.classes import Class, classify
from nucleus.apply.hands import Hands, Packing, PrivateGit
from nucleus.apply.journal import Journal
from nucleus.apply.run import Run, home
from nucleus.apply.sighting import SINCE
from nucleus.apply.storage import UNFINISHED, Storage, layered, require
from nucleus.errors import CannotEnforce
from nucleus.policy.refs import good_ref

PACK_LIMIT: Final = 16 << 30
"""Bytes of new objects."""
SECONDS: Final = 600.0
SUBJECTS: Final = 5
SUBJECT_LIMIT: Final = 72
"""Characters of a commit's subject that a person is shown; it is the run's own text, and quoted as such."""
COMMIT_LIMIT: Final = 100_000
"""New commits of one run."""
EMPTY_TREES: Final = {
    False: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    True: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without entries, whose name every git knows; by whether objects are named by SHA-256."""
_ABBREVIATED: Final = re.compile(r"[0-9a-fA-F]{4,64}")
_LINK, _SUBMODULE, _PROGRAM = "120000", "160000", "100755"


@final
class Commits:
    """The run's refs beside the host's. ``git`` sees the objects of both once they passed the check."""

    def __init__(self, run: Run, git: PrivateGit | None, box: Refs, host: Refs) -> None:
        self.run = run
        self.git = git
        self.box = box
        self.host = host
        self.remotes: frozenset[str] = frozenset()
        """The host's remotes, as far as it tracks branches of them."""
        self.pack = ""
        """The file name of the checked pack of new objects, without its ending; "" for none."""
        self.found: tuple[Change, ...] = ()

    @property
    def sha256(self) -> bool:
        """Whether objects are named by SHA-256."""
        return any(len(value) == 64 for value in self.host.refs.values())

    def must(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run the private git. Raises OSError."""
        if self.git is None:
            raise OSError("there is no git here")
        return self.git.must(*arguments, stdin=stdin)

    def says(self, *arguments: str) -> bool:
        """Whether the private git ends well."""
        return self.git is not None and self.git.run(*arguments).status == 0


@contextmanager
def looked(run: Run, hands: Hands | None) -> Iterator[Commits]:
    """Hold what a run's git did, with its changes. What can't be looked at is one change that is refused."""
    box = box_refs(run)
    if box is None:
        yield Commits(run, None, Refs(), Refs())
        return
    with ExitStack() as open_here:
        host = Refs()
        try:
            require(run)
            host, remotes = _host(run)
            found = Commits(run, None, box, host)
            if box != host:
                found = _imported(open_here, run, (box, host), hands)
                found.remotes = remotes
                found.found = tuple(_changes(found))
        except (OSError, ValueError, CannotEnforce) as error:
            why = f"what the run's git did can't be looked at: {words.printable(str(error))}"
            found = Commits(run, None, box, host)
            found.found = (Change(".git", words.CHANGED, words.REF, words.GIT, why, refused=why),)
        yield found


def _host(run: Run) -> tuple[Refs, frozenset[str]]:
    """Return the refs and the remotes of the host's repository. Raises OSError, ValueError."""
    with home(run) as workspace:
        storage = Storage(workspace, run.linked)
        with storage.shared() as shared, storage.own() as own:
            return host_refs(shared, own), remote_names(shared)


def _imported(open_here: ExitStack, run: Run, refs: tuple[Refs, Refs], hands: Hands | None) -> Commits:
    if hands is None:
        raise ValueError("branches are not looked at here")
    found = Commits(run, open_here.enter_context(hands.git(run.workspace)), *refs)
    _import(found, hands)
    return found


def _import(found: Commits, hands: Hands) -> None:
    """Bring the run's new objects into the private git, checked. Raises OSError, ValueError, CannotEnforce."""
    git = found.git
    wants = sorted({value for ref, value in found.box.refs.items() if found.host.refs.get(ref) != value})
    missing = [want for want in wants if not found.says("cat-file", "-e", want)]
    if git is None or not missing:
        return
    store = git.folder / "objects" / "pack"
    place = store / "incoming.pack"
    haves = sorted({value for value in found.host.refs.values() if found.says("cat-file", "-e", value)})
    target = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with ExitStack() as open_here:
            stores = _stores(open_here, found.run)
            sizes = (PACK_LIMIT, SECONDS)
            hands.pack(Packing(stores, tuple(missing), tuple(haves), target, *sizes, sha256=found.sha256))
        size, width = os.fstat(target).st_size, 32 if found.sha256 else 20
        name = f"pack-{os.pread(target, width, max(0, size - width)).hex()}"
    finally:
        os.close(target)
    os.rename(place, store / f"{name}.pack")
    found.must("index-pack", "--strict", "--fsck-objects", str(store / f"{name}.pack"))
    absent = [want for want in missing if not found.says("cat-file", "-e", want)]
    if absent:
        raise ValueError(f"the worker's pack lacks {absent[0]}")
    # Every object that a new tip needs is there: of the pack, or the host's own.
    not_these = "".join(f"^{have}\n" for have in haves)
    found.must("rev-list", "--objects", "--quiet", "--stdin", stdin=("\n".join(missing) + f"\n{not_these}").encode())
    found.pack = name


def _stores(open_here: ExitStack, run: Run) -> tuple[int, ...]:
    """Return descriptors of the run's objects and the host's. Raises OSError."""
    both = open_here.enter_context(layered(run))
    if both is None:
        raise FileNotFoundError(errno.ENOENT, "no storage of a repository", run.workspace)
    return tuple(open_here.enter_context(directory(one, ("objects",))) for one in both if one is not None)


def _changes(found: Commits) -> Iterator[Change]:
    box, host = found.box, found.host
    for ref in sorted(host.refs.keys() - box.refs.keys()):
        yield _refused(ref, words.DELETED, "a branch or tag is never taken away by a run")
    for ref, value in sorted(box.refs.items()):
        before = host.refs.get(ref, "")
        if value != before and not (before and found.says("merge-base", "--is-ancestor", value, before)):
            yield _moved(found, ref, before, value)
    if box.head != host.head:
        yield _head(found)


def _head(found: Commits) -> Change:
    ref = found.box.head
    if not ref.startswith("refs/heads/") or ref not in found.box.refs:
        return _refused("HEAD", words.CHANGED, "only a branch with commits is checked out for a run")
    if not found.host.head.startswith("refs/heads/"):
        return _refused("HEAD", words.CHANGED, "the host has no branch checked out")
    sort = _class(found, ref, found.box.refs[ref])
    return _ref("HEAD", words.CHANGED, sort, (found.host.head, ref), _blocked(found, "HEAD"))


def _moved(found: Commits, ref: str, before: str, value: str) -> Change:
    """Return the change of one branch or tag."""
    what = words.CHANGED if before else words.ADDED
    branch = ref.startswith("refs/heads/")
    obstacle = ""
    if before and not branch:
        obstacle = "a tag that is there is never moved"
    elif before and not found.says("merge-base", "--is-ancestor", before, value):
        obstacle = "not a step forward from what the host has now"
    elif branch and found.must("cat-file", "-t", value).strip() != b"commit":
        obstacle = "names no commit"
    elif not found.says("rev-parse", "--verify", "--quiet", f"{value}^{{commit}}"):
        obstacle = "names nothing that leads to a commit"
    elif not before and any(other.startswith(ref + "/") or ref.startswith(other + "/") for other in found.host.refs):
        obstacle = "another one's name is in the way"
    elif not before and not good_ref(ref.split("/", 2)[2]):
        obstacle = "git itself gives no branch or tag this name: programs would take it for HEAD, or for an option"
    if obstacle:
        return _refused(ref, what, obstacle)
    conflict = _blocked(found, ref) if branch and before else ""
    sort = _class(found, ref, value)
    if not before:
        sort = max(sort, _named(found, ref), key=lambda each: each.rank)
    told = _subjects(found, value)
    sort = Class(sort.category, f"{sort.why}; {told}" if sort.why and told else sort.why or told)
    return _ref(ref, what, sort, (before, value), conflict)


def _named(found: Commits, ref: str) -> Class:
    """Return what a new branch or tag is by its name alone: held where git would take it for something else's.

    Source: gitrevisions(7). A short name is looked for among tags, then branches, then remotes' branches; an
    abbreviated object's comes last.
    """
    kind, name = ref.split("/", 2)[1:]
    other = f"refs/{'tags' if kind == 'heads' else 'heads'}/{name}"
    if other in found.host.refs or other in found.box.refs:
        return Class(words.HELD, "a branch and a tag of one name: git takes the tag for the branch")
    if name.partition("/")[0] in found.remotes:
        return Class(words.HELD, "its name is that of a remote's branch: git would take this one for it")
    if _ABBREVIATED.fullmatch(name) or name.endswith("_HEAD"):
        return Class(words.HELD, "a name that git takes for a commit's own")
    return Class(words.PLAIN, "") if words.plain_name(name) else Class(words.HELD, "not every reader sees this name")


def _subjects(found: Commits, value: str) -> str:
    """Return how many commits the host does not have yet, and the subjects of the last ones."""
    nots = "".join(f"^{each}\n" for each in sorted(set(found.host.refs.values())) if found.says("cat-file", "-e", each))
    listed = found.must(
        "log", "--no-color", "--no-show-signature", "--format=%s", "--stdin", stdin=f"{value}\n{nots}".encode()
    )
    lines = [line[:SUBJECT_LIMIT] for line in listed.decode("utf-8", "replace").splitlines()]
    if not lines:
        return ""
    more = f" and {len(lines) - SUBJECTS} more" if len(lines) > SUBJECTS else ""
    return words.printable(f"{len(lines)} commits: {'; '.join(lines[:SUBJECTS])}{more}")


def _class(found: Commits, ref: str, value: str) -> Class:
    """Return the worst that a checkout of a commit would bring, beside what the host has there or nearest to it."""
    base = found.host.refs.get(ref) or _nearest(found, value)
    listed = found.must("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, f"{value}^{{tree}}")
    fields = listed.decode("utf-8", "surrogateescape").split("\0")
    worst, number = Class(words.PLAIN, ""), 0
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        each = _entry_class(facts, path)
        number += each.rank >= 2
        if each.rank > worst.rank:
            worst = Class(each.category, f"a checkout brings {words.printable(path)}: {each.why}")
    return Class(worst.category, f"{worst.why}, and {number - 1} more" if number > 1 else worst.why)


def _entry_class(facts: str, path: str) -> Class:
    old, new, _, _, status = facts.lstrip(":").split(" ")
    if new == _SUBMODULE:
        return Class(words.HELD, "a submodule: another repository's code")
    if status == "D":
        # What a commit takes away, the commit before it keeps.
        return classify(path, words.DELETED, kept=True)
    if new == _LINK:
        return classify(path, words.LINK)
    if new == _PROGRAM and old != _PROGRAM:
        return max(classify(path, words.MODE), classify(path, words.CHANGED), key=lambda each: each.rank)
    return classify(path, words.ADDED if status == "A" else words.CHANGED)


def _nearest(found: Commits, value: str) -> str:
    """Return what a new branch is compared with: where it left what is checked out, else nothing at all."""
    here = found.host.refs.get(found.host.head, found.host.head)
    git = found.git
    if git is not None and OBJECT.fullmatch(here):
        base = git.run("merge-base", here, value).out.decode("ascii", "replace").strip()
        if OBJECT.fullmatch(base):
            return base
    return EMPTY_TREES[len(value) == 64]


def _blocked(found: Commits, name: str) -> str:
    """Return why a checked-out branch can't move just now, or HEAD to another one."""
    place = found.run.linked
    with held(found.run.workspace) as workspace, Storage(workspace, place).own() as storage:
        status = look(storage, "HEAD")
        younger = status is not None and found.run.changed_since(status.st_ctime_ns)
        if name == "HEAD" and status is not None and younger:
            known = Journal(found.run).known().get(".git/HEAD")
            # Its change time moved once more when the stage, and with it a second name of the file, was removed.
            if known is None or not known.same(Stamp.of(status)):
                return SINCE
        with Storage(workspace, place).shared() as shared:
            elsewhere = name in set(worktree_heads(shared, "" if place is None else place.name))
        if elsewhere:
            return "it is checked out in another worktree"
        if name not in {"HEAD", found.host.head}:
            return ""
        unfinished = next((each for each in UNFINISHED if look(storage, each) is not None), "")
    if unfinished:
        return f"a {unfinished} is there: finish or abort that first"
    before, after = found.host.refs.get(found.host.head, ""), found.box.refs.get(found.box.head, "")
    if before and after and not found.says("read-tree", "-n", "-i", "-m", before, after):
        return "something that is staged is in the way"
    return ""


def _ref(name: str, what: str, sort: Class, values: tuple[str, str], conflict: str) -> Change:
    return Change(f".git/{name}", what, words.REF, sort.category, sort.why, target="..".join(values), conflict=conflict)


def _refused(name: str, what: str, why: str) -> Change:
    return Change(f".git/{name}", what, words.REF, words.GIT, why, refused=why)
