"""Pull requests, comments, labels and issues through a forge's REST interface (GitHub's shape).

The credential of the permit goes to the permit's ``api`` origin, and to the
repository's own URL where the topic branch is pushed with the pull request;
redirects are failures here, and what comes back is searched for it. Paths are
built from checked parts only.
"""

import errno
import json
import re
from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.gate.effects import Outcome, Permit
from nucleus.lean import replace
from nucleus.policy.addresses import Url, parse_url
from nucleus.tools.perform.exchange import Exchange, Response
from nucleus.tools.perform.git import GitPerformer
from nucleus.tools.perform.net import HEADERS
from nucleus.tools.perform.outcomes import PermitError, never_raises, text, whole
from nucleus.tools.perform.resolve import Resolver, SystemResolver

TEXT_LIMIT: Final = 65_536
"""Characters of a text: what forges take."""
TITLE_LIMIT: Final = 256
COMMENT_LIMIT: Final = 100
"""Comments of an issue that are read."""
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100}")
_REF: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")
_LABEL: Final = re.compile(r"[^\x00-\x1f\x7f/?#%\\]{1,50}")


@final
class PublishPerformer:
    """The effect class ``publish``."""

    def __init__(self, resolver: Resolver | None = None, authority: bytes | None = None) -> None:
        self._exchange = Exchange(resolver or SystemResolver(), authority)
        self._git = GitPerformer(resolver, authority)

    @never_raises
    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Do one operation at the forge. Failures are outcomes, and never hold the credential."""
        match permit.kind:
            case "publish.pull_request":
                return self._pull_request(permit, body)
            case "publish.comment":
                return self._comment(permit, body)
            case "publish.label":
                return self._label(permit)
            case "publish.read":
                return self._read(permit)
            case _:
                raise PermitError(f"{permit.kind!r} is no publishing operation")

    def _pull_request(self, permit: Permit, body: bytes) -> Outcome:
        words = _json(body.decode("utf-8").encode())
        if not isinstance(words, dict) or set(words) != {"title", "text"}:
            raise PermitError("the body of a pull request is JSON with title and text")
        title, content = text(words, "title"), text(words, "text")
        if not title.strip() or len(title) > TITLE_LIMIT or len(content) > TEXT_LIMIT:
            raise ValueError(f"a title has 1 to {TITLE_LIMIT} characters, a text at most {TEXT_LIMIT}")
        pushed = self._push(permit)
        if pushed is not None:
            return pushed
        sent = {"title": title, "body": content, "head": _ref(permit, "head"), "base": _ref(permit, "base")}
        made = self._ask(permit, "POST", "/pulls", sent)
        return _posted(made, f"pull request {made.get('number')}")

    def _push(self, permit: Permit) -> Outcome | None:
        """Push the topic branch where the permit says so; return an outcome only where that failed."""
        branch = permit.args.get("push")
        if branch is None:
            return None
        if not isinstance(branch, Mapping) or branch.get("source") != f"refs/heads/{permit.args.get('head')}":
            raise PermitError("'push' must say where the head of the pull request goes")
        outcome = self._git.perform(replace(permit, kind="git.push", args=branch), b"")
        return None if outcome.status == "ok" else outcome

    def _comment(self, permit: Permit, body: bytes) -> Outcome:
        content = body.decode("utf-8")
        if not content.strip() or len(content) > TEXT_LIMIT:
            raise ValueError(f"a comment has 1 to {TEXT_LIMIT} characters")
        made = self._ask(permit, "POST", f"/issues/{_number(permit)}/comments", {"body": content})
        return _posted({**made, "number": _number(permit)}, "comment")

    def _label(self, permit: Permit) -> Outcome:
        label = text(permit.args, "label")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label")
        self._ask(permit, "POST", f"/issues/{_number(permit)}/labels", {"labels": [label]})
        return _posted({"number": _number(permit)}, f"label {label}")

    def _read(self, permit: Permit) -> Outcome:
        number = _number(permit)
        issue = self._ask(permit, "GET", f"/issues/{number}")
        comments = self._ask(permit, "GET", f"/issues/{number}/comments?per_page={COMMENT_LIMIT}", many=True)
        parts = [str(issue.get("title") or ""), "", str(issue.get("body") or "")]
        for each in comments.get("items", []):
            who = each.get("user") if isinstance(each, dict) else None
            if isinstance(who, dict):
                parts += ["", f"-- {who.get('login')}:", str(each.get("body") or "")]
        labels = [str(each.get("name")) for each in issue.get("labels") or [] if isinstance(each, dict)]
        found = {"state": str(issue.get("state")), "labels": labels[:COMMENT_LIMIT], "number": number}
        return Outcome("ok", {**_link(issue), **found}, "\n".join(parts).encode())

    def _ask(self, permit: Permit, method: str, path: str, sent: Any = None, *, many: bool = False) -> dict[str, Any]:
        """Return the forge's JSON object; with ``many`` its JSON array under ``items``."""
        headers = {**HEADERS, "Accept": "application/vnd.github+json"}
        if permit.credential:
            headers["Authorization"] = f"Bearer {permit.credential.decode('ascii')}"
        body = None if sent is None else json.dumps(sent, ensure_ascii=False).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = self._exchange.send(_url(permit, path), method, headers, permit.limits, body)
        _require_done(response)
        found = _json(response.body.replace(permit.credential, b"***") if permit.credential else response.body)
        if many and isinstance(found, list):
            return {"items": found}
        if many or not isinstance(found, dict | list):
            raise OSError(errno.EPROTO, "the forge did not answer as its interface says")
        return found if isinstance(found, dict) else {"items": found}


def _url(permit: Permit, path: str) -> Url:
    """Return the URL of an operation. Raises PermitError for a credential that would go out in the clear."""
    repository = text(permit.args, "repository")
    if not _REPOSITORY.fullmatch(repository) or repository.endswith(("/.", "/..")):
        raise ValueError(f"{repository!r} is no repository; write owner/name")
    base = text(permit.args, "api").rstrip("/")
    if "?" in base or "#" in base:
        raise PermitError("the api of a forge has no query")
    url = parse_url(f"{base}/repos/{repository}{path}")
    if permit.credential and url.scheme != "https":
        raise PermitError("a credential is sent over https only")
    return url


def _require_done(response: Response) -> None:
    if 200 <= response.status < 300:
        return
    message = f"the forge answered with status {response.status}"
    match response.status:
        case 401 | 403:
            raise PermissionError(errno.EACCES, f"{message}: the credential does not permit it")
        case 404 | 410:
            raise FileNotFoundError(errno.ENOENT, f"{message}: no such thing, or not visible to the credential")
        case 409 | 422:
            raise ValueError(f"{message}: it does not accept the values")
        case _:
            raise OSError(errno.EIO, message)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise OSError(errno.EPROTO, "not valid JSON") from None


def _number(permit: Permit) -> int:
    number = whole(permit.args, "number")
    if not 0 < number < 1 << 53:
        raise ValueError(f"{number} is no number of an issue")
    return number


def _ref(permit: Permit, name: str) -> str:
    ref = text(permit.args, name)
    if not _REF.fullmatch(ref) or ".." in ref:
        raise ValueError(f"{ref!r} is no branch")
    return ref


def _link(made: dict[str, Any]) -> dict[str, str]:
    return {"url": str(made.get("html_url") or "")}


def _posted(made: dict[str, Any], what: str) -> Outcome:
    link = _link(made)
    number = made.get("number")
    value = {**link, "number": number if isinstance(number, int) else 0}
    return Outcome("ok", value, (link["url"] or what).encode())
