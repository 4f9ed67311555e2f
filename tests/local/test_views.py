"""What a box shows of this machine."""

import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.views import INSIDE, Views
from tests.local.box import needs_box, private

pytestmark = needs_box


def test_a_view_shows_the_workspace_the_system_and_the_self_test(tmp_path: Path) -> None:
    workspace = tmp_path / "project"
    workspace.mkdir()
    view = Views(str(private(tmp_path / "state"))).view("/layers", str(workspace), ".", "sh")
    assert view.workspace == str(workspace)
    assert (view.upper, view.work, view.masks) == ("/layers/upper", "/layers/work", "/layers/masks")
    assert "/usr" in view.system
    assert INSIDE in dict(view.files)


def test_a_workspace_that_holds_the_state_directory_can_t_be_shown(tmp_path: Path) -> None:
    views = Views(str(private(tmp_path / "project" / "state")))
    with pytest.raises(CannotEnforce, match="no box can be made for this workspace"):
        views.view("/layers", str(tmp_path / "project"), ".", "sh")


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="another interpreter is needed")
def test_the_interpreter_of_the_self_test_is_the_one_that_runs_us(tmp_path: Path) -> None:
    assert Path(Views(str(private(tmp_path / "state"))).python).name.startswith("python")
    assert sys.version_info >= (3, 11)
