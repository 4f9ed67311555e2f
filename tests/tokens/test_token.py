"""Tokens under attack. Each defence is also switched off, and then the attack succeeds."""

import sys
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import CannotEnforce, TokenError
from nucleus.kernel.capability import EVERYTHING
from nucleus.tokens import token
from nucleus.tokens.block import Block, write
from nucleus.tokens.grant import Bounds, bounds_of
from nucleus.tokens.holder import challenge
from tests.tokens.made import NOW, PROGRAM, PUSH, READ, Scene, appended, by, decoded, encoded, raw, signed

SCENE = Scene()


def refused(text: str, *, scene: Scene = SCENE, **presented: Any) -> str:
    """Return the code of the refusal of a token that somebody presents."""
    with pytest.raises(TokenError) as error:
        scene.present(text, **presented)
    return error.value.code


# What a token is for ---------------------------------------------------------------------------------------


def test_a_token_gives_what_its_root_said_to_its_holder() -> None:
    grant = SCENE.present(SCENE.mint())
    assert grant.bounds == Bounds(READ | PUSH, 500, 0, NOW + 100, frozenset({"api", "mirror"}), 4, raw(SCENE.first), ())
    assert (grant.root, len(grant.revocation_ids)) == ("owner", 1)


def test_each_block_takes_away_and_the_rest_stays() -> None:
    text = SCENE.less(SCENE.mint(), authority=READ, exposure=3, limits=frozenset({("read", "docs/**")}))
    text = SCENE.less(text, budget=20, expires=NOW + 5, audience=frozenset({"api"}))
    bounds = SCENE.present(text).bounds
    assert (bounds.authority, bounds.budget, bounds.expires, bounds.exposure) == (READ, 20, NOW + 5, 3)
    assert bounds.audience == {"api"}
    assert bounds.limits == (frozenset({("read", "docs/**")}),)
    assert bounds.depth == 2


def test_a_token_is_handed_on_by_its_holder_alone() -> None:
    text = SCENE.handed(SCENE.mint())
    assert SCENE.present(text, SCENE.second).bounds.holder == raw(SCENE.second)
    assert refused(text, key=SCENE.first) == "holder"
    with pytest.raises(TokenError, match="holder"):
        token.attenuate(SCENE.mint(), Block(holder=raw(SCENE.thief)), SCENE.roots, SCENE.thief)
    with pytest.raises(TokenError, match="holder"):
        token.attenuate(SCENE.mint(), Block(holder=raw(SCENE.thief)), SCENE.roots)


def test_a_root_is_trusted_for_at_most_what_the_caller_says() -> None:
    roots = [token.Root("tester", raw(SCENE.root), READ)]
    assert SCENE.present(SCENE.mint(authority=EVERYTHING), roots=roots).bounds.authority == READ


def test_the_root_that_signed_is_found_among_several() -> None:
    roots = [token.Root("other", raw(SCENE.thief)), *SCENE.roots]
    assert SCENE.present(SCENE.mint(), roots=roots).root == "owner"


def test_a_sealed_token_is_used_by_its_holder_and_grows_no_more() -> None:
    text = token.seal(SCENE.handed(SCENE.less(SCENE.mint(), authority=READ)), SCENE.roots)
    assert SCENE.present(text, SCENE.second).bounds.authority == READ
    assert refused(text, key=SCENE.first) == "holder"
    assert token.inspect(text).blocks[1] == Block(authority=READ)
    with pytest.raises(PROGRAM.BiscuitBuildError, match="sealed"):
        appended(text, SCENE.roots, write(Block(budget=1)))
    with pytest.raises(TokenError) as error:
        SCENE.less(text, budget=1)
    assert error.value.code == "depth"
    with pytest.raises(TokenError) as error:
        token.seal(text, SCENE.roots)
    assert error.value.code == "depth"


