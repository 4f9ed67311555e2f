"""Scalars of YAML: quoted, block, and what a plain one means under the core schema of 1.2."""

import re
from typing import Any

from nucleus.audit.node import BOOL, NULL, NUMBER, STRING, ReadError

_INT = re.compile(r"[-+]?\d{1,300}$")
_OTHER_INT = re.compile(r"0(?:o[0-7]{1,100}|x[0-9a-fA-F]{1,100})$")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys(("true", "True", "TRUE"), (BOOL, True)),
    **dict.fromkeys(("false", "False", "FALSE"), (BOOL, False)),
}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODES = {"x": 2, "u": 4, "U": 8}
_QUOTED_PIECE = {'"': re.compile(r'[^"\\\r\n]*'), "'": re.compile(r"[^'\r\n]*")}
_LINE_BREAK = re.compile(r"[ \t]*\r?\n(?:[ \t]*\r?\n)*[ \t]*")
_HEADER = re.compile(r"[|>]([-+]?)([1-9]?)([-+]?)[ \t]*(?:[ \t]#[^\n]*)?(?:\r?\n|$)")


def resolve(text: str) -> tuple[str, Any]:
    """Return kind and value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INT.match(text):
            return NUMBER, int(text)
        if _OTHER_INT.match(text):
            return NUMBER, int(text, 0)
        if _FLOAT.match(text):
            return NUMBER, float(text)
    return STRING, text


def quoted(text: str, start: int) -> tuple[str, int]:
    """Return the value of the quoted scalar at ``start`` and where it ends. Raises ReadError."""
    mark = text[start]
    piece = _QUOTED_PIECE[mark]
    out: list[str] = []
    at = start + 1
    while at < len(text):
        match = piece.match(text, at)
        chunk = match[0] if match else ""
        at += len(chunk)
        char = text[at : at + 1]
        if char in "\r\n" and char:
            folded = _LINE_BREAK.match(text, at)
            lines = folded[0].count("\n") if folded else 0
            out.append(chunk.rstrip(" \t"))
            out.append("\n" * (lines - 1) if lines > 1 else " ")
            at = folded.end() if folded else at + 1
            continue
        out.append(chunk)
        if char == mark and mark == "'" and text[at + 1 : at + 2] == "'":
            out.append("'")
            at += 2
        elif char == mark:
            return "".join(out), at + 1
        elif char == "\\":
            value, at = _escape(text, at)
            out.append(value)
    raise ReadError(start, "this quoted text is never closed")


def _escape(text: str, at: int) -> tuple[str, int]:
    name = text[at + 1 : at + 2]
    if name in _CODES:
        digits = text[at + 2 : at + 2 + _CODES[name]]
        try:
            return chr(int(digits, 16)), at + 2 + len(digits)
        except (ValueError, OverflowError) as error:
            raise ReadError(at, "a bad character code in this quoted text") from error
    if name == "\n" or text.startswith("\r\n", at + 1):
        joined = _LINE_BREAK.match(text, at + 1)
        return "", joined.end() if joined else at + 2
    if name not in _ESCAPES:
        raise ReadError(at, f"'\\{name}' is no escape of YAML")
    return _ESCAPES[name], at + 2


def block_scalar(text: str, start: int, parent: int) -> tuple[str, int]:
    """Return the value of a literal or folded scalar and where its last line ends."""
    header = _HEADER.match(text, start)
    if header is None:
        raise ReadError(start, "text after the head of a block scalar")
    chomp = header[1] or header[3]
    indent = max(parent, 0) + int(header[2]) if header[2] else 0
    lines: list[str] = []
    at = end = header.end()
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop].removesuffix("\r")
        width = len(line) - len(line.lstrip(" "))
        blank = not line.strip(" ")
        if not blank:
            if width <= parent or (parent < 0 and line.startswith(("---", "..."))):
                break
            indent = indent or width
            if width < indent:
                if width <= parent:
                    break
                raise ReadError(at, "this line is indented less than the block of text that it belongs to")
            end = stop
        lines.append(line[indent:] if indent else "")
        at = stop + 1
    while lines and not lines[-1]:
        lines.pop()
    body = "\n".join(lines) if text[start] == "|" else _fold(lines)
    tail = "" if chomp == "-" or not lines else "\n"
    return body + tail, max(end, start + 1)


def _fold(lines: "list[str]") -> str:
    """Join lines with spaces, as ``>`` does; lines that start with a blank keep their line ends."""
    out = ""
    for number, line in enumerate(lines):
        if number == 0:
            out = line
        elif (
            not line or line.startswith((" ", "\t")) or out.endswith("\n") or lines[number - 1].startswith((" ", "\t"))
        ):
            out += "\n" * (not (out.endswith("\n") and line)) + line
        else:
            out += " " + line
    return out
