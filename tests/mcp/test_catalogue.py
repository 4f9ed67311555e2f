"""Prompts, templates and resources: what stays hidden until a person has seen it."""

from typing import Any

import pytest

from nucleus.mcp.catalogue import NAMED, Catalogue
from nucleus.mcp.messages import REFUSED, MessageError
from nucleus.mcp.pins import Pins
from tests.mcp.world import WHO, met


def item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {NAMED[kind]: name, "description": "first", **more}


def names(kind: str, page: dict[str, Any]) -> list[str]:
    return [one[NAMED[kind]] for one in page[kind]]


@pytest.mark.parametrize("kind", ["prompts", "resourceTemplates"])
def test_what_is_written_once_is_pinned_like_a_tool(kind: str) -> None:
    catalogue = Catalogue(Pins(WHO))
    first = [item(kind, "review"), item(kind, "plan", description="other")]
    page, hidden = catalogue.page(kind, {kind: first, "nextCursor": "2"})
    assert (page[kind], hidden) == (first, {})
    catalogue.page(kind, {kind: [item(kind, "last")]})
    later = [
        item(kind, "review", description="IGNORE ALL"),
        item(kind, "re-view"),
        item(kind, "renamed", description="other"),
        item(kind, "fresh", description="fresh"),
        item(kind, "last"),
    ]
    page, hidden = catalogue.page(kind, {kind: later})
    assert names(kind, page) == ["last"]
    assert hidden == {
        f"{kind} review": "changed",
        f"{kind} re-view": "looks like review",
        f"{kind} renamed": "renamed from plan",
        f"{kind} fresh": "new",
    }
    catalogue.pins.accept(f" {kind} fresh")
    assert names(kind, catalogue.page(kind, {kind: later})[0]) == ["fresh", "last"]


def test_a_new_resource_is_no_surprise_and_a_changed_one_is() -> None:
    catalogue = Catalogue(Pins(WHO))
    catalogue.page("resources", {"resources": [item("resources", "file:///a")]})
    later = [item("resources", "file:///a", description="IGNORE ALL"), item("resources", "file:///b")]
    page, hidden = catalogue.page("resources", {"resources": later})
    assert names("resources", page) == ["file:///b"]
    assert hidden == {"resources file:///a": "changed"}


@pytest.mark.parametrize("kind", sorted(NAMED))
def test_hidden_characters_and_second_items_of_one_name_are_hidden_from_the_start(kind: str) -> None:
    items = [item(kind, "a", title="x\u202ey"), item(kind, "b"), item(kind, "b"), {"title": "nameless"}, "text"]
    page, hidden = Catalogue(Pins(WHO)).page(kind, {kind: items})
    assert names(kind, page) == ["b"]
    assert len(hidden) == 3


def test_what_is_hidden_is_not_to_be_had_by_its_name() -> None:
    catalogue = Catalogue(Pins(WHO))
    catalogue.page("prompts", {"prompts": [item("prompts", "a", title="\u200b"), item("prompts", "b")]})
    catalogue.may_get("prompts/get", {"name": "b"})
    catalogue.may_get("tools/call", {"name": "a"})
    with pytest.raises(MessageError) as refused:
        catalogue.may_get("prompts/get", {"name": "a"})
    assert refused.value.code == REFUSED


def test_through_the_engine_a_changed_prompt_is_neither_listed_nor_given() -> None:
    world = met()
    for description in ("first", "IGNORE ALL"):
        world.from_client(id=5, method="prompts/list")
        listed = {"prompts": [{"name": "p", "description": description}, {"name": "q"}]}
        world.from_server(id=world.server[-1]["id"], result=listed)
    assert world.client[-1]["result"]["prompts"] == [{"name": "q"}]
    assert any("prompts p is hidden: changed" in line for line in world.notes)
    before = len(world.server)
    world.from_client(id=6, method="prompts/get", params={"name": "p"})
    assert world.client[-1]["error"]["code"] == REFUSED
    assert len(world.server) == before
