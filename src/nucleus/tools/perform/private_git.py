"""Git with a GIT_DIR whose every file we wrote.

No list of options makes a foreign configuration safe: dozens of keys name
programs, and filters, ``diff.external`` and ``receivepack`` run from places
that options do not reach. So git gets a directory of our own: our
configuration, no hooks, an empty home, copies of refs and index, and the
workspace's object store as a read-only alternate. What in-tree files name
(``.gitattributes``, ``.gitmodules``) runs only if a configuration defines it,
and ours defines nothing.
"""

import errno
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.tools.perform.outcomes import Deadline, too_large
from nucleus.tools.perform.repository import KNOWN_EXTENSIONS, PLAIN_KEYS, Repository

SEARCH_PATH: Final = "/usr/bin:/bin:/usr/local/bin"
"""Where git is looked for, and where it finds the few programs it needs itself."""
ERROR_LIMIT: Final = 64 * 1024
"""Bytes of standard error that are kept."""
CHUNK: Final = 64 * 1024
MEMORY: Final = 4 << 30
"""Bytes that one git program may allocate: it reads objects that others made. Files that it maps are not counted."""
NOBODY: Final = ("Nucleus agent", "agent@nucleus.invalid")
"""Who commits where the repository does not say."""
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f<>]")


@final
@dataclass(frozen=True, slots=True)
class Ran:
    """What a git program said."""

    status: int
    out: bytes
    error: str


