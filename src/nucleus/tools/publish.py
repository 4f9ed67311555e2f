"""Pull requests, comments, labels and issues, mediated: ``from nucleus.tools import publish``.

Which forge, repository and branch a call reaches is the policy's to say; the
credential never leaves the gate's side.
"""

import json
from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.client import Client, current
from nucleus.policy import call
from nucleus.tools.handles import Posted, seen_of


@final
class Publish:
    """The publishing operations of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def pull_request(
        self, title: str, text: str = "", *, head: str = "", base: str = "", repository: str = ""
    ) -> Posted:
        """Open a pull request from ``head`` to ``base``; what is empty, the policy fills in."""
        body = json.dumps({"text": str(text), "title": str(title)}, ensure_ascii=False).encode()
        args = _given(head=head, base=base, repository=repository)
        return self._ask(call.PULL_REQUEST, args, body, title, text, head, base, repository)

    def comment(self, number: int, text: str, *, repository: str = "") -> Posted:
        """Comment on an issue or pull request."""
        args = {"number": number, **_given(repository=repository)}
        return self._ask(call.COMMENT, args, str(text).encode(), text, repository)

    def label(self, number: int, label: str, *, repository: str = "") -> Posted:
        """Add a label. Silent where the policy lists it; else a question."""
        args = {"number": number, "label": str(label), **_given(repository=repository)}
        return self._ask(call.LABEL, args, b"", label, repository)

    def read_issue(self, number: int, *, repository: str = "") -> Posted:
        """Return the text of an issue or pull request: anybody may have written it."""
        return self._ask(call.ISSUE, {"number": number, **_given(repository=repository)}, b"", repository)

    def _ask(self, kind: str, args: dict[str, Any], body: bytes, *values: object) -> Posted:
        result = self._client_of().mediate(kind, args, body, seen=seen_of(*values))
        text = result.body.decode("utf-8", "replace")
        return Posted(text, exposure=result.exposure, source=result.source, seq=result.seq, details=result.value)


def _given(**values: str) -> dict[str, Any]:
    return {name: str(value) for name, value in values.items() if value}


_AMBIENT: Final = Publish(current)
pull_request = _AMBIENT.pull_request
comment = _AMBIENT.comment
label = _AMBIENT.label
read_issue = _AMBIENT.read_issue
