"""Edits that take out or change one value and leave every other character as it was.

For JSON and TOML. A list element or map entry goes with its comma, and with
its line where nothing else stands on it; comments stay.
"""

import json

from nucleus.audit.model import Edit
from nucleus.audit.node import MAP, SEQ, Node
from nucleus.audit.text import Source


def replace(source: Source, node: Node, text: str) -> Edit:
    """Return the edit that puts ``text`` where a node stands."""
    return Edit(source, node.start, node.end, text)


def replace_inside(source: Source, node: Node, old: str, new: str) -> tuple[Edit, ...]:
    """Return the edit that changes the first ``old`` within a node as written; nothing where it is not there."""
    at = source.text.find(old, node.start, node.end)
    return (Edit(source, at, at + len(old), new),) if at >= 0 else ()


def remove_elements(source: Source, holder: Node, gone: "list[Node]") -> tuple[Edit, ...]:
    """Return the edits that take elements out of a flow list, ``[a, b]``."""
    if holder.kind != SEQ or source.text[holder.start : holder.start + 1] != "[":
        return ()
    spans = [(child.start, child.end, child in gone) for child in holder.children]
    return _without(source, holder, spans)


def remove_entry(source: Source, holder: Node, name: str) -> tuple[Edit, ...]:
    """Return the edits that take an entry out of a braced map."""
    if holder.kind != MAP or source.text[holder.start : holder.start + 1] != "{":
        return ()
    spans = [(key.start, child.end, key.value == name) for key, child in holder.entries()]
    return _without(source, holder, spans)


def append_strings(source: Source, holder: Node, values: "list[str]") -> tuple[Edit, ...]:
    """Return the edit that adds strings to the end of a JSON list, in its own layout."""
    if holder.kind != SEQ or source.text[holder.start : holder.start + 1] != "[":
        return ()
    quoted = [json.dumps(value) for value in values]
    if not holder.children:
        return (Edit(source, holder.start + 1, holder.start + 1, ", ".join(quoted)),)
    last = holder.children[-1]
    line, column = source.position(last.start)
    start, _ = source.line_span(line)
    alone = not source.text[start : last.start].strip()
    lead = "\n" + source.text[start : last.start] if alone and column else " "
    return (Edit(source, last.end, last.end, "".join(f",{lead}{value}" for value in quoted)),)


def add_entry(source: Source, holder: Node, name: str, value: object) -> tuple[Edit, ...]:
    """Return the edit that adds an entry to a braced JSON map, in its own layout."""
    if holder.kind != MAP or source.text[holder.start : holder.start + 1] != "{":
        return ()
    text = f"{json.dumps(name)}: {json.dumps(value)}"
    if not holder.children:
        return (Edit(source, holder.start + 1, holder.start + 1, text),)
    first = holder.keys[0]
    line, _ = source.position(first.start)
    start, _ = source.line_span(line)
    alone = not source.text[start : first.start].strip()
    lead = "\n" + source.text[start : first.start] if alone else " "
    end = holder.children[-1].end
    return (Edit(source, end, end, f",{lead}{text}"),)


def _without(source: Source, holder: Node, spans: "list[tuple[int, int, bool]]") -> tuple[Edit, ...]:
    edits: list[Edit] = []
    kept = [index for index, span in enumerate(spans) if not span[2]]
    last_kept = kept[-1] if kept else -1
    for index, (start, end, gone) in enumerate(spans):
        if not gone:
            continue
        comma = _comma(source.text, end, holder.end)
        low, high = _whole_line(source, start, comma + 1 if comma >= 0 else end)
        edits.append(Edit(source, low, high, ""))
        if index > last_kept >= 0 and index == last_kept + 1:
            before = _comma(source.text, spans[last_kept][1], start)
            trailing = _comma(source.text, spans[-1][1], holder.end) >= 0
            if before >= 0 and not trailing:
                edits.append(Edit(source, before, before + 1, ""))
    return tuple(edits)


def _comma(text: str, at: int, end: int) -> int:
    """Return where the comma behind a value stands, past blanks and comments; -1 where there is none."""
    while at < end:
        if text.startswith("//", at) or text[at] == "#":
            stop = text.find("\n", at)
            at = end if stop < 0 else stop
        elif text.startswith("/*", at):
            stop = text.find("*/", at)
            at = end if stop < 0 else stop + 2
        elif text[at] == ",":
            return at
        elif text[at].isspace():
            at += 1
        else:
            return -1
    return -1


def _whole_line(source: Source, start: int, end: int) -> tuple[int, int]:
    """Widen a stretch to its lines where nothing else stands on them; else to the blanks behind it."""
    text = source.text
    low = text.rfind("\n", 0, start) + 1
    high = text.find("\n", end)
    high = len(text) if high < 0 else high + 1
    if not text[low:start].strip() and not text[end:high].strip():
        return low, high
    while end < len(text) and text[end] in " \t":
        end += 1
    return start, end
