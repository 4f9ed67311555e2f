"""A wrong kernel's message names the claims that it breaks."""

import pytest

from proofs import broken, prove
from proofs.kernels import Kernel, production, source, variant


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken, "LENIENT", 250)
    monkeypatch.setattr(broken, "_sweep", list)


def _wrong(old: str, new: str) -> Kernel:
    text = source("decide")
    assert text.count(old) == 1
    return variant("decide", compile(text.replace(old, new), "decide.py", "exec"))


def test_the_real_kernel_breaks_nothing() -> None:
    assert broken.claims(production()) == []


def test_a_kernel_that_forgets_what_is_carried_lets_secrets_out() -> None:
    wrong = _wrong("if sink & EGRESS and seen & SECRET:", "if sink & EGRESS and s.exposure & SECRET:")
    assert "no-egress-of-secrets" in broken.claims(wrong)


def test_a_failed_contract_says_which_claims_break(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = _wrong("level(s.authority, r.op) == NEVER", "level(s.authority, r.op) == 2")
    monkeypatch.setattr(prove, "production", lambda: wrong)
    monkeypatch.setattr(prove, "CONTRACTS", [c for c in prove.CONTRACTS if c.function == "decide.refusal"])
    with pytest.raises(prove.Failed, match=r"decide\.refusal is not its specification.*no-capability-means-never"):
        prove._contracts(prove.Report())
