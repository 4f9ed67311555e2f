"""Cases that a policy must answer as written: ``nucleus policy test``.

A cases file is TOML::

    version = 1
    [[case]]
    key = "write"                  # a key of the policy language, or "mcp.SERVER"
    allow = ["src/a.py"]           # each must be allowed without a question
    ask = ["setup.py"]
    deny = [".github/workflows/ci.yml"]

Coverage counts the rules and patterns of the owner's files: one is covered if
some case was decided by it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

from nucleus.errors import PolicyError
from nucleus.lean import dataclass
from nucleus.policy.compile import example
from nucleus.policy.constraints import VERDICTS, Scope
from nucleus.policy.document import did_you_mean
from nucleus.policy.lines import lines_of
from nucleus.policy.model import KEYS, UNKNOWN_SERVER, Policy
from nucleus.policy.source import Source


@final
@dataclass(frozen=True, slots=True)
class CaseResult:
    """One value: what was wanted, what the policy says, and why."""

    where: str
    key: str
    value: str
    wanted: str
    got: str
    why: str
    decided: str
    """``file:line`` of the pattern that decided."""

    @property
    def passed(self) -> bool:
        """Whether the policy answers as wanted."""
        return self.wanted == self.got


@final
@dataclass(frozen=True, slots=True)
class Report:
    """All results, and which patterns of the owner's files no case was decided by."""

    results: tuple[CaseResult, ...]
    patterns: int
    uncovered: tuple[Source, ...]

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return all(one.passed for one in self.results)


def run_cases(policy: Policy, data: bytes, path: str) -> Report:
    """Return what the policy says of each case. Raises PolicyError for a file that is none."""
    results = tuple(_results(policy, data, path))
    if not results:
        raise PolicyError("no cases", path=path, line=1, fix='add [[case]] with key = "write" and allow = ["src/a.py"]')
    decided = {(one.decided, one.why) for one in results}
    sources = _sources(policy)
    return Report(results, len(sources), tuple(one for one in sources if (one.where, one.reason) not in decided))


def _results(policy: Policy, data: bytes, path: str) -> Iterator[CaseResult]:
    content, lines = _read(data, path)
    for number, case in enumerate(content["case"]):
        line = lines.get(("case", number), 1)
        scope = _scope(policy, case["key"], path, line)
        for wanted in VERDICTS:
            for nth, text in enumerate(case.get(wanted, ())):
                line = lines.get(("case", number, wanted, nth), line)
                try:
                    judgement = scope.judge(example(scope.kind, text))
                except ValueError as error:
                    raise PolicyError(f"{text!r} is not a {scope.kind.name}: {error}", path=path, line=line) from error
                got = VERDICTS[judgement.scope]
                yield CaseResult(f"{path}:{line}", case["key"], text, wanted, got, judgement.why, judgement.where)


def _read(data: bytes, path: str) -> tuple[dict[str, Any], Mapping[tuple[str | int, ...], int]]:
    """Return the checked content of a cases file, and its lines. Raises PolicyError."""
    try:
        text = data.decode("utf-8")
        content = tomllib.loads(text)
        lines = lines_of(text)
    except RecursionError as error:
        raise PolicyError("nested too deeply", path=path, line=1) from error
    except ValueError as error:
        raise PolicyError(f"not TOML: {error}", path=path, line=1) from error
    for key in content:
        if key not in {"version", "case"}:
            fix = did_you_mean(key, ("version", "case"))
            raise PolicyError(f"unknown key {key!r}", path=path, line=lines.get((key,), 1), fix=fix)
    cases = content.setdefault("case", [])
    if content.get("version") != 1 or type(cases) is not list:
        raise PolicyError("a cases file has version = 1 and [[case]]", path=path, line=1, fix="version = 1")
    for number, case in enumerate(cases):
        _check_case(case, path, lines.get(("case", number), 1))
    return content, lines


def _check_case(case: Any, path: str, line: int) -> None:
    """Check one case. Raises PolicyError."""
    known = ("key", *VERDICTS)
    if type(case) is not dict or type(case.get("key")) is not str:
        raise PolicyError("a case has a key", path=path, line=line, fix='key = "write"')
    for name, value in case.items():
        if name not in known:
            raise PolicyError(f"unknown key {name!r} in a case", path=path, line=line, fix=did_you_mean(name, known))
        good = type(value) is list and value and all(type(one) is str and one for one in value)
        if name != "key" and not good:
            raise PolicyError(f"{name} is a list of texts, not empty", path=path, line=line, fix=f'{name} = ["..."]')


def _scope(policy: Policy, key: str, path: str, line: int) -> Scope:
    """Return the scope that a case speaks of."""
    if key.startswith("mcp."):
        return policy.mcp.get(key.removeprefix("mcp."), UNKNOWN_SERVER).tools
    if key not in KEYS:
        fix = did_you_mean(key, (*KEYS, *(f"mcp.{name}" for name in policy.mcp)))
        raise PolicyError(f"unknown key {key!r}", path=path, line=line, fix=fix)
    return policy.scopes[key]


def _sources(policy: Policy) -> list[Source]:
    """Return the patterns and rules that the owner's files hold, each once."""
    scopes: Final = [*policy.scopes.values(), *(rule.tools for rule in policy.mcp.values())]
    every = (
        source
        for scope in scopes
        for one in scope.sets
        for _, source in one.allow + one.ask + one.deny
        if not source.where.startswith(("profile ", "--"))
    )
    return list({source.where + source.text: source for source in every}.values())
