"""Which destinations are trusted: named by the owner, and every address in the payload too.

The owner names a destination in a trusted policy, or in words given before
the agent starts. A word counts only as a whole token, never if it is short, a
number, or nothing but letters: a prompt is full of words that are also the
name of a branch, a package or an account ("main", "rich", "support"). An
amount is payload, not a destination. What the agent or a page says never counts: only
``Policy`` and ``Context`` are asked.

The object of a destroying or administrative act is trusted by policy only,
never by words. A directory vouches only for the addressee of a message.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from nucleus.kernel.facts import TRUSTED_NO, TRUSTED_WHILE_CLEAN, TRUSTED_YES
from nucleus.policy.addresses import Address, AddressError, Url, addresses_in, parse_host, parse_url, private_host
from nucleus.policy.context import Context
from nucleus.policy.model import OwnerWords, Policy

SHORTEST_WORD: Final = 4
"""Characters of a plain token that can name something; a shorter one is in every second prompt."""
SHORTEST_NAME: Final = 3
"""Characters after the ``@`` or ``#`` of a handle or channel."""

_EDGE: Final = "\"'`<>()[]{},.;:!?*"
_NUMERIC: Final = re.compile(r"[\W\d_]*")
_REMOTE: Final = re.compile(r"(?:[a-z+]+://)?(?:[^@/]+@)?([^/:@]+)(?::\d+(?=/))?[:/]+(.+?)(?:\.git)?/*")


class Words(NamedTuple):
    """What the owner's words name."""

    urls: frozenset[str]
    hosts: frozenset[str]
    whole: frozenset[str]


@lru_cache(maxsize=64)
def owner_words(owner: OwnerWords) -> Words:
    """Return the URLs, hosts and other names among the tokens."""
    urls: set[str] = set()
    hosts: set[str] = set()
    whole: set[str] = set()
    for token in owner.tokens:
        word = token.strip(_EDGE)
        size = len(word) - 1 if word[:1] in {"@", "#"} else len(word)
        if _NUMERIC.fullmatch(word) or size < (SHORTEST_NAME if word[:1] in {"@", "#"} else SHORTEST_WORD):
            continue
        if word.isalpha():
            continue
        whole.add(word)
        if "@" in word or "/" in word:
            # Mail addresses, accounts and repositories are compared without regard to case.
            whole.add(word.lower())
        if "://" in word:
            _collect(urls, word)
        elif "." in word and "/" not in word and "@" not in word:
            _collect_host(hosts, word)
    return Words(frozenset(urls), frozenset(hosts), frozenset(whole))


def _collect(urls: set[str], word: str) -> None:
    """Add a URL, if that is what the word is."""
    try:
        urls.add(parse_url(word).text)
    except AddressError:
        return


def _collect_host(hosts: set[str], word: str) -> None:
    """Add a public host name, if that is what the word is. A file name is one too; it names nothing that answers."""
    try:
        host = parse_host(word)
    except AddressError:
        return
    if not private_host(host):
        hosts.add(host)


def named(policy: Policy, word: str) -> bool:
    """Whether the owner's words have exactly this token."""
    return word in owner_words(policy.owner).whole


def repository_of(url: str) -> tuple[str, str] | None:
    """Return host and ``owner/name`` of a git remote's URL, None if it names no forge."""
    parts = _REMOTE.fullmatch(url)
    if parts is None or "/" not in parts[2] or url.startswith(("/", ".", "file:")):
        return None
    return parts[1].lower(), parts[2].strip("/")


def own_repositories(policy: Policy) -> list[tuple[str, str]]:
    """Return host and ``owner/name`` of the workspace's own remotes."""
    found = (repository_of(remote.url) for remote in policy.remotes.values() if remote.home)
    return [one for one in found if one is not None]


def trust_in_url(policy: Policy, url: Url, *, vouched: bool) -> int:
    """Return how far the host of a URL is trusted. ``vouched``: the owner's policy names this URL.

    Plain http is never trusted: whoever is on the way reads it. A URL with
    another address inside may be forwarded there, so that one must be trusted too.
    """
    words = owner_words(policy.owner)
    if url.scheme == "https" and (vouched or url.text in words.urls or (url.host in words.hosts and url.port == 443)):
        return TRUSTED_YES if _forwards_to_friends(policy, url.target) else TRUSTED_NO
    if policy.flags.any_public_host_while_clean and url.scheme == "https" and url.port == 443:
        return TRUSTED_WHILE_CLEAN
    return TRUSTED_NO


def _forwards_to_friends(policy: Policy, target: str) -> bool:
    """Whether every address inside path and query is trusted."""
    if "." not in target and "%" not in target and "@" not in target and "//" not in target:
        return True
    plain = unquote(target)
    inside = addresses_in(plain) | addresses_in(plain.replace("/", " "))
    return all(_friend(policy, None, one) for one in inside if one.kind not in {"account", "repository"})


def payload_is_trusted(policy: Policy, context: Context, text: str) -> bool:
    """Whether every address in a text that is about to be sent is trusted."""
    return all(_friend(policy, context, one) for one in addresses_in(text))


def _friend(policy: Policy, context: Context | None, address: Address) -> bool:
    """Whether one address is trusted as a destination."""
    words = owner_words(policy.owner)
    match address.kind:
        case "url":
            return _friendly_text(policy, address.value)
        case "host":
            return address.value in words.hosts or policy.scopes["fetch"].judge(f"https://{address.value}:443/").named
        case "repository":
            own = any(address.value == name.lower() for _, name in own_repositories(policy))
            return own or address.value in words.whole or policy.scopes["pull_requests"].judge(address.value).named
        case "mail" | "account":
            return addressee_is_trusted(policy, context, address.value)
        case _:
            return False


def _friendly_text(policy: Policy, text: str) -> bool:
    """Whether the URL in a text is trusted; one that can't be read isn't."""
    try:
        return url_is_friendly(policy, parse_url(text))
    except AddressError:
        return False


def url_is_friendly(policy: Policy, url: Url) -> bool:
    """Whether a URL in a payload is trusted: named, on a named host, or within the workspace's own repository."""
    path = url.target.lower() + "/"
    for host, name in own_repositories(policy):
        if url.host == host and path.startswith(f"/{name.lower()}/") and url.scheme == "https":
            return _forwards_to_friends(policy, url.target)
    vouched = policy.scopes["fetch"].judge(url.judged).named
    return trust_in_url(policy, url, vouched=vouched) == TRUSTED_YES


def addressee_is_trusted(policy: Policy, context: Context | None, name: str) -> bool:
    """Whether a mail address, account, handle or channel is named by the owner, or vouched for by a directory."""
    if policy.scopes["channels"].judge(name).named or named(policy, name):
        return True
    return context is not None and name in context.directory
