"""What routes ask in the agent's place: redirects stay with the index, answers are plain and bounded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.egress.servers import Answer, Asked, answering, sha256, wheel
from tests.egress.world import Box, boxed, network
from tests.tools.conftest import Authority

CONTENT, METADATA = wheel("gamma")
FILE = "gamma-1.0-py3-none-any.whl"
Start = Callable[..., Box]


def page(place: str) -> bytes:
    return f'<a href="{place}#sha256={sha256(CONTENT)}">{FILE}</a>'.encode()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    authority = Authority()
    with ExitStack() as stack:

        def make(say: Callable[[Asked], Answer]) -> Box:
            index = stack.enter_context(answering(say, authority, tmp_path, "index.example"))
            files = stack.enter_context(answering(say, authority, tmp_path, "files.example"))
            where = network(
                authority, index_example__443=index.port, files_example__443=files.port, evil_example__443=files.port
            )
            settings = {"indexes": {"pypi": ["https://index.example/simple/", "files.example"]}}
            policy = 'profile = "codegen"\n[allow]\npackages = ["pypi:gamma"]\n'
            return stack.enter_context(boxed(tmp_path / "box", policy, network=where, settings=settings))

        yield make


def get(box: Box, path: str) -> bytes:
    return box.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)


def test_a_redirect_within_the_index_is_followed_and_any_other_is_not(start: Start) -> None:
    def say(asked: Asked) -> Answer:
        if asked.path == "/simple/gamma/":
            return 302, "/moved", b""
        if asked.path == "/moved":
            return 200, "text/html", page(f"https://files.example/{FILE}")
        return 302, "https://evil.example/x", b""

    box = start(say)
    got = get(box, "/pypi/simple/gamma/")
    assert got.startswith(b"HTTP/1.1 200 ")
    link = next(one for one in got.decode().split('"') if one.startswith("/pypi/files/")).partition("#")[0]
    assert get(box, link).startswith(b"HTTP/1.1 502 ")


def test_a_file_at_a_place_that_is_not_the_indexs_is_left_out(start: Start) -> None:
    box = start(lambda _: (200, "text/html", page(f"https://evil.example/{FILE}")))
    assert b"/pypi/files/" not in get(box, "/pypi/simple/gamma/")


def test_what_an_index_says_when_it_fails_is_not_passed_on(start: Start) -> None:
    answers: list[Answer] = [(500, "x", b"canary"), (200, "application/json", b"{"), (302, "http://a.example/", b"")]
    current = answers[:1]
    box = start(lambda _: current[0])
    for current[0] in answers:
        got = get(box, "/pypi/simple/gamma/")
        assert got.startswith(b"HTTP/1.1 502 "), current
        assert b"canary" not in got


def test_redirects_without_end_end(start: Start) -> None:
    box = start(lambda _: (302, "/again", b""))
    assert get(box, "/pypi/simple/gamma/").startswith(b"HTTP/1.1 502 ")
