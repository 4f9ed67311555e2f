"""Ways to run a command, each as the words that come before it. What can't work here says why.

Each runs the same command in the same workspace, with no host allowed and
writing in the workspace. What else they hold differs, and is told beside the
figures: only ``nucleus run`` keeps the workspace as it was until its changes
were judged, and only it masks secrets.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.boxes import install
from nucleus.errors import CannotEnforce
from nucleus.local import bwrap

BARE: Final = "bare"
NUCLEUS: Final = "nucleus run"
SRT: Final = "sandbox-runtime"
SANDLOCK: Final = "sandlock"
POLICY: Final = 'version = 1\nprofile = "local_dev"\n'
SETTINGS: Final = (
    '{"filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []},'
    ' "network": {"allowedDomains": [], "deniedDomains": []}}'
)
DRIVER: Final = """
import os, sys
from sandlock import Sandbox
del os.environ["PYTHONPATH"]
readable = [one for one in sys.argv[1].split(":") if os.path.exists(one)]
here = os.getcwd()
box = Sandbox(fs_readable=readable, fs_writable=[here, "/dev/null", "/tmp"], workdir=here, cwd=here)
result = box.run(sys.argv[2:], timeout=600)
sys.stdout.write(result.stdout.decode() if isinstance(result.stdout, bytes) else result.stdout or "")
sys.stderr.write(result.stderr.decode() if isinstance(result.stderr, bytes) else result.stderr or "")
sys.exit(0 if result.success else result.exit_code or 1)
"""
"""A program of sandlock's own SDK: it has no command line."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way. ``why`` says why it can't be used here, "" if it can."""

    name: str
    version: str = ""
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """What is read at its start: evicted from memory for a cold one."""
    why: str = ""

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the whole command line."""
        return [*self.words, *words]


def every(scratch: Path, workspace: Path) -> list[Contender]:
    """Return the contenders, ready to run in ``workspace``. Installs peers where that can be done."""
    return [Contender(BARE), _nucleus(scratch, workspace), _runtime(scratch), _sandlock()]


def _nucleus(scratch: Path, workspace: Path) -> Contender:
    state, policy = scratch / "state", scratch / "policy.toml"
    state.mkdir(mode=0o700, exist_ok=True)
    policy.write_text(POLICY)
    try:
        found = bwrap.find()
    except CannotEnforce as error:
        return Contender(NUCLEUS, why=str(error))
    script = Path(sysconfig.get_path("scripts")) / "nucleus"
    words = (str(script), "--state", str(state), "run", "--policy", str(policy), "--workspace", str(workspace))
    files = (str(install.ROOT / "src"), found.path, sys.base_prefix, sysconfig.get_path("purelib"))
    return Contender(NUCLEUS, "", (*words, "--non-interactive", "--"), {}, files)


def _runtime(scratch: Path) -> Contender:
    why = install.node()
    lacking = [tool for tool in ("node", "socat", "rg") if shutil.which(tool) is None]
    if why or lacking:
        return Contender(SRT, why=why or f"it needs {', '.join(lacking)}")
    home = scratch / "home"
    home.mkdir(exist_ok=True)
    (home / ".srt-settings.json").write_text(SETTINGS)
    try:
        # It asks for any bubblewrap on the search path: the one that ours uses, so that both have the same.
        path = f"{os.path.dirname(bwrap.find().path)}:{os.environ['PATH']}"
    except CannotEnforce as error:
        return Contender(SRT, why=str(error))
    place = install.folder() / "js" / "node_modules"
    words = (str(shutil.which("node")), str(place / "@anthropic-ai" / "sandbox-runtime" / "dist" / "cli.js"), "--")
    return Contender(SRT, "0.0.78", words, {"HOME": str(home), "PATH": path}, (str(place), words[0]))


def _sandlock() -> Contender:
    why = install.wheels()
    if why:
        return Contender(SANDLOCK, why=why)
    place = install.folder() / "py"
    readable = ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/dev", sys.base_prefix, sys.prefix]
    words = (sys.executable, "-c", DRIVER, ":".join(readable))
    return Contender(SANDLOCK, "0.9.0", words, {"PYTHONPATH": str(place)}, (str(place), sys.base_prefix))


def tried(contender: Contender, workspace: Path) -> str:
    """Return why a contender does not do the work here, "" if it does."""
    if contender.why:
        return contender.why
    words = contender.command(["sh", "-c", "echo out; test -f here"])
    environment = {**os.environ, **contender.environment}
    (workspace / "here").touch()
    done = subprocess.run(words, capture_output=True, cwd=workspace, env=environment, timeout=120, check=False)
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (said or [f"status {done.returncode}"])[-1][:200]
