"""Addresses: strict parsing of the one that a call names, and finding all that hide in a text.

``parse_url`` reads a URL in one way only and refuses what two parsers could
read in two ways (RFC 3986, WHATWG URL): no user part, no backslash, no
control character or space, no percent sign or non-ASCII letter in the host,
no IP literal in any spelling (a host whose last label is a number is one).
What comes back is canonical; the effect must use ``Url.text``, not the words
of the caller.

``addresses_in`` finds hosts, URLs, mail addresses, accounts and references to
other repositories in a text that is about to be sent. It errs on the side of
finding: it reads the text as it stands, with markup and percent escapes
undone, and with compatibility letters and ignorable characters folded. A bare
name with a rare top-level domain and no path is not found; a text can always
carry data in words, so finding no address never makes a destination trusted.

Nothing here asks the network: what a name resolves to is the worker's matter.
"""

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple, final
from urllib.parse import unquote

from nucleus.lean import dataclass

URL_LIMIT: Final = 8192
"""Characters. Servers refuse longer ones (RFC 9110 section 4.1 asks for 8000); a longer one carries data."""
HOST_LIMIT: Final = 253
"""Characters of a host name (RFC 1035 section 2.3.4, without the root)."""
TEXT_LIMIT: Final = 1024 * 1024
"""Characters of a text that are searched. A longer text counts as one with an unreadable address."""
FOUND_LIMIT: Final = 256
"""Addresses in one text; more counts as an unreadable one."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BAD_IN_URL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_AUTHORITY: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_NOT_SENT: Final = re.compile(r"[^!$%&'()*+,./0-9:;=?@A-Z_a-z~-]")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HIDDEN_STEP: Final = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\]|$)")

_PRIVATE_NAMES: Final = frozenset(
    ("localhost", "local", "internal", "intranet", "lan", "corp", "home", "private", "localdomain", "onion", "arpa")
)
"""Last labels that no public name ends in (RFC 6761, 6762, 8375, 9476, ICANN's reserved and collision names)."""


class AddressError(ValueError):
    """The text is not one address that every reader would read alike. Says which part, and the fix."""


@final
@dataclass(frozen=True, slots=True)
class Url:
    """A canonical URL, taken apart."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as sent."""
    text: str
    """The whole, without a default port and without a fragment: what is fetched and shown."""
    judged: str
    """The same with its port always there: the form that a policy's URL patterns are compared with."""
    place: str
    """``host:port``."""


@lru_cache(maxsize=1024)
def parse_url(text: str) -> Url:
    """Return the URL in canonical form. Raises AddressError for what readers could differ about."""
    if not text or len(text) > URL_LIMIT:
        raise AddressError(f"a URL has 1 to {URL_LIMIT} characters")
    if _BAD_IN_URL.search(text):
        raise AddressError("a space, control character or backslash in the URL; percent-encode it")
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise AddressError("not an absolute URL; write https://host/path")
    scheme, authority, path, query = parts[1].lower(), parts[2], parts[3] or "/", parts[4] or ""
    if scheme not in DEFAULT_PORTS:
        raise AddressError(f"scheme {scheme!r}; only https and http are fetched")
    if "@" in authority:
        raise AddressError("a user name in the URL; write the host alone")
    host, port = _host_and_port(authority, DEFAULT_PORTS[scheme])
    target = _canonical_target(path, query)
    shown = host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"
    place = f"{host}:{port}"
    return Url(scheme, host, port, target, f"{scheme}://{shown}{target}", f"{scheme}://{place}{target}", place)


def parse_host(text: str) -> str:
    """Return a host name in canonical form. Raises AddressError for IP literals and what is no name."""
    name = text.lower()
    name = name.removesuffix(".")
    if not name:
        raise AddressError("no host in the URL")
    if name.startswith("["):
        raise AddressError("an IP literal; write the host's name")
    if "%" in name:
        raise AddressError("a percent sign in the host; write its plain name")
    if not name.isascii():
        raise AddressError("a non-ASCII letter in the host; write its xn-- form")
    if len(name) > HOST_LIMIT or not _HOST.fullmatch(name):
        raise AddressError("not a host name")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise AddressError("an IP literal; write the host's name")
    return name


def private_host(host: str) -> bool:
    """Whether a canonical name is one that only a local network resolves."""
    _, dot, last = host.rpartition(".")
    return not dot or last in _PRIVATE_NAMES


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    """Take an authority apart. Raises AddressError."""
    if authority.startswith("["):
        raise AddressError("an IP literal; write the host's name")
    name, colon, digits = authority.partition(":")
    host = parse_host(name)
    if not colon:
        return host, default
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 0xFFFF):
        raise AddressError("a port is a number from 1 to 65535")
    return host, int(digits)


