"""Other ways to contain a command, from the registries by lock: made when first needed, never in .venv.

npm's own client installs what ``package-lock.json`` says, by hash and without
install scripts; pip what ``locks/bench_boxes.txt`` says, wheels only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
LOCK: Final = ROOT / "locks" / "bench_boxes.txt"
NPM: Final = (HERE / "package.json", HERE / "package-lock.json")


def folder() -> Path:
    """Return where the peers of these locks and this Python belong."""
    key = hashlib.sha256(sys.version.encode() + b"".join(path.read_bytes() for path in (LOCK, *NPM))).hexdigest()[:16]
    return ROOT / ".cache" / f"boxes-{key}"


def node() -> str:
    """Return why there is no npm side, "" if it is there now."""
    place = folder() / "js"
    if (place / ".complete").is_file():
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    place.mkdir(parents=True, exist_ok=True)
    for path in NPM:
        shutil.copy(path, place / path.name)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(place)]
    return _run(words, place)


def wheels() -> str:
    """Return why there is no PyPI side, "" if it is there now."""
    place = folder() / "py"
    if (place / ".complete").is_file():
        return ""
    place.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    words += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--upgrade", "--target", str(place)]
    return _run([*words, "-r", str(LOCK)], place)


def _run(words: list[str], place: Path) -> str:
    """Install; mark the place as whole. Returns why it is not."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1][:200]
    (place / ".complete").touch()
    return ""
