"""The terminal: source line with caret, colour only where asked for, a summary."""

from nucleus.audit.engine import audit
from nucleus.audit.output import text
from nucleus.audit.settings import Settings
from tests.audit.output.reported import report
from tests.audit.printed import project_of


def test_a_finding_shows_place_line_caret_and_fix() -> None:
    printed = text.render(report())
    assert (
        """\
high[project-servers-enabled]: whatever servers a project file names are started without asking
 --> .claude/settings.json:1:3
  |
1 | { "enableAllProjectMcpServers": true, "permissions": { "allow": ["Read", "Bash(curl:*)"] } }
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = fix: ask for each server (--fix)
"""
        in printed
    )


def test_the_summary_counts_what_is_shown_and_what_is_not() -> None:
    last = text.render(report()).splitlines()[-1]
    assert last == (
        "5 findings (3 high, 1 medium, 1 low) in 2 files; 1 suppressed; 3 not shown (--persona auditor shows all); "
        "2 fixable with --fix"
    )


def test_colour_is_only_where_it_was_asked_for_and_a_name_can_not_bring_its_own() -> None:
    assert "\x1b" not in text.render(report())
    assert "\x1b[1;31mhigh" in text.render(report(), color=True)
    assert "\x1b[31m" not in text.render(report(), color=True)


def test_a_long_line_is_cut_around_the_place() -> None:
    line = '{"x": "' + "a" * 300 + '", "enableAllProjectMcpServers": true, "y": "' + "b" * 300 + '"}\n'
    printed = text.render(audit(project_of({".claude/settings.json": line}), Settings()))
    shown, caret = printed.splitlines()[3:5]
    assert shown[caret.index("^") : caret.rindex("^") + 1] == '"enableAllProjectMcpServers": true'
    assert len(shown) < 140


def test_nothing_found_and_nothing_to_read_are_told_apart() -> None:
    assert text.render(audit(project_of({}), Settings())) == "no agent configuration found\n"
    assert text.render(audit(project_of({".mcp.json": "{}"}), Settings())) == "nothing found in 1 file\n"
