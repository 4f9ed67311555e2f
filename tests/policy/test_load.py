"""From files to one policy: layers met, the profile as a ceiling, grants only from the trusted."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from nucleus.errors import PolicyError
from nucleus.kernel import capability
from nucleus.policy.constraints import ALLOW, ASK, DENY
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy, with_remotes
from nucleus.policy.model import CALL_COST, KEYS, Policy
from nucleus.policy.profiles import profile_names
from nucleus.policy.restrict import leq
from tests.policy.policies import EXAMPLE, layer, policy

PAGE = "https://docs.python.org/3/"


def level(found: object, name: str) -> int:
    from nucleus.policy.schema import CAPABILITIES

    return capability.level(found.authority, CAPABILITIES.index(name))


def refused(*layers: object, **choices: object) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        policy(*layers, **choices)
    return caught.value


def test_the_example_of_the_manual_means_what_its_comments_say() -> None:
    found = policy(EXAMPLE)
    write, fetch = found.scopes["write"], found.scopes["fetch"]
    assert write.judge("src/a.py").scope == ALLOW
    assert write.judge("README.md").where == "nucleus.toml:4"
    assert fetch.judge(PAGE).named
    assert fetch.judge("https://elsewhere.example/").scope == ASK, "the profile asks for hosts that nobody names"
    assert fetch.judge("https://wiki.internal/").scope == DENY
    assert "no intranet" in fetch.judge("https://wiki.internal/").why
    assert found.scopes["branches"].judge("release/1").scope == ASK
    assert found.scopes["read"].judge("a/.env.local").scope == DENY
    assert found.labels.untrusted.find("vendor/x.py").where == "nucleus.toml:11"
    assert found.labels.public.judge("README.md").scope == ALLOW
    assert level(found, "git_push") == capability.NEVER
    assert found.mcp["github"].tools.judge("get_issue").scope == ALLOW
    assert found.mcp["github"].tools.judge("delete_repo").scope == ASK
    assert found.budget.seconds == 7200
    assert found.budget.micro_units == found.budget.calls * CALL_COST
    assert set(found.scopes) == set(KEYS)
    assert found.notes == ()


def test_a_file_in_the_workspace_only_tightens() -> None:
    """The defence switched off: the same bytes, trusted, do grant."""
    bare = policy(profile="safe_pr_fixer")
    stranger = policy(layer(EXAMPLE, trusted=False), profile="safe_pr_fixer")
    assert leq(stranger, bare)
    assert stranger.scopes["fetch"].judge(PAGE).scope == ASK
    assert stranger.scopes["read"].judge("secrets/a").scope == DENY, "its limits hold"
    assert stranger.labels.public.judge("README.md").scope == DENY
    assert stranger.labels.untrusted.find("vendor/x") is not None
    assert stranger.mcp["github"].tools.judge("get_issue").scope == ASK
    assert len(stranger.notes) == 1
    assert "[allow] (line 3), [mcp] (line 15), [labels] public (line 12)" in stranger.notes[0]
    assert not leq(policy(EXAMPLE), bare)


def test_a_stranger_s_profile_is_one_more_ceiling_and_never_the_only_one() -> None:
    stranger = layer('profile = "read_only"', trusted=False)
    found = policy(stranger, profile="local_dev")
    assert found.profile == "local_dev & read_only"
    assert level(found, "run_bash") == capability.NEVER
    error = refused(layer('profile = "local_dev"', trusted=False))
    assert "not trusted" in error.message
    assert "nucleus policy trust nucleus.toml" in error.fix


def test_no_profile_at_all_is_an_error_with_the_fix() -> None:
    assert "--profile" in refused().fix
    assert "did you mean 'read_only'" in refused(profile="read_onyl").fix
    error = refused('version = 1\nprofile = "safe_pr_fixr"')
    assert str(error).startswith("nucleus.toml:2: unknown profile")
    assert error.fix == "did you mean 'safe_pr_fixer'?"


def test_all_layers_must_agree() -> None:
    one = layer('[allow]\nwrite = ["src/**"]', path="user.toml")
    two = layer('[allow]\nwrite = ["src/a/**", "docs/**"]\n[ask]\nwrite = ["src/a/x"]')
    found = policy(one, two, profile="safe_pr_fixer").scopes["write"]
    assert [found.judge(path).scope for path in ("src/a/b.py", "src/a/x", "docs/a.md")] == [ALLOW, ASK, ASK]


@pytest.mark.parametrize("name", profile_names())
def test_nothing_in_a_policy_exceeds_its_profile(name: str) -> None:
    everything = "".join(f'{key} = ["**"]\n' for key in KEYS if key != "templates")
    found = policy(f'profile = "{name}"\n[allow]\n{everything}')
    bare = policy(profile=name)
    assert capability.leq(found.authority, bare.authority)
    assert found.budget == bare.budget


def test_a_level_above_the_profile_s_is_an_error_at_its_line() -> None:
    error = refused('version = 1\nprofile = "read_only"\n[capabilities]\nread = "always"\ncommit = "always"')
    assert str(error).startswith("nucleus.toml:5: commit = 'always' is above profile 'read_only'")
    assert "at most 'never'" in error.fix
    error = refused('version = 1\nprofile = "read_only"\n[budget]\nminutes = 600')
    assert str(error).startswith("nucleus.toml:4: minutes = 600 is above")


def test_a_level_given_twice_is_an_error() -> None:
    assert "twice" in refused('[capabilities]\nread = "always"\nread_files = "never"', profile="read_only").message


def test_a_group_lowers_each_of_its_capabilities_and_says_where() -> None:
    found = policy('version = 1\n[capabilities]\nwrite = "never"', profile="safe_pr_fixer")
    assert level(found, "write_files") == level(found, "edit_files") == capability.NEVER
    assert found.levels_from["edit_files"] == "nucleus.toml:3"
    assert found.levels_from["read_files"] == "profile safe_pr_fixer"


def test_usd_is_an_error_where_the_bill_is_not_seen() -> None:
    text = "version = 1\n[budget]\nusd = 2"
    assert str(refused(text, profile="safe_pr_fixer")).startswith("nucleus.toml:3: usd can be kept only")
    found = policy(text, profile="safe_pr_fixer", bill_seen=True)
    assert found.budget.usd_micro == found.budget.micro_units == 2_000_000


def test_what_the_owner_names_on_the_command_line_joins_what_the_files_name() -> None:
    files = layer('[allow]\nfetch = ["a.example"]')
    found = policy(files, profile="safe_pr_fixer", allow={"fetch": ["b.example"]}).scopes["fetch"]
    assert found.judge("https://a.example/").named
    assert found.judge("https://b.example/").where == "--allow-host"
    alone = policy(profile="safe_pr_fixer", allow={"fetch": ["b.example"]}).scopes["fetch"]
    assert alone.judge("https://b.example/").named
    closed = policy(profile="read_only", allow={"fetch": ["b.example"]})
    assert level(closed, "web_fetch") == capability.NEVER, "a flag stays within the profile"
    assert "--allow-host" in refused(profile="safe_pr_fixer", allow={"fetch": ["b.*"]}).message


def test_otherwise_says_what_holds_for_values_that_nobody_names() -> None:
    text = '[allow]\nfetch = ["a.example"]\n[otherwise]\nfetch = "deny"'
    trusted = policy(text, profile="safe_pr_fixer").scopes["fetch"]
    assert [trusted.judge(f"https://{host}.example/").scope for host in "ab"] == [ALLOW, DENY]
    owner = layer('[allow]\nfetch = ["b.example"]', path="user.toml")
    stranger = layer('[otherwise]\nfetch = "deny"', trusted=False)
    both = policy(owner, stranger, profile="safe_pr_fixer").scopes["fetch"]
    assert [both.judge(f"https://{host}.example/").scope for host in "ab"] == [DENY, ALLOW]


def test_asking_in_a_trusted_file_names_what_may_be_asked() -> None:
    found = policy('[ask]\nbranches = ["release/*"]', profile="release").scopes["branches"]
    assert found.judge("release/1").scope == ASK


def test_a_rule_only_tightens_and_meets_its_examples() -> None:
    base = 'version = 1\n[[rule]]\nwhen = "shell"\ncommand = "git push **"\nthen = "ask"\n'
    found = policy(base + 'match = ["git push origin"]\nnot_match = ["git pull"]', profile="safe_pr_fixer")
    assert found.scopes["commands"].judge(["git", "push"]).scope == ASK
    assert found.rules[0].source.where == "nucleus.toml:2"
    assert "nucleus.toml:6: 'git pull' is not met by" in str(
        refused(base + 'match = ["git pull"]', profile="local_dev")
    )
    assert "is met by" in refused(base + 'not_match = ["git push x"]', profile="local_dev").message


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ('when = "fetch"\npath = "a"\nthen = "deny"', "no 'path'"),
        ('when = "push"\nbranch = "a"\nremote = "b"\nthen = "deny"', "one predicate"),
        ('when = "fetch"\nhost = "a.*"\nthen = "deny"', "first label"),
        ('when = "fetch"\nhost = "a"\nthen = "deny"\nmatch = ["ftp://x/"]', "not a URL"),
    ],
)
def test_a_rule_that_can_t_be_is_refused(rule: str, says: str) -> None:
    assert says in refused("[[rule]]\n" + rule, profile="safe_pr_fixer").message


def test_a_rule_without_a_predicate_speaks_of_all_of_it() -> None:
    found = policy('[[rule]]\nwhen = "publish"\nthen = "deny"', profile="safe_pr_fixer")
    assert found.scopes["pull_requests"].judge("acme/app").scope == DENY
    assert found.scopes["channels"].judge("ann@a.example").scope == DENY


def test_remotes_are_resolved_once_and_only_where_the_policy_names_them() -> None:
    mirror = '[remotes.mirror]\nurl = "https://m.example/a.git"\npublic = true\nrefs = ["main"]'
    text = '[allow]\nremotes = ["origin", "mirror"]\n' + mirror
    found = with_remotes(
        policy(text, profile="release"), {"origin": "https://o.example/a.git", "evil": "https://e.example/"}
    )
    assert found.remotes["origin"].url == "https://o.example/a.git"
    assert found.remotes["origin"].home
    assert found.remotes["mirror"].public
    assert not found.remotes["mirror"].home
    assert found.remotes["mirror"].refs.judge("other").scope == DENY
    assert not found.remotes["origin"].allow_delete
    assert found.digest != policy(text, profile="release").digest


def test_a_remote_that_no_policy_permits_is_not_there() -> None:
    text = '[deny]\nremotes = ["evil"]'
    found = with_remotes(policy(text, profile="release"), {"evil": "https://e.example/"})
    assert "evil" not in found.remotes


def test_a_stranger_can_t_say_where_a_remote_is() -> None:
    stranger = layer(
        '[remotes.origin]\nurl = "https://evil.example/"\nallow_force = true\npublic = true', trusted=False
    )
    found = with_remotes(policy(stranger, profile="release"), {"origin": "https://o.example/a.git"})
    assert found.remotes["origin"].url == "https://o.example/a.git"
    assert found.remotes["origin"].public
    assert not found.remotes["origin"].allow_force
    assert "[remotes.origin]" in found.notes[0]


def test_two_places_for_one_remote_are_an_error() -> None:
    texts = [layer(f'[remotes.origin]\nurl = "https://{host}.example/"', path=f"{host}.toml") for host in "ab"]
    assert "one name, one place" in refused(*texts, profile="release").fix


def test_servers_named_in_two_layers_must_agree() -> None:
    one = layer('[mcp.s]\nallow = ["a", "b"]', path="user.toml")
    two = layer('[mcp.s]\nallow = ["b", "c"]\ndeny = ["d"]')
    tools = policy(one, two, profile="safe_pr_fixer").mcp["s"].tools
    assert [tools.judge(name).scope for name in "abcd"] == [ASK, ALLOW, ASK, DENY]


def test_ports_may_be_ranges() -> None:
    ports = policy('[allow]\nports = [80, "8000-8002"]', profile="local_dev").scopes["ports"]
    assert [port for port in ("80", "81", "8000", "8002", "8003") if ports.judge(port).scope == ALLOW] == [
        "80",
        "8000",
        "8002",
    ]


def test_a_closed_set_is_closed() -> None:
    assert "no star" in refused('[allow]\ntemplates = ["label:*"]', profile="triage_bot").message


def test_the_same_meaning_has_the_same_digest_whatever_the_file_looks_like() -> None:
    one = policy('version = 1\nprofile = "read_only"\n[deny]\nread = ["a", "b"]')
    other = policy('# said otherwise\nversion = 1\nprofile = "read_only"\ndeny.read = ["b", "a", "a"]', profile="")
    assert one.digest == other.digest
    assert one.digest != policy('version = 1\nprofile = "read_only"\n[deny]\nread = ["a"]').digest
    assert one.layers != other.layers


tables = st.sampled_from(["allow", "ask", "deny"])
lines = st.builds(
    lambda table, key, pattern: f'[{table}]\n{key} = ["{pattern}"]\n',
    tables,
    st.sampled_from(["read", "write", "fetch", "branches", "channels", "packages", "commands", "env"]),
    st.sampled_from(["**", "a", "a/**", "**/a", "*.a", "a.example"]),
)


def texts() -> st.SearchStrategy[str]:
    """Return files of up to three tables, each once."""
    return st.lists(lines, max_size=3, unique_by=lambda text: text.split("\n")[0]).map("".join)


@given(texts(), texts(), st.sampled_from(profile_names()))
def test_a_stranger_s_file_never_widens_whatever_the_owner_s_says(owner: str, stranger: str, name: str) -> None:
    files = [layer(owner, path="user.toml")]
    try:
        before = load_policy(files, OwnerChoices(profile=name))
        after = load_policy([*files, layer(stranger, trusted=False)], OwnerChoices(profile=name))
    except PolicyError:
        reject()
    assert leq(after, before)


def outcome(data: bytes, *, trusted: bool) -> object:
    """Return what loading comes to."""
    try:
        return load_policy([LayerFile("project", "f", data, trusted, "")], OwnerChoices(profile="safe_pr_fixer"))
    except PolicyError as error:
        return error


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_a_policy_or_a_policy_error(data: bytes, trusted: bool) -> None:
    for one in (data, b"version = 1\n" + data):
        assert isinstance(outcome(one, trusted=trusted), Policy | PolicyError)


loose = st.text(alphabet="ab/*.:-?@ é{}", max_size=8)
some_keys = st.sampled_from([*KEYS])
loose_lines = st.one_of(
    st.builds(lambda table, key, text: f"{table}.{key} = [{json.dumps(text)}]", tables, some_keys, loose),
    st.builds(lambda name, text: f"labels.{name} = [{json.dumps(text)}]", st.sampled_from(["public", "secret"]), loose),
    st.builds(lambda text: f"mcp.{json.dumps(text)}.allow = [{json.dumps(text)}]", loose),
    st.builds(lambda text: f"remotes.r.refs = [{json.dumps(text)}]", loose),
    st.builds(
        lambda when, name, text: (
            f'rule = [{{when = "{when}", {name} = {json.dumps(text)}, then = "deny", match = ["a"]}}]'
        ),
        st.sampled_from(["fetch", "shell", "push", "model", "port"]),
        st.sampled_from(["host", "command", "branch", "request", "port"]),
        loose,
    ),
)


@given(st.lists(loose_lines, max_size=4).map("\n".join), st.booleans())
def test_any_likely_file_is_a_policy_or_a_policy_error(text: str, trusted: bool) -> None:
    assert isinstance(outcome(b"version = 1\n" + text.encode(), trusted=trusted), Policy | PolicyError)


def test_ten_thousand_rules_load_and_compare() -> None:
    hosts = ", ".join(f'"h{number}.example"' for number in range(10_000))
    found = policy(f"[allow]\nfetch = [{hosts}]", profile="safe_pr_fixer")
    assert found.scopes["fetch"].judge("https://h9999.example/").exact is False
    assert found.scopes["fetch"].judge("https://h9999.example/").named
    assert leq(found, found)


def test_the_room_loads_where_unix_modules_are_missing() -> None:
    """In a fresh interpreter in which fcntl, pty, pwd and termios can't be imported."""
    code = """
import sys
for name in ("fcntl", "pty", "pwd", "termios", "grp", "resource"):
    sys.modules[name] = None
import pkgutil, importlib, nucleus.policy
for one in pkgutil.iter_modules(nucleus.policy.__path__):
    importlib.import_module("nucleus.policy." + one.name)
from nucleus.policy.load import load_policy, OwnerChoices
print(load_policy([], OwnerChoices(profile="read_only")).profile)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("read_only\n", "")
