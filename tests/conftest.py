"""What holds for every test: a private home, a quiet environment, one hypothesis profile."""

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own: nothing of the user's is read or written."""
    place = tmp_path_factory.mktemp("home")
    state = place / ".local" / "state"
    state.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / ".cache"))
    for name in list(os.environ):
        if name.startswith(("NUCLEUS_", "GIT_", "PYTHON")) or name == "NO_COLOR":
            monkeypatch.delenv(name)
    return place


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of evidence beside the project, which is read in place, or skip."""
    if not SHARED.is_dir():
        pytest.skip("the evidence beside the project is absent")
    return SHARED
