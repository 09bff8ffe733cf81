"""What the program says about itself: /metrics, /status, the dashboard and the alerts, the log; and what it keeps to itself."""
from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.ncps import BINARY, Ncps, clean_environment, leave_with_parent, run_ncps
from .lab.prometheus import Metrics, Prometheus
from .lab.waiting import eventually

PROJECT = Path(__file__).parents[2]
ALERTS = PROJECT / "packaging/prometheus/alerts.yaml"
DASHBOARD = PROJECT / "packaging/grafana/ncps.json"
DOCUMENT = PROJECT / "docs/observability.md"
ON = "--prometheus-enabled=true"


class MetricsCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(6)
        self.cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)

    def start(self, *more: str, **options) -> Ncps:
        return self.ncps((self.server, self.cache), more=[ON, *more], **options)

    def metrics(self, proxy: Ncps, **headers: str) -> Metrics:
        answer = raw.get(proxy.url, "/metrics", headers)
        self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE))
        self.assertEqual(answer.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        return Metrics(answer.body.decode())

    def status(self, proxy: Ncps) -> dict:
        return json.loads(proxy.get("/status"))


class Counting(MetricsCase):
    def test_without_the_option_there_is_no_such_path(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        self.assertEqual(raw.get(proxy.url, "/metrics").status, 404)
        self.assertEqual(raw.get(proxy.url, "/upload/metrics").status, 404)

    def test_everything_is_there_from_the_start_and_zero(self) -> None:
        found = self.metrics(self.start())
        for name, labels in (("ncps_served_total", 'cache="memory",object="narinfo"'), ("ncps_served_total", 'cache="inflight",object="nar"'),
                             ("ncps_narinfo_served_total", 'result="hit",status="success"'),
                             ("ncps_nar_served_total", 'result="staging",status="success"'),
                             ("ncps_downloads_total", 'result="corrupt"'), ("ncps_uploads_total", 'object="nar",result="kept"'),
                             ("ncps_upstream_received_bytes_total", f'upstream="{self.server.url}"')):
            if name == "ncps_upstream_received_bytes_total":
                self.assertIn(f"{name}{{{labels}}}", found.values)  # a probe may have been answered
            else:
                self.assertEqual(found.values.get(f"{name}{{{labels}}}"), 0, f"{name}{{{labels}}}")
        for name in ("ncps_lru_cleanup_runs_total", "ncps_lru_bytes_freed_total", "ncps_downloads_in_flight", "ncps_cache_max_size_bytes"):
            self.assertEqual(found.values.get(name), 0, name)
        self.assertEqual(set(found.types), found.helped)

    def test_counts_are_those_of_the_requests(self) -> None:
        proxy = self.start("--cache-prefetch=off", f"--cache-max-size=1G")
        paths = self.made.paths[:3]
        for path in paths:
            target = self.nar_target(proxy, path)
            bytes_of = self.cache.nar_bytes(path)
            self.assert_whole(raw.get(proxy.url, target), bytes_of)
            proxy.wait_stored(target.rpartition("/")[2])
            # Until its download has ended in every respect, who comes joins it.
            eventually(lambda: self.metrics(proxy).values["ncps_downloads_in_flight"] == 0, "it is at rest")
            for _ in range(2):
                self.assert_whole(raw.get(proxy.url, target), bytes_of)
        for _ in range(4):
            raw.get(proxy.url, narinfo_target(paths[0]))
        for _ in range(2):
            self.assertEqual(raw.get(proxy.url, narinfo_target("0" * 32)).status, 404)
        size = sum(len(self.cache.nar_bytes(path)) for path in paths)
        def all_counted() -> Metrics | None:  # each a moment after its answer
            found = self.metrics(proxy)
            counted = (found.sum("ncps_served_total", 'object="nar"'), found.sum("ncps_served_total", 'object="narinfo"'),
                       found.sum("http_server_requests_total", 'http_response_status_code="404"'))
            return found if counted == (9, 7, 2) else None
        found = eventually(all_counted, "all are counted")
        served = {(o, c): int(found.values[f'ncps_served_total{{cache="{c}",object="{o}"}}'])
                  for o, c in (("narinfo", "miss"), ("narinfo", "memory"), ("nar", "miss"), ("nar", "hit"))}
        self.assertEqual(served, {("narinfo", "miss"): 3, ("narinfo", "memory"): 4, ("nar", "miss"): 3, ("nar", "hit"): 6})
        self.assertEqual(found.sum("ncps_not_found_total", 'object="narinfo"', 'cache="miss"'), 1)
        self.assertEqual(found.sum("ncps_not_found_total", 'object="narinfo"', 'cache="negative"'), 1)
        self.assertEqual(found.sum("ncps_served_bytes_total", 'object="nar"', 'cache="hit"'), 2 * size)
        self.assertEqual(found.sum("ncps_served_bytes_total", 'object="nar"', 'cache="miss"'), size)
        self.assertEqual(found.sum("ncps_narinfo_served_total", 'result="hit"'), 4)
        self.assertEqual(found.sum("ncps_nar_served_total", 'result="hit"'), 6)
        self.assertEqual(found.sum("ncps_downloads_total", 'result="stored"'), 3)
        self.assertEqual(found.sum("ncps_downloads_total"), 3)
        self.assertEqual(found.sum("ncps_download_clients_count"), 3)
        self.assertEqual(found.sum("ncps_download_clients_sum"), 3)
        self.assertGreaterEqual(found.sum("ncps_upstream_received_bytes_total"), size)
        self.assertEqual(found.sum("ncps_upstream_narinfo_fetch_duration_seconds_count"), 4)
        self.assertEqual(found.sum("http_server_requests_total", 'http_response_status_code="404"'), 2)
        self.assertEqual(found.values["ncps_cache_max_size_bytes"], 1 << 30)
        self.assertGreaterEqual(found.values["ncps_store_total_size_bytes"], size)
        self.assertEqual(found.sum("ncps_upstream_standing", 'standing="good"'), 1)
        sent = found.sum("ncps_http_sent_bytes_total")
        self.assertGreater(sent, 3 * size)
        status = self.status(proxy)
        now = status["served"]["since_start"]
        self.assertEqual((now["nars"], now["nar_hits"], now["bytes"], now["bytes_saved"]), (9, 6, 3 * size, 2 * size))
        self.assertEqual(status["served"]["last_hour"], now)  # a slow disk takes more than a minute for all this
        self.assertAlmostEqual(now["nar_hit_rate"], 2 / 3)

    def test_a_cache_without_a_limit_is_measured_too(self) -> None:
        proxy = self.start("--cache-prefetch=off")
        path = self.made.root
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        proxy.wait_stored(self.cache.nar_url(path).rpartition("/")[2])
        proxy.restart()
        found = eventually(lambda: (m := self.metrics(proxy)).has("ncps_nar_file_count") and m.values.get("ncps_nar_file_count") and m,
                           "what is kept is counted")
        self.assertEqual((found.values["ncps_nar_file_count"], found.values["ncps_narinfo_count"]), (1, 1))
        self.assertGreaterEqual(found.values["ncps_store_total_size_bytes"], len(self.cache.nar_bytes(path)))

    def test_a_transfer_is_seen_while_it_runs(self) -> None:
        self.made = closure.single(1)
        self.cache = self.made.cache("zstd")
        self.server, gate = self.upstream(self.cache), Gate()
        self.server.fault(self.cache.nar_url(self.made.root), gate=gate, gate_at=100_000)
        proxy = self.start("--cache-prefetch=off")
        target = self.nar_target(proxy, self.made.root)
        streams = [raw.Stream(proxy.url, target).start() for _ in range(3)]
        self.assertTrue(gate.reached.wait(60))
        # The gate tells what the upstream has sent; until we have read its head, the size is unknown.
        transfer = eventually(lambda: next((t for t in self.status(proxy)["downloads"]["transfers"]
                                            if t["clients"] == 3 and t["total_bytes"] is not None), None), "three clients wait")
        self.assertEqual((transfer["nar"], transfer["upstream"], transfer["prefetch"]), (target[1:], self.server.url, False))
        self.assertEqual(transfer["total_bytes"], len(self.cache.nar_bytes(self.made.root)))
        self.assertLessEqual(transfer["bytes"], 100_000)
        self.assertEqual(self.metrics(proxy).values["ncps_downloads_in_flight"], 1)
        gate.open()
        for stream in streams:
            self.assertEqual(stream.join().ending, raw.COMPLETE)
        stored = proxy.wait_line("NAR stored")
        self.assertEqual((stored["upstream"], stored["clients"], stored["nar"]), (self.server.url, 3, target[1:]))
        eventually(lambda: self.metrics(proxy).values["ncps_downloads_in_flight"] == 0, "it is over")

    def test_the_log_says_how_and_whence(self) -> None:
        proxy = self.start("--cache-prefetch=off")
        target = narinfo_target(self.made.root)
        # On one connection: a line is written after the answer, so those of two may come in any order.
        with raw.Connection(proxy.url) as connection:
            for asked in (target, narinfo_target("0" * 32), target, narinfo_target("0" * 32), "/pubkey?token=hunter2"):
                connection.ask("GET", asked)
        proxy.wait_line("handled request", request_uri="/pubkey?***")
        lines = [l for l in proxy.lines if l["message"] == "handled request"]
        said = [(l["request_uri"], l.get("cache"), l.get("upstream")) for l in lines if l["request_uri"] != "/pubkey?***"]
        none = narinfo_target("0" * 32)
        self.assertEqual(said, [(target, "miss", self.server.url), (none, "miss", None), (target, "memory", None), (none, "negative", None)])
        for line in lines:
            self.assertLessEqual({"level", "time", "message", "method", "request_uri", "status", "bytes", "elapsed", "from"}, set(line))


class Packaging(MetricsCase):
    def expressions(self) -> dict[str, str]:
        """Of dashboard and alerts, as they stand there; the dashboard's variables are filled in."""
        found = {}
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{panel['title']} {target['refId']}"] = (
                    target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*"))
        for name, text in re.findall(r"alert: (\S+)\n +expr: (.+)\n", ALERTS.read_text()):
            found[name] = text
        return found

    def test_a_real_prometheus_reads_all_and_every_expression_answers(self) -> None:
        checked = subprocess.run(["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        proxy = self.start("--cache-max-size=1G", "--cache-prefetch=off")
        prometheus = Prometheus(self.folder("prometheus"), proxy.url.removeprefix("http://"), (ALERTS,))
        self.addCleanup(prometheus.stop)
        prometheus.start()
        eventually(prometheus.up, f"it is scraped\n{prometheus.log()}", 60)
        for path in self.made.paths:
            raw.get(proxy.url, self.nar_target(proxy, path))
        raw.get(proxy.url, narinfo_target("0" * 32))
        eventually(lambda: (prometheus.value('sum(rate(ncps_served_total{object="nar"}[1m]))') or 0) > 0, "rates are known", 60)
        eventually(lambda: all(rule.get("lastEvaluation", "0001")[:4] != "0001" for group in prometheus.ask("rules")["data"]["groups"]
                               for rule in group["rules"]), "the rules are evaluated", 60)
        rules = [rule for group in prometheus.ask("rules")["data"]["groups"] for rule in group["rules"]]
        self.assertEqual({rule["health"] for rule in rules}, {"ok"}, rules)
        self.assertEqual([rule["name"] for rule in rules if rule["state"] == "firing"], [])
        names, known = set(), self.metrics(proxy)
        # Nothing is evicted, uploaded or fails here; alerts are quiet.
        quiet = {rule["name"] for rule in rules} | {"Uploads that ended A", "Not found and failed B"}
        for what, expression in self.expressions().items():
            with self.subTest(what):
                used = set(re.findall(r"\b((?:ncps|http_server|process)_[a-z_]+|up)\b(?=\{|\[|\)|\s|$)", expression))
                self.assertTrue(used, expression)
                names |= used
                for name in used - {"up"}:
                    self.assertTrue(known.has(name), f"{name} is not at /metrics")
                if what in quiet:
                    prometheus.query(expression)  # which is well-formed
                else:
                    eventually(lambda: prometheus.query(expression), f"{what} has data", 60)
        self.assertGreater(len(names), 30)

    def test_an_upstream_that_is_away_is_seen_by_its_alert(self) -> None:
        proxy = self.start("--cache-prefetch=off")
        prometheus = Prometheus(self.folder("prometheus"), proxy.url.removeprefix("http://"), (ALERTS,))
        self.addCleanup(prometheus.stop)
        prometheus.start()
        eventually(prometheus.up, "it is scraped", 60)
        self.server.stop()
        self.assertEqual(raw.get(proxy.url, narinfo_target(self.made.root)).status, 502)
        expression = self.expressions()["NcpsUpstreamDoubtful"]
        found = eventually(lambda: prometheus.query(expression), "the expression has a sample", 60)
        self.assertEqual(found[0]["metric"]["upstream"], self.server.url)
        eventually(lambda: prometheus.query(self.expressions()["NcpsNoUpstream"]), "so has that of all", 60)

    def test_a_certificate_that_expires_within_two_weeks_is_seen_by_its_alert(self) -> None:
        day, name = 86400, "ncps_tls_certificate_expires_timestamp_seconds"
        test = self.folder("alerts") / "test.yaml"
        test.write_text(json.dumps({"rule_files": [str(ALERTS)], "tests": [{  # time begins at 0 there
            "interval": "1h",
            "input_series": [{"series": f'{name}{{instance="{days}"}}', "values": f"{days * day}+0x3"} for days in (13, 14, 15)],
            "alert_rule_test": [{"eval_time": time, "alertname": "NcpsCertificateExpires", "exp_alerts": [
                {"exp_labels": {"severity": "warning", "instance": str(days)}, "exp_annotations": {
                    "summary": f"the TLS certificate of {days} expires in {left}",
                    "description": "After that clients refuse the connection. Replace the files, then SIGHUP (systemctl reload ncps)."}}
                for days, left in alerts]}
                for time, alerts in (("0h", [(13, "13d 0h 0m 0s")]), ("1h", [(13, "12d 23h 0m 0s"), (14, "13d 23h 0m 0s")]))],
        }]}))
        checked = subprocess.run(["promtool", "test", "rules", str(test)], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_every_metric_is_in_the_document_and_nothing_else(self) -> None:
        known = self.metrics(self.start())
        written = set(re.findall(r"^\| `([a-z_]+)` \|", DOCUMENT.read_text().split("### Every metric")[1], re.MULTILINE))
        self.assertEqual(written, set(known.types))


class Secrets(MetricsCase):
    """Secrets in every place where one can be, and then all that the program says."""
    SECRET = "s3cr3t-hunter2-"

    def test_no_secret_is_said_anywhere(self) -> None:
        s = self.SECRET
        self.server.auth = f"user:{s}url"
        guarded = self.upstream(self.cache, auth=f"user:{s}netrc")
        netrc = self.folder("files") / "netrc"
        netrc.write_text(f"machine 127.0.0.1 login user password {s}netrc\n")
        url = self.server.url.replace("http://", f"http://user:{s}url@") + f"?token={s}query"
        options = [ON, f"--cache-upstream-url={url}", f"--netrc-file={netrc}", "--cache-get-token=" + s + "get",
                   "--cache-put-token=" + s + "put", "--cache-delete-token=" + s + "delete", "--cache-admin-token=" + s + "admin",
                   "--cache-allow-put-verb=true"]
        proxy = self.ncps((guarded, self.cache), more=options, log_level="trace")
        said: list[str] = []
        def ask(method: str, target: str, token: str) -> raw.Answer:
            answer = raw.ask(proxy.url, method, target, {"Authorization": f"Bearer {s}{token}"})
            said.append(f"{answer.head} {answer.body[:100_000]!r}")
            return answer
        for target in ("/", f"/pubkey?token={s}query", "/readyz", f"/nothing?{s}", narinfo_target(self.made.root), narinfo_target("0" * 32)):
            for token in ("get", "wrong"):
                ask("GET", target, token)
        for target in ("/status", "/metrics"):
            self.assertEqual(ask("GET", target, "admin").status, 200)
            self.assertEqual(ask("GET", target, "get").status, 403)
            self.assertEqual(ask("GET", target, "wrong").status, 401)
        ask("PUT", "/nar/x.nar", "put")
        for server in (self.server, guarded):
            server.stop()
        ask("GET", narinfo_target(self.made.paths[1]), "get")
        self.assertEqual(ask("GET", "/status", "admin").status, 200)
        self.assertEqual(proxy.stop(), 0)
        for arguments in (["fsck"], ["stats"], ["config", "show"], ["config", "check"]):
            run = run_ncps(*arguments, *proxy.command()[3:], within=60)
            said.append(run.said)
        all_of_it = "\n".join(said) + json.dumps(proxy.lines) + proxy.stderr()
        self.assertGreater(len(proxy.lines), 20)
        self.assertNotIn(s, all_of_it)

    def test_a_database_s3_and_redis_that_cannot_be_reached_are_named_without_secrets(self) -> None:
        s = self.SECRET
        common = ["serve", "--cache-hostname=x", f"--cache-storage-local={self.folder('store')}",
                  f"--cache-temp-path={self.folder('temp')}", f"--cache-upstream-url={self.server.url}", "--server-addr=127.0.0.1:0"]
        bucket = [o for o in common if "storage-local" not in o] + [
            "--cache-storage-s3-bucket=b", "--cache-storage-s3-endpoint=http://127.0.0.1:9", f"--cache-storage-s3-access-key-id={s}id",
            f"--cache-storage-s3-secret-access-key={s}key", f"--cache-database-url=sqlite:{self.home / 'x.sqlite'}"]
        for arguments in ([*common, f"--cache-database-url=postgresql://user:{s}@127.0.0.1:9/ncps"],
                          [*common, f"--cache-database-url=mysql://user:{s}@127.0.0.1:9/ncps?password={s}"],
                          bucket, [*common, f"--cache-redis-password={s}", "--cache-redis-addrs=127.0.0.1:9"]):
            with self.subTest(arguments[-1]):
                run = run_ncps(*arguments, within=60)
                self.assertNotEqual(run.status, 0)
                self.assertNotIn(s, run.said)


class FullPipe(MetricsCase):
    def test_who_does_not_read_the_log_holds_up_no_request_and_no_stop(self) -> None:
        proxy = self.ncps_before_start((self.server, self.cache), more=[ON])
        socket = self.home / "socket"
        proxy.address = f"unix:{socket}"
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(proxy.command(), stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.DEVNULL,
                                   env=clean_environment(), preexec_fn=leave_with_parent)
        self.addCleanup(process.kill)
        os.close(writer)
        self.addCleanup(os.close, reader)
        url = f"unix:{socket}"
        def answers() -> bool:
            try:
                return raw.get(url, "/healthz").status == 200
            except OSError:
                return False
        eventually(answers, "it listens")
        with raw.Connection(url) as connection:
            for _ in range(10_000):
                self.assertEqual(connection.ask("GET", "/healthz").status, 200)
            text = connection.ask("GET", "/metrics").body.decode()
        self.assertGreater(Metrics(text).values["ncps_log_lines_dropped_total"], 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
