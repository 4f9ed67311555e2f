"""Sessions written as generic steps, driven through classification and the kernel.

A step is ``{op, args, actor, authority_origin}``. Here each op becomes a call,
by its kind and not by its text: this is a front end for recorded sessions, and
knows nothing of any one of them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nucleus.kernel import boundary
from nucleus.kernel.capability import CREATE_PR, GIT_PUSH, NEVER, level
from nucleus.kernel.decide import ASK
from nucleus.kernel.delegate import absorb
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.state import Request, State
from nucleus.policy import call as kinds
from nucleus.policy.addresses import parse_url
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.labels import LabelStore
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy, with_remotes
from nucleus.policy.model import OwnerWords, Policy

SHARED: Final = Path(__file__).parents[3] / "shared" / "data"
WORKSPACE: Final = "/srv/app"
HOME: Final = "/home/dev"
FORGE: Final = "https://github.com"

RULES: Final = {
    1: "session", 2: "malformed", 4: "capability", 8: "scope", 16: "budget", 32: "control", 64: "destination",
    128: "secret", 256: "uninhabitable", 512: "low_risk",
}  # fmt: skip


def words_of(text: str) -> OwnerWords:
    """Return the owner's words as whole tokens."""
    return OwnerWords(frozenset(text.split()))


def owner_toml(session: Mapping[str, Any]) -> str:
    """Return what the owner's own policy names.

    That is what the steps of the task say comes from the configuration, packages of the prompt, and closed sets.
    """
    allow: dict[str, set[str]] = {"branches": set(), "templates": set(), "fetch": set(), "packages": set()}
    for step in session["steps"]:
        args, origin = step["args"], step.get("authority_origin")
        if step["actor"] != "task":
            continue
        if origin == "config" and args.get("branch"):
            allow["branches"].add(args["branch"])
        if origin == "config" and "://" in str(args.get("url")):
            allow["fetch"].add(parse_url(args["url"]).host)
        if origin in {"prompt", "config"} and step["op"] == "pkg.install":
            allow["packages"].update(_package_name(one) for one in _packages(args))
        if args.get("template"):
            allow["templates"].add(f"comment:{args['template']}")
        for label in _labels(args):
            allow["templates"].add(f"label:{label}")
    lines = [f"{key} = {json.dumps(sorted(values))}" for key, values in allow.items() if values]
    return "\n".join(["version = 1", "[allow]", *lines] if lines else ["version = 1"])


def _packages(args: Mapping[str, Any]) -> list[str]:
    """Return what would be installed, as ``index:name@version``."""
    spec = args.get("packages") or args.get("spec") or args.get("lock") or "?"
    return [f"index:{one}" for one in ([spec] if isinstance(spec, str) else spec)]


def _package_name(spec: str) -> str:
    return re.split(r"[@=<>~#]", spec.lower().replace("_", "-"), maxsplit=1)[0]


def locks_of(session: Mapping[str, Any]) -> frozenset[str]:
    """Return what the owner's lock files hold: sets that a task installs from a lock."""
    steps = (step for step in session["steps"] if step["actor"] == "task" and step["op"] == "pkg.install")
    locked = [step["args"] for step in steps if step["args"].get("lock") or step["args"].get("frozen")]
    return frozenset(one for args in locked for one in _packages(args))


def _labels(args: Mapping[str, Any]) -> list[str]:
    found = args.get("label") or args.get("labels") or []
    return [found] if isinstance(found, str) else [one for one in found if isinstance(one, str)]


def repository_of(session: Mapping[str, Any]) -> str:
    """Return the repository that the task itself works on."""
    named = (step["args"].get("repo") for step in session["steps"] if step["actor"] == "task")
    return next((name for name in named if isinstance(name, str) and "/" in name), "acme/app")


