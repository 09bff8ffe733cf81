#!/usr/bin/python3
"""Compares the signatures of s3_probe with botocore's, on random requests:  botocore_oracle.py S3_PROBE [SEED]"""
import datetime
import json
import random
import string
import subprocess
import sys
from urllib.parse import parse_qsl, quote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

COUNT = 4000
ODD = [" ", "  ", "+", "%", "%41", "%2F", "~", "=", "&", "?", "#", "'", '"', "(", ")", "*", "!", "$", ",", ";", ":", "@", "[",
       "]", "{", "|", "\\", "^", "`", "<", ">", "-", ".", "_", "ä", "ß", "€", "日本", "\U0001f40c", "\u00a0x", "\u0301"]
PLAIN = list(string.ascii_letters + string.digits)


def text(pick, longest, extra=()):
    return "".join(pick.choice(pick.choice((PLAIN, PLAIN, ODD, list(extra) or PLAIN)))
                   for _ in range(pick.randrange(longest + 1)))


def header_value(pick):
    # Visible ASCII, spaces and tabs in any place. Botocore trims U+00A0 as well, in tokens too; nobody sends that.
    return "".join(pick.choice(string.ascii_letters + string.digits + "  \t+%~/;,=\"'") for _ in range(pick.randrange(20)))


def request(pick):
    names = ["Range", "Content-Type", "x-amz-storage-class", "X-Amz-Meta-Z", "x-amz-acl", "If-None-Match",
             "Content-MD5", "x-amz-meta-" + text(pick, 3).encode("ascii", "ignore").hex()]
    out = {"method": pick.choice(["GET", "PUT", "HEAD", "POST", "DELETE"]),
           "host": pick.choice(["b.s3.amazonaws.com", "127.0.0.1:7480", "[::1]:9000", "s3.eu-west-1.amazonaws.com"]),
           "path": "/" + text(pick, 30, ["/", "//", "/../", "/./"]),
           "query": [[text(pick, 6) or "k", text(pick, 8, ["/"])] for _ in range(pick.randrange(5))],
           "headers": [[name, header_value(pick)] for name in pick.sample(names, pick.randrange(4))],
           "access_key": "AKIA" + "".join(pick.choices(string.ascii_uppercase, k=8)), "secret_key": text(pick, 40, ["/"]) or "s",
           "token": pick.choice(["", text(pick, 60, ["/"]).replace("\u00a0", "")]),
           "region": pick.choice(["us-east-1", "eu-west-1", "garage", "cn-north-1"]),
           "time": pick.randrange(0, 4_000_000_000)}
    if pick.random() < 0.4:
        out["presign"] = pick.choice([1, 60, 604800, pick.randrange(1, 604801)])
        out["query"] = [list(item) for item in dict(out["query"]).items()]  # botocore keeps one of a name
    else:
        out["payload"] = pick.choice(["UNSIGNED-PAYLOAD", "%064x" % pick.getrandbits(256)])
    return out


def fix_time(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)

    class Fixed(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return cls(*moment.timetuple()[:6])

    class Module:
        datetime = Fixed

    botocore.auth.datetime = Module
    if hasattr(botocore.auth, "get_current_datetime"):  # newer versions
        botocore.auth.get_current_datetime = lambda *_: moment


def botocores(asked):
    fix_time(asked["time"])
    query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in asked["query"])
    url = f"https://{asked['host']}{quote(asked['path'], safe='/~')}" + ("?" + query if query else "")
    made = AWSRequest(method=asked["method"], url=url, headers=dict(asked["headers"]))
    who = Credentials(asked["access_key"], asked["secret_key"], asked["token"] or None)
    if "presign" in asked:
        botocore.auth.S3SigV4QueryAuth(who, "s3", asked["region"], expires=asked["presign"]).add_auth(made)
        parts = urlsplit(made.url)
        return {"path": parts.path, "query": sorted(parse_qsl(parts.query, keep_blank_values=True)), "headers": []}

    class Given(botocore.auth.S3SigV4Auth):
        def payload(self, _):
            return asked["payload"]

    Given(who, "s3", asked["region"]).add_auth(made)
    given = {name.lower() for name, _ in asked["headers"]}
    added = sorted((n.lower(), v) for n, v in made.headers.items() if n.lower() not in given)
    parts = urlsplit(made.url)
    return {"path": parts.path, "query": sorted(parse_qsl(parts.query, keep_blank_values=True)), "headers": added}


def ours(answer):
    return {"path": answer["path"], "query": sorted(parse_qsl(answer["query"], keep_blank_values=True)),
            "headers": sorted(map(tuple, answer["headers"]))}


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    pick = random.Random(seed)
    asked = [request(pick) for _ in range(COUNT)]
    run = subprocess.run([sys.argv[1]], input="".join(json.dumps(a) + "\n" for a in asked), capture_output=True, text=True,
                         check=True, timeout=60)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == COUNT, f"{len(answers)} answers"
    for one, answer in zip(asked, answers):
        theirs, mine = botocores(one), ours(answer)
        if theirs != mine:
            sys.exit(f"seed {seed}\nasked    {one}\nbotocore {theirs}\nours     {mine}")
    signed = sum("presign" not in a for a in asked)
    print(f"seed {seed}: {signed} signed and {COUNT - signed} presigned requests as botocore {botocore.__version__} does them")


if __name__ == "__main__":
    main()
