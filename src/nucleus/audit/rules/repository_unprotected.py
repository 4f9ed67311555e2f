"""Repository settings kept as code leave a way around review.

## Why

If workflows get a write token by default, may approve pull requests, or the main branch takes force pushes and
needs no review, then an agent that can push can publish.

## Example

```yaml
branches:
  - name: main
    protection: { required_pull_request_reviews: null }
```

## Fix

Require a review, code owners' too; no force pushes; `default_workflow_permissions: read`; workflows must not
approve.

## Limits

Settings files of the settings app and exported rulesets are read. What is set in the web page is not in the
repository.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.node import NULL, Node
from nucleus.audit.project import Document, Project

RULE = Rule("repository-unprotected", "repository settings that go around review", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield weak branch, ruleset and workflow settings."""
    for document in project.of("repository"):
        if document.root is not None:
            yield from _workflow(document, document.root)
            yield from _branches(document, document.root)
            yield from _ruleset(document, document.root)


def _say(document: Document, node: Node, message: str) -> Finding:
    return RULE.at(document.source, node.start, max(node.end, node.start + 1), message, subject=message)


def _workflow(document: Document, root: Node) -> Iterator[Finding]:
    for path, node in root.walk():
        name = path[-1] if path else ""
        if name == "default_workflow_permissions" and node.text() == "write":
            yield _say(document, node, "workflows get a token that can write everything")
        if name == "can_approve_pull_request_reviews" and node.is_true():
            yield _say(document, node, "workflows may approve pull requests")


def _branches(document: Document, root: Node) -> Iterator[Finding]:
    branches = root.get("branches")
    for branch in branches.elements() if branches is not None else []:
        protection = branch.get("protection")
        name = branch.get("name")
        what = name.text() if name is not None else "a branch"
        if protection is None or protection.kind == NULL:
            yield _say(document, name or branch, f"'{what}' has no protection")
            continue
        reviews = protection.get("required_pull_request_reviews")
        if reviews is None or reviews.kind == NULL:
            yield _say(
                document,
                protection.key("required_pull_request_reviews") or name or branch,
                f"'{what}' takes changes without a review",
            )
        for key, message in (("allow_force_pushes", "takes force pushes"), ("allow_deletions", "can be deleted")):
            node = protection.get(key)
            if node is not None and node.is_true():
                yield _say(document, node, f"'{what}' {message}")
        admins = protection.get("enforce_admins")
        if admins is not None and admins.is_false():
            yield _say(document, admins, f"administrators of '{what}' pass without a review")


def _ruleset(document: Document, root: Node) -> Iterator[Finding]:
    enforcement, rules = root.get("enforcement"), root.get("rules")
    if rules is None or enforcement is None:
        return
    if enforcement.text() in {"disabled", "evaluate"}:
        yield _say(document, enforcement, "this ruleset is not enforced")
    kinds = {kind.text() for rule in rules.elements() if (kind := rule.get("type")) is not None}
    target = root.get("target")
    if (target is None or target.text() == "branch") and kinds and "pull_request" not in kinds:
        yield _say(document, root.key("rules") or rules, "this ruleset asks for no pull request")
    bypass = root.get("bypass_actors")
    for actor in bypass.elements() if bypass is not None else []:
        mode, kind = actor.get("bypass_mode"), actor.get("actor_type")
        if (
            mode is not None
            and mode.text() == "always"
            and kind is not None
            and kind.text() in {"Integration", "OrganizationAdmin", "RepositoryRole"}
        ):
            yield _say(document, actor, f"{kind.text()} always passes around this ruleset")
