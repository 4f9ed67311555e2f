"""Opening: all of it or nothing, with the place and the fix of what is wrong."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce, PolicyError, TraceError
from nucleus.gate.opening import cannot, narrow, open_principal
from nucleus.gate.peers import process_of
from nucleus.kernel.capability import GIT_PUSH, READ_FILES, level
from tests import world


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, Any]:
    repo = world.repository(tmp_path / "repo")
    return {"profile": "safe_pr_fixer", "workspace": str(repo.clone), "state": str(tmp_path / "state")}


@pytest.fixture
def opening(fields: dict[str, Any]) -> Iterator[Any]:
    found = open_principal(fields, process_of(os.getpid()), 0)
    yield found
    found.writer.close("test")


def test_an_opening_freezes_policy_remotes_and_workspace(opening: Any, fields: dict[str, Any]) -> None:
    assert opening.workspace == fields["workspace"]
    assert opening.policy.profile == "safe_pr_fixer"
    assert list(opening.policy.remotes) == ["origin"]
    assert opening.event.budget == opening.policy.budget.micro_units
    assert opening.level == "cooperative"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profile": "safe_pr_fixr"}, "unknown profile"),
        ({"profile": ""}, "no policy names a profile"),
        ({"policies": ["/no/such/policy.toml"]}, "no such file"),
        ({"workspace": "/no/such/place"}, "not a directory"),
        ({"workspace": "/"}, "whole file system"),
        ({"state": "."}, "inside the workspace"),
    ],
)
def test_what_is_wrong_is_said_and_no_trace_is_begun(
    fields: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    if change == {"state": "."}:
        change = {"state": fields["workspace"] + "/state"}
    with pytest.raises((PolicyError, CannotEnforce), match=message):
        open_principal({**fields, **change}, process_of(os.getpid()), 0)
    assert not list(Path(fields["state"]).glob("traces/*.jsonl"))


def test_narrowing_meets_profile_levels_and_time(opening: Any) -> None:
    policy, event = narrow(opening, opening.policy, {"profile": "read_only", "minutes": 1}, "p", 0)
    assert level(event.authority, GIT_PUSH) == 0
    assert level(event.authority, READ_FILES) == 3
    assert event.deadline == 60 * 10**9
    lower, levels = narrow(opening, policy, {"levels": {"read_files": "low_risk"}}, "p", 0)
    assert level(levels.authority, READ_FILES) == 1
    assert lower.authority == levels.authority, "what judges a call of several capabilities goes by the policy's levels"
    assert lower.digest != policy.digest


@pytest.mark.parametrize("levels", [{"read": "never"}, {"read_files": "sometimes"}, {"read_files": 0}, "never"])
def test_a_level_that_is_none_is_an_error(opening: Any, levels: object) -> None:
    with pytest.raises((PolicyError, TypeError)):
        narrow(opening, opening.policy, {"levels": levels}, "p", 0)


def test_each_error_crosses_to_the_client_with_its_fix() -> None:
    sent = cannot(PolicyError("unknown key", path="p.toml", line=3, fix="did you mean allow?"))
    assert (sent["kind"], sent["path"], sent["line"], sent["fix"]) == (
        "PolicyError",
        "p.toml",
        3,
        "did you mean allow?",
    )
    assert cannot(CannotEnforce("what", why="why", fix="fix"))["fix"] == "fix"
    assert "nothing runs unrecorded" in cannot(TraceError("full"))["fix"]
