"""Random shapes, sets and scopes over a small alphabet, so that they often meet."""

from hypothesis import strategies as st

from nucleus.policy.constraints import ALLOW, ASK, DENY, Constraint, Scope, folded
from nucleus.policy.shapes import ABSOLUTE, ANYWHERE, DEEPER, HERE, RELATIVE, Name, Shape
from nucleus.policy.source import Source
from nucleus.policy.values import NAME, PATH, Kind

SOURCE = Source("nucleus.toml:1", "a pattern")
segments = st.sampled_from(["a", "b", "ab", "A", "a.b", ".a", "ä"])
parts = st.lists(segments, max_size=3).map(tuple)


def names() -> st.SearchStrategy[Name]:
    affixes = st.sampled_from(["", "a", "b", ".b", "ab"])
    return st.one_of(segments.map(Name), st.builds(Name, affixes, affixes, st.just(True)))


def shapes(kind: Kind = PATH, *, grants: bool = True) -> st.SearchStrategy[Shape]:
    roots = [(RELATIVE,), (ABSOLUTE,)] if kind.rooted else [(RELATIVE,)]
    bases = st.builds(lambda root, rest: root + rest, st.sampled_from(roots), parts)
    plain = st.builds(Shape, bases, st.none(), st.just(HERE), st.booleans())
    named = st.builds(Shape, bases, names(), st.sampled_from([HERE, ANYWHERE]), st.booleans())
    deeper = st.builds(Shape, bases, names(), st.just(DEEPER), st.just(True))
    if grants or not kind.rooted:
        return st.one_of(plain, named, deeper)
    anywhere = st.builds(Shape, st.just(()), names(), st.just(ANYWHERE), st.booleans())
    everywhere = st.just(Shape((), below=True))
    return st.one_of(plain, named, deeper, anywhere, everywhere)


def values(kind: Kind = PATH) -> st.SearchStrategy[str]:
    relative = st.lists(segments, min_size=1, max_size=4).map("/".join)
    if not kind.rooted:
        return relative
    return st.one_of(relative, relative.map(lambda text: "/" + text), st.sampled_from([".", "/"]))


def constraints(kind: Kind = PATH) -> st.SearchStrategy[Constraint]:
    allow = st.lists(shapes(kind).map(lambda one: (one, SOURCE)), max_size=2).map(tuple)
    limit = st.lists(shapes(kind, grants=False).map(lambda one: (folded(one), SOURCE)), max_size=2).map(tuple)
    verdicts = st.sampled_from([DENY, ASK, ALLOW])
    return st.builds(Constraint, st.just("a file"), allow, limit, limit, verdicts, st.booleans())


def scopes(kind: Kind = PATH) -> st.SearchStrategy[Scope]:
    return st.lists(constraints(kind), min_size=1, max_size=2).map(lambda sets: Scope(kind, sets))


def kinds() -> st.SearchStrategy[Kind]:
    return st.sampled_from([PATH, NAME])
