"""The harness, checked: it would notice a peer that cheats, a candidate that is slow, cells that test nothing.

No figure is compared with a budget here; a busy machine passes.
"""

import ast
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench import cells, gate, local, mcp, page, records, table
from bench.boxes import contenders
from bench.clock import UNIT, Candidate, Figure, figure, interleaved, ratio, shown, unit
from bench.peers import install
from bench.peers.rules import DENIALS, QUESTIONS, expanded, facts_of
from bench.peers.run import PEERS, WrongError, verify
from nucleus.kernel.decide import ALLOW, ASK, DENY
from nucleus.trace.record import RULES, rule_names

BURDEN: Final = 6
"""How many times slower the slowed candidate is made; found to be at least half of that."""


class CheckError(Exception):
    """The harness does not do what it says."""


def know(truth: object, otherwise: str) -> None:
    """Raise ``CheckError`` unless ``truth``."""
    if not truth:
        raise CheckError(otherwise)


def by_the_rules(facts: Mapping[str, Any]) -> int:
    """Judge by the expressions that the peers are given, evaluated as the Python that they are."""
    allowed = {name: value for name, value in facts.items() if name.isidentifier()}
    if any(_true(text, allowed) for text in DENIALS.values()):
        return DENY
    return ASK if not facts["approved"] and any(_true(text, allowed) for text in QUESTIONS.values()) else ALLOW


def _true(text: str, facts: dict[str, Any]) -> bool:
    code = compile(ast.fix_missing_locations(ast.Expression(expanded(text))), "rule", "eval")
    return bool(eval(code, {"__builtins__": {}}, facts))  # noqa: S307  our own text, from bench/peers/rules.py


