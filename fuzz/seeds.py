"""What each fuzzer begins with: a few inputs of the right shape, and words to put into others.

Made, not kept: fuzz/corpus/<target>/ holds only what was found. A target whose first byte is no part of the text (it
chooses how the text is cut, or which format it is) has it here, too.
"""
from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import struct
import zlib

HASH = "0c9kl0fk1dzlmcgv1bq2ndd5z0zp2zgh"
NAR_HASH = "1b0zl3gq0hz3ypq8dqfmqjxs4xncp8xwqwz0bbw5zdx8ljkv1h1q"
HEX = "0123456789abcdef" * 4
KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = base64.b64encode(bytes(range(64))).decode()
PATH = f"/nix/store/{HASH}-hello-2.12"
NARINFO = f"""StorePath: {PATH}
URL: nar/{NAR_HASH}.nar.xz
Compression: xz
FileHash: sha256:{NAR_HASH}
FileSize: 114
NarHash: sha256:{NAR_HASH}
NarSize: 120
References: {HASH}-hello-2.12 {HASH[::-1]}-glibc-2.38
Deriver: {HASH}-hello.drv
Sig: cache.example-1:{SECRET}
CA: fixed:r:sha256:{NAR_HASH}
Extra: word
"""


def nar_text(word: str | bytes) -> bytes:
    data = word if isinstance(word, bytes) else word.encode()
    return struct.pack("<Q", len(data)) + data + bytes(-len(data) % 8)


def nar(*words: str | bytes) -> bytes:
    return b"".join(nar_text(word) for word in ("nix-archive-1", *words))


FILE = ("(", "type", "regular", "contents", "hello world", ")")
PROGRAM = ("(", "type", "regular", "executable", "", "contents", "", ")")
LINK = ("(", "type", "symlink", "target", "../x", ")")


def entry(name: str, *node: str) -> tuple[str, ...]:
    return ("entry", "(", "name", name, "node", *node, ")")


FOLDER = ("(", "type", "directory", *entry("a", *FILE), *entry("b", *PROGRAM), *entry("c", "(", "type", "directory", ")"),
          *entry("d", *LINK), ")")
NARS = [nar(*FILE), nar(*PROGRAM), nar(*LINK), nar(*FOLDER)]
NAR_WORDS = [nar_text(word) for word in sorted({*FILE, *PROGRAM, *LINK, *FOLDER})]
CONTENT = b"hello hello hello hello world " * 20


# The same as these tools write it; Python has no library for them.
BROTLI = base64.b64decode("G1cCACRAcpBlGOujsjyeDvjpCw==")
LZ4 = base64.b64decode("BCJNGGRApyEAAABuaGVsbG8gBgBfd29ybGQYAAACKgAPHgD//wxQb3JsZCAAAAAAaUcsRA==")
ZSTD = base64.b64decode("KLUv/QRYzQAAWGhlbGxvIHdvcmxkBAAfgqoABrAz0fFKEXwreq8=")


def lzip(content: bytes) -> bytes:
    """A member of it: the stream of lzma in another envelope."""
    stream = lzma.compress(content, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])[13:]
    return b"LZIP\x01\x10" + stream + struct.pack("<IQQ", zlib.crc32(content), len(content), len(stream) + 26)


# A certificate of "ci" with other names, and a key, as DER.
CERTIFICATE = base64.b64decode(
    "MIIBWDCCAQqgAwIBAgIUWCSpipzwdXnbvIGfwdwoHahvaEIwBQYDK2VwMA0xCzAJBgNVBAMMAmNpMCAXDTI2MTEyMzAzMzcwN1oYDzIxMjYxMDMw"
    "MDMzNzA3WjANMQswCQYDVQQDDAJjaTAqMAUGAytlcAMhAIhkE8tAD2HQSWan6FzFYu7unvIx/tJTjEDZ2bgVc8q2o3oweDAdBgNVHQ4EFgQUa3Bj"
    "EQW3MUoopG7AgoICZDs1msYwHwYDVR0jBBgwFoAUa3BjEQW3MUoopG7AgoICZDs1msYwKwYDVR0RBCQwIoIEY2kuYYEFY0BhLmKGDXNwaWZmZTov"
    "L2EvY2mHBAECAwQwCQYDVR0TBAIwADAFBgMrZXADQQAOe1K8bSy1wHAStB7WmcGGG5wTb2Yp/yAZe++G5KmE5qvfcCgpO2xBzkGn30RBRbQLJ3YM"
    "9q/P939YWCzu6y0G")
