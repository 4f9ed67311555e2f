# ruff: noqa: ARG005  every operation takes both handles, whether it uses them or not
"""Handles behave like str and bytes, carry their label on, and never loosen anything."""

import copy
import dataclasses
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.kernel.exposure import ALL_SEEN, CLEAN, FOREIGN, PRIVATE, SECRET, UNTRUSTED, leq, valid
from nucleus.tools.handles import (
    NESTING_LIMIT,
    Blob,
    CommandOutput,
    FileHandle,
    GitResult,
    Labelled,
    NetResponse,
    Posted,
    Text,
    label,
    seen_of,
)

EXPOSURES = st.integers(0, ALL_SEEN).filter(valid)
HANDLES = st.builds(lambda value, bits: Text(value, exposure=bits, source="a"), st.text(max_size=20), EXPOSURES)
README = FileHandle(
    "hello\n", exposure=PRIVATE, source="README.md", seq=4, details={"path": "README.md", "mode": 0o644}
)


def test_the_ten_lines_work() -> None:
    changed = README + "\n"
    assert changed == "hello\n\n"
    assert label(changed) == PRIVATE


OPERATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: "x" + a,
    lambda a, b: a[1:],
    lambda a, b: a * 2,
    lambda a, b: 2 * a,
    lambda a, b: str(a),
    lambda a, b: f"{a}",
    lambda a, b: f"{a:>30}",
    lambda a, b: "%s" % a,  # noqa: UP031  the operator itself is under test
    lambda a, b: a.replace("a", b),
    lambda a, b: a.upper(),
    lambda a, b: a.strip(),
    lambda a, b: a.join(["x", b]),
    lambda a, b: a.join(each for each in ("x", b)),
    lambda a, b: a.split("a"),
    lambda a, b: a.partition("a"),
    lambda a, b: a.splitlines(),
    lambda a, b: a.ljust(30),
    lambda a, b: a.translate({97: "b"}),
    lambda a, b: a.encode(),
    lambda a, b: a.encode().decode(),
    lambda a, b: a.content + b"x",
    lambda a, b: b"x" + a.content,
    lambda a, b: a.content[1:],
    lambda a, b: a.content.hex(),
    lambda a, b: a.content.split(b"a"),
    lambda a, b: a.content.text(),
    lambda a, b: list(a) or [a],
]


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=30)
@given(handle=HANDLES, other=HANDLES)
def test_an_operation_has_the_value_of_plain_text_and_at_least_the_label(
    operation: Callable[[Any, Any], Any], handle: Text, other: Text
) -> None:
    result = operation(handle, other)
    plain_handle, plain_other = Plain(handle), Plain(other)
    assert result == operation(plain_handle, plain_other)
    for each in result if isinstance(result, list | tuple) else [result]:
        assert isinstance(each, Labelled)
        assert leq(handle.exposure, each.exposure)


class Plain(str):  # noqa: SLOT000  only gives str the attribute that the operations use
    @property
    def content(self) -> "PlainBytes":
        return PlainBytes(self.encode())


class PlainBytes(bytes):
    def text(self) -> str:
        return self.decode()


@given(HANDLES, HANDLES)
def test_concatenation_joins(one: Text, other: Text) -> None:
    assert (one + other).exposure == one.exposure | other.exposure
    assert one.replace("a", other).exposure == one.exposure | other.exposure
    assert Text("{}{x}").format(one, x=other).exposure == one.exposure | other.exposure
    assert (Text("%s%s") % (one, other)).exposure == one.exposure | other.exposure


@given(st.text(), st.text(), EXPOSURES)
def test_a_handle_compares_hashes_and_measures_as_text(value: str, other: str, bits: int) -> None:
    handle = Text(value, exposure=bits)
    assert handle == value
    assert hash(handle) == hash(value)
    assert len(handle) == len(value)
    assert (handle < other) == (value < other)
    assert (other in handle) == (other in value)
    assert {value: 1}[handle] == 1
    assert json.loads(json.dumps({handle: handle})) == {value: value}


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  our own bytes


KINDS = [FileHandle, NetResponse, CommandOutput, GitResult, Posted, Text]


@pytest.mark.parametrize("kind", KINDS)
@given(value=st.text(), bits=EXPOSURES)
def test_pickling_and_copying_keep_everything(kind: type[Text], value: str, bits: int) -> None:
    handle = kind(value, exposure=bits, source="s", seq=7, details={"path": "p", "raw": b"r"})
    for again in (pickled(handle), copy.copy(handle), copy.deepcopy(handle)):
        assert type(again) is kind
        assert (again, again.exposure, again.source, again.seq) == (value, bits, "s", 7)
    blob = Blob(value.encode("utf-8", "surrogatepass"), exposure=bits)
    assert pickled(blob).exposure == bits


