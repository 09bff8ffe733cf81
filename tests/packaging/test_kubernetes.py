"""The plain manifests and the chart: what they make of values, and whether this program takes it."""
from __future__ import annotations

import re
import unittest
from pathlib import Path

from tests.e2e.lab.ncps import run_ncps

from . import rendered

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
HOST = {"hostname": "cache.example.org"}
S3 = {"type": "s3", "s3": {"bucket": "bucket", "endpoint": "https://s3.example.org", "region": "eu-1", "existingSecret": "s3"}}
POSTGRESQL = {"type": "postgresql", "postgresql": {"host": "db", "existingSecret": "db"}}
REDIS = {"enabled": True, "addresses": ["redis:6379"], "existingSecret": "redis"}
SECRETS = {"s3": {"access-key-id": "id", "secret-access-key": "key"}, "db": {"password": "p", "url": "mysql://u:p@db/ncps"},
           "redis": {"password": "r"}, "tokens": {"get-token": "g" * 32, "admin-token": "a" * 32}, "netrc": {"netrc": ""},
           "signing": {"secret-key": ""}}
SEVERAL = {"replicaCount": 3, "mode": "deployment", "config": HOST | {"storage": S3, "database": POSTGRESQL, "redis": REDIS}}


def with_config(**config: object) -> dict:
    return {"config": HOST | config}


