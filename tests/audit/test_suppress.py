"""A finding is kept only with a reason."""

import pytest

from nucleus.audit.engine import Result, audit
from nucleus.audit.model import Persona
from nucleus.audit.settings import Settings
from tests.audit.printed import project_of

ENTRY = '"x": { "command": "npx", "args": ["-y", "some-tool"] }'


def report(mark: str, *, same_line: bool = False) -> Result:
    lines = f"{ENTRY} // {mark}" if same_line else f"// {mark}\n{ENTRY}"
    text = '{ "mcpServers": {\n' + lines + "\n} }\n"
    return audit(project_of({".mcp.json": text}), Settings(persona=Persona.PEDANTIC))


def ids(result: Result) -> set[str]:
    return {finding.rule.id for finding in result.findings} - {"unmediated-server", "server-three-legs"}


@pytest.mark.parametrize("same_line", [False, True])
def test_with_a_reason_it_is_kept_and_told(same_line: bool) -> None:
    result = report("nucleus: ignore[floating-package] because it is our own", same_line=same_line)
    assert ids(result) == set()
    assert [finding.suppressed for finding in result.suppressed] == ["it is our own"]


@pytest.mark.parametrize("mark", ["nucleus: ignore[floating-package]", "nucleus: ignore[floating-package] because "])
def test_without_a_reason_nothing_is_kept_and_that_is_a_finding(mark: str) -> None:
    assert ids(report(mark)) == {"floating-package", "suppression-without-reason"}


def test_a_suppression_of_nothing_is_told_to_the_pedantic() -> None:
    assert ids(report("nucleus: ignore[bypass-mode] because x")) == {"floating-package", "unused-suppression"}


def test_json_without_comments_has_the_words_in_a_key() -> None:
    text = '{ "mcpServers": { "x": {\n"//": "nucleus: ignore[floating-package] because it is ours",\n'
    text += '"command": "npx", "args": ["-y", "some-tool"] } } }\n'
    result = audit(project_of({".mcp.json": text}), Settings())
    assert ids(result) == set()


def test_two_lines_away_nothing_is_kept() -> None:
    text = '{ "mcpServers": {\n// nucleus: ignore[floating-package] because x\n\n' + ENTRY + "\n} }\n"
    assert "floating-package" in ids(audit(project_of({".mcp.json": text}), Settings()))
