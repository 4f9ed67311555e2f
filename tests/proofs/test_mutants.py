"""The gate that no mutant passes: how each fate comes about."""

import pytest

from proofs import battery, mutants
from proofs.contracts import BY_NAME, prove
from proofs.kernels import production


@pytest.fixture(scope="module")
def items() -> list[battery.Item]:
    return battery.items({}, count=60)


def test_the_kernel_itself_passes_the_battery(items: list[battery.Item]) -> None:
    assert battery.failure(production(), items) is None


def test_mutants_are_many_and_differ() -> None:
    for module, least in (("state", 50), ("delegate", 100), ("boundary", 100)):
        made = mutants.mutants(module)
        assert len({mutant.id for mutant in made}) == len(made) > least


def test_a_mutant_is_killed_by_ints(items: list[battery.Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "_BATTERY", items)
    wrong = next(m for m in mutants.mutants("decide") if "r.cost > s.budget -> r.cost >= s.budget" in m.what)
    fate, why = mutants._try(wrong)
    assert fate == "killed"
    assert "decide" in why


def test_without_the_battery_the_solver_kills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "_BATTERY", [])
    wrong = next(m for m in mutants.mutants("delegate") if "b < a -> b >= a" in m.what)
    assert mutants._try(wrong)[0] == "solver"


def test_an_equivalent_mutant_is_proved_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "_BATTERY", [])
    harmless = next(m for m in mutants.mutants("delegate") if "b < a -> b <= a" in m.what)
    assert mutants._try(harmless)[0] == "equivalent"


def test_every_listed_equivalent_has_a_reason() -> None:
    assert all(mutants.reasons().values())
    assert len(mutants.reasons()) > 10


def test_a_weak_specification_lets_a_mutant_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: without contracts and battery, a wrong kernel survives and is named."""
    monkeypatch.setattr(mutants, "_BATTERY", [])
    monkeypatch.setattr(mutants, "CONTRACTS", ())
    wrong = next(m for m in mutants.mutants("delegate") if "b < a -> b >= a" in m.what)
    fate, why = mutants._try(wrong)
    assert fate == "survivor"
    assert why


def test_witnesses_of_paths_are_within_preconditions() -> None:
    proved = prove(production(), BY_NAME["decide.after"])
    assert all(battery._item(proved.contract, values) is not None for values in proved.witnesses)
