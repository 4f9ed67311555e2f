"""What in the body of a request to a model makes the provider reach out itself. Pure.

Three families of interfaces: messages (Anthropic), chat completions and
responses (OpenAI), generateContent (Gemini), and what speaks like one of
them. A family is known by the end of the path. What a provider would fetch,
run or connect is found by structure: tools that are not the client's own,
servers to connect, media by URL. A field, block or tool of a kind that is not
in ``provider.toml`` counts as reaching out: nobody here knows that it does not.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final

from nucleus.egress.http1 import HttpError

DEPTH: Final = 100
_FAMILIES: Final = (
    ("messages", re.compile(r"/messages(?:/count_tokens)?")),
    ("chat", re.compile(r"/chat/completions")),
    ("responses", re.compile(r"/responses(?:/input_tokens|/compact)?")),
    ("gemini", re.compile(r":(?:generateContent|streamGenerateContent|countTokens)")),
)


def family_of(path: str) -> str:
    """Return the family of an interface by its path, "" for one that is not known."""
    return next((name for name, ending in _FAMILIES if re.search(ending.pattern + r"\Z", path)), "")


def parsed(body: bytes) -> dict[str, Any]:
    """Return the one object that a body is. Raises HttpError (400): no duplicate keys, no NaN."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the body is not one JSON object: {error}") from None
    if type(found) is not dict:
        raise HttpError(400, "the body is not one JSON object")
    return found


