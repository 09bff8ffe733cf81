"""Certificates made by openssl: an authority of our own, and what it signs."""
from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .closure import workshop


def openssl(*arguments: str | Path) -> None:
    run = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if run.returncode:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))} failed:\n{run.stderr}")


@dataclass(frozen=True)
class Certificate:
    file: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    certificate: Certificate

    @property
    def file(self) -> Path:
        return self.certificate.file

    def directory(self) -> Path:
        """A folder as OpenSSL wants it, with a link by hash."""
        folder = self.file.with_suffix(".d")
        if not folder.exists():
            folder.mkdir()
            (folder / "ca.pem").write_bytes(self.file.read_bytes())
            openssl("rehash", folder)
        return folder

    def sign(self, name: str, common_name: str = "upstream", days: int = 30) -> Certificate:
        """A certificate for that subjectAltName: "DNS:localhost", "IP:127.0.0.1"."""
        named = f"{name}-{common_name}-{days}".replace(":", "-").replace(".", "-")
        stem = self.file.parent / f"{self.file.stem}-{named}"
        made = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        if not made.file.exists():
            request, extension = stem.with_suffix(".csr"), stem.with_suffix(".ext")
            extension.write_text(f"subjectAltName={name}\n")
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", made.key, "-out", request, "-subj", f"/CN={common_name}")
            openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.certificate.key,
                    "-CAcreateserial", "-days", str(days), "-extfile", extension, "-out", made.file)
        return made


@functools.cache
def authority(name: str = "ours") -> Authority:
    stem = workshop() / f"authority-{name}"
    made = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-keyout", made.key, "-out", made.file, "-subj", f"/CN=authority {name}",
            "-addext", "basicConstraints=critical,CA:TRUE")
    return Authority(made)
