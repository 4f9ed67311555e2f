"""Ways to read what is not to be read. Most read a file of their own name in the folder outside."""

import ctypes
import os
import stat

from .base import World, call, finds, slurp, spit


@finds
def other_project(world: World, mark: str) -> object:
    return slurp(world["outside"] + "/other_project")


@finds
def other_project_by_parent(world: World, mark: str) -> object:
    return slurp("../outside/other_project_by_parent")


@finds
def other_project_by_link(world: World, mark: str) -> object:
    return slurp("link-out")


@finds
def other_project_by_new_link(world: World, mark: str) -> object:
    os.symlink("..", "up")
    return slurp("up/outside/other_project_by_new_link")


@finds
def other_project_by_own_root(world: World, mark: str) -> object:
    return slurp(f"/proc/self/root{world['outside']}/other_project_by_own_root")


@finds
def other_project_by_first_root(world: World, mark: str) -> object:
    return slurp(f"/proc/1/root{world['outside']}/other_project_by_first_root")


@finds
def other_project_by_old_root(world: World, mark: str) -> object:
    for prefix in ("/oldroot", "/newroot", "/proc/1/cwd/..", ""):
        if os.path.exists(prefix + world["outside"]):
            return slurp(prefix + world["outside"] + "/other_project_by_old_root")
    return None


@finds
def other_project_by_handle(world: World, mark: str) -> object:
    """Open a file by a handle that was made outside: that needs no path, only a mount of its file system."""
    here = os.open(".", os.O_RDONLY)
    handle = ctypes.create_string_buffer(bytes.fromhex(world["handle"]))
    return os.read(call("open_by_handle_at", ctypes.c_long(here), handle, ctypes.c_long(0)), 1000)


@finds
def other_project_by_hard_link(world: World, mark: str) -> object:
    os.link(world["outside"] + "/other_project_by_hard_link", "hard-link")
    return slurp("hard-link")


@finds
def home(world: World, mark: str) -> object:
    return slurp(world["home"])


@finds
def home_by_its_user(world: World, mark: str) -> object:
    import pwd

    return slurp(os.path.join(pwd.getpwuid(os.getuid()).pw_dir, os.path.basename(world["home"])))


@finds
def dot_env(world: World, mark: str) -> object:
    return slurp(".env")


@finds
def dot_env_at_depth(world: World, mark: str) -> object:
    return slurp("packages/app/.env.local")


@finds
def dot_env_by_another_name(world: World, mark: str) -> object:
    return slurp("harmless.txt")


@finds
def dot_env_by_a_link(world: World, mark: str) -> object:
    return slurp("link-env")


@finds
def dot_env_by_renaming_its_folder(world: World, mark: str) -> object:
    os.rename("renamed", "elsewhere")
    return slurp("elsewhere/.env")


@finds
def dot_env_under_its_mask(world: World, mark: str) -> object:
    """Write a file of that name, take it away, and see what is there then."""
    found = slurp("masked/.env") if os.path.exists("masked/.env") else ""
    spit("masked/.env", "mine")
    os.unlink("masked/.env")
    return found or slurp("masked/.env")


@finds
def dot_env_by_folding_its_name(world: World, mark: str) -> object:
    return [slurp(f"folded/{name}") for name in os.listdir("folded") if name.casefold() == ".env"]


@finds
def denied_by_policy(world: World, mark: str) -> object:
    return slurp("private/notes/deep.txt")


@finds
def token_of_git(world: World, mark: str) -> object:
    return slurp(".git/config")


@finds
def trace(world: World, mark: str) -> object:
    return slurp(world["state"] + "/traces/trace")


@finds
def lower_layer_by_mount_table(world: World, mark: str) -> object:
    """Look where the mount table says that the layers are."""
    found = [world["outside"]] if not os.path.exists("/run/nucleus-self-test.py") else []
    for line in slurp("/proc/self/mountinfo").splitlines():
        for setting in line.replace("=", ",").replace(":", ",").split(","):
            if setting.startswith("/oldroot"):
                found += [setting, setting.removeprefix("/oldroot")]
    return [slurp(f"{one}/lower_layer_by_mount_table") for one in found if os.path.isdir(one)]


@finds
def password_hashes(world: World, mark: str) -> object:
    return world["password_mark"] if "root:" in slurp("/etc/shadow") else None


@finds
def accounts(world: World, mark: str) -> object:
    return world["account_mark"] if "daemon:" in slurp("/etc/passwd") else None


@finds
def disk(world: World, mark: str) -> object:
    """Read the disk below the file system, by the node that is there."""
    for line in slurp("/proc/self/mountinfo").splitlines():
        place, source = line.split(" - ")[0].split()[4], line.split(" - ")[1].split()[1]
        if place == "/" and source.startswith("/dev/"):
            number = os.open(source, os.O_RDONLY)
            return world["disk_mark"] if len(os.read(number, 512)) == 512 else None
    return None


@finds
def disk_by_a_new_node(world: World, mark: str) -> object:
    """Do the same by a node of one's own: the number of the device is no secret."""
    node = world["temporary"] + "/disk"
    os.mknod(node, stat.S_IFBLK | 0o600, world["disk"])
    number = os.open(node, os.O_RDONLY)
    return world["node_mark"] if len(os.read(number, 512)) == 512 else None
