"""OpenTelemetry: a real gRPC collector is sent every span, line and number once; one that is away, hangs or refuses costs
no client anything; and no secret leaves the house this way."""
from __future__ import annotations

import json
import re
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.soak.world import unused_url

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps, run_ncps
from .lab.otlp_receiver import OtlpReceiver
from .lab.tls import authority
from .lab.waiting import eventually

QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
LOST = "a collector does not take what it is sent: it is lost"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "congo=t61rcWkgMzE"}


class OtlpCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)

    def receiver(self, *files: Path) -> OtlpReceiver:
        receiver = OtlpReceiver(*files).start()
        self.addCleanup(receiver.stop)
        return receiver

    def sending_to(self, url: str, *more: str, **environment: str) -> Ncps:
        options = ["--otel-enabled=true", "--cache-prefetch=off", *more]
        if url:
            options.append(f"--otel-grpc-url={url}")
        return self.ncps((self.server, self.cache), more=options, environment=QUICK | environment)

    def fetch_all(self, proxy: Ncps, **headers: str) -> int:
        """Each narinfo and NAR; how many requests that were."""
        for path in self.made.paths:
            answer = raw.get(proxy.url, narinfo_target(path), headers)
            self.assertEqual(answer.status, 200, proxy.tail())
            url = closure.parse_narinfo(answer.body.decode())["URL"]
            self.assert_whole(raw.get(proxy.url, f"/{url}", headers), self.cache.nar_bytes(path))
        return 2 * len(self.made.paths)


def of_kind(spans: list[dict], name: str) -> list[dict]:
    return [span for span in spans if span["name"] == name]


def without_samples(text: str) -> list[str]:
    """Metrics of which nothing is known (yet)."""
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    return [name for name in names if not re.search(rf"^{name}[_a-z]*[ {{]", text, re.MULTILINE)]


