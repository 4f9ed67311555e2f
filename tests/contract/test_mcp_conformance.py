"""The official conformance suite, directly and through the mediator: the same verdict on the same checks.

The suite speaks HTTP. A bridge of the tests stands between it and a server over standard streams, or between a
client over standard streams and its server; directly, that bridge is all there is.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts import install
from tests.parts.bearer import Bearer
from tests.parts.world import HERE, POLICY, environment, identity, mappings, module, parts, server_environment

VOLATILE = re.compile(r"127\.0\.0\.1:\d+|localhost:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
"""Ports, session ids and times."""


def node(*words: str) -> list[str]:
    return [str(install.node()), *words]


def ours(name: str, *words: str) -> list[str]:
    """Return the command of one of the programs beside this test's parts."""
    return node(str(HERE / name), str(parts() / "js"), *words)


def mediated(home: Path, command: list[str], who: str, tools: list[dict[str, Any]]) -> list[str]:
    """Return a command behind the mediator, of an owner who allows everything to ``who``."""
    state = home / "state"
    (state / "mcp").mkdir(mode=0o700, parents=True, exist_ok=True)
    state.chmod(0o700)
    (state / "mcp" / "mappings.toml").write_text(mappings(who, tools))
    (home / "owner.toml").write_text(POLICY)
    words = [sys.executable, "-m", "nucleus", "--state", str(state), "mcp", "run", "--quiet", "--name", "t"]
    words += ["--policy", str(home / "owner.toml"), "--server-env", f"PATH={server_environment()['PATH']}"]
    return [*words, "--", *command]


def checks(results: Path) -> dict[str, list[Any]]:
    """Return scenario -> what was found of each check, without what is different each time."""
    found = {}
    for file in sorted(results.glob("**/checks.json")):
        scenario = re.sub(r"-20\d\d-\d\d-\d\dT.*", "", file.parent.name)
        text = VOLATILE.sub("*", file.read_text())
        found[scenario] = [{**one, "timestamp": ""} for one in json.loads(text)]
    return found


def suite(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = module("@modelcontextprotocol", "conformance", "dist", "index.js")
    return subprocess.run(
        node(program, *words), cwd=home, env=environment(home), capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "work"
    place.mkdir()
    before = Path.cwd()
    os.chdir(place)
    yield place
    os.chdir(before)


def tools_of(command: list[str], home: Path) -> list[dict[str, Any]]:
    """Return what a server lists, without a client of anybody's."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(home)) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        started.stdin.flush()
        answers = (json.loads(line) for line in started.stdout)
        listed = next(one["result"]["tools"] for one in answers if one.get("id") == 2)
        started.terminate()
    return list(listed)


def served(home: Path, name: str, command: list[str]) -> dict[str, list[Any]]:
    """Let the suite try a server, and return what it found."""
    results = home / name
    with subprocess.Popen(
        ours("bridge.mjs", *command), stdout=subprocess.PIPE, cwd=home / "work", env=environment(home), text=True
    ) as bridge:
        assert bridge.stdout is not None
        suite(home, "server", "--url", bridge.stdout.readline().strip(), "-o", str(results))
        bridge.terminate()
    return checks(results)


@pytest.mark.timeout(200)
def test_a_server_conforms_as_it_does_without_the_mediator(tmp_path: Path, work: Path) -> None:
    command = ours("conformance_server.mjs")
    before = served(tmp_path, "direct", command)
    after = served(tmp_path, "mediated", mediated(tmp_path, command, identity(command), tools_of(command, tmp_path)))
    assert len(before) >= 30
    assert {one["status"] for found in before.values() for one in found} <= {"SUCCESS", "INFO"}
    assert after == before


@contextmanager
def listening(home: Path, command: list[str]) -> Iterator[str]:
    """Give the URL at which a command that has ``--listen`` serves, through a relay that knows its token."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=home / "work",
        env=environment(home),
        text=True,
    ) as front:
        assert front.stderr is not None
        said = ""
        while "shown once" not in said:
            line = front.stderr.readline()
            assert line, said
            said += line
        threading.Thread(target=front.stderr.read, daemon=True).start()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/mcp", said), re.search(r"shown once: (\S+)", said)
        assert all(found), said
        relay = Bearer("127.0.0.1", int(found[0][1]), found[1][1])  # type: ignore[index]
        yield f"http://127.0.0.1:{relay.port}/mcp"
        relay.close()
        front.terminate()


@pytest.mark.timeout(200)
def test_a_server_conforms_over_our_http_front_as_it_does_without_it(tmp_path: Path, work: Path) -> None:
    command = ours("conformance_server.mjs")
    before = served(tmp_path, "direct", command)
    words = mediated(tmp_path, command, identity(command), tools_of(command, tmp_path))
    at = words.index("--")
    with listening(tmp_path, [*words[:at], "--listen", "127.0.0.1:0", *words[at:]]) as url:
        suite(tmp_path, "server", "--url", url, "-o", str(tmp_path / "listened"))
    after = checks(tmp_path / "listened")
    assert len(after) >= 30
    # Where nothing comes before an answer, ours is one JSON object and no stream: "SSE streaming is optional", it says.
    assert verdicts(before) - verdicts(after) == {("server-sse-streams-functional", "SUCCESS")}
    assert verdicts(after) < verdicts(before)


TIMED = "client-sse-retry-timing"
"""How soon the HTTP side reconnects: the bridge's own doing, and a busy machine's."""
SCENARIOS = ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry")


def tried(home: Path, name: str, scenario: str, command: list[str]) -> dict[str, list[Any]]:
    """Let the suite try a client that starts ``command``, and return what it found."""
    results = home / name
    words = " ".join(ours("conformance_client.mjs", *command))
    suite(home / "work", "client", "--command", words, "--scenario", scenario, "-o", str(results))
    return checks(results)


def outcome(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return scenario -> what the checks say, in no order: what the test server got at the same time is among them."""
    shown = ("id", "status", "description", "errorMessage")
    return {
        name: sorted(({key: one.get(key) for key in shown} for one in every if one["id"] != TIMED), key=json.dumps)
        for name, every in found.items()
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_client_conforms_as_it_does_without_the_mediator(scenario: str, tmp_path: Path, work: Path) -> None:
    """Over standard streams to a bridge, and to the server's URL itself."""
    command = ours("uplink.mjs")
    before = tried(tmp_path, "direct", scenario, command)
    [said] = (tmp_path / "direct").glob("**/stdout.txt")
    tools = json.loads(said.read_text().splitlines()[0])
    behind = mediated(tmp_path, command, "uplink.mjs", tools)
    after = tried(tmp_path, "mediated", scenario, behind)
    assert {one["status"] for found in outcome(before).values() for one in found} == {"SUCCESS", "INFO"}
    assert outcome(after) == outcome(before)
    # The address is known to nobody before the suite starts: its tools are observed, not reviewed.
    to_url = [*behind[: behind.index("--")], "--observe", "--url"]
    assert verdicts(tried(tmp_path, "url", scenario, to_url)) == verdicts(before)


def verdicts(found: dict[str, list[Any]]) -> set[tuple[str, str]]:
    """Return each check with its status, however often it was made."""
    return {(one["id"], one["status"]) for every in outcome(found).values() for one in every if one["status"] != "INFO"}
