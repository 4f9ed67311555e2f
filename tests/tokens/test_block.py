"""One block, one text: whatever ``write`` does not write is no block."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TokenError
from nucleus.kernel.state import BUDGET_LIMIT
from nucleus.policy.model import KEYS as POLICY_KEYS
from nucleus.tokens.block import DEPTH_LIMIT, KEYS, TIME_LIMIT, Block, read, write

AUTHORITIES = st.integers(0, 0xFFFFFF).map(lambda a: a & (0x555555 | (a << 1 & 0xAAAAAA)))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,30}", fullmatch=True) | st.sampled_from(["read", "admin"])
PRINTED = st.characters(exclude_categories=("C", "Z"), exclude_characters='"\\') | st.just(" ")
TEXTS = st.text(PRINTED, min_size=1, max_size=40)
BLOCKS = st.builds(
    Block,
    authority=st.none() | AUTHORITIES,
    budget=st.none() | st.integers(0, BUDGET_LIMIT),
    expires=st.none() | st.integers(0, TIME_LIMIT),
    audience=st.frozensets(NAMES, max_size=4),
    depth=st.none() | st.integers(0, DEPTH_LIMIT),
    exposure=st.sampled_from([0, 1, 2, 7, 9, 31]),
    holder=st.sampled_from([b"", b"\x01" * 32, bytes(range(32))]),
    limits=st.frozensets(st.tuples(st.sampled_from(sorted(KEYS)), TEXTS), max_size=4),
).filter(lambda block: block != Block())
WHOLE = Block(
    authority=3,
    budget=5,
    expires=9,
    audience=frozenset({"b", "a"}),
    depth=1,
    exposure=3,
    holder=b"\xab" * 32,
    limits=frozenset({("write", "src/**"), ("read", "é")}),
)
TEXT = f"""\
nucleus(1);
authority(3);
budget(5);
expires(9);
audience("a");
audience("b");
depth(1);
exposure(3);
holder(hex:{"ab" * 32});
limit("read", "é");
limit("write", "src/**");
check if asked($a), $a & 3 === $a;
check if spent($b), $b <= 5;
check if now($t), $t < 9;
check if at("a") or at("b");
"""


def again(text: str) -> str:
    """Return what would be written of a text that is read, or why it is not."""
    try:
        return write(read(text))
    except TokenError as error:
        return error.code


def test_the_text_of_a_block_is_the_documented_one() -> None:
    assert write(WHOLE) == TEXT
    assert read(TEXT) == WHOLE


@given(BLOCKS)
def test_what_is_written_is_read_again(block: Block) -> None:
    assert read(write(block)) == block


@given(BLOCKS, st.integers(0, 1000), st.text(max_size=3), st.integers(0, 3))
def test_a_damaged_text_is_refused_or_is_what_would_have_been_written(
    block: Block, place: int, new: str, gone: int
) -> None:
    text = write(block)
    at = place % len(text)
    damaged = text[:at] + new + text[at + gone :]
    assert again(damaged) in {damaged, "malformed"}


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_with_the_one_error(text: str) -> None:
    assert again(text) in {text, "malformed"}


def lines(*changed: tuple[str, str]) -> str:
    text = TEXT
    for before, after in changed:
        assert before in text
        text = text.replace(before, after, 1)
    return text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("nucleus(1);\n", id="says nothing"),
        pytest.param(lines(("nucleus(1)", "nucleus(2)")), id="another version"),
        pytest.param(lines(("nucleus(1);\n", "")), id="no version"),
        pytest.param(lines(("budget(5);\n", "budget(5);\nbudget(6);\n")), id="a fact twice"),
        pytest.param(lines(("budget(5);\n", "budget(5);\nbudget(5);\n")), id="the same fact twice"),
        pytest.param(lines(("budget(5);\n", "budget(5);\nadmin(1);\n")), id="an unknown fact"),
        pytest.param(lines(("budget(5);\n", "budget(5);\ntop($x) <- bottom($x);\n")), id="a rule"),
        pytest.param(lines(("authority(3);\nbudget(5);\n", "budget(5);\nauthority(3);\n")), id="another order"),
        pytest.param(lines(('"a");\naudience("b"', '"b");\naudience("a"')), id="names out of order"),
        pytest.param(lines(("authority(3)", "authority(03)"), ("$a & 3", "$a & 03")), id="another spelling"),
        pytest.param(lines(("authority(3)", "authority(2)"), ("$a & 3", "$a & 2")), id="a level that is none"),
        pytest.param(lines(("authority(3)", "authority(16777216)"), ("$a & 3", "$a & 16777216")), id="25 bits"),
        pytest.param(lines(("budget(5)", "budget(-5)"), ("<= 5", "<= -5")), id="a budget below nothing"),
        pytest.param(lines(("budget(5)", 'budget("5")')), id="a number as text"),
        pytest.param(lines(('audience("a")', "audience(7)")), id="a name as number"),
        pytest.param(lines(("depth(1)", "depth(16)")), id="deeper than any token"),
        pytest.param(lines(("exposure(3)", "exposure(8)")), id="foreign without private"),
        pytest.param(lines(("exposure(3)", "exposure(0)")), id="a line that says nothing"),
        pytest.param(lines(("ab);", ");")), id="a key that is too short"),
        pytest.param(lines(("hex:abab", "hex:ABab")), id="capitals in a key"),
        pytest.param(lines(('"write"', '"wipe"')), id="a limit on nothing known"),
        pytest.param(lines(("src/**", "src\\\\**")), id="a backslash"),
        pytest.param(lines(("src/**", "src\x00")), id="a character that does not print"),
        pytest.param(lines(("check if spent($b), $b <= 5;\n", "")), id="a check left out"),
        pytest.param(lines(("$b <= 5", "$b <= 50")), id="a check that says more than its fact"),
        pytest.param(TEXT + "check if now($t), $t < 5;\n", id="a check that no fact has"),
        pytest.param(lines(('at("a") or at("b")', 'at("a")')), id="a check for some of the names"),
        pytest.param(TEXT + "\n", id="an empty line"),
        pytest.param(TEXT[:-1], id="no end of line"),
        pytest.param(TEXT * 10, id="many lines"),
    ],
)
def test_a_text_that_nobody_writes_is_no_block(text: str) -> None:
    with pytest.raises(TokenError) as refused:
        read(text)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "changed",
    [
        {"authority": 2},
        {"authority": True},
        {"budget": -1},
        {"budget": 1 << 53},
        {"budget": 1.0},
        {"expires": TIME_LIMIT + 1},
        {"depth": DEPTH_LIMIT + 1},
        {"exposure": 8},
        {"exposure": "1"},
        {"holder": b"short"},
        {"holder": "k" * 32},
        {"audience": frozenset({'a");\nbudget(9'})},
        {"audience": frozenset({"a b"})},
        {"audience": frozenset({""})},
        {"audience": frozenset(f"n{i}" for i in range(17))},
        {"limits": frozenset({("write", 'a"); budget(9')})},
        {"limits": frozenset({("write", "")})},
        {"limits": frozenset({("write", "x" * 257)})},
        {"limits": frozenset({("all", "x")})},
    ],
    ids=lambda changed: repr(
        {name: sorted(value) if type(value) is frozenset else value for name, value in changed.items()}
    )[:80],
)
def test_a_value_that_no_block_may_have_is_not_written(changed: dict[str, Any]) -> None:
    """Names too: one that ends its string would be Datalog of whoever chose the name."""
    with pytest.raises(TokenError):
        write(Block(**changed))


def test_limits_speak_of_the_keys_of_the_policy_language() -> None:
    assert frozenset(POLICY_KEYS) == KEYS
