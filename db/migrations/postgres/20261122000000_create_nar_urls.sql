-- What each column means: docs/architecture.md, "What lies in rows".

-- migrate:up
CREATE TABLE nar_urls (
  id BIGSERIAL PRIMARY KEY,
  url TEXT COLLATE "C" NOT NULL UNIQUE,
  nar_hash TEXT NOT NULL,
  nar_size BIGINT NOT NULL,
  compression TEXT NOT NULL,
  file_hash TEXT,
  file_size BIGINT,
  upstream TEXT NOT NULL,
  upstream_url TEXT NOT NULL,
  stored_size BIGINT,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_accessed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_nar_urls_last_accessed_at ON nar_urls (last_accessed_at);
ALTER TABLE narinfos
  ADD COLUMN content TEXT,
  ADD COLUMN upstream TEXT,
  ADD COLUMN nar_url_id BIGINT REFERENCES nar_urls (id);
CREATE INDEX idx_narinfos_nar_url_id ON narinfos (nar_url_id);

-- migrate:down
ALTER TABLE narinfos DROP COLUMN nar_url_id, DROP COLUMN upstream, DROP COLUMN content;
DROP TABLE nar_urls;