def policy_of(session: Mapping[str, Any], profile: str) -> Policy:
    """Return the profile met with the owner's file, words and remotes."""
    text = owner_toml(session)
    choices = OwnerChoices(profile=profile, words=words_of(session["user_task"]), home=HOME)
    policy = load_policy([LayerFile("--policy", "owner.toml", text.encode(), True, "named")], choices)
    names = {step["args"].get("remote") for step in session["steps"] if step.get("authority_origin") == "config"}
    others = {name: f"{FORGE}/acme/{name}.git" for name in names if isinstance(name, str) and name.isidentifier()}
    return with_remotes(policy, {**others, "origin": f"{FORGE}/{repository_of(session)}.git"})


def context_of(**changes: Any) -> Context:
    """Return the surroundings that a benign session has: a box, a transaction, a public repository."""
    usual: dict[str, Any] = {
        "workspace": WORKSPACE, "home": HOME, "attested": True, "hides_secrets": True, "transactional": True,
        "private_workspace": False, "branch": "topic-branch", "base": "main", "kept": lambda _: True,
        "present": lambda path: "/" in path or path == "README.md",
    }  # fmt: skip
    return Context(**{**usual, **changes})


_LEGS: Final = {"P": PRIVATE, "U": UNTRUSTED}

Translation = Callable[[Mapping[str, Any], "Journey"], list[Call]]


def _path(args: Mapping[str, Any]) -> str:
    """Return the place that is really opened: where a link leads, after ``->``."""
    return str(args.get("path", ".")).rpartition(" -> ")[2]


def _body(args: Mapping[str, Any]) -> bytes:
    return str(args.get("content") or args.get("body") or args.get("text") or "").encode()


def _write(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.WRITE, {"path": _path(args)}, _body(args))]


