"""A baseline knows findings by fingerprint, and nothing else of them."""

import pytest

from nucleus.audit import baseline
from nucleus.audit.engine import audit
from nucleus.audit.settings import Settings
from nucleus.errors import PolicyError
from tests.audit.printed import project_of

TEXT = '{"mcpServers": {"x": {"command": "npx", "args": ["-y", "mail-tool", "--token", "hunter2-9f3kd82kQ"]}}}'


def test_what_is_known_does_not_count_also_when_lines_move() -> None:
    first = audit(project_of({".mcp.json": TEXT}), Settings())
    known = baseline.read(baseline.written(first.findings), "b.json")
    again = audit(project_of({".mcp.json": "\n\n" + TEXT}), Settings(baseline=known))
    assert again.findings == []
    assert len(again.known) == len(first.findings) > 0


def test_a_new_finding_counts() -> None:
    first = audit(project_of({".mcp.json": TEXT}), Settings())
    known = baseline.read(baseline.written(first.findings), "b.json")
    more = project_of({".mcp.json": TEXT, ".claude/settings.json": '{"enableAllProjectMcpServers": true}'})
    assert [f.rule.id for f in audit(more, Settings(baseline=known)).findings] == ["project-servers-enabled"]


def test_it_holds_no_secret() -> None:
    assert "hunter2" not in baseline.written(audit(project_of({".mcp.json": TEXT}), Settings()).findings)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}'])
def test_what_is_no_baseline_is_an_error(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        baseline.read(text, "b.json")
    assert caught.value.path == "b.json"
