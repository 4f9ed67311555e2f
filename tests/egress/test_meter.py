"""Tokens are counted from what passes, whatever the pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.meter import Meter, Usage

EVENTS = (
    b'event: a\ndata: {"message":{"usage":{"input_tokens":5,"cache_creation_input_tokens":2}}}\n\n'
    b'data: {"usage":{"output_tokens":1}}\n\ndata: {"usage":{"output_tokens":9}}\n\ndata: [DONE]\n\n'
)


@given(st.integers(1, 60))
def test_events_are_counted_however_they_arrive(step: int) -> None:
    usage = Usage()
    meter = Meter(usage, stream=True)
    for at in range(0, len(EVENTS), step):
        meter.watch(EVENTS[at : at + step])
    meter.close()
    assert usage == Usage(requests=1, input=5, output=9, cache_written=2)


@pytest.mark.parametrize(
    "answer",
    [
        {"usage": {"prompt_tokens": 5, "completion_tokens": 9}},
        {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9}},
        {"response": {"usage": {"input_tokens": 5, "output_tokens": 9}}},
        [{"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9}}],
    ],
)
def test_each_interfaces_words_are_known(answer: object) -> None:
    usage = Usage()
    meter = Meter(usage, stream=False)
    meter.watch(json.dumps(answer).encode())
    meter.close()
    assert (usage.input, usage.output) == (5, 9)
    assert usage.shown()["input_tokens"] == 5


@given(st.binary(max_size=200), st.booleans())
def test_nothing_that_passes_makes_it_fail(data: bytes, stream: bool) -> None:
    usage = Usage()
    meter = Meter(usage, stream=stream)
    meter.watch(b"data:" + data)
    meter.close()
    assert usage.requests == 1


def test_numbers_that_are_none_are_not_counted() -> None:
    usage = Usage()
    meter = Meter(usage, stream=False)
    meter.watch(b'{"usage":{"input_tokens":-5,"output_tokens":true,"prompt_tokens":"7"}}')
    meter.close()
    assert (usage.input, usage.output) == (0, 0)
