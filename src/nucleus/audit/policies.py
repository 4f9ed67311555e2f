"""Nucleus policies of a project, as the product's own loader judges them."""

import re
from collections.abc import Iterator
from typing import final

from nucleus.audit.project import Document, Project
from nucleus.errors import PolicyError
from nucleus.lean import dataclass

_PLACE = re.compile(r":(\d+): ")
ALONE_PROFILE = "local_dev"
"""The ceiling for a file that names no profile: whoever starts the run names one then."""


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What the loader says of one file."""

    error: str = ""
    line: int = 1
    above: bool = False
    """The error is a level above the profile."""
    notes: tuple[tuple[int, str], ...] = ()
    """Line and words of what has no effect."""


def judged(project: Project) -> "Iterator[tuple[Document, Verdict]]":
    """Yield the policies of a project with what the loader says."""
    for document in project.of("policy"):
        if not document.problems or document.root is not None:
            yield document, judge(document)


def judge(document: Document) -> Verdict:
    """Return what the loader says of one policy, alone and as if trusted."""
    from nucleus.policy.load import LayerFile, OwnerChoices, load_policy

    named = document.root is not None and document.root.get("profile") is not None
    choices = OwnerChoices(profile="" if named else ALONE_PROFILE, bill_seen=True)
    file = LayerFile(
        "--policy", document.path, document.source.text.encode("utf-8", "surrogatepass"), trusted=True, why=""
    )
    last = len(document.source.starts)
    try:
        policy = load_policy([file], choices)
    except PolicyError as error:
        fix = f"; {error.fix}" if error.fix else ""
        return Verdict(error.message + fix, min(max(error.line, 1), last), "is above profile" in error.message)
    notes = []
    for note in policy.notes:
        place = _PLACE.search(note)
        notes.append((min(int(place[1]), last) if place else 1, note[place.end() :] if place else note))
    return Verdict(notes=tuple(notes))
