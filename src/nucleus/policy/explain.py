"""A policy in plain words: what it does on its own, and what it does with your yes.

The two columns come from the kernel's ``must`` and ``may``, so that the page
and the decision can't differ.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from nucleus.kernel import capability, exposure
from nucleus.policy.constraints import ALLOW, ASK, Scope
from nucleus.policy.legs import LEG_TABLE
from nucleus.policy.model import KEYS, Flags, Policy
from nucleus.policy.schema import CAPABILITIES

_DOES: Final = (
    "read files",
    "write new files",
    "edit files",
    "run commands",
    "search by file name",
    "search in files",
    "search the web",
    "fetch from the web",
    "commit",
    "push",
    "open pull requests, comment, label",
    "start other agents",
)
_FLAGS: Final = {
    "workspace_untrusted": "everything in the workspace counts as untrusted",
    "workspace_masked": "other files are hidden until you show them",
    "publish_asks": "each upload of a package asks",
    "attested_shell": "commands run only in a box that vouches for itself",
    "any_public_host_while_clean": "any public host is trusted while nothing private was seen",
}
_TITLES: Final = ("", "on its own", "with your yes", "from")


def show(policy: Policy) -> str:
    """Return the page that ``policy show`` prints, without a newline at the end."""
    parts = [_head(policy), _table(list(_capabilities(policy))), meeting(policy), *_scopes(policy), *_others(policy)]
    if policy.notes:
        parts.append("Notes\n" + "\n".join(f"  {note}" for note in policy.notes))
    return "\n\n".join(part for part in parts if part)


def meeting(policy: Policy) -> str:
    """Return whether private data, untrusted content and a way out can meet, and what would ask even earlier."""
    legs = exposure.reach(LEG_TABLE, policy.authority)
    if legs != exposure.UNINHABITABLE:
        missing = [name for bit, name in _LEGS if not legs & bit]
        return f"Private data, untrusted content and a way out never meet: no {' and no '.join(missing)}."
    lowered = policy.authority & ~exposure.nu(LEG_TABLE, policy.authority)
    names = [name for op, name in enumerate(CAPABILITIES) if capability.level(lowered, op)]
    text = "Private data, untrusted content and a way out can meet: once both were seen, whatever leaves asks."
    return f"{text}\nTo have it ask after untrusted content alone: low_risk for {', '.join(names)}." if names else text


_LEGS: Final = (
    (exposure.PRIVATE, "private data"),
    (exposure.UNTRUSTED, "untrusted content"),
    (exposure.EXFIL, "way out"),
)


def _head(policy: Policy) -> str:
    budget = policy.budget
    usd = "" if budget.usd_micro is None else f", {budget.usd_micro / 1_000_000:.2f} usd"
    lines = [
        f"Profile {policy.profile}, digest {policy.digest[:16]}",
        f"Ends after {budget.seconds // 60} minutes, {budget.calls} calls, {budget.egress_bytes / 1e6:g} MB sent{usd}",
    ]
    for layer in policy.layers:
        grants = "may grant" if layer.trusted else "may only tighten"
        lines.append(f"{layer.name}: {layer.path} ({grants}: {layer.why})")
    return "\n".join(lines)


def _capabilities(policy: Policy) -> Iterator[tuple[str, str, str, str]]:
    """Return one row per capability."""
    own, asked = capability.must(policy.authority), capability.may(policy.authority)
    for op, (name, does) in enumerate(zip(CAPABILITIES, _DOES, strict=True)):
        level = capability.level(policy.authority, op)
        alone = "yes" if capability.level(own, op) else "until it saw untrusted content" if level else "no"
        with_yes = "yes" if capability.level(asked, op) else "no"
        yield does, alone, with_yes, policy.levels_from.get(name, "")


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    """Return rows under their titles, columns aligned."""
    lines = [_TITLES, *rows]
    widths = [max(len(row[at]) for row in lines) for at in range(len(_TITLES))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


def _scopes(policy: Policy) -> Iterator[str]:
    """Return a block for each key of which somebody spoke."""
    for key in KEYS:
        lines = _scope(policy.scopes[key])
        if lines:
            yield "\n".join([key, *lines])


def _scope(scope: Scope) -> list[str]:
    """Return what each layer says of one key, in the order in which all of them must agree."""
    lines: list[str] = []
    for one in scope.sets:
        within = "within" if one.ceiling else "allow"
        for word, patterns in ((within, one.allow), ("ask", one.ask), ("deny", one.deny)):
            places: dict[str, dict[str, None]] = {}
            for _, source in patterns:
                places.setdefault(source.where, {})[_words(source.text)] = None
            lines += [f"  {word:<7}{', '.join(texts)}  ({where})" for where, texts in places.items()]
    if lines:
        rest = min(one.otherwise for one in scope.sets)
        lines.append(f"  {'else':<7}{'no limit' if rest == ALLOW else 'ask' if rest == ASK else 'deny'}")
    return lines


def _words(text: str) -> str:
    """Return a pattern without its table."""
    return text.partition(" = ")[2] if text.startswith("[") and not text.startswith("[[") else text


def _told(text: str, where: str) -> str:
    """Return a pattern and where it stands."""
    return f"{_words(text)}  ({where})"


def _others(policy: Policy) -> Iterator[str]:
    """Return blocks for labels, servers, remotes and switches."""
    labels = [f"  untrusted {_told(source.text, source.where)}" for _, source in policy.labels.untrusted.patterns]
    labels += [f"  secret    {_told(source.text, source.where)}" for _, source in policy.labels.secret.patterns]
    labels += [
        f"  public    {_told(source.text, source.where)}"
        for one in policy.labels.public.sets
        for _, source in one.allow
    ]
    if labels:
        yield "\n".join(["labels", *dict.fromkeys(labels)])
    for name, rule in policy.mcp.items():
        yield "\n".join([f"MCP server {name}", *_scope(rule.tools)])
    for name, remote in policy.remotes.items():
        words = [remote.url or "looked up at the start"]
        words += [word for word, on in (("public", remote.public), ("deletes", remote.allow_delete)) if on]
        words += ["forced updates"] if remote.allow_force else []
        yield f"remote {name}: {', '.join(words)}"
    held = [f"  {_FLAGS[one.name]}" for one in fields(Flags) if getattr(policy.flags, one.name)]
    if held:
        yield "\n".join(["also", *held])