def test_what_subclassing_can_not_carry_is_known() -> None:
    """These lose the label; the principal's own exposure stands (the module says so)."""
    words, pattern = [README, "!"], "{}!"
    for lost in (
        f"{README}!",
        "-".join(words),
        pattern.format(README),
        json.dumps(README),
        re.sub("h", "j", README),
    ):
        assert label(lost) == CLEAN


def test_a_handle_can_not_be_changed() -> None:
    for name in ("exposure", "_exposure", "source", "anything"):
        with pytest.raises(AttributeError):
            setattr(README, name, 0)
    with pytest.raises(AttributeError):
        del README._exposure


def test_an_exposure_that_is_none_counts_as_higher_never_lower() -> None:
    assert Text("", exposure=-1).exposure == ALL_SEEN
    assert Text("", exposure=32).exposure == ALL_SEEN
    assert Text("", exposure=FOREIGN).exposure == FOREIGN | PRIVATE
    assert Text("", exposure=SECRET | UNTRUSTED).exposure == SECRET | UNTRUSTED | PRIVATE


@dataclasses.dataclass
class Message:
    to: str
    parts: list[object]


NESTED = st.recursive(
    HANDLES | st.integers() | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(HANDLES, inner, max_size=2)
        | st.builds(lambda each: Message("x", [each]), inner)
    ),
    max_leaves=12,
)


def leaves(value: object) -> int:
    """Return the joined exposure, the obvious way."""
    if isinstance(value, Text):
        return value.exposure
    if isinstance(value, dict):
        return leaves([*value.keys(), *value.values()])
    if isinstance(value, list | tuple):
        joined = CLEAN
        for each in value:
            joined |= leaves(each)
        return joined
    return leaves(value.parts) if isinstance(value, Message) else CLEAN


@given(NESTED, NESTED)
def test_the_label_of_arguments_is_the_join_of_all_handles_inside(one: object, other: object) -> None:
    assert label(one) == leaves(one)
    assert seen_of(one, key=other) == leaves(one) | leaves(other)


@given(NESTED, NESTED)
def test_more_arguments_never_lower_a_label(one: object, other: object) -> None:
    assert leq(seen_of(one), seen_of(one, other))


def test_cycles_end_and_depth_beyond_the_limit_is_everything() -> None:
    cycle: list[object] = [README]
    cycle.append(cycle)
    assert label(cycle) == PRIVATE
    deep: object = [1]
    for _ in range(NESTING_LIMIT + 1):
        deep = [deep]
    assert label(deep) == ALL_SEEN


def test_an_iterator_is_not_consumed_and_a_class_is_not_looked_into() -> None:
    lazy = iter([README])
    assert label(lazy) == CLEAN
    assert next(lazy) is README
    assert label(Message) == CLEAN
    assert label(range(10**12)) == CLEAN


def test_temporary_objects_never_share_an_identity_with_what_was_looked_at() -> None:
    """A container made on the fly must not be taken for one that is gone: its label would be lost."""

    class Fresh(dict[str, object]):
        def values(self) -> Any:
            return [[], [], [[README]]]

    assert label([Fresh(), [Fresh()]]) == PRIVATE


def test_responses_know_their_parts() -> None:
    details = {"url": "https://example.com/", "status": 404, "headers": {"etag": "x"}, "raw": b'{"a": ["\xff"]}'}
    page = NetResponse('{"a": ["b"]}', exposure=UNTRUSTED, source="https://example.com/", details=details)
    assert (page.url, page.status, page.ok, page.headers) == ("https://example.com/", 404, False, {"etag": "x"})
    assert page.content == details["raw"]
    assert page.content.exposure == UNTRUSTED
    assert label(page.json()["a"][0]) == UNTRUSTED
    output = CommandOutput("out", exposure=3, details={"status": 2, "stderr": "err", "raw": b"out"})
    assert (output.status, output.stderr, output.stderr.exposure, output.content) == (2, "err", 3, b"out")
    assert (README.path, README.mode, README.content) == ("README.md", 0o644, b"hello\n")
    assert GitResult("", details={"commit": "a" * 40}).details == {"commit": "a" * 40}
    posted = Posted("", details={"url": "u", "number": 3, "state": "open"})
    assert (posted.url, posted.number, posted.details["state"]) == ("u", 3, "open")
