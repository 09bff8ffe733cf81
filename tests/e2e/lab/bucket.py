"""A bucket as the storage of a server, where tests were written for a folder (NCPS_TEST_STORAGE=s3)."""
from __future__ import annotations

from pathlib import Path


class Bucket:
    def __init__(self, name: str) -> None:
        from . import s3_gateway  # it starts processes as ncps.py does, so it cannot come before that

        self.name, place = name, s3_gateway.shared()
        self._s3 = place.client()
        self._seen: dict[str, str] = {}  # etags of what was copied
        self.options = [f"--cache-storage-s3-{option}={value}" for option, value in (
            ("bucket", name), ("endpoint", place.url), ("access-key-id", place.access_key),
            ("secret-access-key", place.secret_key))]

    def copied_to(self, folder: Path) -> Path:
        """`folder`, with what lies in the bucket now, as a local storage would have it."""
        there = self._s3.etags(self.name)
        for key in self._seen.keys() - there.keys():
            (folder / key).unlink(missing_ok=True)
            del self._seen[key]
        for key, etag in there.items():
            if self._seen.get(key) == etag:
                continue
            body = self._s3.find(self.name, key)
            if body is None:  # gone meanwhile
                continue
            file = folder / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            file.write_bytes(body)
            file.chmod(0o400)
            self._seen[key] = etag
        return folder


def bucket_of(home: Path) -> Bucket:
    """The bucket of all servers with that home; made for the first of them."""
    from . import s3_gateway

    told = home / "bucket"
    if not told.exists():
        told.write_text(s3_gateway.shared().new_bucket())
    return Bucket(told.read_text())
