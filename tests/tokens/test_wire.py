"""The bytes of a block are the ones that Biscuit writes for it, and no others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.errors import TokenError
from nucleus.tokens import token
from nucleus.tokens.block import Block, write
from nucleus.tokens.wire import Symbols, payloads, require_bytes, serialised
from tests.tokens.made import PROGRAM, Scene, appended, by, decoded, signed
from tests.tokens.test_block import BLOCKS


@settings(deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=4))
def test_the_serialisation_is_biscuits_own(blocks: list[Block]) -> None:
    """Its library is the reference: the same blocks, one after another, in one table of symbols."""
    scene, symbols = Scene(), Symbols()
    text = signed(scene.root, write(blocks[0]))
    for block in blocks[1:]:
        text = appended(text, scene.roots, write(block))
    assert payloads(decoded(text)) == [serialised(block, symbols, foreign=False) for block in blocks]


@settings(deadline=None)
@given(BLOCKS, BLOCKS, BLOCKS)
def test_a_block_signed_by_somebody_else_has_symbols_of_its_own(first: Block, second: Block, third: Block) -> None:
    scene = Scene()
    text = by(scene.first, signed(scene.root, write(first)), scene.roots, write(second))
    text = appended(text, scene.roots, write(third))
    require_bytes(decoded(text), [first, second, third], [b"", b"k" * 32, b""])


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_token_whose_parts_are_not_in_order_has_none(data: st.DataObject) -> None:
    raw = decoded(Scene().mint())
    place = data.draw(st.integers(0, len(raw) - 1))
    damaged = raw[:place] + bytes([data.draw(st.integers(0, 255))]) + raw[place + 1 :]
    code = ""
    try:
        payloads(damaged)
    except TokenError as error:
        code = error.code
    assert code in {"", "malformed"}


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ('a");\naudience("b', 'check if at("a") or at("b");'),
        ('a"), limit("write", "b', 'check if at("x");'),
    ],
    ids=["two facts in one name", "a fact of another kind"],
)
def test_a_name_that_prints_as_datalog_is_seen_through(name: str, before: str) -> None:
    """Biscuit prints strings without escapes: here one fact prints as two, exactly as two facts would."""
    scene = Scene()
    text = appended(scene.mint(), scene.roots, f"nucleus(1); audience({{name}}); {before}", name=name)
    with pytest.raises(TokenError) as refused:
        scene.present(text)
    assert refused.value.code == "malformed"


def test_with_the_text_alone_the_hidden_name_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: the reader of the text sees two names where one odd name was signed."""
    scene = Scene()
    odd = 'api");\naudience("mirror'
    source = 'nucleus(1); audience({name}); check if at("api") or at("mirror");'
    text = appended(scene.mint(), scene.roots, source, name=odd)
    monkeypatch.setattr(token, "require_bytes", lambda *_: None)
    assert scene.present(text).bounds.audience == {"api", "mirror"}


def test_a_context_that_no_text_shows_is_seen() -> None:
    """A block can carry what Biscuit never prints; it says something that nobody looked at."""
    block = Block(budget=1)
    plain = serialised(block, Symbols(), foreign=False)
    context = plain.replace(b"\x18\x03", b"\x12\x04evil\x18\x03", 1)
    assert context != plain
    require_bytes(unsigned(plain), [block], [b""])
    with pytest.raises(TokenError, match="serialisation"):
        require_bytes(unsigned(context), [block], [b""])


def unsigned(content: bytes) -> bytes:
    """Return a token of one small block, with an empty proof."""
    return b"\x12" + bytes([len(content) + 2]) + b"\x0a" + bytes([len(content)]) + content + b"\x22\x00"


def test_the_library_itself_accepts_bytes_that_belong_to_nothing() -> None:
    """Why the whole token is compared with what the library would write again."""
    scene = Scene()
    extra = decoded(scene.mint()) + b"\x78\x01"
    key = PROGRAM.PublicKey.from_bytes(scene.roots[0].public, PROGRAM.Algorithm.Ed25519)
    assert bytes(PROGRAM.Biscuit.from_bytes(extra, key).to_bytes()) != extra
