"""What a change says of itself, to people and to the policy."""

import os

from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.change import Applied, Change, Held, plain_name, printable


def change(path: str = "a", what: str = "added", category: str = "plain", **fields: str) -> Change:
    return Change(path, what, "file", category, **fields)  # type: ignore[arg-type]


@given(st.binary(min_size=1, max_size=60).filter(lambda each: b"\0" not in each))
def test_a_path_of_any_bytes_is_shown_as_text_that_a_terminal_takes(name: bytes) -> None:
    shown = change(os.fsdecode(name)).shown
    assert shown.isprintable()
    assert shown.encode("utf-8")


def test_escape_sequences_and_directions_are_shown_not_obeyed() -> None:
    assert printable("a\x1b[2J\n\u202eb") == r"a\x1b[2J\n\u202eb"


def test_names_that_somebody_does_not_see_are_not_plain() -> None:
    for name in ("a\u200bb", "a\\b", "a\nb", os.fsdecode(b"\xff"), "e\u0301"):
        assert not plain_name(name), name
    for name in ("a b", "dir/é.txt", "日本語", "-x"):
        assert plain_name(name), name


def test_only_plain_and_flagged_changes_go_unasked() -> None:
    assert change().silent
    assert change(category="flagged").silent
    assert not change(category="held").silent
    assert not change(category="control").silent
    assert not change(conflict="x").silent
    assert not change(refused="x").silent


def test_the_policy_hears_one_of_its_five_words() -> None:
    said = {what: change(what=what).effect for what in ("added", "changed", "deleted", "mode", "link", "special")}
    assert Change(".git/HEAD", "changed", "ref", "plain").effect == "ref"
    assert said == {
        "added": "write",
        "changed": "write",
        "deleted": "delete",
        "mode": "mode",
        "link": "link",
        "special": "special",
    }


def test_a_report_holds_what_is_there_and_nothing_empty() -> None:
    assert change("a\x1b", why="w").to_dict() == {
        "path": r"a\x1b",
        "what": "added",
        "kind": "file",
        "category": "plain",
        "why": "w",
        "size": 0,
    }


def test_an_apply_is_complete_when_nothing_waits() -> None:
    assert Applied((change(),), ()).complete
    assert not Applied((), (Held(change(), "w"),)).complete
    assert not Applied((), (), (change(),)).complete
