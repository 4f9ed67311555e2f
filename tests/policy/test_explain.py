"""The page that a person reads before trusting a policy."""

from nucleus.policy.explain import meeting, show
from nucleus.policy.load import with_remotes
from tests.policy.policies import EXAMPLE, layer, policy


def test_two_columns_come_from_the_kernel() -> None:
    text = policy('[capabilities]\nfetch = "low_risk"', profile="safe_pr_fixer")
    rows = {line.split("  ")[0]: line for line in show(text).splitlines()}
    assert "until it saw untrusted content  yes" in rows["fetch from the web"]
    assert "nucleus.toml:3" in rows["fetch from the web"]
    assert rows["read files"].split()[2:4] == ["yes", "yes"]
    assert rows["push"].split()[1:3] == ["no", "no"]


def test_every_pattern_is_shown_with_its_place() -> None:
    page = show(with_remotes(policy(EXAMPLE), {"origin": "https://o.example/a.git"}))
    for words in (
        'allow  "docs.python.org"  (nucleus.toml:5)',
        'ask    "release/*"  (nucleus.toml:7)',
        'deny   "**/.env*", "secrets/**"  (nucleus.toml:9)',
        "[[rule]] fetch host *.internal: deny",
        'untrusted "vendor/**"  (nucleus.toml:11)',
        'public    "README.md"  (nucleus.toml:12)',
        "MCP server github",
        "remote origin: https://o.example/a.git",
    ):
        assert words in page


def test_what_is_ignored_is_said_on_the_page() -> None:
    page = show(policy(layer(EXAMPLE, trusted=False), profile="safe_pr_fixer"))
    assert "may only tighten: for a test" in page
    assert "Notes\n  nucleus.toml: ignored" in page


def test_switches_and_bills_are_told_in_words() -> None:
    page = show(policy(profile="research_web", bill_seen=True))
    assert "any public host is trusted while nothing private was seen" in page
    assert "usd" in page.splitlines()[1]


def test_whether_the_three_legs_can_meet_is_the_kernel_s_answer() -> None:
    assert meeting(policy(profile="read_only")).endswith("no untrusted content and no way out.")
    assert "low_risk for" in meeting(policy(profile="local_dev"))
    calm = policy('[capabilities]\nfetch = "low_risk"\nshell = "low_risk"', profile="codegen")
    assert meeting(calm).endswith("whatever leaves asks.")
