"""Commands as words: what may be split without a shell, and what a command hints at.

Nothing here holds an attacker back; a box does. Text is a hint that can only
ask or explain: a command that needs the network, an account elsewhere or more
power than a box gives would fail inside, and its intent is worth a question.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

WORDS_LIMIT: Final = 4096
"""Words of one command."""
LENGTH_LIMIT: Final = 128 * 1024
"""Bytes of one word (Linux MAX_ARG_STRLEN)."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:=,@%+-]+(?: +[A-Za-z0-9_./:=,@%+-]+)*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_LOOPBACK: Final = re.compile(r"(?:https?://)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:[/?][^@]*)?")
_SHELLS: Final = frozenset(
    (
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "mksh",
        "fish",
        "csh",
        "tcsh",
        "ash",
        "busybox",
        "nu",
        "cmd",
        "powershell",
        "pwsh",
    )
)
_WRAPPERS: Final = frozenset(
    ("time", "timeout", "nice", "nohup", "stdbuf", "setsid", "xargs", "command", "exec", "ionice")
)
_REASONS: Final = {
    "network": "is for the network, which commands don't have",
    "outside": "acts on an account outside of the workspace",
    "power": "needs more power than a command has, or shows what is not the workspace's",
}
_TAKE_ONE: Final = frozenset(("-C", "-c", "--git-dir", "--work-tree", "--prefix", "--cwd", "--dir", "--directory"))
"""Options before a verb whose value is a word of its own."""
_VERBS: Final = {
    "publish": "publishes; the gate does that",
    "steering": "changes where later commands go",
}


def plain_words(text: str) -> list[str] | None:
    """Return the words of a command line that every shell reads alike, None if there is any doubt.

    Letters, digits and ``_ . / : = , @ % + -`` between single spaces. No quoting, expansion, comment,
    redirection, assignment, home directory or line break.
    """
    text = text.strip(" ")
    if len(text) > LENGTH_LIMIT or not _PLAIN.fullmatch(text):
        return None
    words = text.split()
    return None if _ASSIGNMENT.match(words[0]) else words


def hint(argv: Sequence[str]) -> str:
    """Return why a person may want to see this command first, empty if there is nothing to say."""
    lists = _lists()
    program, rest = _program(argv)
    if program in _SHELLS:
        return _shell_hint(rest)
    for name, reason in _REASONS.items():
        if program in lists[name] and not (name == "network" and _stays_here(rest)):
            return f"{program} {reason}"
    said = [
        word.lower()
        for before, word in zip(["", *rest], rest, strict=False)
        if word[:1] != "-" and before not in _TAKE_ONE
    ] or list(rest)
    for name, reason in _VERBS.items():
        for verb in lists[name]:
            if verb[0] == program and said[: len(verb) - 1] == verb[1:]:
                return f"{' '.join(verb)} {reason}"
    return _reach_hint(program, rest)


def _program(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the program that is really run, and its words."""
    words = list(argv)
    while words:
        name = words[0].rpartition("/")[2].lower().removesuffix(".exe")
        if name == "env":
            rest = [word for at, word in enumerate(words[1:], 1) if not all(map(_sets, words[1 : at + 1]))]
            if not rest:
                return name, words[1:]
            words = rest
            continue
        if name not in _WRAPPERS:
            return name, words[1:]
        words = words[1:]
        while words and (words[0].startswith("-") or words[0][:1].isdigit()):
            words = words[1:]
    return "", []


def _stays_here(rest: Sequence[str]) -> bool:
    """Whether every address among the words is loopback: a service inside the same box."""
    places = [word for word in rest if not word.startswith("-") and ("://" in word or "." in word or ":" in word)]
    return bool(places) and all(_LOOPBACK.fullmatch(word) for word in places)


def _sets(word: str) -> bool:
    """Whether a word after ``env`` is an option or sets a variable."""
    return word.startswith("-") or _ASSIGNMENT.match(word) is not None


def _shell_hint(rest: Sequence[str]) -> str:
    """Return what a shell would run, as far as plain words say it."""
    for at, word in enumerate(rest):
        if re.fullmatch(r"-[a-z]*c|/c|-command|-encodedcommand", word.lower()):
            words = plain_words(rest[at + 1]) if at + 1 < len(rest) else None
            return hint(words) if words else "a shell runs text that is not plain words"
    return "" if rest else "a shell reads its commands from its input"


def _reach_hint(program: str, rest: Sequence[str]) -> str:
    """Return a hint for a command that changes files by a name outside of the workspace."""
    if program in {"rm", "rmdir", "unlink", "mv", "chmod", "chown", "ln", "tee", "truncate", "install", "rsync", "cp"}:
        odd = next((word for word in rest if word.startswith(("/", "~")) or ".." in word.split("/")), "")
        return f"{program} names {odd}, outside of the workspace" if odd else ""
    return ""


@cache
def _lists() -> dict[str, Any]:
    """Read the data, once."""
    text = Path(__file__).with_name("commands.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {name: frozenset(one) if isinstance(one[0], str) else one for name, one in tables.items()}


_LOADED: Final = _lists()
"""Read before a privileged process freezes its imports."""
