"""From files to one frozen ``Policy``: all layers met, grants only from the trusted.

Who may grant: a file of the owner (system, user, ``--policy``, pinned by
``policy trust``, or taken from a revision that the owner named). A file that
lies in the workspace was written by whoever wrote the repository: its limits
(``[ask] [deny] [otherwise] [labels] untrusted secret``, rules, lower levels,
smaller budgets, ``public = true`` of a remote) hold, what it grants is left
out, with one line that says so.

Pure but for reading the built-in profiles. Raises PolicyError, nothing else.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, final

from nucleus.errors import PolicyError
from nucleus.kernel import capability
from nucleus.lean import dataclass, field, replace
from nucleus.policy.compile import Part, flag_patterns, part, patterns, place, rules_of, sets_of
from nucleus.policy.constraints import ALLOW, ASK, NOBODY, Constraint, Pattern, Scope, meet
from nucleus.policy.digest import digest_of
from nucleus.policy.document import Document, read_document
from nucleus.policy.model import (
    CALL_COST,
    GRANTING_FLAGS,
    KEYS,
    Budget,
    Flags,
    Labels,
    Layer,
    McpRule,
    OwnerWords,
    Policy,
    Remote,
    Rule,
)
from nucleus.policy.notes import notes_of
from nucleus.policy.patterns import PatternSet
from nucleus.policy.profiles import profile_names, read_profile
from nucleus.policy.schema import BUDGETS, CAPABILITIES, GROUPS, LEVELS
from nucleus.policy.values import NAME, PATH, REF

MEGABYTE: Final = 1_000_000
MICRO: Final = 1_000_000


@final
@dataclass(frozen=True, slots=True)
class LayerFile:
    """The bytes of one policy file, and whether its grants count."""

    name: str
    """``system``, ``user``, ``project``, ``--policy``, ``--policy-rev``."""
    path: str
    data: bytes
    trusted: bool
    why: str


@final
@dataclass(frozen=True, slots=True)
class OwnerChoices:
    """What the owner said outside of any file, before the agent started."""

    profile: str = ""
    allow: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Key of the policy language -> patterns: what ``--allow-*`` named."""
    words: OwnerWords = field(default_factory=OwnerWords)
    home: str = ""
    """What ``~/`` stands for; empty where that is not known."""
    bill_seen: bool = False
    """Whether the gate sees what the model costs, so that ``usd`` can be kept."""


@final
@dataclass(frozen=True, slots=True)
class _Read:
    """A layer's document, with what was made of it."""

    file: LayerFile
    document: Document
    rules: tuple[Rule, ...]


def load_policy(files: Sequence[LayerFile], choices: OwnerChoices | None = None) -> Policy:
    """Return the meet of all layers under their profiles. Raises PolicyError at ``file:line``.

    ``files`` is ordered from the outermost layer (system) to the innermost.
    """
    chosen = choices or OwnerChoices()
    layers = [_read(file, chosen.home) for file in files]
    _check_bill(layers, chosen)
    profiles = [read_profile(name) for name in _profiles(layers, chosen)]
    authority, levels_from = _authority(profiles, layers)
    scopes = {key: _scope(key, profiles, layers, chosen) for key in KEYS}
    policy = Policy(
        profile=" & ".join(one.path.removeprefix("profile ") for one in profiles),
        authority=authority,
        budget=_budget(profiles, layers, chosen),
        scopes=scopes,
        labels=_labels(profiles, layers, chosen.home),
        mcp=_mcp(layers),
        remotes=_remotes(layers, scopes),
        flags=_flags(profiles),
        rules=tuple(rule for one in layers for rule in one.rules),
        owner=chosen.words,
        layers=tuple(_layer(one) for one in layers),
        notes=notes_of(profiles, [(one.document, one.file.trusted) for one in layers], authority, scopes),
        levels_from=levels_from,
    )
    return replace(policy, digest=digest_of(policy))


