"""Patterns as people write them become shapes, or are refused with the fix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.constraints import ALLOW, DENY, Constraint, Scope
from nucleus.policy.globs import PatternError, parse
from nucleus.policy.source import Source
from nucleus.policy.values import COMMAND, METHOD_URL, NAME, PATH, REF, URL, Kind

SOURCE = Source("f:1", "p")


def meets(kind: Kind, pattern: str, value: object, *, home: str = "") -> bool:
    """Whether a pattern that allows matches the value."""
    shapes = tuple((shape, SOURCE) for shape in parse(kind, pattern, grants=True, home=home))
    return Scope(kind, [Constraint("f", shapes)]).judge(value).scope == ALLOW


@pytest.mark.parametrize(
    ("pattern", "met", "unmet"),
    [
        ("README.md", ["README.md"], ["docs/README.md", "README.md/x"]),
        ("src/**", ["src", "src/a", "src/a/b"], ["srcs", "a/src"]),
        ("*.md", ["a.md", ".md"], ["docs/a.md", "a.mdx"]),
        ("docs/*.md", ["docs/a.md"], ["docs/x/a.md", "a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/x/y/a.md"], ["a.md", "docs.md"]),
        ("**/.env*", [".env", "a/.env.local", "a/b/.envrc"], [".env/x", "a/env"]),
        ("**/secrets/**", ["secrets", "a/secrets", "a/secrets/b/c"], ["a/secretsx"]),
        ("docs/*", ["docs/a"], ["docs", "docs/a/b"]),
        ("a/*/**", ["a/b", "a/b/c"], ["a"]),
        ("test_*.py", ["test_a.py"], ["a/test_a.py", "test_.txt"]),
        ("/etc/hosts", ["/etc/hosts"], ["etc/hosts", "/etc/hosts/x"]),
        ("/srv/**", ["/srv", "/srv/a"], ["srv/a", "/srvx"]),
        ("/**", ["/", "/etc/passwd"], ["a"]),
        ("**", ["a/b", "."], ["/etc/passwd"]),
        (".", ["."], ["a"]),
    ],
)
def test_a_path_pattern_matches_what_it_says(pattern: str, met: list[str], unmet: list[str]) -> None:
    assert [path for path in met if not meets(PATH, pattern, path)] == []
    assert [path for path in unmet if meets(PATH, pattern, path)] == []


def test_a_home_directory_is_outside_of_the_workspace() -> None:
    assert meets(PATH, "~/notes/**", "/home/ann/notes/a", home="/home/ann")
    with pytest.raises(PatternError, match="home"):
        parse(PATH, "~/notes", grants=True)
    with pytest.raises(PatternError, match="home"):
        parse(PATH, "~bob/notes", grants=True, home="/home/ann")


def test_what_denies_a_name_anywhere_means_outside_of_the_workspace_too() -> None:
    shapes = tuple((shape, SOURCE) for shape in parse(PATH, "**/.env", grants=False))
    everything = tuple((shape, SOURCE) for text in ("**", "/**") for shape in parse(PATH, text, grants=True))
    scope = Scope(PATH, [Constraint("f", everything, deny=shapes)])
    assert scope.judge("/home/ann/.env").scope == scope.judge("a/.env").scope == DENY
    assert scope.judge("/home/ann/env").scope == ALLOW


@pytest.mark.parametrize(
    ("kind", "pattern", "fix"),
    [
        (PATH, "docs/", "docs/**"),
        (PATH, "./docs", "docs"),
        (PATH, "docs//a", "docs/a"),
        (PATH, "../x", "name the place"),
        (PATH, "a/*/b", "one pattern for each"),
        (PATH, "**/a/b", "BASE/**/NAME"),
        (PATH, "**/**/a", "BASE/**/NAME"),
        (PATH, "a**", "alone between slashes"),
        (PATH, "*secret*", "one star"),
        (PATH, "a?.py", "star"),
        (PATH, "[ab].py", "star"),
        (PATH, "{a,b}.py", "star"),
        (PATH, "a\\b", "star"),
        (PATH, "!a", "[deny]"),
        (REF, "refs/heads/main", "'main'"),
        (REF, "/main", "main"),
        (PATH, "a\uff0f*", "plain letters"),
        (URL, "docs.python.org/3", "https://docs.python.org/3"),
        (URL, "docs.*.org", "*.example.org"),
        (URL, "*", "**"),
        (URL, "ftp://a.example", "https"),
        (URL, "https://*.example.org/a", "name the host"),
        (URL, "https://a.example/*/b", "https://a.example/**"),
        (URL, "a.example:0", "65535"),
        (URL, "127.0.0.1", ""),
        (URL, "user@a.example", ""),
        (METHOD_URL, "FETCH https://a.example/", "GET"),
        (COMMAND, "a | b", "program"),
        (COMMAND, "a > b", "program"),
        (COMMAND, "echo $HOME", "program"),
        (COMMAND, "'a", "close each quote"),
        (COMMAND, "py* -m x", "name the program"),
        (NAME, "a[1]", "star"),
    ],
)
def test_other_shapes_are_refused_with_the_fix(kind: Kind, pattern: str, fix: str) -> None:
    for grants in (True, False) if pattern.isascii() else (False,):
        with pytest.raises(PatternError) as caught:
            parse(kind, pattern, grants=grants)
        assert fix in caught.value.fix or fix in str(caught.value)


def test_commands_are_compared_word_by_word() -> None:
    assert meets(COMMAND, "pytest -q", ["pytest", "-q"])
    assert not meets(COMMAND, "pytest -q", ["pytest", "-q", "x"])
    assert not meets(COMMAND, "pytest", ["pytest", "-q"])
    assert meets(COMMAND, "pytest **", ["pytest"])
    assert meets(COMMAND, "npm run *", ["npm", "run", "build"])
    assert not meets(COMMAND, "npm run *", ["npm", "run", "build", "--", "x"])
    assert meets(COMMAND, "git commit -m 'a b'", ["git", "commit", "-m", "a b"])
    assert not meets(COMMAND, "git log", ["git log"])


def test_urls_match_by_origin_tree_or_exactly() -> None:
    assert meets(URL, "https://a.example/x/**", "https://a.example/x/y?z=1")
    assert meets(URL, "https://a.example/x/**", "https://a.example/x")
    assert not meets(URL, "https://a.example/x/**", "https://a.example/xy")
    assert meets(URL, "https://a.example/**", "https://a.example/")
    assert meets(URL, "http://a.example", "http://a.example/any")
    assert meets(URL, "a.example:8443", "https://a.example:8443/x")
    assert meets(METHOD_URL, "POST https://a.example/v1/m", "POST https://a.example/v1/m")
    assert not meets(METHOD_URL, "POST https://a.example/v1/m", "GET https://a.example/v1/m")
    assert meets(METHOD_URL, "https://a.example/v1/m", "GET https://a.example/v1/m")


@given(st.sampled_from([PATH, URL, METHOD_URL, REF, COMMAND, NAME]), st.text(max_size=40), st.booleans())
def test_any_text_is_a_pattern_or_is_refused(kind: Kind, text: str, grants: bool) -> None:
    try:
        shapes = parse(kind, text, grants=grants, home="/home/ann")
    except PatternError:
        return
    assert shapes


@given(st.text(alphabet="ab.*/-:", min_size=1, max_size=12), st.booleans())
def test_any_likely_text_is_a_pattern_or_is_refused(text: str, grants: bool) -> None:
    for kind in (PATH, URL, METHOD_URL, REF, COMMAND, NAME):
        try:
            assert parse(kind, text, grants=grants)
        except PatternError:
            continue
