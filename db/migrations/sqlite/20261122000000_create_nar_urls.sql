-- The first four versions are those of the Go program, which kept narinfos only as files and one row for
-- each NAR hash. From here on the rows are an index of the store (docs/architecture.md, "What lies in rows").

-- migrate:up
-- One row for each NAR URL that was ever announced. It outlives the file: it is the way to fetch it again.
CREATE TABLE nar_urls (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL UNIQUE,            -- as announced: nar/<name>.nar[.ext]
  nar_hash TEXT NOT NULL,              -- sha256:<nix32>
  nar_size BIGINT NOT NULL,
  compression TEXT NOT NULL,
  file_hash TEXT,                      -- NULL: the upstream did not say
  file_size BIGINT,
  upstream TEXT NOT NULL,              -- base URL of the cache that announced it
  upstream_url TEXT NOT NULL,          -- the URL line there: relative, absolute or opaque
  stored_size BIGINT,                  -- bytes at rest; NULL: not at rest
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_accessed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_nar_urls_last_accessed_at ON nar_urls (last_accessed_at);

ALTER TABLE narinfos ADD COLUMN content TEXT;     -- the upstream's text; NULL: row of the Go program
ALTER TABLE narinfos ADD COLUMN upstream TEXT;
ALTER TABLE narinfos ADD COLUMN nar_url_id INTEGER REFERENCES nar_urls (id);
CREATE INDEX idx_narinfos_nar_url_id ON narinfos (nar_url_id);

-- migrate:down
DROP INDEX idx_narinfos_nar_url_id;
ALTER TABLE narinfos DROP COLUMN nar_url_id;
ALTER TABLE narinfos DROP COLUMN upstream;
ALTER TABLE narinfos DROP COLUMN content;
DROP TABLE nar_urls;
