"""Unpacks a student's archive: plain files that stay in their folder, and not more than a class can need.

What climbs out of its folder, is a link or a device, or unpacks to more than that is refused as a whole.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from perflab.contract import PerflabError
from perflab.units import in_bytes

MOST_BYTES = 256 << 20  # of all files together
MOST_MEMBERS = 10_000
LONGEST_NAME = 500  # characters
CHUNK = 1 << 20
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
          RuntimeError, ValueError)  # fmt: skip
Member = tuple[str, int, IO[bytes]]  # name, size as declared, content


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a new folder.

    Raises PerflabError, in one line, for an archive that is refused or damaged; then nothing is left of it.
    """
    folder.mkdir(parents=True)
    try:
        members = _of_zip(archive) if zipfile.is_zipfile(archive) else _of_tar(archive)
        _write(members, folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PerflabError(f"refused: it cannot be unpacked: {error.strerror or error}") from error
    except BROKEN as error:
        shutil.rmtree(folder, ignore_errors=True)
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PerflabError(f"refused: it cannot be unpacked: {why}") from error
    except PerflabError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(members: Iterator[Member], folder: Path) -> None:
    """Write members below a folder, counting what they really hold."""
    written = 0
    for count, (name, size, content) in enumerate(members):
        if count >= MOST_MEMBERS:
            raise PerflabError(f"refused: more than {MOST_MEMBERS:,} files")
        _check_size(written + size)
        file = folder / _inside(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as opened:
            while chunk := content.read(CHUNK):
                written += len(chunk)
                _check_size(written)
                opened.write(chunk)


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise PerflabError(f"refused: it unpacks to more than {in_bytes(MOST_BYTES)}")


def _inside(name: str) -> PurePosixPath:
    """A member's path, if it stays in the folder."""
    whole = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    path = PurePosixPath(whole.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]) or "\0" in name:
        raise PerflabError(f"refused: {name!r} climbs out of its folder")
    if len(name) > LONGEST_NAME:
        raise PerflabError(f"refused: a name of {len(name)} characters")
    return path


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        _check_size(sum(info.file_size for info in opened.infolist()))
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise PerflabError(f"refused: {info.filename!r} is a link or a device")
            if info.flag_bits & 1:
                raise PerflabError(f"refused: {info.filename!r} is encrypted")
            _inside(info.filename or ".")
            if not info.is_dir():
                with opened.open(info) as content:
                    yield info.filename, info.file_size, content


def _of_tar(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r|*") as opened:  # a stream: no member is read twice
        for info in opened:
            if not (info.isfile() or info.isdir()) or info.issparse():
                raise PerflabError(f"refused: {info.name!r} is a link or a device")
            _inside(info.name)
            if info.isfile() and (content := opened.extractfile(info)) is not None:
                yield info.name, info.size, content