class Everything(OtlpCase):
    def test_each_request_is_one_server_span_one_line_and_counted_once(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        requests = self.fetch_all(proxy) + self.fetch_all(proxy)
        self.assertEqual(raw.get(proxy.url, "/nonsense").status, 404)
        self.assertEqual(proxy.stop(), 0)  # sends what waits
        paths = len(self.made.paths)
        servers = [span for span in receiver.spans() if span["kind"] == 2]
        self.assertEqual(len(servers), requests + 1)
        self.assertEqual(len(of_kind(servers, "GET /{hash}.narinfo")), 2 * paths)
        self.assertEqual(len(of_kind(servers, "GET /nar/{name}")), 2 * paths)
        self.assertEqual([span["attributes"]["http.response.status_code"] for span in of_kind(servers, "GET")], [404])
        handled = [line for line in receiver.lines() if line["body"]["string_value"] == "handled request"]
        self.assertEqual(len(handled), requests + 1)
        self.assertEqual(len(handled), proxy.count_lines("handled request"))
        resource = receiver.resource("traces")
        self.assertEqual(resource["service.name"], "ncps")
        self.assertEqual(resource["ncps.hostname"], "cache.example")
        self.assertEqual(resource["ncps.storage_type"], "local")
        self.assertEqual(receiver.resource("logs"), resource)
        self.assertEqual(receiver.resource("metrics"), resource)

    def test_the_lines_on_stdout_and_at_the_collector_name_the_span_of_their_request(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        self.fetch_all(proxy)
        self.assertEqual(proxy.stop(), 0)
        servers = {(span["trace_id"], span["span_id"]) for span in receiver.spans() if span["kind"] == 2}
        sent = {(line["trace_id"], line["span_id"]) for line in receiver.lines()
                if line["body"]["string_value"] == "handled request"}
        printed = {(line["trace_id"], line["span_id"]) for line in proxy.lines if line["message"] == "handled request"}
        self.assertEqual(sent, servers)
        self.assertEqual(printed, servers)

    def test_every_span_but_the_first_is_within_one_that_came(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        self.fetch_all(proxy)
        self.assertEqual(proxy.stop(), 0)
        spans = receiver.spans()
        known = {(span["trace_id"], span["span_id"]) for span in spans}
        self.assertEqual(len(known), len(spans))
        for span in spans:
            self.assertLessEqual(int(span["start_time_unix_nano"]), int(span["end_time_unix_nano"]))
            if "parent_span_id" in span:
                self.assertIn((span["trace_id"], span["parent_span_id"]), known, span)
            else:
                self.assertIn(span["kind"], (1, 2), span)
        names = {span["name"] for span in spans}
        for name in ("cache.narinfo", "cache.nar", "cache.download", "upstream.GET", "db", "local.open", "local.publish"):
            self.assertIn(name, names)

    def test_prometheus_beside_it_hears_the_same_numbers(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}", "--prometheus-enabled=true")
        self.fetch_all(proxy)
        text = raw.get(proxy.url, "/metrics").body.decode()
        self.assertEqual(proxy.stop(), 0)
        sent = receiver.metrics()
        for name in ("ncps_narinfo_served_total", "ncps_nar_served_total"):
            scraped = sum(float(value) for value in re.findall(rf"^{name}{{.*}} (.*)$", text, re.MULTILINE))
            points = sent[name]["sum"]["data_points"]
            self.assertEqual(scraped, len(self.made.paths))
            self.assertEqual(sum(int(point["as_int"]) for point in points), scraped)
            self.assertTrue(sent[name]["sum"]["is_monotonic"])
        self.assertEqual(set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) - set(sent), set(without_samples(text)))

    def test_the_trace_of_a_client_goes_on_to_the_upstream(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        self.server.forget()
        self.fetch_all(proxy, **SAMPLED)
        self.assertEqual(proxy.stop(), 0)
        spans = [span for span in receiver.spans() if span["trace_id"] == TRACE]
        servers = [span for span in spans if span["kind"] == 2]
        self.assertEqual({span["parent_span_id"] for span in servers}, {PARENT})
        self.assertEqual(len(servers), 2 * len(self.made.paths))
        asked = {span["span_id"]: span for span in spans if span["name"] == "upstream.GET"}
        self.assertEqual(len(asked), len(self.server.requests()))
        for request in self.server.requests():
            version, trace, span, flags = request.headers["traceparent"].split("-")
            self.assertEqual((version, trace, flags), ("00", TRACE, "01"))
            self.assertEqual(asked[span]["attributes"]["url.path"], request.path)
            self.assertEqual(request.headers["tracestate"], "congo=t61rcWkgMzE")

    def test_what_a_client_does_not_want_recorded_is_not_but_the_upstream_hears_so(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        self.fetch_all(proxy, traceparent=f"00-{TRACE}-{PARENT}-00")
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual([span for span in receiver.spans() if span["trace_id"] == TRACE], [])
        for request in self.server.requests():
            self.assertTrue(request.headers["traceparent"].startswith(f"00-{TRACE}-"))
            self.assertTrue(request.headers["traceparent"].endswith("-00"))

    def test_a_hostile_traceparent_is_as_good_as_none(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}")
        bad = ["x" * 5000, f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE.upper()}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"]
        for value in bad:
            self.assertEqual(raw.get(proxy.url, "/nix-cache-info", {"traceparent": value}).status, 200)
        self.assertEqual(proxy.stop(), 0)
        servers = [span for span in receiver.spans() if span["kind"] == 2]
        self.assertEqual(len(servers), len(bad))
        self.assertEqual([span for span in servers if "parent_span_id" in span], [])


class Options(OtlpCase):
    def test_when_it_is_off_nobody_hears_of_a_trace(self) -> None:
        proxy = self.ncps((self.server, self.cache), more=["--cache-prefetch=off"],
                          environment={"OTEL_TRACES_SAMPLER": "always_on"})
        self.fetch_all(proxy, **SAMPLED)
        for request in self.server.requests():
            self.assertNotIn("traceparent", request.headers)
        self.assertNotIn("trace_id", proxy.wait_line("handled request"))
        assert proxy.process
        threads = [Path(f"{task}/comm").read_text() for task in Path(f"/proc/{proxy.process.pid}/task").iterdir()]
        self.assertEqual([name for name in threads if name.startswith("otlp")], [])

    def test_the_sampler_is_that_of_the_standards_variable(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}", OTEL_TRACES_SAMPLER="always_off")
        self.fetch_all(proxy, **SAMPLED)
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(receiver.spans(), [])
        self.assertGreater(len(receiver.lines()), 0)

    def test_the_standards_endpoint_headers_and_names_count(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to("", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.address}",
                                OTEL_EXPORTER_OTLP_HEADERS="x-scope=lab%201", OTEL_SERVICE_NAME="house-cache",
                                OTEL_RESOURCE_ATTRIBUTES="deployment.environment=lab")
        self.fetch_all(proxy)
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(receiver.metadata()["x-scope"], "lab 1")
        resource = receiver.resource("traces")
        self.assertEqual((resource["service.name"], resource["deployment.environment"]), ("house-cache", "lab"))

    def test_without_a_collector_spans_and_metrics_are_lines_on_stdout(self) -> None:
        proxy = self.sending_to("")
        self.fetch_all(proxy)
        self.assertEqual(proxy.stop(), 0)
        spans = [span for line in proxy.lines if "resourceSpans" in line
                 for scope in line["resourceSpans"][0]["scopeSpans"] for span in scope["spans"]]
        self.assertEqual(sum(span["kind"] == 2 for span in spans), 2 * len(self.made.paths))
        self.assertTrue(any("resourceMetrics" in line for line in proxy.lines))
        self.assertEqual([line for line in proxy.lines if line.get("level") == "unparsed"], [])
        self.assertEqual([line for line in proxy.lines if "resourceLogs" in line], [])  # they are lines already

    def test_a_url_that_is_none_is_a_mistake_and_its_password_is_not_shown(self) -> None:
        for url in ("ftp://host", "http://user:hunter2@host:4317", "user:hunter2@host", "http://host:4317/v1/traces"):
            run = run_ncps("config", "check", f"--otel-grpc-url={url}", "--cache-hostname=a.b",
                           "--cache-storage-local=/tmp/x", "--cache-database-url=sqlite:/tmp/x.db",
                           "--cache-upstream-url=http://127.0.0.1:1")
            self.assertEqual(run.status, 2, run.said)
            self.assertIn("--otel-grpc-url", run.said)
            self.assertNotIn("hunter2", run.said)


class Collector(OtlpCase):
    """Whatever it does, clients get what they ask for, and the stop comes to its end."""

    def load(self, proxy: Ncps) -> None:
        self.fetch_all(proxy)
        def some(_: int) -> int:
            return sum(raw.get(proxy.url, narinfo_target(path)).status == 200 for path in self.made.paths)
        with ThreadPoolExecutor(8) as pool:
            self.assertEqual(sum(pool.map(some, range(200))), 200 * len(self.made.paths))

    def wait_taken_again(self, proxy: Ncps) -> None:
        """There are spans only while somebody asks."""
        def look() -> dict | None:
            raw.get(proxy.url, "/healthz")
            return proxy.find_line("a collector takes what it is sent again", signal="traces")
        eventually(look, "it takes them again", every=0.2)

    def test_one_that_is_not_there(self) -> None:
        proxy = self.sending_to(unused_url().rstrip("/"), OTEL_EXPORTER_OTLP_TIMEOUT="500", OTEL_BSP_MAX_QUEUE_SIZE="64")
        self.load(proxy)
        for signal in ("traces", "logs", "metrics"):
            proxy.wait_line(LOST, signal=signal)
        self.assertEqual(proxy.stop(), 0)
        self.assertLess(proxy.count_lines(LOST), 10)  # said when it begins, not each time

    def test_one_that_hangs(self) -> None:
        receiver = self.receiver()
        receiver.tell("hang")
        proxy = self.sending_to(f"http://{receiver.address}", OTEL_EXPORTER_OTLP_TIMEOUT="500", OTEL_BSP_MAX_QUEUE_SIZE="64")
        self.load(proxy)
        proxy.wait_line(LOST, signal="traces")
        self.assertEqual(proxy.stop(), 0)

    def test_one_that_refuses_and_comes_to_its_senses(self) -> None:
        receiver = self.receiver()
        receiver.tell(7)  # PERMISSION_DENIED
        proxy = self.sending_to(f"http://{receiver.address}")
        self.load(proxy)
        proxy.wait_line(LOST, signal="traces")
        receiver.tell("ok")
        self.wait_taken_again(proxy)
        raw.get(proxy.url, "/healthz")
        eventually(lambda: of_kind(receiver.spans(), "GET /healthz"), "spans come")
        self.assertGreater(int(lost(receiver, "traces")), 0)
        self.assertEqual(proxy.stop(), 0)

    def test_one_that_is_killed_and_comes_back(self) -> None:
        receiver = self.receiver()
        proxy = self.sending_to(f"http://{receiver.address}", OTEL_EXPORTER_OTLP_TIMEOUT="1000")
        self.fetch_all(proxy)
        eventually(receiver.spans, "spans come")
        receiver.stop()
        self.load(proxy)
        proxy.wait_line(LOST, signal="traces")
        receiver.start()
        self.wait_taken_again(proxy)


def lost(receiver: OtlpReceiver, signal: str) -> str:
    """What the instance itself says of it, at the collector."""
    def look() -> str:
        points = receiver.metrics().get("ncps_otlp_lost_total", {}).get("sum", {}).get("data_points", [])
        return next((p["as_int"] for p in points if p["attributes"][0]["value"]["string_value"] == signal
                     and p["as_int"] != "0"), "")
    return eventually(look, f"a count of lost {signal}")


class Tls(OtlpCase):
    def test_only_a_collector_that_we_trust_is_spoken_to(self) -> None:
        certificate = authority().sign("IP:127.0.0.1")
        receiver = self.receiver(certificate.file, certificate.key)
        stranger = self.sending_to(receiver.address, OTEL_EXPORTER_OTLP_TIMEOUT="500")  # no scheme is TLS
        self.fetch_all(stranger)
        stranger.wait_line(LOST, signal="traces")
        self.assertEqual(stranger.stop(), 0)
        self.assertEqual(receiver.calls(), 0)
        for variable in ("SSL_CERT_FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE"):
            friend = self.sending_to(f"https://{receiver.address}", **{variable: str(authority().file)})
            self.fetch_all(friend)
            before = receiver.calls()
            self.assertEqual(friend.stop(), 0)
            self.assertGreater(receiver.calls(), before)
            self.assertIsNone(friend.find_line(LOST))


class Secrets(OtlpCase):
    """Planted wherever one may be; none of it arrives."""

    def test_no_secret_is_in_any_span_line_metric_or_resource(self) -> None:
        secrets = {name: f"s3cret-{name}" for name in
                   ("netrc", "url", "query", "basic", "bearer", "header", "nar-query", "environment")}
        self.server = self.upstream(self.cache, auth=f"reader:{secrets['url']}")
        other = self.upstream(self.cache, auth=f"reader:{secrets['netrc']}")
        netrc = self.home / "netrc"
        netrc.write_text(f"machine 127.0.0.1 login reader password {secrets['netrc']}\n")
        netrc.chmod(0o600)
        receiver = self.receiver()
        pairs = [(self.server.url.replace("://", f"://reader:{secrets['url']}@"), self.cache.key.public),
                 (other.url, self.cache.key.public)]
        proxy = Ncps(self.folder("ncps"), upstreams=pairs, log_level="trace",
                     more=["--otel-enabled=true", f"--otel-grpc-url=http://{receiver.address}", f"--netrc-file={netrc}"],
                     environment=QUICK | {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secrets['header']}",
                                          "AWS_SECRET_ACCESS_KEY": secrets["environment"]})
        self.addCleanup(proxy.kill9)
        proxy.start()
        self.fetch_all(proxy, Authorization=f"Bearer {secrets['bearer']}")
        for target in (f"/nix-cache-info?token={secrets['query']}", f"/nar/x.nar?hash={secrets['nar-query']}",
                       f"http://reader:{secrets['basic']}@cache.example/nix-cache-info"):
            raw.get(proxy.url, target, {"Authorization": "Basic cmVhZGVyOnMzY3JldC1iYXNpYw=="})
        self.server.stop()
        other.stop()
        raw.get(proxy.url, f"/{'a' * 32}.narinfo", timeout=60)  # an error of each upstream
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(receiver.metadata()["authorization"], f"Bearer {secrets['header']}")  # to the collector itself
        sent = json.dumps([receiver.spans(), receiver.lines(), receiver.metrics(), receiver.resource("traces")])
        printed = json.dumps(proxy.lines) + proxy.stderr()
        self.assertIn("handled request", sent)
        for name, secret in secrets.items():
            self.assertNotIn(secret, sent, name)
            self.assertNotIn(secret, printed, name)
        self.assertNotIn("cmVhZGVyOnMzY3JldC1iYXNpYw==", sent)


if __name__ == "__main__":
    unittest.main()
