"""What a box shows of this machine."""

import os
import socket
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


def test_what_listens_in_a_place_that_is_let_in_is_not_reached(tmp_path: Path) -> None:
    """A read-only mount keeps nobody from connecting, nor from writing into a pipe: a directory is an overlay."""
    folder, workspace, layers = (private(tmp_path / name) for name in ("let-in", "project", "layers"))
    views = Views(str(private(tmp_path / "state")), named=[str(folder)], readable=[str(workspace / "tools")])
    view = views.view(str(layers), str(workspace), ".", "sh")
    assert view.still == (str(folder),)
    assert os.listdir(view.nothing) == []


def test_what_is_not_there_is_not_let_in(tmp_path: Path) -> None:
    """Said by name, and not by a box that does not start."""
    with pytest.raises(CannotEnforce, match="absent can't be let in"):
        Views(str(private(tmp_path / "state")), named=[str(tmp_path / "absent")])


def test_a_socket_or_a_pipe_is_not_let_in_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "listens"))
        for name in ("pipe", "listens"):
            with pytest.raises(CannotEnforce, match="a socket, a pipe or a device"):
                Views(str(private(tmp_path / f"state-{name}")), named=[str(tmp_path / name)])
