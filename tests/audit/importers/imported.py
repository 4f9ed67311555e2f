"""Import one file that exists in memory only."""

import json

from nucleus.audit.importers.importing import Imported, import_settings


def imported(tool: str, path: str, content: object) -> Imported:
    """Return what the settings become."""
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return import_settings(tool, path, text.encode())


def body(found: Imported) -> list[str]:
    """Return the lines of the policy behind version and profile."""
    return [line for line in found.text.splitlines()[2:] if line]
