# services.ncps: the options that nixpkgs' module of that name has, and those of older releases under their new names.
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.ncps;
  inS3 = cfg.cache.storage.s3.bucket != null;
  home = "/var/lib/ncps";

  optional = type: description: mkOption { type = types.nullOr type; default = null; inherit description; };
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  text = optional types.str;
  number = optional types.int;
  secret = description: optional types.str "${description} A file, which systemd reads; it is not copied into the store.";
  unused = description: mkOption { type = types.raw; default = null; description = "${description} Without effect."; };
  renamed = from: to: lib.mkRenamedOptionModule ([ "services" "ncps" ] ++ from) ([ "services" "ncps" ] ++ to);

  # Secrets: the name of the credential, its file, and the variable that names it to the program.
  secrets = lib.filter (one: one.file != null) [
    { name = "databaseURL"; file = cfg.cache.databaseURLFile; variable = "CACHE_DATABASE_URL_FILE"; }
    { name = "netrc"; file = cfg.netrcFile; variable = "NETRC_FILE"; }
    { name = "redisPassword"; file = cfg.cache.redis.passwordFile; variable = "CACHE_REDIS_PASSWORD_FILE"; }
    { name = "s3AccessKeyId"; file = cfg.cache.storage.s3.accessKeyIdPath; variable = "CACHE_STORAGE_S3_ACCESS_KEY_ID_FILE"; }
    { name = "s3SecretAccessKey"; file = cfg.cache.storage.s3.secretAccessKeyPath; variable = "CACHE_STORAGE_S3_SECRET_ACCESS_KEY_FILE"; }
    { name = "secretKey"; file = cfg.cache.secretKeyPath; variable = "CACHE_SECRET_KEY_PATH"; }
    { name = "getToken"; file = cfg.cache.getTokenFile; variable = "CACHE_GET_TOKEN_FILE"; }
    { name = "putToken"; file = cfg.cache.putTokenFile; variable = "CACHE_PUT_TOKEN_FILE"; }
  ];

  # Without what nobody has said.
  said = lib.filterAttrsRecursive (_: value: value != null);
  settings = said {
    log.level = cfg.logLevel;
    server.addr = cfg.server.addr;
    prometheus.enabled = cfg.prometheus.enable;
    opentelemetry = lib.optionalAttrs cfg.openTelemetry.enable { enabled = true; grpc-url = cfg.openTelemetry.grpcURL; };
    cache = {
      hostname = cfg.cache.hostName;
      database-url = if cfg.cache.databaseURLFile == null then cfg.cache.databaseURL else null;
      database.pool = { max-open-conns = cfg.cache.database.pool.maxOpenConns; max-idle-conns = cfg.cache.database.pool.maxIdleConns; };
      max-size = cfg.cache.maxSize;
      lru = { schedule = cfg.cache.lru.schedule; timezone = cfg.cache.lru.scheduleTimeZone; };
      sign-narinfo = cfg.cache.signNarinfo;
      temp-path = cfg.cache.tempPath;
      allow-put-verb = cfg.cache.allowPutVerb;
      allow-delete-verb = cfg.cache.allowDeleteVerb;
      storage =
        if inS3 then
          {
            s3 = {
              inherit (cfg.cache.storage.s3) bucket endpoint region;
              force-path-style = cfg.cache.storage.s3.forcePathStyle;
            };
          }
        else
          { local = cfg.cache.storage.local; };
      upstream = {
        inherit (cfg.cache.upstream) urls;
        public-keys = cfg.cache.upstream.publicKeys;
        dialer-timeout = cfg.cache.upstream.dialerTimeout;
        response-header-timeout = cfg.cache.upstream.responseHeaderTimeout;
      };
      redis = lib.optionalAttrs (cfg.cache.redis.addresses != [ ]) {
        addrs = cfg.cache.redis.addresses;
        db = cfg.cache.redis.database;
        username = cfg.cache.redis.username;
        password = cfg.cache.redis.password;
        pool-size = cfg.cache.redis.poolSize;
        use-tls = cfg.cache.redis.useTLS;
      };
      lock = {
        inherit (cfg.cache.lock) backend;
        redis.key-prefix = cfg.cache.lock.redisKeyPrefix;
        download-lock-ttl = cfg.cache.lock.downloadTTL;
        lru-lock-ttl = cfg.cache.lock.lruTTL;
        retry = {
          max-attempts = cfg.cache.lock.retry.maxAttempts;
          initial-delay = cfg.cache.lock.retry.initialDelay;
          max-delay = cfg.cache.lock.retry.maxDelay;
          jitter = cfg.cache.lock.retry.jitter;
        };
        allow-degraded-mode = cfg.cache.lock.allowDegradedMode;
      };
    };
  };
  configFile = (pkgs.formats.json { }).generate "ncps.json" (lib.recursiveUpdate settings cfg.settings);

  sqlite = builtins.match "sqlite3?:/*(/[^?]*)/[^/?]*(\\?.*)?" cfg.cache.databaseURL;
  # What the unit may write anyway: its state, and by PrivateTmp= a /tmp and a /var/tmp of its own.
  within = top: folder: folder == top || lib.hasPrefix "${top}/" folder;
  has = folder: builtins.any (top: within top folder) [ home "/tmp" "/var/tmp" ];
  folders = lib.filter (folder: folder != null && !(has folder)) [
    (if inS3 then null else cfg.cache.storage.local)
    (if sqlite == null then null else builtins.head sqlite)
    cfg.cache.tempPath
  ];