def test_a_seal_is_not_broken_by_cutting_or_another_tokens_proof() -> None:
    """The last signature covers the last block: what is left without it has no proof that fits."""
    before = SCENE.less(SCENE.mint(), authority=READ)
    pieces = parts(token.seal(before, SCENE.roots))
    assert refused(encoded(b"".join([pieces[0], pieces[2]]))) == "untrusted"
    other = parts(SCENE.mint())
    assert refused(encoded(b"".join([*pieces[:-1], other[-1]]))) == "untrusted"


def test_a_token_of_a_root_that_is_not_trusted_is_not_sealed() -> None:
    with pytest.raises(TokenError) as error:
        token.seal(token.mint(SCENE.thief, SCENE.block()), SCENE.roots)
    assert error.value.code == "untrusted"


def test_inspect_shows_what_is_said_and_believes_nothing() -> None:
    scene = Scene()
    text = scene.less(scene.mint(), authority=READ)
    found = token.inspect(text)
    assert found.blocks == (scene.block(), Block(authority=READ))
    assert found.revocation_ids == scene.present(text).revocation_ids
    forged = token.mint(scene.thief, scene.block(authority=EVERYTHING))
    assert token.inspect(forged).blocks[0].authority == EVERYTHING
    assert refused(forged, scene=scene) == "untrusted"


def test_a_first_block_that_leaves_a_bound_open_is_not_minted() -> None:
    with pytest.raises(TokenError, match="names authority"):
        token.mint(SCENE.root, Block(authority=READ))


def test_without_the_library_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "biscuit_auth", None)
    with pytest.raises(CannotEnforce) as missing:
        SCENE.mint()
    assert "nucleus-runtime[tokens]" in missing.value.fix


# Attacks ---------------------------------------------------------------------------------------------------


def test_a_forged_root_gives_nothing() -> None:
    """The token is right in itself, and names its root in the hint that Biscuit has for that: nobody looks."""
    forged = token.mint(SCENE.thief, SCENE.block(authority=EVERYTHING))
    assert refused(forged) == "untrusted"
    key = PROGRAM.PrivateKey.from_bytes(SCENE.thief.private_bytes_raw(), PROGRAM.Algorithm.Ed25519)
    builder = PROGRAM.BiscuitBuilder(write(SCENE.block(authority=EVERYTHING)))
    builder.set_root_key_id(0)
    assert refused(str(builder.build(key).to_base64())) == "untrusted"


def test_whoever_believes_any_root_believes_the_forger() -> None:
    """The defence switched off: the roots come from the token's sender."""
    forged = token.mint(SCENE.thief, SCENE.block(authority=EVERYTHING))
    assert SCENE.present(forged, roots=[token.Root("me", raw(SCENE.thief))]).bounds.authority == EVERYTHING


def test_no_root_trusted_means_no_token_believed() -> None:
    assert refused(SCENE.mint(), roots=[]) == "untrusted"


def test_a_root_key_hint_is_refused_even_where_the_signature_is_right() -> None:
    """It is not signed: two tokens that differ in it are one to the signature and two to a digest."""
    key = PROGRAM.PrivateKey.from_bytes(SCENE.root.private_bytes_raw(), PROGRAM.Algorithm.Ed25519)
    builder = PROGRAM.BiscuitBuilder(write(SCENE.block()))
    builder.set_root_key_id(7)
    assert refused(str(builder.build(key).to_base64())) == "malformed"


def parts(text: str) -> list[bytes]:
    """Return the outermost parts of a token, as they stand in it."""
    data, place, found = decoded(text), 0, []
    while place < len(data):
        start, size, shift = place, 0, 0
        place += 1
        while True:
            byte = data[place]
            size, shift, place = size | (byte & 0x7F) << shift, shift + 7, place + 1
            if byte < 0x80:
                break
        place += size
        found.append(data[start:place])
    return found


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 2, 3), (0, 1, 3), (1, 2, 3), (0, 1, 1, 2, 3), (0, 1, 2)])
def test_blocks_can_not_be_swapped_left_out_or_repeated(order: tuple[int, ...]) -> None:
    text = SCENE.less(SCENE.less(SCENE.mint(), authority=READ), budget=1)
    pieces = parts(text)
    assert refused(encoded(b"".join(pieces[place] for place in order))) in {"untrusted", "malformed"}


def test_a_block_of_another_token_does_not_fit() -> None:
    """Also not one that the holder signed, which is what makes a token out to somebody else."""
    poor, rich = SCENE.handed(SCENE.mint(authority=READ)), SCENE.mint(authority=READ | PUSH)
    spliced = parts(rich)[:1] + parts(poor)[1:]
    assert refused(encoded(b"".join(spliced)), key=SCENE.second) == "untrusted"


def test_a_block_that_widens_changes_nothing() -> None:
    text = SCENE.less(SCENE.mint(authority=READ, budget=10), authority=EVERYTHING, budget=10**6, expires=NOW + 10**6)
    text = SCENE.less(text, audience=frozenset({"api", "other"}), depth=15)
    bounds = SCENE.present(text).bounds
    assert (bounds.authority, bounds.budget, bounds.expires, bounds.depth) == (READ, 10, NOW + 100, 2)
    assert bounds.audience == {"api"}


def test_where_the_last_block_wins_it_widens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: no meet. Then Biscuit's authorizer still says no, and with that off too, it passes."""

    def last(blocks: list[Block], signers: list[bytes]) -> Bounds:
        met = bounds_of(blocks, signers)
        return replace(met, authority=blocks[-1].authority or met.authority)

    text = SCENE.less(SCENE.mint(authority=READ), authority=EVERYTHING)
    monkeypatch.setattr(token, "bounds_of", last)
    assert refused(text) == "dispute"
    monkeypatch.setattr(token, "_agreed", lambda *_: None)
    assert SCENE.present(text).bounds.authority == EVERYTHING


def test_an_audience_that_is_not_named_gets_nothing() -> None:
    text = SCENE.mint()
    for name in ("other", "ap", "apis"):
        asked = challenge(name)
        assert refused(text, asked=asked) == "audience"
    assert refused(SCENE.less(text, audience=frozenset({"mirror"}))) == "audience"
    assert (
        refused(SCENE.less(SCENE.less(text, audience=frozenset({"mirror"})), audience=frozenset({"api"}))) == "audience"
    )


def test_a_proof_that_another_verifier_got_is_no_use_here() -> None:
    """``mirror`` is in the audience too, got a proof, and presents token and proof to ``api``."""
    text, overheard = SCENE.mint(), challenge("mirror")
    proof = token.answer(text, SCENE.first, overheard)
    assert refused(text, proof=proof) == "holder"
    assert refused(text, asked=replace(overheard, audience="api"), proof=proof) == "holder"


def test_a_proof_is_not_good_a_second_time_nor_for_a_longer_token() -> None:
    text, asked = SCENE.mint(), challenge("api")
    proof = token.answer(text, SCENE.first, asked)
    assert SCENE.present(text, asked=asked, proof=proof).root == "owner"
    assert refused(text, proof=proof) == "holder"
    assert refused(SCENE.less(text, budget=1), asked=asked, proof=proof) == "holder"


def test_a_stolen_token_is_no_use_to_the_thief() -> None:
    text = SCENE.mint()
    assert refused(text, key=SCENE.thief) == "holder"
    mine = write(Block(holder=raw(SCENE.thief)))
    assert refused(appended(text, SCENE.roots, mine), key=SCENE.thief) == "holder"
    assert refused(by(SCENE.thief, text, SCENE.roots, mine), key=SCENE.thief) == "holder"


def test_a_bearer_token_is_the_thiefs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: without a proof, whoever has the token can use it."""
    monkeypatch.setattr(token, "verify_proof", lambda *_: None)
    assert SCENE.present(SCENE.mint(), SCENE.thief).bounds.authority == READ | PUSH


def test_where_any_block_may_name_the_holder_the_thief_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: the last holder named counts, whoever signed."""
    text = appended(SCENE.mint(), SCENE.roots, write(Block(holder=raw(SCENE.thief))))
    monkeypatch.setattr("nucleus.tokens.grant._holder", lambda before, block, _: block.holder or before)
    assert SCENE.present(text, SCENE.thief).bounds.holder == raw(SCENE.thief)


def test_a_third_partys_block_says_nothing_here() -> None:
    """Biscuit lets anybody sign a block; only the holder's signature means something, and only to hand on."""
    some = write(Block(budget=1))
    assert refused(by(SCENE.thief, SCENE.mint(), SCENE.roots, some)) == "holder"
    assert refused(by(SCENE.first, SCENE.mint(), SCENE.roots, some)) == "holder"


def test_a_third_party_with_a_key_of_another_kind_is_refused() -> None:
    public = PROGRAM.PublicKey.from_bytes(raw(SCENE.root), PROGRAM.Algorithm.Ed25519)
    opened = PROGRAM.Biscuit.from_base64(SCENE.mint(), public)
    pair = PROGRAM.KeyPair.from_private_key(PROGRAM.PrivateKey.from_bytes(bytes([1] * 32), PROGRAM.Algorithm.Secp256r1))
    block = opened.third_party_request().create_block(
        pair.private_key, PROGRAM.BlockBuilder(write(Block(holder=raw(SCENE.thief))))
    )
    assert refused(str(opened.append_third_party(pair.public_key, block).to_base64())) == "holder"


def test_an_expired_token_gives_nothing_from_the_first_second_on() -> None:
    text = SCENE.mint()
    assert SCENE.present(text, now=NOW + 99).root == "owner"
    assert refused(text, now=NOW + 100) == "expired"
    assert refused(SCENE.less(text, expires=NOW), now=NOW) == "expired"


def test_with_a_clock_that_stands_still_nothing_expires() -> None:
    """The defence switched off: the caller's clock is all there is."""
    assert SCENE.present(SCENE.mint(), now=0).root == "owner"


def test_a_token_of_depth_nothing_takes_no_block() -> None:
    text = SCENE.mint(depth=0)
    with pytest.raises(TokenError) as error:
        SCENE.less(text, budget=1)
    assert error.value.code == "depth"
    assert refused(appended(text, SCENE.roots, write(Block(budget=1)))) == "depth"
    sealed = SCENE.less(SCENE.mint(), depth=0)
    assert refused(appended(sealed, SCENE.roots, write(Block(budget=1, depth=9)))) == "depth"


def test_more_blocks_than_any_depth_allows_are_refused_unread() -> None:
    text = SCENE.mint(depth=15)
    for _ in range(16):
        text = appended(text, SCENE.roots, "anything(1);")
    assert refused(text) == "depth"


def test_without_counting_a_chain_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: Biscuit itself knows no depth."""
    text = appended(SCENE.mint(depth=0), SCENE.roots, write(Block(budget=1)))
    monkeypatch.setattr(token, "bounds_of", lambda blocks, signers: bounds_of(blocks[:1], signers[:1]))
    monkeypatch.setattr(token, "_agreed", lambda *_: None)
    assert SCENE.present(text).bounds.budget == 500


def test_a_truncated_token_is_none() -> None:
    data = decoded(SCENE.less(SCENE.mint(), budget=1))
    codes = {refused(encoded(data[:size])) for size in range(1, len(data), 7)}
    assert codes <= {"untrusted", "malformed"}


@pytest.mark.parametrize("text", ["", "=", "a b", "abc\n", "no/base+64", "é", "QQ==QQ==", "QR==", "A" * 100_000])
def test_what_is_not_the_one_spelling_of_bytes_is_refused(text: str) -> None:
    with pytest.raises(TokenError) as error:
        token.verify(text, SCENE.roots, challenge("api"), b"", now=NOW)
    assert error.value.code == "malformed"
    with pytest.raises(TokenError):
        token.inspect(text)


def test_bytes_that_no_signature_covers_are_refused() -> None:
    """Biscuit's library accepts and drops them, so that one token would have many digests."""
    assert refused(encoded(decoded(SCENE.mint()) + b"\x78\x01")) == "malformed"