CASES = {
    "nothing but a name": with_config(),
    "a deployment on a volume": {"mode": "deployment", "fsck": {"enabled": True}} | with_config(),
    "no persistence": with_config(storage={"local": {"persistence": {"enabled": False}}}),
    "several": SEVERAL,
    "several as a stateful set": SEVERAL | {"mode": "statefulset", "fsck": {"enabled": True}},
    "inline secrets": with_config(
        storage={"type": "s3", "s3": {"bucket": "bucket", "endpoint": "http://s3:9000", "accessKeyId": "id", "secretAccessKey": "k"}},
        database={"type": "mysql", "mysql": {"host": "db", "port": 13306, "password": "p@ss w+rd/?"}},
        redis={"enabled": True, "addresses": ["redis:6379"], "password": "r", "db": 3, "poolSize": 20},
        permissions={"allowPut": True, "getToken": "g" * 32, "putToken": "p" * 32}),
    "a URL from a secret": with_config(database={"type": "mysql", "mysql": {"existingSecret": "db", "existingSecretHasUrl": True}}),
    "all that can be said": {
        "ingress": {"enabled": True, "className": "nginx", "hosts": [{"host": "cache.example.org"}],
                    "tls": [{"secretName": "tls", "hosts": ["cache.example.org"]}]},
        "autoscaling": {"enabled": True}, "podDisruptionBudget": {"enabled": True}, "networkPolicy": {"enabled": True, "ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}, "global": {"imageRegistry": "registry.example.org"},
        "nodeSelector": {"disk": "fast"}, "tolerations": [{"operator": "Exists"}], "podAnnotations": {"a": "b"},
        "extraEnvVars": [{"name": "CACHE_MIN_FREE", "value": "0"}], "sidecars": [{"name": "side", "image": "side"}],
        "config": HOST | {
            "storage": S3, "database": POSTGRESQL | {"pool": {"maxOpenConns": 200, "maxIdleConns": 2}},
            "redis": REDIS, "permissions": {"existingSecret": "tokens"}, "signing": {"existingSecret": "signing"},
            "cache": {"maxSize": "10T", "lruSchedule": "0 2 * * *", "lruTimezone": "UTC", "scrubSchedule": "@weekly", "downloadPollTimeout": "1m"},
            "lock": {"redis": {"keyPrefix": "x:"}, "downloadTTL": "10m", "lruTTL": "1h", "retry": {"maxAttempts": 9}},
            "upstream": {"caches": [{"url": "https://a.example.org"}, {"url": "https://b.example.org?priority=3"}],
                         "existingNetrcSecret": "netrc", "dialerTimeout": "5s", "responseHeaderTimeout": "9s"},
            "observability": {"prometheus": {"enabled": True}, "opentelemetry": {"enabled": True, "grpcURL": "http://otel:4317"}}}},
}
REFUSED = {
    "config.hostname is missing": {},
    "more than one replica needs Redis": {"replicaCount": 2} | with_config(storage=S3, database=POSTGRESQL),
    "more than one replica needs a database server": {"replicaCount": 2} | with_config(storage=S3, redis=REDIS),
    "more than one replica needs a store that all of them reach": {"replicaCount": 2} | with_config(database=POSTGRESQL, redis=REDIS),
    "needs Redis": {"autoscaling": {"enabled": True}} | with_config(),
    "config.storage.s3.bucket is missing": with_config(storage={"type": "s3"}),
    "config.database.postgresql.host is missing": with_config(database={"type": "postgresql"}),
    "config.redis.addresses is empty": with_config(redis={"enabled": True}),
    "config.upstream.caches is empty": with_config(upstream={"caches": []}),
    "serviceMonitor needs": {"serviceMonitor": {"enabled": True}} | with_config(),
    "mode must be": {"mode": "daemonset"} | with_config(),
    "fsck needs a store that it can reach": {"fsck": {"enabled": True}} | with_config(),
}


class KubernetesCase(unittest.TestCase):
    def cluster(self, values: dict) -> rendered.Cluster:
        run = rendered.render(values)
        self.assertEqual(run.returncode, 0, run.stderr)
        return rendered.Cluster(rendered.objects(run.stdout), SECRETS)

    def assert_taken(self, cluster: rendered.Cluster) -> None:
        """What the container is started with is right for this program."""
        container = cluster.workload()["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["args"][:2], ["/bin/ncps", "serve"])
        environment = cluster.environment(container)
        for name in ("CACHE_SECRET_KEY_PATH", "NETRC_FILE"):  # files of a pod
            if name in environment:
                self.assertIn(Path(environment.pop(name)).parent, [Path(m["mountPath"]) for m in container["volumeMounts"]])
        run = run_ncps("config", "check", *container["args"][2:], **environment)
        self.assertEqual(run.status, 0, run.said)
        values = set(re.findall(r"`([A-Z_0-9]+)`", run_ncps("config", "reference").out))
        self.assertLessEqual(set(environment) - {"DATABASE_PASSWORD", "POD_IP"}, values)

    def assert_sound(self, cluster: rendered.Cluster) -> None:
        workload = cluster.workload()
        template = workload["spec"]["template"]
        selector = workload["spec"]["selector"]["matchLabels"]
        self.assertLessEqual(selector.items(), template["metadata"]["labels"].items())
        for one in cluster.all:
            self.assertRegex(one["metadata"]["name"], f"^{NAME.pattern}$")
            self.assertLessEqual(len(one["metadata"]["name"]), 63)
        for service in cluster.of("Service"):
            self.assertEqual(service["spec"]["selector"], selector)
            ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]}, ports)
        for pod in cluster.of("Pod"):
            self.assertFalse(selector.items() <= pod["metadata"]["labels"].items(), "the service would ask it")
        claims = {one["metadata"]["name"] for one in cluster.of("PersistentVolumeClaim")}
        own = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
        for spec in cluster.pod_specs():
            volumes = {volume["name"] for volume in spec.get("volumes", ())} | own
            for volume in spec.get("volumes", ()):
                self.assertIn(volume.get("persistentVolumeClaim", {}).get("claimName"), claims | {None})
            for container in spec["containers"]:
                self.assertLessEqual({mount["name"] for mount in container.get("volumeMounts", ())}, volumes)
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])
        first = template["spec"]["containers"][0]
        self.assertEqual(first["livenessProbe"]["httpGet"]["path"], "/healthz")
        self.assertEqual(first["startupProbe"]["httpGet"]["path"], "/healthz")
        self.assertEqual(first["readinessProbe"]["httpGet"]["path"], "/readyz")


