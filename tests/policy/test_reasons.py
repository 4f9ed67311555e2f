"""Each rule of the kernel has its sentence and its next step."""

from nucleus.kernel import decide
from nucleus.kernel.exposure import CLEAN, PRIVATE, UNTRUSTED
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.reasons import BITS, RULES, foresee, names_of, told
from tests.policy.policies import policy

RULE_NAMES = {"SESSION", "MALFORMED", "CAPABILITY", "SCOPE", "BUDGET", "DESTINATION"}
CONTEXT = Context("/home/ann/app", "/home/ann")


def test_every_rule_of_the_kernel_has_a_reason() -> None:
    # refusal() and question() are the only places where rules are named.
    named = {name for one in (decide.refusal, decide.question) for name in one.__code__.co_names}
    rules = {getattr(decide, name) for name in named if name in RULE_NAMES or name.endswith("_RULE")}
    assert set(BITS.values()) == rules
    assert list(BITS) == list(RULES)
    assert names_of(decide.SCOPE | decide.SECRET_RULE) == ["scope", "secret"]


def test_what_will_happen_is_what_the_kernel_would_decide() -> None:
    found = policy('[allow]\nfetch = ["a.example"]', profile="safe_pr_fixer")
    facts = classify(found, Call(kinds.FETCH, {"url": "https://a.example/x"}), CONTEXT)
    assert foresee(found.authority, CLEAN, facts) == ("allow", [])
    assert foresee(found.authority, PRIVATE | UNTRUSTED, facts) == ("ask", ["uninhabitable"])


def test_a_scope_verdict_cites_its_line_and_the_line_that_would_change_it() -> None:
    found = policy('[deny]\nwrite = ["src/x"]', profile="safe_pr_fixer")
    facts = classify(found, Call(kinds.WRITE, {"path": "src/x"}), CONTEXT)
    verdict, rules = foresee(found.authority, CLEAN, facts)
    page = "\n".join(told(rules, facts))
    assert verdict == "deny"
    assert "nucleus.toml:3" in page
    assert "would change it" in page


def test_a_rule_of_a_later_version_is_told_as_unknown() -> None:
    assert told(["later"]) == ["later: a rule that this version does not know"]
    assert "would change it" in told(["scope"])[1]
