"""Other MCP proxies, from their locks: made when first needed, each in an environment of its own."""

import hashlib
import sys
from pathlib import Path
from typing import Final

from tests.parts.install import InstallError, make_venv

ROOT: Final = Path(__file__).resolve().parents[1]
PROXIES: Final = {"fastmcp": ROOT / "locks" / "bench_fastmcp.txt", "mcp-proxy": ROOT / "locks" / "bench_mcp_proxy.txt"}


def folder(name: str) -> Path:
    """Return where a proxy of this lock and this Python belongs."""
    key = hashlib.sha256(PROXIES[name].read_bytes() + sys.version.encode()).hexdigest()[:16]
    return ROOT / ".cache" / f"{name}-{key}"


def program(name: str) -> str:
    """Return the program of a proxy, installed if it was not."""
    place = folder(name)
    if not (place / ".complete").is_file():
        place.parent.mkdir(exist_ok=True)
        make_venv(place, PROXIES[name])
        (place / ".complete").touch()
    return str(place / "bin" / name)


def version(name: str) -> str:
    """Return the version that the lock names."""
    lines = PROXIES[name].read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1].split()[0] for line in lines if line.startswith(f"{name}=="))


__all__ = ["PROXIES", "InstallError", "folder", "program", "version"]
