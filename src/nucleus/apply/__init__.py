"""Changes of a run on their way to the host: looked at, judged, brought over all at once or not at all.

``changes(run)`` says what a run wants to change, ``apply(run, judge)`` does
what the judge allows, ``recover(run)`` puts right what a killed apply left.
"""

from nucleus.apply.bring import apply, finished, half_done, recover, recover_all, silent
from nucleus.apply.change import Applied, Change, Held, Judge, Ruling
from nucleus.apply.run import Run, load, runs
from nucleus.apply.survey import changes

__all__ = [
    "Applied",
    "Change",
    "Held",
    "Judge",
    "Ruling",
    "Run",
    "apply",
    "changes",
    "finished",
    "half_done",
    "load",
    "recover",
    "recover_all",
    "runs",
    "silent",
]