PRIVATE_KEY = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32))


def pem(what: str, der: bytes) -> str:
    return f"-----BEGIN {what}-----\n{base64.b64encode(der).decode()}\n-----END {what}-----\n"


def frames(*each: tuple[int, int, int, bytes]) -> bytes:
    """For `machine`: type, flags, stream and payload of each."""
    return b"\x01" + b"".join(bytes((kind, flags, stream, len(data))) + data for kind, flags, stream, data in each)


GET = b"\x82\x86\x84\x41\x01a"  # GET http://a/
POST = b"\x83\x86\x84\x41\x01a\x0f\x0d\x015"  # with Content-Length: 5


def request(*lines: str) -> str:
    return "\r\n".join(lines) + "\r\n\r\n"


def resp(*parts: str | int) -> str:
    return f"*{len(parts)}\r\n" + "".join(f":{p}\r\n" if isinstance(p, int) else f"${len(p)}\r\n{p}\r\n" for p in parts)


def with_byte(texts) -> list[bytes]:
    return [b"\x07" + (text if isinstance(text, bytes) else text.encode()) for text in texts]


XML = '<?xml version="1.0" encoding="UTF-8"?>'
SEEDS: dict[str, list[str | bytes]] = {
    "byte_size": ["0", "10G", "10 GiB", "1.5T", "500M", "8191P", "0.000001K", "7kb"],
    "duration": ["0", "300ms", "1h30m", "1.5h", "2562047h", "1ns2us3µs", "9.2e3s"],
    "cron": ["\x00\x010 2 * * *", "\x01\x02\x03*/15 0-6,22-23/2 1,15 jan-mar mon-fri", "\x02  @every 1h30m", "\x03  @daily",
             "\x01Z*CRON_TZ=Europe/Berlin 30 2 * 3,10 sun", "\x01  0 0 29 2 ?", "\x00  0 0 30 2 *"],
    "date_text": ["2025-01-02 03:04:05", "2024-02-29T23:59:60Z", "0001-12-31 00:00:00.5"],
    "encoding": [HASH, NAR_HASH, KEY, HEX, "aGVsbG8="],
    "store_path": [PATH, f"{HASH}-hello.drv", f"{HASH}-.a", f"{HASH}-..-b+=?_"],
    "hash": [f"sha256:{NAR_HASH}", f"sha256:{HEX}", f"sha256-{KEY}", f"sha256:{KEY}", NAR_HASH, HEX],
    "signature": [f"cache.example-1:{KEY}", f"cache.example-1:{SECRET}\n", f"a:{SECRET}"],
    "nar_info": [NARINFO, NARINFO.replace("\n", "\r\n"), NARINFO.replace(": ", ":"), NARINFO + "Sig: x\n\nDeriver: unknown-deriver"],
    "nar_url": [f"nar/{NAR_HASH}.nar.xz", f"nar/{HASH}-{NAR_HASH}.nar.zst?a=b&c=~", f"nar/{HEX}.nar", f"nar/{HASH}.nar.lzip"],
    "nar_walker": with_byte(NARS),
    "nar_listing": with_byte(NARS),
    "content_address": [*with_byte(NARS), "\x07" + NARINFO],
    "cache_info": ["StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n", "Priority: -9999999999\nStoreDir:\r\nx"],
    "object_path": [f"{HASH}.ls", f"log/{HASH}-a+b.drv", f"realisations/sha256:{HEX}!out.doi",
                    f"build-trace-v2/{HASH}-a.drv/out.doi", f"debuginfo/{HEX[:40]}", f"debuginfo/{HEX[:40]}.debug"],
    "json_object": with_byte(['{"a": [1, {"b": "}\\"{"}, null], "c": {}}', '{}', ' {"x":"\\\\"} ']),
    "decompressor": [b"\x00\x03" + CONTENT, b"\x01\x03" + BROTLI, b"\x02\x03" + bz2.compress(CONTENT) * 2,
                     b"\x03\x03" + gzip.compress(CONTENT, mtime=0) * 2, b"\x04\x03" + LZ4,
                     b"\x05\x03" + lzip(CONTENT), b"\x06\x03" + lzma.compress(CONTENT, lzma.FORMAT_ALONE),
                     b"\x07\x03" + lzma.compress(CONTENT), b"\x08\x03" + ZSTD,
                     b"\x07\x03" + lzma.compress(bytes(2 << 20)), b"\x02\x03" + bz2.compress(bytes(2 << 20))],
    "zstd_encoder": with_byte([CONTENT, bytes(1000), bytes(range(256))]),
    "request_head": [request("GET /nar/x.nar?a=b HTTP/1.1", "Host: a", "Range: bytes=0-9"),
                     request("PUT http://h/x HTTP/1.1", "host:h", "Content-Length: 5", "Expect: 100-continue") + "hello",
                     request("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close") + "0\r\n\r\n",
                     request("HEAD / HTTP/1.0", "Connection: keep-alive", "X:  y\t")],
    "h2_request": with_byte(["GET /nar/x.nar?a=b\nHost: a\nrange: bytes=0-9\n", "PUT /x\nhost: h:1\nexpect: 100-continue\nContent-Length: 5\n",
                             "HEAD /\nhost: a\nHost: b\n", "POST /a%20b\nHost: h\nX-A: \nx-a: v\nte: trailers\nconnection: close"]),
    "machine": [frames((1, 5, 1, GET), (1, 5, 3, GET + b"\x40\x01x\x01y"), (6, 0, 0, bytes(8)), (1, 5, 5, b"\x82\x86\x84\xbe\xbf")),
                frames((4, 0, 0, b"\0\x04\0\0\0\x02"), (1, 4, 1, POST), (0, 0, 1, b"hel"), (8, 0, 1, b"\0\0\0\x01"), (0, 9, 1, b"\x02lo\0\0")),
                frames((1, 0, 1, GET[:3]), (9, 4, 1, GET[3:]), (0, 0, 1, b"a"), (1, 5, 1, b"\0\x01x\x01y"), (3, 0, 1, b"\0\0\0\x08")),
                frames((1, 0x25, 1, b"\0\0\0\0\x10" + GET), (2, 0, 3, b"\0\0\0\x01\x05"), (7, 0, 0, bytes(8)), (8, 0, 0, b"\x7f\xff\xff\xff")),
                frames((1, 5, 1, GET + b"\0\x11transfer-encoding\x07chunked"), (1, 5, 3, b"\x42\x07CONNECT\x41\x01a"), (5, 4, 2, b"\0\0\0\x03"))],
    "network": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix", "::ffff:192.0.2.7", "::/0", "0.0.0.0/0", "fe80::1%eth0"],
    "accept": ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "application/json;q=0.4, TEXT/HTML ; charset=u ; Q=0.5"],
    "front_page": ["cache.example:8501", "[fd00::1]:80", "a\" onload=x", ""],
    "json_text": ["https://h/\"a\\b\n\u009b2J", "häßlich €😀", b"\xc2\x9b\xed\xa0\x80\0"],
    "certificates": [b"\x01" + CERTIFICATE, b"\x02" + PRIVATE_KEY,
                     b"\x00" + (pem("CERTIFICATE", CERTIFICATE) + pem("PRIVATE KEY", PRIVATE_KEY)).encode()],
    "nar_info_rendering": [NARINFO, NARINFO.replace("xz", "none"), NARINFO.replace("nar/", "https://h/x?y="), NARINFO + f"Sig: ours-1:{SECRET}\n"],
    "nar_layout": [f"nar/{NAR_HASH}.nar.xz", f"log/{HASH}-a+b.drv", f"realisations/sha256:{HEX}!out.doi", f"debuginfo/{HEX[:40]}.debug",
                   f"store/listing/0/0c/{HASH}.ls", f"store/realisations/0/01/{HEX}/out.doi", f"store/pin/0/0c/{HASH}"],
    "elsewhere": ["10.0.0.1", "fd00::1%eth0", "LocalHost.", "[::ffff:7f00:1]", b"\x20\x02\x0a\0\0\x01" + bytes(10), b"\0\x64\xff\x9b" + bytes(12)],
    "chunked_decoder": with_byte(["5\r\nhello\r\n0\r\n\r\nGET", "A;x=\"y\"\r\n0123456789\r\n000\r\nT: v\r\n\r\n"]),
    "range": ["bytes=0-9", "bytes=5-", "bytes=-1", "Bytes = 0-0,5-6", "bytes=99999999999999999999-", '"a", W/"tag", *'],
    "proxy_header": ["PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\nGET", "PROXY TCP6 2001:db8::1 ::1 5 6\r\n", "PROXY UNKNOWN x\r\n",
                     b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(range(12)) + b"GET", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
                     b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x27" + bytes(39)],
    "forwarded": ["192.0.2.1, 10.0.0.1", "[2001:db8::1]:4711", 'for="[2001:db8::1]:80";proto=http, for=10.0.0.9', "for=unknown", "for=_hidden;by=x"],
    "percent": ["/a%20b//c/%2e%2E/", "/%41%2f%2F.x", "/nar/a.nar", "/%zz"],
    "listen_address": [":8501", "[::1]:0", "localhost:65535", "unix:/run/x.sock"],
    "route": [f"/{HASH}.narinfo", f"/upload/nar/{NAR_HASH}.nar.xz", f"/pin/{HASH}.narinfo", "/pins", f"/peer/nar/{HEX}.nar",
              f"/log/{HASH}-a%2Bb.drv", f"/realisations/sha256:{HEX}!out.doi", "/nix-cache-info", "/upload", "//healthz"],
    "token": [f"ci read,write sha256:{HEX} # c\nops admin sha256:{HEX[::-1]}\n", "a read sha256:"],
    "credentials": ["Bearer abc", "Basic dXNlcjpwdw==", "basic  x"],
    "database_url": ["sqlite:/p/db?x=1", "postgresql://u:%70@h:5432/d?sslmode=require", "mysql://u:\x01@[::1]:3306/d?tls=true",
                     "postgres+unix:///s/d/name", "mysql+unix:///f.sock/name", "sqlite:rel.db"],
    "utf8": ["häßlich €😀", b"\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80", b"a\x00b\xe2\x82"],
    "http_client": ["bytes 0-9/100", "Bytes 5-5/*", "120", "bytes */9"],
    "origin": ["https://u:p@Host:80/p?q", "host", "HTTP://[::1]:1#f"],
    "upstream_url": ["https://u:p@h.example:1/p?priority=10&x=y#f", "HTTP://[::1]/", "http://a@b@c/", "http://h:/x?"],
    "peer_url": ["http://host:8501", "https://[fd00::1]:1/", "http://10.0.0.1"],
    "peer_secret": ["ncps-peer 5:00", b"\x00\x00\x00\x00\x00\x00\x00\x05x.nar"],
    "trace_context": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b,c@d=e", "cc-" + HEX[:32] + "-" + HEX[:16] + "-ff-x"],
    "collector_url": ["http://h", "https://[::1]:4317/", "h:443"],
    "blob_key": [f"store/nar/0/0c/{HASH}.nar", "a/./b", "a/../b", "a//b"],
    "s3_xml": [f"{XML}<Error><Code>NoSuchKey</Code><Message>a\nb</Message><RequestId>1</RequestId><Region>r</Region></Error>",
               f"{XML}<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key><LastModified>2026-11-22T12:00:00.000Z"
               "</LastModified><Size>5</Size></Contents><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
               f"{XML}<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>k</Key><UploadId>u</UploadId><Initiated>"
               "2026-11-22T12:00:00Z</Initiated></Upload></ListMultipartUploadsResult>",
               f"{XML}<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
               f"{XML}<CompleteMultipartUploadResult><ETag>&quot;e&quot;</ETag></CompleteMultipartUploadResult>",
               '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><Error><Code>&c;</Code></Error>'],
    "sigv4": ["a/b+c d/../%", "list-type 2\nprefix a/b\nx-id \n a", "ä=&;\r\nb"],
    "iso_time": ["2026-11-22T12:00:00.000Z", "2026-11-22T12:00:00Z"],
    "s3_address": ["\x00http://h:9000/p\na/b", "\x01https://s3.eu-west-1.amazonaws.com", "\x00[::1]:1\n/x/"],
    "credential_texts": ["[default]\naws_access_key_id = a\naws_secret_access_key = \x01\n[profile b]\nrole_arn=x",
                         '{"AccessKeyId":"a","SecretAccessKey":"\x01","Token":"t","Expiration":"2026-11-22T12:00:00Z"}',
                         "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>a</AccessKeyId>"
                         "<SecretAccessKey>\x01</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-22T12:00:00Z</Expiration>"
                         "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"],
    "reply_reader": with_byte([resp("a", 1, "") + "+OK\r\n-MOVED 3999 1.2.3.4:6381\r\n$-1\r\n*-1\r\n:-5\r\n",
                               "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:7000\r\n", "-ASK 1 :6381\r\n", "*2147483647\r\n"]),
    "node_address": ["host", "10.0.0.1:7000", "[fd00::1]:1"],
    "netrc": [b"\x03machine 127.0.0.1 login a password \x01\n", b"\x05machine 127.0.0.2\nlogin \"a\\\"b\\n\"\n password c # d\nmachine 127.0.0.1\n",
              b"\x06macdef x\n put a\n\nmachine elsewhere login b password c\ndefault login d password \"\x01\"",
              b"\x00machine elsewhere login b password \x01\nMACHINE 127.0.0.1 account x LOGIN e\nmachine 127.0.0.2 password f\n"],
    "config_file": ['{"cache": {"hostname": "x", "urls": ["a", "b"]}}', "cache:\n  a: &x 1\n  b: [*x, 'y']\n  c: |\n    t\n",
                    '[cache]\na = 1\nb = ["x", 2.5]\n[cache.c]\nd = 1979-05-27\n', "a: &a {b: 1}\nc: {<<: *a}\n"],
}

