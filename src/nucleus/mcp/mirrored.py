"""Fields of a message that HTTP headers repeat (2026-07-28, basic/transports/streamable-http, "Request Metadata").

A proxy on the way may route by the headers while the server acts on the
body, so both must say the same. ``headers_of`` makes them for a server that
we ask; ``verify`` compares those of a client with its message.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nucleus.mcp.messages import MessageError, Request
from nucleus.mcp.methods import META_REVISION

HEADER_MISMATCH: Final = -32020
NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Method -> the member of ``params`` that ``Mcp-Name`` repeats."""
SAFE_INTEGER: Final = (1 << 53) - 1
_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_START, _END = "=?base64?", "?="
_TYPES: Final = frozenset(("integer", "string", "boolean"))
_UNREACHABLE: Final = "an x-mcp-header that is not on a chain of properties"


def headers_of(request: Request, definition: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the headers for a request of the stateless revision; ``definition`` is the called tool's."""
    meta = request.params.get("_meta")
    revision = meta.get(META_REVISION) if isinstance(meta, dict) else None
    headers = {"mcp-protocol-version": str(revision), "mcp-method": encoded(request.method)}
    if request.method in NAMED:
        headers["mcp-name"] = encoded(str(request.params.get(NAMED[request.method], "")))
    for name, path in _parameters(request, definition):
        value = _at(request.params.get("arguments"), path)
        if value is not None:
            headers[f"mcp-param-{name}"] = encoded(_shown(value))
    return headers


def verify(request: Request, headers: Mapping[str, str], definition: Mapping[str, Any] | None) -> None:
    """Check that the headers say what the message says. Raises MessageError (-32020).

    ``headers`` has names in lower case. ``definition`` is that of the called tool, None where there is none.
    """
    meta = request.params.get("_meta")
    _equal("MCP-Protocol-Version", headers, meta.get(META_REVISION) if isinstance(meta, dict) else None)
    _equal("Mcp-Method", headers, request.method)
    if request.method in NAMED:
        _equal("Mcp-Name", headers, request.params.get(NAMED[request.method]), decode=True)
    for name, path in _parameters(request, definition):
        value = _at(request.params.get("arguments"), path)
        header = f"Mcp-Param-{name}"
        if value is None:
            if header.lower() in headers:
                raise MessageError(f"Header mismatch: {header} repeats nothing", HEADER_MISMATCH)
        else:
            _equal(header, headers, value, decode=True)


def annotated(definition: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the parameters of a tool that headers repeat: name in lower case, path.

    Raises ValueError for a definition that the specification has a client reject.
    """
    schema = definition.get("inputSchema")
    found = list(_annotations(schema, (), reachable=True))
    names = [name for name, _ in found]
    if len(set(names)) != len(names):
        raise ValueError("two parameters of one x-mcp-header")
    return found


def encoded(value: str) -> str:
    """Return a value as a header may carry it."""
    if _PLAIN.fullmatch(value) and not (value.startswith(_START) and value.endswith(_END)):
        return value
    return _START + base64.b64encode(value.encode("utf-8", "surrogatepass")).decode() + _END


def decoded(value: str) -> str:
    """Return what a header's value stands for. Raises ValueError."""
    if not (value.startswith(_START) and value.endswith(_END)):
        return value
    try:
        return base64.b64decode(value[len(_START) : -len(_END)], validate=True).decode("utf-8")
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _equal(header: str, headers: Mapping[str, str], value: Any, *, decode: bool = False) -> None:
    given = headers.get(header.lower())
    if given is None:
        raise MessageError(f"Header mismatch: there is no {header}", HEADER_MISMATCH)
    try:
        said = decoded(given) if decode else given
        same = int(said) == value if type(value) is int else said == _shown(value)
    except ValueError:
        same = False
    if value is None or not same:
        raise MessageError(f"Header mismatch: {header} and the message differ", HEADER_MISMATCH)


def _parameters(request: Request, definition: Mapping[str, Any] | None) -> list[tuple[str, tuple[str, ...]]]:
    if request.method != "tools/call" or definition is None:
        return []
    try:
        return annotated(definition)
    except ValueError:
        return []


def _annotations(schema: Any, path: tuple[str, ...], *, reachable: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the annotations in a schema. Raises ValueError for one that is not allowed, or stands elsewhere."""
    if isinstance(schema, list):
        for one in schema:
            yield from _annotations(one, path, reachable=False)
    if not isinstance(schema, dict):
        return
    for key, inner in schema.items():
        if key == "properties" and isinstance(inner, dict):
            for name, one in inner.items():
                if isinstance(one, dict) and "x-mcp-header" in one:
                    yield _annotation(one, (*path, name), reachable=reachable), (*path, name)
                yield from _annotations(one, (*path, name), reachable=reachable)
        elif key not in {"x-mcp-header", "default", "examples", "enum", "const"}:
            yield from _annotations(inner, path, reachable=False)
    if "x-mcp-header" in schema and not path:
        raise ValueError(_UNREACHABLE)


def _annotation(schema: Mapping[str, Any], path: tuple[str, ...], *, reachable: bool) -> str:
    name = schema["x-mcp-header"]
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{'.'.join(path)}: an x-mcp-header that names no header")
    if schema.get("type") not in _TYPES:
        raise ValueError(f"{'.'.join(path)}: an x-mcp-header on what is no integer, text or flag")
    if not reachable:
        raise ValueError(_UNREACHABLE)
    return name.lower()


def _at(arguments: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments if isinstance(arguments, str | int) and not isinstance(arguments, float) else None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
