"""Reading a policy: the built-in profiles, and files of ten and of ten thousand rules."""

from bench.clock import Candidate, interleaved, ratio, unit
from bench.decisions import policy_of
from bench.table import Row, Section
from nucleus.policy.load import LayerFile, load_policy

ORDINARY = b"""version = 1
profile = "safe_pr_fixer"
[allow]
write = ["src/**", "tests/**", "docs/**", "README.md"]
fetch = ["docs.python.org"]
[ask]
branches = ["release/*"]
[deny]
read = ["**/.env*", "secrets/**"]
[labels]
untrusted = ["vendor/**"]
public = ["README.md"]
[capabilities]
git_push = "never"
[budget]
minutes = 120
[[rule]]
when = "fetch"
host = "*.internal"
then = "deny"
why = "no intranet from agents"
match = ["https://wiki.internal/"]
"""


def ordinary(turns: int) -> None:
    """Load an ordinary policy."""
    for _ in range(turns):
        load_policy([LayerFile("--policy", "nucleus.toml", ORDINARY, trusted=True, why="named")])


def many(turns: int) -> None:
    """Load ten thousand path rules, listed twice."""
    for _ in range(turns):
        policy_of(10_000)


def measure(rounds: int) -> Section:
    """Return the rows of loading."""
    times = interleaved([unit(20_000), Candidate("ordinary", ordinary), Candidate("many", many)], max(5, rounds // 2))
    return Section(
        "Policy load",
        (
            Row("an ordinary policy, all layers met", ratio(times, "ordinary", turns=1000), "thousand U"),
            Row("a policy of 20,000 patterns", ratio(times, "many", turns=20_000 * 1), "U a pattern"),
        ),
    )
