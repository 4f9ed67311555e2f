"""Boxes by name: what is named is what is made, and nothing is fallen back to. The contract: contract/test_boxes.py."""

from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.backends import DEFAULT, NAMES, box
from nucleus.local.ll import LlBox
from nucleus.local.ns import NsBox
from tests.local.box import private


def test_namespaces_are_the_default(tmp_path: Path) -> None:
    assert DEFAULT == "ns"
    assert isinstance(box(str(private(tmp_path / "state"))), NsBox)


@pytest.mark.parametrize(("name", "kind"), [("ns", NsBox), ("ll", LlBox)])
def test_each_name_is_one_class(tmp_path: Path, name: str, kind: type) -> None:
    assert name in NAMES
    assert isinstance(box(str(private(tmp_path / "state")), name), kind)


def test_a_name_that_there_is_not_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="no backend 'none'") as caught:
        box(str(private(tmp_path / "state")), "none")
    assert "ns, ll" in caught.value.fix
