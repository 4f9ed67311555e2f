"""The digest is of what a policy means."""

import json

from nucleus.policy.digest import canonical_form, digest_of
from nucleus.policy.model import Policy
from tests.policy.policies import EXAMPLE, layer, policy


def test_every_part_of_the_meaning_changes_the_digest() -> None:
    texts = [
        "[deny]\nread = ['a']",
        "[deny]\nread = ['a/**']",
        "[ask]\nread = ['a']",
        "[allow]\nread = ['a']",
        "[labels]\nsecret = ['a']",
        "[labels]\npublic = ['a']",
        "[mcp.s]\nallow = ['a']",
        "[budget]\ncalls = 3",
        "[capabilities]\nread = 'low_risk'",
        "[remotes.origin]\npublic = true",
        "[otherwise]\nread = 'deny'",
    ]
    digests = {policy(text, profile="read_only").digest for text in texts}
    assert len(digests) == len(texts)


def test_places_and_reasons_do_not_change_it() -> None:
    one: Policy = policy(EXAMPLE)
    other = policy(layer(EXAMPLE.replace("no intranet", "none of this") + "\n# more", path="elsewhere.toml"))
    assert digest_of(one) == one.digest == other.digest


def test_the_canonical_form_is_json() -> None:
    assert json.loads(json.dumps(canonical_form(policy(EXAMPLE))))
