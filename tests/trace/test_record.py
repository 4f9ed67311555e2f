"""Names of rules, and the fields of each type."""

from typing import Any

import pytest

from nucleus.errors import TraceError
from nucleus.kernel import decide
from nucleus.trace.reader import read_records
from nucleus.trace.record import LEADING, RULES, TYPES, VERDICTS, rule_names, verify_shape
from tests.trace.example import in_memory

WHERE = __import__("pathlib").Path("memory.jsonl")
SAMPLES: dict[str, dict[str, Any]] = {record["type"]: record for record in read_records(WHERE, in_memory())}


def test_the_story_has_every_type() -> None:
    assert set(SAMPLES) == TYPES


def test_every_rule_of_the_kernel_has_one_name() -> None:
    assert [bit for bit, _ in RULES] == [1 << place for place in range(10)]
    assert rule_names(1023) == [
        "session",
        "malformed",
        "capability",
        "scope",
        "budget",
        "control",
        "destination",
        "secret",
        "uninhabitable",
        "low_risk",
    ]
    assert rule_names(decide.SCOPE | decide.LOW_RISK_RULE) == ["scope", "low_risk"]
    assert rule_names(0) == []
    assert VERDICTS == {decide.DENY: "deny", decide.ASK: "ask", decide.ALLOW: "allow"}


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_record_lacks_none_of_its_fields(kind: str) -> None:
    record = SAMPLES[kind]
    verify_shape(record)
    extra = {"prev", "seq", "time_ns", "boot_ns", "kernel", "policy", "level", "containment", "child", "child_state"}
    for name in set(record) - extra:
        with pytest.raises(TraceError, match=name if name != "type" else "unknown record type"):
            verify_shape({key: value for key, value in record.items() if key != name})
        with pytest.raises(TraceError):
            verify_shape({**record, name: 1.5})


@pytest.mark.parametrize("bad", [[1, True], [1, "2"], (1, 2), "1"])
def test_facts_and_states_are_lists_of_integers(bad: Any) -> None:
    for name in ("facts", "state"):
        with pytest.raises(TraceError):
            verify_shape({**SAMPLES["decision"], name: bad})


def test_every_line_begins_with_the_leading_fields() -> None:
    for line in in_memory().split(b"\n")[:-1]:
        places = [line.find(b'"%b":' % name.encode()) for name in LEADING[:4]]
        assert places == sorted(places)
        assert places[0] == 1
