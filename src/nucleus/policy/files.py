"""Files of the workspace and beyond: what reading and writing them means.

The place is canonicalised lexically here; the worker opens exactly this place
by descriptors, without following links. A path that a policy denies is
invisible: a tree read is told to leave it out, and a refusal tells the agent
nothing but that it was refused.

A tree read (list, glob, grep, a diff) never stands for reading what would be
asked about by name: such paths are left out, and so are secret-looking ones
where contents are returned.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from nucleus.kernel.exposure import PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import CONTROL, EGRESS, SCOPE_ALLOW, SCOPE_DENY
from nucleus.policy import call as kinds
from nucleus.policy import legs
from nucleus.policy.addresses import AddressError, parse_url
from nucleus.policy.answer import FINE, Ruling, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.constraints import Judgement, Scope
from nucleus.policy.context import Context
from nucleus.policy.controls import Steering, in_git, secret_looking, secret_patterns, steering
from nucleus.policy.destinations import url_is_friendly
from nucleus.policy.legs import Row
from nucleus.policy.model import Policy
from nucleus.policy.paths import PathError, Place, locate
from nucleus.policy.patterns import PatternSet
from nucleus.policy.shapes import ABSOLUTE, HERE, RELATIVE, Shape

_SECRET: Final = PRIVATE | SECRET
_MACHINE: Final = ("/proc/", "/sys/", "/dev/")
"""Views of the machine and of every process's memory and environment; no file of anybody."""

_REF: Final = re.compile(r"\.git/(?:HEAD|refs/(?:heads|tags)/([^\x00-\x20\x7f~^:?*\[\\]+))")
_REVISION: Final = re.compile(r"[A-Za-z0-9_@^][A-Za-z0-9_./@{}^~+-]{0,254}")

_ROWS: Final[Mapping[str, tuple[Row, Row, Row]]] = {
    kinds.READ: (legs.WORKSPACE_READ, legs.PUBLIC_READ, legs.OUTSIDE_READ),
    kinds.LIST: (legs.WORKSPACE_GLOB, legs.PUBLIC_GLOB, legs.OUTSIDE_GLOB),
    kinds.GLOB: (legs.WORKSPACE_GLOB, legs.PUBLIC_GLOB, legs.OUTSIDE_GLOB),
    kinds.GREP: (legs.WORKSPACE_GREP, legs.PUBLIC_GREP, legs.OUTSIDE_GREP),
}
"""For each kind: the row in the workspace, of a public path, and outside."""


