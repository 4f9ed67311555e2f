"""There is one index for each kind, and its hosts are known."""

import pytest

from nucleus.egress.indexes import indexes


def test_the_public_indexes_are_known_by_themselves() -> None:
    known = indexes({})
    assert set(known) == {"pypi", "npm"}
    for one in known.values():
        assert one.base.scheme == "https"
        assert one.base.text.endswith("/")
        assert one.base.place in one.hosts
    assert len(known["pypi"].hosts) == 2


def test_the_owner_puts_another_one_in_its_place_never_beside_it() -> None:
    known = indexes({"pypi": ["https://mine.example/simple", "files.mine.example"]})
    assert known["pypi"].base.text == "https://mine.example/simple/"
    assert known["pypi"].hosts == {"mine.example:443", "files.mine.example:443"}


@pytest.mark.parametrize("given", ["file:///x", "x", [], [1], ["https://a.example/", "b c"], "https://127.0.0.1/"])
def test_a_place_that_is_none_is_an_error(given: object) -> None:
    with pytest.raises(ValueError, match="pypi"):
        indexes({"pypi": given})
