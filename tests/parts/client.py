"""The official Python client, of either version of its SDK: makes the calls of a script, prints each answer.

``python client.py ERA SCRIPT CMD...``; the era is ``handshake``, or ``probe`` for a client that asks first whether
the server speaks the stateless revision. The script is JSON: a list of steps, each a method and its arguments.
"""

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

try:
    import mcp_types as types
except ImportError:
    from mcp import types

warnings.simplefilter("ignore")  # what a later revision takes away is still tried with an earlier one

SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "sampled"}, "model": "m", "stopReason": "endTurn"}


async def sample(*_: Any) -> Any:
    return types.CreateMessageResult.model_validate(SAMPLED)


async def elicit(*_: Any) -> Any:
    return types.ElicitResult(action="accept", content={"name": "n", "check": True})


async def roots(*_: Any) -> Any:
    return types.ListRootsResult.model_validate({"roots": [{"uri": "file:///roots/one", "name": "one"}]})


CALLBACKS: dict[str, Any] = {"sampling_callback": sample, "elicitation_callback": elicit, "list_roots_callback": roots}


def reference(given: dict[str, str]) -> Any:
    kind = types.PromptReference if given["type"] == "ref/prompt" else types.ResourceTemplateReference
    return kind.model_validate(given)


async def ignore(*_: Any) -> None:
    return None


def call(session: Any, name: str, arguments: Any = None, progress: Any = None) -> Any:
    more = {"progress_callback": ignore} if progress else {}
    return session.call_tool(name, arguments or {}, **more)


METHODS: dict[str, Callable[..., Any]] = {
    "tools/list": lambda session: session.list_tools(),
    "tools/call": call,
    "resources/list": lambda session: session.list_resources(),
    "resources/templates/list": lambda session: session.list_resource_templates(),
    "resources/read": lambda session, uri: session.read_resource(uri),
    "resources/subscribe": lambda session, uri: session.subscribe_resource(uri),
    "prompts/list": lambda session: session.list_prompts(),
    "prompts/get": lambda session, name, given=None: session.get_prompt(name, given),
    "completion/complete": lambda session, ref, argument: session.complete(reference(ref), argument),
    "logging/setLevel": lambda session, level: session.set_logging_level(level),
    "ping": lambda session: session.send_ping(),
}


async def play(session: Any, script: list[Any]) -> None:
    for step in script:
        try:
            answer = await METHODS[step[0]](session, *step[1:])
            shown = answer.model_dump(mode="json", exclude_none=True) if answer is not None else None
        except Exception as error:  # noqa: BLE001  an error is an answer too
            shown = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps([step[0], shown], sort_keys=True), flush=True)


async def main(era: str, steps: list[Any], command: list[str]) -> None:
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    if era == "probe":
        from mcp.client.client import Client

        async with Client(server, cache=None, **CALLBACKS) as client:
            await play(client, steps)
        return
    async with stdio_client(server) as (read, write), ClientSession(read, write, **CALLBACKS) as session:
        await session.initialize()
        await play(session, steps)


asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), sys.argv[3:]))
