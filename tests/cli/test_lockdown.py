"""``nucleus lockdown`` with nothing to stop; with a gate it is tested beside the approvals."""

import subprocess
import sys
from pathlib import Path


def test_nothing_to_stop_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nucleus", "--state", str(tmp_path), "lockdown"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0 gates locked down: every call is refused from now on\n")
