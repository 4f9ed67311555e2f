"""A folder of peers, from the lock: made when first needed, never on the path of anything else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "locks" / "bench.txt"


def folder() -> Path:
    """Return where the peers of this lock and this Python belong."""
    key = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    return ROOT / ".cache" / f"peers-{key}"


def installed() -> bool:
    """Whether they are there."""
    return (folder() / ".complete").is_file()


def install() -> str:
    """Install the locked peers, wheels only and by hash; return why that can't be done, "" if it was."""
    if installed():
        return ""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--upgrade", "--target", str(place)]
    done = subprocess.run([*command, "-r", str(LOCK)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return lines[0] if lines else f"pip ended with {done.returncode}"
    (place / ".complete").touch()
    return ""


def run(rounds: int) -> subprocess.CompletedProcess[str]:
    """Run the comparison in a process that sees the peers, our sources, and nothing of the user's site."""
    path = os.pathsep.join([str(folder()), str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONNOUSERSITE": "1"}
    command = [sys.executable, "-m", "bench.peers.run", str(rounds)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
