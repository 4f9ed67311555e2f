"""The package route with a real pip: locked, named, asked for; one index; bytes that are what their digest says."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.policy import call as kinds
from tests.egress.servers import python_index, sha256, wheel
from tests.egress.world import Box, indexed, run

WHEELS = {
    "alpha": wheel("alpha", requires=("beta>=1; python_version>'3'",)),
    "beta": wheel("beta"),
    "gamma": wheel("gamma"),
}
LOCK = f"gamma==1.0 \\\n    --hash=sha256:{sha256(WHEELS['gamma'][0])}\n"
LOCKED = 'profile = "test_runner"\n[allow]\npackages = ["lock:requirements.txt"]\n'
Start = Callable[..., Box]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with indexed(tmp_path, "pypi", "https://index.example/simple", {"requirements.txt": LOCK}) as make:

        def begin(policy: str, served: dict[str, bytes] | None = None, **more: Any) -> Box:
            return make(policy, python_index(WHEELS, served), **more)

        yield begin


def pip(box: Box, folder: Path, *words: str) -> Any:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PIP_INDEX_URL": f"http://127.0.0.1:{box.routes}/pypi/simple/",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
    }
    return run([sys.executable, "-m", "pip", *words], env=environment, cwd=folder)


def decisions(box: Box) -> list[tuple[str, str]]:
    return [(one["destination"], one["verdict"]) for one in box.records() if one["kind"] == kinds.PACKAGES]


def test_what_a_trusted_lock_file_has_is_installed_without_a_question_and_costs_nothing(
    start: Start, tmp_path: Path
) -> None:
    box = start(LOCKED)
    done = pip(
        box, tmp_path, "install", "--target", str(tmp_path / "to"), "--require-hashes", "-r", str(locked(tmp_path))
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "to" / "gamma" / "__init__.py").read_text() == "VERSION = '1.0'\n"
    assert set(decisions(box)) == {("pypi:gamma", "allow")}
    facts = [one["facts"] for one in box.records()]
    assert {one["state"][2] for one in box.records()} == {1000 * 1_000_000}
    assert all(len(one) == 13 for one in facts)


def locked(folder: Path) -> Path:
    (folder / "requirements.txt").write_text(LOCK)
    return folder / "requirements.txt"


def test_a_name_that_nobody_locked_is_refused_where_only_the_lock_file_counts(start: Start, tmp_path: Path) -> None:
    box = start(LOCKED, settings={"wait": 0})
    assert pip(box, tmp_path, "download", "alpha").returncode != 0
    assert decisions(box)[-1] == ("pypi:alpha", "deny")
    assert box.site.asked == []


def test_a_set_that_nobody_named_is_one_question_and_what_it_requires_belongs_to_it(
    start: Start, tmp_path: Path
) -> None:
    box = start('profile = "codegen"\n', answers={"*": True})
    done = pip(box, tmp_path, "install", "--target", str(tmp_path / "to"), "alpha")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to" / "beta").is_dir()
    assert len(box.records("question")) == 1
    assert decisions(box) == [("pypi:alpha", "ask"), ("pypi:alpha", "allow")]
    assert pip(box, tmp_path, "download", "gamma").returncode == 0
    assert len(box.records("question")) == 2


def test_what_the_owner_named_is_a_trusted_destination(start: Start, tmp_path: Path) -> None:
    box = start('profile = "codegen"\n[allow]\npackages = ["pypi:Alpha", "pypi:gamma"]\n', contained=False)
    assert pip(box, tmp_path, "download", "gamma", "alpha").returncode == 0
    assert decisions(box) == [("pypi:gamma", "allow")]


def test_a_question_that_nobody_answers_is_a_refusal_and_nothing_is_asked_of_the_index(
    start: Start, tmp_path: Path
) -> None:
    box = start('profile = "codegen"\n', answers={"*": False})
    assert pip(box, tmp_path, "download", "alpha").returncode != 0
    assert box.site.asked == []


def test_bytes_that_are_not_what_the_digest_says_never_arrive_whole(start: Start, tmp_path: Path) -> None:
    evil = wheel("gamma", requires=("os",))[0]
    box = start(LOCKED, served={"gamma": evil})
    done = pip(box, tmp_path, "download", "--no-deps", "--retries", "0", "gamma")
    assert done.returncode != 0
    assert list(tmp_path.glob("*.whl")) == []


def test_where_digests_are_not_checked_the_other_bytes_arrive(start: Start, tmp_path: Path) -> None:
    """The same attack with the route's check switched off: judged at the client that trusts the route."""
    off = (
        "import nucleus.egress.pypi as p\n"
        "async def through(pieces, digest):\n"
        "    async for one in pieces:\n"
        "        yield one\n"
        "p.verified = through\n"
    )
    evil = wheel("gamma", requires=("os",))[0]
    box = start(LOCKED, served={"gamma": evil}, weakened=off)
    address = next(line for line in page(box, "gamma").split('"') if line.startswith("/pypi/files/"))
    got = box.ask(f"GET {address.partition('#')[0]} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
    assert got.endswith(evil)


def page(box: Box, name: str) -> str:
    return box.ask(f"GET /pypi/simple/{name}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes).decode()


def test_only_single_packages_are_there_and_nothing_is_published(start: Start) -> None:
    box = start(LOCKED)
    for line, status in (
        ("GET /pypi/simple/ HTTP/1.1", "404"),
        ("GET /pypi/simple/../simple/gamma/ HTTP/1.1", "200"),
        ("GET /pypi/simple/%2e%2e/x HTTP/1.1", "404"),
        ("GET /pypi/files/0/gamma.whl HTTP/1.1", "404"),
        ("POST /pypi/legacy/ HTTP/1.1\r\nContent-Length: 0", "405"),
        ("GET /other HTTP/1.1", "404"),
        ("GET http://127.0.0.1/pypi/simple/gamma/ HTTP/1.1", "400"),
    ):
        got = box.ask(f"{line}\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
        assert got.startswith(f"HTTP/1.1 {status} ".encode()), (line, got[:80])


def test_a_page_in_json_leads_back_to_the_route(start: Start) -> None:
    box = start(LOCKED)
    head = "Host: a\r\nConnection: close\r\nAccept: application/vnd.pypi.simple.v1+json\r\n\r\n"
    got = box.ask(f"GET /pypi/simple/Gamma/ HTTP/1.1\r\n{head}", box.routes)
    assert b"application/vnd.pypi.simple.v1+json" in got
    assert b'"url": "/pypi/files/' in got
    assert b"index.example" not in got
