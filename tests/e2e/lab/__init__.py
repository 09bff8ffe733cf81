"""What the end-to-end tests are built from. One subject per file:

  waiting   wait for a condition, never for a time
  nar       the NAR format, as much as the tests need
  closure   small real store paths, and binary caches of them, made by real Nix
  shapes    the same caches as other programs write them: other URLs, other fields
  faults    what an upstream can be told to do wrong
  body      a file as the body of an answer, with its fault
  upstream  an HTTP binary cache that does it
  database  a real PostgreSQL or MariaDB (postgres, mariadb), for one test or for all of a class
  hostile_case  the TestCase for what it does: bounds on memory, disk and time
  hostile   an upstream that sends what a function says: heads and bodies without end
  black_hole  an address that takes requests and never answers
  tls       certificates, and an authority that signs them
  browser   a real Chromium without a window
  nginx     an upstream with TLS and HTTP/2
  ncps      the program under test as a process
  prometheus  what the program says at /metrics, and a real Prometheus that scrapes it
  config_file  configuration files in YAML, TOML and JSON
  client    real Nix commands, each in a world of its own
  raw       HTTP over a bare socket: what really came over the wire, and how it ended
  s3_gateway  a real S3 server (Ceph), alone or once for a whole run of ctest
  s3_client   S3 with a signer of its own
  s3_sessions  a second gateway, for credentials that hold only with their token
  s3_case   the TestCase for servers with a bucket
  bucket    a bucket instead of a folder, for tests that know nothing of it (NCPS_TEST_STORAGE=s3)
  credential_services  a stand-in for those of a cloud: STS, container, instance
  redis     real Redis servers: alone, with ACL, with TLS, as a cluster
  fake_time   a process whose clock is wrong
  relay     what the proxies of the lab have in common
  wire_proxy  a proxy that spoils what goes through it
  tcp_proxy   the network between two parts: cut, or carrying nothing
  haproxy     before several instances, with the configuration of packaging/haproxy
  cluster     several instances behind haproxy, with a tcp_proxy to each part that they share
  several     the same with all these parts, real, and what clients of it do
  case      the TestCase that puts these together and cleans up
"""
