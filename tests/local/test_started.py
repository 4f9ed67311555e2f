"""bubblewrap, started: what the self-test says, and who says it."""

import os
import time
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local import layers
from nucleus.local.started import Live, Started, configuration
from nucleus.local.views import Views
from tests.local.box import needs_box, private

pytestmark = needs_box


def _start(root: Path, words: list[str], live: Live) -> Started:
    """Start a box whose self-test reads ``words``."""
    workspace = root / "project"
    workspace.mkdir()
    folder = private(root / "layers")
    for name in ("upper", "work", "masks"):
        (folder / name).mkdir()
    layers.dress(str(workspace), str(folder / "upper"))
    views = Views(str(private(root / "state")))
    view = views.view(str(folder), str(workspace), ".", "sh")
    inside = configuration(view, (), words)
    return Started(views.found(), views.python, view, inside, live)


def test_a_self_test_that_passes_says_so_and_the_kernel_says_who_it_is(tmp_path: Path) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    with _start(tmp_path, ["true"], Live((null, null, null))) as started:
        passed = started.passed(time.monotonic() + 20)
        assert Path(f"/proc/{passed.number}/comm").read_text().startswith("python")
        assert os.readlink(f"/proc/{passed.number}/ns/pid") != os.readlink("/proc/self/ns/pid")
        assert passed.terminal == -1
        started.go()
        assert started.process.wait(20) == 0
        assert started.exec_error() == 0
    os.close(null)


def test_a_box_that_says_nothing_in_time_is_given_up(tmp_path: Path) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    with _start(tmp_path, ["true"], Live((null, null, null))) as started:
        with pytest.raises(CannotEnforce, match="too long"):
            started.passed(time.monotonic() - 1)
        started.process.kill()
    os.close(null)
