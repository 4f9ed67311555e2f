"""One policy file: bytes in, a checked document with line numbers out.

Nothing is combined here, and nothing is granted: that is ``load``. Whatever
the bytes, the answer is a ``Document`` or a ``PolicyError`` that names the
file, the line and the fix.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final, final

from nucleus.errors import PolicyError
from nucleus.lean import dataclass
from nucleus.policy.lines import Path, lines_of
from nucleus.policy.schema import POLICY, PROFILE, Field

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of a policy file. Ten thousand rules need about half of it."""
NAME_LIMIT: Final = 128
"""Characters of a key."""
COUNT_LIMIT: Final = 10**12
"""The largest number in a budget: above every use, and its micro-units are exact in JSON."""
_VERSION: Final = 1
_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@final
@dataclass(frozen=True, slots=True)
class Document:
    """What one file says, checked against the schema, and where it says it."""

    path: str
    digest: str
    """SHA-256 of the file's bytes."""
    content: Mapping[str, Any]
    lines: Mapping[Path, int]

    def line(self, *path: str | int) -> int:
        """Return the line of a key, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, *path: str | int) -> str:
        """Return ``file:line`` of a key."""
        return f"{self.path}:{self.line(*path)}"

    def error(self, message: str, *path: str | int, fix: str = "") -> PolicyError:
        """Return the error that says ``message`` at the place of a key."""
        return PolicyError(message, path=self.path, line=self.line(*path), fix=fix)

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table of the file, empty if there is none."""
        found: Mapping[str, Any] = self.content.get(name, {})
        return found


def read_document(data: bytes, path: str, *, profile: bool = False) -> Document:
    """Return the document in ``data``. Raises PolicyError, and nothing else."""
    text = _decoded(data, path)
    try:
        content = tomllib.loads(text)
        lines = lines_of(text)
    except RecursionError as error:
        raise PolicyError("nested too deeply", path=path, line=1) from error
    except ValueError as error:
        raise _not_toml(error, text, path) from error
    document = Document(path, hashlib.sha256(data).hexdigest(), content, lines)
    _check(document, (), content, PROFILE if profile else POLICY)
    if content["version"] != _VERSION:
        raise document.error(f"version {content['version']} is not known here", "version", fix="version = 1")
    return document


