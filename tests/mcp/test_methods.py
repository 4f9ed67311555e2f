"""The tables say what each revision's schema says, and nothing unknown gets into them."""

import pytest

from nucleus.mcp.methods import REVISIONS, TABLES, read_tables

FIRST = {
    *("initialize", "ping", "completion/complete", "logging/setLevel", "prompts/get", "prompts/list"),
    *("resources/list", "resources/templates/list", "resources/read", "resources/subscribe"),
    *("resources/unsubscribe", "tools/call", "tools/list"),
}
TASKS = {"tasks/get", "tasks/result", "tasks/list", "tasks/cancel"}
STATELESS = {
    *("server/discover", "completion/complete", "prompts/get", "prompts/list", "resources/list"),
    *("resources/templates/list", "resources/read", "subscriptions/listen", "tools/call", "tools/list"),
}
REQUESTS = dict(zip(REVISIONS, (FIRST, FIRST, FIRST, FIRST | TASKS, STATELESS), strict=True))
"""The union ``ClientRequest`` of each revision's schema."""


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_has_the_requests_of_its_schema(revision: str) -> None:
    assert {name for name, method in TABLES.requests.items() if method.known_in(revision)} == REQUESTS[revision]


def test_the_stateless_revision_has_one_client_notification() -> None:
    known = {name for name, method in TABLES.notifications.items() if method.known_in("2026-07-28")}
    assert known == {"notifications/cancelled"}


def test_servers_ask_nothing_in_the_stateless_revision() -> None:
    assert all(last < "2026-07-28" for _, last, _ in TABLES.questions.values())


def test_a_method_that_nobody_judges_has_no_field_that_can_carry_anything() -> None:
    for method in (*TABLES.requests.values(), *TABLES.notifications.values()):
        if method.judge == "never":
            assert "sink" not in method.fields.values(), method.name


@pytest.mark.parametrize(
    ("word", "instead"),
    [('= "cursor"', '= "cursors"'), ('judge = "never"', 'judge = "maybe"'), ('to = "2025-11-25"', 'to = "2025"')],
)
def test_a_table_with_an_unknown_word_is_refused(word: str, instead: str) -> None:
    text = """
        [meta]
        [notification]
        [question]
        [news]
        [request.ping]
        to = "2025-11-25"
        judge = "never"
        fields = { cursor = "cursor" }
    """
    assert read_tables(text).requests["ping"].last == "2025-11-25"
    with pytest.raises(ValueError, match=r"nobody knows|no span"):
        read_tables(text.replace(word, instead))
