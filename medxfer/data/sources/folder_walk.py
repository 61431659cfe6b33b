"""The files under a folder, each once, whatever links lead to it."""

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

BROKEN_LINK = "broken link"
LOOP = "link to a folder that it lies in"
REPEATED = "second link to one file or folder"
MASK = "in a folder of masks"
UNLISTED = "folder that cannot be listed"
ODD_NAME = "name that is not Unicode text"

_NO_IMAGES = ("__macosx", "@eadir", "thumbs.db", "desktop.ini")  # what archives, network drives and systems add
Name = tuple[str, ...]  # the parts of a path below the folder


class FolderWalk(NamedTuple):
    """What lies under a folder, in paths relative to it, with "/" between their parts, in the order of the parts."""

    files: list[str]
    left_out: dict[str, tuple[str, ...]]  # reason -> links, files and folders that give no image


def walk(root: Path) -> FolderWalk:
    """The files under `root`, at any depth, each once.

    A link is followed where nothing else leads to its folder or file; of several links, the first. What is not
    followed, and the files in folders called masks, are left out and named. Hidden files and folders, and what
    archives, network drives and operating systems add, do not count.
    """
    found = _Walk(os.path.realpath(root))
    found.list_below(found.top, ())
    while found.folder_links:  # before links to files: what these lead to may lie in such a folder
        links, found.folder_links = sorted(found.folder_links), []
        for name, path in links:
            found.follow_to_folder(name, path)
    for name, path in sorted(found.file_links):
        found.follow_to_file(name, path)
    kept: list[Name] = []
    for name in sorted(found.files):
        reason = ODD_NAME if _not_text(name) else MASK if "masks" in map(str.lower, name[:-1]) else ""
        (found.left_out[reason] if reason else kept).append(name)
    reasons = {reason: tuple(map(_shown, sorted(names))) for reason, names in sorted(found.left_out.items())}
    return FolderWalk(["/".join(name) for name in kept], reasons)


class _Walk:
    def __init__(self, top: str) -> None:
        self.top = top
        self.files: list[Name] = []
        self.left_out: defaultdict[str, list[Name]] = defaultdict(list)
        self.folder_links: list[tuple[Name, str]] = []  # the name and the path of each that is to be followed
        self.file_links: list[tuple[Name, str]] = []
        self.listed = set[str]()  # real paths of folders
        self.linked = set[str]()  # real paths of files that links have led to

    def list_below(self, start: str, name: Name) -> None:
        """Take the files under the real folder `start`, which is called `name`, and keep its links for later."""
        todo = [(start, name)]
        while todo:
            folder, above = todo.pop()
            if folder in self.listed:
                continue
            self.listed.add(folder)
            try:
                entries = list(os.scandir(folder))
            except OSError:
                self.left_out[UNLISTED].append(above)
                continue
            for entry in filter(_counts, entries):
                if entry.is_symlink():
                    links = self.folder_links if Path(entry.path).is_dir() else self.file_links
                    links.append(((*above, entry.name), entry.path))
                elif entry.is_dir():
                    todo.append((entry.path, (*above, entry.name)))
                elif entry.is_file():
                    self.files.append((*above, entry.name))

    def follow_to_folder(self, name: Name, path: str) -> None:
        target = os.path.realpath(path)
        if any(_within(folder, target) for folder in (str(Path(path).parent), self.top)):
            self.left_out[LOOP].append(name)
        elif target in self.listed:
            self.left_out[REPEATED].append(name)
        else:
            self.list_below(target, name)

    def follow_to_file(self, name: Name, path: str) -> None:
        target = Path(os.path.realpath(path))
        if not target.is_file():
            self.left_out[BROKEN_LINK].append(name)
        elif str(target) in self.linked or (str(target.parent) in self.listed and _counts(target)):
            self.left_out[REPEATED].append(name)
        else:
            self.linked.add(str(target))
            self.files.append(name)


def _counts(entry: "os.DirEntry[str] | Path") -> bool:
    return not entry.name.startswith(".") and entry.name.lower() not in _NO_IMAGES


def _within(folder: str, other: str) -> bool:
    """Whether `folder` is `other` or lies below it."""
    return os.path.commonpath([folder, other]) == other


def _not_text(name: Name) -> bool:
    try:
        "".join(name).encode()
    except UnicodeEncodeError:
        return True
    return False


def _shown(name: Name) -> str:
    return "/".join(name).encode(errors="backslashreplace").decode() or "."
