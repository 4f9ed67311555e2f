"""agent-open-output: what is printed, to the letter, and what is left alone."""

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
        with:
          show_full_output: "true"

""",
}
PRINTED = """\
medium[agent-open-output]: show_full_output: file contents and tool results are printed to the log
 --> .github/workflows/agent.yml:11:29
   |
11 |           show_full_output: "true"
   |                             ^^^^^^
  = fix: print less (--fix --unsafe-fixes)
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
          show_full_output: "false"

""",
}


def test_full_output_is_found() -> None:
    """Full output is found."""
    assert printed("agent-open-output", FOUND) == PRINTED


def test_switched_off_it_is_not() -> None:
    """Switched off it is not."""
    assert printed("agent-open-output", LEFT_ALONE) == ""
