"""Quality on real configurations, against labels made by hand: nothing crashes, nothing is skipped, little is wrong."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from nucleus.audit.engine import INTERNAL, Result, audit
from nucleus.audit.model import Persona, Severity
from nucleus.audit.output import concise, github, json_v1, markdown, sarif, text
from nucleus.audit.project import load
from nucleus.audit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "agent_configs"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the collection of agent configurations is not beside the project"
)
LABELS = [
    line.split("\t")
    for line in (Path(__file__).parent / "labels.tsv").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
WRONG_AT_MOST = 0.10
"""Share of files labelled clean that may have a finding of error level."""


@pytest.fixture(scope="module")
def report() -> Result:
    return audit(load(DATA / "files", [DATA / "files"]), Settings())


def by_file(result: Result) -> dict[int, list[tuple[str, int]]]:
    """Return rule and severity of the findings of each file of the collection."""
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for finding in result.findings:
        found[int(finding.span.source.path.split("/")[0])].append((finding.rule.id, finding.severity))
    return found


def test_every_file_is_read_none_is_skipped_and_no_rule_fails(report: Result) -> None:
    index = [json.loads(line) for line in (DATA / "index.jsonl").read_text("utf-8").splitlines()]
    read = {document.path for document in report.project.documents}
    assert {entry["file"].removeprefix("files/") for entry in index} - read == set()
    assert report.project.skipped == []
    assert [finding.message for finding in report.findings if finding.rule is INTERNAL] == []


def test_few_clean_files_have_a_finding_of_error_level(report: Result) -> None:
    found = by_file(report)
    clean = [int(index) for index, label, _ in LABELS if label == "clean"]
    wrong = [index for index in clean if any(severity == Severity.HIGH for _, severity in found[index])]
    assert len(wrong) <= WRONG_AT_MOST * len(clean), wrong


def test_every_rule_speaks_of_each_file_that_was_labelled_with_it(report: Result) -> None:
    """Recall by rule is 1 on this collection; what is missing is named."""
    found = by_file(report)
    missing = [
        (int(index), rule)
        for index, _, wanted in LABELS
        for rule in wanted.split()
        if rule not in dict(found[int(index)])
    ]
    assert missing == []


def test_no_output_shows_what_a_secret_rule_found(report: Result) -> None:
    everything = audit(load(DATA / "files", [DATA / "files"]), Settings(persona=Persona.AUDITOR))
    secrets = {value for d in everything.project.documents for value in d.source.secrets() if len(value) >= 8}
    outputs = [
        text.render(everything),
        concise.render(everything),
        json_v1.render(everything),
        github.render(everything),
        markdown.render(everything),
        sarif.render(everything, "0"),
    ]
    assert secrets
    assert [value[:3] for value in secrets for output in outputs if value in output] == []


def test_the_same_files_give_the_same_report(report: Result) -> None:
    again = audit(load(DATA / "files", [DATA / "files"]), Settings())
    assert json_v1.render(again) == json_v1.render(report)