in
{
  imports = [
    (renamed [ "cache" "dataPath" ] [ "cache" "storage" "local" ])
    (renamed [ "upstream" "caches" ] [ "cache" "upstream" "urls" ])
    (renamed [ "upstream" "publicKeys" ] [ "cache" "upstream" "publicKeys" ])
  ];

  options.services.ncps = {
    enable = mkEnableOption "ncps, a proxy cache for Nix";
    package = lib.mkPackageOption pkgs "ncps" { };
    settings = mkOption {
      type = types.attrs;
      default = { };
      description = "Further keys of the configuration file (docs/configuration.md); they win over the options here.";
    };
    logLevel = mkOption { type = types.enum [ "trace" "debug" "info" "warn" "error" "fatal" "panic" ]; default = "info"; description = "What to log."; };
    netrcFile = secret "User names and passwords for upstreams.";
    prometheus.enable = mkEnableOption "metrics at /metrics";
    openTelemetry = {
      enable = mkEnableOption "sending logs, metrics and traces to an OpenTelemetry collector";
      grpcURL = text "The collector's URL.";
    };
    analytics.reporting = {
      enable = unused "Nothing is ever reported to anybody.";
      samples = unused "Nothing is ever reported to anybody.";
    };
    server.addr = mkOption { type = types.str; default = ":8501"; description = "Where to listen."; };

    cache = {
      hostName = mkOption { type = types.str; description = "The name of this cache, and of its signing key."; };
      databaseURL = mkOption { type = types.str; default = "sqlite:${home}/db/db.sqlite"; description = "The database."; };
      databaseURLFile = secret "The database's URL, where it has a password.";
      database.pool = {
        maxOpenConns = number "Connections to a database server at once.";
        maxIdleConns = number "Connections to a database server that stay open unused.";
      };
      maxSize = text "How much to keep, such as 100G.";
      lru = {
        schedule = text "When to make room ahead, such as 0 2 * * *.";
        scheduleTimeZone = text "The time zone of that schedule.";
      };
      secretKeyPath = secret "The signing key; by default one is made at the first start.";
      getTokenFile = secret "The token that readers must send.";
      putTokenFile = secret "The token that uploads must send.";
      signNarinfo = flag true "Whether to add our signature to narinfos.";
      tempPath = mkOption { type = types.str; default = "/tmp"; description = "Where temporary files go."; };
      allowDeleteVerb = flag false "Whether to accept deletions.";
      allowPutVerb = flag false "Whether to accept uploads.";
      storage = {
        local = mkOption { type = types.str; default = "${home}/storage"; description = "The folder that keeps what is cached, unless a bucket is named."; };
        s3 = {
          bucket = text "The bucket that keeps what is cached.";
          endpoint = text "The S3 server's URL.";
          region = text "The bucket's region.";
          forcePathStyle = optional types.bool "Whether to name the bucket in the path.";
          accessKeyIdPath = secret "The name of the key to the bucket.";
          secretAccessKeyPath = secret "The key to the bucket.";
        };
      };
      upstream = {
        urls = mkOption { type = types.listOf types.str; default = [ ]; description = "The caches to ask."; };
        publicKeys = mkOption { type = types.listOf types.str; default = [ ]; description = "The keys whose signatures are trusted."; };
        dialerTimeout = text "How long an attempt to connect may take.";
        responseHeaderTimeout = text "How long an upstream may take to begin its answer.";
      };
      redis = {
        addresses = mkOption { type = types.listOf types.str; default = [ ]; description = "The Redis server; none: this is the only instance."; };
        database = number "The number of the Redis database.";
        username = text "The user name for Redis.";
        password = text "The password for Redis, readable for everybody: better passwordFile.";
        passwordFile = secret "The password for Redis.";
        poolSize = number "Connections to Redis.";
        useTLS = optional types.bool "Whether to speak TLS to Redis.";
      };
      lock = {
        backend = optional (types.enum [ "local" "redis" ]) "Who keeps the locks.";
        redisKeyPrefix = text "What the names of our keys in Redis begin with.";
        downloadTTL = text "How long the lock of a download outlives an instance that has died.";
        lruTTL = text "The same for making room.";
        retry = {
          maxAttempts = number "How often to ask for a lock.";
          initialDelay = text "How long to wait before asking again.";
          maxDelay = text "The most that is waited.";
          jitter = optional types.bool "Whether to vary those delays.";
        };
        allowDegradedMode = optional types.bool "Whether to go on with locks of our own while Redis cannot be reached.";
      };
      cdc = {
        enabled = unused "NARs are kept whole.";
        min = unused "NARs are kept whole.";
        avg = unused "NARs are kept whole.";
        max = unused "NARs are kept whole.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      { assertion = cfg.cache.upstream.urls != [ ]; message = "services.ncps.cache.upstream.urls is empty: name a cache to ask"; }
      { assertion = !inS3 || cfg.cache.storage.s3.endpoint != null; message = "services.ncps.cache.storage.s3.endpoint is missing"; }
      { assertion = cfg.cache.lock.backend != "redis" || cfg.cache.redis.addresses != [ ]; message = "services.ncps.cache.lock.backend is redis: name the server, cache.redis.addresses"; }
    ];

    users.users.ncps = { isSystemUser = true; group = "ncps"; inherit home; };
    users.groups.ncps = { };

    systemd.tmpfiles.rules = map (folder: "d ${folder} 0700 ncps ncps -") folders;

    systemd.services.ncps = {
      description = "ncps, a proxy cache for Nix";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" "postgresql.service" "mysql.service" ];
      startLimitIntervalSec = 0;
      serviceConfig = {
        Type = "notify";
        ExecStart = "${lib.getExe cfg.package} --config ${configFile} serve";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        Environment = map (one: "${one.variable}=%d/${one.name}") secrets;
        LoadCredential = map (one: "${one.name}:${one.file}") secrets;
        User = "ncps";
        Group = "ncps";
        StateDirectory = "ncps";
        StateDirectoryMode = "0700";
        RuntimeDirectory = "ncps";
        ReadWritePaths = folders;
        Restart = "on-failure";
        RestartSec = 2;
        RestartPreventExitStatus = 2;
        TimeoutStartSec = "10min";
        TimeoutStopSec = 60;
        WatchdogSec = 60;
        LimitNOFILE = 65536;
        UMask = "0066";

        CapabilityBoundingSet = "";
        DevicePolicy = "closed";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        PrivateUsers = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" "~@privileged" "~@resources" ];
      };
    };
  };
}
