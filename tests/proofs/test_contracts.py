"""Code = specification: it holds of the kernel, and a wrong kernel is refuted with ints."""

import pytest

from proofs import door, witnesses
from proofs.battery import replay
from proofs.contracts import BY_NAME, CONTRACTS, concrete, holds_on, prove
from proofs.kernels import production, source, variant
from proofs.symex.solve import confirm, discharge
from proofs.symex.values import Trap

FAST = [
    "capability.level",
    "exposure.nu",
    "state.valid",
    "facts.floored",
    "decide.after",
    "decide.decide",
    "delegate.delegate",
]


@pytest.mark.parametrize("name", FAST)
def test_the_function_that_production_imports_is_its_specification(name: str) -> None:
    kernel = production()
    proved = prove(kernel, BY_NAME[name])
    assert discharge(proved.obligations) == []
    assert confirm(proved.obligations) == []
    assert replay(kernel, name, proved.witnesses) == []


def test_every_function_of_the_kernel_has_a_contract() -> None:
    import types

    from proofs.kernels import MODULES

    kernel = production()
    found = {
        f"{module}.{name}"
        for module in MODULES
        for name, value in vars(getattr(kernel, module)).items()
        if isinstance(value, types.FunctionType) and value.__module__ == f"nucleus.kernel.{module}"
    }
    tested = {f"boundary.{name}" for name in ("admit", "pack", "unpack", "_is_state", "_is_request")}
    assert found == {contract.function for contract in CONTRACTS} | tested


def test_a_wrong_kernel_is_refuted_with_ints_that_show_it() -> None:
    text = source("delegate").replace("s.budget - budget", "s.budget")
    wrong = variant("delegate", compile(text, "delegate.py", "exec"))
    contract = BY_NAME["delegate.delegate"]
    refuted = discharge(prove(wrong, contract).obligations)
    assert refuted
    assert not holds_on(wrong, contract, refuted[0].example)
    assert holds_on(production(), contract, refuted[0].example)
    assert concrete(wrong, contract, refuted[0].example)[2] > 0


def test_a_kernel_that_stores_to_its_argument_is_noticed_even_without_the_linter() -> None:
    text = source("decide").replace("    return 0\n", "    s.budget = 0\n    return 0\n", 1)
    wrong = variant("decide", compile(text, "decide.py", "exec"))
    with pytest.raises(Trap, match="changed an argument"):
        prove(wrong, BY_NAME["decide.refusal"])


def test_admit_is_decide_for_what_is_exact_and_a_refusal_for_the_rest() -> None:
    assert discharge(door.obligations(production())) == []


def test_every_verdict_and_every_rule_happens() -> None:
    count, lacking = witnesses.missing()
    assert lacking == []
    assert count > 40
