"""The list of rules, their pages, and the files that belong to each of them."""

from pathlib import Path

import pytest

from nucleus.audit.model import Severity
from nucleus.audit.registry import page, rule_ids, rules

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_of_the_rules_is_in_the_list_and_the_reverse() -> None:
    """A rule that nobody lists would never run."""
    files = {path.stem.replace("_", "-") for path in (ROOT / "src/nucleus/audit/rules").glob("*.py")} - {"--init--"}
    assert files == set(rule_ids())


def test_rules_are_in_the_order_of_their_names() -> None:
    """So that a new one has one place."""
    assert list(rule_ids()) == sorted(rule_ids())


@pytest.mark.parametrize("name", rule_ids())
def test_each_page_says_why_shows_an_example_gives_the_fix_and_the_limits(name: str) -> None:
    """And the file in ``docs/audit`` is that page, to the letter."""
    text = page(name)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Why", "## Example", "## Fix", "## Limits"]
    assert (ROOT / "docs/audit" / f"{name}.md").read_text("utf-8") == text


def test_the_index_links_every_page_with_its_severity() -> None:
    """The index is what people read first."""
    index = (ROOT / "docs/audit/index.md").read_text("utf-8")
    rows = [f"| [{rule.id}]({rule.id}.md) | {rule.severity.name.lower()} | {rule.title} |" for rule, _ in rules()]
    assert [row for row in rows if row not in index] == []


def test_a_page_of_no_rule_is_a_key_error() -> None:
    """The command line turns it into a suggestion."""
    with pytest.raises(KeyError):
        page("no-such-rule")


def test_floating_versions_are_low_and_secrets_are_high() -> None:
    """Ranked by what an attacker can reach: nearly every real configuration floats."""
    severity = {rule.id: rule.severity for rule, _ in rules()}
    assert severity["floating-package"] == severity["floating-image"] == severity["floating-action"] == Severity.LOW
    assert severity["secret-in-config"] == severity["bypass-mode"] == severity["unrestricted-shell"] == Severity.HIGH
