"""What the package route lets in: locked, named by the owner, or asked for."""

import pytest

from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.facts import EGRESS, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import call as kinds
from nucleus.policy.call import Classified
from nucleus.policy.packages import canonical, lock_files, owner_set
from tests.policy.surroundings import facts, policy

HASH = "sha256:" + "a" * 64
LOCKS = frozenset({"pypi:foo-bar", f"pypi:foo-bar@1.0#{HASH}", "npm:@s/b", f"npm:@s/b@1.0.0#{HASH}"})
NAMED = '[allow]\npackages = ["pypi:Foo_Bar", "pypi:baz", "npm:left-pad"]\n'


def asked(*packages: str, text: str = "", profile: str = "codegen", **more: object) -> Classified:
    return facts(kinds.PACKAGES, {"packages": list(packages)}, under=policy(profile, text), **{"locks": LOCKS, **more})


def test_a_locked_package_brings_untrusted_content_and_is_no_sink() -> None:
    found = asked("pypi:Foo.Bar")
    assert (found.sink, found.fixed, found.scope, found.trusted) == (0, 1, SCOPE_ALLOW, TRUSTED_YES)
    assert found.legs & UNTRUSTED
    assert found.resolved["pinned"] == [f"1.0#{HASH}"]
    assert asked(f"pypi:foo-bar@1.0#{HASH}").sink == 0
    assert asked("npm:@s/b", profile="test_runner").scope == SCOPE_ALLOW


def test_another_version_or_hash_is_not_locked() -> None:
    for one in (f"pypi:foo-bar@1.1#{HASH}", f"pypi:foo-bar@1.0#sha256:{'b' * 64}", "pypi:foo-bar-x"):
        found = asked(one)
        assert (found.sink, found.scope, found.trusted) == (EGRESS, SCOPE_ASK, TRUSTED_NO)


def test_locked_and_unlocked_together_are_a_question() -> None:
    assert asked("pypi:foo-bar", "pypi:other").scope == SCOPE_ASK


def test_without_a_box_that_vouches_nothing_is_locked() -> None:
    assert asked("pypi:foo-bar", attested=False).sink == EGRESS


def test_what_the_owner_denies_stays_denied_though_it_is_locked() -> None:
    assert asked("pypi:foo-bar", text='[deny]\npackages = ["pypi:foo-*"]\n').scope == SCOPE_DENY
    assert asked("pypi:foo-bar", text='[deny]\npackages = ["pypi:Foo_Bar"]\n').scope == SCOPE_DENY
    assert asked("pypi:foo-bar", text='[ask]\npackages = ["pypi:FOO.bar"]\n').scope == SCOPE_ASK
    assert asked("pypi:foo-bar", profile="test_runner", text='[deny]\npackages = ["pypi:x"]\n').scope == SCOPE_ALLOW


def test_a_set_that_the_owner_named_goes_to_a_trusted_destination_and_covers_all_that_is_named() -> None:
    found = asked("pypi:Foo_Bar", text=NAMED, locks=frozenset())
    assert (found.sink, found.scope, found.trusted, found.carried) == (EGRESS, SCOPE_ALLOW, TRUSTED_YES, 0)
    assert found.resolved["covers"] == ["pypi:baz", "pypi:foo-bar"]
    assert asked("pypi:baz", "pypi:other", text=NAMED).trusted == TRUSTED_NO
    assert found.legs & PRIVATE == 0


def test_packages_are_named_one_by_one_not_by_a_pattern_of_all() -> None:
    assert asked("pypi:other", text='[allow]\npackages = ["**"]\n').trusted == TRUSTED_NO


@pytest.mark.parametrize(
    "packages",
    [
        [],
        [1],
        ["foo"],
        ["gem:foo"],
        ["pypi:"],
        ["pypi:a b"],
        ["pypi:../x"],
        ["pypi:a@1"],
        ["npm:@a"],
        ["pypi:a"] * 600,
        "x",
    ],
)
def test_what_is_no_set_of_packages_is_refused(packages: object) -> None:
    assert facts(kinds.PACKAGES, {"packages": packages}, under=policy("codegen", NAMED)).scope == SCOPE_DENY


def test_lock_files_are_named_by_a_trusted_policy() -> None:
    under = policy("codegen", '[allow]\npackages = ["lock:requirements.txt", "lock:web/package-lock.json", "pypi:x"]\n')
    assert lock_files(under) == ["requirements.txt", "web/package-lock.json"]
    assert owner_set(under, "pypi") == ["pypi:x"]
    assert lock_files(policy("codegen")) == []


def test_names_of_pythons_index_have_one_form() -> None:
    assert canonical("pypi:Foo__.Bar@1.0#sha256:AB") == "pypi:foo-bar@1.0#sha256:AB"
    assert canonical("npm:@S/Under_score") == "npm:@S/Under_score"
