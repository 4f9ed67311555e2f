"""Git's wire format, and what of it a box may say (gitprotocol-common, -pack, -v2). Pure.

A fetch is no sink, so what a client says in one is read line by line and
written anew: wants, haves, names of refs and known switches. What names the
client (``agent``, ``session-id``) is left out. A push is taken apart into its
commands and its pack.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from nucleus.egress.http1 import HttpError

FLUSH: Final = "flush"
DELIMITER: Final = "delimiter"
END: Final = "end"
Special = Literal["flush", "delimiter", "end"]
Line = bytes | Special
LINE_LIMIT: Final = 65516
"""Bytes of one line's content."""
LINES_LIMIT: Final = 1 << 18
"""Lines of one request: a negotiation names some thousand commits."""
COMMANDS_LIMIT: Final = 64
"""Refs of one push."""
ZERO: Final = frozenset(("0" * 40, "0" * 64))
_SPECIAL: Final[dict[bytes, Special]] = {b"0000": "flush", b"0001": "delimiter", b"0002": "end"}
_SIZE: Final = re.compile(rb"[0-9a-f]{4}")
_OBJECT: Final = rb"(?:[0-9a-f]{64}|[0-9a-f]{40})"
_REF: Final = rb"[!-+\-./0-9:;<=>@A-Z\]_`a-z{|}\x80-\xff]{1,255}"
_SWITCHES: Final = (
    rb"multi_ack_detailed|multi_ack|no-done|side-band-64k|side-band|thin-pack|no-progress|include-tag|ofs-delta|shallow"
    rb"|deepen-since|deepen-not|deepen-relative|filter|allow-tip-sha1-in-want|allow-reachable-sha1-in-want"
    rb"|object-format=sha(?:1|256)|sideband-all|wait-for-done|peel|symrefs|unborn|done"
)
_FETCH: Final = re.compile(
    rb"command=(?:ls-refs|fetch)|"
    + _SWITCHES
    + rb"|(?:want|have|shallow) "
    + _OBJECT
    + rb"|want-ref "
    + _REF
    + rb"|ref-prefix "
    + _REF
    + rb"|deepen [0-9]{1,9}|deepen-since [0-9]{1,12}|deepen-not "
    + _REF
    + rb"|filter (?:blob:none|blob:limit=[0-9]{1,12}[kmg]?|tree:[0-9]{1,6}|object:type=(?:blob|tree|commit|tag))"
    + rb"|packfile-uris https"
)
_WANT: Final = re.compile(rb"(want " + _OBJECT + rb") (.*)", re.DOTALL)
_SWITCH: Final = re.compile(_SWITCHES)
_CLIENT: Final = re.compile(rb"(?:agent|session-id)=[\x21-\x7e]{1,256}")
_COMMAND: Final = re.compile(rb"(" + _OBJECT + rb") (" + _OBJECT + rb") (" + _REF + rb")")
_ADVERTISED: Final = re.compile(rb"(" + _OBJECT + rb") (" + _REF + rb"(?:\^\{\})?)")


class Command(NamedTuple):
    """One ref that a push would move."""

    before: str
    after: str
    ref: str


class Push(NamedTuple):
    """A push, taken apart."""

    commands: tuple[Command, ...]
    banded: bool
    """Whether the client wants the answer in bands."""
    pack: bytes


def read(data: bytes) -> list[Line]:
    """Return the lines that ``data`` is. Raises HttpError (400)."""
    lines, rest = _lines(data, whole=True)
    if rest:
        raise HttpError(400, "something follows the lines of the protocol")
    return lines


def written(lines: Iterable[Line]) -> bytes:
    """Return lines as they go over the wire."""
    marks = {"flush": b"0000", "delimiter": b"0001", "end": b"0002"}
    return b"".join(marks[one] if isinstance(one, str) else b"%04x%b" % (len(one) + 4, one) for one in lines)


def fetch_request(data: bytes) -> bytes:
    """Return a request to upload-pack as it is sent on. Raises HttpError for a line that is not of a fetch."""
    kept: list[Line] = []
    for line in read(data):
        if isinstance(line, str):
            kept.append(line)
            continue
        plain = line.removesuffix(b"\n")
        first = _WANT.fullmatch(plain)
        if first is not None:
            switches = first[2].split(b" ")
            known = [one for one in switches if _SWITCH.fullmatch(one)]
            if not all(_CLIENT.fullmatch(one) for one in switches if one and one not in known):
                raise HttpError(400, "a fetch asks for something that is not known here")
            kept.append(b" ".join([first[1], *known]) + b"\n")
        elif _FETCH.fullmatch(plain):
            kept.append(line)
        elif not _CLIENT.fullmatch(plain):
            raise HttpError(400, "a line that is not of a fetch")
    return written(kept)


