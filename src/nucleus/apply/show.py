"""A change as text for a person: whole bytes compared here, nothing hidden, nothing obeyed.

Attributes, filters and index flags of a repository can tell git's own diff to
show nothing; this one reads the two files. Control characters, and what else
is not printable, are shown by their codes; what is no text is shown by its
size and digest. Time stays linear where a text is built to make a comparison slow.
"""

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from nucleus.apply import change as words
from nucleus.apply.beneath import directory, held, lent, look, regular, split
from nucleus.apply.change import Change
from nucleus.apply.run import Run

TEXT_LIMIT: Final = 4 << 20
"""Bytes of one side that is shown as text."""
LINES_COMPARED: Final = 2000
"""Lines that differ on one side up to which they are matched with each other; more are shown as a block each."""
CONTEXT: Final = 3


def shown(run: Run, change: Change) -> Iterator[str]:
    """Yield the lines that say what a change is, then those of its content. Raises OSError."""
    yield headline(change)
    if change.kind == words.REF:
        before, _, after = change.target.partition("..")
        yield f"    from {before or 'nothing'} to {after}" if change.target else ""
        return
    if change.kind == "link" and change.target:
        yield f"    leads to {words.printable(change.target)}"
    elif change.what == words.MODE:
        before_mode = f"{change.before.mode & 0o777:04o}" if change.before is not None else "as files are made"
        yield f"    mode {before_mode} to {change.mode:04o}"
    elif change.kind == "file" and not _unreadable(change):
        old = None if change.what == words.ADDED else _content(run.workspace, change.path)
        new = None if change.what == words.DELETED else _content(run.upper, change.path, lend=True)
        yield from compared(old, new)


def headline(change: Change) -> str:
    """Return one line: what, where, and why somebody should look."""
    notes = [change.category if not change.why else f"{change.category}: {change.why}"]
    notes += [f"conflict: {change.conflict}"] if change.conflict else []
    notes += [f"not applied: {change.refused}"] if change.refused and change.refused != change.why else []
    plain = notes == [words.PLAIN]
    kind = "" if change.kind == "file" else f" {change.kind}"
    return f"{change.what}{kind} {change.shown}" + ("" if plain else f"  [{words.printable('; '.join(notes))}]")


def compared(old: bytes | None, new: bytes | None) -> Iterator[str]:
    """Yield a unified diff of two contents; None is a file that is not there."""
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        yield from (f"    {sign} {_size(content)}" for sign, content in (("-", old), ("+", new)) if content is not None)
        return
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    gone, came = before[head : len(before) - tail], after[head : len(after) - tail]
    if max(len(gone), len(came)) <= LINES_COMPARED:
        yield from (_shown(line) for line in list(difflib.unified_diff(before, after, n=CONTEXT, lineterm=""))[2:])
        return
    yield f"@@ -{head + 1},{len(gone)} +{head + 1},{len(came)} @@"
    yield from (_shown(f"-{line}") for line in gone)
    yield from (_shown(f"+{line}") for line in came)


def _lines(content: bytes | None) -> list[str] | None:
    """Return the lines, each with its end as text; None for what is no text, or too much of it."""
    if content is None:
        return []
    if len(content) > TEXT_LIMIT or b"\0" in content:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    end = lines.pop()
    return [*lines, f"{end}  (no line end)"] if end else lines


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines are the same from the start."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _shown(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode("ascii") for c in line)


def _size(content: bytes) -> str:
    if len(content) > TEXT_LIMIT:
        return f"more than {TEXT_LIMIT} bytes"
    return f"no text: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}"


def _content(base: str, path: str, *, lend: bool = False) -> bytes | None:
    """Return the content of a file, cut one byte beyond the limit; None where there is none that can be read."""
    above, name = split(path)
    with suppress(FileNotFoundError, NotADirectoryError), ExitStack() as open_here:
        folder = open_here.enter_context(held(base))
        for part in above if lend else ():
            folder = open_here.enter_context(lent(folder, part))
        if not lend:
            folder = open_here.enter_context(directory(folder, above))
        if look(folder, name) is not None:
            descriptor = open_here.enter_context(regular(folder, name, lend=lend))
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(TEXT_LIMIT + 1)
    return None


def _unreadable(change: Change) -> bool:
    """Whether a change is of git's storage, or refused before its content was looked at."""
    return change.category == words.GIT or (bool(change.refused) and not change.digest and change.what != words.DELETED)
