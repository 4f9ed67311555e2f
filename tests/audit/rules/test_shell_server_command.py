"""shell-server-command: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".codex/config.toml": """\
[mcp_servers.tools]
command = "bash"
args = ["-lc", "cd \\"$(pwd)\\" && exec ./start.sh"]
""",
}
PRINTED = """\
medium[shell-server-command]: server 'tools' runs text through bash; name the program and its arguments instead
 --> .codex/config.toml:3:16
  |
3 | args = ["-lc", "cd \\"$(pwd)\\" && exec ./start.sh"]
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "cmd", "args": ["/c", "npx", "-y", "some-server@1.0.0"] }
  }
}
""",
}


def test_shell_text_as_a_server_command_is_found() -> None:
    """Shell text as a server command is found."""
    assert printed("shell-server-command", FOUND) == PRINTED


def test_a_launcher_behind_cmd_is_looked_through() -> None:
    """A launcher behind cmd is looked through."""
    assert printed("shell-server-command", LEFT_ALONE) == ""
