"""Signatures as the owner's own configuration says, and never as a repository's does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.tools.perform.signing import OwnerSigner, signer_of


def configured(home: Path, text: str) -> OwnerSigner | None:
    (home / ".gitconfig").write_text(text)
    return signer_of(str(home), {"XDG_CONFIG_HOME": "relative", "LD_PRELOAD": "evil"})


def key(home: Path) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not on this machine (Debian: openssh-client); it makes and checks the signatures")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "key")], check=True)
    return home / "key"


def test_an_owner_who_does_not_sign_has_no_signer(tmp_path: Path) -> None:
    assert signer_of(str(tmp_path), {}) is None
    assert configured(tmp_path, "[commit]\n\tgpgsign = false\n[user]\n\tsigningkey = x\n") is None


def test_a_key_of_ssh_signs_and_the_signature_verifies(tmp_path: Path) -> None:
    place = key(tmp_path)
    text = f"[commit]\n\tgpgsign\n[gpg]\n\tformat = ssh\n[user]\n\temail = o@x\n\tsigningkey = {place}\n"
    signer = configured(tmp_path, text)
    assert signer is not None
    assert signer.mail == "o@x"
    (tmp_path / "sig").write_text(signer.sign(b"content"))
    (tmp_path / "allowed").write_text(f"o@x {place.with_suffix('.pub').read_text()}")
    words = ["ssh-keygen", "-Y", "verify", "-n", "git", "-I", "o@x", "-f", "allowed", "-s", "sig"]
    done = subprocess.run(words, input=b"content", cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(words, input=b"other", cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0


def test_a_key_that_lies_at_home_is_found_there(tmp_path: Path) -> None:
    key(tmp_path)
    signer = OwnerSigner({"gpg.format": "ssh", "user.signingkey": "~/key"}, {"HOME": str(tmp_path)})
    assert signer.sign(b"x").startswith("-----BEGIN SSH SIGNATURE-----")


def test_a_literal_key_is_asked_of_the_agent_and_fails_with_a_reason_without_one(tmp_path: Path) -> None:
    public = key(tmp_path).with_suffix(".pub").read_text().strip()
    signer = OwnerSigner({"gpg.format": "ssh", "user.signingkey": f"key::{public}"}, {"HOME": str(tmp_path)})
    with pytest.raises(OSError, match="could not be signed"):
        signer.sign(b"x")


def test_gpg_is_asked_as_git_asks_it(tmp_path: Path) -> None:
    program = tmp_path / "gpg"
    program.write_text('#!/bin/sh\necho "-----BEGIN PGP SIGNATURE-----"; echo "$@"; cat\n')
    program.chmod(0o755)
    signer = configured(
        tmp_path,
        f"[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = {program}\n[user]\n\temail = o@x\n",
    )
    assert signer is not None
    assert signer.sign(b"content") == "-----BEGIN PGP SIGNATURE-----\n-bsau o@x\ncontent"


@pytest.mark.parametrize(
    "text", ["[gpg]\n\tformat = x509\n", "[gpg]\n\tformat = ssh\n", "[gpg]\n\tprogram = /nonexistent/gpg\n"]
)
def test_what_can_not_be_signed_with_is_an_error_with_a_fix(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotEnforce) as caught:
        _sign(tmp_path, "[commit]\n\tgpgsign = true\n" + text)
    assert "fix" in caught.value.diagnostics()


def _sign(home: Path, text: str) -> None:
    signer = configured(home, text)
    assert signer is not None
    signer.sign(b"x")


def test_configuration_of_the_directory_that_it_is_called_in_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    (tmp_path / "repo/.git/config").write_text("[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /evil\n")
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "repo/.git"))
    assert signer_of(str(tmp_path), dict(os.environ)) is None
