"""Policies are judged by the product's own loader."""

from nucleus.audit.policies import judged
from tests.audit.printed import project_of


def verdict(text: str) -> tuple[str, int, bool, int]:
    ((_, found),) = judged(project_of({"nucleus.toml": text}))
    return found.error, found.line, found.above, len(found.notes)


def test_a_valid_policy_has_nothing_to_say() -> None:
    assert verdict('version = 1\nprofile = "read_only"\n') == ("", 1, False, 0)


def test_a_policy_without_a_profile_is_judged_under_one() -> None:
    assert verdict("version = 1\n") == ("", 1, False, 0)


def test_an_error_has_its_line_and_fix() -> None:
    error, line, above, _ = verdict('version = 1\nprofile = "read_only"\n[allow]\nreads = ["x"]\n')
    assert (line, above) == (4, False)
    assert "did you mean" in error


def test_a_level_above_the_profile_is_told_apart() -> None:
    _, line, above, _ = verdict('version = 1\nprofile = "read_only"\n[capabilities]\nshell = "always"\n')
    assert (line, above) == (4, True)


def test_what_has_no_effect_is_a_note_with_its_line() -> None:
    ((_, found),) = judged(project_of({"nucleus.toml": 'version = 1\nprofile = "read_only"\n[allow]\nwrite = ["x"]\n'}))
    assert [line for line, _ in found.notes] == [4]


def test_settings_of_the_audit_are_part_of_the_language() -> None:
    assert verdict('version = 1\nprofile = "read_only"\n[audit]\nfail_on = "high"\n')[0] == ""
