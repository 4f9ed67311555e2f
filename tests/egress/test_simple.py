"""Pages of an index are read from either form and written anew, with strong digests and addresses of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.simple import File, PageError, good_name, page_html, page_json, parse_page, requirements

BASE = "https://index.example/simple/a/"
SHA = "a" * 64
HTML_PAGE = f"""<!DOCTYPE html><html><body>
<a href="../../f/a-1.0.tar.gz#sha256={SHA}" data-requires-python="&gt;=3.8" data-yanked="broken">a-1.0.tar.gz</a>
<a href="https://files.example/a-1.0-py3-none-any.whl#sha256={SHA}" data-dist-info-metadata="sha256={"b" * 64}">x</a>
<a href="/f/a-2.0.tar.gz#md5=d41d8cd98f00b204e9800998ecf8427e">weak</a>
<a href="/f/a-3.0.tar.gz">none</a><a>nothing</a>
</body></html>"""
JSON_PAGE = {
    "meta": {"api-version": "1.1"},
    "name": "a",
    "files": [
        {"filename": "a-1.0.tar.gz", "url": "../../f/a-1.0.tar.gz", "hashes": {"sha256": SHA},
         "requires-python": ">=3.8",
         "yanked": "broken", "size": 5, "upload-time": "x", "gpg-sig": True},
        {"filename": "a-1.0-py3-none-any.whl", "url": "https://files.example/a-1.0-py3-none-any.whl",
         "hashes": {"sha256": SHA, "md5": "x"}, "core-metadata": {"sha256": "b" * 64}},
        {"filename": "a-2.0.tar.gz", "url": "/x", "hashes": {"md5": "x"}},
        {"filename": "../evil", "url": "/x", "hashes": {"sha256": SHA}},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind"), [(HTML_PAGE.encode(), "text/html"), (json.dumps(JSON_PAGE).encode(), "x/json")]
)
def test_both_forms_say_the_same(body: bytes, kind: str) -> None:
    source, built = parse_page(body, kind, BASE)
    assert (source.name, source.url) == ("a-1.0.tar.gz", "https://index.example/f/a-1.0.tar.gz")
    assert (source.python, source.yanked, source.digests) == (">=3.8", "broken", frozenset({f"sha256:{SHA}"}))
    assert (built.url, built.metadata) == (
        "https://files.example/a-1.0-py3-none-any.whl",
        frozenset({"sha256:" + "b" * 64}),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"files": 1}',
        b'{"files": [1]}',
        b'{"files": [{"hashes": {"sha256": "%s"}}]}' % SHA.encode(),
        b"\xff",
        b"[" * 9999,
    ],
)
def test_what_is_no_page_is_an_error(body: bytes) -> None:
    with pytest.raises(PageError):
        parse_page(body, "application/json", BASE)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
FILES = st.builds(
    File,
    st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True),
    st.just("https://index.example/f/x"),
    st.just(frozenset({f"sha256:{SHA}"})),
    TEXTS,
    st.booleans() | TEXTS.filter(bool),
    st.booleans() | st.just(frozenset({"sha256:" + "b" * 64})),
)


@given(st.lists(FILES, max_size=5))
def test_a_page_that_is_written_is_read_alike_and_holds_no_address_but_ours(files: list[File]) -> None:
    for write, kind in ((page_json, "json"), (page_html, "html")):
        page = write("a", files, lambda file: f"/pypi/files/t/{file.name}")
        assert b"index.example" not in page
        again = parse_page(page, kind, "https://routes.example/")
        assert [one.name for one in again] == [one.name for one in files]
        assert all(one.digests == frozenset({f"sha256:{SHA}"}) for one in again)
        assert all(one.url.startswith("https://routes.example/pypi/files/t/") for one in again)
        assert [one.python for one in again] == [one.python for one in files]


def test_names_that_metadata_requires_are_found_whatever_the_conditions() -> None:
    text = (
        b"Name: a\nRequires-Dist: Foo.Bar[x]>=1; extra == 'y'\nRequires-Dist:baz\nProvides-Extra: y\n"
        b"\nRequires-Dist: of-the-description\n"
    )
    assert requirements(text) == ["Foo.Bar", "baz"]


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("A.b-c_1", True), ("", False), ("../x", False), ("a b", False)]
)
def test_a_name_is_plain(name: str, good: bool) -> None:
    assert good_name(name) is good


@pytest.mark.parametrize(
    "unit", ["<a ", "<a href='", '<a href="', "<!--", "</a", "<a x=", '<a "x', "&#", "<a" + " " * 50, "<a a" + " " * 50]
)
def test_a_page_that_is_never_a_tag_is_read_in_proportion_to_its_length(unit: str) -> None:
    """With ``html.parser`` a hundredth of this takes half a minute: one page would stop a box's whole way out."""
    good = f'<a href="/f/a-1.0.tar.gz#sha256={SHA}">a</a>'
    (found,) = parse_page((good + unit * 500_000).encode(), "text/html", BASE)
    assert found.name == "a-1.0.tar.gz"


def test_attributes_are_read_however_they_are_written() -> None:
    page = (
        f"<A\n class=x HREF='/f/a-1.0.tar.gz#sha256={SHA}' href=/other data-yanked>a</A>"
        f"<a data-requires-python='&gt;3' href=/f/a-2.0.tar.gz#sha256:{SHA}>no</a><abbr href='/f/x#sha256={SHA}'>"
        f"<a title='a > b' href=/f/a-3.0.tar.gz#sha256&{SHA}>no</a>"
    )
    (found,) = parse_page(page.encode(), "text/html", BASE)
    assert (found.url, found.yanked) == ("https://index.example/f/a-1.0.tar.gz", "yanked")
