"""A stand-in for the services that give credentials on a cloud's machines: a security token service, a container's and
an instance's metadata service. It gives out what it was made with, to those who ask as they should.
"""
from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from .s3_sessions import Session

EXPIRES = "2099-01-01T00:00:00Z"
ROLE, SESSION = "the-role", "a-metadata-session"
STS = ("<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
       "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>"
       "<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{session}</SessionToken>"
       f"<Expiration>{EXPIRES}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
       "</AssumeRoleWithWebIdentityResponse>")


class CredentialServices:
    def __init__(self, given: Session, token: str) -> None:
        """`token`: of who may ask."""
        self.keys, self.token = {"key": given.access_key, "secret": given.secret_key, "session": given.token}, token
        self.asked: list[str] = []  # method and path
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                services.asked.append(f"{self.command} {self.path}")
                status, text = services.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, headers, body: str) -> tuple[int, str]:
        roles = "/latest/meta-data/iam/security-credentials/"
        known = headers.get("X-aws-ec2-metadata-token") == SESSION
        said = json.dumps({"Code": "Success", "AccessKeyId": self.keys["key"], "SecretAccessKey": self.keys["secret"],
                           "Token": self.keys["session"], "Expiration": EXPIRES})
        match method, path:
            case "POST", "/":
                form = parse_qs(body)
                good = form["WebIdentityToken"] == [self.token] and form["Action"] == ["AssumeRoleWithWebIdentity"]
                return (200, STS.format(**self.keys)) if good else (403, "")
            case "GET", "/container":
                return (200, said) if headers.get("Authorization") == self.token else (403, "")
            case "PUT", "/latest/api/token":
                return 200, SESSION
            case "GET", _ if path == roles and known:
                return 200, ROLE
            case "GET", _ if path == roles + ROLE and known:
                return 200, said
        return 404, ""

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
