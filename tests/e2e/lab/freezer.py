"""A small file system of its own that can be made to hang: whoever writes there waits until it thaws (fsfreeze(8)).
Root alone can make one."""
from __future__ import annotations

import subprocess
from pathlib import Path


class Freezer:
    """Mounted when it is made, at `path`. `close` thaws it, and lets go of it; nobody may need it any more."""

    def __init__(self, home: Path, megabytes: int = 64) -> None:
        self.path = home / "disk"
        self.path.mkdir()
        image = home / "image"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(self.path)], check=True)
        self.frozen = False

    def freeze(self) -> None:
        subprocess.run(["fsfreeze", "-f", str(self.path)], check=True, timeout=60)
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            subprocess.run(["fsfreeze", "-u", str(self.path)], check=True, timeout=60)
        self.frozen = False

    def close(self) -> None:
        self.thaw()
        subprocess.run(["umount", "-l", str(self.path)], check=True)