def with_remotes(policy: Policy, found: Mapping[str, str]) -> Policy:
    """Return the policy with its remotes resolved, once, by the owner's side.

    ``found`` holds name -> push URL as the workspace's git configuration has
    them at the start. Afterwards ``policy.remotes`` has each remote that the
    policy names and that has a URL: the policy's own where it gives one. A
    name that the policy does not permit is not in it.
    """
    resolved: dict[str, Remote] = {}
    for name in {**found, **policy.remotes}:
        known = policy.remotes.get(name)
        url = (known.url if known else "") or found.get(name, "")
        if not url or not policy.scopes["remotes"].permits(name):
            continue
        own = found.get(name) == url
        resolved[name] = (
            replace(known, url=url, home=own) if known else Remote(url, policy.scopes["branches"], home=own)
        )
    resolved_policy = replace(policy, remotes=resolved)
    return replace(resolved_policy, digest=digest_of(resolved_policy))


def _read(file: LayerFile, home: str) -> _Read:
    document = read_document(file.data, file.path)
    return _Read(file, document, rules_of(document, home))


def _layer(one: _Read) -> Layer:
    return Layer(one.file.name, one.file.path, one.document.digest, one.file.trusted, one.file.why)


def _profiles(layers: Sequence[_Read], chosen: OwnerChoices) -> list[str]:
    """Return the names of the profiles that are met. Raises PolicyError if nobody who may has named one."""
    named = {chosen.profile: ""} if chosen.profile else {}
    for one in layers:
        name = one.document.content.get("profile")
        if name is not None:
            _known(one.document, name)
            if one.file.trusted:
                named.setdefault(name, "")
    if named:
        for one in layers:
            named.setdefault(one.document.content.get("profile", next(iter(named))), "")
        return list(named)
    waiting = [one.file.path for one in layers if "profile" in one.document.content]
    fix = f"--profile NAME (one of: {', '.join(profile_names())})"
    if waiting:
        raise PolicyError(
            "no trusted policy names a profile; this one lies in the workspace and is not trusted",
            path=waiting[0],
            line=1,
            fix=f"look at it, then: nucleus policy trust {waiting[0]}; or {fix}",
        )
    raise PolicyError("no policy names a profile", fix=f"nucleus init, for a first nucleus.toml; or {fix}")


def _known(document: Document, name: str) -> None:
    """Check that a profile exists. Raises PolicyError at the line that names it."""
    try:
        read_profile(name)
    except PolicyError as error:
        raise document.error(error.message, "profile", fix=error.fix) from error


def _scope(key: str, profiles: Sequence[Document], layers: Sequence[_Read], chosen: OwnerChoices) -> Scope:
    """Return the scope of one key."""
    bounds = [_bound(one.path.removeprefix("profile "), key, chosen.home) for one in profiles]
    parts: list[Part] = [
        part(one.document, key, one.rules, trusted=one.file.trusted, home=chosen.home)
        for one in layers
        if _speaks(one, key)
    ]
    flags = flag_patterns(key, chosen.allow.get(key, ()), chosen.home)
    return Scope(KEYS[key], sets_of(KEYS[key], bounds, parts, flags))


@lru_cache(maxsize=512)
def _bound(name: str, key: str, home: str) -> Part:
    """Return what a built-in profile says about one key."""
    return part(read_profile(name), key, (), trusted=True, home=home)


def _speaks(one: _Read, key: str) -> bool:
    """Whether a document says anything about a key."""
    tables = ("allow", "ask", "deny", "otherwise")
    return bool(one.rules) or any(key in one.document.table(table) for table in tables)


