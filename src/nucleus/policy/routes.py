"""What tells the programs in a box about its routes: variables, and nothing else. Pure.

Package managers learn their index, and git that the owner's remotes are
reached by the route, however they are written: by https, or by ssh. No
variable holds a credential; the routes hold none either, but for the model's.
"""

import re
from collections.abc import Mapping
from typing import Final

ROUTES: Final = "http://127.0.0.1:3129"
"""Where the routes are in a box."""
_SSH: Final = re.compile(
    r"(?:ssh://(?:[^@/]+@)?(?P<host>[A-Za-z0-9.-]+)(?::22)?/|[^@/:]+@(?P<host2>[A-Za-z0-9.-]+):(?!/))(?P<path>.+)"
)


NO_SSH: Final = "echo 'nucleus: no ssh leaves a box; the remotes of the workspace are reached by https' >&2; exit 1; :"
"""What git runs in ssh's place. It says what else would be a name that does not resolve."""


def environment_for(remotes: Mapping[str, str], routes: str = ROUTES) -> dict[str, str]:
    """Return the variables that lead to the routes. ``remotes``: name -> URL, as the owner's repository has them."""
    return {
        "PIP_INDEX_URL": f"{routes}/pypi/simple/",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_DEFAULT_INDEX": f"{routes}/pypi/simple/",
        "PDM_PYPI_URL": f"{routes}/pypi/simple/",
        "PIPENV_PYPI_MIRROR": f"{routes}/pypi/simple/",
        "npm_config_registry": f"{routes}/npm/",
        "pnpm_config_registry": f"{routes}/npm/",
        "YARN_REGISTRY": f"{routes}/npm/",
        "YARN_NPM_REGISTRY_SERVER": f"{routes}/npm",
        "YARN_UNSAFE_HTTP_WHITELIST": "127.0.0.1",
        "YARN_ENABLE_TELEMETRY": "0",
        "BUN_CONFIG_REGISTRY": f"{routes}/npm/",
        # A lock file names the registry that it was made with; its files come by the route too.
        "npm_config_replace_registry_host": "always",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": NO_SSH,
        "GIT_SSH_VARIANT": "simple",
        **git_settings(remotes, routes),
    }


def git_settings(remotes: Mapping[str, str], routes: str = ROUTES) -> dict[str, str]:
    """Return git's settings, as variables (git-config(1), GIT_CONFIG_COUNT), that name remotes and lead them here.

    The configuration that a box sees names no remote, so these do, by addresses without user or password.
    """
    pairs: list[tuple[str, str]] = []
    for name, url in sorted(remotes.items()):
        known = spellings(url)
        if not over_https(url).startswith("https://"):
            continue
        shown = next((one for one in known if one == url), over_https(url))
        pairs += [(f"remote.{name}.url", shown), (f"remote.{name}.fetch", f"+refs/heads/*:refs/remotes/{name}/*")]
        pairs += [(f"url.{routes}/git/{name}.insteadOf", spelling) for spelling in known]
    found = {"GIT_CONFIG_COUNT": str(len(pairs))} if pairs else {}
    for number, (key, value) in enumerate(pairs):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def spellings(url: str) -> list[str]:
    """Return how a remote's URL may be written: as it is, by https, by ssh in both its forms, with and without .git."""
    https = over_https(url)
    if not https.startswith("https://"):
        return [url]
    host, _, path = https.removeprefix("https://").partition("/")
    forms = [https] if "://" in url and "@" in url.partition("://")[2].partition("/")[0] else [url, https]
    if ":" not in host and "@" not in host:
        forms += [f"git@{host}:{path}", f"ssh://git@{host}/{path}", f"http://{host}/{path}"]
    plain = {one.removesuffix(".git") for one in forms}
    # The longest match counts (git-config(1)): with .git stands before without.
    return sorted({*forms, *(f"{one}.git" for one in plain), *plain}, key=lambda one: (-len(one), one))


def over_https(url: str) -> str:
    """Return the https form of a remote's URL: a forge serves the same repository at the same path of the same host.

    What stands before the host is left out: a password there is not the gate's, and no box learns it.
    """
    if url.startswith("https://"):
        place, slash, path = url.removeprefix("https://").partition("/")
        return f"https://{place.rpartition('@')[2]}{slash}{path}"
    found = _SSH.fullmatch(url)
    if found is None:
        return url
    return f"https://{(found['host'] or found['host2']).lower()}/{found['path'].lstrip('/')}"
