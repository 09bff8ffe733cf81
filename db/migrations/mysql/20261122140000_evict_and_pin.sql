-- Eviction goes through the NARs at rest, the narinfos and the other objects in the order of their last use, page
-- by page; and it adds up what is kept, from the index alone. What each table means: docs/architecture.md, "What
-- lies in rows".

-- migrate:up
ALTER TABLE nar_urls DROP KEY idx_nar_urls_at_rest;
ALTER TABLE nar_urls ADD KEY idx_nar_urls_at_rest (at_rest, last_accessed_at, id, stored_size);
ALTER TABLE narinfos DROP KEY idx_narinfos_last_accessed_at;
ALTER TABLE narinfos ADD KEY idx_narinfos_last_accessed_at (last_accessed_at, id);
UPDATE narinfos SET last_accessed_at = created_at WHERE last_accessed_at IS NULL;
CREATE TABLE kept_objects (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(700) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  size BIGINT NOT NULL,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_accessed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY idx_kept_objects_name (name),
  KEY idx_kept_objects_last_accessed_at (last_accessed_at, id, size)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE pins (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  hash VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  store_path TEXT,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY idx_pins_hash (hash)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- migrate:down
DROP TABLE pins;
DROP TABLE kept_objects;
ALTER TABLE narinfos DROP KEY idx_narinfos_last_accessed_at;
ALTER TABLE narinfos ADD KEY idx_narinfos_last_accessed_at (last_accessed_at);
ALTER TABLE nar_urls DROP KEY idx_nar_urls_at_rest;
ALTER TABLE nar_urls ADD KEY idx_nar_urls_at_rest (at_rest, last_accessed_at);