def cells_cover_every_capability_verdict_and_rule() -> None:
    """Know that the work is not one-sided."""
    mixed = cells.mixed()
    found = [cells.oracle(cell) for cell in mixed]
    verdicts = Counter(verdict for verdict, _, _ in found)
    know(len({facts[0] for _, facts in mixed}) == 12, "a capability is missing from the cells")
    know(min(verdicts[verdict] for verdict in (DENY, ASK, ALLOW)) >= len(mixed) // 6, f"one-sided cells: {verdicts}")
    named = {name for _, rules, _ in found for name in rule_names(rules)}
    know(named >= {name for _, name in RULES} - {"malformed"}, f"only the rules {sorted(named)} decide a cell")
    know(cells.mixed() == mixed, "the recipe of the cells gives others the second time")


def the_rules_that_peers_get_are_the_kernels() -> None:
    """On ten times as many cells as are timed, and others."""
    many = cells.mixed(20, seed=29)
    verify("the shared rules", by_the_rules, many, [facts_of(cell) for cell in many])


def a_peer_that_skips_work_is_found() -> None:
    """Each rule in turn is left out, and each time the oracle objects; so it does to one answer for all."""
    many = cells.mixed(20, seed=29)
    inputs = [facts_of(cell) for cell in many]

    def objects(judge: Callable[[Mapping[str, Any]], int], to: str) -> None:
        try:
            verify("lazy", judge, many, inputs)
        except WrongError:
            return
        raise CheckError(f"the oracle accepts {to}")

    objects(lambda _: ALLOW, "a judge that allows everything")
    for table_of in (DENIALS, QUESTIONS):
        for name in list(table_of):
            kept = table_of.pop(name)
            objects(by_the_rules, f"a judge without {name}")
            table_of[name] = kept


def installed_peers_agree_with_the_kernel() -> None:
    """On the cells that would be timed. Only where they are there: nothing is installed here."""
    if not install.installed():
        print("bench: the peers are not installed here; make bench installs and checks them", file=sys.stderr)
        return
    done = install.run(1)
    know(done.returncode == 0, f"the comparison with peers fails: {done.stderr.strip()[-300:]}")
    know(all(f'"{name}"' in done.stdout for name in PEERS), "a peer is missing from the comparison")


def a_slowed_candidate_is_seen_as_slower() -> None:
    """Time the same act several times over, and the same act under another name, next to the unit."""

    def slowed(turns: int) -> None:
        unit(turns * BURDEN).act(turns * BURDEN)

    same, slow = Candidate("same", unit().act, 2000), Candidate("slow", slowed, 2000)
    times = interleaved([unit(2000), same, slow], 15)
    found, twin = ratio(times, "slow").median, ratio(times, "same").median
    know(found > BURDEN / 2, f"{BURDEN} times the work is seen as {found:.1f} times")
    know(0.5 < twin < 2, f"the unit is {twin:.2f} times itself")
    know(0 < min(times[UNIT]) < 1e-4, f"a unit of {min(times[UNIT])} seconds")


def a_missed_budget_is_called_missed() -> None:
    """In both senses, and a row without a budget is never missed."""
    rows = (
        table.Row("slow", figure([9.0, 10.0, 11.0]), "U", 9, 5),
        table.Row("rare", figure([9.0, 10.0, 11.0]), "records/s", 11, 20, table.AT_LEAST),
        table.Row("fine", figure([9.0, 10.0, 11.0]), "U", 11, 5),
        table.Row("free", Figure(1e9, 1e9, 1e9), "U"),
    )
    know(table.missed([table.Section("", rows)]) == ["slow", "rare"], "a missed budget is not called so")
    know([row.verdict for row in rows[2:]] == ["holds", ""], "a budget that holds is not called so")
    know(shown(123456) == "123k" and shown(12.34) == "12.3", "figures are printed wrongly")


def what_is_timed_is_what_is_meant() -> None:
    """Run the candidates of the gate and the trace; they look at their own answers."""
    section = records.measure(2, grown=50, records=400)
    know(len(section.rows) == 6, "a row of the trace is missing")
    know(len(gate.sockets(2)) == 5, "a row of the gate is missing")


def a_contender_that_skips_its_work_or_is_slowed_is_found() -> None:
    """Of the ways to contain a command: one that runs nothing, one that fails, one that waits before it begins."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Path(place)
        start = local.works()[0]
        for words in (("true",), ("false",), ("sh", "-c", "echo other")):
            try:
                local.taken(contenders.Contender("lazy", words=words), start, workspace)
            except local.WrongError:
                continue
            raise CheckError(f"a contender that runs {words} and not the work is believed")
        slow = contenders.Contender("slow", words=("sh", "-c", 'sleep 0.3; exec "$@"', "sh"))
        found = local.taken(slow, start, workspace)
        know(0.3 <= found < 30, f"a wait of 0.3 s is seen as {found:.2f} s")
    times = {("bare", local.WARM): [1.0], ("slow", local.WARM): [2.0], ("bare", "w"): [3.0], ("slow", "w"): [6.0]}
    know(local.run_time(times, "slow", "w").median == 2, "a start is not taken off")


def a_target_replaces_its_own_section_only() -> None:
    """Of the page of figures."""
    before = "# Page\n\n## One\n\na\n\n## Boxes\n\nold\n\n## Two\n\nb\n"
    after = page.replaced(before, "Boxes", "## Boxes\n\nnew\n")
    know(after == before.replace("old", "new"), "a section is put in another place")
    know(
        page.kept("# Page\n\n## One\n\nc\n", after) == "# Page\n\n## One\n\nc\n\n## Boxes\n\nnew\n", "a section is lost"
    )


def a_proxy_that_changes_an_answer_or_waits_is_found() -> None:
    """Of what stands between an MCP client and its server: a server that lies, and one behind a slow pump."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with mcp.running([*mcp.ECHO, "lies"], folder) as process:
            peer = mcp.Streams(process)
            mcp.meet(peer)
            for lie in (lambda: mcp.timed(peer, "xx", 1), lambda: peer.at_once("xx", 2)):
                try:
                    lie()
                except mcp.WrongAnswerError:
                    continue
                raise CheckError("an answer that was changed is believed")
        with mcp.over_streams(folder, ("direct", "pump", "slow", "ours")) as peers:
            found = mcp.rounds_of(peers, 2, share=8)
        slow = mcp.against_the_pump(found, "slow", "call 2 B").median
        know(slow > 3, f"a pump that waits 5 ms is seen as {slow:.1f} times one that does not")
        know({name for name, _ in found} == {"direct", "pump", "slow", "ours"}, "a candidate was not timed")


CHECKS: Final = (
    a_proxy_that_changes_an_answer_or_waits_is_found,
    a_contender_that_skips_its_work_or_is_slowed_is_found,
    a_target_replaces_its_own_section_only,
    cells_cover_every_capability_verdict_and_rule,
    the_rules_that_peers_get_are_the_kernels,
    a_peer_that_skips_work_is_found,
    a_slowed_candidate_is_seen_as_slower,
    a_missed_budget_is_called_missed,
    what_is_timed_is_what_is_meant,
    installed_peers_agree_with_the_kernel,
)


def run() -> int:
    """Run every check; 0 if all pass, 1 with a line for each that does not."""
    failed = 0
    begin = time.monotonic()
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check()
        except (CheckError, WrongError) as error:
            failed += 1
            print(f"bench: NOT TRUE: {name}: {error}", file=sys.stderr)
    taken = time.monotonic() - begin
    print(f"bench: {len(CHECKS) - failed} of {len(CHECKS)} checks of the harness passed in {taken:.1f} s")
    return 1 if failed else 0
