"""What a client is shown of a server's tools."""

from typing import Any

import pytest

from nucleus.mcp.listing import PAGES, Listing
from nucleus.mcp.mapping import read_mappings
from nucleus.mcp.pins import Identity, Pins, digest_of
from nucleus.mcp.rebuild import Issued
from tests.mcp.world import TOOL, WHO, met

SEND = {"name": "send", "description": "x" * 400, "inputSchema": {"type": "object"}}


def listing(mapped: str = "") -> Listing:
    return Listing(WHO, "notes", Pins(WHO), read_mappings(mapped))


def test_the_gate_hears_of_each_page_and_what_its_tools_may_do() -> None:
    mapped = (
        f'[[tool]]\nprogram = "server"\nname = "send"\ndigest = "{digest_of(SEND)}"\nop = "create_pr"\n'
        'arguments = ["dry"]\nwhen = [{argument = "dry", values = ["yes"], op = "read_files"}]\n'
    )
    one = listing(mapped)
    _, first, _ = one.page({"tools": [TOOL], "nextCursor": "2"}, Issued())
    _, second, _ = one.page({"tools": [SEND]}, Issued())
    _, again, _ = one.page({"tools": [TOOL]}, Issued())
    assert (first["tools"], first["first"]) == ({"echo": []}, True)
    assert (second["tools"], second["first"]) == ({"send": ["create_pr", "read_files"]}, False)
    assert again["first"]


def test_what_is_never_allowed_is_left_out_and_counted_once() -> None:
    one = listing()
    page, _, _ = one.page({"tools": [TOOL, SEND]}, Issued())
    assert one.allowed(page, {"never": ["send"]})["tools"] == [TOOL]
    assert one.left_out() == "1 tools that the policy never allows are not listed (about 116 tokens saved)"
    assert one.left_out() == ""
    assert one.allowed(page, {})["tools"] == [TOOL, SEND]


def test_hidden_and_equal_names_are_told_once() -> None:
    one = listing()
    odd = {"name": "e\u200bcho", "inputSchema": {}}
    _, _, lines = one.page({"tools": [odd]}, Issued())
    assert len(lines) == 1
    assert one.page({"tools": [odd]}, Issued())[2] == []
    assert one.equal({"equal": ["echo", 1]}) == ["echo"]
    assert one.equal({"equal": ["echo"]}) == []


def test_a_tool_that_an_http_client_must_reject_is_hidden_where_the_server_is_behind_a_url() -> None:
    odd = {"name": "odd", "inputSchema": {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}}
    for identity, shown in ((WHO, 2), (Identity(("https://example.org/mcp",)), 1)):
        one = Listing(identity, "notes", Pins(identity), read_mappings())
        page, _, lines = one.page({"tools": [odd, TOOL]}, Issued())
        assert len(page["tools"]) == shown
        assert len(lines) == 2 - shown


@pytest.mark.parametrize("never", [[], ["send"]])
def test_a_list_waits_for_the_gate_and_then_shows_what_may_be_called(never: list[str]) -> None:
    world = met()
    world.never, world.equal, world.slow = never, ["echo"], True
    ask: dict[str, Any] = {"id": 9, "method": "tools/list"}
    world.pins.learning = True
    world.from_client(**ask)
    world.from_server(id=world.server[-1]["id"], result={"tools": [TOOL, SEND]})
    assert world.client == []
    world.answer()
    names = [tool["name"] for tool in world.client[0]["result"]["tools"]]
    assert names == [name for name in ("echo", "send") if name not in never]
    assert any("lists echo too" in line for line in world.notes)
    assert any("1 tools that the policy never allows" in line for line in world.notes) == bool(never)
    assert world.asked[-1]["args"]["violation"]


def test_a_list_without_an_end_is_cut_and_counts_as_whole() -> None:
    one = listing()
    seen = [one.page({"tools": [TOOL] if not page else [], "nextCursor": str(page)}, Issued()) for page in range(PAGES)]
    assert ["nextCursor" in page for page, _, _ in seen] == [True] * (PAGES - 1) + [False]
    assert "has no end" in seen[-1][2][0]
    assert one.page({"tools": [{"name": "later"}]}, Issued())[0] == {"tools": []}
    assert one.page({"tools": [], "nextCursor": "0"}, Issued())[0]["nextCursor"] == "0"
