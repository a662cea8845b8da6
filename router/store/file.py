"""The database's file: that it is this process's alone, that it is still there, and what was lost of it while nobody looked.

Beside it lie `.lock`, held while a process uses it, and `.mark`, which outlives it: how far incidents are numbered, and
whether the process that used it last ended cleanly. Numbers that people have said aloud are not given to others, even where
the file itself is gone.
"""

import contextlib
import errno
import fcntl
import glob
import os
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "fuse.glusterfs",
    "ceph",
    "lustre",
    "afs",
}
BLOCK = 1_000
"""Numbers of incidents that are reserved at once: one more write of the mark for so many."""
LAST_INCIDENT = "last_incident"
"""Where the writer's connection keeps the number that was given last."""


class StorageError(RuntimeError):
    """The database cannot be used; the text says what a person can do about it."""


class Mark(msgspec.Struct):
    """What is known of a database without the database."""

    numbered: int = 0
    """No incident has had a higher number."""
    is_in_use: bool = False
    """By a process that has not ended, or did not end cleanly."""
    last: int = 0
    """The highest number that was given when it last ended cleanly: a file that knows less is from before."""


class DatabaseFile:
    """One file in use by this process. Raises StorageError where it cannot be."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()  # whoever comes by another name must meet the same lock
        self._mark_path = _beside(self.path, ".mark")
        self._lock = _lock(self.path)
        self.is_new = not self.path.exists() or self.path.stat().st_size == 0
        self._mark = _read(self._mark_path)
        self.lost = self._loss()
        self._known: tuple[tuple[int, int], ...] = ()
        self._last = 0

    def begin(self, conn: Connection) -> None:
        """In the first transaction: go on numbering where the file that was lost had come to."""
        self._last = _numbered(conn)
        if not (self.lost or self._mark.is_in_use) and self._last < self._mark.last:
            self.lost = f"the database {self.path} is older than what the router had written when it ended: a backup lies in its place. What came after it is lost; incidents are numbered on from #{self._mark.numbered + 1}"
        if self.lost:
            _number_from(conn, self._mark.numbered)
        self._mark.is_in_use = True
        self._write()

    def check(self) -> None:
        """Before a transaction: what is written to a file that has no name any more is gone with the process."""
        found = _identities(self.path)
        if not self._known and len(found) == 2:
            self._known = found
        elif self._known and found != self._known:
            raise StorageError(
                f"the database {self.path} was taken away while the router runs, or another file lies in its place: nothing more can be kept there. Put it back and restart the router"
            )

    def reserve(self, conn: Connection) -> None:
        """Before a commit: numbers up to the mark are this database's, whatever becomes of its file."""
        last = conn.info.get(LAST_INCIDENT, 0)
        self._last = max(self._last, last)
        if last > self._mark.numbered:
            self._mark.numbered = last + BLOCK
            self._write()

    def end(self) -> None:
        """A clean end: everything stands in the file itself."""
        self._mark.is_in_use, self._mark.last = False, self._last
        with contextlib.suppress(OSError):  # then the next start looks more closely than it need
            self._write()
        self.release()

    def release(self) -> None:
        self._lock.close()

    def _loss(self) -> str:
        if self.is_new and self._mark.numbered:
            return f"the database {self.path} is gone: an empty one was begun, and incidents are numbered on from #{self._mark.numbered + 1}"
        if self._mark.is_in_use and not self.is_new and not _beside(self.path, "-wal").exists():
            return f"the log of the database {self.path} (-wal) was taken away after the router was killed: what had been accepted last is lost; incidents are numbered on from #{self._mark.numbered + 1}"
        return ""

    def _write(self) -> None:
        fresh = _beside(self._mark_path, ".new")
        with fresh.open("wb") as file:
            fresh.chmod(0o600)
            file.write(msgspec.json.encode(self._mark))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._mark_path)


def trouble(path: Path, error: Exception) -> str:
    """Why a database cannot be used, and what to do, from what SQLite or the system said."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if "malformed" in said or ("not a database" in said and not said.startswith(str(path))):
        return f"the database {path} is damaged ({said}): restore a backup or the copy that was made before an upgrade, or move it away to begin with an empty one"
    if "full" in said or (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}):
        return f"there is no room for the database {path} ({said}): free some, or choose another storage.path"
    if "I/O error" in said:
        return f"the database {path} cannot be read or written ({said}): look at its disk, and at the room and the file size that the router may use"
    if "readonly" in said or "unable to open" in said:
        return f"the database {path} cannot be written ({said}): give its folder and file to the router's user"
    return said


def _numbered(conn: Connection) -> int:
    """How far incidents are numbered by the database itself."""
    return int(conn.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'incident'")).scalar() or 0)


def _number_from(conn: Connection, numbered: int) -> None:
    row = {"name": "incident", "seq": numbered}
    if not conn.execute(text("UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = :name"), row).rowcount:
        conn.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), row)


def _identities(path: Path) -> tuple[tuple[int, int], ...]:
    """Which files lie there now, the database and its log: device and number of each."""
    found = []
    for file in (path, _beside(path, "-wal")):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((status.st_dev, status.st_ino))
    return tuple(found)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _read(path: Path) -> Mark:
    """What cannot be read says nothing: the database itself is what counts."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except (OSError, msgspec.DecodeError):
        return Mark()


def _lock(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot create the folder of the database {path}: {error.strerror}") from error
    file_system = _file_system(path.parent)
    if file_system in _NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"the database {path} lies on a network file system ({file_system}), where SQLite loses data: use a local disk"
        )
    try:
        lock = _beside(path, ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _hide(path)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES} and path.parent.exists():
            raise StorageError(
                f"another alert-router runs on the database {path}, or its folder may not be written: stop it, or choose another storage.path"
            ) from error
        raise StorageError(f"cannot write beside the database {path}: {error.strerror}") from error
    return lock


def _hide(path: Path) -> None:
    """The file and those beside it are this user's alone: alerts tell much about whoever sends them. SQLite gives its
    companions the mode of the file."""
    path.touch(mode=0o600)
    copies = path.parent.glob(f"{glob.escape(path.name)}.before-*")
    beside = (_beside(path, ending) for ending in ("", "-wal", "-shm", ".lock", ".mark"))
    for file in (*filter(Path.exists, beside), *copies):
        with contextlib.suppress(PermissionError):  # somebody else's, who lets us write to it
            file.chmod(0o600)


def _file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, as /proc/mounts names it; "" where that cannot be read."""
    try:
        mounts = Path("/proc/mounts").read_text()
    except OSError:
        return ""
    resolved = str(folder.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        if (resolved == point or resolved.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
