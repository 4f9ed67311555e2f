"""The pages promise only what is there: links, commands, targets, policies, programs."""

import ast
import re
from pathlib import Path

import pytest

from nucleus.cli import available
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from tests.house.source import ROOT, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "quickstart.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def broken_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    prose = BLOCK.sub("", text)
    return [link for link in LINK.findall(prose) if not (page.parent / link).exists()]


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
def test_the_programs_and_policies_of_a_guide_are_well_formed(page: Path) -> None:
    """A policy loads; a program parses (the ten lines run in tests/test_session.py)."""
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            ast.parse(body)
        if kind == "toml":
            load_policy([LayerFile("--policy", page.name, body.encode(), trusted=True, why="")], OwnerChoices())


def test_the_first_screen_has_the_two_commands_the_ten_lines_and_the_levels() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    order = ["make demo", "make test", 'Session(profile="safe_pr_fixer")', "`cooperative`", "`sealed`", "`vm`"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)


def test_planted_promises_are_found(tmp_path: Path) -> None:
    text = "[x](nowhere.md) [y](https://example.com)\n```sh\nnucleus fly\nmake gold\nnucleus policy show\n```\n"
    assert broken_links(tmp_path / "page.md", text) == ["nowhere.md"]
    assert unknown_words(text, {"policy"}, {"test"}) == ["fly", "gold"]
