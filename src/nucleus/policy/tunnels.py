"""What leaves a box by its proxy: tunnels of which only the host is seen, and plain requests.

A CONNECT tunnel is never a fetch. Nobody sees its paths, methods or bodies,
so it is egress without bound, it can act for whatever account its client
holds, and what comes in by it may steer what goes out by it (its legs are
carried). It is for the whole host or not at all: a policy that names one path
of a host does not name the tunnel, and one that denies or asks about one path
denies or asks about the tunnel.

A request whose URL is seen is judged like a fetch; but its headers are the
caller's, so it is never ``fixed``. What opens a way around a route that keeps
keys outside and reads bodies (the model channel) is refused.
"""

from typing import Final

from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.addresses import AddressError, Url, parse_host, parse_url, private_host
from nucleus.policy.answer import FINE, Ruling, Target, answer, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.constraints import Judgement, Scope, fold
from nucleus.policy.context import Context
from nucleus.policy.destinations import owner_words, trust_in_url
from nucleus.policy.model import Policy
from nucleus.policy.network import READING
from nucleus.policy.shapes import RELATIVE
from nucleus.policy.values import METHODS

_SOME_PATH: Final = "~~~~~~~~/~/~/~?~"
"""A path that no pattern names but by naming every path of its host."""


def tunnel(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  the signature of all classifiers
    """Classify a CONNECT tunnel: args ``host`` and ``port``."""
    host, port = call.args.get("host"), call.args.get("port")
    try:
        url = _place(host, port)
    except AddressError as error:
        return answer(legs.TUNNEL, call, deny(f"{error}"))
    judgement = policy.scopes["fetch"].judge(f"https://{url.place}/{_SOME_PATH}")
    refused = _refused(policy, url, judgement)
    if refused is not None:
        return answer(legs.TUNNEL, call, refused, target=Target(url.place))
    owned = owner_words(policy.owner)
    vouched = url.host in owned.hosts and url.port == 443
    ruling = FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "fetch", url.host, vouched=vouched)
    ruling = least(ruling, _limited(policy.scopes["fetch"], url))
    trusted = trust_in_url(policy, url, vouched=judgement.named or vouched)
    resolved = {"host": url.host, "port": url.port, "inside": private_host(url.host)}
    return answer(
        legs.TUNNEL, call, _unnamed(ruling, trusted, url), target=Target(url.place, trusted), resolved=resolved
    )


def request(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  likewise
    """Classify a request that a route or the proxy sees: args ``method``, ``url``, and ``body``: whether it has one."""
    words, method = call.args.get("url"), call.args.get("method")
    try:
        url = parse_url(words if type(words) is str else "")
    except AddressError as error:
        return answer(legs.FORWARD, call, deny(f"{error}"))
    row = legs.FETCH if method in READING and not call.args.get("body") else legs.FORWARD
    if method not in METHODS:
        return answer(legs.FORWARD, call, deny(f"no method {method!r} is forwarded"), target=Target(url.place))
    judgement = policy.scopes["fetch"].judge(url.judged)
    refused = _refused(policy, url, judgement)
    if refused is not None:
        return answer(row, call, refused, target=Target(url.place))
    owned = owner_words(policy.owner)
    vouched = url.text in owned.urls or (url.host in owned.hosts and url.port == 443)
    ruling = FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "fetch", url.host, vouched=vouched)
    trusted = trust_in_url(policy, url, vouched=judgement.named)
    name = url.place if row is legs.FETCH else f"{method} {url.text}"
    resolved = {"url": url.text, "method": method, "inside": private_host(url.host)}
    return answer(row, call, _unnamed(ruling, trusted, url), target=Target(name, trusted), resolved=resolved)


def port(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  likewise
    """Classify a connection to a port of the owner's machine: args ``port``. Only a port that is named is let in."""
    number = call.args.get("port")
    if type(number) is not int or not 1 <= number <= 65535:
        return answer(legs.PORT, call, deny("a port is a number from 1 to 65535"))
    judgement = policy.scopes["ports"].judge(str(number))
    target = Target(f"127.0.0.1:{number}", TRUSTED_YES)
    return answer(legs.PORT, call, ruled(judgement, "ports", str(number)), target=target, resolved={"port": number})


def _place(host: object, port: object) -> Url:
    """Return host and port as a URL. Raises AddressError."""
    if type(host) is not str or type(port) is not int:
        raise AddressError("a tunnel goes to a host and a port")
    return parse_url(f"https://{parse_host(host)}:{port}/")


def model_host(policy: Policy, url: Url) -> bool:
    """Whether the model channel goes to this host and port: then nothing else does."""
    place = (*url.host.split(".")[::-1], f":{url.scheme}:{url.port}")
    for one in policy.scopes["model"].sets:
        for shape, _ in one.allow:
            base = shape.base[2:]  # the root, and the method
            size = min(len(base), len(place))
            if base and not one.ceiling and base[:size] == place[:size]:
                return True
    return False


def _refused(policy: Policy, url: Url, judgement: Judgement) -> Ruling | None:
    """Return why nothing goes to this host by any way seen here, None if something may.

    A name of a local network is reached only where the owner named it (``inside``): then it may have a private address.
    """
    if private_host(url.host) and not (judgement.named and judgement.scope == SCOPE_ALLOW):
        return deny(f"{url.host} is a name of a local network")
    if model_host(policy, url):
        return deny(f"{url.host} is reached by the model channel only", "use the base URL of the model route")
    return None


def _limited(scope: Scope, url: Url) -> Ruling:
    """Return the strictest that is said of any path of a host."""
    place = (RELATIVE, *(fold(label) for label in url.host.split(".")[::-1]), f":https:{url.port}")
    ruling = FINE
    for one in scope.sets:
        for said, patterns in ((SCOPE_DENY, one.deny), (SCOPE_ASK, one.ask)):
            for shape, source in patterns:
                if shape.base[: len(place)] == place:
                    ruling = least(Ruling(said, source.reason, source.where, f"change {source.where}"), ruling)
    return ruling


def _unnamed(ruling: Ruling, trusted: int, url: Url) -> Ruling:
    """Return the ruling; where a stranger is merely asked about, with the line that would name it."""
    if trusted == TRUSTED_NO and ruling.scope == SCOPE_ALLOW:
        step = f"[allow] fetch = [{url.host!r}] in a trusted policy"
        return ruling._replace(why=f"nobody named {url.host}", next_step=step)
    return ruling
