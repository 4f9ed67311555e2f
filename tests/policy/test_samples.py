"""Instances of a pattern match it, and there is always one."""

from hypothesis import given

from nucleus.policy.constraints import ALLOW, Constraint, Scope
from nucleus.policy.globs import parse
from nucleus.policy.samples import instances, show, witnesses
from nucleus.policy.shapes import Shape
from nucleus.policy.values import COMMAND, METHOD_URL, NAME, PATH, REF, URL
from tests.policy.patterns_strategy import SOURCE, shapes


@given(shapes())
def test_every_instance_of_a_path_pattern_matches_it(shape: Shape) -> None:
    scope = Scope(PATH, [Constraint("f", ((shape, SOURCE),))])
    assert all(scope.judge(value).scope == ALLOW for value in instances(PATH, shape))


def test_each_kind_of_pattern_has_an_instance() -> None:
    samples = [
        (PATH, ["**", "a/**", "**/*.py", "/etc/**"]),
        (URL, ["**", "a.example", "*.example", "https://a.example/b", "https://a.example/b/**"]),
        (METHOD_URL, ["POST https://a.example/b", "a.example"]),
        (COMMAND, ["**", "pytest **", "npm run *"]),
        (REF, ["**", "release/*"]),
        (NAME, ["**", "*@a.example"]),
    ]
    for kind, texts in samples:
        for text in texts:
            for grants in (True, False):
                for shape in parse(kind, text, grants=grants):
                    scope = Scope(kind, [Constraint("f", ((shape, SOURCE),))])
                    found = list(instances(kind, shape))
                    assert found, text
                    assert not grants or all(scope.judge(value).scope == ALLOW for value in found)


def test_witnesses_come_from_all_patterns_and_are_shown_as_people_write_them() -> None:
    one = Scope(COMMAND, [Constraint("f", tuple((s, SOURCE) for s in parse(COMMAND, "a 'b c'", grants=True)))])
    assert ["a", "b c"] in witnesses([one])
    assert show(["a", "b c"]) == "a 'b c'"
    assert show("a b") == "a b"
