-- Eviction goes through the NARs at rest, the narinfos and the other objects in the order of their last use, page
-- by page; and it adds up what is kept, from the index alone. What each table means: docs/architecture.md, "What
-- lies in rows".

-- migrate:up
DROP INDEX idx_nar_urls_at_rest;
CREATE INDEX idx_nar_urls_at_rest ON nar_urls (last_accessed_at, id, stored_size) WHERE stored_size IS NOT NULL;
DROP INDEX IF EXISTS idx_narinfos_last_accessed_at;
CREATE INDEX idx_narinfos_last_accessed_at ON narinfos (last_accessed_at, id);
UPDATE narinfos SET last_accessed_at = created_at WHERE last_accessed_at IS NULL;
CREATE TABLE kept_objects (
  id BIGSERIAL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  size BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_accessed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_kept_objects_last_accessed_at ON kept_objects (last_accessed_at, id, size);
CREATE TABLE pins (
  id BIGSERIAL PRIMARY KEY,
  hash TEXT COLLATE "C" NOT NULL UNIQUE,
  store_path TEXT,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- migrate:down
DROP TABLE pins;
DROP TABLE kept_objects;
DROP INDEX IF EXISTS idx_narinfos_last_accessed_at;
CREATE INDEX idx_narinfos_last_accessed_at ON narinfos (last_accessed_at);
DROP INDEX idx_nar_urls_at_rest;
CREATE INDEX idx_nar_urls_at_rest ON nar_urls (last_accessed_at) WHERE stored_size IS NOT NULL;
