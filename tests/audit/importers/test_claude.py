"""Claude Code's settings."""

from tests.audit.importers.imported import body, imported

SETTINGS = {
    "permissions": {
        "allow": [
            "Read(src/**)",
            "Edit(/docs/**)",
            "Bash(npm run build)",
            "WebFetch(domain:docs.python.org)",
            "mcp__github__get_issue",
        ],
        "ask": ["Bash(git push *)"],
        "deny": ["Read(./.env)", "Bash(rm *)"],
        "additionalDirectories": ["/data/shared", "../other"],
        "defaultMode": "bypassPermissions",
    },
    "sandbox": {"network": {"allowedDomains": ["example.org"]}, "excludedCommands": ["docker"]},
    "hooks": {},
}


def test_rules_directories_and_hosts_are_carried_over() -> None:
    found = imported("claude", ".claude/settings.json", SETTINGS)
    assert body(found) == [
        "[allow]",
        'read = ["src/**", "/data/shared/**"]',
        'write = ["docs/**", "/data/shared/**"]',
        'commands = ["npm run build"]',
        'fetch = ["docs.python.org", "example.org"]',
        "[ask]",
        'commands = ["git push **"]',
        "[deny]",
        'read = [".env"]',
        'commands = ["rm **"]',
        "[mcp.github]",
        'allow = ["get_issue"]',
    ]


def test_modes_hooks_and_excluded_commands_are_named() -> None:
    lost = " ".join(imported("claude", ".claude/settings.json", SETTINGS).lost)
    for word in ("bypassPermissions", "hooks", "excludedCommands", "../other"):
        assert word in lost
