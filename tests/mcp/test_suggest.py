"""A proposal is made where a definition leaves little to be said wrongly; hints only tighten it."""

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.mapping import read_mappings
from nucleus.mcp.pins import Identity
from nucleus.mcp.suggest import propose
from nucleus.policy.legs import CAPABILITY_NAMES

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "mcp_tools"
SENDS = {"create_pr", "web_fetch", "web_search", "git_push", "run_bash"}
WHO = Identity(("/opt/server",))
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}


def tool(name: str, hints: dict[str, bool] | None = None, **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "inputSchema": {"type": "object", "properties": properties}}
    return made if hints is None else {**made, "annotations": hints}


def proposed(definition: dict[str, Any]) -> dict[str, Any]:
    found = dict(propose(definition).fields)
    return {name: found[name] for name in ("op", "does", "path", "paths", "destination", "act") if name in found}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (tool("read_file", path=TEXT), {"op": "read_files", "does": "fs.read", "path": "path"}),
        (tool("read_multiple_files", paths=TEXTS), {"op": "read_files", "does": "fs.read", "paths": "paths"}),
        (tool("write_all", files=TEXTS, content=TEXT), {"op": "write_files", "does": "fs.write", "paths": "files"}),
        (tool("read_files", files={"type": "array"}), {}),
        (tool("read_files", files=TEXTS, paths=TEXTS), {}),
        (tool("read_files", files=TEXTS, path=TEXT), {}),
        (tool("delete_files", files=TEXTS), {}),
        (tool("listDirectory", dirPath=TEXT), {"op": "glob_search", "does": "fs.list", "path": "dirPath"}),
        (
            tool("write_file", file_path=TEXT, content=TEXT),
            {"op": "write_files", "does": "fs.write", "path": "file_path"},
        ),
        (tool("fetch_page", url=TEXT), {"op": "web_fetch", "does": "net.fetch", "destination": "url"}),
        (
            tool("post_message", channel_id=TEXT, text=TEXT),
            {"op": "create_pr", "destination": "channel_id", "act": "send"},
        ),
        (tool("delete_card", board=TEXT), {"op": "create_pr", "destination": "board", "act": "destroy"}),
        (tool("list_tables"), {"op": "read_files"}),
        (tool("get_status", level={"type": "string", "enum": ["a", "b"]}, n={"type": "integer"}), {"op": "read_files"}),
    ],
)
def test_a_tool_that_says_where_or_can_not_say_anything_gets_a_proposal(
    definition: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert proposed(definition) == expected


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (tool("run_query", sql=TEXT), "runs something"),
        (tool("search", query=TEXT), "free text"),
        (tool("get_env"), "secrets"),
        (tool("create_issue", owner=TEXT, repo=TEXT, title=TEXT), "say together"),
        (tool("create_note", text=TEXT), "no argument says where"),
        (tool("move", path=TEXT, file=TEXT), "no argument says where"),
        (tool("lookup", url=TEXT), "does not say what for"),
        (tool("frobnicate"), "does not say what it does"),
        (tool("frobnicate", path=TEXT), "what it does with a path"),
        (tool("read_file", path={"type": ["string", "null"]}), "no plain text"),
        ({"name": "x", "inputSchema": {"properties": []}}, "schema"),
        ({"name": "x"}, "schema"),
    ],
)
def test_for_anything_else_there_is_none_with_the_reason(definition: dict[str, Any], why: str) -> None:
    assert why in propose(definition).why
    assert not propose(definition).fields


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ({"readOnlyHint": True, "openWorldHint": False}, {"op": "read_files"}),
        ({"readOnlyHint": False}, {}),
        ({"destructiveHint": True}, {}),
        ({"openWorldHint": True}, {}),
    ],
)
def test_hints_take_a_proposal_away_and_never_make_one(hints: dict[str, bool], expected: dict[str, Any]) -> None:
    assert proposed(tool("list_tables", hints)) == expected
    assert proposed(tool("search", {"readOnlyHint": True, "openWorldHint": False}, query=TEXT)) == {}
    assert proposed(tool("add_item", {"destructiveHint": True}, board=TEXT))["act"] == "destroy"


def test_a_proposal_is_an_entry_as_it_stands() -> None:
    definition = tool("read_file", path=TEXT, deep={"type": "array"})
    mappings = read_mappings(propose(definition).text(WHO.digest))
    call = mappings.call(WHO, "s", definition, {"path": "/w/a"}, b"{}")
    assert (call.args["does"], call.args["echoes"]) == ("fs.read", True)
    assert "op" not in mappings.call(WHO, "s", definition, {"path": "/w/a", "deep": []}, b"{}").args
    assert "op" not in mappings.call(Identity(("/opt/other",)), "s", definition, {"path": "/w/a"}, b"{}").args


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.sampled_from(["path", "url", "to", "id", "query", "command"]) | st.text(max_size=5),
    st.fixed_dictionaries({}, optional={"type": JSON | st.sampled_from(["string", "integer"]), "enum": JSON}),
    max_size=4,
)


@pytest.mark.parametrize("name", ["\U00010000", "a\x7fb", "\\ud800\\udc00", '"', "\n"])
def test_a_name_is_written_so_that_it_is_read_again(name: str) -> None:
    """JSON's own way to write the first two is none of TOML's."""
    made = propose({"name": "get_x", "inputSchema": {"type": "object", "properties": {name: {"type": "integer"}}}})
    assert tomllib.loads(made.text(WHO.digest))["tool"][0]["arguments"] == [name]


@given(st.sampled_from(["get_x", "sendMail", "read_file", "fetch", "list"]) | st.text(max_size=9), FIELDS | JSON, JSON)
def test_any_definition_gets_a_valid_entry_or_a_reason(name: str, properties: Any, hints: Any) -> None:
    made = propose({"name": name, "inputSchema": {"properties": properties}, "annotations": hints})
    assert made.why
    if made.fields:
        assert made.fields["op"] in CAPABILITY_NAMES
        read_mappings(made.text(WHO.digest))


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not beside the project")
def test_no_real_tool_that_sends_is_proposed_as_one_that_does_not() -> None:
    """Where the hand label says that data can leave, a proposal says where it goes, or nothing can be put into it."""
    labels = {
        (row["server"], row["tool"]): row
        for row in csv.DictReader((SHARED / "labels.tsv").read_text().splitlines(), delimiter="\t")
    }
    made = 0
    for file in sorted(SHARED.glob("*.json")):
        content = json.loads(file.read_text())
        tools = content if isinstance(content, list) else content.get("tools") or content["result"]["tools"]
        for definition in tools:
            fields = propose(definition).fields
            label = labels.get((file.stem, definition["name"]))
            made += bool(fields)
            if fields and label and "X" in label["exposure"] and fields["op"] not in SENDS:
                said = definition["inputSchema"].get("properties", {}).values()
                assert not any(one.get("type") == "string" and "enum" not in one for one in said), definition["name"]
    assert made > 20