class Chart(KubernetesCase):
    def test_what_it_makes_is_sound_and_taken_by_this_program(self) -> None:
        for title, values in CASES.items():
            with self.subTest(title):
                cluster = self.cluster(values)
                self.assert_sound(cluster)
                self.assert_taken(cluster)

    def test_what_cannot_work_is_refused(self) -> None:
        for said, values in REFUSED.items():
            with self.subTest(said):
                run = rendered.render(values)
                self.assertEqual(run.returncode, 1)
                self.assertIn(said, run.stderr)

    def test_numbers_are_written_as_numbers(self) -> None:
        many = 10_000_000
        values = with_config(redis=REDIS | {"db": many, "poolSize": many}, lock={"retry": {"maxAttempts": many}},
                             database={"pool": {"maxOpenConns": many, "maxIdleConns": many}})
        text = rendered.render(values | {"terminationGracePeriodSeconds": many}).stdout
        self.assertEqual(text.count(str(many)), 6)
        self.assertNotRegex(text, r"\d[eE]\+\d")

    def test_two_that_share_nothing_do_not_run_side_by_side(self) -> None:
        alone = self.cluster(CASES["a deployment on a volume"])
        self.assertEqual(alone.workload()["spec"]["strategy"], {"type": "Recreate"})
        self.assertEqual(self.cluster(SEVERAL).workload()["spec"]["strategy"], {"type": "RollingUpdate"})

    def test_a_password_with_odd_signs_survives_the_url(self) -> None:
        cluster = self.cluster(CASES["inline secrets"])
        environment = cluster.environment(cluster.workload()["spec"]["template"]["spec"]["containers"][0])
        self.assertEqual(environment["CACHE_DATABASE_URL"], "mysql://ncps:p%40ss%20w%2Brd%2F%3F@db:13306/ncps")

    def test_secrets_are_in_secrets_only(self) -> None:
        cluster = self.cluster(CASES["inline secrets"])
        for one in cluster.all:
            if one["kind"] != "Secret":
                for secret in ("p@ss", "g" * 32, "p" * 32):
                    self.assertNotIn(secret, str(one))

    def test_scrapes_are_let_in_where_admins_have_a_token(self) -> None:
        def sent(monitor: dict, **permissions: object) -> dict | None:
            cluster = self.cluster({"serviceMonitor": {"enabled": True} | monitor} | with_config(
                permissions=permissions, observability={"prometheus": {"enabled": True}}))
            endpoint, = cluster.one("ServiceMonitor")["spec"]["endpoints"]
            authorization = endpoint.get("authorization")
            if authorization and not monitor:
                place = authorization["credentials"]
                self.assertEqual(cluster.secrets[place["name"]][place["key"]], permissions["adminToken"])
            return authorization

        own = {"credentials": {"name": "tokens", "key": "admin-token"}}
        self.assertIsNone(sent({}))
        self.assertIsNone(sent({}, getToken="g" * 32), "others' tokens do not close /metrics")
        self.assertIsNotNone(sent({}, adminToken="a" * 32))
        self.assertIsNone(sent({}, adminToken="a" * 32, existingSecret="tokens"), "which need not have it")
        self.assertEqual(sent({"authorization": own}, existingSecret="tokens"), own)

    def test_instances_reach_each_other(self) -> None:
        cluster = self.cluster(SEVERAL | {"networkPolicy": {"enabled": True, "ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}})
        template = cluster.workload()["spec"]["template"]
        self.assertEqual(cluster.environment(template["spec"]["containers"][0])["CACHE_ADVERTISE_URL"], "http://10.1.2.3:8501")
        rule, = cluster.one("NetworkPolicy")["spec"]["ingress"]
        ours = [peer["podSelector"]["matchLabels"] for peer in rule["from"] if "podSelector" in peer]
        self.assertTrue(any(labels.items() <= template["metadata"]["labels"].items() for labels in ours))

    def test_another_value_starts_new_pods(self) -> None:
        def checksums(values: dict) -> dict:
            return self.cluster(values).workload()["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual(checksums(with_config()), checksums(with_config()))
        self.assertNotEqual(checksums(with_config()), checksums(with_config(logLevel="debug")))

    def test_several_have_one_store_and_one_have_their_own(self) -> None:
        self.assertEqual(self.cluster(SEVERAL).of("PersistentVolumeClaim"), [])
        one = self.cluster(with_config()).workload()
        self.assertEqual(len(one["spec"]["volumeClaimTemplates"]), 1)
        shared = with_config(database=POSTGRESQL, redis=REDIS,
                             storage={"local": {"persistence": {"accessModes": ["ReadWriteMany"]}}}) | {"replicaCount": 2}
        cluster = self.cluster(shared)
        self.assert_sound(cluster)
        self.assertNotIn("volumeClaimTemplates", cluster.workload()["spec"])
        self.assertEqual(cluster.one("PersistentVolumeClaim")["spec"]["accessModes"], ["ReadWriteMany"])

    def test_the_version_is_the_programs(self) -> None:
        about, = rendered.objects((rendered.CHART / "Chart.yaml").read_text())
        self.assertIn(about["appVersion"], run_ncps("--version").out)


class Manifests(KubernetesCase):
    def test_they_are_sound_and_taken_by_this_program(self) -> None:
        cluster = rendered.Cluster(rendered.objects((rendered.MANIFESTS / "ncps.yaml").read_text()))
        self.assertEqual([one["kind"] for one in cluster.all], ["PersistentVolumeClaim", "StatefulSet", "Service"])
        self.assert_sound(cluster)
        self.assert_taken(cluster)


if __name__ == "__main__":
    unittest.main()
