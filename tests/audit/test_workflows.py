"""Steps of workflows that run agents."""

import pytest

from nucleus.audit.workflows import AGENT_COMMAND, BYPASS_FLAG, UNTRUSTED_TEXT, AgentStep
from tests.audit.printed import project_of


def step(text: str) -> AgentStep:
    (found,) = project_of({".github/workflows/a.yml": text}).agents
    return found


ACTION = "jobs:\n  a:\n    steps:\n      - uses: anthropics/claude-code-action@v1\n"


@pytest.mark.parametrize(
    "command",
    [
        'claude -p "fix"',
        "npx -y @anthropic-ai/claude-code -p x",
        "codex exec --full-auto x",
        "cat prompt | gemini --yolo",
        "OUT=$(claude -p x)",
        "opencode run x",
        "timeout 60 aider --message x",
        "cursor-agent -p x",
    ],
)
def test_commands_that_start_an_agent_are_known(command: str) -> None:
    assert AGENT_COMMAND.search(f"set -e\n{command}\n")


@pytest.mark.parametrize(
    "command", ["echo claude", "npm run claude", "cat CLAUDE.md", "codex --version", "./gemini.sh"]
)
def test_other_commands_are_not(command: str) -> None:
    assert not AGENT_COMMAND.search(f"{command}\n")


def test_a_comment_starts_nothing() -> None:
    text = "jobs:\n  a:\n    steps:\n      - run: |\n          # claude -p x\n          echo done\n"
    assert project_of({".github/workflows/a.yml": text}).agents == []


@pytest.mark.parametrize("on", ["on: issues\n", "on: [issues]\n", "on:\n  issues:\n    types: [opened]\n"])
def test_events_in_every_form(on: str) -> None:
    assert step(on + ACTION).stranger_events() == ["issues"]


def test_permissions_of_the_job_go_before_those_of_the_workflow() -> None:
    text = (
        "on: push\npermissions: write-all\njobs:\n  a:\n    permissions:\n      contents: read\n      issues: write\n"
    )
    found = step(text + "      id-token: write\n    steps:\n      - uses: anthropics/claude-code-action@v1\n")
    assert found.can_write() == ["issues"]


def test_without_permissions_the_default_may_write_everything() -> None:
    assert step("on: push\n" + ACTION).can_write() == ["*"]
    assert step("on: push\npermissions: read-all\n" + ACTION).can_write() == []


def test_strangers_are_kept_out_by_the_action_by_a_condition_or_by_a_job_before() -> None:
    """And let in by the input that switches the check off."""
    assert not step("on: issues\n" + ACTION).reachable()
    assert step("on: issues\n" + ACTION + '        with:\n          allowed_non_write_users: "*"\n').reachable()
    run = "    steps:\n      - run: claude -p x\n"
    assert step("on: issues\njobs:\n  a:\n" + run).reachable()
    assert not step("on: push\njobs:\n  a:\n" + run).reachable()
    assert not step("on: issues\njobs:\n  a:\n    if: github.actor == 'me'\n" + run).reachable()
    before = "  gate:\n    steps:\n      - run: check author_association\n"
    assert not step("on: issues\njobs:\n" + before + "  a:\n    needs: gate\n" + run).reachable()


@pytest.mark.parametrize(
    "inputs",
    [
        'claude_args: --allowedTools "Read,Grep"',
        "allowed_tools: Read,Grep",
        'settings: \'{"tools": {"core": ["Read", "Grep"]}}\'',
    ],
)
def test_lists_of_tools_in_every_form(inputs: str) -> None:
    found = step("on: push\n" + ACTION + "        with:\n          " + inputs + "\n")
    assert [text for _, text in found.tool_lists()] == ["Read,Grep"]


def test_composite_actions_have_steps_too() -> None:
    text = "runs:\n  using: composite\n  steps:\n    - run: codex exec x\n      shell: bash\n"
    assert len(project_of({"action.yml": text}).agents) == 1


def test_untrusted_text_is_what_strangers_write() -> None:
    assert UNTRUSTED_TEXT.search("${{ github.event.issue.title }}")
    assert UNTRUSTED_TEXT.search("${{ format('{0}', github.event.comment.body) }}")
    assert UNTRUSTED_TEXT.search("${{ github.head_ref }}")
    assert not UNTRUSTED_TEXT.search("${{ github.event.issue.number }} ${{ github.sha }}")


@pytest.mark.parametrize(
    "flag", ["--dangerously-skip-permissions", "--yolo", "--permission-mode bypassPermissions", "--allow-all-tools"]
)
def test_flags_that_switch_questions_off(flag: str) -> None:
    assert BYPASS_FLAG.search(f"agent {flag} -p x")
    assert not BYPASS_FLAG.search("agent --yolo-free --yesterday")
