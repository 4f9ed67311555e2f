"""The label store: what each file of a workspace carries, whoever reads it next.

The gate keeps ``path -> (content digest, exposure bits)`` for each workspace,
outside of it. A write carries the writer's exposure, whatever label the path
has; a read adds the stored bits. So what was fetched, written to a file and
read back by a fresh principal is still untrusted.

- A write is recorded *before* it happens, and durably: a crash between the two
  leaves a label too many, never one too few. Its bits count beside the
  old ones until ``settle`` says that the new content is in place.
- A file whose content is not what the store knows was changed outside, by the
  person whose machine this is: nothing is known of it, and the policy's own
  labels speak. The old content keeps its label, should it come back.
- A person who accepts a diff may clear ``untrusted`` of exactly that content
  (``accept``); the caller records the returned ``Clearing`` in the trace.

The store does no IO of its own: it is handed a ``Journal``. One line is one
entry, canonical JSON after a checksum. A last line that is torn belongs to a
write that never happened and is dropped; any other damage raises, because a
missing label is a hole.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, final

from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import ALL_SEEN, EXFIL, UNTRUSTED, valid
from nucleus.lean import dataclass

KEPT: Final = ALL_SEEN & ~EXFIL
"""Bits that a file can carry. That data could have left is not a property of a file."""
ANY: Final = "?"
"""Stands for the digest of content that isn't known yet: what an edit will make of a file."""
_TREE: Final = "*"
"""Stands for whatever content there is, here and below."""
COMPACT_AT: Final = 4096
"""Lines of a journal beyond twice its live entries after which opening it rewrites it."""


class LabelReader(Protocol):
    """What classification asks of a store."""

    def bits(self, path: str) -> int:
        """Return the exposure that the file carries, 0 if nothing is known."""
        ...

    def tree(self, path: str) -> int:
        """Return the exposure that the file, or anything below the directory, carries. ``.`` is the workspace."""
        ...


class Journal(Protocol):
    """Where the store keeps its lines."""

    def read(self) -> bytes:
        """Return everything, empty if there is nothing yet."""
        ...

    def stamp(self) -> tuple[int, int]:
        """Return what differs whenever somebody else has written: a number of the file, and its size."""
        ...

    def append(self, line: bytes) -> None:
        """Add one line. Durable when this returns; raises OSError if it can't be."""
        ...

    def replace(self, content: bytes, expected: tuple[int, int]) -> None:
        """Put ``content`` in place of everything, atomically and durably; nothing if ``stamp`` is not ``expected``."""
        ...


@final
class NoLabels:
    """A reader for a workspace about which nothing is known."""

    def bits(self, path: str) -> int:  # noqa: ARG002  the interface
        """Return 0."""
        return 0

    def tree(self, path: str) -> int:  # noqa: ARG002  the interface
        """Return 0."""
        return 0


@final
@dataclass(frozen=True, slots=True)
class Clearing:
    """A person accepted this content: for the trace."""

    path: str
    digest: str
    before: int
    after: int
    by: str


