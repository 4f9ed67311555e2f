"""``nucleus run --mcp-config``: a box reaches the owner's servers by the mediator only, as the box's own principal."""

import json
import sys
from pathlib import Path

import pytest

from nucleus.cli import Usage
from nucleus.cli.run_servers import names, task_of
from nucleus.errors import CannotEnforce
from nucleus.mcp.configured import Server
from tests.cli.test_run import Place
from tests.local.box import needs_box
from tests.mcp.test_stdio import SERVER, mappings
from tests.parts import install, world

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


@pytest.mark.timeout(90)
@needs_box
def test_a_real_client_in_the_box_reads_the_file_that_names_the_servers(tmp_path: Path) -> None:
    """The official Inspector, started with what the variable holds and told nothing else."""
    place, config, report = Place(tmp_path), tmp_path / "mcp.json", tmp_path / "report.json"
    server = world.module("@modelcontextprotocol", "server-memory", "dist", "index.js")
    config.write_text(json.dumps({"mcpServers": {"t": {"command": str(install.node()), "args": [server]}}}))
    program = world.module("@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
    words = 'exec "$0" "$1" --cli --config "$NUCLEUS_MCP_CONFIG" --server t --method tools/list'
    shown = ("--allow-read", str(world.parts()), "--report", str(report))
    owner = tmp_path / "owner.toml"
    owner.write_text('version = 1\nprofile = "release"\n[mcp.t]\nallow = ["*"]\n')
    options = ("--policy", str(owner), "--mcp-config", str(config), "--non-interactive", *shown)
    done = place.run(*options, "--", "sh", "-c", words, str(install.node()), program)
    assert "read_graph" in [tool["name"] for tool in json.loads(done.stdout)["tools"]], done.stderr
    assert json.loads(report.read_text())["mcp"] == {"t": "http://127.0.0.1:3129/mcp/t"}


def test_a_file_that_is_not_there_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(Usage, match=r"--mcp-config .*missing\.json: No such file"):
        names(str(tmp_path / "missing.json"))


@needs_box
def test_without_servers_a_box_has_no_such_variable(tmp_path: Path) -> None:
    done = Place(tmp_path).run(
        "--profile", "release", "--non-interactive", "--", "sh", "-c", "echo ${NUCLEUS_MCP_CONFIG-none}"
    )
    assert done.stdout == "none\n"


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


def test_the_names_of_servers_are_known_before_the_box_is_made(tmp_path: Path) -> None:
    config = tmp_path / "mcp.json"
    config.write_text('{"servers": {"a": {"command": "x"}, "b": {"command": "y", "disabled": true}}}')
    assert names(str(config)) == ("a",)
    assert names("") == ()
    config.write_text('{"servers": {"../a": {"command": "x"}}}')
    with pytest.raises(CannotEnforce):
        names(str(config))


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
