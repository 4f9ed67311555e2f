"""A comment on a pull request."""

from nucleus.audit.engine import audit
from nucleus.audit.output import markdown
from nucleus.audit.settings import Settings
from tests.audit.output.reported import report
from tests.audit.printed import project_of


def test_the_comment_is_found_again_by_its_first_line() -> None:
    assert markdown.render(report()).splitlines()[0] == markdown.MARKER


def test_a_row_for_each_finding() -> None:
    rows = [line for line in markdown.render(report()).splitlines() if line.startswith("| high | ")]
    assert rows[0] == (
        "| high | `project-servers-enabled` | `.claude/settings.json:1` | whatever servers a project file names are "
        "started without asking |"
    )


def test_no_name_can_leave_its_cell_or_bring_a_link() -> None:
    """Names come from the files, and files come from strangers."""
    name = "a|b [x](https://evil.example) <img src=x> @team"
    files = {".mcp.json": f'{{"mcpServers": {{"{name}": {{"command": "npx", "args": ["z"]}}}}}}'}
    text = markdown.render(audit(project_of(files), Settings()))
    row = next(line for line in text.splitlines() if "floating-package" in line)
    assert row.count("|") == 5
    assert [part for part in ("[x](", "<img", "@team", "https://") if part in row] == []


def test_a_long_report_is_cut_with_the_number_of_the_rest() -> None:
    servers = ", ".join(f'"s{n}": {{"command": "npx", "args": ["t{n}"]}}' for n in range(60))
    text = markdown.render(audit(project_of({".mcp.json": f'{{"mcpServers": {{{servers}}}}}'}), Settings()))
    assert "11 more are in the log." in text
