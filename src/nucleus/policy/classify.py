"""``classify``: what a call is, in the kernel's terms. Pure, and the only way in.

A call's kind picks one classifier. Each returns the facts from one row of the
leg table (``legs``), a ruling from the policy's scopes, and how far the
destination is trusted. A kind that nobody knows is an unreviewed tool.

Nothing is read, resolved or looked up here: what is known of the world is in
``Context``, and what isn't known counts as its worst value. Nothing raises on
any arguments that JSON can hold.
"""

from collections.abc import Callable, Mapping
from typing import Final

from nucleus.policy import call as kinds
from nucleus.policy import client_tools, commands, files, functions, models, network, packages, publish, refs, tunnels
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.model import Policy

Classifier = Callable[[Policy, Call, Context], Classified]

CLASSIFIERS: Final[Mapping[str, Classifier]] = {
    kinds.READ: files.read,
    kinds.LIST: files.read,
    kinds.GLOB: files.read,
    kinds.GREP: files.read,
    kinds.WRITE: files.write,
    kinds.EDIT: files.write,
    kinds.DELETE: files.write,
    kinds.APPLY: files.apply,
    kinds.FETCH: network.fetch,
    kinds.SEARCH: network.search,
    kinds.TUNNEL: tunnels.tunnel,
    kinds.REQUEST: tunnels.request,
    kinds.PACKAGES: packages.packages,
    kinds.MODEL: models.model,
    kinds.GIT_STATUS: files.history,
    kinds.GIT_DIFF: files.history,
    kinds.GIT_LOG: files.history,
    kinds.COMMIT: refs.commit,
    kinds.BRANCH: refs.branch,
    kinds.PORT: tunnels.port,
    kinds.PULL: refs.pull,
    kinds.PUSH: refs.push,
    kinds.DELIVER: refs.deliver,
    kinds.RUN: commands.run,
    kinds.INSTALL: commands.install,
    kinds.PULL_REQUEST: publish.pull_request,
    kinds.COMMENT: publish.comment,
    kinds.LABEL: publish.label,
    kinds.ISSUE: publish.issue,
    kinds.SPAWN: functions.spawn,
    kinds.TOOL: functions.tool,
    kinds.MCP: client_tools.served,
    kinds.CLIENT: client_tools.client_tool,
    kinds.UNKNOWN: functions.unknown,
}


def classify(policy: Policy, call: Call, context: Context) -> Classified:
    """Return the facts of ``call``: everything that the kernel needs but cost, clock and approval.

    The effect must use ``resolved`` in place of the caller's words. ``why``
    and ``where`` are for a person; they may name what the agent must not learn.
    """
    return CLASSIFIERS.get(call.kind, functions.unknown)(policy, call, context)
