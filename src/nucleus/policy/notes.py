"""One line for what a policy says without effect: ignored grants, and grants beyond the ceiling.

Shown at every start, so that nobody believes in a line that does nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from nucleus.kernel import capability
from nucleus.policy import shapes
from nucleus.policy.constraints import DENY, Scope
from nucleus.policy.document import Document
from nucleus.policy.schema import CAPABILITIES

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("read_files", "glob_search", "grep_search"),
    "write": ("write_files", "edit_files"),
    "fetch": ("web_fetch",),
    "search": ("web_search",),
    "remotes": ("git_push", "create_pr"),
    "branches": ("git_push", "create_pr"),
    "pull_requests": ("create_pr",),
    "channels": ("create_pr",),
    "templates": ("create_pr",),
    "commands": ("run_bash",),
}
"""Key of a policy -> the capabilities of which one must be above never for the key to matter."""


def notes_of(
    profiles: Sequence[Document],
    layers: Sequence[tuple[Document, bool]],
    authority: int,
    scopes: Mapping[str, Scope],
) -> tuple[str, ...]:
    """Return the notes of all layers; a layer is a document and whether it is trusted."""
    notes: list[str] = []
    names = " & ".join(one.path for one in profiles)
    for document, trusted in layers:
        if not trusted:
            notes += _ignored(document)
            continue
        for key in document.table("allow"):
            if _pointless(key, authority):
                notes.append(f"{document.where('allow', key)}: [allow] {key} has no effect: {names} never does this")
            else:
                notes += _beyond(document, scopes[key])
    return tuple(notes)


def _ignored(document: Document) -> list[str]:
    """Return one line that names the grants of an untrusted file, if it has any."""
    found: list[tuple[str, tuple[str, ...]]] = [
        (f"[{name}]", (name,)) for name in ("allow", "mcp") if _grants(document, name)
    ]
    if "public" in document.table("labels"):
        found.append(("[labels] public", ("labels", "public")))
    for name, table in document.table("remotes").items():
        if not table.keys() <= {"public", "refs"}:
            found.append((f"[remotes.{name}]", ("remotes", name)))
    if not found:
        return []
    words = ", ".join(f"{word} (line {document.line(*path)})" for word, path in found)
    fix = f"nucleus policy trust {document.path}"
    return [f"{document.path}: ignored, because a file in the workspace grants nothing: {words}; to change that: {fix}"]


def _grants(document: Document, name: str) -> bool:
    """Whether a table of an untrusted file holds a grant."""
    if name == "mcp":
        return any("allow" in table for table in document.table("mcp").values())
    return bool(document.table(name))


def _pointless(key: str, authority: int) -> bool:
    """Whether no capability that the key speaks of is above never."""
    needed = NEEDS.get(key, ())
    levels = [capability.level(authority, CAPABILITIES.index(name)) for name in needed]
    return bool(levels) and max(levels) == capability.NEVER


def _beyond(document: Document, scope: Scope) -> list[str]:
    """Return a line for each pattern that no profile lets anybody name."""
    bounds = [one for one in scope.sets if one.layer.startswith("profile ") and one.ceiling and one.otherwise == DENY]
    own = [one for one in scope.sets if one.layer == document.path]
    return [
        f"{source.where}: {source.text} has no effect: {bound.layer} does not go that far"
        for one in own
        for shape, source in one.allow
        for bound in bounds
        if source.where.startswith(f"{document.path}:")
        and all(shapes.apart(wide, shape) for wide, _ in bound.allow + bound.ask)
    ]
