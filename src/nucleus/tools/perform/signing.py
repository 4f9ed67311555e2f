"""Signatures of commits, as the owner's own configuration says: ssh-keygen or gpg, with the owner's key.

Read from the owner's global configuration only, by git with a clean
environment: a repository can name a program in ``gpg.program`` and would be
given every commit, and a place of its choosing to run. Both programs are
asked as git asks them (``Documentation/gitformat-signature.txt``,
ssh-keygen(1) ``-Y sign -n git``, gpg(1) ``-bsa``).
"""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.tools.perform.private_git import SEARCH_PATH, git_program

SECONDS: Final = 120.0
"""How long a signature may take: a person may have to touch a key or type a passphrase."""
ERROR_LIMIT: Final = 300
PASSED: Final = ("SSH_AUTH_SOCK", "GNUPGHOME", "GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "TERM")
"""What the signing programs need of the owner's environment to find an agent, and to ask for a passphrase."""


@final
class OwnerSigner:
    """Signs as the owner's configuration says. Made by ``signer_of``."""

    def __init__(self, settings: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self.mail = settings.get("user.email", "")
        self._format = settings.get("gpg.format", "openpgp")
        self._key = settings.get("user.signingkey", "")
        if self._format not in {"openpgp", "ssh"}:
            raise CannotEnforce(
                f"commits are to be signed in the format {self._format!r}, which is not supported here",
                fix="git config --global gpg.format ssh, or openpgp",
            )
        if self._format == "ssh" and not self._key:
            raise CannotEnforce(
                "commits are to be signed, and no key is named", fix="git config --global user.signingkey"
            )

    def sign(self, content: bytes) -> str:
        """Return the armored signature of ``content``. Raises OSError, TimeoutError."""
        return self._ssh(content) if self._format == "ssh" else self._gpg(content)

    def _ssh(self, content: bytes) -> str:
        program = self._program("gpg.ssh.program", "ssh-keygen")
        literal = self._key.removeprefix("key::")
        with tempfile.TemporaryDirectory(prefix="nucleus-sign-") as made:
            words = [program, "-Y", "sign", "-n", "git"]
            if literal != self._key or literal.startswith(("ssh-", "ecdsa-", "sk-")):
                place = Path(made) / "key.pub"
                place.write_text(literal + "\n")
                place.chmod(0o600)
                words += ["-U", "-f", str(place)]
            else:
                words += ["-f", str(Path(self._key.replace("~", self._environment["HOME"], 1)))]
            message = Path(made) / "message"
            message.write_bytes(content)
            self._run([*words, str(message)], b"", made)
            return (Path(made) / "message.sig").read_text(encoding="ascii")

    def _gpg(self, content: bytes) -> str:
        program = self._program("gpg.openpgp.program", "gpg", "gpg.program")
        return self._run([program, "-bsau", self._key or self.mail], content, "/").decode("ascii")

    def _program(self, *names: str) -> str:
        """Return the program: the owner's choice if it is a path, else by name from the system's directories."""
        default = next(name for name in names if "." not in name)
        chosen = next((self._settings[name] for name in names if name in self._settings), default)
        found = chosen if os.path.isabs(chosen) else shutil.which(chosen, path=SEARCH_PATH)
        if found is None or not os.path.isfile(found):
            raise CannotEnforce(f"commits are to be signed, and {chosen} is not installed", fix=f"install {chosen}")
        return found

    def _run(self, words: list[str], content: bytes, folder: str) -> bytes:
        try:
            done = subprocess.run(
                words,
                input=content,
                capture_output=True,
                timeout=SECONDS,
                cwd=folder,
                env=dict(self._environment),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIMEDOUT, "the signing program did not end in time") from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()[:ERROR_LIMIT]
            raise OSError(errno.EIO, f"the commit could not be signed: {said or 'no reason given'}")
        return done.stdout


def signer_of(home: str, environment: Mapping[str, str]) -> OwnerSigner | None:
    """Return who signs, None where the owner does not. Raises CannotEnforce for what can't be signed with."""
    kept = {name: environment[name] for name in PASSED if name in environment}
    clean = {**kept, "HOME": home, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8"}
    asked = {**clean, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": os.devnull}
    if environment.get("XDG_CONFIG_HOME", "").startswith("/"):
        asked["XDG_CONFIG_HOME"] = environment["XDG_CONFIG_HOME"]
    words = [git_program(), "config", "--global", "--includes", "--null", "--list"]
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, cwd="/", env=asked, check=False)
    settings = {}
    for entry in done.stdout.decode("utf-8", "replace").split("\0"):
        key, line, value = entry.partition("\n")
        settings[key] = value if line else "true"
    wanted = settings.get("commit.gpgsign", "").lower() in {"true", "yes", "on", "1"}
    return OwnerSigner(settings, clean) if wanted else None