def _decoded(data: bytes, path: str) -> str:
    """Return the text of the file."""
    if len(data) > SIZE_LIMIT:
        raise PolicyError(f"more than {SIZE_LIMIT} bytes", path=path, line=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError("not UTF-8 text", path=path, line=line, fix="save the file as UTF-8") from error


def _not_toml(error: ValueError, text: str, path: str) -> PolicyError:
    """Return the error for what ``tomllib`` refuses, with its line."""
    message = str(error)
    found = _AT.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1 if found else 1
    plain = message[: found.start()] if found else message
    if plain.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate")):
        return PolicyError(f"the same key or table twice: {plain}", path=path, line=line, fix="keep one of them")
    return PolicyError(f"not TOML: {plain}", path=path, line=line)


def _check(document: Document, at: Path, value: Any, what: Field) -> None:
    """Check one value and what is in it against its field. Raises PolicyError."""
    name = ".".join(str(part) for part in at)
    if what.kind == "table":
        _check_table(document, at, value, what)
    elif what.kind == "tables":
        if type(value) is not list or not value or not all(type(one) is dict for one in value):
            raise document.error(f"{name} is a list of tables", *at, fix=f"write [[{name}]] above each")
        for number, one in enumerate(value):
            _check_table(document, (*at, number), one, what.each or what)
    elif what.kind == "texts" or (what.kind == "one_or_more" and not _one_text(at, value)):
        _check_texts(document, at, value)
    elif what.kind != "one_or_more":
        _check_scalar(document, at, value, what)


def _check_table(document: Document, at: Path, value: Any, what: Field) -> None:
    """Check the keys of a table and what they hold."""
    name = ".".join(str(part) for part in at) or "the file"
    if type(value) is not dict:
        raise document.error(f"{name} is a table, not {_kind(value)}", *at, fix=f"write [{name}] on a line of its own")
    for key, inner in value.items():
        known = what.keys.get(key) or what.each
        if known is None:
            raise document.error(f"unknown key {key!r} in {name}", *at, key, fix=did_you_mean(key, what.keys))
        if not key or len(key) > NAME_LIMIT:
            raise document.error(f"an empty or overlong name in {name}", *at, key, fix="name it in a word")
        _check_printable(document, (*at, key), key)
        _check(document, (*at, key), inner, known)
    missing = next((key for key in what.required if key not in value), None)
    if missing:
        fix = "version = 1" if missing == "version" else f"{missing} = ..."
        raise document.error(f"{name} has no {missing!r}", *at, fix=f"add: {fix}")


def _check_texts(document: Document, at: Path, value: Any) -> None:
    """Check a list of patterns: never empty, each a text (ports may be numbers), none twice."""
    name = ".".join(str(part) for part in at)
    if type(value) is not list:
        fix = f"{at[-1]} = [{value!r}]" if isinstance(value, str | int) else "a list of texts"
        raise document.error(f"{name} is a list, not {_kind(value)}", *at, fix=f"write {fix}".replace("'", '"'))
    if not value:
        raise document.error(f"{name} is empty", *at, fix="leave the key out: what is not named is not granted")
    for number, one in enumerate(value):
        if type(one) is int and at[-1] in {"ports", "port"}:
            continue
        if type(one) is not str:
            raise document.error(f"{name} holds {_kind(one)} where a text was meant", *at, number, fix="use quotes")
        if not one:
            raise document.error(f"{name} holds an empty text", *at, number, fix="leave it out")
        _check_printable(document, (*at, number), one)


def _check_printable(document: Document, at: Path, value: Any) -> None:
    """Check that a terminal obeys nothing in a text, and that people see all of it."""
    if type(value) is str and not value.isprintable():
        odd = next(letter for letter in value if not letter.isprintable())
        raise document.error(f"{odd!a} can't be seen in a text", *at, fix="write visible characters only")


def _one_text(at: Path, value: Any) -> bool:
    """Whether the value is a single pattern."""
    return (type(value) is str and value != "") or (type(value) is int and at[-1] == "port")


def _check_scalar(document: Document, at: Path, value: Any, what: Field) -> None:
    """Check a text, a number or a switch."""
    name = ".".join(str(part) for part in at)
    wanted = {"text": str, "count": int, "switch": bool}.get(what.kind)
    if what.kind == "amount":
        good = type(value) in {int, float} and 0 < value <= COUNT_LIMIT
    elif what.kind == "count":
        good = type(value) is int and 0 < value <= COUNT_LIMIT
    else:
        good = type(value) is wanted and value != ""
    if not good:
        raise document.error(f"{name} is {_WANTED[what.kind]}, not {_kind(value)}", *at, fix=_scalar_fix(at, what))
    _check_printable(document, at, value)
    if what.choices and value not in what.choices:
        raise document.error(f"{name} is not {value!r}", *at, fix=did_you_mean(str(value), what.choices))


_WANTED: Final = {
    "text": "a text",
    "count": "a whole number above 0",
    "amount": "a number above 0",
    "switch": "true or false",
}


def _scalar_fix(at: Path, what: Field) -> str:
    """Return how the line should look."""
    sample = {"text": f'"{what.choices[0] if what.choices else "..."}"', "switch": "true"}.get(what.kind, "1")
    return f"write {at[-1]} = {sample}"


def _kind(value: Any) -> str:
    """Return what a TOML value is, in words."""
    words = {dict: "a table", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return words.get(type(value), "a date or time") + (f" ({value!r})" if isinstance(value, str | int | float) else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the nearest known word as a fix, or all of them."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(word[:64], known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(known)}"
