"""A process that enters its client's session, then asks what it is told to: one JSON line in, one out."""

import json
import sys

from nucleus.errors import NucleusError
from nucleus.gate.sessions import enter


def main(state: str, workspace: str, name: str, profile: str) -> None:
    fields = {"state": state, "workspace": workspace, "profile": profile, "policies": [], "prompt": ""}
    try:
        entered = enter(fields, name=name)
    except NucleusError as error:
        print(json.dumps({"refused": str(error)}), flush=True)
        return
    print(json.dumps(entered.opened), flush=True)
    for line in sys.stdin:
        print(json.dumps(entered.connection.request(json.loads(line))[0]), flush=True)
    entered.leave(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
