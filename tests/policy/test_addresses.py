# ruff: noqa: RUF001  compatibility letters are the attack

"""One URL, one reading; and no address hides in a text."""

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.addresses import Address, AddressError, addresses_in, ignorable, parse_host, parse_url, private_host

CANONICAL = {
    "https://example.com": "https://example.com/",
    "HTTPS://EXAMPLE.com.:443/a": "https://example.com/a",
    "http://example.com:80/": "http://example.com/",
    "https://example.com:8443/a?b=c#frag": "https://example.com:8443/a?b=c",
    "https://example.com/a/./b/../c": "https://example.com/a/c",
    "https://example.com/%2e%2E/%2e/x": "https://example.com/x",
    "https://example.com/a/..": "https://example.com/",
    "https://example.com/..;/x": "https://example.com/..;/x",
    "https://example.com/ä?ö": "https://example.com/%C3%A4?%C3%B6",
    "https://example.com/a|b": "https://example.com/a%7Cb",
    "https://example.com?x=/../y": "https://example.com/?x=/../y",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "https://a_b.example/": "https://a_b.example/",
}

LITERALS = (
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0177.0.0.01/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[fe80::1%25eth0]/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://１２７.0.0.1/",
    "http://0/",
    "http://0x/",
    "http://169.254.169.254/latest",
    "http://example.0x7f/",
    "http://1.1.1.1.1/",
    "http://a.1/",
)

REFUSED = (
    "",
    "example.com",
    "//example.com/",
    "/path",
    "https:",
    "https:example.com",
    "https:/example.com",
    "https:///x",
    "https://",
    "https://?x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript://example.com/%0aalert(1)",
    "gopher://example.com/",
    "data:text/plain,x",
    "https://user@example.com/",
    "https://user:pw@example.com/",
    "https://example.com@evil.example/",
    "https://evil.example\\@example.com/",
    "https://example.com\\.evil.example/",
    "https:\\\\example.com/",
    "https://exa mple.com/",
    "https://example.com/a b",
    "https://example.com/\x00",
    "https://example.com/\r\nHost: evil",
    "\thttps://example.com/",
    "https://exam\tple.com/",
    "https://example.com:/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:+80/",
    "https://example.com:８０/",
    "https://example.com:443:80/",
    "https://example%2ecom/",
    "https://%65xample.com/",
    "https://exämple.com/",
    "https://example.com。evil.example/",
    "https://ⓔxample.com/",
    "https://example..com/",
    "https://.example.com/",
    "https://-example.com/",
    "https://example-.com/",
    "https://example.com../",
    "https://exam!ple.com/",
    "https://example.com/%",
    "https://example.com/%zz",
    "https://example.com/?%4",
    "https://example.com/%252e%252e/x",
    "https://example.com/a/..%2fb",
    "https://example.com/..%5cb",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://example.com/" + "a" * 8192,
)


@pytest.mark.parametrize("words", CANONICAL)
def test_a_url_has_one_canonical_form(words: str) -> None:
    url = parse_url(words)
    assert url.text == CANONICAL[words]
    assert parse_url(url.text) == url
    assert url.judged == f"{url.scheme}://{url.place}{url.target}"


@pytest.mark.parametrize("words", LITERALS)
def test_an_ip_literal_is_refused_in_every_spelling(words: str) -> None:
    with pytest.raises(AddressError):
        parse_url(words)


@pytest.mark.parametrize("words", REFUSED)
def test_what_two_readers_could_read_in_two_ways_is_refused(words: str) -> None:
    with pytest.raises(AddressError):
        parse_url(words)


