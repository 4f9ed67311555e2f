"""The leg table is the one of the design, and the kernel's floors never exceed it."""

from pathlib import Path

import pytest

from nucleus.kernel import capability as cap
from nucleus.kernel.exposure import EXFIL, PRIVATE, UNINHABITABLE, UNTRUSTED, nu, reach, within
from nucleus.kernel.exposure import valid as valid_exposure
from nucleus.kernel.facts import EGRESS, SCOPE_ALLOW, TRUSTED_NO, floored, well_formed
from nucleus.kernel.state import Request
from nucleus.policy import call, legs
from nucleus.policy.classify import CLASSIFIERS
from nucleus.policy.legs import LEG_TABLE, ROWS, TOOLS, Row
from nucleus.policy.schema import CAPABILITIES
from tests.policy.surroundings import policy

ALL_ROWS = {**ROWS, **{f"TOOLS[{legs.CAPABILITY_NAMES[op]}]": row for op, row in TOOLS.items()}}


def request_of(row: Row, *, assume: bool) -> Request:
    """Return the request that a row makes, with or without the facts that it names."""
    facts = (row.attested, row.public, row.fixed) if assume else (0, 0, 0)
    return Request(row.op, 0, 1, row.legs, row.carried, row.sink, SCOPE_ALLOW, TRUSTED_NO, 0, *facts, 0)


@pytest.mark.parametrize("name", ALL_ROWS)
def test_the_kernels_floor_never_exceeds_a_row(name: str) -> None:
    row = ALL_ROWS[name]
    request = request_of(row, assume=True)
    assert well_formed(request)
    assert floored(request) == (row.legs, row.carried | (row.legs if row.op == cap.RUN_BASH else 0), row.sink)


@pytest.mark.parametrize("name", [name for name, row in ALL_ROWS.items() if row.attested | row.public | row.fixed])
def test_a_row_that_names_facts_needs_them(name: str) -> None:
    """Without the facts the floor is above the row: naming them is what lowers it, and nothing else does."""
    row = ALL_ROWS[name]
    assert floored(request_of(row, assume=False)) != floored(request_of(row, assume=True))


@pytest.mark.parametrize("name", ALL_ROWS)
def test_a_rows_exposures_are_valid(name: str) -> None:
    assert valid_exposure(ALL_ROWS[name].legs)
    assert valid_exposure(ALL_ROWS[name].carried)


def test_each_kind_of_call_has_a_classifier_and_a_row() -> None:
    every = {value for name, value in vars(call).items() if name.isupper() and isinstance(value, str)}
    # No call is of these: they say what somebody's own tool does, which is judged as calls of other kinds.
    every -= {call.MOVE, call.STAGE}
    assert set(CLASSIFIERS) == every
    same_row = {
        call.LIST: call.GLOB,
        call.GIT_STATUS: call.GIT_LOG,
        call.GIT_DIFF: call.GIT_LOG,
        call.TOOL: call.UNKNOWN,
        call.MCP: call.UNKNOWN,
        call.DELIVER: call.PUSH,
        call.CLIENT: call.UNKNOWN,
    }
    assert {same_row.get(kind, kind) for kind in every} <= {row.kind for row in ROWS.values()}


def test_the_masks_say_which_capability_has_which_leg() -> None:
    def named(mask: int) -> set[str]:
        return {name for op, name in enumerate(legs.CAPABILITY_NAMES) if cap.level(mask, op) == cap.ALWAYS}

    assert named(LEG_TABLE.private) == {"read_files", "glob_search", "grep_search", "run_bash"}
    assert named(LEG_TABLE.untrusted) == {"web_search", "web_fetch", "run_bash"}
    assert named(LEG_TABLE.exfil) == {"run_bash", "web_search", "web_fetch", "git_push", "create_pr", "manage_pods"}


def test_a_tool_of_each_capability_is_at_least_its_leg_in_the_table() -> None:
    for op, row in TOOLS.items():
        mask = cap.ALWAYS << 2 * op
        assert bool(LEG_TABLE.private & mask) <= bool(row.legs & PRIVATE)
        assert bool(LEG_TABLE.untrusted & mask) <= bool(row.legs & UNTRUSTED)
        assert bool(LEG_TABLE.exfil & mask) == bool(row.sink & EGRESS)


def test_names_of_capabilities_are_those_of_the_language() -> None:
    assert legs.CAPABILITY_NAMES == CAPABILITIES


@pytest.mark.parametrize("kept", [PRIVATE | UNTRUSTED, PRIVATE | EXFIL, UNTRUSTED | EXFIL])
def test_each_repair_of_the_trifecta_leaves_something_useful(kept: int) -> None:
    bound = within(LEG_TABLE, kept)
    assert reach(LEG_TABLE, bound) & ~kept == 0
    assert cap.level(bound, cap.WRITE_FILES) == cap.ALWAYS


def test_nu_caps_the_egress_of_an_authority_that_reaches_all_three() -> None:
    authority = policy("local_dev").authority
    assert reach(LEG_TABLE, authority) == UNINHABITABLE
    capped = nu(LEG_TABLE, authority)
    assert cap.level(capped, cap.WEB_FETCH) == cap.LOW_RISK
    assert cap.level(capped, cap.READ_FILES) == cap.ALWAYS


def test_the_documented_table_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "classification.md").read_text(encoding="utf-8")
    bits = {1: "private", 2: "untrusted", 8: "foreign", 16: "secret"}
    sinks = {1: "egress", 2: "irreversible", 4: "control"}

    def words(value: int, names: dict[int, str]) -> str:
        return " ".join(name for bit, name in names.items() if value & bit) or "-"

    for name, row in ROWS.items():
        assumed = " ".join(fact for fact in ("attested", "public", "fixed") if getattr(row, fact)) or "-"
        cells = (
            name.lower().replace("_", " "),
            legs.CAPABILITY_NAMES[row.op],
            words(row.legs, bits),
            words(row.carried, bits),
            words(row.sink, sinks),
            assumed,
        )
        assert f"| {' | '.join(cells)} |" in page
