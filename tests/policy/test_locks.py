"""Lock files are read for exact versions with strong hashes, and for nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.locks import integrity, locked

A, B = "a" * 64, "b" * 64
SHA512 = "c" * 128
SRI = "sha512-" + base64.b64encode(bytes.fromhex(SHA512)).decode()

REQUIREMENTS = f"""# comment
--index-url https://evil.example/simple
Foo_Bar==1.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
baz[extra]==2.0 ; python_version > "3" --hash=sha256:{A.upper()}
floating>=1 --hash=sha256:{A}
unhashed==1.0
weak==1.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e
"""


def test_requirements_with_hashes_pin_what_they_say() -> None:
    assert locked("requirements.txt", REQUIREMENTS.encode()) == {
        *("pypi:foo-bar", f"pypi:foo-bar@1.0#sha256:{A}", f"pypi:foo-bar@1.0#sha256:{B}"),
        *("pypi:baz", f"pypi:baz@2.0#sha256:{A}"),
    }


def test_a_package_lock_pins_what_comes_from_a_registry() -> None:
    packages = {
        "": {"name": "app"},
        "node_modules/gamma": {"version": "1.0.0", "integrity": SRI},
        "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "integrity": f"sha1-xx {SRI}"},
        "node_modules/alias": {"name": "real", "version": "3.0.0", "integrity": SRI},
        "node_modules/linked": {"link": True, "resolved": "packages/x"},
        "node_modules/unhashed": {"version": "1.0.0", "resolved": "git+ssh://x"},
        "packages/own": {"version": "1.0.0", "integrity": SRI},
    }
    found = locked("sub/package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}).encode())
    assert found == {
        *("npm:gamma", f"npm:gamma@1.0.0#sha512:{SHA512}"),
        *("npm:@s/b", f"npm:@s/b@2.0.0#sha512:{SHA512}"),
        *("npm:real", f"npm:real@3.0.0#sha512:{SHA512}"),
    }


PACKAGE = 'name = "Foo"\nversion = "1"\n'
WHEELS = f'wheels = [{{ hashes = {{ sha256 = "{B}" }} }}]\n'
UV = f'[[package]]\n{PACKAGE}sdist = {{ hash = "sha256:{A}" }}\nwheels = [{{ hash = "sha256:{B}" }}]\n'
POETRY = f'[[package]]\n{PACKAGE}files = [{{hash = "sha256:{A}"}}, {{hash = "sha256:{B}"}}]\n'
STANDARD = f'[[packages]]\n{PACKAGE}sdist = {{ hashes = {{ sha256 = "{A}" }} }}\n{WHEELS}'
ARCHIVE = f'[[packages]]\n{PACKAGE}archive = {{ hashes = {{ sha256 = "{A}" }} }}\n{WHEELS}'
PIPFILE = json.dumps({"default": {"Foo": {"version": "==1", "hashes": [f"sha256:{A}", f"sha256:{B}"]}}})
KINDS = {
    "uv.lock": UV,
    "poetry.lock": POETRY,
    "pylock.toml": STANDARD,
    "pylock.dev.toml": ARCHIVE,
    "Pipfile.lock": PIPFILE,
}


@pytest.mark.parametrize(("name", "text"), KINDS.items())
def test_each_kind_of_lock_file_is_read(name: str, text: str) -> None:
    assert locked(name, text.encode()) == {"pypi:foo", f"pypi:foo@1#sha256:{A}", f"pypi:foo@1#sha256:{B}"}


@pytest.mark.parametrize(
    "name", ["requirements.txt", "package-lock.json", "uv.lock", "Pipfile.lock", "other", "x.toml"]
)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_what_is_no_lock_file_pins_nothing_and_raises_nothing(name: str, content: bytes) -> None:
    assert locked(name, content) == frozenset()


ODD = st.recursive(
    st.none()
    | st.integers()
    | st.sampled_from(["node_modules/a", "1.0", "sha512-x", SRI, f"sha256:{A}", "a b", "a#b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["packages", "package", "default", "version", "integrity", "hashes", "name", "files", "node_modules/a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.sampled_from(["package-lock.json", "Pipfile.lock"]), ODD)
def test_odd_documents_pin_plain_entries_or_nothing(name: str, document: object) -> None:
    for one in locked(name, json.dumps(document).encode()):
        assert " " not in one
        assert one.count("#") <= 1


def test_an_integrity_is_strong_and_whole() -> None:
    assert list(integrity(SRI)) == [f"sha512:{SHA512}"]
    assert list(integrity("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha512-short md5-x sha512-!!")) == []
    assert list(integrity(None)) == []
