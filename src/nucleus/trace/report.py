"""A summary of a trace, for a person who was not there: what was done, refused, asked and left open."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nucleus.kernel import exposure
from nucleus.kernel.state import State
from nucleus.trace.export import escaped
from nucleus.trace.reader import read_header, read_records
from nucleus.trace.steps import Replayed
from nucleus.trace.verify import Verified

VERSION: Final = 1
LISTED: Final = 50
"""Refusals and destinations that a report lists; it counts the rest."""
_BITS: Final = (
    (exposure.PRIVATE, "private_data"),
    (exposure.UNTRUSTED, "untrusted_content"),
    (exposure.EXFIL, "exfil_vector"),
    (exposure.FOREIGN, "foreign"),
    (exposure.SECRET, "secret"),
)
_MARKDOWN: Final = {ord(c): f"\\{c}" for c in "\\`*_{}[]<>()#+!|~&"}


def summarise(path: Path, verified: Verified, found: Replayed) -> dict[str, Any]:
    """Return the summary of a trace that was verified and replayed, ready for JSON. Raises ``TraceError``."""
    header = read_header(path)
    verdicts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    places: Counter[str] = Counter()
    refused: list[dict[str, Any]] = []
    for record in read_records(path):
        if record["type"] != "decision":
            continue
        verdicts[record["verdict"]] += 1
        kinds[f"{record['kind']} {record['verdict']}"] += 1
        rules.update(map(str, record["rules"]))
        if record["destination"] and record["verdict"] == "allow":
            places[record["destination"]] += 1
        if record["verdict"] != "allow" and len(refused) < LISTED:
            refused.append({name: record[name] for name in ("seq", "kind", "verdict", "rules", "destination", "id")})
    return {
        "v": VERSION,
        "trace": verified.trace,
        "statement": verified.summary(),
        "complete": verified.complete,
        "ending": verified.ending,
        "level": header.get("level"),
        "kernel": header.get("kernel"),
        "policy": header.get("policy"),
        "durability": header["durability"],
        "records": verified.records,
        "verdicts": dict(verdicts),
        "kinds": dict(sorted(kinds.items())),
        "rules": dict(rules.most_common()),
        "destinations": dict(places.most_common(LISTED)),
        "refused": refused,
        "outcome_unknown": sorted(map(int, found.in_flight)),
        "principals": {name: _state(state) for name, state in found.states.items()},
    }


def markdown(summary: Mapping[str, Any]) -> str:
    """Return a summary as Markdown; text of the trace can't add markup to it."""
    lines = [f"# Trace {_text(summary['trace'])}", "", _text(summary["statement"]), ""]
    lines += [f"- level: {_text(summary['level'])}", f"- durability: {_text(summary['durability'])}"]
    lines += [f"- kernel: {_text(summary['kernel'])}", ""]
    lines += _table("Decisions", ("call and verdict", "times"), summary["kinds"].items())
    lines += _table("Rules behind them", ("rule", "times"), summary["rules"].items())
    lines += _table("Where something went", ("destination", "times"), summary["destinations"].items())
    refused = [
        (r["seq"], r["kind"], r["verdict"], ", ".join(map(str, r["rules"])), r["destination"])
        for r in summary["refused"]
    ]
    lines += _table("Not allowed", ("record", "call", "verdict", "rules", "destination"), refused)
    states = [(name, ", ".join(s["exposure"]) or "nothing", s["budget"]) for name, s in summary["principals"].items()]
    lines += _table("Principals at the end", ("principal", "has seen", "budget left"), states)
    if summary["outcome_unknown"]:
        lines += [f"Outcome unknown: records {', '.join(map(str, summary['outcome_unknown']))}", ""]
    return "\n".join(lines)


def _table(title: str, columns: tuple[str, ...], rows: Any) -> list[str]:
    shown = [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]
    if not shown:
        return []
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [f"## {title}", "", *head, *shown, ""]


def _text(value: object) -> str:
    """Return text that a Markdown reader shows as it is."""
    return escaped(str(value)).translate(_MARKDOWN)


def _state(state: State) -> dict[str, Any]:
    return {
        "exposure": [name for bit, name in _BITS if state.exposure & bit],
        "budget": state.budget,
        "version": state.version,
        "authority": state.authority,
    }
