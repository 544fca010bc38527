import hashlib
import io
import tarfile

import pytest

from tests.scripts.sources import source

sources = source("source")


def tarball(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as package:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_what_was_pinned_passes() -> None:
    assert sources.verified(b"weights", hashlib.sha256(b"weights").hexdigest(), "it") == b"weights"


def test_what_was_not_pinned_is_refused_with_both_digests() -> None:
    with pytest.raises(sources.WrongDigest, match=f"it has SHA-256 {hashlib.sha256(b'other').hexdigest()}, pinned is"):
        sources.verified(b"other", hashlib.sha256(b"weights").hexdigest(), "it")


def test_files_of_a_tarball(monkeypatch: pytest.MonkeyPatch) -> None:
    content = tarball(one=b"1", two=b"22")
    monkeypatch.setattr(sources, "packed", lambda name, version: {("some", "1.0"): content}[name, version])
    package = sources.NodePackage("some", "1.0", hashlib.sha256(content).hexdigest())
    assert package.members("package/two", "package/one") == [b"22", b"1"]
    assert package.member("package/one") == b"1"
    with pytest.raises(KeyError):
        package.member("package/three")


def test_another_tarball_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "packed", lambda _name, _version: tarball(one=b"1"))
    with pytest.raises(sources.WrongDigest):
        sources.NodePackage("some", "1.0", "0" * 64).member("package/one")
