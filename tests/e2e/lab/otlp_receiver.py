"""An OpenTelemetry collector with gRPC's own library, as a process of its own: it decodes what it is sent, and
misbehaves when told to.

As a program (Debian's Python, which has Debian's grpcio): prints its port, then a line of JSON for each request; reads
from stdin what it is to do from now on: "ok", "take" (and tell nobody what), "hang", or the number of a gRPC status.
"""
from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PROTO = Path(__file__).parents[3] / "src/telemetry/otlp/testing/otlp.proto"
PYTHON = "/usr/bin/python3"


class OtlpReceiver:
    """The process, and what it has been sent."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        from .ports import free_port  # not as a program, which is no part of this package

        self.port = free_port()  # it comes back there
        self._files = [str(file) for file in (certificate, key) if file]
        self._requests: list[dict] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "OtlpReceiver":
        self._process = subprocess.Popen([PYTHON, __file__, str(self.port), *self._files], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        self._reader = threading.Thread(target=self._collect, args=(self._process,), daemon=True)
        self._reader.start()
        return self

    def stop(self) -> None:
        if self._process:
            assert self._process.stdin and self._process.stdout
            self._process.kill()
            self._process.wait()
            self._reader.join(5)
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def tell(self, what: str | int) -> None:
        """From now on; returns when it has heard."""
        assert self._process and self._process.stdin
        heard = len(self._of("heard")) + 1
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        while len(self._of("heard")) < heard:
            threading.Event().wait(0.01)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _collect(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            with contextlib.suppress(ValueError):  # half a line, of one that was killed
                self._requests.append(json.loads(line))

    def _of(self, signal: str) -> list[dict]:
        return [request for request in list(self._requests) if request["signal"] == signal]

    # --- what came ---

    def everything(self) -> str:
        """All that it was ever sent, as text: for who looks for what must not be there."""
        return json.dumps(list(self._requests))

    def calls(self) -> int:
        return len(self._of("call"))

    def spans(self) -> list[dict]:
        """Each with its ids in hex and its attributes as a dict."""
        out = []
        for request in self._of("traces"):
            for resource in request["message"].get("resource_spans", []):
                for scope in resource["scope_spans"]:
                    out += [readable(span) for span in scope.get("spans", [])]
        return out

    def lines(self) -> list[dict]:
        out = []
        for request in self._of("logs"):
            for resource in request["message"].get("resource_logs", []):
                for scope in resource["scope_logs"]:
                    out += [readable(line) for line in scope.get("log_records", [])]
        return out

    def metrics(self) -> dict[str, dict]:
        """The last ones, by name."""
        out = {}
        for request in self._of("metrics"):
            for resource in request["message"].get("resource_metrics", []):
                for scope in resource["scope_metrics"]:
                    out |= {metric["name"]: metric for metric in scope.get("metrics", [])}
        return out

    def resource(self, signal: str) -> dict[str, object]:
        message = self._of(signal)[-1]["message"]
        frame = next(iter(message.values()))[0]
        return attributes_of(frame["resource"])

    def metadata(self) -> dict[str, str]:
        return self._of("call")[-1]["metadata"]


def attributes_of(item: dict) -> dict[str, object]:
    def value(kept: dict) -> object:
        kind, plain = next(iter(kept.items()))
        return int(plain) if kind == "int_value" else plain
    return {kv["key"]: value(kv["value"]) for kv in item.get("attributes", [])}


def readable(item: dict) -> dict:
    ids = ("trace_id", "span_id", "parent_span_id")
    hexed = {name: base64.b64decode(item[name]).hex() for name in ids if name in item}
    return item | hexed | {"attributes": attributes_of(item)}


# --- the process ---

def main(port: str, *files: str) -> None:
    from concurrent import futures

    import grpc
    from google.protobuf import json_format

    folder = tempfile.TemporaryDirectory()
    subprocess.run(["protoc", f"--python_out={folder.name}", f"-I{PROTO.parent}", str(PROTO)], check=True)
    sys.path.insert(0, folder.name)
    import otlp_pb2

    doing = {"what": "ok"}
    lock = threading.Lock()
    for_ever = threading.Event()

    def say(**what: object) -> None:
        with lock:
            print(json.dumps(what), flush=True)

    def handler(signal: str, kind):
        def answer(request: bytes, context):
            what = doing["what"]
            if what == "take":
                return otlp_pb2.Response()
            say(signal="call", metadata=dict(context.invocation_metadata()))
            if what == "hang":
                for_ever.wait()
            if what != "ok":
                context.abort(list(grpc.StatusCode)[int(what)], "told to")
            message = json_format.MessageToDict(kind.FromString(request), preserving_proto_field_name=True)
            say(signal=signal, message=message)
            return otlp_pb2.Response()
        method = grpc.unary_unary_rpc_method_handler(answer, None, otlp_pb2.Response.SerializeToString)
        names = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService", "metrics": "metrics.v1.MetricsService"}
        return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{names[signal]}", {"Export": method})

    server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([handler("traces", otlp_pb2.TraceRequest), handler("logs", otlp_pb2.LogsRequest),
                                     handler("metrics", otlp_pb2.MetricsRequest)])
    if files:
        chain, key = (Path(file).read_bytes() for file in files)
        bound = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, chain)]))
    else:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(bound, flush=True)
    for line in sys.stdin:
        doing["what"] = line.strip()
        say(signal="heard")


if __name__ == "__main__":
    main(*sys.argv[1:])
