"""Where each index is: one for each kind of package, and no other is asked where it has nothing.

A second index that answers for the same names is how a private name is
taken over (dependency confusion), so there is no fall-through.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.policy.addresses import AddressError, Url, parse_url


@final
@dataclass(frozen=True, slots=True)
class Index:
    """One index."""

    base: Url
    """The place of all names, ending in a slash."""
    hosts: frozenset[str]
    """``host:port`` of everything that it serves: no file comes from elsewhere."""


def indexes(settings: Mapping[str, Any]) -> dict[str, Index]:
    """Return the index of each kind: the public one, or the one that the settings name in its place.

    ``settings``: kind -> URL, or [URL, further hosts...]. Raises ValueError.
    """
    found = {}
    for kind, known in PUBLIC.items():
        given = settings.get(kind, known)
        urls = [given] if type(given) is str else list(given)
        if not urls or not all(type(one) is str for one in urls):
            raise ValueError(f"the index of {kind} is a URL, and the hosts of its files")
        try:
            base = parse_url(urls[0].rstrip("/") + "/")
            hosts = {parse_url(f"https://{one}/").place for one in urls[1:]}
        except AddressError as error:
            raise ValueError(f"the index of {kind}: {error}") from None
        found[kind] = Index(base, frozenset(hosts | {base.place}))
    return found


def _public() -> dict[str, list[str]]:
    text = resources.files("nucleus.egress").joinpath("indexes.toml").read_text(encoding="utf-8")
    return {
        kind: [f"https://{'.'.join(one['host'])}{one['path']}", *(".".join(host) for host in one["files"])]
        for kind, one in tomllib.loads(text).items()
    }


PUBLIC: Final = _public()
"""Read before the process freezes its imports."""