def push_request(data: bytes) -> Push:
    """Return the push that a request to receive-pack is. Raises HttpError."""
    lines, pack = _lines(data, whole=False)
    commands: list[Command] = []
    switches: list[bytes] = []
    for number, line in enumerate(lines[:-1]):
        if isinstance(line, str):
            raise HttpError(400, "a push has commands, and then its pack")
        plain, _, said = line.partition(b"\0")
        switches += said.split() if number == 0 else []
        found = _COMMAND.fullmatch(plain.removesuffix(b"\n"))
        if found is None or len(commands) >= COMMANDS_LIMIT:
            raise HttpError(400, f"a push moves up to {COMMANDS_LIMIT} refs, and is not signed or shallow")
        commands.append(Command(found[1].decode(), found[2].decode(), found[3].decode("utf-8", "replace")))
    if lines[-1:] != ["flush"] or (pack and not pack.startswith(b"PACK")):
        raise HttpError(400, "a push ends its commands, and then brings a pack")
    return Push(tuple(commands), b"side-band-64k" in switches, pack)


def refs_of(advertisement: bytes) -> dict[str, str]:
    """Return name -> object of the branches and tags that a server advertises. Raises HttpError (502)."""
    try:
        lines = read(advertisement)
    except HttpError:
        raise HttpError(502, "the remote does not speak git's protocol") from None
    found: dict[str, str] = {}
    for line in lines:
        if isinstance(line, str) or line.startswith(b"#"):
            continue
        said = _ADVERTISED.fullmatch(line.partition(b"\0")[0].removesuffix(b"\n"))
        name = "" if said is None else said[2].decode("utf-8", "replace")
        if said is not None and name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith("^{}"):
            found[name] = said[1].decode()
    return found


def advertisement(refs: dict[str, str], *, sha256: bool) -> bytes:
    """Return what a push is answered first: the refs, and the little that may be asked for."""
    switches = b"report-status ofs-delta side-band-64k object-format=" + (b"sha256" if sha256 else b"sha1")
    known = [(name.encode(), object_.encode()) for name, object_ in sorted(refs.items())]
    known = known or [(b"capabilities^{}", b"0" * (64 if sha256 else 40))]
    lines: list[Line] = [b"# service=git-receive-pack\n", "flush"]
    for number, (name, object_) in enumerate(known):
        lines.append(object_ + b" " + name + (b"\0" + switches if number == 0 else b"") + b"\n")
    return written([*lines, "flush"])


def report(results: Sequence[tuple[str, str]], *, banded: bool) -> bytes:
    """Return what came of each ref: "" where it was moved, else why not."""
    lines: list[Line] = [b"unpack ok\n"]
    for ref, why in results:
        plain = " ".join(why.split())[:300]
        lines.append((f"ng {ref} {plain}\n" if why else f"ok {ref}\n").encode())
    said = written([*lines, "flush"])
    if not banded:
        return said
    pieces: list[Line] = [b"\x01" + said[at : at + 60_000] for at in range(0, len(said), 60_000)]
    return written([*pieces, "flush"])


def _lines(data: bytes, *, whole: bool) -> tuple[list[Line], bytes]:
    """Return lines and what follows them: all there are, or up to the first flush. Raises HttpError."""
    lines: list[Line] = []
    at = 0
    while at < len(data):
        head = data[at : at + 4]
        special = _SPECIAL.get(head)
        if special is not None:
            lines.append(special)
            at += 4
            if special == "flush" and not whole:
                return lines, data[at:]
            continue
        size = int(head, 16) if _SIZE.fullmatch(head) else 0
        if not 4 < size <= LINE_LIMIT + 4 or at + size > len(data) or len(lines) >= LINES_LIMIT:
            raise HttpError(400, "not a line of git's protocol")
        lines.append(data[at + 4 : at + size])
        at += size
    if not whole:
        raise HttpError(400, "a push ends its commands, and then brings a pack")
    return lines, b""
