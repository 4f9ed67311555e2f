"""The suggested policy is loadable, minimal, and its answer is the kernel's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit import legs
from nucleus.audit.suggest import closest_profile, smallest, suggest, used_authority
from nucleus.kernel import capability as cap
from nucleus.kernel import decide
from nucleus.policy import legs as table
from nucleus.policy.load import LayerFile, load_policy
from nucleus.policy.profiles import profile_names
from tests.audit.printed import project_of

MAIL = {"command": "npx", "args": ["-y", "gmail-mcp@1.0.0"], "autoApprove": ["read_message"]}


def loaded(text: str) -> int:
    return load_policy([LayerFile("--policy", "nucleus.toml", text.encode(), trusted=True, why="test")]).authority


@given(st.sets(st.sampled_from(list(table.ROWS.values())), min_size=1, max_size=6))
def test_what_completes_the_legs_today_is_not_allowed_under_the_suggestion(rows: set[table.Row]) -> None:
    """For every mix of rows; checked by the kernel, under the policy as the product loads it."""
    found = smallest(list(rows))
    assert loaded(found.text) >= cap.NOTHING
    if found.path:
        assert found.verdict in {decide.ASK, decide.DENY}
        assert found.rules


@given(st.sets(st.sampled_from(list(table.ROWS.values())), min_size=1, max_size=6))
def test_what_is_used_is_kept_or_named_as_lost(rows: set[table.Row]) -> None:
    found = smallest(list(rows))
    authority = loaded(found.text)
    for row in rows:
        kept = cap.level(authority, row.op) != cap.NEVER
        assert kept != (table.CAPABILITY_NAMES[row.op] in found.lost)


@given(st.sets(st.sampled_from(list(table.ROWS.values())), min_size=1, max_size=6))
def test_nothing_is_given_that_is_not_used(rows: set[table.Row]) -> None:
    assert cap.leq(loaded(smallest(list(rows)).text), used_authority(rows))


def test_switched_off_the_attack_succeeds() -> None:
    """Under the authority in use today, with the exposure rule out of the way, the last call goes through."""
    rows = [table.WORKSPACE_READ, table.SEARCH, table.PUBLISH]
    path = legs.witness(rows)
    assert path
    assert all(cap.level(used_authority(rows), row.op) == cap.ALWAYS for row in path)


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_is_closest_to_itself_or_to_one_that_gives_the_same(name: str) -> None:
    from nucleus.policy.load import OwnerChoices

    authority = load_policy([], OwnerChoices(profile=name)).authority
    closest = load_policy([], OwnerChoices(profile=closest_profile(authority))).authority
    assert closest & cap.LOW_BITS == authority & cap.LOW_BITS


def test_the_report_has_policy_witness_allow_list_and_wrap_line() -> None:
    text = suggest(project_of({".kiro/settings/mcp.json": json.dumps({"mcpServers": {"mail": MAIL}})}))
    assert text == (
        """\
# nucleus.toml: the smallest built-in profile for what is used here is triage_bot
version = 1
profile = "triage_bot"

[capabilities]
glob_search = "never"
grep_search = "never"
web_search = "never"
web_fetch = "never"

# today, without a question: reads private data, reads untrusted content; then can send data out
# under this policy the kernel's answer: asked about (rule uninhabitable, low_risk)

# kiro: only these tools without a question
{
  "mcpServers": {
    "mail": {
      "autoApprove": [
        "read_message"
      ]
    }
  }
}

# the mediator in front of each server:
# nucleus mcp wrap .kiro/settings/mcp.json
"""
    )


@pytest.mark.parametrize(
    ("path", "key", "words"),
    [
        (".codex/config.toml", "", "enabled_tools = []"),
        (".gemini/settings.json", "mcpServers", '"includeTools": []'),
        (".cursor/mcp.json", "mcpServers", '"allow": []'),
        ("opencode.json", "mcp", '"mail_*": "ask"'),
        (".roo/mcp.json", "mcpServers", '"alwaysAllow": []'),
        (".mcp.json", "mcpServers", '"allow": []'),
    ],
)
def test_each_client_gets_its_own_form(path: str, key: str, words: str) -> None:
    entry = {"command": "npx", "args": ["gmail-mcp"]}
    toml = '[mcp_servers.mail]\ncommand = "npx"\nargs = ["gmail-mcp"]\n'
    text = suggest(project_of({path: json.dumps({key: {"mail": entry}}) if key else toml}))
    assert words in text
    assert "tools of mail are not named anywhere" in text


def test_nothing_to_limit_is_said() -> None:
    assert suggest(project_of({})) == "nothing here gives an agent any power that could be limited\n"