WORDS: dict[str, list[str | bytes]] = {
    "cron": ["@every ", "TZ=UTC ", "*/", "jan", "sun", " ", ",", "-", "?"],
    "duration": ["ns", "us", "ms", "s", "m", "h", "inf", "nan", "e9", "0x"],
    "byte_size": ["K", "MiB", "inf", "nan", "e308", ".", "-0"],
    "nar_info": [line.partition(":")[0] + ": " for line in NARINFO.splitlines()] + ["sha256:", "text:sha256:", "fixed:r:", "\n"],
    "nar_walker": NAR_WORDS, "nar_listing": NAR_WORDS, "content_address": NAR_WORDS,
    "request_head": ["\r\n", "Host: ", "Content-Length: ", "Transfer-Encoding: ", "chunked", " HTTP/1.1", "\t", "http://", "Expect: "],
    "chunked_decoder": ["\r\n", "0\r\n\r\n", ";", "ffffffffffffffff"],
    "route": ["/upload", "/nar/", ".narinfo", "%2e", "%2F", "/../", "/peer/nar/", "/pin/", ".ls", "//"],
    "config_file": ["&a ", "*a", "<<: ", "- ", ": ", "\n  ", "[[", "]]", "= ", "{", "}", "---\n", "!!binary ", "'''"],
    "netrc": ["machine ", "127.0.0.1", "127.0.0.2", "default ", " login ", " password ", "account ", "macdef ", '"', "\\", "#", "\n\n", "\x01"],
    "reply_reader": ["\r\n", "*1\r\n", "$1\r\n", ":1\r\n", "-ERR ", "%1\r\n", "$-1\r\n", "*-1\r\n", "_\r\n", "(1\r\n"],
    "s3_xml": ["<Contents>", "</Contents>", "<Key>", "</Key>", "&amp;", "&#x41;", "<![CDATA[", "]]>", "<!--", "-->", "<IsTruncated>"],
    "json_object": ["{", "}", "[", "]", '"', "\\", '\\"'],
    "range": ["bytes=", "-", ",", 'W/"', '"'],
    "forwarded": ["for=", "proto=", ";", ",", '"', "10.0.0.1", "192.0.2.1", "[::1]", "unknown"],
    "proxy_header": ["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", b"\r\n\r\n\0\r\nQUIT\n", b"\x21\x11", b"\x20\x00", b"\x21\x31"],
    "h2_request": ["host: ", "\n", "content-length: ", "expect: ", "100-continue", "te: ", "connection: ", ":", "CONNECT "],
    "machine": [GET, POST, b"\x01\x05", b"\x09\x04", b"\x00\x01", b"\x40\x01x\x01y", b"\xbe", b"\x3f\xe1\x1f", b"\x03\x00\x01\x04\0\0\0\x08"],
    "accept": ["text/html", "application/json", ";q=", "0.5", ",", "*/*", "nan", "e-1"],
    "nar_info_rendering": [line.partition(":")[0] + ": " for line in NARINFO.splitlines()] + ["none", "ours-1:", "\n"],
    "elsewhere": ["127.0.0.1", "::", "%", "localhost", ".", "[", "]"],
    "database_url": ["postgresql://", "mysql://", "sqlite:", "%00", "%2f", "?host=", "sslmode=", "@", ":"],
    "upstream_url": ["http://", "@", "?priority=", "[", "]", "%", "#"],
}
