"""A real browser behind the mediator: Playwright's server, the headless shell of Chromium, a page on loopback."""

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.contract.test_mcp_servers import CLIENTS, npm
from tests.parts import world
from tests.parts.world import Stage

BROWSER = shutil.which("chromium-headless-shell")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium-headless-shell (Debian has it) is installed")


@pytest.fixture
def page() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a page, and what was asked for there: what a browser did is judged by that."""
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = b"<title>Plan</title><h1>The secret plan</h1><a href='https://evil.example/?q=1'>more</a>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/plan", asked
    server.shutdown()
    server.server_close()


def browsing(home: Path, url: str) -> Stage:
    """Return the place in which a client opens a page."""
    script = home / "script.json"
    calls: list[list[object]] = [["tools/list"], ["tools/call", "browser_navigate", {"url": url}]]
    calls += [["tools/call", name] for name in ("browser_snapshot", "browser_close")]
    script.write_text(json.dumps(calls))
    words = ["--headless", "--isolated", "--no-sandbox", "--executable-path", str(BROWSER)]
    server = [*npm("@playwright", "mcp", "cli.js"), *words]
    return Stage(home, server, lambda words: CLIENTS["typescript"](script, words), variables={"HOME": str(home)})


@pytest.mark.timeout(120)
@needs_browser
def test_a_page_is_opened_only_where_a_person_or_the_owner_said_so(
    tmp_path: Path, page: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = page
    here = browsing(tmp_path, url)
    direct = here.direct()
    assert "/plan" in asked, direct.errors
    assert "The secret plan" in direct.said
    asked.clear()
    held = here.mediated([])
    errors = [one["error"]["message"] for one in held.heard()["tools/call"] if "error" in one]
    assert asked == []
    assert errors[0].startswith("pending, id ")
    # An owner who says of every tool that it reads, whatever its hints: as a fetch this machine's address is denied.
    monkeypatch.setattr(world, "_reviewed", lambda _tool: ("read_files", ""))
    monkeypatch.setattr(world, "DESPITE", 'despite = ["destructiveHint", "openWorldHint", "readOnlyHint"]\n')
    allowed = here.mediated(direct.tools())
    assert "/plan" in asked, allowed.errors
    assert "The secret plan" in allowed.said
