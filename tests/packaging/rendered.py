"""The chart, rendered by helm/render.go with Debian's Go packages, and Kubernetes objects looked at."""
from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "packaging/helm/ncps"
MANIFESTS = ROOT / "packaging/kubernetes"
BUILD = Path(os.environ.get("NCPS_BUILD") or ROOT / "build/release")


@functools.cache
def renderer() -> str:
    program = BUILD / "packaging/render"
    go = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOCACHE": str(BUILD / "packaging/gocache")}
    subprocess.run(["/usr/bin/go", "build", "-o", str(program), str(Path(__file__).parent / "helm/render.go")], check=True,
                   env=os.environ | go)
    return str(program)


def render(values: dict) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return subprocess.run([renderer(), str(CHART), "rel", file.name], text=True, capture_output=True)


def objects(text: str) -> list[dict]:
    return [one for one in yaml.safe_load_all(text) if one]


class Cluster:
    """Objects by kind and name, and what a pod of theirs would get to see."""

    def __init__(self, made: list[dict], secrets: dict[str, dict[str, str]] | None = None) -> None:
        self.all = made
        self.secrets = dict(secrets or {})
        for one in self.of("Secret"):
            self.secrets[one["metadata"]["name"]] = one["stringData"]

    def of(self, kind: str) -> list[dict]:
        return [one for one in self.all if one["kind"] == kind]

    def one(self, kind: str) -> dict:
        found, = self.of(kind)
        return found

    def workload(self) -> dict:
        found, = self.of("StatefulSet") + self.of("Deployment")
        return found

    def pod_specs(self) -> list[dict]:
        cron = [one["spec"]["jobTemplate"]["spec"]["template"]["spec"] for one in self.of("CronJob")]
        return [self.workload()["spec"]["template"]["spec"], *cron, *(one["spec"] for one in self.of("Pod"))]

    def environment(self, container: dict) -> dict[str, str]:
        """As the kubelet makes it, with $(NAME) put in."""
        made: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            made |= next(c["data"] for c in self.of("ConfigMap") if c["metadata"]["name"] == source["configMapRef"]["name"])
        for entry in container.get("env", ()):
            if "value" in entry:
                value = entry["value"]
                for name, known in list(made.items()):
                    value = value.replace(f"$({name})", known)
            elif "fieldRef" in entry["valueFrom"]:
                value = {"status.podIP": "10.1.2.3"}[entry["valueFrom"]["fieldRef"]["fieldPath"]]
            else:
                wanted = entry["valueFrom"]["secretKeyRef"]
                held = self.secrets[wanted["name"]]
                if wanted["key"] not in held and wanted.get("optional"):
                    continue
                value = held[wanted["key"]]
            made[entry["name"]] = value
        return made
