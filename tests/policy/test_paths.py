# ruff: noqa: RUF001  compatibility letters are the attack

"""A path is one place, and a name is compared as every file system may read it."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.paths import PathError, fold, locate, short_forms, short_name

ROOT, HOME = "/srv/app", "/home/dev"

PLACES = {
    "src/a.py": ("src/a.py", True),
    "./src//a.py": ("src/a.py", True),
    "src/../README.md": ("README.md", True),
    "/srv/app/src/a.py": ("src/a.py", True),
    "/srv/app": (".", True),
    ".": (".", True),
    "a/..": (".", True),
    "../app/src": ("src", True),
    "/srv/app-private/secret.txt": ("/srv/app-private/secret.txt", False),
    "/srv/application": ("/srv/application", False),
    "../app-private/x": ("/srv/app-private/x", False),
    "../../etc/passwd": ("/etc/passwd", False),
    "../../../../../etc/passwd": ("/etc/passwd", False),
    "/proc/self/environ": ("/proc/self/environ", False),
    "/srv/app/../other": ("/srv/other", False),
    "~/.ssh/id_rsa": ("/home/dev/.ssh/id_rsa", False),
    "~": ("/home/dev", False),
    "~root/x": ("/home/root/x", False),
    "/": ("/", False),
    "//srv/app/a": ("a", True),
}


@pytest.mark.parametrize("words", PLACES)
def test_words_lead_to_one_place(words: str) -> None:
    place = locate(ROOT, HOME, words)
    assert (place.relative, place.inside) == PLACES[words]


def test_a_comparison_by_prefix_lets_a_sibling_in() -> None:
    """The defence switched off: what a plain prefix test takes for the workspace."""
    sibling = "/srv/app-private/secret.txt"
    assert sibling.startswith(ROOT)
    assert not locate(ROOT, HOME, sibling).inside


@pytest.mark.parametrize("words", ["", "a\0b", "a\nb", "src\\..\\x", "C:\\x", "a\x7fb", "x" * 256, "a/" * 2049])
def test_words_that_are_no_path_to_every_reader_are_refused(words: str) -> None:
    with pytest.raises(PathError):
        locate(ROOT, HOME, words)


@pytest.mark.parametrize("root", ["/", "/srv", "/srv/app/deep/er"])
def test_the_workspace_may_be_anywhere(root: str) -> None:
    assert locate(root, HOME, "x/y").relative == "x/y"
    assert locate(root, HOME, ".").inside
    assert locate(root, HOME, "/srv/app/deep/er/x").inside


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "src", "é"]), max_size=12), st.booleans())
def test_a_place_is_what_lexical_normalisation_says(parts: list[str], absolute: bool) -> None:
    """Differential: the standard library's normalisation of the joined path."""
    words = ("/" if absolute else "") + "/".join(parts)
    if not words:
        return
    place = locate(ROOT, HOME, words)
    expected = posixpath.normpath(posixpath.join(ROOT, words)).replace("//", "/")
    assert place.absolute == expected
    assert place.inside == (posixpath.commonpath([ROOT, expected]) == ROOT)
    assert locate(ROOT, HOME, place.relative) == place


SAME = {
    ".git": (
        ".GIT",
        ".Git.",
        ".git ",
        ".git. . ",
        ".g\u200cit",
        "\ufeff.git",
        ".git::$DATA",
        ".git:stream",
        "．git",
        ".ｇｉｔ",
    ),
    "claude.md": (
        "CLAUDE.md",
        "Claude.MD.",
        "ＣＬＡＵＤＥ.md",
        "clau\u00adde.md",
        "claude.md::$INDEX_ALLOCATION",
        "CLAUDE\u2024md",
    ),
    "straße": ("STRASSE", "strasse", "stra\u00dfe"),
    "ﬁle": ("file", "FILE"),
}


@pytest.mark.parametrize(("name", "disguise"), [(name, one) for name, more in SAME.items() for one in more])
def test_a_disguise_folds_to_the_name(name: str, disguise: str) -> None:
    assert fold(disguise) == fold(name)


@given(st.text(min_size=1, max_size=20).filter(lambda text: "/" not in text))
def test_folding_is_idempotent_and_never_empty(name: str) -> None:
    once = fold(name)
    assert once
    assert fold(once) == once


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (".git", "git~1"),
        ("claude.md", "claude~1.md"),
        (".gitmodules", "gitmod~1"),
        (".mcp.json", "mcp~1.jso"),
        ("agents.md", "agents~4.md"),
    ],
)
def test_an_ntfs_short_name_is_one_of_the_forms_of_its_name(name: str, short: str) -> None:
    assert short_name(short) in short_forms(name)


@pytest.mark.parametrize("name", ["git", "a~b", "toolongstem~1", "x~1.long", "~1"])
def test_other_names_are_no_short_names(name: str) -> None:
    assert short_name(name) is None
