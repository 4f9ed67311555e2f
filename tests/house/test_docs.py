"""The pages promise only what is there: links, commands, flags, names, policies, programs."""

import ast
import contextlib
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.cli import available, command_parser
from nucleus.gate.credentials import NAME, Credentials
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.session import Session
from nucleus.tools import fs, git, net, proc, publish
from tests import world
from tests.house.source import ROOT, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for path in PAGES if path.parent == ROOT / "docs")]
RUNNABLE = ["quickstart.md", "sdk.md", "approvals.md", "seal.md", "tokens.md"]
"""Each Python block of these is a program of its own. (The ten lines of the README run in tests/test_session.py.)"""
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"^(?: {4})?nucleus ([a-z].*)$", re.MULTILINE)


def broken_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere, to no page or to no heading of it."""
    broken = []
    for link, anchor in LINK.findall(BLOCK.sub("", text)):
        target = page.parent / link if link else page
        if not target.exists():
            broken.append(link)
        elif anchor and target.suffix == ".md":
            content = text if target == page else target.read_text(encoding="utf-8")
            if anchor not in anchors(content):
                broken.append(f"{link}#{anchor}")
    return broken


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_calls(text: str) -> list[str]:
    """Return the calls of ``nucleus`` that its own parsers refuse. ``[X]`` and ``A|B`` are a synopsis."""
    wrong = []
    for line in CALL.findall(text):
        call = re.split(r"\s{2,}|#", line)[0].strip()
        name, *words = shlex.split(re.sub(r"[\[\]]|\|\S+", "", call).replace("...", ""))
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                command_parser(name).parse_args(words)
        except (SystemExit, KeyError, ModuleNotFoundError):
            wrong.append(call)
    return wrong


def unknown_words(text: str, commands: set[str], targets: set[str]) -> list[str]:
    """Return the commands and the make targets in shell blocks that do not exist."""
    shell = "\n".join(body for kind, body in BLOCK.findall(text) if kind == "sh")
    called = re.findall(r"^nucleus ([a-z]+)", shell, re.MULTILINE)
    made = re.findall(r"^make ([a-z]+)", shell, re.MULTILINE)
    return [word for word in called if word not in commands] + [word for word in made if word not in targets]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_guide_names_only_commands_that_are_there(page: Path) -> None:
    assert unknown_words(page.read_text(encoding="utf-8"), set(available()), targets()) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_each_call_of_nucleus_in_a_guide_is_one_that_its_parser_takes(page: Path) -> None:
    assert wrong_calls(page.read_text(encoding="utf-8")) == []


PROGRAMS = [
    pytest.param(body, id=f"{page}-{number}")
    for page in RUNNABLE
    for number, (kind, body) in enumerate(BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")))
    if kind == "python"
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_of_the_pages_runs_as_it_stands(program: str, tmp_path: Path) -> None:
    """In a repository like any other, with nobody to answer."""
    repository = world.repository(tmp_path / "repo")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository.clone,
        env={**os.environ, "NUCLEUS_STATE": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def sdk() -> str:
    return (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")


def test_the_page_of_the_sdk_has_every_parameter_every_tool_and_every_attribute() -> None:
    text = sdk()
    parameters = [name for name in inspect.signature(Session).parameters if f"| `{name}` |" not in text]
    tools = [
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (fs, net, git, proc, publish)
        for name, function in vars(module).items()
        if inspect.ismethod(function) and not name.startswith("_")
    ]
    public = [name for name in dir(Session) if not name.startswith("_") and f"s.{name}" not in text]
    assert (parameters, [name for name in tools if f"{name}(" not in text], public) == ([], [], [])


def test_the_page_of_the_sdk_has_every_code_of_a_refusal() -> None:
    """The codes that the gate and the SDK make, and the kernel's denying rules."""
    made = {"capability", "scope", "budget", "malformed", "session"}
    for path in [*(ROOT / "src" / "nucleus" / "gate").glob("*.py"), ROOT / "src" / "nucleus" / "session.py"]:
        made |= set(re.findall(r"""code(?:": |=)"([a-z_]+)\"""", path.read_text(encoding="utf-8")))
    assert sorted(code for code in made if f"`{code}`" not in sdk()) == []


def test_the_example_of_the_credentials_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml credentials\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / NAME).touch(mode=0o600)
    (tmp_path / NAME).write_text(example)
    assert Credentials.of(tmp_path).get("https://github.com/acme/app.git")


def test_each_page_can_be_reached_from_the_first() -> None:
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop().resolve()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        found = LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
        left += [page.parent / link for link, _ in found if link and (page.parent / link).is_file()]
    assert sorted(page.name for page in GUIDES if page.resolve() not in reached) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_the_programs_and_policies_of_a_guide_are_well_formed(page: Path) -> None:
    """A policy loads; a program parses (the ten lines run in tests/test_session.py)."""
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            ast.parse(body)
        if kind == "toml":
            ceiling = OwnerChoices(profile="" if "profile =" in body else "release")
            load_policy([LayerFile("--policy", page.name, body.encode(), trusted=True, why="")], ceiling)


def test_the_first_screen_has_the_two_commands_the_ten_lines_and_the_levels() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    order = ["make demo", "make test", 'Session(profile="safe_pr_fixer")', "`cooperative`", "`sealed`", "`vm`"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)


def test_planted_promises_are_found(tmp_path: Path) -> None:
    text = "[x](nowhere.md) [y](https://example.com)\n```sh\nnucleus fly\nmake gold\nnucleus policy show\n```\n"
    assert broken_links(tmp_path / "page.md", text) == ["nowhere.md"]
    assert unknown_words(text, {"policy"}, {"test"}) == ["fly", "gold"]
    assert broken_links(ROOT / "README.md", "# Here\n[a](#here) [b](#gone)\n") == ["#gone"]
    assert wrong_calls("nucleus policy show --fast\nnucleus trace verify [--checkpoint F] FILE   is it?\n") == [
        "policy show --fast"
    ]
