"""Annotations on the lines of a pull request."""

from nucleus.audit.engine import audit
from nucleus.audit.output import github
from nucleus.audit.settings import Settings
from tests.audit.output.reported import report
from tests.audit.printed import project_of


def test_each_severity_has_its_level() -> None:
    levels = [line.split(" ", 1)[0] for line in github.render(report()).splitlines()]
    assert levels == ["::error", "::error", "::error", "::warning", "::notice"]


def test_a_place_is_named_in_full() -> None:
    line = next(line for line in github.render(report()).splitlines() if "project-servers-enabled" in line)
    assert line == (
        "::error file=.claude/settings.json,line=1,col=3,endLine=1,endColumn=37,title=project-servers-enabled::"
        "whatever servers a project file names are started without asking"
    )


def test_no_name_can_start_a_command_of_its_own() -> None:
    """A line end in a name would be a second workflow command."""
    files = {".mcp.json": '{"mcpServers": {"a\\n::set-env name=x::y": {"command": "npx", "args": ["z%0A"]}}}'}
    lines = github.render(audit(project_of(files), Settings())).splitlines()
    assert all(line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in lines)
