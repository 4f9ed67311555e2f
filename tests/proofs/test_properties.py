"""Properties are proved, say something, and a false or empty one is noticed."""

import pytest

from proofs import controls
from proofs.properties import PROPERTIES
from proofs.properties.goals import Goals, Property, goals_of, vacuous
from proofs.spec.lattice import common
from proofs.spec.logic import same
from proofs.spec.words import below, is_authority
from proofs.symex.solve import discharge

SAFETY = [
    found for found in PROPERTIES if found.name.startswith("no-") or found.name in {"ratchet", "joint-monotonicity"}
]


@pytest.mark.parametrize("found", SAFETY, ids=lambda found: found.name)
def test_the_safety_properties_hold_and_are_not_vacuous(found: Property) -> None:
    assert discharge(goals_of(found).obligations) == []
    assert vacuous(found) == []


def test_every_property_states_itself_once() -> None:
    assert len({found.name for found in PROPERTIES}) == len(PROPERTIES) >= 50
    assert all(found.statement.endswith(".") for found in PROPERTIES)


def _false(g: Goals) -> None:
    a, b = g.words("a", "b")
    g.given(is_authority(a), is_authority(b))
    g.prove("meet is the first", same(common(a, b), a))


def _impossible(g: Goals) -> None:
    a = g.word("a")
    g.given(is_authority(a), a < 0)
    g.prove("anything", same(common(a, a), 7))


def _empty(g: Goals) -> None:
    a = g.word("a")
    g.prove("an order is reflexive whatever the kernel does", below(a, a))


def test_a_false_property_is_refuted() -> None:
    assert discharge(goals_of(Property("false", "", _false)).obligations)


def test_a_property_that_nothing_satisfies_is_vacuous() -> None:
    assert vacuous(Property("impossible", "", _impossible))


def test_a_property_without_a_hold_on_the_kernel_is_vacuous() -> None:
    assert vacuous(Property("empty", "", _empty)) == ["empty: true of a kernel that answers anything"]


@pytest.mark.parametrize("control", controls.CONTROLS, ids=lambda control: control.name)
def test_plausible_false_claims_are_refuted_and_replayed(control: controls.Control) -> None:
    assert controls.check(control).ok


def test_a_control_that_is_true_is_no_control() -> None:
    """The defence switched off: a true claim in the list is noticed."""
    from dataclasses import replace

    true = replace(controls.CONTROLS[0], obligations=list)
    assert not controls.check(true).ok
