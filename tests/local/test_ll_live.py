"""A command of the backend ``ll`` that is held until it may begin. As a whole: cli/test_run_ll.py."""

import os
import select
import signal
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.live import Wish
from nucleus.local.ll import LlBox
from nucleus.local.ll_live import LlLiving
from tests.local.box import private
from tests.local.test_ll import needs_ll

pytestmark = needs_ll


@pytest.fixture
def box(tmp_path: Path) -> LlBox:
    return LlBox(str(private(tmp_path / "state")), asked="ll")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def held(box: LlBox, folder: str, workspace: Path, *argv: str) -> LlLiving:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return LlLiving(box, folder, Wish(str(workspace), argv), (null, null, null))
    finally:
        os.close(null)


def ended(living: LlLiving, seconds: float = 20) -> bool:
    return bool(select.select([living.ended], [], [], seconds)[0])


def test_nothing_begins_before_it_may(box: LlBox, workspace: Path) -> None:
    with box.place() as folder, held(box, folder, workspace, "touch", "made") as living:
        assert not ended(living, 0.3)
        assert os.listdir(workspace) == []
        living.go()
        assert ended(living)
        assert living.end() == 0
        assert os.listdir(workspace) == ["made"]


def test_one_that_never_began_ran_nothing(box: LlBox, workspace: Path) -> None:
    with box.place() as folder, held(box, folder, workspace, "touch", "made"):
        pass
    assert os.listdir(workspace) == []


def test_a_signal_reaches_the_command_and_what_it_started(box: LlBox, workspace: Path) -> None:
    script = "trap 'echo caught > caught; exit 9' TERM; touch ready; while :; do sleep 0.05; done"
    with box.place() as folder, held(box, folder, workspace, "sh", "-c", script) as living:
        living.go()
        while not (workspace / "ready").exists():
            assert not ended(living, 0.05)
        living.signal(signal.SIGTERM)
        assert ended(living)
        assert living.end() == 9
    assert (workspace / "caught").exists()


def test_leaving_ends_it(box: LlBox, workspace: Path) -> None:
    with box.place() as folder:
        with held(box, folder, workspace, "sleep", "60") as living:
            living.go()
        assert living.end() == 137


def test_a_command_that_is_not_there_is_told_by_its_number(box: LlBox, workspace: Path) -> None:
    with box.place() as folder, held(box, folder, workspace, "no-such-command") as living:
        living.go()
        assert ended(living)
        assert (living.end(), living.not_started) == (127, 2)


def test_what_does_not_hold_is_an_error(box: LlBox, workspace: Path) -> None:
    with box.place() as folder:
        living = held(box, folder, workspace, "true")
        os.rename(folder, folder + "-moved")
        try:
            living.go()
            assert ended(living)
            with pytest.raises(CannotEnforce, match="does not hold"):
                living.end()
        finally:
            os.rename(folder + "-moved", folder)
