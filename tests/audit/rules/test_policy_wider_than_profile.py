"""policy-wider-than-profile: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    "nucleus.toml": """\
version = 1
profile = "read_only"

[capabilities]
shell = "always"
""",
}
PRINTED = """\
high[policy-wider-than-profile]: shell = 'always' is above profile 'read_only', which gives run_bash 'never'; at most 'never', or another profile
 --> nucleus.toml:5:1
  |
5 | shell = "always"
  | ^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "nucleus.toml": """\
version = 1
profile = "safe_pr_fixer"

[capabilities]
shell = "never"
""",
}


def test_a_level_above_the_profile_is_found() -> None:
    """A level above the profile is found."""
    assert printed("policy-wider-than-profile", FOUND) == PRINTED


def test_a_level_below_it_is_not() -> None:
    """A level below it is not."""
    assert printed("policy-wider-than-profile", LEFT_ALONE) == ""
