"""``nucleus claims``: made from words and evidence, and checked against them."""

import json
import shutil
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.cli.claims import BRIDGES, PAGE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of what claims are made of, in which nothing changed since the last proof."""
    for name in ("claims", "proofs", "src/nucleus", "tests/gate"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    evidence = tmp_path / "claims" / "evidence.json"
    fields = json.loads(evidence.read_text())
    from nucleus.cli.claims import _digest

    fields["sources"] = {name: _digest(tmp_path / name) for name in fields["sources"]}
    evidence.write_text(json.dumps(fields))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_has_every_claim_with_its_bridge_and_gap(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    assert "proved on running code" in capsys.readouterr().out
    manifest = json.loads((checkout / "claims" / "manifest.json").read_text())
    page = (checkout / PAGE).read_text()
    assert len(manifest["claims"]) >= 40
    for row in manifest["claims"]:
        assert f"**{row['id']}**" in page
        assert row["gap"]
        assert row["bridge"] in BRIDGES
    assert "does not carry over" in page
    assert main(["claims", "--check"]) == 0


def test_rows_for_what_is_not_proved_stand_in_the_same_table(checkout: Path) -> None:
    main(["claims"])
    rows = {row["id"]: row for row in json.loads((checkout / "claims" / "manifest.json").read_text())["claims"]}
    for id_ in ("classification", "adapters", "containment", "people", "binding-of-approvals"):
        assert rows[id_]["bridge"] in {"tested", "assumed"}


def test_an_edited_page_is_a_finding(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["claims"])
    page = checkout / PAGE
    page.write_text(page.read_text().replace("assumed", "proved on running code"))
    assert main(["claims", "--check"]) == 1
    assert PAGE in capsys.readouterr().out


def test_a_kernel_that_changed_after_the_proof_is_a_finding(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["claims"])
    kernel = checkout / "src" / "nucleus" / "kernel" / "decide.py"
    kernel.write_text(kernel.read_text() + "\n# another\n")
    assert main(["claims", "--check"]) == 1
    assert "decide.py changed since the last proof; run: make prove" in capsys.readouterr().out
    assert main(["claims"]) == 1, "no page is made of evidence for other sources"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('bridge = "exhaustive"', 'bridge = "certain"', "certain"),
        ('proves = ["no-egress-to-strangers"]', 'proves = ["no-such-property"]', "no-such-property"),
        ('proves = ["no-egress-to-strangers"]', "proves = []", "names no proof"),
        ('id = "no-egress-of-secrets"', 'id = "no-egress-to-strangers"', "stands twice"),
        ("proofs/properties/states.py", "proofs/properties/gone.py", "no such artefact"),
        ('proves = ["low-risk-asks"]', 'proves = ["ratchet"]', "in no claim"),
        ('gap = "None known within the kernel."', 'gap = ""', "missing"),
    ],
)
def test_a_row_that_says_what_is_not_so_is_an_error(
    checkout: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    claims = checkout / "claims" / "claims.toml"
    text = claims.read_text()
    assert old in text
    claims.write_text(text.replace(old, new))
    assert main(["claims"]) == 1
    assert said in capsys.readouterr().err
    assert not (checkout / PAGE).exists(), "nothing half-written"


def test_outside_of_a_checkout_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["claims"]) == 2
    assert "in a checkout of the source" in capsys.readouterr().err
