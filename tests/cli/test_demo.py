"""``nucleus demo`` where it can't run says so and runs nothing."""

import argparse

import pytest

from nucleus.cli import demo
from nucleus.errors import CannotEnforce


def test_another_system_is_told_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(CannotEnforce, match="needs Linux"):
        demo.run(argparse.Namespace(color="never"))