def _authority(profiles: Sequence[Document], layers: Sequence[_Read]) -> tuple[int, dict[str, str]]:
    """Return the met authority, and what set each level."""
    authority = capability.EVERYTHING
    origin: dict[str, str] = {}
    for number, document in enumerate((*profiles, *(one.document for one in layers))):
        own = number < len(profiles)
        levels = _levels(document)
        for op, name in enumerate(CAPABILITIES):
            level, where = levels.get(name, (capability.NEVER if own else capability.ALWAYS, place(document)))
            if level < capability.level(authority, op) or name not in origin:
                origin[name] = where
            authority &= ~(0b11 << 2 * op) | level << 2 * op
        if not own:
            _check_levels(document, levels)
    return authority, origin


def _levels(document: Document) -> dict[str, tuple[int, str]]:
    """Return the levels that a document gives, by capability. Raises PolicyError where one is given twice."""
    levels: dict[str, tuple[int, str]] = {}
    for key, word in document.table("capabilities").items():
        for name in GROUPS.get(key, (key,)):
            if name in levels:
                message = f"{name} has a level twice: here and at {levels[name][1]}"
                raise document.error(message, "capabilities", key, fix="keep one of them")
            levels[name] = LEVELS[word], place(document, "capabilities", key)
    return levels


def _check_levels(document: Document, levels: Mapping[str, tuple[int, str]]) -> None:
    """Check that a file stays within the profile that it names itself. Raises PolicyError."""
    if "profile" not in document.content:
        return
    profile = document.content["profile"]
    bounds = _levels(read_profile(profile))
    words = {level: word for word, level in LEVELS.items()}
    for key in document.table("capabilities"):
        for name in GROUPS.get(key, (key,)):
            bound = bounds.get(name, (capability.NEVER, ""))[0]
            if levels[name][0] > bound:
                given, most = words[levels[name][0]], words[bound]
                message = f"{key} = {given!r} is above profile {profile!r}, which gives {name} {most!r}"
                raise document.error(message, "capabilities", key, fix=f"at most {most!r}, or another profile")


def _check_bill(layers: Sequence[_Read], chosen: OwnerChoices) -> None:
    """Check that no file promises a ceiling that nothing can keep. Raises PolicyError."""
    for one in layers:
        if "usd" in one.document.table("budget") and not chosen.bill_seen:
            raise one.document.error(
                "usd can be kept only where the gate sees the bill, and it does not see it here",
                "budget",
                "usd",
                fix="use calls, minutes or egress_mb, or route the model through the gate",
            )


def _budget(profiles: Sequence[Document], layers: Sequence[_Read], chosen: OwnerChoices) -> Budget:
    """Return the smallest of all ceilings."""
    least: dict[str, float] = {}
    for document in (*profiles, *(one.document for one in layers)):
        for name, value in document.table("budget").items():
            least[name] = min(value, least.get(name, value))
        if "profile" in document.content:
            _check_budget(document)
    missing = next((name for name in BUDGETS if name not in least), None)
    if missing:
        raise PolicyError(f"{profiles[0].path} has no ceiling for {missing}")
    usd = int(least["usd"] * MICRO) if chosen.bill_seen else None
    calls = int(least["calls"])
    micro_units = usd if usd is not None else calls * CALL_COST
    return Budget(micro_units, int(least["minutes"] * 60), calls, int(least["egress_mb"] * MEGABYTE), usd)


def _check_budget(document: Document) -> None:
    """Check that a file stays within the budget of the profile that it names. Raises PolicyError."""
    profile = document.content["profile"]
    bounds = read_profile(profile).table("budget")
    for name, value in document.table("budget").items():
        if value > bounds[name]:
            message = f"{name} = {value} is above profile {profile!r}, which has {bounds[name]}"
            raise document.error(message, "budget", name, fix=f"at most {bounds[name]}, or another profile")


def _labels(profiles: Sequence[Document], layers: Sequence[_Read], home: str) -> Labels:
    """Return the labels: untrusted and secret from everybody, public from the trusted."""

    def union(name: str) -> PatternSet:
        every = (*profiles, *(one.document for one in layers))
        return PatternSet(PATH, (found for one in every for found in _label(one, name, home, grants=False)))

    own = tuple(found for one in profiles for found in _label(one, "public", home, grants=True))
    said = [(one.file.path, _label(one.document, "public", home, grants=True)) for one in layers if one.file.trusted]
    sets = [Constraint(path, own + found) for path, found in said if found]
    return Labels(union("untrusted"), union("secret"), Scope(PATH, sets or [Constraint(profiles[0].path, own)]))


