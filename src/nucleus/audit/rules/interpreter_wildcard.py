"""A permission rule lets an interpreter, launcher or shell run with any arguments.

## Why

`python *`, `node *`, `npx *` and `docker run *` run any code there is: the rule reads like one program and means
all of them. `find`, `xargs`, `awk` and `make` start other programs too.

## Example

```json
{ "permissions": { "allow": ["Bash(python3:*)"] } }
```

## Fix

Name the script: `Bash(python3 scripts/check.py *)`, `Bash(npx tsc --noEmit)`. `--fix --unsafe-fixes` takes the rule
out.

## Limits

A named script can be edited by the agent before it is run; keep it out of the writable paths.
"""

import re
from collections.abc import Iterator

from nucleus.audit.launch import INTERPRETERS, NPM_LAUNCHERS, PYPI_LAUNCHERS, SHELLS
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, SHELL, Grant
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import allows_everything, without

RULE = Rule("interpreter-wildcard", "an interpreter or launcher with any arguments", Severity.HIGH, Confidence.HIGH)
_RUNS_ALL = SHELLS | INTERPRETERS | NPM_LAUNCHERS | PYPI_LAUNCHERS | {
    "uv", "docker", "podman", "docker-compose", "ssh", "eval", "source", "sudo", "doas", "env", "xargs", "wsl", "nix", "mise",  # noqa: E501  one pattern or table row, one line
    "devcontainer", "tmux", "screen", "parallel", "watch", "expect", "nohup", "setsid", "at", "crontab",
    "claude", "codex", "gemini", "aider", "opencode", "cursor-agent", "ipython", "osascript", "start", "invoke-expression", "iex", "start-process",  # noqa: E501  one pattern or table row, one line
}  # fmt: skip
_STARTS_OTHERS = frozenset(
    {
        "find",
        "awk",
        "gawk",
        "make",
        "just",
        "git",
        "sed",
        "perl",
        "vim",
        "vi",
        "ed",
        "tar",
        "rsync",
        "npm",
        "yarn",
        "pnpm",
        "bun",
        "task",
        "gdb",
        "go",
        "cargo",
        "java",
        "dotnet",
        "gradle",
        "mvn",
        "poetry",
        "pipenv",
        "conda",
        "bundle",
        "kubectl",
        "railway",
        "heroku",
        "time",
        "timeout",
    }
)
_RUN_WORDS = {
    "npm": {"exec", "x"}, "pnpm": {"dlx", "exec"}, "yarn": {"dlx", "exec"}, "bun": {"x", "run"}, "uv": {"run", "tool"}, "poetry": {"run"},  # noqa: E501  one pattern or table row, one line
    "pipenv": {"run"}, "docker": {"run", "exec", "compose"}, "docker-compose": {"exec", "run"}, "podman": {"run", "exec"}, "kubectl": {"exec", "run", "apply"},  # noqa: E501  one pattern or table row, one line
    "pipx": {"run"}, "conda": {"run"}, "bundle": {"exec"}, "deno": {"run", "eval"}, "go": {"run"}, "cargo": {"run"}, "dotnet": {"run", "script"},  # noqa: E501  one pattern or table row, one line
    "mise": {"exec", "x"}, "nix": {"run", "shell", "develop"}, "devcontainer": {"exec"}, "gh": {"extension", "alias"}, "railway": {"run"},  # noqa: E501  one pattern or table row, one line
}  # fmt: skip
_TEXT_OPTION = re.compile(
    r"-[a-zA-Z]*[cer]$|--(?:eval|exec|print|command)$|-[cC]ommand$|-EncodedCommand$|-exec(?:dir)?$"
)
_PLAIN_FINDERS = frozenset({"find", "awk", "gawk", "sed", "tar", "git", "time", "timeout"})


def severity_of(grant: Grant) -> Severity | None:
    """Return how much code a shell rule admits: HIGH any, MEDIUM by way of another program, None only what it names."""
    words = grant.words()
    if not words or not grant.open_ended():
        return None
    verb, rest = grant.verb(), words[1:]
    if not rest:
        return (
            Severity.HIGH
            if verb in _RUNS_ALL
            else Severity.LOW
            if verb in _PLAIN_FINDERS
            else Severity.MEDIUM
            if verb in _STARTS_OTHERS
            else None
        )
    if _TEXT_OPTION.match(rest[-1]) and (verb in SHELLS | INTERPRETERS or rest[-1].startswith(("-exec", "--exec"))):
        return Severity.HIGH
    inner = _RUN_WORDS.get(verb)
    if inner is not None and rest[0] in inner and all(word.startswith("-") for word in rest[1:]):
        return Severity.HIGH
    if verb in SHELLS | INTERPRETERS and all(word.startswith("-") for word in rest):
        return Severity.HIGH
    return None


def check(project: Project) -> Iterator[Finding]:
    """Yield shell rules that admit any code by way of a program that runs others."""
    for grant in project.grants:
        if grant.action != ALLOW or grant.tool != SHELL or allows_everything(grant):
            continue
        severity = severity_of(grant)
        if severity is None:
            continue
        what = (
            "runs any code without a question"
            if severity == Severity.HIGH
            else "can start other programs without a question"
        )
        yield RULE.at(
            grant.source,
            grant.node.start,
            grant.node.end,
            f"'{grant.text}' {what}; name the script or the arguments",
            subject=grant.text,
            severity=severity,
            fix=without(grant, "take the rule out"),
        )
