"""A server that says what a script tells it to, byte for byte, and keeps what it is told.

``python -I -S mcp_server.py SCRIPT KEPT``: the script is JSON, method -> what to write on its first, second ... message
(the last one from then on), with ``$ID``, ``$TOKEN`` and ``$GIVEN_UP`` for what
the message names. ``start`` is written at once.
"""

import json
import os
import sys
from typing import Any

TOOL = {"name": "echo", "inputSchema": {"type": "object"}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
DEFAULTS = {
    "initialize": HELLO,
    "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {}, "resultType": "complete"},
    "tools/list": {"tools": [TOOL]},
    "tools/call": {"content": [{"type": "text", "text": "honest"}]},
    "prompts/list": {"prompts": [{"name": "listed"}]},
    "resources/list": {"resources": [{"uri": "file:///listed", "name": "l"}]},
}


def answer(script: dict[str, list[str]], counts: dict[str, int], message: dict[str, Any]) -> str:
    """Return what is written for one message."""
    method = str(message.get("method"))
    written = script.get(method)
    if written is None:
        result = json.dumps(DEFAULTS.get(method, {}))
        return '{"jsonrpc":"2.0","id":$ID,"result":' + result + "}\n" if "id" in message and "method" in message else ""
    counts[method] = counts.get(method, 0) + 1
    return written[min(counts[method], len(written)) - 1]


def main(script_file: str, kept_file: str) -> None:
    """Say what the script says until the input ends."""
    with open(script_file, encoding="utf-8") as file:
        script: dict[str, list[str]] = json.load(file)
    kept = os.open(kept_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    counts: dict[str, int] = {}
    out = sys.stdout.buffer
    out.write("".join(script.get("start", [])).encode("latin-1"))
    out.flush()
    for line in sys.stdin.buffer:
        os.write(kept, line)
        message = json.loads(line)
        text = answer(script, counts, message)
        meta = message.get("params", {}).get("_meta", {})
        text = text.replace("$ID", json.dumps(message.get("id"))).replace(
            "$TOKEN", json.dumps(meta.get("progressToken"))
        )
        out.write(text.encode("latin-1"))
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
