"""domain-rules-without-proxy: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".codex/config.toml": """\
default_permissions = "work"

[permissions.work.network]
enabled = true
domains = { "docs.python.org" = "allow" }
""",
}
PRINTED = """\
high[domain-rules-without-proxy]: the domain rules of 'work' limit nothing without features.network_proxy = true: every host is open
 --> .codex/config.toml:4:11
  |
4 | enabled = true
  |           ^^^^
"""
LEFT_ALONE = {
    ".codex/config.toml": """\
default_permissions = "work"

[features]
network_proxy = true

[permissions.work.network]
enabled = true
domains = { "docs.python.org" = "allow" }
""",
}


def test_rules_without_the_proxy_are_found() -> None:
    """Rules without the proxy are found."""
    assert printed("domain-rules-without-proxy", FOUND) == PRINTED


def test_with_the_proxy_they_are_not() -> None:
    """With the proxy they are not."""
    assert printed("domain-rules-without-proxy", LEFT_ALONE) == ""