@pytest.mark.parametrize(
    "source",
    [
        'right("everything");',
        "nucleus(1); authority(16777215); authority(3); check if asked($a), $a & 3 === $a;",
        "nucleus(1); budget($x) <- nucleus($x);",
        "nucleus(1); budget(5); check if spent($b), $b <= 5 trusting previous;",
        "nucleus(1); budget(5); check if true;",
        'nucleus(1); budget("5");',
        "nucleus(2); budget(5); check if spent($b), $b <= 5;",
        "asked(0); spent(0); now(0);",
        "nucleus(1); budget(5); asked(0); check if spent($b), $b <= 5;",
        "nucleus(1);",
        "",
    ],
)
def test_datalog_that_is_not_one_of_our_blocks_is_refused(source: str) -> None:
    """Whoever has a token can append any; what it would do in an authorizer is never found out."""
    assert refused(appended(SCENE.mint(), SCENE.roots, source)) == "malformed"
    assert refused(signed(SCENE.root, source)) == "malformed"


def test_datalog_in_a_name_is_refused_before_anything_is_signed() -> None:
    """A minter that takes a name from somebody else can't be made to sign that person's facts."""
    for name in ('api");\nauthority(16777215', "api\\", 'x"), y("'):
        with pytest.raises(TokenError) as error:
            SCENE.mint(audience=frozenset({name}))
        assert error.value.code == "malformed"
        with pytest.raises(TokenError):
            SCENE.mint(limits=frozenset({("read", name)}))
        with pytest.raises(TokenError):
            challenge(name)


def test_datalog_built_from_text_signs_what_the_name_says() -> None:
    """The defence switched off: source text with the name put in, and nothing that looks at it."""
    name = 'x"); authority(16777215); audience("y'
    text = signed(SCENE.root, f'authority(3); audience("{name}");')
    public = PROGRAM.PublicKey.from_bytes(raw(SCENE.root), PROGRAM.Algorithm.Ed25519)
    assert "authority(16777215)" in PROGRAM.Biscuit.from_base64(text, public).block_source(0)


def test_a_revoked_block_revokes_what_follows_from_it_and_nothing_else() -> None:
    first = SCENE.mint()
    second = SCENE.less(first, budget=1)
    ids = SCENE.present(second).revocation_ids
    assert refused(second, revoked=frozenset({ids[0]})) == "revoked"
    assert refused(second, revoked=frozenset({ids[1]})) == "revoked"
    assert SCENE.present(first, revoked=frozenset({ids[1]})).root == "owner"
    assert SCENE.present(second, revoked=frozenset({"00" * 64})).root == "owner"


def test_what_only_biscuit_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meet says more than the blocks: the second look at the same token notices."""
    text = SCENE.mint()
    for wrong in ({"authority": EVERYTHING}, {"budget": 501}):
        changed: dict[str, Any] = dict(wrong)
        monkeypatch.setattr(token, "bounds_of", lambda b, s, c=changed: replace(bounds_of(b, s), **c))
        assert refused(text) == "dispute"


def test_a_damaged_token_gives_nothing() -> None:
    """Every byte of it counts."""
    data = decoded(SCENE.handed(SCENE.less(SCENE.mint(), authority=READ)))
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
        assert refused(encoded(damaged), key=SCENE.second) in {"untrusted", "malformed"}


def test_keys_of_tokens_are_not_in_what_is_raised() -> None:
    key = Ed25519PrivateKey.generate()
    with pytest.raises(TokenError) as error:
        token.mint(key, Block(authority=2))
    assert key.private_bytes_raw().hex() not in repr(error.value)
