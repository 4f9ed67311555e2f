"""Pages of Python's simple index (PEP 503, 629, 691, 700, 714): read from either form, written anew in either form.

Pure. What is written has known fields only, each file with a strong digest
and an address that the caller chose; whatever else a page holds is left out.
"""

import html
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, final
from urllib.parse import urljoin

from nucleus.lean import dataclass
from nucleus.policy.locks import STRONG

JSON: Final = "application/vnd.pypi.simple.v1+json"
HTML: Final = "application/vnd.pypi.simple.v1+html"
ACCEPT: Final = f"{JSON}, {HTML};q=0.2, text/html;q=0.1"
_ANCHOR: Final = re.compile(r"<a(?=\s)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>", re.IGNORECASE)
"""INVARIANT: possessive, and no unquoted ``<``: time in proportion to the page, whatever it holds (test_simple.py).

``html.parser`` takes half a minute of a processor for 60 KB of what never becomes a tag.
"""
_ATTRIBUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?+")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,213}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")
_REQUIREMENT: Final = re.compile(r"^Requires-Dist:[ \t]*([A-Za-z0-9][A-Za-z0-9._-]{0,213})", re.MULTILINE)


class PageError(ValueError):
    """Not a page of an index."""


@final
@dataclass(frozen=True, slots=True)
class File:
    """One file of a package."""

    name: str
    url: str
    """Absolute, as the index has it."""
    digests: frozenset[str]
    """``sha256:hex``; strong ones only, at least one."""
    python: str = ""
    yanked: str | bool = False
    metadata: frozenset[str] | bool = False
    """Whether the index has the core metadata beside the file, and its digests where it says them."""
    size: int | None = None


def good_name(name: str) -> bool:
    """Whether this can be the name of a package."""
    return _NAME.fullmatch(name) is not None


def parse_page(body: bytes, kind: str, base: str) -> list[File]:
    """Return the files of a page in JSON or HTML; those without a strong digest are left out. Raises PageError."""
    try:
        text = body.decode("utf-8")
        return _from_json(json.loads(text), base) if "json" in kind else _from_html(text, base)
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise PageError(f"not a page of an index: {error}") from None


def requirements(metadata: bytes) -> list[str]:
    """Return the names that core metadata requires, whatever the conditions."""
    return sorted(set(_REQUIREMENT.findall(metadata.decode("utf-8", "replace").partition("\n\n")[0])))


def page_json(name: str, files: Iterable[File], address: Callable[[File], str]) -> bytes:
    """Return a page in JSON."""
    known = [_json_of(one, address) for one in files]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": known}).encode()


def page_html(name: str, files: Iterable[File], address: Callable[[File], str]) -> bytes:
    """Return a page in HTML."""
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta name="pypi:repository-version" content="1.0">',
        f"<title>{html.escape(name)}</title></head><body>",
        *(_html_of(one, address) for one in files),
        "</body></html>",
    ]
    return "\n".join(lines).encode()


def _json_of(file: File, address: Callable[[File], str]) -> dict[str, Any]:
    found: dict[str, Any] = {"filename": file.name, "url": address(file), "hashes": _table(file.digests)}
    if file.python:
        found["requires-python"] = file.python
    if file.yanked is not False:
        found["yanked"] = file.yanked
    if file.metadata is not False:
        said: Any = True if file.metadata is True else _table(file.metadata)
        found["core-metadata"] = found["dist-info-metadata"] = said
    if file.size is not None:
        found["size"] = file.size
    return found


def _html_of(file: File, address: Callable[[File], str]) -> str:
    best = max(file.digests, key=lambda one: one.startswith("sha256"))
    words = [f'href="{html.escape(address(file))}#{best.replace(":", "=")}"']
    if file.python:
        words.append(f'data-requires-python="{html.escape(file.python)}"')
    if file.yanked is not False:
        words.append(f'data-yanked="{html.escape(file.yanked if isinstance(file.yanked, str) else "")}"')
    if file.metadata is not False:
        said = "true" if file.metadata is True else max(file.metadata).replace(":", "=")
        words.append(f'data-core-metadata="{said}"')
    return f"<a {' '.join(words)}>{html.escape(file.name)}</a><br>"


def _table(digests: frozenset[str]) -> dict[str, str]:
    return dict(sorted(one.split(":", 1) for one in digests))


def _from_json(document: Any, base: str) -> list[File]:
    found = []
    for one in document["files"]:
        digests = _strong(one.get("hashes"))
        if not digests or not _FILE.fullmatch(one["filename"]):
            continue
        metadata = one.get("core-metadata", one.get("dist-info-metadata", False))
        python, size, yanked = one.get("requires-python"), one.get("size"), one.get("yanked", False)
        found.append(
            File(
                one["filename"],
                urljoin(base, str(one["url"]).partition("#")[0]),
                digests,
                python if isinstance(python, str) else "",
                yanked if isinstance(yanked, str | bool) else True,
                (_strong(metadata) or True) if isinstance(metadata, dict) else metadata is True,
                size if type(size) is int else None,
            )
        )
    return found


def _strong(hashes: Any) -> frozenset[str]:
    """Return the strong digests of a table, as ``sha256:hex``."""
    pairs = hashes.items() if isinstance(hashes, dict) else ()
    return frozenset(
        f"{name}:{value.lower()}"
        for name, value in pairs
        if isinstance(value, str) and STRONG.get(name) == len(value) and re.fullmatch("[0-9a-fA-F]*", value)
    )


def _from_html(text: str, base: str) -> list[File]:
    return [file for tag in _ANCHOR.finditer(text) if (file := _linked(_attributes(tag[1]), base)) is not None]


def _attributes(text: str) -> dict[str, str | None]:
    """Return the attributes of a tag; the first of a name counts, as browsers have it."""
    found: dict[str, str | None] = {}
    for hit in _ATTRIBUTE.finditer(text):
        values = [one for one in (hit[2], hit[3], hit[4]) if one is not None]
        found.setdefault(hit[1].lower(), html.unescape(values[0]) if values else None)
    return found


def _linked(said: dict[str, str | None], base: str) -> File | None:
    """Return the file that an anchor leads to; None for one without a strong digest in its fragment."""
    link = said.get("href")
    if not link:
        return None
    address, _, fragment = urljoin(base, link).partition("#")
    name = address.partition("?")[0].rpartition("/")[2]
    algorithm, _, value = fragment.partition("&")[0].partition("=")
    digests = _strong({algorithm: value})
    if not digests or not _FILE.fullmatch(name):
        return None
    metadata = said.get("data-core-metadata") or said.get("data-dist-info-metadata")
    known = _strong(dict([metadata.split("=", 1)])) if metadata and "=" in metadata else frozenset()
    return File(
        name,
        address,
        digests,
        said.get("data-requires-python") or "",
        (said["data-yanked"] or "yanked") if "data-yanked" in said else False,
        known or metadata is not None,
    )
