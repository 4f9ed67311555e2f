"""invalid-policy: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "nucleus.toml": """\
version = 1
profile = "read_onyl"
""",
}
PRINTED = """\
high[invalid-policy]: unknown profile 'read_onyl'; did you mean 'read_only'?
 --> nucleus.toml:2:1
  |
2 | profile = "read_onyl"
  | ^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "nucleus.toml": """\
version = 1
profile = "read_only"
""",
}


def test_what_the_loader_refuses_is_found() -> None:
    """What the loader refuses is found."""
    assert printed("invalid-policy", FOUND) == PRINTED


def test_a_valid_policy_is_not() -> None:
    """A valid policy is not."""
    assert printed("invalid-policy", LEFT_ALONE) == ""
