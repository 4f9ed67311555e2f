"""What a hostile program tries to get out of a box: ``python attack`` in a folder that holds ``hostile`` too.

Reads a JSON object of places and marks, and tries each way in a process of its
own with a time limit. It judges nothing: what it gets to see it prints, what
it can reach it sends a mark to.
"""

import json
import sys

if __name__ == "__main__":
    from hostile import attempt

    the_world = json.load(sys.stdin)
    for each in the_world["ways"]:
        attempt(each, the_world)
    print("tried all", flush=True)
