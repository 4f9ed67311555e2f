"""automatic-approval: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".kiro/settings/mcp.json": """\
{
  "mcpServers": {
    "mail": { "url": "https://mail.example.com/mcp", "autoApprove": ["send_message", "list_folders"] }
  }
}
""",
    ".gemini/settings.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["s.js"], "trust": true }
  }
}
""",
}
PRINTED = """\
high[automatic-approval]: every tool of server 'x' runs without a question
 --> .gemini/settings.json:3:58
  |
3 |     "x": { "command": "node", "args": ["s.js"], "trust": true }
  |                                                          ^^^^
  = fix: ask again (--fix)

medium[automatic-approval]: tool 'send_message' of server 'mail' runs without a question
 --> .kiro/settings/mcp.json:3:70
  |
3 |     "mail": { "url": "https://mail.example.com/mcp", "autoApprove": ["send_message", "list_folders"] }
  |                                                                      ^^^^^^^^^^^^^^

low[automatic-approval]: tool 'list_folders' of server 'mail' runs without a question
 --> .kiro/settings/mcp.json:3:86
  |
3 |     "mail": { "url": "https://mail.example.com/mcp", "autoApprove": ["send_message", "list_folders"] }
  |                                                                                      ^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".kiro/settings/mcp.json": """\
{
  "mcpServers": {
    "mail": { "url": "https://mail.example.com/mcp", "autoApprove": [] }
  }
}
""",
}


def test_approved_tools_and_trust_are_found() -> None:
    """Approved tools and trust are found."""
    assert printed("automatic-approval", FOUND) == PRINTED


def test_an_empty_list_is_not() -> None:
    """An empty list is not."""
    assert printed("automatic-approval", LEFT_ALONE) == ""
