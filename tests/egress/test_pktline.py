"""Git's lines: what a fetch may say is written anew, a push is taken apart, nothing else is git."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress import pktline
from nucleus.egress.http1 import HttpError
from nucleus.egress.pktline import Command, Line

ID, OTHER = "1" * 40, "2" * 40
LINES = st.lists(st.sampled_from(["flush", "delimiter", "end"]) | st.binary(min_size=1, max_size=200), max_size=12)


@given(LINES)
def test_lines_that_are_written_are_read(lines: list[Line]) -> None:
    assert pktline.read(pktline.written(lines)) == lines


@given(st.binary(max_size=120))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    for parse in (pktline.read, pktline.fetch_request, pktline.push_request, pktline.refs_of):
        try:
            parse(data)
        except HttpError as error:
            assert error.status in {400, 502}  # noqa: PT017  either answer is a refusal


def test_a_fetch_is_sent_on_without_what_names_the_client() -> None:
    first = f"want {ID} multi_ack_detailed side-band-64k ofs-delta agent=git/2.39-canary\n".encode()
    lines: list[Line] = [first, f"want {OTHER}\n".encode(), "flush", f"have {ID}\n".encode(), b"done\n"]
    sent = pktline.fetch_request(pktline.written(lines))
    assert b"canary" not in sent
    assert b"side-band-64k" in sent
    assert pktline.read(sent)[1:] == lines[1:]
    two: list[Line] = [
        b"command=fetch",
        b"agent=git/x",
        b"session-id=abc",
        b"object-format=sha1",
        "delimiter",
        b"done\n",
        "flush",
    ]
    assert pktline.read(pktline.fetch_request(pktline.written(two))) == [two[0], *two[3:]]


@pytest.mark.parametrize(
    "line",
    [b"command=push", b"have x\n", b"hello world\n", b"want " + b"1" * 41, b"filter sparse:oid=x", b"server-option=x",
     b"want " + b"1" * 40 + b" unknown-switch", b"ref-prefix refs/heads/a b", b"packfile-uris http,https", b"deepen x"],
)  # fmt: skip
def test_a_line_that_is_not_of_a_fetch_is_refused(line: bytes) -> None:
    with pytest.raises(HttpError):
        pktline.fetch_request(pktline.written([line, "flush"]))


def test_a_push_is_its_commands_and_its_pack() -> None:
    first = f"{ID} {OTHER} refs/heads/a\0 report-status side-band-64k agent=x".encode()
    data = pktline.written([first, f"{'0' * 40} {ID} refs/tags/v1\n".encode(), "flush"]) + b"PACK..."
    push = pktline.push_request(data)
    assert push.commands == (Command(ID, OTHER, "refs/heads/a"), Command("0" * 40, ID, "refs/tags/v1"))
    assert (push.banded, push.pack) == (True, b"PACK...")


@pytest.mark.parametrize(
    "data",
    [b"", b"0000NOPACK", pktline.written([f"shallow {ID}".encode(), "flush"]),
     pktline.written([b"push-cert\0x", "flush"]),
     pktline.written([f"{ID} {OTHER} refs/heads/a b".encode(), "flush"]), pktline.written([f"{ID} {OTHER} x".encode()]),
     pktline.written([f"{ID} {OTHER} refs/heads/{n}".encode() for n in range(65)] + [b""]) + b"0000"],
)  # fmt: skip
def test_what_is_no_plain_push_is_refused(data: bytes) -> None:
    with pytest.raises(HttpError):
        pktline.push_request(data)


def test_an_advertisement_is_read_and_written_with_branches_and_tags_only() -> None:
    said = [
        b"# service=git-upload-pack\n", "flush", f"{ID} HEAD\0multi_ack symref=HEAD:refs/heads/main".encode(),
        f"{ID} refs/heads/main\n".encode(), f"{OTHER} refs/pull/1/head\n".encode(), f"{ID} refs/tags/v1\n".encode(),
        f"{OTHER} refs/tags/v1^{{}}\n".encode(), "flush",
    ]  # fmt: skip
    refs = pktline.refs_of(pktline.written(said))  # type: ignore[arg-type]  # bytes and marks
    assert refs == {"refs/heads/main": ID, "refs/tags/v1": ID}
    shown = pktline.advertisement(refs, sha256=False)
    assert b"delete-refs" not in shown
    assert b"push-options" not in shown
    assert pktline.refs_of(shown) == refs
    assert b"capabilities^{}" in pktline.advertisement({}, sha256=True)


def test_a_report_says_of_each_ref_what_came_of_it_in_one_line() -> None:
    plain = pktline.report([("refs/heads/a", ""), ("refs/heads/b", "no\nok refs/heads/c")], banded=False)
    assert pktline.read(plain) == [
        b"unpack ok\n",
        b"ok refs/heads/a\n",
        b"ng refs/heads/b no ok refs/heads/c\n",
        "flush",
    ]
    banded = pktline.read(pktline.report([("refs/heads/a", "")], banded=True))
    assert isinstance(banded[0], bytes)
    assert pktline.read(banded[0][1:])[0] == b"unpack ok\n"
