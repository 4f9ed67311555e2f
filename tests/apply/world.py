"""Runs for tests: a workspace, the layers of a run over it, and real overlays where the kernel has them."""

import json
import os
import stat
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nucleus.apply import Applied, Change, Ruling, Run, apply, changes, load
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED

WHITEOUT = os.makedev(0, 0)
SEEN = PRIVATE | UNTRUSTED


@cache
def overlays() -> bool:
    """Whether this kernel mounts overlays in user namespaces."""
    script = "mkdir l u w m && mount -t overlay overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w m"
    folder = subprocess.run(["mktemp", "-d"], capture_output=True, check=True, text=True).stdout.strip()
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


needs_overlay = pytest.mark.skipif(not overlays(), reason="this kernel mounts no overlay in a user namespace")


@dataclass
class World:
    """One run. ``start`` has to be called between what the host had and what the run did."""

    workspace: Path
    folder: Path

    @classmethod
    def make(cls, base: Path) -> "World":
        """Return a world whose workspace is empty."""
        world = cls(base / "ws", base / "state" / "runs" / "0123456789ab")
        world.workspace.mkdir()
        for name in ("upper", "work", "masks"):
            (world.folder / name).mkdir(parents=True)
        (base / "state").chmod(0o700)
        world.folder.chmod(0o700)
        return world

    def host(self, path: str, text: str = "old", mode: int = 0o644) -> Path:
        """Write a file of the host."""
        place = self.workspace / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place

    def start(self, *, hidden: tuple[str, ...] = (), **fields: Any) -> Run:
        """Let the run begin: what was written before is older, whatever the tick of the clock."""
        time.sleep(0.012)
        self.note(hidden=list(hidden), **fields)
        for path in hidden:
            place = self.folder / "masks" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.mknod(place, stat.S_IFCHR, WHITEOUT)
        time.sleep(0.012)
        return self.run

    def note(self, **fields: Any) -> None:
        """Write ``run.json``."""
        known = {
            "v": 1,
            "id": "0123456789ab",
            "workspace": os.path.realpath(self.workspace),
            "principal": "p",
            "trace": "t",
            "profile": "local_dev",
            "started_ns": time.time_ns(),
            "ended_ns": None,
            "status": None,
            "argv": ["true"],
            "hidden": [],
            "exposure": SEEN,
            "state": "ended",
        }
        (self.folder / "run.json").write_text(json.dumps(known | fields))

    @property
    def run(self) -> Run:
        """The run as it can be read now."""
        return load(str(self.folder))

    def put(self, path: str, text: str | bytes = "new", mode: int = 0o644) -> Path:
        """Let the run have written a file."""
        place = self.folder / "upper" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        place.chmod(mode)
        return place

    def gone(self, path: str) -> None:
        """Let the run have taken something away."""
        place = self.folder / "upper" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(place, stat.S_IFCHR, WHITEOUT)

    def opaque(self, path: str) -> Path:
        """Let the run have taken a directory away and made a new one."""
        place = self.folder / "upper" / path
        place.mkdir(parents=True, exist_ok=True)
        os.setxattr(place, "user.overlay.opaque", b"y")
        return place

    def box(self, script: str) -> None:
        """Run a shell script in the workspace, under a real overlay."""
        mount = (
            'mount -t overlay overlay -o "userxattr,lowerdir=$1/masks:$2,upperdir=$1/upper,workdir=$1/work" "$2" '
            '&& cd "$2" && exec sh -euc "$3"'
        )
        words = ["unshare", "-Urm", "sh", "-c", mount, "sh", str(self.folder), str(self.workspace), script]
        done = subprocess.run(words, capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr

    def changes(self) -> list[tuple[str, str, str]]:
        """Return path, what and category of each change."""
        return [(each.path, each.what, each.category) for each in changes(self.run)]

    def apply(self, *paths: str, yes: bool = False) -> Applied:
        """Apply what is silent, or everything that can be."""
        return apply(self.run, everything if yes else silent_only, paths or None)

    def listing(self) -> dict[str, str]:
        """Return the whole workspace: what each entry is, and holds."""
        return {str(place.relative_to(self.workspace)): _told(place) for place in sorted(self.workspace.rglob("*"))}


def _told(place: Path) -> str:
    status = place.lstat()
    mode = f"{stat.S_IMODE(status.st_mode):o}"
    if stat.S_ISLNK(status.st_mode):
        return f"link {os.readlink(place)}"
    if stat.S_ISREG(status.st_mode):
        return f"{mode} {place.read_text(errors='backslashreplace')}"
    return f"{mode} {stat.S_IFMT(status.st_mode):o}"


def silent_only(found: tuple[Change, ...]) -> list[Ruling]:
    """Judge that nobody is asked."""
    return [Ruling(each.silent, "" if each.silent else f"held: {each.why}") for each in found]


def everything(found: tuple[Change, ...]) -> list[Ruling]:
    """Judge that all is fine."""
    return [Ruling(True) for _ in found]
