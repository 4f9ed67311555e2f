"""Keys come from PEM files that nobody else can read."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from nucleus.errors import CannotEnforce
from nucleus.tokens.keys import read_private, read_public

PEM, DER = Encoding.PEM, PrivateFormat.PKCS8


def written(folder: Path, key: Ed25519PrivateKey) -> tuple[str, str]:
    """Write both halves as files; return their paths."""
    private, public = folder / "key.pem", folder / "key.pub"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(PEM, DER, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(private), str(public)


def test_both_halves_of_a_key_are_read(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private, public = written(tmp_path, key)
    assert read_private(private).private_bytes_raw() == key.private_bytes_raw()
    assert read_public(public) == key.public_key().public_bytes_raw()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_openssl_writes_is_read(tmp_path: Path) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "k.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, umask=0o077)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    assert read_private(str(private)).public_key().public_bytes_raw() == read_public(str(public))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    private, _ = written(tmp_path, Ed25519PrivateKey.generate())
    os.chmod(private, mode)
    with pytest.raises(CannotEnforce) as refused:
        read_private(private)
    assert refused.value.fix == f"chmod 600 {private}"


def test_a_link_a_pipe_and_a_large_file_are_no_key(tmp_path: Path) -> None:
    private, _ = written(tmp_path, Ed25519PrivateKey.generate())
    os.symlink(private, tmp_path / "link")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "large").write_bytes(b"x" * 10_000)
    with pytest.raises(OSError, match="symbolic"):
        read_private(str(tmp_path / "link"))
    for name in ("pipe", "large"):
        with pytest.raises(CannotEnforce, match="regular"):
            read_private(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["words", "other curve", "wrong half", "with a password"])
def test_anything_but_an_ed25519_key_is_refused_and_not_shown(tmp_path: Path, kind: str) -> None:
    private, public = written(tmp_path, Ed25519PrivateKey.generate())
    path = tmp_path / "other"
    path.touch(mode=0o600)
    match kind:
        case "words":
            path.write_text("canary")
        case "other curve":
            path.write_bytes(generate_private_key(SECP256R1()).private_bytes(PEM, DER, NoEncryption()))
        case "wrong half":
            path.write_bytes(Path(public).read_bytes())
        case _:
            path.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n-----END ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(CannotEnforce, match="no Ed25519 private key") as refused:
        read_private(str(path))
    assert "canary" not in refused.value.diagnostics()
    with pytest.raises(CannotEnforce, match="no Ed25519 public key"):
        read_public(private)
