"""Policies for tests: from text, without any file."""

from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.policy.model import OwnerWords, Policy

HOME = "/home/ann"

EXAMPLE = """version = 1
profile = "safe_pr_fixer"                # the ceiling; nothing below can exceed it
[allow]                                  # grants under the ceiling; count only from a trusted file
write = ["src/**", "tests/**", "docs/**", "README.md"]
fetch = ["docs.python.org"]
[ask]                                    # same keys; always honoured
branches = ["release/*"]
[deny]                                   # same keys; always honoured; denied paths are invisible too
read = ["**/.env*", "secrets/**"]
[labels]
untrusted = ["vendor/**"]                # always honoured
public = ["README.md"]                   # a grant
[capabilities]
git_push = "never"
[mcp.github]
allow = ["get_issue", "list_issues"]
[budget]
minutes = 120
[[rule]]
when = "fetch"
host = "*.internal"
then = "deny"
why  = "no intranet from agents"
match = ["https://wiki.internal/"]
"""


def layer(text: str, *, trusted: bool = True, path: str = "nucleus.toml") -> LayerFile:
    """Return a layer of this text; a missing version is added in front, on the same line as a comment would be."""
    whole = text if "version" in text else "version = 1\n" + text
    return LayerFile("project" if path == "nucleus.toml" else "--policy", path, whole.encode(), trusted, "for a test")


def policy(*layers: LayerFile | str, profile: str = "", **choices: object) -> Policy:
    """Return the policy of these layers; a text is a trusted layer."""
    files = [layer(one) if isinstance(one, str) else one for one in layers]
    words = OwnerWords(frozenset(str(choices.pop("words", "")).split()))
    return load_policy(files, OwnerChoices(profile=profile, home=HOME, words=words, **choices))