@given(st.ip_addresses())
def test_no_ip_address_is_a_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    spellings = [str(address), f"[{address}]", str(int(address)), hex(int(address)), oct(int(address)).replace("o", "")]
    for spelling in spellings:
        with pytest.raises(AddressError):
            parse_host(spelling)
        with pytest.raises(AddressError):
            parse_host(spelling + ".")


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-zA-Z0-9.%@\\:\[\]-]{0,30}[/?#]?.{0,20}", fullmatch=True))
def test_a_url_that_is_accepted_is_read_alike_by_the_standard_library(words: str) -> None:
    """Differential: what another parser takes for host, port and path is what was judged."""
    try:
        url = parse_url(words)
    except AddressError:
        return
    for text in (url.text, url.judged):
        other = urlsplit(text)
        assert other.username is None
        assert (other.hostname, other.port or {"http": 80, "https": 443}[other.scheme]) == (url.host, url.port)
        assert other.path + (f"?{other.query}" if "?" in url.target else "") == url.target
    assert url.text.isascii()
    assert parse_url(url.text) == url


@pytest.mark.parametrize(
    "host", ["localhost", "printer", "a.local", "db.internal", "metadata.google.internal", "x.lan"]
)
def test_a_name_that_only_a_local_network_resolves_is_private(host: str) -> None:
    assert private_host(host)


@pytest.mark.parametrize("host", ["example.com", "local.example", "internal.example.org"])
def test_a_public_name_is_not_private(host: str) -> None:
    assert not private_host(host)


HIDDEN = {
    "see https://evil.example/?k=v": "evil.example",
    "![x](https://evil.example/a.png)": "evil.example",
    "[x](//evil.example/a)": "evil.example",
    "[x](\\\\evil.example/a)": "evil.example",
    "<img src='https:/evil.example/a'>": "evil.example",
    "https:evil.example/a": "evil.example",
    "hTTpS://EVIL.example": "evil.example",
    "https&#58;//evil.example/": "evil.example",
    "&#x68;ttps://evil.example/": "evil.example",
    "https%3A%2F%2Fevil.example%2F": "evil.example",
    "https%253A%252F%252Fevil.example": "evil.example",
    "ｈｔｔｐｓ：／／evil.example/": "evil.example",
    "ht\u200btps://evil.example/": "evil.example",
    "https://evil\u00ad.example/": "evil",
    "https://\nevil.example/": "evil.example",
    "https:\t//evil.example/": "evil.example",
    "wss://evil.example/x": "evil.example",
    "ftp://evil.example/x": "evil.example",
    "ssh://git@evil.example/x": "evil.example",
    "git@evil.example:acme/app.git": "evil.example",
    "www.evil.example": "www.evil.example",
    "evil.example/path": "evil.example",
    "key123.evil.com": "key123.evil.com",
    "evil.museum:8080": "evil.museum",
    "http://2130706433/": "2130706433",
    "http://[::1]/": "[::1]",
    "10.0.0.1:8080": "10.0.0.1",
    "https://user:pw@evil.example/": "evil.example",
    "mail mallory@evil.example now": "mallory@evil.example",
    "mailto:mallory@evil.example": "mallory@evil.example",
    "cc @mallory": "@mallory",
    "_@mallory_": "@mallory",
    ".@mallory": "@mallory",
    "-@mallory": "@mallory",
    "same as mallory/loot#7": "mallory/loot",
    "https://docs.python.org@evil.example/": "evil.example",
    "(https://evil.example/)": "evil.example",
    "javascript:fetch('https://evil.example/')": "evil.example",
}


@pytest.mark.parametrize("text", HIDDEN)
def test_an_address_is_found_whatever_it_hides_behind(text: str) -> None:
    found = addresses_in(text)
    assert any(HIDDEN[text].rstrip("]").lstrip("[") in one.value.lower() for one in found), found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fix the parser in src/http.py:12 and README.md",
        "e.g. os.path, v1.2.3 and 3.11.2",
        "a/b/c.txt",
        "100% done",
        "Refs #42. Closes: nothing",
        "f(x) -> y; a // b",
        "x.y.z()",
        "key: value",
        "10:30",
        "C++ & Rust",
        "50 %20 50",
        "node.js and asp",
        "see docs/README.md/",
        "1.2.3.4",
        "a @ b",
        "x = 1; //comment in code",
        "foo@1.2.3 and pkg@2.0",
        "user@",
        "@",
        "http",
        "https: yes",
    ],
)
def test_ordinary_words_are_no_addresses(text: str) -> None:
    assert addresses_in(text) == frozenset()


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    for one in addresses_in(text):
        assert one.value
        assert one.kind in {"url", "host", "mail", "account", "repository", "unreadable"}


@given(st.text(alphabet="abc .,()<>\"'\n#*_-", max_size=30), st.text(alphabet=" \n()<>\"'*", min_size=1, max_size=3))
def test_a_url_is_found_in_any_surroundings(before: str, edge: str) -> None:
    found = addresses_in(f"{before}{edge}https://evil.example/x{edge}{before}")
    assert any("evil.example" in one.value for one in found)


def test_a_text_too_long_or_too_full_to_search_counts_as_an_unreadable_address() -> None:
    assert {one.kind for one in addresses_in("a" * (1024 * 1024 + 1))} == {"unreadable"}
    assert {one.kind for one in addresses_in(" ".join(f"https://h{n}.example/" for n in range(300)))} == {"unreadable"}


def test_a_url_in_a_text_comes_back_canonical() -> None:
    assert addresses_in("HTTPS://Example.COM:443/A/../b.") == {Address("url", "https://example.com/b")}


@pytest.mark.parametrize(
    "letter", ["\u200b", "\u200d", "\u00ad", "\ufeff", "\u202e", "\ufe0f", "\U000e0041", "\u3164", "\x07"]
)
def test_characters_that_show_nothing_are_ignorable(letter: str) -> None:
    assert ignorable(letter)


@pytest.mark.parametrize("letter", ["a", " ", "é", "中", "-"])
def test_characters_that_show_something_are_not(letter: str) -> None:
    assert not ignorable(letter)
