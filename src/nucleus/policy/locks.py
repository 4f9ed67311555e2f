"""Lock files: which packages, versions and hashes they name. Pure; nothing in them is run or looked up.

``requirements.txt`` with ``--hash``, ``package-lock.json``, ``uv.lock``,
``poetry.lock``, ``pylock.toml`` (PEP 751), ``Pipfile.lock``. A file that is
none of these, or an entry without a hash, locks nothing: it is never taken
for more than it says. An entry is ``index:name@version#algorithm:hash``, and
``index:name`` for the name alone.
"""

import base64
import binascii
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from nucleus.policy.packages import canonical

LOCK_LIMIT: Final = 32 << 20
"""Bytes of one lock file."""
STRONG: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Digests that lock, and their length in hexadecimal."""
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash[= ](sha256|sha384|sha512):([0-9a-fA-F]{64,128})(?![0-9a-fA-F])")
_NODE_MODULES: Final = "node_modules/"


def locked(name: str, content: bytes) -> frozenset[str]:
    """Return what a lock file of this name pins. Nothing for a file that can't be read as one."""
    base = name.rpartition("/")[2]
    try:
        text = content.decode("utf-8-sig")
        if base.endswith(".txt"):
            found = set(_requirements(text))
        elif base in {"package-lock.json", "npm-shrinkwrap.json"}:
            found = set(_npm(json.loads(text)))
        elif base == "Pipfile.lock":
            found = set(_pipfile(json.loads(text)))
        elif base in {"poetry.lock", "uv.lock"} or (base.startswith("pylock") and base.endswith(".toml")):
            found = set(_toml(tomllib.loads(text)))
        else:
            return frozenset()
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(found | {one[: one.index("@", 6)] for one in found})


def integrity(text: object) -> Iterator[str]:
    """Yield the digests of a Subresource Integrity value, as ``sha512:hex``. Weak and broken ones are left out."""
    for word in text.split() if isinstance(text, str) else ():
        algorithm, _, value = word.partition("-")
        try:
            digest = base64.b64decode(value.partition("?")[0], validate=True).hex()
        except (binascii.Error, ValueError):
            continue
        if STRONG.get(algorithm) == len(digest):
            yield f"{algorithm}:{digest}"


def _requirements(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in joined.splitlines():
        found = _REQUIREMENT.match(line.strip())
        if found is None:
            continue
        for algorithm, digest in _HASH.findall(line):
            yield from _entry("pypi", found[1], found[2], f"{algorithm}:{digest}")


def _npm(document: Any) -> Iterator[str]:
    """Yield the entries of lock file versions 2 and 3: those that come from a registry."""
    packages = document.get("packages") if isinstance(document, dict) else None
    for path, one in packages.items() if isinstance(packages, dict) else ():
        if not isinstance(one, dict) or one.get("link") or _NODE_MODULES not in path:
            continue
        name = one.get("name") or path.rpartition(_NODE_MODULES)[2]
        for digest in integrity(one.get("integrity")):
            yield from _entry("npm", name, one.get("version"), digest)


def _pipfile(document: Any) -> Iterator[str]:
    for group in ("default", "develop"):
        section = document.get(group) if isinstance(document, dict) else None
        for name, one in section.items() if isinstance(section, dict) else ():
            if not isinstance(one, dict):
                continue
            version = str(one.get("version", "")).removeprefix("==")
            for digest in one.get("hashes") or ():
                yield from _entry("pypi", name, version, digest)


def _toml(document: dict[str, Any]) -> Iterator[str]:
    """Yield the entries of uv's, poetry's and the standard's lock files, which name files in much the same way."""
    legacy = document.get("metadata", {}).get("files", {}) if isinstance(document.get("metadata"), dict) else {}
    for key in ("package", "packages"):
        for one in document.get(key) or ():
            if not isinstance(one, dict):
                continue
            name, version = one.get("name"), one.get("version")
            files = [*_list(one.get("files")), *_list(one.get("wheels")), *_list(legacy.get(name))]
            files += [one[part] for part in ("sdist", "archive") if isinstance(one.get(part), dict)]
            for file in files:
                for digest in _digests(file):
                    yield from _entry("pypi", name, version, digest)


def _digests(file: Any) -> Iterator[str]:
    if not isinstance(file, dict):
        return
    if isinstance(file.get("hash"), str):
        yield file["hash"]
    hashes = file.get("hashes")
    for algorithm, value in hashes.items() if isinstance(hashes, dict) else ():
        yield f"{algorithm}:{value}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entry(index: str, name: Any, version: Any, digest: Any) -> Iterator[str]:
    """Yield one entry, if every part of it is plain and its hash is strong."""
    if not (isinstance(name, str) and isinstance(version, str) and isinstance(digest, str)):
        return
    algorithm, _, value = digest.lower().partition(":")
    plain = name and version and not re.search(r"[\s#]", name + version) and "@" not in name[1:] and "@" not in version
    if plain and STRONG.get(algorithm) == len(value) and re.fullmatch("[0-9a-f]*", value):
        yield canonical(f"{index}:{name}@{version}#{algorithm}:{value}")
