"""Archives of students: plain files that stay in their folder are unpacked, everything else is refused."""

import io
import stat
import tarfile
import zipfile

import pytest

from perflab.contract import PerflabError
from perflab.run.grading import archives


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def tarred(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(content))
    return path


def tar_member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_plain_files_are_unpacked(tmp_path, mode):
    members = (("a/layers.py", b"x = 1\n"), ("./b.py", b"y = 2\n"))
    path = tmp_path / "it"
    archive = zipped(path, *members) if mode == "zip" else tarred(path, *members, mode=mode)
    archives.unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "layers.py").read_bytes() == b"x = 1\n"
    assert (tmp_path / "out" / "b.py").read_bytes() == b"y = 2\n"


REFUSED = {
    "zip climbs": lambda p: zipped(p, ("../out.py", "x")),
    "zip climbs inside": lambda p: zipped(p, ("a/../../out.py", "x")),
    "zip absolute": lambda p: zipped(p, ("/tmp/out.py", "x")),
    "zip of another system": lambda p: zipped(p, ("..\\out.py", "x")),
    "zip with a drive": lambda p: zipped(p, ("C:/out.py", "x")),
    "zip link": lambda p: zipped(p, (zip_link("a.py"), "/etc/passwd")),
    "tar climbs": lambda p: tarred(p, ("../out.py", b"x")),
    "tar absolute": lambda p: tarred(p, ("/tmp/out.py", b"x")),
    "tar link": lambda p: tarred(p, (tar_member("a.py", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "tar hard link": lambda p: tarred(p, (tar_member("a.py", tarfile.LNKTYPE, "b.py"), b"")),
    "tar device": lambda p: tarred(p, (tar_member("a.py", tarfile.CHRTYPE), b"")),
    "too large": lambda p: zipped(p, ("a.py", b"0" * 5000)),
    "too large in a tar": lambda p: tarred(p, ("a.py", b"0" * 5000)),
    "too large together": lambda p: tarred(p, *((f"{n}.py", b"0" * 600) for n in range(8))),
    "no archive": lambda p: (p.write_bytes(b"no archive at all"), p)[1],
    "a name twice": lambda p: tarred(p, ("a.py", b"x"), ("a.py", b"y")),
    "a long name": lambda p: zipped(p, ("a" * 600, "x")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_in_a_line_and_leaves_nothing(tmp_path, name, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 4096)
    archive = REFUSED[name](tmp_path / "it")
    with pytest.raises(PerflabError, match=r"^refused: .+$"):
        archives.unpack(archive, tmp_path / "place" / "out")
    assert not (tmp_path / "place" / "out").exists()
    assert not (tmp_path / "place" / "out.py").exists()
    assert not (tmp_path / "out.py").exists()


def test_a_size_that_a_zip_lies_about_is_counted(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "it.zip", ("a.py", b"0" * 9000))
    content = archive.read_bytes().replace((9000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(content)
    monkeypatch.setattr(archives, "MOST_BYTES", 4096)
    with pytest.raises(PerflabError, match="refused"):
        archives.unpack(archive, tmp_path / "out")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(PerflabError, match="more than 3 files"):
        archives.unpack(zipped(tmp_path / "it", *((f"{n}.py", "x") for n in range(5))), tmp_path / "out")


def test_a_name_in_another_encoding_becomes_one_that_can_be_told(tmp_path):
    archive = tmp_path / "it"
    with tarfile.open(archive, "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as opened:
        opened.addfile(tarfile.TarInfo("é.py"), io.BytesIO())
    archives.unpack(archive, tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "\ufffd.py"
