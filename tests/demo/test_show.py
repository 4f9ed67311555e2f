"""``nucleus demo`` as a person runs it: every attack works without Nucleus, none works with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.demo.show import Row, attack
from nucleus.demo.stage import SECRET

NOTHING_TO_ATTACK = {"forge an approval", "kill the gate"}
"""Without a gate there is none to attack."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, list[Row]]:
    found = {}
    for mediated in (False, True):
        rows, _, stage = attack(tmp_path_factory.mktemp("demo"), mediated=mediated)
        stage.close()
        found[mediated] = rows
    return found


@pytest.mark.xdist_group("demo")
def test_each_attack_reaches_its_sink_without_nucleus(runs: dict[bool, list[Row]]) -> None:
    """The defence switched off."""
    assert {row.attack for row in runs[False] if not row.reached} == NOTHING_TO_ATTACK


@pytest.mark.xdist_group("demo")
def test_no_attack_reaches_a_sink_with_it(runs: dict[bool, list[Row]]) -> None:
    assert [row for row in runs[True] if row.reached] == []


@pytest.mark.xdist_group("demo")
def test_every_attack_says_what_stopped_it(runs: dict[bool, list[Row]]) -> None:
    assert all(row.stopped and "NOT STOPPED" not in row.stopped for row in runs[True])


def test_the_command_prints_one_table_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nucleus", "demo"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "with: 0 of 13" in done.stdout
    assert "the chain verifies" in done.stdout
    assert "skipped nucleus run --vm" in done.stdout
    assert "run --local: not part" not in done.stdout
    assert SECRET not in done.stdout
    assert list(tmp_path.iterdir()) == []
