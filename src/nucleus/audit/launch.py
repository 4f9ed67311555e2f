"""What a command line starts: a package by a launcher, an image, a shell, a script, a remote.

Nothing is started or looked up; only the words are read.
"""

import re
import shlex
from collections.abc import Sequence
from typing import final

from nucleus.audit.node import Node
from nucleus.lean import dataclass

NPM_LAUNCHERS = frozenset({"npx", "bunx", "pnpx"})
NPM_SUBCOMMANDS = {"npm": {"exec", "x"}, "pnpm": {"dlx", "exec"}, "yarn": {"dlx"}, "bun": {"x"}, "deno": {"run"}}
PYPI_LAUNCHERS = frozenset({"uvx", "pipx"})
CONTAINERS = frozenset({"docker", "podman", "nerdctl"})
SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish", "cmd", "powershell", "pwsh"})
INTERPRETERS = frozenset(
    {"python", "python3", "node", "ruby", "perl", "php", "deno", "bun", "lua", "osascript", "tsx", "ts-node"}
)
_EXE = re.compile(r"\.(?:exe|cmd|bat|ps1)$")
_VERSIONED = re.compile(r"(python|pip|node|ruby|php|perl|lua)\d[\d.]*$")
_EXACT = re.compile(r"v?\d+(?:\.\d+)+(?:[-+.]?[0-9A-Za-z.-]+)?$")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMIT = re.compile(r"@(?:[0-9a-f]{7,40})(?:#.*)?$")
_VALUE_OPTIONS = {
    "npm": {"--package", "-p", "--call", "-c", "--node-options", "--cache", "--registry", "--shell"},
    "pypi": {
        "--from", "--with", "--python", "-p", "--index-url", "--index", "--extra-index-url", "--default-index",
        "--directory", "--project", "--with-editable", "--with-requirements", "--env-file", "--spec", "--pip-args",
        "-i", "-w", "--refresh-package", "--constraints", "-c", "--cache-dir", "--config-file", "--link-mode",
    },
    "container": {
        "-e", "--env", "-v", "--volume", "--mount", "--name", "-p", "--publish", "--network", "--net", "--env-file",
        "-w", "--workdir", "-u", "--user", "--entrypoint", "--add-host", "-h", "--hostname", "-l", "--label", "--memory",  # noqa: E501  one pattern or table row, one line
        "-m", "--cpus", "--platform", "--pull", "--ipc", "--pid", "--userns", "--cap-add", "--cap-drop", "--device",
        "--dns", "--gpus", "--log-driver", "--restart", "--runtime", "--security-opt", "--shm-size", "--tmpfs", "--ulimit",  # noqa: E501  one pattern or table row, one line
        "--group-add", "--volumes-from", "--link", "--expose", "--cidfile", "--uts", "--cgroupns", "-a", "--attach",
    },
}  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Launch:
    """What a command line starts. ``at`` is the word that names it."""

    kind: str
    """``npm`` ``pypi`` ``container`` ``shell`` ``interpreter`` ``program`` ``remote`` or empty."""
    program: str
    """The launcher's base name, lower case, without ``.exe``."""
    target: str = ""
    """Package with version, image with tag, script, shell text or URL."""
    at: Node | None = None
    options: tuple[Node, ...] = ()
    """Words before the target: options of the launcher and their values."""
    rest: tuple[Node, ...] = ()
    """Words behind the target."""


def base_name(word: str) -> str:
    """Return the last component of a program path, lower case, without a Windows suffix or a version."""
    name = _EXE.sub("", re.split(r"[\\/]", word.strip())[-1].lower())
    versioned = _VERSIONED.match(name)
    return versioned[1] if versioned and versioned[1] != "python" else "python3" if versioned else name


def split_words(text: str, node: Node) -> "list[Node]":
    """Return the words of a command line, each standing where ``node`` stands."""
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        words = text.split()
    return [Node(node.kind, word, node.start, node.end) for word in words]