@final
class PrivateGit:
    """One private GIT_DIR. Made by ``prepared``; gone with its context."""

    def __init__(self, program: str, scratch: Path, workspace: str, deadline: Deadline) -> None:
        self._program = program
        self._deadline = deadline
        self.scratch = scratch
        self.folder = scratch / "git"
        self.workspace = workspace
        self.person = NOBODY

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        limit: int = 64 * 1024 * 1024,
        environment: Mapping[str, str] | None = None,
        keep: Sequence[int] = (),
    ) -> Ran:
        """Run one git program to its end. Raises TimeoutError, and OSError beyond ``limit`` bytes of output."""
        with tempfile.TemporaryFile(dir=self.scratch) as given, _bounded():
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(
                [self._program, *words],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.workspace,
                env={**self._environment(), **(environment or {})},
                pass_fds=keep,
                start_new_session=True,
            )
        try:
            out, error = self._read(process, limit)
            status = process.wait(self._deadline.left())
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIMEDOUT, "git did not end in time") from None
        finally:
            _end(process)
        return Ran(status, out, error.decode("utf-8", "replace"))

    def must(self, *words: str, stdin: bytes = b"", limit: int = 64 * 1024 * 1024) -> bytes:
        """Run one git program and return its output. Raises OSError where it fails."""
        ran = self.run(*words, stdin=stdin, limit=limit)
        if ran.status != 0:
            raise OSError(errno.EIO, f"git {words[0]} failed: {first_line(ran.error)}")
        return ran.out

    def index(self) -> bytes:
        """Return the private index."""
        return (self.folder / "index").read_bytes()

    def _environment(self) -> dict[str, str]:
        name, mail = self.person
        return {
            "GIT_DIR": str(self.folder),
            "GIT_WORK_TREE": self.workspace,
            "GIT_INDEX_FILE": str(self.folder / "index"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_ASKPASS": "false",
            "GIT_EDITOR": "false",
            "GIT_SEQUENCE_EDITOR": "false",
            "GIT_SSH_COMMAND": "false",
            "GIT_PAGER": "cat",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
            "HOME": str(self.scratch / "home"),
            "XDG_CONFIG_HOME": str(self.scratch / "home"),
            "TMPDIR": str(self.scratch),
            "PATH": SEARCH_PATH,
            "LC_ALL": "C.UTF-8",
        }

    def _read(self, process: "subprocess.Popen[bytes]", limit: int) -> tuple[bytes, bytes]:
        """Read both streams until they end. Raises OSError beyond the limit; errors are cut."""
        if process.stdout is None or process.stderr is None:
            raise OSError(errno.EIO, "git has no output")
        streams: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
        with selectors.DefaultSelector() as waiting:
            for stream in streams:
                waiting.register(stream, selectors.EVENT_READ)
            while waiting.get_map():
                for key, _ in waiting.select(self._deadline.left()):
                    stream = key.fileobj  # type: ignore[assignment]  # what was registered is a stream
                    chunk = os.read(key.fd, CHUNK)
                    if not chunk:
                        waiting.unregister(stream)
                    streams[stream] += chunk
                if len(streams[process.stdout]) > limit:
                    raise too_large("what git says", limit)
                del streams[process.stderr][ERROR_LIMIT:]
        return bytes(streams[process.stdout]), bytes(streams[process.stderr])


@contextmanager
def _bounded() -> Iterator[None]:
    """Let a program that is started here begin with a bound on what it allocates: set later, it could come too late."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    mine = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (mine, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Make sure that nothing of a git program is left, its children included."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def first_line(error: str) -> str:
    """Return the first line in which git itself says what is wrong; never text that a remote sent."""
    for line in error.splitlines():
        if line.startswith(("fatal: ", "error: ")) and "remote error" not in line and "remote:" not in line:
            return line.partition(": ")[2][:300]
    return "no reason given"


def git_program() -> str:
    """Return the path of the system's git. Raises CannotEnforce where there is none."""
    program = shutil.which("git", path=SEARCH_PATH)
    if program is None:
        raise CannotEnforce("git is not installed", why=f"not found in {SEARCH_PATH}", fix="apt-get install git")
    return program


@contextmanager
def prepared(
    repository: Repository, workspace: str, deadline: Deadline, *, settings: Sequence[str] = ()
) -> Iterator[PrivateGit]:
    """Hold a private GIT_DIR that sees the repository's objects, refs and index.

    ``settings`` are further lines of its configuration, ours like the rest.
    """
    repository.require_own_objects()
    with tempfile.TemporaryDirectory(prefix="nucleus-git-") as made:
        scratch = Path(made)
        git = PrivateGit(git_program(), scratch, workspace, deadline)
        for name in ("home", "hooks", "git/objects/info", "git/objects/pack", "git/refs/heads", "git/info"):
            (scratch / name).mkdir(parents=True)
        (git.folder / "objects/info/alternates").write_text(repository.objects + "\n")
        (git.folder / "HEAD").write_text("ref: refs/heads/main\n")
        (git.folder / "config").write_text("")
        plain = _plain_configuration(git, repository.config())
        (git.folder / "config").write_text(_configuration(plain, scratch, settings))
        _copy_state(git, repository)
        yield git


def _copy_state(git: PrivateGit, repository: Repository) -> None:
    head = repository.head()
    (git.folder / "HEAD").write_text(f"ref: {head.ref}\n" if head.ref else f"{head.commit}\n")
    lines = [f"{value} {name}\n" for name, value in sorted(repository.refs().items())]
    (git.folder / "packed-refs").write_text("".join(lines))
    for name, content in repository.index().items():
        if content:
            (git.folder / name).write_bytes(content)
    (git.folder / "info/exclude").write_bytes(repository.data("info", "exclude"))
    shallow = repository.data("shallow")
    if shallow:
        (git.folder / "shallow").write_bytes(shallow)


def _plain_configuration(git: PrivateGit, foreign: bytes) -> dict[str, str]:
    """Return what is taken over from the repository's configuration: known keys with known values.

    ``git config --file`` only reads; includes are off. Raises ValueError for
    a repository in a format that is not known here.
    """
    copied = git.scratch / "foreign-config"
    copied.write_bytes(foreign)
    listed = git.must("config", "--file", str(copied), "--no-includes", "--null", "--list")
    plain: dict[str, str] = {}
    name, mail = "", ""
    for entry in listed.decode("utf-8", "replace").split("\0"):
        key, _, value = entry.partition("\n")
        if key in PLAIN_KEYS and value.lower() in PLAIN_KEYS[key]:
            plain[key] = value.lower()
        elif key.startswith("extensions.") and key.removeprefix("extensions.") not in KNOWN_EXTENSIONS:
            if (key, value) != ("extensions.refstorage", "files"):
                raise ValueError(f"this repository uses {key}, which is not supported here")
        elif key == "user.name":
            name = _UNFIT.sub("", value)[:100].strip()
        elif key == "user.email":
            mail = _UNFIT.sub("", value)[:200].strip()
    if name and mail:
        git.person = (name, mail)
    return plain


def _configuration(plain: Mapping[str, str], scratch: Path, settings: Sequence[str]) -> str:
    """Return our configuration. Each program key that git has a default for is set to do nothing."""
    lines = [
        "[core]",
        "bare = false",
        f'hooksPath = "{scratch}/hooks"',
        "fsmonitor = false",
        "untrackedCache = false",
        "splitIndex = false",
        f"attributesFile = {os.devnull}",
        f"excludesFile = {os.devnull}",
        "pager = cat",
        "editor = false",
        "quotePath = false",
        "fsync = all",
        "[protocol]",
        "allow = never",
        "[gc]",
        "auto = 0",
        "[maintenance]",
        "auto = false",
        "[commit]",
        "gpgSign = false",
        "[push]",
        "gpgSign = false",
        "recurseSubmodules = no",
        "[submodule]",
        "recurse = false",
        "[status]",
        "submoduleSummary = false",
        "[log]",
        "showSignature = false",
        "[credential]",
        "helper =",
        "[http]",
        "followRedirects = false",
        'proxy = ""',
        "sslVerify = true",
    ]
    for key, value in plain.items():
        section, _, name = key.partition(".")
        lines += [f"[{section}]", f"{name} = {value}"]
    if "core.repositoryformatversion" not in plain:
        lines += ["[core]", "repositoryFormatVersion = 0"]
    return "\n".join([*lines, *settings]) + "\n"
