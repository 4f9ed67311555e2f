"""The real servers and clients that tests use: locked by content, and never skipped silently."""

import json

import pytest

from tests.parts import install, world


def test_every_npm_package_is_locked_by_content_and_names_no_registry() -> None:
    lock = json.loads(install.NPM[1].read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert [name for name, one in packages.items() if "integrity" not in one and not one.get("inBundle")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []
    wanted = json.loads(install.NPM[0].read_text())["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_parts_that_are_not_there_fail_a_test_and_name_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "installed", lambda: False)
    monkeypatch.setattr(world, "TOLD_TO_SKIP", False)
    with pytest.raises(pytest.fail.Exception, match="make parts"):
        world.parts()
    monkeypatch.setattr(world, "TOLD_TO_SKIP", True)
    with pytest.raises(pytest.skip.Exception):
        world.parts()


def test_other_locks_have_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = install.folder()
    monkeypatch.setattr(install, "LOCKS", {"py": install.LOCKS["py"]})
    assert install.folder() != before
