"""repository-unprotected: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/settings.yml": """\
branches:
  - name: main
    protection:
      required_pull_request_reviews: null
      allow_force_pushes: true
""",
    ".github/rulesets/main.json": """\
{
  "target": "branch",
  "enforcement": "evaluate",
  "rules": [{ "type": "deletion" }]
}
""",
}
PRINTED = """\
medium[repository-unprotected]: this ruleset is not enforced
 --> .github/rulesets/main.json:3:18
  |
3 |   "enforcement": "evaluate",
  |                  ^^^^^^^^^^

medium[repository-unprotected]: this ruleset asks for no pull request
 --> .github/rulesets/main.json:4:3
  |
4 |   "rules": [{ "type": "deletion" }]
  |   ^^^^^^^

medium[repository-unprotected]: 'main' takes changes without a review
 --> .github/settings.yml:4:7
  |
4 |       required_pull_request_reviews: null
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

medium[repository-unprotected]: 'main' takes force pushes
 --> .github/settings.yml:5:27
  |
5 |       allow_force_pushes: true
  |                           ^^^^
"""
LEFT_ALONE = {
    ".github/settings.yml": """\
branches:
  - name: main
    protection:
      required_pull_request_reviews:
        required_approving_review_count: 1
""",
}


def test_ways_around_review_are_found() -> None:
    """Ways around review are found."""
    assert printed("repository-unprotected", FOUND) == PRINTED


def test_a_required_review_is_not() -> None:
    """A required review is not."""
    assert printed("repository-unprotected", LEFT_ALONE) == ""