def _canonical_target(path: str, query: str) -> str:
    """Return path and query as they are sent: dot segments removed, all but URL characters percent-encoded.

    Raises AddressError for a percent sign that starts no escape, and for a dot segment that only
    a second decoding shows: what the host does with them can't be known.
    """
    if _STRAY_PERCENT.search(path) or _STRAY_PERCENT.search(query):
        raise AddressError("a percent sign that starts no escape; write it as %25")
    if "/." in path or "%" in path:
        path = _without_dots(path)
    sent = path + query
    return _NOT_SENT.sub(_percent, sent) if _NOT_SENT.search(sent) else sent


def _without_dots(path: str) -> str:
    """Return the path with its dot segments resolved (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if segments[-1].replace("%2e", ".").replace("%2E", ".") in {".", ".."}:
        kept.append("")
    path = "/" + "/".join(kept)
    if _HIDDEN_STEP.search(unquote(unquote(path))):
        raise AddressError("a step up or a dot that is encoded twice in the path")
    return path


def _percent(found: re.Match[str]) -> str:
    """Return the UTF-8 percent escapes of one character."""
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


class Address(NamedTuple):
    """One address found in a text."""

    kind: str
    """``url``, ``host``, ``mail``, ``account``, ``repository`` or ``unreadable``."""
    value: str
    """Canonical: a URL, a host, ``user@host``, ``@name``, ``owner/name``. Of an unreadable one, what stood there."""


_SCHEME_URL: Final = re.compile(
    r"(?:https?|wss?|ftps?|sftp|ssh|git|git\+ssh|file|gopher|ldaps?|smb|tftp|dict|jar|rsync|s3|gs|data|javascript)"
    r":[/\\]{0,4}(?:\[[0-9a-f:.%]{2,64}\]|[^\s<>\"'`|{}\[\]])[^\s<>\"'`|{}\[\]]{0,8191}",
    re.IGNORECASE,
)
_RELATIVE_URL: Final = re.compile(r"(?<![\w:/\\.])[/\\]{2}[^\s<>\"'`|{}\[\]()/\\]{1,253}[^\s<>\"'`|{}\[\]()]{0,8192}")
_SCP: Final = re.compile(r"(?<![\w@./-])[\w.-]{1,64}@([a-z0-9.-]{1,253}):(?!\d+\b)[\w~/.-]{1,1024}", re.IGNORECASE)
_MAIL: Final = re.compile(
    r"[\w.!#$%&'*+/=?^{|}~-]{1,64}@(?:[a-z0-9_-]{1,63}\.){1,20}[a-z][a-z0-9-]{1,62}", re.IGNORECASE
)
_ACCOUNT: Final = re.compile(r"(?<![a-z0-9@/])@[a-z0-9_][a-z0-9_/-]{0,63}(?![\w.-]*@)", re.IGNORECASE)
_REPOSITORY: Final = re.compile(r"(?<![\w/.-])[a-z0-9][\w.-]{0,38}/[\w.-]{1,100}(?=[#!@]\w)", re.IGNORECASE)
_DOTTED: Final = re.compile(
    r"(?<![\w@./\\-])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.){1,20}(?:[a-z][a-z0-9-]{1,62}|\d{1,3})\.?"
    r"(?P<more>:\d{1,5}|/|\?|#)?",
    re.IGNORECASE,
)
_COMMON: Final = frozenset(
    """com net org io dev ai co biz xyz online site top club click website icu tv gg uk de fr nl eu ru cn jp br ca au ch
    se edu gov mil example""".split(),  # noqa: SIM905  a list of words reads better as words
)
"""Last labels at which a bare dotted word is taken for a host."""
_FILE_ENDINGS: Final = frozenset(
    """py md rs sh pl ps so cc js ts go rb java kt c h cpp hpp cs php html css json toml yaml yml xml txt csv lock cfg
    ini log tsx jsx vue svelte sql rst lua swift scala ex exs hs ml mk zip gz tar pdf png jpg svg in out diff
    patch""".split(),  # noqa: SIM905  likewise
)
"""Last labels at which a bare dotted word with ``:12`` or without a path is taken for a file."""


def addresses_in(text: str) -> frozenset[Address]:
    """Return every address found in ``text``, whatever disguise it is read through."""
    if len(text) > TEXT_LIMIT:
        return frozenset((Address("unreadable", f"a text of {len(text)} characters"),))
    found: set[Address] = set()
    for reading in _readings(text):
        _search(reading, found)
        if len(found) > FOUND_LIMIT:
            return frozenset((Address("unreadable", f"more than {FOUND_LIMIT} addresses"),))
    return frozenset(found)


def _readings(text: str) -> set[str]:
    """Return the text as it stands, and as a renderer or an unfurling service may read it."""
    readings = {text}
    unmarked = html.unescape(text) if "&" in text else text
    folded = unmarked
    if not unmarked.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKC", unmarked) if not ignorable(c))
        folded = re.sub("[。．｡․]", ".", folded)  # noqa: RUF001  dots that browsers take for a dot
    readings.add(folded)
    if "\t" in folded or "\n" in folded or "\r" in folded:
        # A URL parser drops these three inside a URL (WHATWG URL, section 4.4).
        readings.add(re.sub(r"(?<=[:/\\.])[\t\r\n]+|[\t\r\n]+(?=[:/\\.])", "", folded))
    for _ in range(2):
        if "%" in folded:
            folded = unquote(folded, errors="replace")
            readings.add(folded)
    return readings


def _search(text: str, found: set[Address]) -> None:
    """Add the addresses of one reading."""
    lower = text.lower()
    _search_urls(text, lower, found)
    if "@" in lower:
        found.update(Address("mail", match[0].strip(".'")) for match in _MAIL.finditer(lower))
        found.update(Address("account", match[0].rstrip("-/")) for match in _ACCOUNT.finditer(lower))
        for match in _SCP.finditer(lower):
            _add_host(match[1], found)
    if "/" in lower:
        found.update(Address("repository", match[0]) for match in _REPOSITORY.finditer(lower))
    if "." in lower:
        for match in _DOTTED.finditer(lower):
            _add_dotted(match, found)


def _search_urls(text: str, lower: str, found: set[Address]) -> None:
    """Add what stands after a scheme, or after two slashes."""
    if ":" in lower:
        for match in _SCHEME_URL.finditer(lower):
            _add_url(text[match.start() : match.end()], found)
    if "//" in lower or "\\\\" in lower:
        for match in _RELATIVE_URL.finditer(lower):
            if "." in match[0]:  # a name of one label is a comment in code far more often than a host
                _add_url("https:" + text[match.start() : match.end()], found)


def _add_url(words: str, found: set[Address]) -> None:
    """Add what a reader would fetch at ``words``."""
    scheme, _, rest = words.partition(":")
    scheme = scheme.lower()
    tail = rest.lstrip("/\\")
    if scheme in {"data", "javascript"}:
        # No host of their own; what stands inside is searched like the rest of the text.
        return
    if not tail.strip(".,;:!?)*_~"):
        return
    if scheme not in DEFAULT_PORTS:
        if tail[:1].isalnum() and rest[:1] in {"/", "\\"}:
            found.add(Address("url", f"{scheme}://{tail}".rstrip(".,;:!?)*_~")))
        return
    slashes = tail.replace("\\", "/").rstrip(".,;:!?)*_~")
    try:
        found.add(Address("url", parse_url(f"{scheme}://{slashes}").text))
    except AddressError:
        if rest[:1] in {"/", "\\"} or "." in tail:
            found.add(Address("unreadable", words[:256]))


def _add_host(name: str, found: set[Address]) -> None:
    """Add a host, or what stands in its place."""
    try:
        found.add(Address("host", parse_host(name)))
    except AddressError:
        found.add(Address("unreadable", name))


def _add_dotted(match: re.Match[str], found: set[Address]) -> None:
    """Add a bare dotted word if a reader could take it for a host."""
    more = match["more"] or ""
    words = match[0][: len(match[0]) - len(more)].rstrip(".")
    last = words.rpartition(".")[2]
    if last.isdigit():
        octets = words.split(".")
        if (
            len(octets) == 4
            and all(int(one) < 256 for one in octets if one.isdigit())
            and more in {"/", "?"} | _port(more)
        ):
            found.add(Address("unreadable", words))
        return
    if words.startswith("www.") or more == "/" or last in _COMMON or (more and last not in _FILE_ENDINGS):
        if last in _FILE_ENDINGS and not words.startswith("www.") and more != "/":
            return
        _add_host(words, found)


def _port(more: str) -> set[str]:
    """Return ``more`` as a set if it is a port."""
    return {more} if more[:1] == ":" else set()


def ignorable(character: str) -> bool:
    """Whether a character is shown as nothing: formats, controls, variation selectors, fillers."""
    if character < "\x7f":
        return character < " "
    code = ord(character)
    return (
        unicodedata.category(character) in {"Cf", "Cc"}
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
        or 0x180B <= code <= 0x180F
        or code in _FILLERS
    )


_FILLERS: Final = frozenset((0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0))
