"""What a document says about a key, and what a person's example stands for."""

import pytest

from nucleus.errors import PolicyError
from nucleus.policy.compile import example, flag_patterns, keys_of, part, place, rules_of, sets_of
from nucleus.policy.constraints import ALLOW, DENY, Scope
from nucleus.policy.document import read_document
from nucleus.policy.profiles import read_profile
from nucleus.policy.values import COMMAND, METHOD_URL, PATH, URL


def document(text: str) -> object:
    return read_document(("version = 1\n" + text).encode(), "f")


def test_a_part_holds_the_patterns_of_its_key_and_its_rules() -> None:
    found = document(
        '[deny]\nwrite = ["a"]\n[[rule]]\nwhen = "write"\npath = ["b", "c"]\nthen = "deny"\nwhy = "because"'
    )
    one = part(found, "write", rules_of(found, ""), trusted=True, home="")
    assert [source.where for _, source in one.deny] == ["f:3", "f:4", "f:4"]
    assert one.deny[1][1].reason.endswith("(because)")
    assert part(found, "read", rules_of(found, ""), trusted=True, home="").deny == ()


def test_a_pattern_without_a_shape_is_an_error_at_its_own_line() -> None:
    with pytest.raises(PolicyError) as caught:
        part(document('[deny]\nwrite = [\n"a",\n"b/"]'), "write", (), trusted=True, home="")
    assert str(caught.value).startswith("f:5: 'b/'")
    assert "b/**" in caught.value.fix


def test_a_profile_is_cited_by_its_name() -> None:
    assert place(read_profile("read_only"), "allow", "read", 0) == "profile read_only"
    assert place(document("[deny]"), "deny") == "f:2"


def test_a_profile_alone_is_its_own_set() -> None:
    bound = part(document('[allow]\nread = ["a"]'), "read", (), trusted=True, home="")
    assert [one.ceiling for one in sets_of(PATH, [bound], [], ())] == [False]


def test_a_ceiling_over_everything_is_left_out_only_where_it_says_nothing() -> None:
    text = '[allow]\nfetch = ["a.example"]\n[name]\nfetch = ["**"]\n[budget]\ncalls = 1'
    profile = read_document(f"version = 1\nabout = 'x'\n{text}".encode(), "profile p", profile=True)
    bound = part(profile, "fetch", (), trusted=True, home="")
    named = part(document('[allow]\nfetch = ["b.example"]'), "fetch", (), trusted=True, home="")
    sets = sets_of(URL, [bound], [named], ())
    assert [one.ceiling for one in sets] == [False]
    scope = Scope(URL, sets)
    assert [scope.judge(f"https://{host}.example/").scope for host in "ab"] == [DENY, ALLOW]


def test_a_rule_without_a_predicate_speaks_of_each_key_of_its_trigger() -> None:
    found = document('[[rule]]\nwhen = "push"\nthen = "ask"')
    assert keys_of(rules_of(found, "")[0]) == ("branches", "remotes")


def test_flags_are_cited_as_flags() -> None:
    assert flag_patterns("fetch", ["a.example"], "")[0][1].where == "--allow-host"
    assert flag_patterns("write", ["src/**"], "")[0][1].text == "--allow-write src/**"
    with pytest.raises(PolicyError, match="--allow-write"):
        flag_patterns("write", ["src/"], "")


def test_examples_are_read_as_people_write_them() -> None:
    assert example(COMMAND, "git commit -m 'a b'") == ["git", "commit", "-m", "a b"]
    assert example(URL, "A.example") == "https://a.example/"
    assert example(METHOD_URL, "POST https://a.example/x") == "POST https://a.example/x"
    assert example(PATH, "a/b") == "a/b"
    for kind, text, says in ((URL, "https://", "."), (COMMAND, "'a", "quotation"), (METHOD_URL, "GET x", "absolute")):
        with pytest.raises(ValueError, match=says):
            example(kind, text)


@pytest.mark.parametrize("port", ['"1-65535"', '"0-3"', '"x"', '"8000-7000"', "70000", '"٣"'])
def test_what_is_no_port_is_an_error_and_never_a_text_that_matches_nothing(port: str) -> None:
    with pytest.raises(PolicyError, match="port"):
        part(document(f"[deny]\nports = [{port}]"), "ports", (), trusted=True, home="")


def test_a_list_can_not_be_blown_up_by_ranges() -> None:
    ranges = ", ".join(['"1-1024"'] * 60)
    with pytest.raises(PolicyError, match="more than"):
        part(document(f"[deny]\nports = [{ranges}]"), "ports", (), trusted=True, home="")
