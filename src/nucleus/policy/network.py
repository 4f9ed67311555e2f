"""Fetching and searching: what may be asked of the network, and of whom.

A fetch sends its URL. It is no sink where the owner chose the URL exactly
(``fixed``), it goes to a trusted destination on a host that the owner named,
and anywhere else it is egress to a stranger. What is fetched is untrusted.

Which address the name has is not known here: the worker resolves once and
refuses private ones.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from nucleus.kernel.facts import SCOPE_ALLOW, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.addresses import AddressError, parse_url, private_host
from nucleus.policy.answer import FINE, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.destinations import named, owner_words, trust_in_url
from nucleus.policy.model import Policy

READING: Final = frozenset(("GET", "HEAD"))
"""Methods that change nothing (RFC 9110 section 9.2.1) and that a worker performs."""
_KNOWN_ARGS: Final = frozenset(("url", "method"))
"""What a fetch may say. Headers would carry data and credentials of the caller's choice."""


def fetch(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  the signature of all classifiers
    """Classify one request for a URL. Redirects are calls of their own."""
    words = call.args.get("url")
    try:
        url = parse_url(words if type(words) is str else "")
    except AddressError as error:
        return answer(legs.FETCH, call, deny(f"{error}"))
    target = Target(url.place)
    if private_host(url.host):
        return answer(legs.FETCH, call, deny(f"{url.host} is a name of a local network"), target=target)
    judgement = policy.scopes["fetch"].judge(url.judged)
    owned = owner_words(policy.owner)
    chosen = url.text in owned.urls
    vouched = chosen or (url.host in owned.hosts and url.port == 443)
    ruling = FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "fetch", url.host, vouched=vouched)
    trusted = trust_in_url(policy, url, vouched=judgement.named)
    method = call.args.get("method", "GET")
    resolved: dict[str, Any] = {"url": url.text}
    if method not in READING or call.body or not _KNOWN_ARGS.issuperset(call.args):
        why = f"{method} with a body or headers of the caller's choice can act for somebody else's account"
        ruling = least(ruling, ask(why))
        return answer(legs.POST, call, ruling, target=Target(f"{method} {url.text}"), resolved=resolved)
    resolved["method"] = method
    if (judgement.exact or chosen) and url.scheme == "https":
        return answer(legs.FIXED_FETCH, call, ruling, target=Target(url.place, TRUSTED_YES), resolved=resolved)
    if trusted == TRUSTED_NO and ruling.scope == SCOPE_ALLOW:
        step = f"[allow] fetch = [{url.host!r}] in a trusted policy"
        ruling = ruling._replace(why=f"nobody named {url.host}", next_step=step)
    return answer(legs.FETCH, call, ruling, target=Target(url.place, trusted), resolved=resolved)


def search(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  likewise
    """Classify one query to a search engine: the one that is asked for, or the first that the policy names."""
    scope = policy.scopes["search"]
    wanted = call.args.get("engine")
    names = [wanted] if type(wanted) is str else list(engines())
    for name in names:
        judgement = scope.judge(name)
        engine = engines().get(name)
        if judgement.scope != SCOPE_ALLOW or engine is None:
            continue
        trusted = TRUSTED_YES if judgement.named or named(policy, name) else TRUSTED_NO
        resolved = {"engine": {"name": name, **engine}}
        return answer(legs.SEARCH, call, FINE, target=Target(f"{name}:443", trusted), resolved=resolved)
    step = f"[allow] search = [{next(iter(engines()))!r}] in a trusted policy"
    return answer(legs.SEARCH, call, deny("the policy names no search engine that is known", step))


@cache
def engines() -> Mapping[str, Mapping[str, str]]:
    """Return the known search engines by host, read once."""
    text = Path(__file__).with_name("engines.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


_LOADED: Final = engines()
"""Read before a privileged process freezes its imports."""
