"""The schema of the chart's values: it takes what is right, refuses mistakes, and says something about every value."""
from __future__ import annotations

import copy
import json
import re
import shlex
import unittest

import jsonschema
import yaml

from . import rendered
from .test_kubernetes import CASES, with_config

SCHEMA = json.loads((rendered.CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((rendered.CHART / "values.yaml").read_text())

# What Kubernetes defines, or others share: any key may stand there.
OPEN = {"global", "strategy", "podSecurityContext", "securityContext", "config.cache.tempVolume", "startupProbe", "livenessProbe",
        "readinessProbe", "resources", "affinity", "fsck.resources", "serviceMonitor.authorization"}
# Of names that are the user's.
NAMES = {"serviceAccount.annotations", "config.storage.local.persistence.annotations", "service.annotations", "ingress.annotations",
         "serviceMonitor.labels", "podAnnotations", "podLabels", "nodeSelector"}

MISTAKES = {
    "a word that is none": {"replicaCout": 2},
    "a word that is none, deep below": with_config(database={"postgresql": {"hots": "db"}}),
    "a word of another place": with_config(bucket="b"),
    "a kind that there is not": {"mode": "daemonset"},
    "a store that there is not": with_config(storage={"type": "nfs"}),
    "a level that there is not": with_config(logLevel="verbose"),
    "a number as text": {"replicaCount": "2"},
    "half an instance": {"replicaCount": 1.5},
    "less than none": {"replicaCount": -1},
    "a port beyond all": {"service": {"port": 70000}},
    "yes as text": {"ingress": {"enabled": "true"}},
    "one address where a list is": with_config(redis={"addresses": "redis:6379"}),
    "a cache without its URL": with_config(upstream={"caches": [{"publicKey": "x"}]}),
    "a cache with a word that is none": with_config(upstream={"caches": [{"url": "https://a", "priority": 3}]}),
    "a duration without a unit": with_config(lock={"downloadTTL": "10"}),
    "a number as an annotation": {"podAnnotations": {"a": 1}},
    "a variable without a name": {"extraEnvVars": [{"value": "x"}]},
}


def merged(given: dict, over: dict = DEFAULTS) -> dict:
    """As helm does it: maps are laid over maps, all else takes the place of what was."""
    made = copy.deepcopy(over)
    for key, value in given.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = merged(value, made[key]) if both else value
    return made


def set_values(command: str) -> dict:
    """Of `helm install --set a.b=c ...`."""
    made: dict = {}
    words = shlex.split(command)
    for given in (words[n + 1] for n, word in enumerate(words) if word == "--set"):
        path, _, value = given.partition("=")
        *folders, name = path.split(".")
        place = made
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = yaml.safe_load(value)
    return made


class Schema(unittest.TestCase):
    def errors(self, values: dict) -> list[str]:
        validator = jsonschema.Draft7Validator(SCHEMA)
        return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(values)]

    def test_it_is_a_schema(self) -> None:
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        self.assertEqual(SCHEMA["$schema"], "http://json-schema.org/draft-07/schema#", "which is what helm reads")

    def test_it_takes_the_defaults_and_all_examples(self) -> None:
        for title, values in ({"defaults": {}} | CASES).items():
            with self.subTest(title):
                self.assertEqual(self.errors(merged(values)), [])
        text = (rendered.ROOT / "docs/install.md").read_text().replace("\\\n", " ")
        commands = re.findall(r"^ +(helm install .*--set.*)$", text, re.MULTILINE)
        self.assertTrue(commands)
        for command in commands:
            values = set_values(command)
            with self.subTest(command):
                self.assertEqual(self.errors(merged(values)), [])
                self.assertEqual(rendered.render(values).returncode, 0)

    def test_it_refuses_mistakes(self) -> None:
        for title, values in MISTAKES.items():
            with self.subTest(title):
                self.assertEqual(len(self.errors(merged(values))), 1)

    def test_it_has_the_keys_of_the_values_and_says_what_each_is(self) -> None:
        opened, named = set(), set()

        def look(schema: dict, values: dict, place: str) -> None:
            self.assertEqual(set(schema["properties"]), set(values), place or "at the top")
            if schema.get("additionalProperties") is not False:
                opened.add(place)
            for key, below in schema["properties"].items():
                path = f"{place}.{key}".removeprefix(".")
                with self.subTest(path):
                    self.assertTrue(below.get("type"))
                    self.assertGreater(len(below.get("description", "")), 2)
                    if below["type"] == "array":
                        self.assertIn("type", below["items"])
                    if below["type"] != "object":
                        continue
                    if "properties" in below:
                        look(below, values[key], path)
                    elif below.get("additionalProperties") == {"type": "string"}:
                        named.add(path)
                    else:
                        opened.add(path)
        look(SCHEMA, DEFAULTS, "")
        self.assertEqual(opened, OPEN)
        self.assertEqual(named, NAMES)

    def test_every_value_is_used_by_a_template(self) -> None:
        text = "".join(file.read_text() for file in (rendered.CHART / "templates").rglob("*") if file.is_file())

        def names(values: dict) -> set[str]:
            return set(values).union(*(names(below) for below in values.values() if isinstance(below, dict)))
        closed = {key: value for key, value in DEFAULTS.items() if key not in OPEN}
        missing = {name for name in names(closed) if not re.search(rf"\.{name}\b", text)}
        # What of these is put in as a whole: volumes as Kubernetes has them; kinds by `get`.
        self.assertEqual(missing - {"emptyDir", "mysql", "postgresql"}, set())


if __name__ == "__main__":
    unittest.main()
