"""unrestricted-fetch: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "WebFetch(domain:*)"
    ]
  }
}
""",
}
PRINTED = """\
medium[unrestricted-fetch]: 'WebFetch(domain:*)' opens any address without a question; name the hosts
 --> .claude/settings.json:4:7
  |
4 |       "WebFetch(domain:*)"
  |       ^^^^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "WebFetch(domain:docs.python.org)"
    ]
  }
}
""",
}


def test_fetch_from_anywhere_is_found() -> None:
    """Fetch from anywhere is found."""
    assert printed("unrestricted-fetch", FOUND) == PRINTED


def test_named_hosts_are_not() -> None:
    """Named hosts are not."""
    assert printed("unrestricted-fetch", LEFT_ALONE) == ""
