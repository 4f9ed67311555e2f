"""agent-secrets: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        env:
          NPM_TOKEN: ${{ secrets.NPM_TOKEN }}

""",
}
PRINTED = """\
medium[agent-secrets]: the agent can read and print NPM_TOKEN
 --> .github/workflows/agent.yml:11:22
   |
11 |           NPM_TOKEN: ${{ secrets.NPM_TOKEN }}
   |                      ^^^^^^^^^^^^^^^^^^^^^^^^
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
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          anthropic_api_key: ${{ secrets.ANTHROPIC_API_KEY }}

""",
}


def test_another_secret_in_reach_is_found() -> None:
    """Another secret in reach is found."""
    assert printed("agent-secrets", FOUND) == PRINTED


def test_its_own_key_is_not() -> None:
    """Its own key is not."""
    assert printed("agent-secrets", LEFT_ALONE) == ""
