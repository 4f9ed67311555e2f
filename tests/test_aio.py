"""The SDK for asyncio: the same names, as coroutines, in the task's own session."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus import ApprovalRequired, NoSession, aio, session
from nucleus.tools import fs, git, net, proc, publish
from tests import world


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(world.repository(tmp_path / "repo").clone)
    yield
    session.end_gate()


def test_every_public_function_has_a_mirror_with_its_name_and_text() -> None:
    for plain, mirror in ((fs, aio.fs), (git, aio.git), (net, aio.net), (proc, aio.proc), (publish, aio.publish)):
        names = [name for name, value in vars(plain).items() if callable(value) and getattr(value, "__self__", None)]
        assert names
        for name in names:
            assert getattr(mirror, name).__doc__ == getattr(plain, name).__doc__
            assert asyncio.iscoroutinefunction(getattr(mirror, name))


@pytest.mark.parametrize("name", ["no_such", "_AMBIENT", "Fs", "Any"])
def test_nothing_else_is_mirrored(name: str) -> None:
    assert not hasattr(aio.fs, name)


def test_calls_of_one_session_run_beside_each_other(tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with aio.Session(profile="safe_pr_fixer", state=tmp_path / "state") as s:
            assert await s.fs.read("README.md") == await aio.fs.read("README.md")
            found = await asyncio.gather(*(aio.fs.read("src/app.py") for _ in range(8)))
            assert s.plain.exposure
            return list(found)

    assert asyncio.run(main()) == ["print('app')\n"] * 8


def test_a_refusal_is_raised_in_the_task_and_the_loop_goes_on(tmp_path: Path) -> None:
    async def main() -> str:
        async with aio.Session(profile="safe_pr_fixer", state=tmp_path / "state"):
            with pytest.raises(ApprovalRequired):
                await aio.net.fetch("https://example.com/")
            with pytest.raises(ApprovalRequired):
                await aio.approve("fetch", aio.net.fetch, "https://example.com/")
            return str(await aio.fs.read("README.md"))

    assert asyncio.run(main()) == "# App\n"


def test_outside_of_a_session_it_is_misuse() -> None:
    with pytest.raises(NoSession):
        asyncio.run(aio.fs.read("README.md"))
    with pytest.raises(RuntimeError, match="async with"):
        _ = aio.Session(profile="read_only").fs
