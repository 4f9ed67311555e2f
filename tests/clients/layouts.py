"""Random files of clients, in any layout that their formats allow. Used by the tests of this folder."""

import json
from typing import Any

from hypothesis import strategies as st

from nucleus.clients.program import Program

US = Program(("/opt/nucleus/bin/nucleus",), frozenset(("/opt/nucleus/bin/nucleus",)))
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
NAMES = st.one_of(
    st.sampled_from(["API_KEY", "PATH", "PYTHONPATH", "LD_PRELOAD", "NUCLEUS_SERVER_PATH", "HOME", "PYTHONUTF8"]),
    st.text("ABCXYZ_09", min_size=1, max_size=6),
)


def resolve(word: str) -> str:
    """Say that a full path is what it is, and that nothing else is known."""
    return word if word.startswith("/") else ""


@st.composite
def json_text(draw: st.DrawFn, value: Any) -> str:
    """Return ``value`` as JSON with comments, in a layout of any kind."""
    gap = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", " // no\n", "/* , } ] */", "\t"])
    if isinstance(value, str):
        return draw(st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)]))
    if isinstance(value, dict):
        parts = [
            f"{draw(gap)}{draw(json_text(key))}{draw(gap)}:{draw(gap)}{draw(json_text(one))}{draw(gap)}"
            for key, one in value.items()
        ]
        return "{" + ",".join(parts) + _tail(draw, parts, draw(gap)) + "}"
    if isinstance(value, list):
        parts = [f"{draw(gap)}{draw(json_text(one))}{draw(gap)}" for one in value]
        return "[" + ",".join(parts) + _tail(draw, parts, draw(gap)) + "]"
    return json.dumps(value)


def _tail(draw: st.DrawFn, parts: list[str], gap: str) -> str:
    return draw(st.sampled_from(["", ","])) + gap if parts else gap


def toml_key(text: str) -> str:
    """Return a text as a quoted key of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_string(draw: st.DrawFn, text: str) -> str:
    """Return a text as a TOML string of one of its kinds."""
    basic = toml_key(text)
    plain = "'" not in text and text.isprintable()
    return draw(st.sampled_from([basic, f"'{text}'" if plain else basic]))


@st.composite
def toml_text(draw: st.DrawFn, servers: dict[str, Any]) -> str:
    """Return Codex's file for ``servers``: tables, inline tables or dotted keys; any line ends, comments."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["# mine", 'model = "x"', ""] if draw(st.booleans()) else []
    dotted = [name for name in servers if draw(st.integers(0, 3)) == 0]
    for name in dotted:
        for key, value in servers[name].items():
            lines.append(f"mcp_servers.{toml_key(name)}.{key} = {_toml(draw, value)}")
    for name, fields in servers.items():
        if name in dotted:
            continue
        lines.append(draw(st.sampled_from(["", "# before"])))
        lines.append(f"[mcp_servers.{toml_key(name)}]")
        pad = draw(st.sampled_from(["", "  "]))
        below = [key for key, value in fields.items() if isinstance(value, dict) and draw(st.booleans())]
        lines += [
            f"{pad}{key} = {_toml(draw, value)}{draw(st.sampled_from(['', ' # c']))}"
            for key, value in fields.items()
            if key not in below
        ]
        for key in below:
            lines.append(f"[mcp_servers.{toml_key(name)}.{key}]")
            lines += [f"{toml_key(one)} = {_toml(draw, value)}" for one, value in fields[key].items()]
    return end.join(lines) + draw(st.sampled_from([end, ""]))


def _toml(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, str):
        return toml_string(draw, value)
    if isinstance(value, list):
        return (
            "[" + ", ".join(_toml(draw, one) for one in value) + draw(st.sampled_from(["", ",\n"])) * bool(value) + "]"
        )
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {_toml(draw, one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    """Return entries as clients write them: with and without args, env, headers; URLs."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(WORDS, min_size=1, max_size=3, unique=True)):
        url = draw(st.integers(0, 3)) == 0
        entry: dict[str, Any] = {"url": "https://mcp.example.com/é"} if url else {"command": draw(COMMANDS)}
        if url and draw(st.booleans()):
            entry["headers"] = {"Authorization": draw(WORDS), "X-Key": "1"}
        if not url and draw(st.booleans()):
            entry["args"] = draw(st.lists(WORDS, max_size=4))
        if not url and draw(st.booleans()):
            entry["env"] = draw(st.dictionaries(NAMES, WORDS, max_size=3))
        if draw(st.booleans()):
            entry["disabled"] = draw(st.booleans())
        found[name] = dict(draw(st.permutations(list(entry.items()))))
    return found


COMMANDS = st.sampled_from(["npx", "/usr/bin/a b/server", "./server", "é\t", "--", "nucleus", "C:\\x.exe"])
