"""``nucleus token``: keys from files, tokens through pipes, one line for each refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.tokens.test_keys import written


def nucleus(*words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nucleus", "token", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Make a root, a holder and a second holder: name -> private key, name.pub -> public key."""
    found = {}
    for name in ("root", "me", "you"):
        folder = tmp_path / name
        folder.mkdir()
        found[name], found[f"{name}.pub"] = written(folder, Ed25519PrivateKey.generate())
    return found


def mint(keys: dict[str, str], *more: str) -> str:
    given = ["--allow-capability", "read=always", "--allow-capability", "publish=low_risk", "--calls", "7"]
    whom = ["--audience", "api", "--holder", keys["me.pub"], "--key", keys["root"], "--minutes", "5", "--depth", "2"]
    done = nucleus("mint", *given, *whom, *more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_token_goes_from_its_root_to_a_second_holder(keys: dict[str, str]) -> None:
    token = mint(keys)
    less = ["--only", "read=always", "--calls", "3", "--limit", "read=docs/**", "--seen", "untrusted"]
    handed = ["--holder", keys["you.pub"], "--key", keys["me"], "--root", keys["root.pub"]]
    done = nucleus("attenuate", "-", *less, *handed, stdin=token)
    assert (done.returncode, done.stderr) == (0, "")
    verify = ["verify", "-", "--root", keys["root.pub"], "--audience", "api", "--json"]
    said = json.loads(nucleus(*verify, "--key", keys["you"], stdin=done.stdout).stdout)
    always = {"read_files": "always", "glob_search": "always", "grep_search": "always"}
    assert (said["authority"], said["calls"], said["depth"]) == (always, 3, 1)
    assert (said["limits"], said["seen"], said["root"]) == ([["read=docs/**"]], ["untrusted"], "key.pub")
    refused = nucleus(*verify, "--key", keys["me"], stdin=done.stdout)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("nucleus: whoever presents the token does not prove the key")


def test_a_verifier_and_a_holder_on_two_machines_pass_challenge_and_proof(keys: dict[str, str]) -> None:
    token = mint(keys)
    verify = ["verify", "-", "--root", keys["root.pub"], "--audience", "api"]
    asked = nucleus(*verify, stdin=token)
    assert asked.returncode == 1
    challenge = asked.stdout.split("--challenge ")[1].split()[0]
    prove = ["inspect", "-", "--audience", "api", "--challenge", challenge, "--key"]
    proof = nucleus(*prove, keys["me"], stdin=token).stdout.strip()
    done = nucleus(*verify, "--challenge", challenge, "--proof", proof, stdin=token)
    assert (done.returncode, done.stderr) == (0, "")
    assert "git_push=low_risk" in done.stdout
    stolen = nucleus(*prove, keys["you"], stdin=token).stdout.strip()
    assert nucleus(*verify, "--challenge", challenge, "--proof", stolen, stdin=token).returncode == 1


def test_inspect_says_that_nobody_checked(keys: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(mint(keys))
    done = nucleus("inspect", str(file))
    assert done.returncode == 0
    assert "Nobody checked a signature" in done.stdout
    assert json.loads(nucleus("inspect", str(file), "--json").stdout)["believed"] is False


def test_a_sealed_token_takes_no_block(keys: dict[str, str]) -> None:
    root = ["--root", keys["root.pub"]]
    sealed = nucleus("attenuate", "-", "--seal", *root, stdin=mint(keys))
    assert (sealed.returncode, sealed.stderr) == (0, "")
    refused = nucleus("attenuate", "-", "--calls", "1", *root, stdin=sealed.stdout)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "nothing can be appended" in refused.stderr
    verify = ["verify", "-", *root, "--audience", "api", "--key", keys["me"]]
    assert nucleus(*verify, stdin=sealed.stdout).returncode == 0


def test_a_revoked_token_is_refused(keys: dict[str, str], tmp_path: Path) -> None:
    token, file = mint(keys), tmp_path / "revoked"
    verify = ["verify", "-", "--root", keys["root.pub"], "--audience", "api", "--key", keys["me"], "--json"]
    file.write_text("\n".join(json.loads(nucleus(*verify, stdin=token).stdout)["revocation_ids"]) + "\n")
    refused = nucleus(*verify, "--revoked", str(file), stdin=token)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "revoked" in refused.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["attenuate", "-", "--only", "fly=always"], 2, "is no NAME=LEVEL; names: read_files"),
        (["attenuate", "-", "--only", "read=high"], 2, "levels: never, low_risk, always"),
        (["attenuate", "-", "--limit", "read"], 2, "is no KEY=PATTERN"),
        (["attenuate", "-", "--limit", 'read=a"b'], 1, "not a limit"),
        (["attenuate", "-", "--calls", "-1"], 2, "usage"),
        (["attenuate", "-", "--holder", "x"], 2, "--holder and --key go together"),
        (["attenuate", "-"], 1, "a block that says nothing"),
        (["attenuate", "missing", "--calls", "1"], 2, "missing: No such file or directory"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(keys: dict[str, str], words: list[str], status: int, said: str) -> None:
    done = nucleus(*words, "--root", keys["root.pub"], stdin=mint(keys))
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["--challenge", "zz", "--proof", "00"], ["--challenge", "00" * 32, "--proof", "7"]]
)
def test_verify_without_a_proper_proof_gives_nothing(keys: dict[str, str], words: list[str]) -> None:
    done = nucleus("verify", "-", "--root", keys["root.pub"], "--audience", "api", *words, stdin=mint(keys))
    assert done.returncode == (2 if words else 1)
    assert "root:" not in done.stdout


def test_a_key_that_others_can_read_is_not_used_and_nothing_is_printed(keys: dict[str, str]) -> None:
    os.chmod(keys["root"], 0o644)
    words = ["--calls", "7", "--audience", "api", "--holder", keys["me.pub"], "--key", keys["root"], "--minutes", "5"]
    done = nucleus("mint", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"nucleus: {keys['root']} is not used as a key: others can read it\n  fix: chmod 600 {keys['root']}\n"
    )
