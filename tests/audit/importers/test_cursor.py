"""Cursor's settings."""

from tests.audit.importers.imported import body, imported


def test_permissions_of_the_command_line() -> None:
    found = imported(
        "cursor",
        ".cursor/cli.json",
        {"permissions": {"allow": ["Shell(ls)", "Read(src/**)", "Mcp(github:get_issue)"], "deny": ["Write(**/*.env)"]}},
    )
    assert body(found) == [
        "[allow]",
        'commands = ["ls"]',
        'read = ["src/**"]',
        "[deny]",
        'write = ["**/*.env"]',
        "[mcp.github]",
        'allow = ["get_issue"]',
    ]


def test_the_sandbox() -> None:
    found = imported(
        "cursor",
        ".cursor/sandbox.json",
        {
            "networkPolicy": {"allow": ["docs.python.org"], "deny": ["bad.example"]},
            "additionalReadwritePaths": ["/data"],
        },
    )
    assert body(found) == [
        "[allow]",
        'fetch = ["docs.python.org"]',
        'write = ["/data/**"]',
        "[deny]",
        'fetch = ["bad.example"]',
    ]


def test_servers_are_named_not_allowed() -> None:
    (line,) = imported("cursor", ".cursor/mcp.json", {"mcpServers": {"x": {"command": "y"}}}).lost
    assert "[mcp.NAME] allow" in line