def launch(words: "Sequence[Node]") -> Launch:  # noqa: PLR0911  one return for each kind
    """Return what ``words`` start; wrappers (``env``, ``cmd /c``, ``sudo``, our mediator) are looked through."""
    words = _unwrapped([word for word in words if word.text()])
    if not words:
        return Launch("", "")
    program = base_name(words[0].text())
    rest = words[1:]
    if program in NPM_LAUNCHERS:
        return _package("npm", program, rest)
    if program in NPM_SUBCOMMANDS and rest and rest[0].text() in NPM_SUBCOMMANDS[program]:
        if program == "deno":
            return _interpreter(program, rest[1:], words[0])
        return _package("npm", program, rest[1:])
    if program in PYPI_LAUNCHERS:
        return _package("pypi", program, rest[1:] if rest and rest[0].text() == "run" and program == "pipx" else rest)
    if program == "uv":
        return _uv(rest, words[0])
    if program in CONTAINERS:
        return _container(program, rest, words[0])
    if program in SHELLS:
        return _shell(program, rest, words[0])
    if program in INTERPRETERS:
        return _interpreter(program, rest, words[0])
    return Launch("program", program, words[0].text(), words[0], (), tuple(rest))


def remote_of(found: Launch) -> Node | None:
    """Return the URL that a bridging package (``mcp-remote`` and its kind) is pointed at."""
    if found.kind in {"npm", "pypi"} and re.search(r"remote|proxy|bridge|gateway|connect", found.target):
        for word in found.rest:
            if re.match(r"(?:https?|wss?)://", word.text()):
                return word
    return None


def package_version(found: Launch) -> str | None:
    """Return the exact version that is launched, None where it floats. Git sources count by their commit."""
    target = found.target
    if found.kind == "npm":
        name, _, version = target[1:].partition("@") if target.startswith("@") else target.partition("@")
        return version if name and _EXACT.match(version) else None
    if target.startswith(("git+", "http:", "https:", "github:")):
        commit = _COMMIT.search(target)
        return commit[0][1:] if commit else None
    pinned = re.search(r"(?:==|@)\s*([^\s,;]+)$", target)
    return pinned[1] if pinned and _EXACT.match(pinned[1]) else None


def is_git_source(target: str) -> bool:
    """Whether a package is fetched from a repository instead of a registry."""
    return target.startswith(("git+", "github:", "git@", "git:")) or target.endswith(".git")


def is_local(target: str) -> bool:
    """Whether a package is a path of this machine."""
    return target.startswith((".", "/", "~", "file:", "$")) or re.match(r"[A-Za-z]:[\\/]", target) is not None


def has_digest(image: str) -> bool:
    """Whether an image is named by its content."""
    return _DIGEST.search(image) is not None


def _unwrapped(words: "list[Node]") -> "list[Node]":
    while words:
        program = base_name(words[0].text())
        second = words[1].text().lower() if len(words) > 1 else ""
        if program == "cmd" and second in {"/c", "/k", "/s"}:
            words = words[2:]
        elif program in {"nucleus", "nucleus-runtime"} and _served(words):
            words = _served(words)
        elif program in {
            "env",
            "sudo",
            "nohup",
            "nice",
            "time",
            "exec",
            "command",
            "stdbuf",
            "wsl",
            "caffeinate",
            "dotenv",
        }:
            words = words[1:]
            while words and (words[0].text().startswith("-") or re.match(r"\w+=", words[0].text())):
                words = words[1:]
        elif re.match(r"[A-Za-z_]\w*=", words[0].text()):
            words = words[1:]
        elif program == "timeout":
            words = words[1:]
            while words and re.match(r"-|\d", words[0].text()):
                words = words[1:]
        else:
            return words
    return words


def _served(words: "Sequence[Node]") -> "list[Node]":
    """Return what our own mediator starts, nothing where the words are not its."""
    texts = [word.text() for word in words]
    return list(words[texts.index("--") + 1 :]) if texts[1:3] == ["mcp", "run"] and "--" in texts else []


def _split_options(rest: "Sequence[Node]", valued: "set[str]") -> "tuple[list[Node], list[Node]]":
    """Return launcher options and what stands behind them."""
    at = 0
    while at < len(rest):
        word = rest[at].text()
        if word == "--":
            return list(rest[:at]), list(rest[at + 1 :])
        if not word.startswith("-"):
            break
        at += 2 if word in valued else 1
    return list(rest[:at]), list(rest[at:])


