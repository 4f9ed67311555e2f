"""What a box does not show, and that the quick look at a name never lets something through."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nucleus.local.veil import Veil
from nucleus.policy.globs import PatternError

PATTERNS = ["secrets", "secrets/**", "**/.env*", "notes/*.txt", "docs/**/*.key", "**/private/**", "a/b/c", "**/Ünï*"]
NAMES = [
    "secrets", "Secrets", ".env", ".ENV.local", "notes", "x.txt", "docs", "deep", "y.key", "private", "a", "b", "c",
    "id_rsa", "id_rsa.pub", ".ssh", "config", ".aws", "credentials", "server.pem", "SECRET~1", "ÜNÏx", "\uff33ecrets",
    "plain.py", "a\udcff", ".git", ".netrc", "tokens.json", ".kube", "kubeconfig", ".docker", "config.json", "~x",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("secrets", True),
        ("secrets/deep/file", True),
        ("SECRETS/file", True),
        ("deep/secrets/file", True),  # looks like one at any depth
        ("deep/.env.local", True),
        ("notes/x.txt", True),
        ("notes/deep/x.txt", False),
        ("docs/deep/y.key", True),
        ("deep/private/file", True),
        ("id_rsa", True),
        ("src/app.py", False),
    ],
)
def test_patterns_and_secret_looking_names_hide(path: str, hidden: bool) -> None:
    assert Veil(PATTERNS)(path) is hidden


def test_everything_is_hidden_by_everything() -> None:
    veil = Veil(["**"])
    assert veil("a/b")
    assert not veil.settles("")


def test_a_pattern_that_is_none_is_an_error() -> None:
    with pytest.raises(PatternError):
        Veil(["a[bc]*d*e"])


@given(
    st.lists(st.sampled_from(PATTERNS), max_size=4, unique=True),
    st.lists(st.sampled_from(NAMES) | st.text(min_size=1, max_size=12), min_size=1, max_size=4),
)
@example([], [".aws", "credentials"])
@example([], [".docker", "config.json"])
def test_a_walk_from_the_top_that_trusts_harmless_names_meets_all_that_is_hidden(
    patterns: list[str], parts: list[str]
) -> None:
    if any("/" in part or "\0" in part or part in {".", ".."} for part in parts):
        return
    veil = Veil(patterns)
    for size in range(1, len(parts) + 1):
        path = "/".join(parts[:size])
        if veil(path):
            assert not (veil.settles("/".join(parts[: size - 1])) and veil.harmless(parts[size - 1])), path
            return


def test_most_names_are_harmless_at_once() -> None:
    veil = Veil(PATTERNS)
    assert all(veil.harmless(name) for name in ("index.js", "README.md", "a.py", "package.json", "Makefile"))


ONLY = [["notes", "notes/**"], ["notes/**", "docs/*.md"]]


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("notes", False),
        ("notes/a/b.txt", False),
        ("notes/.env", True),
        ("docs", True),
        ("README.md", True),
        ("Notes", True),
        ("notes.txt", True),
        (".git", True),
    ],
)
def test_where_only_some_is_shown_everything_else_is_hidden(path: str, hidden: bool) -> None:
    veil = Veil([], ONLY)
    assert veil(path) is hidden
    assert not veil.settles("")


def test_the_way_to_what_is_shown_is_not_hidden() -> None:
    veil = Veil([], [["a/b/c", "a/b/c/**"]])
    assert [veil(path) for path in ("a", "a/b", "a/b/c", "a/b/c/d", "a/x", "b")] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("pattern", ["**/*.md", "/etc/**"])
def test_what_can_t_be_shown_alone_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="named by its directory"):
        Veil([], [[pattern]])
