"""A proof is good for one token, one verifier, one challenge, one key."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import TokenError
from nucleus.tokens.holder import challenge, prove, verify_proof
from tests.tokens.made import raw

KEY = Ed25519PrivateKey.generate()


def test_the_holder_proves_its_key() -> None:
    asked = challenge("api")
    verify_proof(b"token", raw(KEY), asked, prove(b"token", KEY, asked))


def test_a_challenge_is_new_each_time_and_has_a_proper_name() -> None:
    assert challenge("api").nonce != challenge("api").nonce
    with pytest.raises(TokenError) as refused:
        challenge("not a name")
    assert refused.value.code == "audience"


@pytest.mark.parametrize("changed", ["token", "holder", "audience", "nonce", "proof", "short nonce", "no key"])
def test_a_proof_for_anything_else_is_none(changed: str) -> None:
    asked = challenge("api")
    token, holder, proof, shown = b"token", raw(KEY), prove(b"token", KEY, asked), asked
    match changed:
        case "token":
            token = b"token with a block more"
        case "holder":
            holder = raw(Ed25519PrivateKey.generate())
        case "audience":
            shown = replace(asked, audience="mirror")
        case "nonce":
            shown = challenge("api")
        case "short nonce":
            shown = replace(asked, nonce=b"")
        case "no key":
            holder = b"none"
        case _:
            proof = proof[:-1]
    with pytest.raises(TokenError) as refused:
        verify_proof(token, holder, shown, proof)
    assert refused.value.code == "holder"
