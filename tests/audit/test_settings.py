"""The [audit] table of nucleus.toml is closed."""

import pytest

from nucleus.audit.model import Confidence, Persona, Severity
from nucleus.audit.read.toml_reader import read_toml
from nucleus.audit.settings import NEVER, Settings, from_policy
from nucleus.audit.text import Source
from nucleus.errors import PolicyError


def settings(text: str) -> Settings:
    return from_policy(Source("nucleus.toml", text), read_toml(text).roots[0], Settings())


def test_what_the_table_says_goes_before_the_defaults() -> None:
    found = settings(
        '[audit]\npersona = "pedantic"\nmin_confidence = "medium"\nfail_on = "never"\nexclude = ["examples/*"]\n'
        '[[audit.ignore]]\nrule = "floating-package"\npath = "a/*"\nreason = "built here"\n'
    )
    assert (found.persona, found.min_confidence, found.fail_on) == (Persona.PEDANTIC, Confidence.MEDIUM, NEVER)
    assert found.exclude == ("examples/*",)
    assert [(one.covers("floating-package", path), path) for one in found.ignore for path in ("a/b", "b/c")] == [
        (True, "a/b"),
        (False, "b/c"),
    ]


def test_a_policy_without_the_table_changes_nothing() -> None:
    assert settings("version = 1\n") == Settings()
    assert Settings().fail_on == Severity.LOW


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[audit]\npersonas = 1\n", 2, "unknown key 'personas'"),
        ('[audit]\nfail_on = "lo"\n', 2, "none of info, low, medium, high, never"),
        ('[[audit.ignore]]\nrule = "floating-package"\n', 1, "without a reason"),
        ('[[audit.ignore]]\nrule = "no-rule"\nreason = "x"\n', 2, "names no rule"),
        ('[[audit.ignore]]\nrule = "floating-package"\nreason = "x"\nfile = "y"\n', 4, "unknown key 'file'"),
    ],
)
def test_anything_else_is_an_error_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        settings(text)
    assert caught.value.line == line
    assert message in caught.value.message
