"""Ways to change what is the host's. Judged on the host when all is over."""

import os
import socket
import stat
import time

from .base import World, spit, way

CONTROL = {
    "claude": ".claude/settings.json",
    "claude_words": "CLAUDE.md",
    "codex": ".codex/config.toml",
    "agents_words": "AGENTS.md",
    "gemini": ".gemini/settings.json",
    "cursor": ".cursor/mcp.json",
    "copilot": ".github/copilot-instructions.md",
    "aider": ".aider.conf.yml",
    "windsurf": ".windsurf/rules/all.md",
    "cline": ".clinerules",
    "editor": ".vscode/tasks.json",
    "mcp": ".mcp.json",
    "shell": ".envrc",
    "interpreter": "lib/site.pth",
    "tests": "conftest.py",
    "container": ".devcontainer/devcontainer.json",
}
"""Files that steer an agent, an editor, a shell or an interpreter. Each is written at depth."""
DEPTH = "deep/er/est"


def _control(name: str, path: str) -> None:
    def write(world: World, mark: str) -> None:
        spit(f"{DEPTH}/{path}", mark)

    write.__name__ = f"control_of_{name}"
    way(write)


for _name, _path in CONTROL.items():
    _control(_name, _path)


@way
def source_file(world: World, mark: str) -> None:
    spit("source_file", mark)


@way
def mapped_file(world: World, mark: str) -> None:
    import mmap

    with open("mapped_file", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[: len(mark)] = mark.encode()


@way
def deleted_file(world: World, mark: str) -> None:
    os.unlink("deleted_file")


@way
def cut_file(world: World, mark: str) -> None:
    os.truncate("cut_file", 0)


@way
def renamed_folder(world: World, mark: str) -> None:
    os.rename("renamed_folder", "elsewhere_too")


@way
def mode_of_a_file(world: World, mark: str) -> None:
    os.chmod("mode_of_a_file", 0o4755)  # noqa: S103


@way
def time_of_a_file(world: World, mark: str) -> None:
    os.utime("time_of_a_file", (77, 77))


@way
def attribute_of_a_file(world: World, mark: str) -> None:
    os.setxattr("attribute_of_a_file", "user.mark", mark.encode())


@way
def new_set_uid_file(world: World, mark: str) -> None:
    spit("new_set_uid_file", "#!/bin/sh\n" + mark)
    os.chmod("new_set_uid_file", 0o6755)  # noqa: S103


@way
def new_device(world: World, mark: str) -> None:
    os.mknod("new_device", stat.S_IFCHR | 0o666, os.makedev(1, 5))


@way
def whiteout_by_hand(world: World, mark: str) -> None:
    """Make by hand what overlayfs takes for "deleted", and put it where a file is."""
    os.mknod("whiteout_by_hand.new", stat.S_IFCHR, os.makedev(0, 0))
    os.rename("whiteout_by_hand.new", "whiteout_by_hand")


@way
def whole_folder_by_an_attribute(world: World, mark: str) -> None:
    """Set by hand what overlayfs takes for "nothing below this counts"."""
    for name in ("user.overlay.opaque", "trusted.overlay.opaque"):
        try:
            os.setxattr("whole_folder_by_an_attribute", name, b"y")
        except OSError:
            continue
    for name in os.listdir("whole_folder_by_an_attribute"):
        os.unlink(f"whole_folder_by_an_attribute/{name}")


@way
def new_pipe(world: World, mark: str) -> None:
    os.mkfifo("new_pipe")


@way
def new_socket(world: World, mark: str) -> None:
    socket.socket(socket.AF_UNIX).bind("new_socket")


@way
def new_link_out(world: World, mark: str) -> None:
    os.symlink(world["outside"] + "/other_project", "new_link_out")


@way
def file_in_place_of_a_folder(world: World, mark: str) -> None:
    import shutil

    shutil.rmtree("file_in_place_of_a_folder")
    os.symlink(world["outside"], "file_in_place_of_a_folder")


@way
def file_through_a_link(world: World, mark: str) -> None:
    os.symlink(world["outside"] + "/file_through_a_link", "new-link")
    spit("new-link", mark)


@way
def file_through_a_link_that_is_there(world: World, mark: str) -> None:
    spit("folder-out/file_through_a_link_that_is_there", mark)


@way
def hard_link_to_the_outside(world: World, mark: str) -> None:
    os.link(world["outside"] + "/hard_link_to_the_outside", "hard-link-out")
    with open("hard-link-out", "w", encoding="utf-8") as file:
        file.write(mark)


@way
def race_of_links(world: World, mark: str) -> None:
    """Let a folder and a link to the outside change places again and again, while a file in it is written."""
    os.makedirs("raced/real", exist_ok=True)
    os.symlink(world["outside"], "raced/link")
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        for source, target in (("raced/real", "raced/now"), ("raced/link", "raced/now")):
            os.rename(source, target)
            try:
                with open("raced/now/race_of_links", "w", encoding="utf-8") as file:
                    file.write(mark)
            except OSError:
                continue
            finally:
                os.rename(target, source)


@way
def hook_of_git(world: World, mark: str) -> None:
    spit(".git/hooks/post-commit", "#!/bin/sh\n" + mark)
    os.chmod(".git/hooks/post-commit", 0o755)  # noqa: S103


@way
def configuration_of_git(world: World, mark: str) -> None:
    with open(".git/config", "a", encoding="utf-8") as file:
        file.write(f"[core]\n\tfsmonitor = {mark}\n")


@way
def objects_of_git_elsewhere(world: World, mark: str) -> None:
    spit(".git/objects/info/alternates", mark)


@way
def replacement_in_git(world: World, mark: str) -> None:
    spit(".git/refs/replace/" + "0" * 40, mark)


@way
def file_outside(world: World, mark: str) -> None:
    spit(world["outside"] + "/file_outside", mark)


@way
def file_by_own_root(world: World, mark: str) -> None:
    spit(f"/proc/self/root{world['outside']}/file_by_own_root", mark)


@way
def file_of_the_system(world: World, mark: str) -> None:
    spit(world["system"], mark)


@way
def start_of_the_shell(world: World, mark: str) -> None:
    spit(world["home"] + ".rc", mark)


@way
def state_directory(world: World, mark: str) -> None:
    spit(world["state"] + "/state_directory", mark)


@way
def forged_trace(world: World, mark: str) -> None:
    with open(world["state"] + "/traces/trace", "a", encoding="utf-8") as file:
        file.write(mark)
