"""What the tests of the tools share: a workspace, permits, and a client without a gate."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.client import Client, Result
from nucleus.gate.effects import Limits, Outcome, Performer, Permit

NUMBERS = count(1)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


@pytest.fixture
def perform(workspace: Path) -> Callable[..., Outcome]:
    """Return a function that hands a permit for the workspace to a performer."""

    def run(
        performer: Performer,
        kind: str,
        body: bytes = b"",
        *,
        limits: Limits | None = None,
        credential: bytes = b"",
        **args: Any,
    ) -> Outcome:
        permit = Permit(next(NUMBERS), kind, args, str(workspace), limits or Limits(), credential)
        return performer.perform(permit, body)

    return run


class Ungated:
    """A client that allows everything: what a tool does when nothing is refused.

    ``resolved`` stands for the classification: it is laid over the arguments.
    """

    def __init__(self, workspace: Path, performers: Mapping[str, Performer], exposure: int = 1) -> None:
        self.workspace = workspace
        self.performers = performers
        self.exposure = exposure
        self.resolved: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any], bytes, int]] = []

    def mediate(self, kind: str, args: Mapping[str, Any], body: bytes = b"", seen: int = 0) -> Result:
        self.calls.append((kind, dict(args), body, seen))
        laid = {"hidden": [], **args, **self.resolved.get(kind, {})}
        permit = Permit(len(self.calls), kind, laid, str(self.workspace))
        outcome = self.performers[kind.split(".", maxsplit=1)[0]].perform(permit, body)
        if outcome.status == "failed":
            error: type[Exception] = getattr(__import__("builtins"), outcome.value["type"])
            if issubclass(error, OSError):
                raise error(outcome.value["errno"], outcome.value["message"])
            raise error(outcome.value["message"])
        return Result(outcome.value, outcome.body, self.exposure, str(args.get("path", kind)), len(self.calls))


@pytest.fixture
def ungated(workspace: Path) -> Callable[..., Ungated]:
    def make(**performers: Performer) -> Ungated:
        return Ungated(workspace, performers)

    return make


@pytest.fixture
def is_client() -> Callable[[Client], Client]:
    """Return the identity, typed: mypy would refuse a client that is none."""
    return lambda client: client
