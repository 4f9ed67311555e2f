"""environment-inherited: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".codex/config.toml": """\
[shell_environment_policy]
inherit = "all"
ignore_default_excludes = true
""",
}
PRINTED = """\
medium[environment-inherited]: variables that hold keys and tokens reach every command
 --> .codex/config.toml:3:27
  |
3 | ignore_default_excludes = true
  |                           ^^^^
  = fix: keep the filter (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".codex/config.toml": """\
[shell_environment_policy]
inherit = "core"
""",
}


def test_the_missing_filter_is_found() -> None:
    """The missing filter is found."""
    assert printed("environment-inherited", FOUND) == PRINTED


def test_with_the_filter_it_is_not() -> None:
    """With the filter it is not."""
    assert printed("environment-inherited", LEFT_ALONE) == ""
