"""A tree of values with places."""

from nucleus.audit.read.json_reader import read_json

ROOT = read_json('{"a": {"b": [1, "x"]}, "t": true, "f": false, "a": {"b": ["y"]}}').roots[0]


def test_the_last_of_equal_keys_wins_as_in_the_clients() -> None:
    found = ROOT.at("a", "b")
    assert found is not None
    assert found.plain() == ["y"]
    assert ROOT.plain() == {"a": {"b": ["y"]}, "t": True, "f": False}


def test_every_node_is_walked_with_its_path() -> None:
    paths = [".".join(path) for path, _ in ROOT.walk()]
    assert paths == ["", "a", "a.b", "a.b.[]", "a.b.[]", "t", "f", "a", "a.b", "a.b.[]"]


def test_questions_to_the_wrong_kind_have_empty_answers() -> None:
    flag = ROOT.get("t")
    assert flag is not None
    assert flag.is_true()
    assert not flag.is_false()
    assert (flag.get("x"), flag.elements(), flag.strings(), flag.text(), list(flag.entries())) == (None, [], [], "", [])
    assert ROOT.key("none") is None


def test_a_string_alone_counts_as_a_list_of_one() -> None:
    node = read_json('"one"').roots[0]
    assert [one.text() for one in node.strings()] == ["one"]
