"""A lean dataclass is a dataclass, but for when its methods are written."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus import lean

NAMES = ("alpha", "beta", "gamma", "delta")


@st.composite
def shapes(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    """Return what is said of each field, and of the class. Fields with a default come last."""
    fields: list[dict[str, Any]] = []
    defaults = False
    for _ in range(draw(st.integers(1, len(NAMES)))):
        said: dict[str, Any] = {"repr": draw(st.booleans()), "compare": draw(st.booleans())}
        defaults = defaults or draw(st.booleans())
        if defaults:
            said |= draw(st.sampled_from([{"default": 7}, {"default": None}, {"default_factory": list}]))
            said["init"] = draw(st.booleans())
        fields.append(said)
    chosen = {name: draw(st.booleans()) for name in ("frozen", "slots", "eq", "unsafe_hash")}
    return fields, chosen


def made(module: Any, fields: list[dict[str, Any]], chosen: dict[str, bool]) -> type[Any]:
    """Return the class of this shape, as ``module`` makes it."""
    body: dict[str, Any] = {"__annotations__": dict.fromkeys(NAMES[: len(fields)], object), "__qualname__": "Shape"}
    body |= {name: module.field(**said) for name, said in zip(NAMES, fields, strict=False)}
    cls: type[Any] = module.dataclass(**chosen)(type("Shape", (), body))
    return cls


def outcome(act: Callable[[], object]) -> object:
    """Return what came of it: a value, or the kind of error."""
    try:
        return act()
    except (TypeError, ValueError, AttributeError) as error:
        return next(kind for kind in (TypeError, ValueError, AttributeError) if isinstance(error, kind))


@given(shapes(), st.lists(st.one_of(st.integers(0, 2), st.lists(st.integers(), max_size=1)), max_size=5))
def test_it_does_what_the_standard_librarys_does(
    shape: tuple[list[dict[str, Any]], dict[str, bool]], values: list[Any]
) -> None:
    """Made, printed, compared, hashed, changed and matched: the same values, or the same kind of error."""
    ours, theirs = made(lean, *shape), made(dataclasses, *shape)
    known = [said["init"] for said in shape[0] if "init" in said]
    assert ours.__match_args__ == theirs.__match_args__, known
    assert ours.__dict__.get("__slots__") == theirs.__dict__.get("__slots__")
    for act in (
        lambda cls: repr(cls(*values)),
        lambda cls: cls(*values) == cls(*values),
        lambda cls: cls(*values) == cls(*values[:-1]),
        lambda cls: cls(*values) == tuple(values),
        lambda cls: hash(cls(*values)) == hash(cls(*values)),
        lambda cls: setattr(cls(*values), "alpha", 1),
        lambda cls: delattr(cls(*values), "alpha"),
        lambda cls: cls(**dict(zip(NAMES, values, strict=False))).alpha,
        lambda cls: repr(dataclasses.replace(cls(*values), alpha=5)),
        lambda cls: dataclasses.asdict(cls(*values)),
        lambda cls: [(one.name, one.type, one.init, one.compare) for one in dataclasses.fields(cls)],
    ):
        assert outcome(lambda act=act: act(ours)) == outcome(lambda act=act: act(theirs)), shape  # type: ignore[misc]
    again = outcome(lambda: repr(lean.replace(ours(*values), alpha=5)))
    assert again == outcome(lambda: repr(dataclasses.replace(theirs(*values), alpha=5)))
    assert again == outcome(lambda: repr(lean.replace(theirs(*values), alpha=5)))


@lean.dataclass(frozen=True, slots=True)
class Base:
    """A base with a field."""

    first: int
    second: list[int] = lean.field(default_factory=list)


@lean.dataclass(frozen=True, slots=True)
class Derived(Base):
    """One more field."""

    third: str = ""

    def __post_init__(self) -> None:
        """Refuse."""
        if self.first < 0:
            raise ValueError("negative")


def test_fields_of_a_base_come_first_and_what_checks_itself_is_asked() -> None:
    assert Derived(1, third="x") == Derived(1, [], "x")
    assert "first" not in Derived.__dict__
    assert [one.name for one in dataclasses.fields(Derived)] == ["first", "second", "third"]
    with pytest.raises(ValueError, match="negative"):
        Derived(-1)
    assert Base(1) != Derived(1)


def test_no_two_instances_share_what_a_factory_made() -> None:
    assert Base(1).second is not Base(1).second


def test_a_wrong_call_says_so_at_the_first_and_at_the_second_time() -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Derived.__init__\(\) missing 1 required positional argument: 'first'"):
            Derived()  # type: ignore[call-arg]


def test_a_shared_default_and_kinds_of_fields_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="default_factory"):
        lean.dataclass(type("Shared", (), {"__annotations__": {"one": list}, "one": []}))
    for kind in (ClassVar[int], ClassVar, "ClassVar[int]", dataclasses.InitVar[int]):
        with pytest.raises(TypeError, match="not for a lean dataclass"):
            lean.dataclass(type("Special", (), {"__annotations__": {"one": kind}}))


def test_methods_of_its_own_are_kept() -> None:
    body = {"__annotations__": {"one": int}, "__repr__": lambda _: "mine", "__eq__": lambda *_: True}
    own: Any = lean.dataclass(frozen=True)(type("Own", (), body))
    assert repr(own(1)) == "mine"
    assert own(1) == own(2)
    assert hash(own(1)) == hash(own(1))


def test_nothing_is_compiled_and_nothing_heavy_imported_before_an_instance_is_made() -> None:
    """Switched off: with ``dataclasses`` the same class costs six compilations, and imports ``inspect``."""
    script = """
import sys
count = []
sys.addaudithook(lambda event, args: count.append(event) if event == "compile" else None)
from {module} import dataclass
count.clear()
@dataclass(frozen=True, slots=True)
class One:
    first: int
    second: int = 0
print(len(count), "inspect" in sys.modules)
One(1)
print(len(count))
"""
    for module, wanted in (("nucleus.lean", ["0 False", "1"]), ("dataclasses", ["6 True", "6"])):
        done = subprocess.run(
            [sys.executable, "-c", script.format(module=module)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split("\n")[:2] == wanted


def test_nothing_can_be_set_on_a_frozen_one_not_even_what_is_no_field() -> None:
    for name in ("first", "other"):
        with pytest.raises(AttributeError):
            setattr(Base(1), name, 2)
        with pytest.raises(AttributeError):
            delattr(Derived(1), name)
