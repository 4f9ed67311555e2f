"""``python -m nucleus``: the command line."""

import sys

if not sys.flags.safe_path:
    # -m puts the working directory first, so an ``argparse.py`` in a hostile
    # repository would be imported in place of the standard library's.
    del sys.path[0]

from nucleus.cli import script

if __name__ == "__main__":
    script()
