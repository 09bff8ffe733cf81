"""Starting on a bucket: with credentials from wherever they are, on a machine whose clock is wrong, on a server without
conditional writes, and after a stop or a kill in the middle of an upload.
"""
from __future__ import annotations

import unittest

from .lab import raw, s3_gateway
from .lab.credential_services import CredentialServices
from .lab.fake_time import with_clock_off
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.s3_case import S3Case, nar_key
from .lab.s3_sessions import SessionGateway
from .lab.waiting import eventually
from .lab.wire_proxy import http_answer, s3_error

OLD_UPLOAD = ("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>{key}</Key>"
              "<UploadId>{upload}</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>"
              "</ListMultipartUploadsResult>")


class Credentials(S3Case):
    """All but lasting ones hold a session's token, without which the server refuses them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.gateway = SessionGateway(s3_gateway.shared())
        cls.addClassCleanup(cls.gateway.stop)
        cls.session = cls.gateway.begin_session()

    def store(self, url: str | None = None, **changes: str) -> list[str]:
        return [option for option in super().store(url or self.gateway.url, **changes) if "access-key" not in option]

    def serves_with(self, **environment: str) -> Ncps:
        """Started without keys in its options, it stores, and serves what it has stored."""
        self.single(1)
        server = self.ncps((self.up, self.cache), store=self.store(),
                           environment={"AWS_EC2_METADATA_DISABLED": "true"} | environment)
        target = self.nar_target(server, self.made.root)
        self.wait_kept(nar_key(self.name))
        self.up.stop()
        eventually(lambda: raw.get(server.url, target).status == 200, "it is served from the bucket")
        for secret in (self.place.secret_key, self.session.secret_key, self.session.token):
            self.assertNotIn(secret, str(server.lines) + server.stderr())
        return server

    def services(self) -> CredentialServices:
        made = CredentialServices(self.session, "the-token")
        self.addCleanup(made.stop)
        return made

    def token_file(self) -> str:
        file = self.folder("token") / "token"
        file.write_text("the-token\n")
        return str(file)

    def test_from_the_environment(self) -> None:
        self.serves_with(AWS_ACCESS_KEY_ID=self.place.access_key, AWS_SECRET_ACCESS_KEY=self.place.secret_key)

    def test_of_a_session_from_the_environment(self) -> None:
        self.serves_with(AWS_ACCESS_KEY_ID=self.session.access_key, AWS_SECRET_ACCESS_KEY=self.session.secret_key,
                         AWS_SESSION_TOKEN=self.session.token)

    def test_of_a_session_without_its_token_are_refused(self) -> None:
        self.single(1)
        keys = {"AWS_ACCESS_KEY_ID": self.session.access_key, "AWS_SECRET_ACCESS_KEY": self.session.secret_key}
        for more in ({}, {"AWS_SESSION_TOKEN": "AAAA" + self.session.token[4:]}):
            server = self.ncps_before_start((self.up, self.cache), store=self.store(), environment=keys | more).start(wait=False)
            self.assertEqual(server.wait(), 1)
            self.assertIn("opening the bucket", server.stderr())

    def test_from_the_shared_file_by_profile(self) -> None:
        file = self.folder("aws") / "credentials"
        file.write_text(f"[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n"
                        f"[cache]\naws_access_key_id = {self.session.access_key}\n"
                        f"aws_secret_access_key = {self.session.secret_key}\n"
                        f"aws_session_token = {self.session.token}\n")
        self.serves_with(AWS_SHARED_CREDENTIALS_FILE=str(file), AWS_PROFILE="cache")

    def test_from_the_shared_file_at_home(self) -> None:
        home = self.folder("home")
        (home / ".aws").mkdir()
        (home / ".aws/credentials").write_text(f"[default]\naws_access_key_id={self.place.access_key}\n"
                                               f"aws_secret_access_key={self.place.secret_key}\n")
        self.serves_with(HOME=str(home))

    def test_from_a_web_identity(self) -> None:
        services = self.services()
        self.serves_with(AWS_WEB_IDENTITY_TOKEN_FILE=self.token_file(), AWS_ROLE_ARN="arn:aws:iam::1:role/cache",
                         AWS_ENDPOINT_URL_STS=services.url)
        self.assertEqual(services.asked, ["POST /"])  # once for all requests

    def test_from_a_container_service(self) -> None:
        services = self.services()
        self.serves_with(AWS_CONTAINER_CREDENTIALS_FULL_URI=services.url + "/container",
                         AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.token_file())
        self.assertEqual(services.asked, ["GET /container"])

    def test_from_the_instance(self) -> None:
        services = self.services()
        self.serves_with(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=services.url)
        self.assertEqual(len(services.asked), 3, services.asked)

    def test_from_nowhere_is_refused_with_the_reason(self) -> None:
        self.single(1)
        server = self.ncps_before_start((self.up, self.cache), store=self.store(),
                                        environment={"AWS_EC2_METADATA_DISABLED": "true"}).start(wait=False)
        self.assertEqual(server.wait(), 1)
        self.assertIn("credentials", server.stderr())


class Clock(S3Case):
    def test_a_clock_that_differs_is_refused_with_the_reason(self) -> None:
        self.single(1)
        for shift in ("-1h", "+1h"):
            with self.subTest(shift):
                server = self.ncps_before_start((self.up, self.cache), store=self.store(), environment=with_clock_off(shift))
                server.start(wait=False)
                self.assertEqual(server.wait(), 1)
                self.assertIn("this machine's clock and the server's differ", server.stderr())


class SigningKey(S3Case):
    def test_is_made_at_the_first_start_on_a_server_without_conditional_writes(self) -> None:
        self.single(0.1)
        wire = self.wire()
        wire.fault(times=1, method="PUT", target="config/cache.key", answer=s3_error(501, "NotImplemented"))
        first = self.s3_ncps((self.up, self.cache), url=wire.url)
        first.wait_line("the S3 server has no conditional writes: let one instance make what is not there", level="warn")
        self.assertEqual([m for m, asked in wire.requests if m == "PUT" and "config/cache.key" in asked], ["PUT", "PUT"])
        second = self.s3_ncps((self.up, self.cache), url=wire.url)
        self.assertEqual(second.pubkey(), first.pubkey())


class Stopped(S3Case):
    def test_an_upload_that_outlasts_the_grace_is_aborted_and_nothing_of_it_is_served(self) -> None:
        self.single(40)
        gate = Gate()
        self.up.fault(self.name, gate=gate, gate_at=int(self.file.stat().st_size * 0.8))
        wire = self.wire()
        server = self.s3_ncps((self.up, self.cache), url=wire.url)
        target = self.nar_target(server, self.made.root)
        client = raw.Stream(server.url, target).start()
        self.assertTrue(gate.reached.wait(60))
        eventually(lambda: any("partNumber=3" in asked for _, asked in wire.requests), "parts are sent")
        self.assertEqual([key for key, _ in self.s3.uploads(self.bucket)], [nar_key(self.name)])
        self.assertEqual(server.stop(), 0, server.tail())  # after 30 s of grace
        self.assertIn(client.join().ending, (raw.SHORT, raw.RESET))
        self.assertEqual(self.s3.uploads(self.bucket), [])
        self.assertEqual(self.s3.keys(self.bucket, "store/nar/"), [])

        self.up.stop()
        server.start()
        self.assert_not_whole(server, target)
        self.up.faults.clear()
        self.up.start()
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.wait_kept(nar_key(self.name))
        self.assertTrue(self.s3.find(self.bucket, nar_key(self.name)) == self.file.read_bytes())


class Killed(S3Case):
    def test_killed_in_the_middle_of_an_upload_nothing_half_done_is_seen_and_leftovers_are_aborted(self) -> None:
        self.single(40)
        gate = Gate()
        self.up.fault(self.name, gate=gate, gate_at=int(self.file.stat().st_size * 0.8))
        wire = self.wire()
        server = self.s3_ncps((self.up, self.cache), url=wire.url)
        target = self.nar_target(server, self.made.root)
        self.assertTrue(gate.reached.wait(60))
        (key, upload), = eventually(lambda: self.s3.uploads(self.bucket), "an upload has begun")
        eventually(lambda: any("partNumber" in asked for _, asked in wire.requests), "a part is sent")
        server.kill9()
        self.assertEqual(key, nar_key(self.name))
        self.assertIsNone(self.s3.find(self.bucket, key))
        self.up.faults.clear()
        gate.open()

        # A day later: the server says of the upload that it is old.
        wire.fault(method="GET", target="uploads", answer=http_answer(
            200, OLD_UPLOAD.format(key=key, upload=upload).encode(), "Content-Type: application/xml"))
        server.start()
        server.wait_line("aborted uploads that were left")
        self.assertNotIn((key, upload), self.s3.uploads(self.bucket))
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.wait_kept(key)
        self.assertTrue(self.s3.find(self.bucket, key) == self.file.read_bytes())

    def test_killed_at_any_stage_of_an_upload_it_starts_clean(self) -> None:
        self.single(20)
        for method, part in (("POST", "uploads"), ("PUT", "partNumber=1"), ("PUT", "partNumber=2"), ("POST", "uploadId")):
            with self.subTest(f"{method} {part}"):
                self.bucket = self.place.new_bucket()
                wire = self.wire()
                wire.fault(method=method, target=part, delay=60)  # it is there that the kill comes
                server = self.s3_ncps((self.up, self.cache), url=wire.url)
                target = self.nar_target(server, self.made.root)
                eventually(lambda: any(m == method and part in asked for m, asked in wire.requests), "it is asked", 60)
                server.kill9()
                wire.clear()
                found = self.s3.find(self.bucket, nar_key(self.name))
                self.assertTrue(found in (None, self.file.read_bytes()))
                server.start()
                self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
                self.wait_kept(nar_key(self.name))
                self.assertTrue(self.s3.find(self.bucket, nar_key(self.name)) == self.file.read_bytes())
                server.kill9()


if __name__ == "__main__":
    unittest.main()
