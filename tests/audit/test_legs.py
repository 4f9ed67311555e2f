"""What a server can see and send, in the kernel's terms."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit import legs
from nucleus.audit.model import Confidence
from nucleus.audit.servers import Server
from nucleus.kernel.exposure import EXFIL, PRIVATE, UNTRUSTED
from nucleus.policy import legs as table
from tests.audit.printed import project_of

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT.parent / "shared" / "data" / "mcp_tools"


def server(entry: dict[str, object], name: str = "x") -> Server:
    (found,) = project_of({".mcp.json": json.dumps({"mcpServers": {name: entry}})}).servers
    return found


def package(name: str, **more: object) -> Server:
    return server({"command": "npx", "args": ["-y", name], **more})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@acme/filesystem-mcp", PRIVATE),
        ("mcp-postgres", PRIVATE | UNTRUSTED),
        ("web-fetch-server", UNTRUSTED | EXFIL),
        ("duckduckgo-search", UNTRUSTED | EXFIL),
        ("gmail-mcp", PRIVATE | UNTRUSTED | EXFIL),
        ("slack_bot_mcp", PRIVATE | UNTRUSTED | EXFIL),
        ("github-mcp-server", PRIVATE | UNTRUSTED | EXFIL),
        ("shell-exec-mcp", PRIVATE | UNTRUSTED | EXFIL),
        ("sequential-thinking", 0),
    ],
)
def test_words_of_capability_give_the_legs(name: str, expected: int) -> None:
    reach = legs.reach_of(package(name))
    assert legs.legs(reach.rows) == expected
    assert reach.confidence >= Confidence.MEDIUM


def test_a_server_whose_words_say_nothing_is_the_worst_case_at_low_confidence() -> None:
    reach = legs.reach_of(package("frobnicate-3000"))
    assert (reach.rows, reach.confidence) == ((table.UNREVIEWED,), Confidence.LOW)


def test_the_words_of_a_url_count() -> None:
    assert legs.legs(legs.reach_of(server({"url": "https://gmail.mcp.example/mcp"})).rows) == 7


def test_read_only_and_lists_of_tools_take_legs_away() -> None:
    """Without the tools that send, a mail server only reads."""
    assert (
        not legs.legs(legs.reach_of(package("gmail-mcp", includeTools=["list_messages", "read_message"])).rows) & EXFIL
    )
    assert not legs.legs(legs.reach_of(server({"command": "npx", "args": ["gmail-mcp", "--read-only"]})).rows) & EXFIL


def test_the_witness_is_a_way_that_the_kernel_stops() -> None:
    path = legs.witness([table.WORKSPACE_READ, table.SEARCH, table.PUBLISH])
    assert path[-1].sink
    assert legs.legs(path) == PRIVATE | UNTRUSTED | EXFIL


@pytest.mark.parametrize("rows", [[table.WORKSPACE_READ, table.PUBLISH], [table.SEARCH], [table.SERVICE_READ], []])
def test_two_legs_have_no_witness(rows: list[table.Row]) -> None:
    assert legs.witness(rows) == ()


@given(st.sets(st.sampled_from(list(table.ROWS.values())), max_size=6))
def test_a_witness_exists_only_where_all_three_legs_are(rows: set[table.Row]) -> None:
    if legs.witness(list(rows)):
        assert legs.legs(rows) == PRIVATE | UNTRUSTED | EXFIL


@pytest.mark.skipif(not TOOLS.is_dir(), reason="the tools of real servers are not beside the project")
def test_real_servers_are_judged_as_people_labelled_their_tools() -> None:
    """The legs of a whole server, by its name alone, are never less than its labelled tools have together.

    Servers of no known words are the worst case, so they can't be less.
    """
    labelled: dict[str, int] = {}
    for line in (TOOLS / "labels.tsv").read_text("utf-8").splitlines()[1:]:
        name, _, _, exposure = (line + "\t").split("\t")[:4]
        bits = {"P": PRIVATE, "U": UNTRUSTED, "X": EXFIL}
        labelled[name] = labelled.get(name, 0) | sum(bits[letter] for letter in exposure)
    short = {
        name: legs.names(wanted & ~got)
        for name, wanted in labelled.items()
        if wanted & ~(got := legs.legs(legs.reach_of(package(f"mcp-server-{name}")).rows)) and name != "everything"
    }
    assert short == {}


def test_a_url_that_is_none_is_judged_by_its_words() -> None:
    assert legs.reach_of(server({"url": "http://[gmail"})).rows
