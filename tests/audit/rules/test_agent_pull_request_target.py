"""agent-pull-request-target: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  pull_request_target:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789

""",
}
PRINTED = """\
high[agent-pull-request-target]: pull_request_target runs this agent with the repository's secrets and checks out the stranger's code
 --> .github/workflows/agent.yml:2:3
  |
2 |   pull_request_target:
  |   ^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789

""",
}


def test_secrets_on_a_strangers_code_are_found() -> None:
    """Secrets on a stranger's code are found."""
    assert printed("agent-pull-request-target", FOUND) == PRINTED


def test_pull_request_is_not() -> None:
    """Pull_request is not."""
    assert printed("agent-pull-request-target", LEFT_ALONE) == ""
