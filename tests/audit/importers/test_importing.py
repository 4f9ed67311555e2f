"""The door of the importers."""

import pytest

from nucleus.audit.importers.importing import FILES, import_settings
from nucleus.errors import PolicyError
from nucleus.policy.load import LayerFile, load_policy
from tests.audit.importers.imported import imported


@pytest.mark.parametrize("tool", sorted(FILES))
def test_empty_settings_are_a_policy_that_reads(tool: str) -> None:
    path = FILES[tool][0]
    found = imported(tool, path, "" if path.endswith(".toml") else {})
    assert load_policy([LayerFile("--policy", "nucleus.toml", found.text.encode(), trusted=True, why="test")])


def test_what_is_missing_stands_below_the_policy_as_comments() -> None:
    report = imported("claude", "s.json", {"hooks": {}}).report()
    assert "\n# not carried over:\n# s.json:2:" in report


@pytest.mark.parametrize("data", [b"{", b"\x80\x81"])
def test_a_file_that_can_not_be_read_is_an_error_with_its_line(data: bytes) -> None:
    with pytest.raises(PolicyError) as caught:
        import_settings("claude", "s.json", data)
    assert (caught.value.path, caught.value.line) == ("s.json", 1)