def written(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of what was judged: nothing else is sent."""
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def reaches(family: str, document: Mapping[str, Any]) -> list[str]:
    """Return what of a request reaches out, in words for a person; nothing for a family that is not known."""
    found: set[str] = set()
    match family:
        case "messages":
            found.update(_messages(document))
        case "chat":
            found.update(_chat(document))
        case "responses":
            found.update(_responses(document))
        case "gemini":
            found.update(_gemini(document))
        case _:
            found.add("an interface that is not known here")
    return sorted(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _known() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(resources.files("nucleus.egress").joinpath("provider.toml").read_text(encoding="utf-8"))


KNOWN: Final = _known()
"""Read before the process freezes its imports."""


def _fields(family: str, document: Mapping[str, Any]) -> Iterator[str]:
    model = document.get("model")
    if isinstance(model, str) and any(word in model.lower() for word in KNOWN["models"]["reach"]):
        yield f"the model {model!r}"
    yield from (f"the field {name!r}" for name in document if name not in KNOWN[family]["fields"])


def _listed(value: Any, what: str) -> Iterator[Mapping[str, Any] | str]:
    """Yield the objects of a list; a word for whatever is none."""
    if value is None:
        return
    if not isinstance(value, list):
        yield what
        return
    for one in value:
        yield one if isinstance(one, dict) else what


def _messages(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _fields("messages", document)
    for tool in _listed(document.get("tools"), "an odd tool"):
        kind = "odd" if isinstance(tool, str) else tool.get("type", "custom")
        if not _starts(kind, KNOWN["messages"]["tools"]):
            yield f"the tool {kind!r}"
    system = document.get("system")
    yield from _blocks([] if isinstance(system, str) or system is None else system)
    for message in _listed(document.get("messages"), "an odd message"):
        content = None if isinstance(message, str) else message.get("content")
        if isinstance(message, str):
            yield message
        elif not isinstance(content, str):
            yield from _blocks(content)


def _blocks(content: Any, depth: int = 0) -> Iterator[str]:
    """Yield what reaches out in content blocks of messages, those inside of tool results included."""
    if depth > DEPTH:
        yield "content that is nested too deep"
        return
    for block in _listed(content, "odd content"):
        if isinstance(block, str):
            yield block
            continue
        kind = block.get("type")
        if kind not in KNOWN["messages"]["blocks"]:
            yield f"content of type {kind!r}"
        source = block.get("source")
        if isinstance(source, dict) and source.get("type") not in KNOWN["messages"]["sources"]:
            yield f"media by {source.get('type')!r}"
        if isinstance(source, dict) and source.get("type") == "content" and not isinstance(source.get("content"), str):
            yield from _blocks(source.get("content"), depth + 1)
        inner = block.get("content")
        if kind == "tool_result" and inner is not None and not isinstance(inner, str):
            yield from _blocks(inner, depth + 1)


def _chat(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _fields("chat", document)
    yield from _openai_tools("chat", document)
    for message in _listed(document.get("messages"), "an odd message"):
        if isinstance(message, str):
            yield message
            continue
        content = message.get("content")
        yield from _parts("chat", [] if isinstance(content, str) or content is None else content)


def _responses(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _fields("responses", document)
    yield from _openai_tools("responses", document)
    given = document.get("input")
    for item in _listed([] if isinstance(given, str) or given is None else given, "an odd item"):
        if isinstance(item, str):
            yield item
            continue
        kind = item.get("type", "message")
        if kind not in KNOWN["responses"]["items"]:
            yield f"an item of type {kind!r}"
        yield from _openai_tools("responses", item)
        for name in ("content", "output"):
            inner = item.get(name)
            if isinstance(inner, list):
                yield from _parts("responses", inner)
            elif isinstance(inner, dict):
                yield from _parts("responses", [inner])


def _openai_tools(family: str, document: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the tools that are not the client's, those in namespaces of tools included."""
    if depth > DEPTH:
        yield "tools that are nested too deep"
        return
    for tool in _listed(document.get("tools"), "an odd tool"):
        kind = "odd" if isinstance(tool, str) else tool.get("type", "function")
        if kind not in KNOWN[family]["tools"]:
            yield f"the tool {kind!r}"
        if not isinstance(tool, str):
            yield from _openai_tools(family, tool, depth + 1)


def _parts(family: str, content: Any) -> Iterator[str]:
    """Yield what reaches out in parts of OpenAI's two interfaces."""
    for part in _listed(content, "odd content"):
        if isinstance(part, str):
            yield part
            continue
        kind = part.get("type", "text")
        if kind not in KNOWN[family]["parts"]:
            yield f"content of type {kind!r}"
        for name in ("image_url", "file_url", "video_url", "audio_url"):
            place = part.get(name)
            place = place.get("url") if isinstance(place, dict) else place
            if place is not None and not (isinstance(place, str) and place.lower().startswith("data:")):
                yield "media by URL"


def _gemini(document: Mapping[str, Any]) -> Iterator[str]:
    plain = _folded(document)
    yield from _fields("gemini", plain)
    for tool in _listed(plain.get("tools"), "an odd tool"):
        names = ["odd"] if isinstance(tool, str) else _folded(tool)
        yield from (f"the tool {name!r}" for name in names if name not in KNOWN["gemini"]["tools"])
    contents = plain.get("contents")
    instruction = plain.get("systeminstruction")
    held = [instruction] if isinstance(instruction, dict) else []
    for content in [*_listed(contents if not isinstance(contents, dict) else [contents], "an odd content"), *held]:
        if isinstance(content, str):
            yield content
            continue
        for part in _listed(_folded(content).get("parts"), "an odd part"):
            yield from [part] if isinstance(part, str) else _gemini_part(_folded(part))
    request = plain.get("generatecontentrequest")
    if isinstance(request, dict):
        yield from _gemini(request)


def _gemini_part(part: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"a part with {name!r}" for name in part if name not in KNOWN["gemini"]["parts"])
    data = part.get("filedata")
    if data is not None:
        yield "media by URL" if isinstance(data, dict) else "an odd part"
    answer = part.get("functionresponse")
    if isinstance(answer, dict):
        for inner in _listed(_folded(answer).get("parts"), "an odd part"):
            # Parts of a function's answer hold data only, and none of these hold answers.
            plain = inner if isinstance(inner, str) else _folded(inner)
            yield from [plain] if isinstance(plain, str) else (f"a part with {n!r}" for n in plain if n != "inlinedata")


def _folded(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object whose keys are written in one way: the interface takes two."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        plain = name.replace("_", "").lower()
        if plain in found:
            raise HttpError(400, "a key stands twice, in two spellings")
        found[plain] = value
    return found


def _starts(kind: Any, known: list[str]) -> bool:
    """Whether a kind is one of the known, or a dated version of one (``bash_20250124``)."""
    if not isinstance(kind, str):
        return False
    return kind in known or re.sub(r"_20[0-9]{6}\Z", "", kind) in known
