"""A second gateway over the same buckets, which gives out sessions: credentials that are none without their token.

The first one is not told to know sessions: it would no longer say what is wrong with credentials that are refused.
"""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from .ncps import leave_with_parent
from .ports import free_port
from .s3_client import Answer, S3Client
from .s3_gateway import USER, Place
from .waiting import eventually

ALLOWED = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["sts:GetSessionToken", "s3:*"], "Resource": "*"}]}


@dataclass(frozen=True)
class Session:
    access_key: str
    secret_key: str
    token: str


class SessionGateway:
    def __init__(self, place: Place) -> None:
        home, port = Path(place.ca_file).parent, free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._client = S3Client(self.url, place.access_key, place.secret_key)
        self._log = home / f"sessions-{port}.log"
        self._process = subprocess.Popen(
            ["radosgw", "-f", "-n", "client.admin", "--keyring", str(home / "keyring"), f"--log-file={self._log}",
             f"--rgw-frontends=beast endpoint=127.0.0.1:{port}", "--admin-socket=", "--rgw-s3-auth-use-sts=true",
             f"--rgw-sts-key={os.urandom(8).hex()}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=leave_with_parent,
            env=os.environ | {"CEPH_CONF": str(home / "ceph.conf")})
        try:
            eventually(lambda: self._process.poll() is not None or self._serves(), "the second gateway serves", 120)
            assert self._process.poll() is None, self._log.read_text()[-1500:]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """In peace, so that the first one knows: of one that is killed it would wait 30 s for answers."""
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def begin_session(self) -> Session:
        """Of an hour."""
        self._ask("iam", Action="PutUserPolicy", UserName=USER, PolicyName="sessions", PolicyDocument=json.dumps(ALLOWED))
        answer = self._ask("sts", Action="GetSessionToken", DurationSeconds="3600")
        return Session(*(answer.texts(tag)[0] for tag in ("AccessKeyId", "SecretAccessKey", "SessionToken")))

    def _ask(self, service: str, **form: str) -> Answer:
        answer = self._client.ask("POST", "/", body=urlencode(form).encode(), service=service,
                                  headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer
        return answer

    def _serves(self) -> bool:
        with contextlib.suppress(OSError):
            return self._client.ask("GET", "/").status == 200
        return False