def _label(document: Document, name: str, home: str, *, grants: bool) -> tuple[Pattern, ...]:
    if name not in document.table("labels"):
        return ()
    return patterns(document, PATH, ("labels", name), grants=grants, home=home)


def _mcp(layers: Sequence[_Read]) -> dict[str, McpRule]:
    """Return the tools of each server that a layer names."""
    servers = dict.fromkeys(name for one in layers for name in one.document.table("mcp"))
    return {name: _server(name, [one for one in layers if name in one.document.table("mcp")]) for name in servers}


def _server(name: str, layers: Sequence[_Read]) -> McpRule:
    sets: list[Constraint] = []
    where = ""
    for one in layers:
        table = one.document.table("mcp")[name]
        lists = {
            word: patterns(one.document, NAME, ("mcp", name, word), grants=word == "allow", home="")
            if word in table
            else ()
            for word in ("allow", "ask", "deny")
        }
        grants = one.file.trusted and bool(lists["allow"])
        allow = lists["allow"] if grants else ()
        sets.append(
            Constraint(one.file.path, allow, lists["ask"], lists["deny"], ASK if grants else ALLOW, ceiling=not grants)
        )
        where = place(one.document, "mcp", name) if grants else where
    if not where:
        sets.append(Constraint(NOBODY, otherwise=ASK))
    return McpRule(Scope(NAME, sets), where)


def _remotes(layers: Sequence[_Read], scopes: Mapping[str, Scope]) -> dict[str, Remote]:
    """Return the remotes that layers describe. Those without a URL wait for ``with_remotes``."""
    out: dict[str, Remote] = {}
    for one in layers:
        for name, table in one.document.table("remotes").items():
            fresh = _remote(one, name, table, scopes)
            out[name] = _joined(one.document, name, out[name], fresh) if name in out else fresh
    return out


def _remote(one: _Read, name: str, table: Mapping[str, Any], scopes: Mapping[str, Scope]) -> Remote:
    refs = scopes["branches"]
    if "refs" in table:
        bound = patterns(one.document, REF, ("remotes", name, "refs"), grants=True, home="")
        refs = meet(refs, Scope(REF, (Constraint(one.file.path, bound, ceiling=True),)))
    grants = one.file.trusted
    return Remote(
        url=table.get("url", "") if grants else "",
        refs=refs,
        public=table.get("public", False),
        allow_delete=grants and table.get("allow_delete", False),
        allow_force=grants and table.get("allow_force", False),
        where=place(one.document, "remotes", name),
    )


def _joined(document: Document, name: str, outer: Remote, inner: Remote) -> Remote:
    """Return what two layers say of one remote. Raises PolicyError if they name two places."""
    if outer.url and inner.url and outer.url != inner.url:
        message = f"{name} is {inner.url!r} here and {outer.url!r} at {outer.where}"
        raise document.error(message, "remotes", name, "url", fix="one name, one place: use another name")
    return Remote(
        outer.url or inner.url,
        meet(outer.refs, inner.refs),
        outer.public or inner.public,
        outer.allow_delete and inner.allow_delete,
        outer.allow_force and inner.allow_force,
        where=outer.where,
    )


def _flags(profiles: Sequence[Document]) -> Flags:
    """Return the switches of all profiles: what tightens holds if one has it, what grants if all have it."""
    values: dict[str, bool] = {}
    for name in Flags.__dataclass_fields__:
        each = [bool(one.table("flags").get(name, False)) for one in profiles]
        values[name] = all(each) if name in GRANTING_FLAGS else any(each)
    return Flags(**values)
