"""The model channel: what an agent sends to the model that the owner named for it.

It is no sink: whoever runs an agent sends its model everything, and the
owner said which one. But a provider's own tools that fetch, run or connect,
and media that it fetches by URL, send elsewhere: that is egress to a place
that nobody named. The route that reads the bodies says what of it there is
(``reach``); what it does not know, it counts as reaching.
"""

from typing import Final

from nucleus.kernel.facts import SCOPE_ALLOW, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.addresses import AddressError, parse_url, private_host
from nucleus.policy.answer import FINE, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.model import Policy

SHOWN: Final = 20
"""Reaching parts that a question names."""


def model(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  the signature of all classifiers
    """Classify one request to a model: ``method``, ``url``, and ``reach``, the parts of its body that reach out."""
    words, method, reach = call.args.get("url"), call.args.get("method"), call.args.get("reach")
    if not isinstance(reach, list | tuple) or not all(type(one) is str for one in reach):
        return answer(legs.MODEL_REACH, call, deny("reach lists what of the body reaches out"))
    row = legs.MODEL_REACH if reach else legs.MODEL
    try:
        url = parse_url(words if type(words) is str else "")
    except AddressError as error:
        return answer(row, call, deny(f"{error}"))
    scope = policy.scopes["model"]
    # A query goes to the same place as the body does: a pattern without one permits it.
    judgement = max(
        (scope.judge(f"{method} {one}") for one in (url.judged, url.judged.partition("?")[0])),
        key=lambda one: (one.scope, one.named),
    )
    ruling = FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "model", f"{method} {url.text}")
    if private_host(url.host) and not judgement.named:
        ruling = deny(f"{url.host} is a name of a local network")
    resolved = {"url": url.text, "method": method, "inside": private_host(url.host)}
    if not reach:
        trusted = TRUSTED_YES if judgement.named else TRUSTED_NO
        return answer(row, call, ruling, target=Target(url.place, trusted), resolved=resolved)
    what = ", ".join(sorted(set(reach))[:SHOWN])
    ruling = least(ruling, ask(f"the model's provider would reach out itself: {what}"))
    return answer(row, call, ruling, target=Target(f"{url.place} ({what})", TRUSTED_NO), resolved=resolved)
