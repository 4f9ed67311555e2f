"""Values are compared in one canonical form; anything else has no form at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.addresses import AddressError, parse_url
from nucleus.policy.values import COMMAND, METHOD_URL, NAME, PATH, REF, URL, Kind


@given(st.text(max_size=60))
def test_every_canonical_url_has_a_form_and_keeps_its_host(text: str) -> None:
    try:
        url = parse_url(text)
    except AddressError:
        return
    encoded = URL.encode(url.text)
    if ";" in url.text:
        return
    assert encoded is not None
    assert encoded.split("\0")[: url.host.count(".") + 1] == url.host.split(".")[::-1]


@given(st.sampled_from([PATH, URL, METHOD_URL, REF, COMMAND, NAME]), st.text(max_size=20))
def test_no_text_makes_a_kind_raise(kind: Kind, text: str) -> None:
    for value in (text, [text], [text, "a"], "https://" + text, "GET https://" + text):
        kind.encode(value)


@given(
    st.lists(st.text(alphabet="ab", max_size=3), max_size=4), st.lists(st.text(alphabet="ab", max_size=3), max_size=4)
)
def test_two_commands_never_look_alike(one: list[str], other: list[str]) -> None:
    if one != other and COMMAND.encode(one) is not None:
        assert COMMAND.encode(one) != COMMAND.encode(other)


@pytest.mark.parametrize(
    "ref",
    ["", "/main", "refs/heads/main", "a..b", "a//b", "a/", "main.lock", "a\0"],
)
def test_a_ref_that_git_reads_otherwise_has_no_form(ref: str) -> None:
    assert REF.encode(ref) is None


@pytest.mark.parametrize("ref", ["main", "release/1.0", "refs/tags/v1"])
def test_a_plain_ref_is_its_own_form(ref: str) -> None:
    assert REF.encode(ref) == ref


def test_default_ports_are_written_out() -> None:
    assert URL.encode("https://a.example/") == URL.encode("https://a.example:443/")
    assert URL.encode("https://a.example/") != URL.encode("http://a.example/")


def test_a_known_method_is_needed() -> None:
    assert METHOD_URL.encode("BREW https://a.example/") is None
    assert METHOD_URL.encode("https://a.example/") is None


@pytest.mark.parametrize("step", [".", "..", "..;", "..;a=b", ".;"])
def test_a_url_that_some_server_would_climb_in_has_no_form(step: str) -> None:
    assert URL.encode(f"https://a.example/pub/{step}/secret") is None
    assert URL.encode(f"https://a.example/pub/a{step}/b") is not None
