"""SARIF 2.1.0: valid, with regions, fingerprints, help, fixes and kept suppressions."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nucleus.audit.output import sarif
from nucleus.audit.registry import rule_ids
from tests.audit.output.reported import FILES, report

SCHEMA = Path(__file__).resolve().parents[4] / "shared" / "data" / "specs" / "sarif-schema-2.1.0.json"


@pytest.fixture
def log() -> Any:
    return json.loads(sarif.render(report(), "0.1.0"))


@pytest.mark.skipif(not SCHEMA.is_file(), reason="the SARIF schema is not beside the project")
def test_the_log_is_valid(log: Any) -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(log)


def test_every_rule_is_there_with_its_page(log: Any) -> None:
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert set(rule_ids()) <= set(rules)
    assert "## Why" in rules["bypass-mode"]["help"]["markdown"]


def test_each_result_points_to_its_rule_and_has_a_fingerprint(log: Any) -> None:
    run = log["runs"][0]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["partialFingerprints"]["nucleusAudit/v1"]) == 32


def test_regions_are_the_places_in_the_text(log: Any) -> None:
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        region = place["region"]
        line = FILES[place["artifactLocation"]["uri"]].splitlines()[region["startLine"] - 1]
        assert line[region["startColumn"] - 1 : region["endColumn"] - 1]


def test_fixes_and_suppressions_are_kept(log: Any) -> None:
    results = log["runs"][0]["results"]
    assert any(result.get("fixes") for result in results)
    kept = [result["suppressions"] for result in results if "suppressions" in result]
    assert kept == [[{"kind": "inSource", "status": "accepted", "justification": "we build it"}]]
