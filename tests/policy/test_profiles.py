"""The ten profiles: real scopes, complete budgets, and no way around them."""

import pytest

from nucleus.errors import PolicyError
from nucleus.kernel import capability
from nucleus.policy.profiles import profile_names, read_profile
from nucleus.policy.schema import BUDGETS, CAPABILITIES
from tests.policy.policies import policy

TABLE = """
safe_pr_fixer A A A A A A N L 120
doc_editor    A A N N A A L L 60
test_runner   A A A N N N N N 30
triage_bot    A N N A A N N L 30
code_review   A N A A A N N L 30
codegen       A A A N A A N N 60
release       A A A A A A L L 120
research_web  A A N A A N N N 45
read_only     A N N N N N N N 30
local_dev     A A A N A A N N 120
"""
COLUMNS = (
    ("read_files", "glob_search", "grep_search"),
    ("write_files", "edit_files"),
    ("run_bash",),
    ("web_search",),
    ("web_fetch",),
    ("git_commit",),
    ("git_push",),
    ("create_pr",),
)
LEVELS = {"A": capability.ALWAYS, "L": capability.LOW_RISK, "N": capability.NEVER}
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_profile_has_the_levels_and_minutes_of_the_table(row: list[str]) -> None:
    name, *cells, minutes = row
    found = policy(profile=name)
    for names, cell in zip(COLUMNS, cells, strict=True):
        for one in names:
            assert capability.level(found.authority, CAPABILITIES.index(one)) == LEVELS[cell], one
    assert capability.level(found.authority, CAPABILITIES.index("manage_pods")) == capability.NEVER
    assert found.budget.seconds == int(minutes) * 60


def test_there_are_ten() -> None:
    assert sorted(row[0] for row in ROWS) == list(profile_names())


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_bounds_everything_that_can_be_spent(name: str) -> None:
    assert set(read_profile(name).table("budget")) == set(BUDGETS)
    assert 1 <= read_profile(name).table("budget")["usd"] <= 5


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(PolicyError) as caught:
        read_profile("../read_only")
    assert "read_only" in caught.value.fix
