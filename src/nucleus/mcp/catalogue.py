"""Prompts, resources and resource templates of a server: what of a list is shown, and what a client may name.

Prompts and templates are few and written once, like tools: they are pinned
whole, and one that is new, changed, renamed or looks like another is hidden
until a person has seen it. Resources are data that comes and goes: a new one
is shown, one that says something else of itself than before is hidden.
Hidden characters hide any of them. Pins are those of ``pins``, under keys
that no tool can have: ``prompts NAME``.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import REFUSED, MessageError
from nucleus.mcp.pins import Pins, Quarantined, digest_of, skeleton
from nucleus.mcp.text import escaped, hides

NAMED: Final = {"prompts": "name", "resourceTemplates": "uriTemplate", "resources": "uri"}
"""Member of a list's result -> what names one of its items."""
GETS: Final = {"prompts/get": ("prompts", "name"), "resources/read": ("resources", "uri")}
OPEN: Final = frozenset(("resources",))
"""Lists in which something new is no surprise."""
LIMIT: Final = 4096
"""Items of one kind that are pinned. Later resources are shown unpinned; other things are hidden."""


@final
@dataclass(slots=True)
class Catalogue:
    """What one server lists besides tools."""

    pins: Pins

    def page(self, kind: str, result: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a page with what may be shown, and why each other item is hidden, by key."""
        items, key = result.get(kind), NAMED[kind]
        shown, hidden = [], {}
        here: set[str] = set()
        for item in items if isinstance(items, list) else []:
            name = item.get(key) if isinstance(item, dict) else None
            why = "two of one name" if name in here else self._judge(kind, name, item)
            if isinstance(name, str):
                here.add(name)
            if why:
                hidden[escaped(f"{kind} {name}")] = why
                self._quarantine(f" {kind} {name}", item, why)
            else:
                shown.append(item)
        if "nextCursor" not in result and not self.pins.pinned.get(f" {kind}"):
            self.pins.pinned[f" {kind}"], self.pins.changed = True, True
        return {**result, kind: shown}, hidden

    def may_get(self, method: str, params: Mapping[str, Any]) -> None:
        """Check that a request names nothing that is hidden. Raises MessageError."""
        kind, key = GETS.get(method, ("", ""))
        if kind and f" {kind} {params.get(key)}" in self.pins.quarantined:
            raise MessageError("nothing of that name is available here; do not retry", REFUSED)

    def _judge(self, kind: str, name: object, item: Any) -> str:
        """Return why an item is hidden, "" where it is not; pin it where that is due."""
        if not isinstance(name, str) or not name:
            return "it has no name"
        key, pinned = f" {kind} {name}", self.pins.pinned
        waiting = self.pins.quarantined.get(key)
        if waiting is not None and waiting.definition == item:
            return waiting.why
        if key in pinned:
            if digest_of(pinned[key]) != digest_of(item):
                return "changed"
            self.pins.changed |= self.pins.quarantined.pop(key, None) is not None
            return ""
        why = self._suspicion(kind, name, item)
        full = sum(one.startswith(f" {kind} ") for one in pinned) >= LIMIT
        if not why and full and kind not in OPEN:
            return "too many"
        if not why and not full:
            pinned[key], self.pins.changed = item, True
        return why

    def _suspicion(self, kind: str, name: str, item: Any) -> str:
        if hides(item):
            return "hidden characters"
        if kind in OPEN:
            return ""
        start = f" {kind} "
        known = {one.removeprefix(start): pin for one, pin in self.pins.pinned.items() if one.startswith(start)}
        twin = next((one for one in known if skeleton(one) == skeleton(name)), "")
        if twin:
            return f"looks like {twin}"
        if not self.pins.pinned.get(f" {kind}"):
            return ""
        key = NAMED[kind]
        mine = digest_of({**item, key: ""})
        old = next((one for one, pin in known.items() if digest_of({**pin, key: ""}) == mine), "")
        return f"renamed from {old}" if old else "new"

    def _quarantine(self, key: str, item: Any, why: str) -> None:
        if self.pins.quarantined.get(key) != Quarantined(item, why) and len(self.pins.quarantined) < LIMIT:
            self.pins.quarantined[key] = Quarantined(item, why)
            self.pins.changed = True
