"""What is written down before anything is touched, and read back after a crash."""

import json
from hashlib import sha256
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


def place_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "state" / "runs" / "0123456789ab" / "journal" / name


def written(rows: object) -> bytes:
    """Return a mark that is whole, whatever it says."""
    text = json.dumps(rows).encode()
    return sha256(text).hexdigest().encode() + b"\n" + text + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json\n",
        written([]),
        written({}),
        written([{"stage": 1, "workspace": "/x"}]),
        written([{"stage": "s", "workspace": "/elsewhere"}]),
    ],
)
def test_a_damaged_journal_stops_everything_and_says_what_to_do(
    journal: Journal, content: bytes, tmp_path: Path
) -> None:
    journal.begin("s")
    place_of(tmp_path, "begun").write_bytes(content)
    with pytest.raises(CannotEnforce, match="journal") as caught:
        journal.stage()
    assert "remove" in caught.value.diagnostics()


@pytest.mark.parametrize("rows", [{}, [{}], [["rm -rf", "a", 0, 0, None, None, ["", ""]]], [["put", "a", 0]], ["put"]])
def test_a_damaged_plan_is_not_followed(journal: Journal, rows: object, tmp_path: Path) -> None:
    journal.begin("s")
    place_of(tmp_path, "plan").write_bytes(written(rows))
    with pytest.raises(CannotEnforce, match="damaged"):
        journal.steps()


def test_a_plan_that_is_cut_or_altered_anywhere_is_not_followed(journal: Journal, tmp_path: Path) -> None:
    """A plan of which the end is missing would be undone by half, and said to be undone."""
    journal.begin("s")
    steps = [Step("drop", "a", 0, before=Stamp(1, 2, 3, 4, 5, 6)), Step("put", "b", 1)]
    journal.plan(steps)
    place = place_of(tmp_path, "plan")
    whole = place.read_bytes()
    for at in range(len(whole) - 1):
        place.write_bytes(whole[:at])
        with pytest.raises(CannotEnforce, match="damaged"):
            journal.steps()
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CannotEnforce, match="damaged"):
            journal.steps()
    place.write_bytes(whole)
    assert journal.steps() == steps


def test_without_its_digest_a_cut_plan_reads_as_a_shorter_one(journal: Journal, tmp_path: Path) -> None:
    """Switched off: whoever writes the digest anew decides what is undone. The state directory is the owner's."""
    journal.begin("s")
    journal.plan([Step("drop", "a", 0), Step("put", "b", 1)])
    rows = json.loads(place_of(tmp_path, "plan").read_bytes().split(b"\n")[1])
    place_of(tmp_path, "plan").write_bytes(written(rows[:1]))
    assert journal.steps() == [Step("drop", "a", 0)]
