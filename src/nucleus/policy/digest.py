"""The canonical form of a policy, and its digest: equal where the meaning is."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from nucleus.policy.constraints import Constraint, Scope
from nucleus.policy.model import Policy
from nucleus.policy.shapes import Shape


def digest_of(policy: Policy) -> str:
    """Return the SHA-256 of the canonical form, in hex. Files, lines and reasons are not part of it."""
    text = json.dumps(canonical_form(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def canonical_form(policy: Policy) -> dict[str, Any]:
    """Return what the policy means as JSON-ready data."""
    return {
        "authority": policy.authority,
        "budget": asdict(policy.budget),
        "scopes": {key: _scope(scope) for key, scope in policy.scopes.items()},
        "labels": {
            "untrusted": sorted(_shape(shape) for shape, _ in policy.labels.untrusted.patterns),
            "secret": sorted(_shape(shape) for shape, _ in policy.labels.secret.patterns),
            "public": _scope(policy.labels.public),
        },
        "mcp": {name: _scope(rule.tools) for name, rule in policy.mcp.items()},
        "remotes": {
            name: [one.url, _scope(one.refs), one.public, one.allow_delete, one.allow_force, one.home]
            for name, one in policy.remotes.items()
        },
        "flags": asdict(policy.flags),
        "owner": sorted(policy.owner.tokens),
    }


def _scope(scope: Scope) -> list[str]:
    return sorted({json.dumps(_constraint(one)) for one in scope.sets})


def _constraint(one: Constraint) -> list[Any]:
    lists = [sorted({_shape(shape) for shape, _ in patterns}) for patterns in (one.allow, one.ask, one.deny)]
    return [*lists, one.otherwise, one.ceiling]


def _shape(shape: Shape) -> str:
    name = [shape.name.prefix, shape.name.suffix, shape.name.star] if shape.name else None
    return json.dumps([shape.base, name, shape.depth, shape.below])
