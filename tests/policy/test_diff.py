"""A difference has a witness, and none is found exactly where one policy stays within the other."""

from hypothesis import given

from nucleus.policy.diff import widened
from nucleus.policy.load import with_remotes
from nucleus.policy.model import Policy
from nucleus.policy.restrict import leq, meet
from tests.policy.policies import policy
from tests.policy.test_restrict import policies


def told(p: Policy, q: Policy) -> list[str]:
    return [str(one) for one in widened(p, q)]


@given(policies, policies)
def test_there_is_no_difference_exactly_where_one_stays_within_the_other(p: Policy, q: Policy) -> None:
    assert (widened(p, q) == []) == leq(p, q)
    assert widened(meet(p, q), q) == []


def test_a_witness_is_concrete_and_cites_its_line() -> None:
    p = policy('[allow]\nfetch = ["a.example"]', profile="safe_pr_fixer")
    q = policy(profile="safe_pr_fixer")
    assert any(line.startswith("fetch https://a.example") and "allow rather than ask" in line for line in told(p, q))
    assert all("nucleus.toml:3" in line for line in told(p, q))


def test_every_field_has_its_words() -> None:
    base = 'version = 1\nprofile = "release"\n'
    p = with_remotes(
        policy(base + "[remotes.origin]\nallow_delete = true\n[mcp.s]\nallow = ['x']\n[labels]\npublic = ['a']"),
        {"origin": "https://o.example/a.git", "other": "https://p.example/"},
    )
    q = with_remotes(
        policy(base + "[labels]\nsecret = ['k']\n[budget]\ncalls = 3\n[capabilities]\nfetch = 'never'"),
        {"origin": "https://o.example/a.git"},
    )
    page = "\n".join(told(p, q))
    for words in (
        "web_fetch: always rather than never",
        "budget calls:",
        "mcp s x: allow rather than ask",
        "label secret k: not labelled rather than labelled",
        "label public a: allow rather than deny",
        "remote origin allow_delete: yes rather than no",
        "remote other: https://p.example/ rather than not there",
    ):
        assert words in page


def test_switches_are_compared_in_their_direction() -> None:
    looser, tighter = policy(profile="research_web"), policy(profile="read_only")
    assert any(line.startswith("any_public_host_while_clean: on") for line in told(looser, tighter))


def test_a_long_list_of_witnesses_is_cut_and_says_so() -> None:
    hosts = ", ".join(f'"h{number}.example"' for number in range(9))
    lines = told(policy(f"[allow]\nfetch = [{hosts}]", profile="safe_pr_fixer"), policy(profile="safe_pr_fixer"))
    assert lines[-1] == "fetch: and more of this kind"
