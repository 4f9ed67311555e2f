"""From changes to steps: an order in which each can be done, and nothing half done."""

from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.beneath import Stamp
from nucleus.apply.change import Change, Ruling
from nucleus.apply.plan import above, settled, steps

OLD = Stamp(1, 2, 0o100644, 3, 4, 5)
ORDER = {"deleted": 0, "mode": 2}


def change(path: str, what: str = "added", kind: str = "file", category: str = "plain", **fields: object) -> Change:
    before = None if what == "added" else OLD
    return Change(path, what, kind, category, mode=0o644, **({"before": before} | fields))  # type: ignore[arg-type]


def settle(found: list[Change], held: set[str] = frozenset()) -> tuple[list[str], list[tuple[str, str]]]:  # type: ignore[assignment]
    found = sorted(found, key=lambda each: (each.path, ORDER.get(each.what, 1)))
    rulings = {place: Ruling(each.path not in held, "no") for place, each in enumerate(found)}
    chosen, left = settled(found, rulings)
    return [each.path for each in chosen], [(each.change.path, each.why) for each in left]


def test_entries_go_first_deepest_first_then_directories_then_contents_then_modes() -> None:
    found = [
        change("d", "deleted", "directory"),
        change("d/x", "deleted"),
        change("n", kind="directory"),
        change("n/f"),
        change("c", "changed"),
        change("m", "mode"),
        change("m2/deep", "mode"),
    ]
    assert [(step.do, step.path) for step in steps(found, [])] == [
        ("drop", "d/x"),
        ("rmdir", "d"),
        ("mkdir", "n"),
        ("put", "n/f"),
        ("swap", "c"),
        ("chmod", "m2/deep"),
        ("chmod", "m"),
    ]


def test_what_is_in_a_held_directory_is_held_with_it() -> None:
    found = [change(".venv", kind="directory"), change(".venv/x"), change("y")]
    assert settle(found, {".venv"}) == (["y"], [(".venv", "no"), (".venv/x", "its directory .venv is held")])


def test_a_directory_stays_as_long_as_something_in_it_does() -> None:
    found = [change("d", "deleted", "directory"), change("d/e", "deleted", "directory")]
    found += [change("d/e/x", "deleted"), change("d/y", "deleted")]
    chosen, left = settle(found, {"d/e/x"})
    assert chosen == ["d/y"]
    assert dict(left) == {"d": "something in it stays", "d/e": "something in it stays", "d/e/x": "no"}


def test_nothing_takes_the_place_of_what_stays() -> None:
    found = [change("d", "deleted", "directory"), change("d/x", "deleted"), change("d", before=None)]
    chosen, left = settle(found, {"d/x"})
    assert chosen == []
    assert ("d", "what is there now stays") in left
    found = [change("f", "deleted"), change("f", kind="directory", before=None), change("f/x")]
    rulings = {0: Ruling(False, "no"), 1: Ruling(True), 2: Ruling(True)}
    chosen2, left2 = settled(found, rulings)
    assert chosen2 == ()
    assert [each.why for each in left2] == ["no", "what is there now stays", "its directory f is held"]


def test_a_mode_waits_for_its_content() -> None:
    found = [change("a", category="held"), change("a", "mode", before=None)]
    rulings = {0: Ruling(False, "no"), 1: Ruling(True)}
    assert [each.why for each in settled(found, rulings)[1]] == ["no", "its content is not applied"]


def test_directories_that_nobody_asked_for_are_made_where_they_have_to_be() -> None:
    found = [change("a", kind="directory"), change("a/b", kind="directory"), change("a/b/c")]
    chosen, left = settled(found, {2: Ruling(True)})
    assert left == ()
    assert [(step.do, step.path) for step in steps(chosen, ["a", "a/b"])] == [
        ("mkdir", "a"),
        ("mkdir", "a/b"),
        ("put", "a/b/c"),
    ]


LEAVES = st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=8)


def tree(leaves: set[str]) -> dict[str, bool]:
    """Return a tree in which no file is a directory too: each path, and whether it is a directory."""
    files = {leaf for leaf in leaves if not any(other.startswith(leaf + "/") for other in leaves)}
    return dict.fromkeys(files, False) | {folder: True for leaf in files for folder in above(leaf)}


@given(LEAVES, LEAVES, LEAVES)
def test_every_step_can_be_done_after_those_before_it(host: set[str], run: set[str], held: set[str]) -> None:
    """Model: trees of names, and a judge that holds any of the changes between them."""
    old, new = tree(host), tree(run)
    gone = [change(p, "deleted", "directory" if old[p] else "file") for p in old if old[p] != new.get(p)]
    came = [change(p, kind="directory" if new[p] else "file") for p in new if new[p] != old.get(p)]
    found = sorted(gone + came, key=lambda each: (each.path, ORDER.get(each.what, 1)))
    rulings = {place: Ruling(each.path not in held, "no") for place, each in enumerate(found)}
    chosen, left = settled(found, rulings)
    assert len(chosen) + len(left) == len(found)
    now = dict(old)
    for step in steps(chosen, [each.path for each in found if each.kind == "directory" and each.what == "added"]):
        assert all(now.get(folder) for folder in above(step.path))
        if step.do in {"drop", "rmdir"}:
            assert not any(other.startswith(step.path + "/") for other in now)
            del now[step.path]
        else:
            assert step.path not in now
            now[step.path] = step.do == "mkdir"
    assert held or now == new
