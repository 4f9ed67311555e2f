"""Requests of several rounds (2026-07-28, basic/patterns/mrtr): a server asks within a result, the client asks again.

A server's ``requestState`` goes through the client and comes back. Here it is
wrapped: the server's own text inside, and around it who may bring it back
(a MAC over the server, the method, what was called with which arguments, and
a time). The client can neither change it, nor bring it with another request,
nor to another server; the server gets its own text back, byte for byte.
"""

import base64
import binascii
import hmac
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from nucleus.mcp.messages import INVALID_PARAMS, MessageError
from nucleus.mcp.pins import Identity, digest_of

ROUNDS: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Method whose result may ask -> the member of ``params`` that says what is called."""
ASKABLE: Final = frozenset(("elicitation/create", "sampling/createMessage", "roots/list"))
INPUT_REQUIRED: Final = "input_required"
SECONDS: Final = 3600
"""How long a state may be brought back. A person may have to answer in between."""
_PREFIX: Final = "nucleus1."
_KEY: Final = os.urandom(32)
"""One for each mediator process: a state does not outlive it."""


@final
class Rounds:
    """The states of one server."""

    def __init__(self, identity: Identity, *, key: bytes = _KEY, clock: Callable[[], float] = time.time) -> None:
        self._identity, self._key, self._clock = identity.digest, key, clock

    def binding(self, method: str, params: Mapping[str, Any]) -> str:
        """Return what a state is bound to, "" for a method whose result may not ask."""
        if method not in ROUNDS:
            return ""
        return digest_of([self._identity, method, params.get(ROUNDS[method]), params.get("arguments")])

    def asked(self, method: str, params: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a request with these params, in which the state is wrapped; itself if it asks nothing.

        Raises MessageError where a server asks what it may not.
        """
        if result.get("resultType") != INPUT_REQUIRED:
            return result
        binding = self.binding(method, params)
        asks, state = result.get("inputRequests"), result.get("requestState")
        proper = asks is None or (isinstance(asks, dict) and all(_askable(one) for one in asks.values()))
        if (
            not binding
            or not proper
            or not (state is None or isinstance(state, str))
            or (asks is None and state is None)
        ):
            raise MessageError("the server asked for what it may not ask")
        return {**result, "requestState": self._wrapped(binding, state)} if isinstance(state, str) else result

    def state(self, method: str, params: Mapping[str, Any]) -> str:
        """Return the server's own state of a request that brings one back. Raises MessageError."""
        given = params.get("requestState")
        head, dot, inner = given.removeprefix(_PREFIX).partition(".") if isinstance(given, str) else ("", "", "")
        try:
            raw = base64.urlsafe_b64decode(head.encode("ascii"))
        except (ValueError, binascii.Error):
            raw = b""
        binding = self.binding(method, params)
        expires, tag = raw[:8], raw[8:]
        if (
            not binding
            or not dot
            or not hmac.compare_digest(tag, self._tag(expires, binding, inner))
            or int.from_bytes(expires) < self._clock()
        ):
            raise MessageError("this requestState was not issued for this request, or is too old", INVALID_PARAMS)
        return inner

    def _wrapped(self, binding: str, inner: str) -> str:
        expires = int(self._clock() + SECONDS).to_bytes(8)
        head = base64.urlsafe_b64encode(expires + self._tag(expires, binding, inner)).decode()
        return f"{_PREFIX}{head}.{inner}"

    def _tag(self, expires: bytes, binding: str, inner: str) -> bytes:
        return hmac.digest(self._key, expires + binding.encode() + inner.encode("utf-8", "surrogatepass"), "sha256")


def _askable(request: object) -> bool:
    return (
        isinstance(request, dict) and request.get("method") in ASKABLE and isinstance(request.get("params", {}), dict)
    )
