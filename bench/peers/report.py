"""The rows of the comparison with peers: installed when asked for, compared only once every answer agrees."""

import json

from bench.clock import ratio
from bench.peers.install import install, run
from bench.peers.run import OURS
from bench.table import AT_LEAST, Row, Section

BUDGETS = {"rego": (5, 15), "toolkit": (10, 30), "cedar": (20, 60)}
TITLE = "Peers, on the same decisions"
LACKING = (
    (
        "what every peer gets done for it: the level of the capability is looked up, bits are named booleans, what was "
        "seen and what is carried is joined, and the input is in the peer's own form before the clock starts"
    ),
    (
        "what no peer does and ours does within its time: the set of rules that ask, the next state (exposure joined, "
        "budget debited, version raised), the check that each field is exactly an int"
    ),
    "verdicts of every peer were equal to the kernel's on every cell before anything was timed",
)


def measure(rounds: int) -> Section:
    """Return the rows, or one note that says why there are none."""
    why = install()
    if why:
        return Section(TITLE, (), (f"not measured: the peers could not be installed ({why})",))
    done = run(rounds)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return Section(TITLE, (), (f"not measured: {lines[-1] if lines else f'status {done.returncode}'}",))
    found = json.loads(done.stdout)
    rows = []
    notes = [f"{found['cells']} cells", *LACKING]
    for key, about in found["about"].items():
        budget, ambitious = BUDGETS.get(key, (0, 0))
        measured = ratio(found["seconds"], key, OURS)
        rows.append(Row(f"faster than {about['name']}", measured, "times", budget, ambitious, AT_LEAST))
        notes += [f"{about['name']}: {limit}" for limit in about["limits"]]
    return Section(TITLE, tuple(rows), tuple(notes))
