"""A server's list of tools on its way to the client: what is left out, and why.

Left out are tools that are not pinned (``pins``), and those of which the
gate says that no call is ever allowed: they would only cost the client's
tokens. The client sees the rest verbatim.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.mcp.mapping import Mappings
from nucleus.mcp.messages import written
from nucleus.mcp.mirrored import annotated
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.rebuild import Issued
from nucleus.mcp.results import tool_page
from nucleus.mcp.text import escaped

PAGES: Final = 100
"""Pages of one list. A server that never comes to an end holds a client that reads them all."""
TOKEN: Final = 4
"""Bytes of JSON that are about one token of a model."""


@final
@dataclass(slots=True)
class Listing:
    """The tools of one server, page by page."""

    identity: Identity
    name: str
    pins: Pins
    mappings: Mappings
    _hidden: dict[str, str] = field(default_factory=dict)
    _equal: set[str] = field(default_factory=set)
    _never: dict[str, int] = field(default_factory=dict)
    """Tool that is never allowed -> bytes of its definition."""
    _begun: bool = False
    _told: int = 0
    _pages: int = 0
    """Pages since a list last ended."""

    def page(self, result: Mapping[str, Any], issued: Issued) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        """Return a page with pinned tools only, the gate's frame about them, and lines for a person."""
        proper, refused = self._mirrorable(result)
        page, hidden = tool_page(proper, self.pins, issued)
        hidden.update(refused)
        lines = []
        self._pages = self._pages + 1 if "nextCursor" in page else 0
        if self._pages >= PAGES:
            lines.append(f"the list of tools has no end: cut after {PAGES} pages")
            del page["nextCursor"]
            self.pins.see([], last=True)
            self._pages = 0
        for name, why in hidden.items():
            if self._hidden.get(name) != why:
                self._hidden[name] = why
                lines.append(f"the tool {name[:80]} is hidden: {why}")
        tools = {str(tool["name"]): self.mappings.ops(self.identity, tool) for tool in page["tools"]}
        frame: dict[str, Any] = {"do": "tools", "server": self.identity.digest, "name": self.name, "tools": tools}
        frame["first"], self._begun = not self._begun, "nextCursor" in page
        return page, frame, lines

    def _mirrorable(self, result: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a page without the tools that an HTTP client must reject, and why each of those is hidden."""
        tools, refused = result.get("tools"), {}
        if not self.identity.is_url or not isinstance(tools, list):
            return dict(result), {}
        proper = []
        for tool in tools:
            try:
                annotated(tool if isinstance(tool, dict) else {})
                proper.append(tool)
            except ValueError as error:
                refused[escaped(str(tool.get("name")))] = str(error)
        return {**result, "tools": proper}, refused

    def allowed(self, page: dict[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
        """Return the page without what the gate says is never allowed."""
        never = {name for name in reply.get("never", ()) if type(name) is str}
        for tool in page["tools"]:
            if tool["name"] in never:
                self._never[tool["name"]] = len(written(tool))
        return {**page, "tools": [tool for tool in page["tools"] if tool["name"] not in never]}

    def left_out(self) -> str:
        """Return a line on what was left out as never allowed, "" where it was said or there is nothing to say."""
        if self._begun or len(self._never) == self._told:
            return ""
        self._told = len(self._never)
        tokens = sum(self._never.values()) // TOKEN
        return f"{self._told} tools that the policy never allows are not listed (about {tokens} tokens saved)"

    def equal(self, reply: Mapping[str, Any]) -> list[str]:
        """Return the names, not told yet, that another server of the session lists too."""
        new = [name for name in reply.get("equal", ()) if type(name) is str and name not in self._equal]
        self._equal.update(new)
        return new
