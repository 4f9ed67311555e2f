"""One official Python client with several servers at once: ``python live.py SCRIPT``, a JSON file.

``{"servers": {name: [words]}, "steps": [[name, "list"], [name, tool, arguments]]}``. Prints each answer. It believes
everything: it answers each dialog of a server with what its user would only tell the right one.
"""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

try:
    import mcp_types as types
except ImportError:
    from mcp import types


async def elicit(*_: Any) -> Any:
    return types.ElicitResult(action="accept", content={"password": "canary-of-the-user"})


async def main(script: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        sessions = {}
        for name, words in script["servers"].items():
            started = StdioServerParameters(command=words[0], args=words[1:], env=dict(os.environ))
            read, write = await stack.enter_async_context(stdio_client(started))
            session = await stack.enter_async_context(ClientSession(read, write, elicitation_callback=elicit))
            await session.initialize()
            sessions[name] = session
        for name, what, *more in script["steps"]:
            try:
                answer = await (
                    sessions[name].list_tools() if what == "list" else sessions[name].call_tool(what, *more)
                )
                print(json.dumps([name, what, answer.model_dump(mode="json", exclude_none=True)]), flush=True)
            except Exception as error:  # noqa: BLE001  an error is an answer too
                print(json.dumps([name, what, f"{error}"]), flush=True)


asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