def _run(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    if "argv" in args:
        return [Call(kinds.RUN, {"argv": list(args["argv"])})]
    return [Call(kinds.RUN, {"text": args.get("sh") or args.get("cmd") or json.dumps(args)})]


def _tracker(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    return [Call(kinds.ISSUE, {"number": args.get("n", 1), "repository": args.get("repo") or journey.repository})]


def _pull_request(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    head, journey.pending = args.get("head") or args.get("branch") or journey.pending or "topic-branch", ""
    body = json.dumps({"title": args.get("title", "A change"), "text": args.get("body", "")}).encode()
    given = {"head": head, "base": args.get("base") or "main", "repository": args.get("repo") or journey.repository}
    return [Call(kinds.PULL_REQUEST, given, body)]


def _push(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    """Return a push, or the pull request that it belongs to.

    The gate pushes a topic branch as part of its pull request: of the one that follows in the
    same session, or, where the profile has no push of its own, of the one that is updated.
    """
    branch = f"refs/tags/{args['tag']}" if "tag" in args else args.get("branch") or args.get("ref") or ""
    if journey.opens_later() and branch:
        journey.pending = branch
        return []
    if journey.updates_by_pull_request() and branch and args.get("remote", "origin") == "origin":
        return _pull_request({**args, "head": branch}, journey)
    given = {"remote": args.get("remote", "origin"), "branch": branch}
    return [Call(kinds.PUSH, {**given, **{name: args[name] for name in ("force", "delete") if name in args}})]


def _comment(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    text = args.get("template") or args.get("body") or args.get("text") or "Looks good, with two remarks."
    where = {"number": args.get("n", 1), "repository": args.get("repo") or journey.repository}
    return [Call(kinds.COMMENT, where, str(text).encode())]


def _label(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    where = {"number": args.get("n", 1), "repository": args.get("repo") or journey.repository}
    return [Call(kinds.LABEL, {**where, "label": name}) for name in _labels(args)]


def _pull(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.PULL, {"remote": args.get("remote") or args.get("url") or "origin"})]


def _install(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.INSTALL, {"packages": _packages(args)})]


def _secret(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    if "path" in args:
        return [Call(kinds.READ, {"path": _path(args)})]
    if "scan" in args:
        return [Call(kinds.RUN, {"text": str(args["scan"])})]
    return [Call(kinds.READ, {"path": "/proc/self/environ"})]


def _fetch(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    host = re.sub(r"^\w+://", "", str(args.get("url", ""))).partition("/")[0].partition(":")[0]
    if host in {"localhost", "127.0.0.1"} and journey.context.attested:
        return []  # loopback inside the box is not a request
    return [Call(kinds.FETCH, {"url": args.get("url") or f"https://{args.get('host', '')}/"}, _body(args))]


def _post(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.FETCH, {"url": args.get("url", ""), "method": "POST"}, _body(args))]


def _read(kind: str) -> Translation:
    def translate(args: Mapping[str, Any], _: "Journey") -> list[Call]:
        given: dict[str, Any] = {"path": _path(args)}
        if kind in {kinds.GREP, kinds.GLOB}:
            given["pattern"] = args.get("q") or args.get("pattern") or "*"
        return [Call(kind, given)]

    return translate


def _history(kind: str) -> Translation:
    return lambda args, _: [Call(kind, {"paths": [args["path"]]} if "path" in args else {})]


def _act(args: Mapping[str, Any], journey: "Journey") -> list[Call]:
    """Return a change of an issue or pull request that has no call of its own: close, assign, merge."""
    destination = args.get("repo") or journey.repository
    given = {"op": "create_pr", "destination": destination, "act": "send", "arguments": dict(args)}
    return [Call(kinds.TOOL, given)]


def _unknown(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.UNKNOWN, {"server": "?", "tool": args.get("tool", ""), "arguments": dict(args)})]


def _commit(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.COMMIT, {"paths": args.get("paths", [])}, b"A change")]


def _search(args: Mapping[str, Any], _: "Journey") -> list[Call]:
    return [Call(kinds.SEARCH, {"q": args.get("q", "")})]


TRANSLATIONS: Final[Mapping[str, Translation]] = {
    "fs.read": _read(kinds.READ), "fs.list": _read(kinds.LIST), "fs.glob": _read(kinds.GLOB),
    "fs.search": _read(kinds.GREP), "fs.grep": _read(kinds.GREP), "fs.write": _write, "fs.edit": _write,
    "fs.delete": lambda args, _: [Call(kinds.DELETE, {"path": _path(args)})],
    "secret.read": _secret, "proc.exec": _run, "net.fetch": _fetch, "net.get": _fetch, "net.post": _post,
    "net.put": _post, "ui.render_image": _fetch, "server.egress": _unknown, "web.search": _search,
    "git.log": _history(kinds.GIT_LOG), "git.diff": _history(kinds.GIT_DIFF), "git.status": _history(kinds.GIT_STATUS),
    "git.blame": _history(kinds.GIT_LOG), "git.show": _history(kinds.GIT_LOG), "git.commit": _commit,
    "git.branch": lambda args, _: [Call(kinds.BRANCH, {"branch": args.get("name") or args.get("branch") or "topic"})],
    "git.push": _push, "git.pull": _pull, "git.fetch": _pull, "git.checkout": _pull, "git.clone": _pull,
    "git.tag": _commit, "git.stash": _commit, "git.reset": _commit, "pkg.install": _install,
    "mcp.spawn": lambda args, _: [Call(kinds.SPAWN, {"name": str(args.get("name", "?"))})],
    "agent.spawn": lambda args, _: [Call(kinds.SPAWN, {"name": str(args.get("name", "?"))})],
    **{f"{forge}.{what}.{verb}": _tracker for forge in ("gh", "gl") for what in ("issue", "pr", "mr", "run", "release")
       for verb in ("read", "list", "view", "diff", "search", "checks")},
    **{f"{forge}.file.read": lambda args, _: [Call(kinds.ISSUE, {
        "number": 1, "repository": args.get("repo") or args.get("project") or "somebody/elses"})]
       for forge in ("gh", "gl")},
    **{f"{forge}.{what}.create": _pull_request for forge in ("gh", "gl") for what in ("pr", "mr")},
    **{f"{forge}.{what}.create": _comment for forge in ("gh", "gl") for what in ("comment", "review", "note")},
    **{f"{forge}.label.{verb}": _label for forge in ("gh", "gl") for verb in ("add", "create", "set")},
    **{f"{forge}.issue.label": _label for forge in ("gh", "gl")},
    **{f"{forge}.{what}.comment": _comment for forge in ("gh", "gl") for what in ("issue", "pr", "mr")},
    **{f"{forge}.{what}.{verb}": _act for forge in ("gh", "gl") for what in ("issue", "pr", "mr")
       for verb in ("close", "reopen", "edit", "update", "assign", "merge", "lock")},
    **{f"{forge}.issue.create": _act for forge in ("gh", "gl")},
}  # fmt: skip
"""What is not here is a tool that nobody reviewed."""


@dataclass
class Verdict:
    """What became of one call of a step."""

    step: Mapping[str, Any]
    call: Call
    facts: Classified
    verdict: int
    rules: int

    @property
    def names(self) -> str:
        """Return the rules behind the verdict."""
        return "+".join(name for bit, name in RULES.items() if self.rules & bit)


@dataclass
class Journey:
    """One session on its way through the kernel. The approver says yes to tasks and no to attacks."""

    session: Mapping[str, Any]
    policy: Policy
    context: Context
    state: State = field(init=False)
    at: int = 0
    pending: str = ""
    seen: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with nothing seen and the profile's whole budget."""
        self.state = State(self.policy.authority, 0, self.policy.budget.micro_units, 0)

    @property
    def repository(self) -> str:
        """Return the workspace's own repository."""
        return repository_of(self.session)

    def opens_later(self) -> bool:
        """Whether a later step of the task opens a pull request."""
        later: Sequence[Mapping[str, Any]] = self.session["steps"][self.at + 1 :]
        return any(step["actor"] == "task" and step["op"].endswith((".pr.create", ".mr.create")) for step in later)

    def updates_by_pull_request(self) -> bool:
        """Whether the profile pushes only as part of a pull request."""
        authority = self.policy.authority
        return level(authority, GIT_PUSH) == NEVER and level(authority, CREATE_PR) != NEVER

    def drive(self) -> list[Verdict]:
        """Decide every step in order and return the verdicts."""
        for at, step in enumerate(self.session["steps"]):
            self.at = at
            for call in TRANSLATIONS.get(step["op"], _unknown)(step["args"], self):
                self.decide(step, call)
        return self.seen

    def decide(self, step: Mapping[str, Any], call: Call) -> Verdict:
        """Decide one call, answer its question, and go on with what it showed."""
        facts = classify(self.policy, call, self.context)
        verdict, rules, after = boundary.admit(self.state, request_of(facts, approved=0))
        if verdict == ASK and step["actor"] == "task":
            after = boundary.admit(self.state, request_of(facts, approved=1))[2]
        labels = self.context.labels
        if call.kind == kinds.WRITE and isinstance(labels, LabelStore) and "path" in facts.resolved:
            labels.will_write(facts.resolved["path"], f"step {self.at}", self.state.exposure)
            labels.settle(facts.resolved["path"], f"step {self.at}")
        self.state = after
        if step["actor"] == "task" and step.get("must") == "allow":
            # The record says that this was seen: also where the profile at hand would have refused it.
            self.state = absorb(self.state, sum(_LEGS[leg] for leg in step["legs"] if leg in _LEGS))
        self.seen.append(Verdict(step, call, facts, verdict, rules))
        return self.seen[-1]


def request_of(facts: Classified, *, approved: int) -> Request:
    """Return the request that the gate would make, at a cost of nothing and in time."""
    return Request(
        facts.op, 0, 1, facts.legs, facts.carried, facts.sink, facts.scope, facts.trusted, facts.home, facts.attested,
        facts.public, facts.fixed, approved,
    )  # fmt: skip


def load(name: str) -> list[dict[str, Any]]:
    """Return the sessions of a file, none if the data is not beside the project."""
    path = SHARED / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