def _package(kind: str, program: str, rest: "Sequence[Node]") -> Launch:
    options, behind = _split_options(rest, _VALUE_OPTIONS[kind])
    for index, word in enumerate(options):
        text = word.text()
        if (
            text in {"--package", "-p", "--from", "--spec"}
            and index + 1 < len(options)
            and not (kind == "pypi" and text == "-p")
        ):
            return Launch(kind, program, options[index + 1].text(), options[index + 1], tuple(options), tuple(behind))
        if text.startswith(("--package=", "--from=", "--spec=")):
            return Launch(kind, program, text.partition("=")[2], word, tuple(options), tuple(behind))
    if not behind:
        return Launch(kind, program, "", None, tuple(options), ())
    return Launch(kind, program, behind[0].text(), behind[0], tuple(options), tuple(behind[1:]))


def _uv(rest: "Sequence[Node]", at: Node) -> Launch:
    options, behind = _split_options(rest, _VALUE_OPTIONS["pypi"])
    word = behind[0].text() if behind else ""
    if word == "tool" and len(behind) > 1 and behind[1].text() == "run":
        return _package("pypi", "uvx", behind[2:])
    if word != "run":
        return Launch("program", "uv", "uv", at, tuple(options), tuple(behind))
    more, behind = _split_options(behind[1:], _VALUE_OPTIONS["pypi"])
    with_package = next(
        (more[i + 1] for i, option in enumerate(more) if option.text() == "--with" and i + 1 < len(more)), None
    )
    if with_package is not None:
        return Launch("pypi", "uv", with_package.text(), with_package, tuple(more), tuple(behind))
    inner = launch(behind)
    if inner.kind in {"interpreter", "shell"}:
        return inner
    script = behind[0] if behind else at
    return Launch("interpreter", "uv", script.text(), script, (*options, *more), tuple(behind[1:]))


def _container(program: str, rest: "Sequence[Node]", at: Node) -> Launch:
    options, behind = _split_options(rest, {"--context", "-H", "--host", "--config", "-c", "-l"})
    if behind and behind[0].text() == "container":
        behind = behind[1:]
    if not behind or behind[0].text() not in {"run", "create"}:
        return Launch("program", program, program, at, tuple(options), tuple(behind))
    more, image = _split_options(behind[1:], _VALUE_OPTIONS["container"])
    if not image:
        return Launch("container", program, "", None, tuple(more), ())
    return Launch("container", program, image[0].text(), image[0], tuple(more), tuple(image[1:]))


def _shell(program: str, rest: "Sequence[Node]", at: Node) -> Launch:
    for index, word in enumerate(rest):
        text = word.text().lower()
        is_text = text in {"/c", "/k", "-command", "-encodedcommand", "-enc"} or re.match(r"-[a-z]*c[a-z]*$", text)
        if is_text and index + 1 < len(rest):
            return Launch(
                "shell",
                program,
                rest[index + 1].text(),
                rest[index + 1],
                tuple(rest[: index + 1]),
                tuple(rest[index + 2 :]),
            )
        if not text.startswith(("-", "/")) or (text.startswith("/") and len(text) > 3):
            return Launch("interpreter", program, word.text(), word, tuple(rest[:index]), tuple(rest[index + 1 :]))
    return Launch("shell", program, "", at, tuple(rest), ())


def _interpreter(program: str, rest: "Sequence[Node]", at: Node) -> Launch:
    for index, word in enumerate(rest):
        text = word.text()
        if text in {"-c", "-e", "--eval", "-p", "--print", "-r"} and index + 1 < len(rest) and program != "deno":
            if text == "-r" and program in {"node", "tsx", "ts-node"}:
                continue
            return Launch(
                "shell",
                program,
                rest[index + 1].text(),
                rest[index + 1],
                tuple(rest[: index + 1]),
                tuple(rest[index + 2 :]),
            )
        if text == "-m" and index + 1 < len(rest):
            return Launch(
                "interpreter",
                program,
                rest[index + 1].text(),
                rest[index + 1],
                tuple(rest[: index + 1]),
                tuple(rest[index + 2 :]),
            )
        if not text.startswith("-"):
            return Launch("interpreter", program, text, word, tuple(rest[:index]), tuple(rest[index + 1 :]))
    return Launch("interpreter", program, "", at, tuple(rest), ())
