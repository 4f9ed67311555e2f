"""Lock files that the owner named are read before the agent starts, or nothing starts."""

import os
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.lockfiles import pinned
from tests.policy.surroundings import policy

LOCK = f"foo==1.0 --hash=sha256:{'a' * 64}\n"
NAMED = policy("codegen", '[allow]\npackages = ["lock:requirements.txt"]\n')


def test_what_it_pins_is_known(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(LOCK)
    assert pinned(NAMED, str(tmp_path)) == {"pypi:foo", f"pypi:foo@1.0#sha256:{'a' * 64}"}
    assert pinned(policy("codegen"), str(tmp_path)) == frozenset()


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "link", "fifo"])
def test_one_that_pins_nothing_or_is_no_file_stops_the_start(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "requirements.txt"
    match kind:
        case "empty":
            place.write_text("foo>=1\n")
        case "folder":
            place.mkdir()
        case "link":
            (tmp_path / "elsewhere").write_text(LOCK)
            place.symlink_to(tmp_path / "elsewhere")
        case "fifo":
            os.mkfifo(place)
    with pytest.raises(CannotEnforce):
        pinned(NAMED, str(tmp_path))
