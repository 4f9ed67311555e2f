"""A principal in a box: what is hidden, what a policy denies by name, and the exposure at the beginning."""

import os
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.contained import NO_COMMANDS, in_a_box
from nucleus.gate.opening import open_principal, plan
from nucleus.gate.peers import process_of
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.policy.context import Context
from tests import world

LAYERS = {"network": "none but loopback"}
PLAIN = {"secrets": False}


ALLOW = {"read": ["/srv/data", "/srv/data/**"]}


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, Any]:
    repo = world.repository(tmp_path / "repo")
    return {"profile": "local_dev", "workspace": str(repo.clone), "state": str(tmp_path / "state"), "shown": PLAIN}


def _opened(fields: dict[str, Any], **more: Any) -> Any:
    planned = plan(fields)
    asked = {**fields, "planned": planned["digest"], "containment": LAYERS, **more}
    opening = open_principal(asked, process_of(os.getpid()), 0)
    opening.writer.close("test")
    return opening


def _policy(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text('version = 1\nprofile = "local_dev"\n' + text)
    return str(path)


def test_a_box_s_principal_is_contained_and_begins_with_what_is_visible(fields: dict[str, Any]) -> None:
    opening = _opened(fields)
    assert opening.level == "contained"
    assert opening.event.exposure == PRIVATE


@pytest.mark.parametrize(
    ("shown", "adds"),
    [
        ({**PLAIN, "read": ["/srv/data"]}, FOREIGN | UNTRUSTED),
        ({**PLAIN, "read": ["/srv/data/id_rsa"]}, FOREIGN | UNTRUSTED | SECRET),
        ({"secrets": True}, SECRET),
        ({}, SECRET),
    ],
)
def test_what_is_let_in_beside_the_workspace_counts(fields: dict[str, Any], shown: dict[str, Any], adds: int) -> None:
    assert _opened({**fields, "shown": shown, "allow": ALLOW}).event.exposure == PRIVATE | adds


def test_labels_of_the_visible_tree_count(fields: dict[str, Any], tmp_path: Path) -> None:
    named = {"policies": [_policy(tmp_path, '[labels]\nuntrusted = ["vendor/**"]\n')]}
    assert _opened({**fields, **named}).event.exposure == PRIVATE | UNTRUSTED


def test_what_the_policy_denies_is_to_be_hidden_and_git_s_storage_is_not(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    named = {"policies": [_policy(tmp_path, '[deny]\nread = ["secrets/**"]\n')]}
    hidden, *only = plan({**fields, **named})["veil"]
    assert only == []
    assert "secrets/**" in hidden
    assert not [pattern for pattern in hidden if ".git" in pattern]


def test_a_policy_that_denies_by_name_stands_against_the_option(fields: dict[str, Any], tmp_path: Path) -> None:
    named = {"policies": [_policy(tmp_path, '[deny]\nenv = ["AWS_*"]\nports = ["5432"]\n')]}
    with pytest.raises(CannotEnforce, match=r"--allow-env AWS_KEY goes against the policy") as caught:
        plan({**fields, **named, "shown": {"env": ["AWS_KEY"]}, "allow": {"env": ["AWS_KEY"]}})
    assert "mine.toml" in caught.value.fix
    with pytest.raises(CannotEnforce, match="--allow-local-port 5432"):
        plan({**fields, **named, "shown": {"ports": ["5432"]}, "allow": {"ports": ["5432"]}})
    given = {"env": ["CI"], "ports": ["8080"]}
    plan({**fields, **named, "shown": given, "allow": given})


def test_a_policy_that_changed_while_the_box_was_made_opens_nothing(fields: dict[str, Any], tmp_path: Path) -> None:
    named = {**fields, "policies": [_policy(tmp_path, '[deny]\nread = ["secrets/**"]\n')]}
    planned = plan(named)
    _policy(tmp_path, '[deny]\nread = ["secrets/**", "more/**"]\n')
    with pytest.raises(CannotEnforce, match="the policy changed"):
        open_principal({**named, "planned": planned["digest"], "containment": LAYERS}, process_of(os.getpid()), 0)
    assert not list(Path(fields["state"]).glob("traces/*.jsonl"))


def test_a_profile_without_commands_says_what_that_means_in_a_box(fields: dict[str, Any]) -> None:
    assert NO_COMMANDS in plan({**fields, "profile": "read_only"})["notes"]
    assert NO_COMMANDS not in plan(fields)["notes"]


def test_a_profile_that_masks_the_rest_begins_with_nothing_seen(fields: dict[str, Any]) -> None:
    masked = {**fields, "profile": "research_web"}
    assert plan(masked)["veil"][1:] == [["notes", "notes/**"]]
    assert _opened(masked).event.exposure == 0


def test_a_secret_that_is_let_in_beside_them_counts(fields: dict[str, Any]) -> None:
    masked = {**fields, "profile": "research_web", "shown": {"secrets": True}}
    assert _opened(masked).event.exposure == PRIVATE | SECRET


def test_what_is_shown_and_not_public_is_seen(fields: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "more.toml"
    path.write_text('version = 1\nprofile = "research_web"\n[allow]\nread = ["notes/**", "src/**"]\n')
    named = {**fields, "profile": "", "policies": [str(path)]}
    assert _opened(named).event.exposure == PRIVATE


def test_a_box_that_says_what_it_does_not_give_vouches_for_nothing(fields: dict[str, Any]) -> None:
    """Commands in it are judged as opaque ones, and its exposure begins with what those could have seen."""
    context = Context("/w", "/h")
    assert in_a_box(context, LAYERS).attested
    less = in_a_box(context, {**LAYERS, "not given": "no transaction"})
    assert (less.attested, less.hides_secrets) == (False, False)
    opening = _opened(fields, containment={**LAYERS, "not given": "no transaction"})
    assert opening.event.exposure & UNTRUSTED
