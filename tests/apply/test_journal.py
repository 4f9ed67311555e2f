"""What is written down before anything is touched, and read back after a crash."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply import journal as marks
from nucleus.apply.beneath import Stamp
from nucleus.apply.journal import Journal
from nucleus.apply.plan import STEPS, Step
from nucleus.errors import CannotEnforce
from tests.apply.world import World

NUMBERS = st.integers(0, 2**63)
STAMPS = st.builds(Stamp, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1)
ALL = st.builds(
    Step,
    st.sampled_from(STEPS),
    NAMES,
    st.integers(0, 9),
    st.integers(0, 0o777),
    st.none() | STAMPS,
    st.none() | STAMPS,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    world = World.make(tmp_path)
    world.note()
    return Journal(world.run)


@given(ALL)
def test_a_step_is_read_back_as_it_was_written(step: Step) -> None:
    assert Step.from_json(step.to_json()) == step


def test_marks_say_how_far_an_apply_came(journal: Journal) -> None:
    assert not journal.has(marks.BEGUN)
    journal.begin(".nucleus-apply-x")
    assert journal.stage() == ".nucleus-apply-x"
    steps = [Step("drop", "a\udcff\nb", 0, before=Stamp(1, 2, 3, 4, 5, 6)), Step("put", "c", 1)]
    journal.plan(steps)
    assert journal.steps() == steps
    journal.done()
    assert journal.has(marks.DONE)
    journal.ended(marks.PLAN, marks.BEGUN)
    journal.ended(marks.DONE, marks.DONE)
    assert not journal.has(marks.PLAN)


def test_what_is_known_outlives_an_apply_and_is_added_to(journal: Journal) -> None:
    assert journal.known() == {}
    journal.begin("s")
    journal.know({"a": Stamp(1, 2, 3, 4, 5, 6)})
    journal.know({"b": Stamp(1, 2, 3, 4, 5, 7)})
    journal.ended(marks.BEGUN)
    assert journal.known() == {"a": Stamp(1, 2, 3, 4, 5, 6), "b": Stamp(1, 2, 3, 4, 5, 7)}


@pytest.mark.parametrize(
    "text", ["", "no json\n", "[]\n", '{"stage":1,"workspace":"/x"}\n', '{"stage":"s","workspace":"/elsewhere"}\n']
)
def test_a_damaged_journal_stops_everything_and_says_what_to_do(journal: Journal, text: str, tmp_path: Path) -> None:
    journal.begin("s")
    (tmp_path / "state" / "runs" / "0123456789ab" / "journal" / "begun").write_text(text)
    with pytest.raises(CannotEnforce, match="journal") as caught:
        journal.stage()
    assert "remove" in caught.value.diagnostics()


@pytest.mark.parametrize("text", ["{}\n", '{"do":"rm -rf","path":"a","number":0}\n', "nonsense"])
def test_a_damaged_plan_is_not_followed(journal: Journal, text: str, tmp_path: Path) -> None:
    journal.begin("s")
    (tmp_path / "state" / "runs" / "0123456789ab" / "journal" / "plan").write_text(text)
    with pytest.raises(CannotEnforce, match="damaged"):
        journal.steps()