def read(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify reading, listing, globbing or searching one place."""
    here, public, outside = _ROWS[call.kind]
    try:
        place = locate(context.workspace, context.home, _text(call.args, "path", "."))
        if call.kind != kinds.READ:
            _check_pattern(call)
    except PathError as error:
        return answer(outside, call, deny(f"{error}"))
    path = place.relative
    ruling, secret = _read_ruling(policy.scopes["read"], policy.labels.secret, place)
    tree = call.kind != kinds.READ
    left_out = hidden(policy, contents=call.kind == kinds.GREP) if tree else _limits(policy.scopes["read"], asked=False)
    resolved: dict[str, Any] = {"path": path, "hidden": left_out}
    labels = labels_of(policy, context, path, tree=tree) if place.inside else 0
    labels |= _SECRET if secret else 0
    if not place.inside:
        known = policy.labels.public.judge(path).scope == SCOPE_ALLOW and not secret
        row = legs.PUBLIC_READ if known and call.kind == kinds.READ else outside
        labels |= UNTRUSTED
    else:
        row = public if not secret and policy.labels.public.judge(path).scope == SCOPE_ALLOW else here
    return answer(row, call, ruling, labels=labels, target=Target(path), resolved=resolved)


@lru_cache(maxsize=1024)
def _read_ruling(scope: Scope, labelled: PatternSet, place: Place) -> tuple[Ruling, bool]:
    """Return what the scope of reads rules on a place, and whether it is a secret's. Remembered: agents come back."""
    path = place.relative
    judgement = scope.judge(path)
    ruling = FINE if judgement.scope == SCOPE_ALLOW else ruled(judgement, "read", path)
    secret = secret_looking(path) or _found(labelled, path)
    if secret and ruling.scope != SCOPE_DENY and not judgement.exact:
        ruling = least(ruling, _secret_ruling(place))
    elif place.inside and in_git(path) and not judgement.exact:
        ruling = least(ruling, ask(f"{path} is git's own storage: it holds what was deleted or is hidden"))
    elif not place.inside and path.startswith(_MACHINE) and not judgement.exact:
        ruling = least(ruling, deny(f"{path} shows the machine and other processes", "copy what is needed into a file"))
    return ruling, secret


def history(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify status, diff and log: the workspace's own content, and what its past held."""
    try:
        places = [locate(context.workspace, context.home, path) for path in paths_of(call.args)]
    except PathError as error:
        return answer(legs.HISTORY_READ, call, deny(f"{error}"))
    rulings = [FINE]
    for place in places:
        if place.inside:
            rulings.append(ruled(policy.scopes["read"].judge(place.relative), "read", place.relative))
        else:
            rulings.append(deny(f"{place.absolute} is outside of the workspace"))
    odd = next((name for name in ("rev", "base", "head") if not _good_revision(call.args.get(name))), "")
    if odd:
        rulings.append(deny(f"{odd} is not a revision of commits"))
    whole = labels_of(policy, context, ".", tree=True)
    resolved = {
        "paths": [place.relative for place in places],
        "hidden": hidden(policy, contents=call.kind != kinds.GIT_STATUS),
    }
    return answer(legs.HISTORY_READ, call, least(*rulings), labels=whole, target=Target("."), resolved=resolved)


def write(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify writing, editing or deleting one file."""
    row = {kinds.EDIT: legs.EDIT, kinds.DELETE: legs.DELETE}.get(call.kind, legs.WRITE)
    try:
        place = locate(context.workspace, context.home, _text(call.args, "path", ""))
    except PathError as error:
        return answer(row, call, deny(f"{error}"))
    path = place.relative
    if not place.inside or path == ".":
        return answer(row, call, deny(f"{path} is not a file of the workspace"), target=Target(path))
    visible = policy.scopes["read"].judge(path)
    ruling = least(ruled(policy.scopes["write"].judge(path), "write", path), _told(policy, call, path, visible))
    if visible.scope == SCOPE_DENY and not visible.silent:
        ruling = least(ruling, ruled(visible, "read", path))
    elif policy.flags.workspace_masked and visible.scope != SCOPE_ALLOW and context.present(path):
        why = f"{path} is there already and not visible to this session"
        ruling = least(ruling, ask(why, f"[allow] read = [{path!r}]"))
    sink, why = _steered(path, steering(path), transactional=context.transactional)
    if call.kind == kinds.DELETE:
        if not context.transactional and not context.kept(path):
            row, why = legs.FINAL_DELETE, f"no commit keeps the content of {path}"
    elif path.rpartition("/")[2].lower() == "package.json" and _LIFECYCLE.search(_unescaped(call.body)):
        sink, why = sink | CONTROL, f"{path} names a script that runs when somebody installs"
    elif call.body and _fetched_by_editors(policy, call.body):
        sink, why = sink | EGRESS, f"an editor that opens {path} fetches an address in it"
    if why and ruling.scope == SCOPE_ALLOW:
        ruling = ruling._replace(why=why)
    return answer(row, call, ruling, sink=sink, target=Target(path), resolved={"path": path})


def apply(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify one change that a transaction would bring to the host: args ``path`` and ``change``.

    ``change`` is write, delete, link, mode, special or ref; any other word is the worst of them.
    """
    if call.args.get("change") == "ref":
        return _apply_ref(policy, call)
    try:
        place = locate(context.workspace, context.home, _text(call.args, "path", ""))
    except PathError as error:
        return answer(legs.APPLY_HELD, call, deny(f"{error}"))
    path = place.relative
    if not place.inside or path == ".":
        return answer(legs.APPLY_HELD, call, deny(f"{path} is not a file of the workspace"), target=Target(path))
    ruling = ruled(policy.scopes["write"].judge(path), "write", path)
    change = call.args.get("change")
    steers = steering(path)
    if change == "delete" and context.kept(path) and steers < Steering.HELD:
        return answer(legs.APPLY_KEPT, call, ruling, target=Target(path), resolved={"path": path})
    if change == "write" and steers < Steering.HELD:
        why = f"{path} runs when somebody builds" if steers == Steering.FLAGGED else ""
        ruling = ruling._replace(why=why) if ruling.scope == SCOPE_ALLOW else ruling
        return answer(legs.APPLY_KEPT, call, ruling, target=Target(path), resolved={"path": path})
    row = legs.APPLY_HELD if steers >= Steering.HELD or change != "delete" else legs.FINAL_DELETE
    return answer(row, call, ruling, target=Target(path), resolved={"path": path})


def _apply_ref(policy: Policy, call: Call) -> Classified:
    """Classify a branch, a tag or HEAD that would move with a transaction: as making a commit or branch here."""
    path = call.args.get("path")
    found = _REF.fullmatch(path) if type(path) is str else None
    if found is None:
        return answer(legs.APPLY_HELD, call, deny("neither HEAD, a branch nor a tag"))
    ruling, name = FINE, found[1] or "HEAD"
    judgement = policy.scopes["branches"].judge(name)
    if found[1] and judgement.scope != SCOPE_ALLOW and not judgement.silent:
        ruling = ruled(judgement, "branches", name)
    return answer(legs.APPLY_REF, call, ruling, target=Target(name), resolved={"path": found[0]})


def _good_revision(value: object) -> bool:
    """Whether a value names commits, or nothing: no option, and no ``commit:path``, which would show a hidden file."""
    return not value or (type(value) is str and _REVISION.fullmatch(value) is not None)


def labels_of(policy: Policy, context: Context, path: str, *, tree: bool) -> int:
    """Return what the labels say of a path of the workspace, or of everything at and below it."""
    bits = context.labels.tree(path) if tree else context.labels.bits(path)
    if policy.flags.workspace_untrusted or _labelled(policy, "untrusted", path):
        bits |= UNTRUSTED
    elif tree and policy.labels.untrusted.patterns:
        # Which of the labelled files are below is not known without looking.
        bits |= UNTRUSTED
    return bits


def hidden(policy: Policy, *, contents: bool) -> tuple[str, ...]:
    """Return patterns of what a tree read leaves out; with ``contents`` secret-looking names too."""
    return _left_out(policy.scopes["read"], contents=contents)


def unseen(policy: Policy) -> tuple[str, ...]:
    """Return patterns of what a box does not show. What looks like a secret, a box finds by itself."""
    return _limits(policy.scopes["read"], asked=True)


def only_seen(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """Return what alone a box shows, where the profile masks the rest: one set of patterns for each constraint.

    A path is seen if each set has a pattern of it. Empty where nothing is masked but what ``unseen`` says.
    """
    if not policy.flags.workspace_masked:
        return ()
    sets = [one for one in policy.scopes["read"].sets if not any(shape.everything for shape, _ in one.allow)]
    return tuple(tuple(text for shape, _ in one.allow for text in _written(shape)) for one in sets)


def public_only(policy: Policy) -> bool:
    """Whether all that such a box shows is public by the policy's own labels."""
    shown = [text for texts in only_seen(policy) for text in texts]
    return bool(shown) and all(policy.labels.public.judge(_sample(text)).scope == SCOPE_ALLOW for text in shown)


def _sample(pattern: str) -> str:
    """Return a path that only the pattern itself and what covers all of it name."""
    return pattern.replace("**", "~sample~/~").replace("*", "~")


@lru_cache(maxsize=64)
def _left_out(scope: Scope, *, contents: bool) -> tuple[str, ...]:
    # Remembered, not made anew: a copy for each call would cost more the more rules there are.
    secrets = secret_patterns() if contents else ()
    return (*_limits(scope, asked=True), "**/.git", "**/.git/**", *secrets)


@lru_cache(maxsize=64)
def _limits(scope: Scope, *, asked: bool) -> tuple[str, ...]:
    """Return the patterns that deny, and those that ask, as text below the workspace."""
    found: dict[str, None] = {}
    for one in scope.sets:
        for shape, _ in one.deny + (one.ask if asked else ()):
            found.update(dict.fromkeys(_written(shape)))
    return tuple(found)


def _written(shape: Shape) -> list[str]:
    """Return a path shape as relative patterns. One that starts at the file system's root matches nothing below."""
    base = list(shape.base)
    if base[:1] == [ABSOLUTE]:
        return []
    parts = base[1:] if base[:1] == [RELATIVE] else base
    if shape.name is not None:
        star = "*" if shape.name.star else ""
        parts += ([] if shape.depth == HERE else ["**"]) + [f"{shape.name.prefix}{star}{shape.name.suffix}"]
    if not parts:
        return ["**"]
    plain = "/".join(parts)
    return [plain, plain + "/**"] if shape.below else [plain]


def _told(policy: Policy, call: Call, path: str, visible: Judgement) -> Ruling:
    """Return the ruling on what the outcome of an edit tells: whether its old text stands in the file."""
    secret = secret_looking(path) or _labelled(policy, "secret", path)
    if call.kind != kinds.EDIT or visible.exact or not secret:
        return FINE
    return ask(f"{path} looks like a secret, and an edit tells whether its old text stands there")


def _labelled(policy: Policy, name: str, path: str) -> bool:
    """Whether the policy's own labels say so of a path."""
    return _found(policy.labels.secret if name == "secret" else policy.labels.untrusted, path)


def _found(patterns: PatternSet, path: str) -> bool:
    return bool(patterns.patterns) and patterns.find(path) is not None


def _secret_ruling(place: Place) -> Ruling:
    """Return what a secret-looking path gets where nobody names exactly it."""
    step = f"[allow] read = [{place.relative!r}] in a trusted policy"
    if place.inside:
        return ask(f"{place.relative} looks like a secret", step)
    return deny(f"{place.relative} looks like a secret, outside of the workspace", step)


def _steered(path: str, steers: Steering, *, transactional: bool) -> tuple[int, str]:
    """Return the sink of writing a path, and why."""
    if steers == Steering.CONTROL:
        return CONTROL, f"{path} steers an agent, a shell, version control or Nucleus"
    if steers == Steering.HELD and not transactional:
        return CONTROL, f"{path} is run by an interpreter or editor without being asked"
    if steers == Steering.FLAGGED:
        return 0, f"{path} runs when somebody builds"
    return 0, ""


_LIFECYCLE: Final = re.compile(rb"\"(?:preinstall|install|postinstall|prepare|prepublish)\\*\"\s*:")
_SCHEMA: Final = re.compile(
    rb"(?:\$schema[\"'\\]*\s*[:=]\s*[\"'\\]*|schemaLocation[^<>]{0,300}?|xml-model[^>]{0,300}?|<!(?:DOCTYPE|ENTITY)[^>]{0,300}?)"
    rb"((?:https?|ftp):[/\\]+[^\s\"'<>\\]+)",
    re.IGNORECASE,
)
_WORDS: Final = (b"schema", b"doctype", b"entity", b"xml-model")
_ESCAPE: Final = re.compile(rb"\\+u00([0-7][0-9a-fA-F])")
_IDENTIFIERS: Final = re.compile(
    r"https?://(?:json-schema\.org/(?:draft-0[3-7]|draft/20\d\d-\d\d)/(?:hyper-)?schema|www\.w3\.org/[\w/.-]{1,80})#?"
)
"""Names in the form of a URL, which editors have built in."""


def _fetched_by_editors(policy: Policy, body: bytes) -> bool:
    """Whether a text names a schema or document type at an address that is not trusted.

    Editors fetch these when the file is opened: a file is then a request that is sent later.
    """
    body = _unescaped(body)
    lower = body.lower()
    if not any(word in lower for word in _WORDS):
        return False
    for found in _SCHEMA.finditer(body):
        address = found[1].decode("utf-8", "replace").rstrip("\\")
        if _IDENTIFIERS.fullmatch(address):
            continue
        try:
            url = parse_url(address)
        except AddressError:
            return True
        if not url_is_friendly(policy, url):
            return True
    return False


def _unescaped(body: bytes) -> bytes:
    """Return a text without the escapes that a JSON reader undoes before it looks for a key; an edit's stand twice."""
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), body) if b"\\u00" in body else body


def _text(args: Mapping[str, Any], name: str, default: str) -> str:
    """Return one argument as text. Raises PathError for another type."""
    value = args.get(name, default)
    if type(value) is not str:
        raise PathError(f"{name} is not text")
    return value


def paths_of(args: Mapping[str, Any]) -> list[str]:
    """Return the argument ``paths``, the whole workspace if there is none. Raises PathError for anything else."""
    value = args.get("paths") or ["."]
    if not isinstance(value, list | tuple) or not all(type(one) is str for one in value):
        raise PathError("paths is not a list of texts")
    return list(value)


def _check_pattern(call: Call) -> None:
    """Raise PathError for a glob that climbs out of its directory. The pattern of a grep is no glob."""
    name = {kinds.GLOB: "pattern", kinds.GREP: "glob"}.get(call.kind)
    if name is None or call.args.get(name) is None:
        return
    pattern = _text(call.args, name, "")
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        raise PathError("the pattern leads out of its directory")
