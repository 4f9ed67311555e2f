"""A permission rule lets a command run that can't be undone, or that acts on a service in your name.

## Why

Pushing, deleting, deploying and calling a service's API with your login are the effects that a person wants to see
first. With the rule they happen when the model says so.

## Example

```json
{ "permissions": { "allow": ["Bash(git push:*)"] } }
```

## Fix

Move the rule to `ask`. For pushes, let the gate do them: `nucleus run` re-makes them from a reviewed pack.

## Limits

Programs and their sub-commands are known by name; aliases and scripts are not looked into.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, SHELL, Grant
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import without

RULE = Rule("destructive-verb-allowed", "irreversible commands without a question", Severity.MEDIUM, Confidence.HIGH)
_ALWAYS = {
    "rm": "deletes files", "rmdir": "deletes directories", "del": "deletes files", "remove-item": "deletes files", "shred": "deletes files", "unlink": "deletes files",  # noqa: E501  one pattern or table row, one line
    "dd": "overwrites devices", "mkfs": "overwrites devices", "chmod": "changes what others may do", "chown": "changes owners",  # noqa: E501  one pattern or table row, one line
    "kill": "ends processes", "killall": "ends processes", "pkill": "ends processes", "taskkill": "ends processes", "stop-process": "ends processes",  # noqa: E501  one pattern or table row, one line
    "terraform": "changes infrastructure", "pulumi": "changes infrastructure", "helm": "changes clusters", "ansible": "changes machines",  # noqa: E501  one pattern or table row, one line
    "supabase": "changes a hosted service", "vercel": "deploys", "netlify": "deploys", "flyctl": "deploys", "wrangler": "deploys", "firebase": "deploys",  # noqa: E501  one pattern or table row, one line
    "aws": "acts on a cloud account", "gcloud": "acts on a cloud account", "az": "acts on a cloud account", "gh": "acts on the code host in your name",  # noqa: E501  one pattern or table row, one line
    "glab": "acts on the code host in your name", "psql": "changes a database", "mysql": "changes a database", "mongosh": "changes a database", "redis-cli": "changes a database", "sqlcmd": "changes a database",  # noqa: E501  one pattern or table row, one line
    "systemctl": "changes services", "reboot": "restarts the machine", "shutdown": "stops the machine",
}  # fmt: skip
_SUB = {
    "git": {"push": "publishes commits", "reset": "can discard work", "clean": "deletes files", "rebase": "rewrites history", "filter-branch": "rewrites history", "remote": "changes where pushes go", "config": "changes what git runs"},  # noqa: E501  one pattern or table row, one line
    "npm": {"publish": "publishes a package", "unpublish": "removes a package", "token": "handles tokens", "login": "handles tokens"},  # noqa: E501  one pattern or table row, one line
    "yarn": {"publish": "publishes a package"}, "pnpm": {"publish": "publishes a package"}, "cargo": {"publish": "publishes a package"},  # noqa: E501  one pattern or table row, one line
    "twine": {"upload": "publishes a package"}, "uv": {"publish": "publishes a package"}, "poetry": {"publish": "publishes a package"},  # noqa: E501  one pattern or table row, one line
    "kubectl": {"delete": "deletes from a cluster", "apply": "changes a cluster", "scale": "changes a cluster"},
    "docker": {"push": "publishes an image", "rm": "deletes containers", "rmi": "deletes images", "system": "deletes containers and images"},  # noqa: E501  one pattern or table row, one line
    "gh": {"api": "calls the code host's API in your name", "pr": "acts on pull requests in your name", "issue": "acts on issues in your name", "repo": "acts on repositories in your name", "release": "publishes releases", "secret": "handles secrets", "workflow": "starts workflows", "run": "starts and stops workflow runs", "auth": "handles tokens", "gist": "publishes text"},  # noqa: E501  one pattern or table row, one line
    "prisma": {"migrate": "changes a database", "db": "changes a database"},
}  # fmt: skip
_READS = frozenset(
    {
        "list",
        "view",
        "status",
        "diff",
        "checks",
        "show",
        "get",
        "describe",
        "-v",
        "--list",
        "--get",
        "--help",
        "--version",
        "search",
        "logs",
        "ls",
        "watch",
        "get-url",
        "s3api",
        "whoami",
        "version",
        "plan",
        "validate",
        "fmt",
        "--dry-run",
    }
)


def does(grant: Grant) -> str:
    """Return what a shell rule can do that stays done; empty where nothing is known."""
    words = [word.lower() for word in grant.words()]
    if grant.action != ALLOW or grant.tool != SHELL or not words or not grant.open_ended():
        return ""
    verb, rest = grant.verb(), words[1:]
    if verb in {"npx", "bunx"} and rest:
        verb, rest = rest[0], rest[1:]
    if any(word in _READS for word in rest):
        return ""
    if verb in _SUB and rest:
        return _SUB[verb].get(rest[0], "")
    return _ALWAYS.get(verb, "")


def check(project: Project) -> Iterator[Finding]:
    """Yield shell rules for effects that stay."""
    for grant in project.grants:
        effect = does(grant)
        if not effect:
            continue
        verb = grant.verb()
        local = verb in {
            "kill",
            "killall",
            "pkill",
            "taskkill",
            "stop-process",
            "chmod",
            "chown",
            "rmdir",
            "rebase",
        } or (verb == "git" and "push" not in grant.spec)
        yield RULE.at(
            grant.source,
            grant.node.start,
            grant.node.end,
            f"'{grant.text}' {effect} without a question",
            subject=grant.text,
            severity=Severity.LOW if local else None,
            fix=without(grant, "take the rule out"),
        )
