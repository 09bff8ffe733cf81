"""A small S3 client with a signer of its own, so that what our program says of a bucket can be checked.

Source: Amazon S3 API Reference. Path style, one connection for each request, whole bodies.
"""
from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

REGION = "us-east-1"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def texts(self, tag: str) -> list[str]:
        """The texts of all elements of that name in an XML body."""
        return [e.text or "" for e in ElementTree.fromstring(self.body).iter() if e.tag.rpartition("}")[2] == tag]


def send(url: str, method: str, target: str, headers: dict[str, str], body: bytes = b"",
         ca_file: str | None = None) -> Answer:
    """One request to `url`'s server, with exactly these headers (and a Content-Length)."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                                 context=ssl.create_default_context(cafile=ca_file))
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        if body or method in ("PUT", "POST"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class S3Client:
    url: str
    access_key: str
    secret_key: str
    ca_file: str | None = None

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, body: bytes = b"",
            headers: dict[str, str] | None = None, service: str = "s3") -> Answer:
        target = quote(path, safe="/~")
        text = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted((query or {}).items()))
        signed = self._sign(method, target, text, body, headers or {}, service)
        return send(self.url, method, target + ("?" + text if text else ""), signed, body, self.ca_file)

    def _sign(self, method: str, target: str, query: str, body: bytes, headers: dict[str, str],
              service: str) -> dict[str, str]:
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{REGION}/{service}/aws4_request"
        payload = hashlib.sha256(body).hexdigest()
        whole = {"host": urlsplit(self.url).netloc, "x-amz-date": now, "x-amz-content-sha256": payload}
        whole |= {name.lower(): value.strip() for name, value in headers.items()}
        names = ";".join(sorted(whole))
        lines = "".join(f"{name}:{whole[name]}\n" for name in sorted(whole))
        canonical = f"{method}\n{target}\n{query}\n{lines}\n{names}\n{payload}"
        proof = self._proof(now, scope, canonical)
        whole["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, "
                                  f"SignedHeaders={names}, Signature={proof}")
        return whole

    def presigned(self, path: str, seconds: int = 86_400) -> str:
        """The target of a GET that needs no signature of its own until it expires."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.access_key}/{scope}",
                 "X-Amz-Date": now, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host"}
        text = "&".join(f"{k}={quote(v, safe='~')}" for k, v in sorted(query.items()))
        target = quote(path, safe="/~")
        canonical = f"GET\n{target}\n{text}\nhost:{urlsplit(self.url).netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        return f"{target}?{text}&X-Amz-Signature={self._proof(now, scope, canonical)}"

    def _proof(self, now: str, scope: str, canonical: str) -> str:
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.secret_key).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()

    # --- what tests say often; each asserts that the server agreed ---

    def make_bucket(self, bucket: str) -> None:
        self._expect(200, "PUT", f"/{bucket}")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self._expect(200, "PUT", f"/{bucket}/{key}", body=body)

    def find(self, bucket: str, key: str) -> bytes | None:
        answer = self.ask("GET", f"/{bucket}/{key}")
        assert answer.status in (200, 404), answer
        return answer.body if answer.status == 200 else None

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return list(self.etags(bucket, prefix))

    def etags(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """Every key, and its ETag."""
        found: dict[str, str] = {}
        more: dict[str, str] = {}
        while True:
            answer = self._expect(200, "GET", f"/{bucket}", {"list-type": "2", "prefix": prefix} | more)
            found |= dict(zip(answer.texts("Key"), answer.texts("ETag")))
            if answer.texts("IsTruncated") != ["true"]:
                return found
            more = {"continuation-token": answer.texts("NextContinuationToken")[0]}

    def uploads(self, bucket: str) -> list[tuple[str, str]]:
        """Multipart uploads that were begun and neither completed nor aborted: (key, upload id)."""
        answer = self._expect(200, "GET", f"/{bucket}", {"uploads": ""})
        return list(zip(answer.texts("Key"), answer.texts("UploadId")))

    def _expect(self, status: int, method: str, path: str, query: dict[str, str] | None = None,
                body: bytes = b"") -> Answer:
        answer = self.ask(method, path, query, body)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer
