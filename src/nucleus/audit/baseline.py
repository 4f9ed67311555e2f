"""The baseline: findings that were there before, by fingerprint.

A file of this form keeps no text of the findings but rule and path, so it can
be committed.
"""

import json
from typing import Any

from nucleus.audit.model import Finding
from nucleus.errors import PolicyError

VERSION = 1


def written(findings: "list[Finding]") -> str:
    """Return the text of a baseline that knows ``findings``."""
    known = [{"fingerprint": f.fingerprint, "rule": f.rule.id, "path": f.span.source.path} for f in findings]
    known.sort(key=lambda one: (one["path"], one["rule"], one["fingerprint"]))
    return json.dumps({"version": VERSION, "findings": known}, indent=2) + "\n"


def read(text: str, path: str) -> frozenset[str]:
    """Return the fingerprints of a baseline. Raises PolicyError where it is none."""
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise PolicyError(
            f"this baseline is no JSON: {error}", path=path, fix="nucleus audit --write-baseline FILE"
        ) from error
    if (
        not isinstance(content, dict)
        or content.get("version") != VERSION
        or not isinstance(content.get("findings"), list)
    ):
        raise PolicyError("this is no baseline of version 1", path=path, fix="nucleus audit --write-baseline FILE")
    known = [one.get("fingerprint") if isinstance(one, dict) else None for one in content["findings"]]
    if not all(isinstance(one, str) for one in known):
        raise PolicyError("a finding without a fingerprint", path=path, fix="nucleus audit --write-baseline FILE")
    return frozenset(str(one) for one in known)
