"""The schema for editors says what the loader says."""

import tomllib
from typing import Any

import jsonschema
import pytest

from nucleus.errors import PolicyError
from nucleus.policy.document import read_document
from nucleus.policy.model import KEYS
from nucleus.policy.schema import CAPABILITIES, GROUPS, PREDICATES, PROFILE, json_schema

GOOD = [
    "version = 1",
    'version = 1\nprofile = "read_only"\n[allow]\nports = [80, "90-91"]\n[capabilities]\npublish = "never"',
    'version = 1\n[[rule]]\nwhen = "fetch"\nhost = "*.internal"\nthen = "deny"\nmatch = ["https://a.internal/"]',
    'version = 1\n[[rule]]\nwhen = "fetch"\nhost = ["a", "b"]\nthen = "ask"',
    'version = 1\n[mcp.github]\nallow = ["a"]\n[remotes.origin]\nurl = "x"\npublic = true\n[budget]\nusd = 1.5',
]
BAD = [
    "version = 1\nprofle = 'x'",
    "version = 1\n[allow]\nwrite = []",
    "version = 1\n[allow]\nwrite = 'a'",
    "version = 1\n[[rule]]\nwhen = 'fetch'",
    "version = 1\n[budget]\nminutes = 0",
    "version = 1\n[capabilities]\nread = 'maybe'",
    "version = 1\n[mcp.x]\nallow = ['a']\nallows = ['b']",
    "profile = 'read_only'",
]


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize("text", GOOD)
def test_what_the_loader_takes_the_schema_takes(validator: Any, text: str) -> None:
    read_document(text.encode(), "f")
    assert validator.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", BAD)
def test_what_the_loader_refuses_for_its_form_the_schema_refuses(validator: Any, text: str) -> None:
    with pytest.raises(PolicyError):
        read_document(text.encode(), "f")
    assert not validator.is_valid(tomllib.loads(text))


def test_every_predicate_speaks_of_a_key() -> None:
    assert {key for names in PREDICATES.values() for key in names.values()} <= set(KEYS)


def test_groups_cover_each_capability_once() -> None:
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(CAPABILITIES)


def test_a_profile_names_no_other_profile() -> None:
    assert not {"profile", "mcp"} & set(PROFILE.keys)
