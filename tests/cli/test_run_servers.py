"""``nucleus run --mcp-config``: a box reaches the owner's servers by the mediator only, as the box's own principal."""

import json
import sys
from pathlib import Path

import pytest

from nucleus.cli.run_servers import task_of
from nucleus.errors import CannotEnforce
from nucleus.mcp.configured import Server
from tests.cli.test_run import Place
from tests.local.box import needs_box
from tests.mcp.test_stdio import SERVER, mappings

CLIENT = """
import http.client, json, os
def post(session="", **fields):
    one = http.client.HTTPConnection("127.0.0.1", 3129, timeout=60)
    head = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if session:
        head["Mcp-Session-Id"] = session
    one.request("POST", "/mcp/t", json.dumps({"jsonrpc": "2.0", **fields}), head)
    answer = one.getresponse()
    return answer.getheader("Mcp-Session-Id"), json.loads(answer.read())
who = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
session, _ = post(id=1, method="initialize", params=who)
post(session, id=2, method="tools/list")
for arguments in ({"text": "hi"}, {"text": "x", "other": 1}):
    _, answer = post(session, id=3, method="tools/call", params={"name": "echo", "arguments": arguments})
    print(json.dumps(answer.get("result") or answer["error"]["message"]))
_, answer = post(session, id=4, method="tools/call", params={"name": "env", "arguments": {}})
print("TOKEN" in answer["result"]["content"][0]["text"], "TOKEN" in os.environ)
"""


@needs_box
def test_a_box_calls_a_server_outside_of_it_and_every_call_is_the_boxs(tmp_path: Path) -> None:
    place = Place(tmp_path)
    config = tmp_path / "mcp.json"
    entry = {"command": sys.executable, "args": ["-I", SERVER], "env": {"TOKEN": "canary"}}
    config.write_text(json.dumps({"mcpServers": {"t": entry}}))
    owner = tmp_path / "owner.toml"
    owner.write_text('version = 1\nprofile = "release"\n[mcp.t]\nallow = ["echo", "env"]\n')
    (place.state / "mcp").mkdir(parents=True, exist_ok=True)
    (place.state / "mcp" / "mappings.toml").write_text(mappings())
    (place.workspace / "c.py").write_text(CLIENT)
    options = ("--policy", str(owner), "--mcp-config", str(config), "--non-interactive")
    done = place.run(*options, "--", "python3", "c.py")
    assert "MCP server t: http://127.0.0.1:3129/mcp/t" in done.stderr
    hello, asked, variables = done.stdout.splitlines()
    assert json.loads(hello)["content"][0]["text"] == "hi"
    assert "approval required" in asked
    assert variables == "True False", "the entry's variable is the server's and not the box's"
    [trace] = [path for path in (place.state / "traces").glob("*.jsonl") if path.name != "ledger.jsonl"]
    records = [json.loads(line) for line in trace.read_text().splitlines()]
    calls = [record for record in records if record.get("kind") == "mcp.call"]
    assert records[0]["level"] == "contained"
    assert [record["verdict"] for record in calls] == ["allow", "ask", "allow"]
    assert {record["principal"] for record in calls} == {records[0]["principal"]}


def test_what_can_not_be_served_is_said(tmp_path: Path) -> None:
    for server in (
        Server("t", ("no-such-server",)),
        Server("t", url="http://example.org/mcp"),
        Server("t", url="https://example.org/mcp", headers={"X": "a\r\nb"}),
    ):
        with pytest.raises(CannotEnforce):
            task_of(server, str(tmp_path), str(tmp_path))


def test_an_entrys_variables_reach_the_server(tmp_path: Path) -> None:
    task = task_of(Server("t", (sys.executable,), {"TOKEN": "x"}), str(tmp_path), str(tmp_path))
    assert task.environment["TOKEN"] == "x"
    assert "NUCLEUS_STATE" not in task.environment