@final
class LabelStore:
    """The labels of one workspace. Paths are canonical and relative to it; digests are hex."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, dict[str, int]] = {}
        """For each path: content digest -> bits."""
        self._current: dict[str, frozenset[str]] = {}
        """For each path: the digests of the contents of which one is in place."""
        self._stamp = (0, 0)
        self._load()

    def bits(self, path: str) -> int:
        """Return what the content in place, or anything above it as a tree, carries."""
        self._refresh()
        return self._bits(path)

    def _bits(self, path: str) -> int:
        found = self._own(path)
        known = self._known
        at = path.rfind("/")
        while at > 0:
            path = path[:at]
            if path in known:
                found |= known[path].get(_TREE, 0)
            at = path.rfind("/")
        return found | known["."].get(_TREE, 0) if "." in known else found

    def tree(self, path: str) -> int:
        """Return the join over everything at, below and above ``path``."""
        self._refresh()
        found = self._bits(path)
        below = "" if path == "." else path + "/"
        for other in self._known:
            if other.startswith(below):
                found |= self._own(other)
        return found

    def will_write(self, path: str, digest: str, exposure: int) -> None:
        """Join the writer's exposure to the path, before the write. An invalid exposure counts as everything.

        ``ANY`` is the digest of an edit: the first content that is seen afterwards carries its bits and the old ones.
        """
        self._refresh()
        bits = exposure & KEPT if valid(exposure) else KEPT
        if bits == 0 and path not in self._known:
            return
        self._put({"do": "write", "path": path, "digest": digest, "bits": bits})

    def will_write_all(self, contents: Mapping[str, str], exposure: int) -> None:
        """Say ``will_write`` of many paths, each with the digest of its new content, with one durable append."""
        self._refresh()
        bits = exposure & KEPT if valid(exposure) else KEPT
        self._put_all(
            {"do": "write", "path": path, "digest": digest, "bits": bits}
            for path, digest in contents.items()
            if bits != 0 or path in self._known
        )

    def settle_all(self, contents: Mapping[str, str]) -> None:
        """Say ``settle`` of many paths, with one durable append."""
        self._refresh()
        self._put_all(
            {"do": "settle", "path": path, "digests": [digest]}
            for path, digest in contents.items()
            if path in self._known
        )

    def settle(self, path: str, digest: str) -> None:
        """Say that exactly this content is in place now: labels of what was overwritten end here."""
        self._refresh()
        if path in self._known:
            self._put({"do": "settle", "path": path, "digests": [digest]})

    def mark_tree(self, path: str, exposure: int) -> None:
        """Join ``exposure`` to whatever is or will be below ``path``: a checkout of foreign code, an install."""
        self._put({"do": "tree", "path": path, "bits": exposure & KEPT if valid(exposure) else KEPT})

    def saw(self, path: str, digest: str) -> int:
        """Return the bits of the content that was really read, and note a change that came from outside."""
        self._refresh()
        if path in self._known and self._current.get(path, frozenset()) != {digest}:
            self._put({"do": "settle", "path": path, "digests": [digest]})
        return self._bits(path)

    def accept(self, path: str, digest: str, by: str) -> Clearing:
        """Clear ``untrusted`` of exactly this content of a file. Labels of its tree stay."""
        before = self._known.get(path, {}).get(digest, 0)
        self._put({"do": "accept", "path": path, "digest": digest, "by": by})
        return Clearing(path, digest, before, before & ~UNTRUSTED, by)

    def _own(self, path: str) -> int:
        """Return what the path's own entries say of the content in place."""
        contents = self._known.get(path)
        if contents is None:
            return 0
        found = contents.get(_TREE, 0)
        for digest in self._current.get(path, ()):
            found |= contents.get(digest, 0)
        return found

    def _put(self, entry: dict[str, Any]) -> None:
        """Make an entry durable, then true."""
        line = _line(entry)
        self._journal.append(line)
        self._do(entry)
        self._stamp = (self._stamp[0], self._stamp[1] + len(line)) if self._stamp[0] else self._stamp

    def _put_all(self, entries: Iterable[dict[str, Any]]) -> None:
        """Make entries durable together, then true."""
        ready = list(entries)
        if not ready:
            return
        lines = b"".join(_line(entry) for entry in ready)
        self._journal.append(lines)
        for entry in ready:
            self._do(entry)
        self._stamp = (self._stamp[0], self._stamp[1] + len(lines)) if self._stamp[0] else self._stamp

    def _refresh(self) -> None:
        """Read anew if another gate of this workspace has written: its labels hold here too."""
        if self._journal.stamp() != self._stamp:
            self._known.clear()
            self._current.clear()
            self._load()

    def _do(self, entry: dict[str, Any]) -> None:
        """Apply one entry."""
        path = entry["path"]
        contents = self._known.setdefault(path, {})
        match entry["do"]:
            case "write":
                # INVARIANT: until the write is settled either content may be in place, and both count.
                contents[entry["digest"]] = contents.get(entry["digest"], 0) | entry["bits"]
                self._current[path] = self._current.get(path, frozenset()) | {entry["digest"]}
            case "settle":
                self._settle(path, contents, entry["digests"])
            case "tree":
                contents[_TREE] = contents.get(_TREE, 0) | entry["bits"]
            case "accept":
                contents[entry["digest"]] = contents.get(entry["digest"], 0) & ~UNTRUSTED
            case other:
                raise _damaged(f"an entry that does {other!r}")

    def _settle(self, path: str, contents: dict[str, int], digests: list[str]) -> None:
        """Say which contents may be in place. What came of an edit carries its bits and those of the old content."""
        before = self._current.get(path, frozenset())
        if ANY in before and ANY not in digests:
            inherited = 0
            for digest in before:
                inherited |= contents.get(digest, 0)
            for digest in digests:
                contents[digest] = contents.get(digest, 0) | inherited
            contents.pop(ANY, None)
        self._current[path] = frozenset(digests)

    def _load(self) -> None:
        """Read the journal. Raises CannotEnforce if it is damaged."""
        lines = 0
        stamp = self._journal.stamp()
        content = self._journal.read()
        # INVARIANT: the stamp is older than the content; what came between the two makes the next look read anew.
        self._stamp = stamp
        for entry in _entries(content):
            lines += 1
            try:
                self._do(entry)
            except (KeyError, TypeError) as error:
                raise _damaged(f"line {lines} lacks {error}") from error
        live = list(self._live())
        if lines > 2 * len(live) + COMPACT_AT:
            self._journal.replace(b"".join(live), stamp)
            self._stamp = (-1, -1)

    def _live(self) -> Iterator[bytes]:
        """Yield the lines of a journal that says what this store knows."""
        for path, contents in self._known.items():
            for digest, bits in contents.items():
                if digest == _TREE:
                    yield _line({"do": "tree", "path": path, "bits": bits})
                else:
                    yield _line({"do": "write", "path": path, "digest": digest, "bits": bits})
            yield _line({"do": "settle", "path": path, "digests": sorted(self._current.get(path, ()))})


def _line(entry: dict[str, Any]) -> bytes:
    """Return one line: checksum, space, canonical JSON."""
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _entries(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the entries of a journal. Raises CannotEnforce for damage other than a torn last line."""
    whole = content.rpartition(b"\n")[0]
    lines = whole.split(b"\n") if whole else []
    for number, line in enumerate(lines, 1):
        sum_, _, text = line.partition(b" ")
        if sum_ != b"%08x" % zlib.crc32(text):
            raise _damaged(f"line {number} does not match its checksum")
        entry = json.loads(text)
        if not isinstance(entry, dict):
            raise _damaged(f"line {number} is not an entry")
        yield entry


def _damaged(what: str) -> CannotEnforce:
    """Return the error for a damaged store."""
    return CannotEnforce(
        "the label store of this workspace is damaged",
        why=what,
        fix="restore it from a backup, or delete it and treat the whole workspace as untrusted: "
        '[labels] untrusted = ["**"]',
    )
