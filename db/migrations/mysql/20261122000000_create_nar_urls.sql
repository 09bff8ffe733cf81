-- What each column means: docs/architecture.md, "What lies in rows". Each statement does one thing or none of
-- it: MySQL cannot undo DDL, so a migration that was killed is done again, and what is there is passed over.

-- migrate:up
-- A URL has at most 654 characters, all of ASCII; the longest index of InnoDB is 3072 bytes. Compared byte by
-- byte, as the other databases do.
CREATE TABLE nar_urls (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  url VARCHAR(700) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  nar_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  nar_size BIGINT NOT NULL,
  compression VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  file_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
  file_size BIGINT,
  upstream MEDIUMTEXT NOT NULL,
  upstream_url MEDIUMTEXT NOT NULL,
  stored_size BIGINT,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_accessed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY idx_nar_urls_url (url),
  KEY idx_nar_urls_last_accessed_at (last_accessed_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
ALTER TABLE narinfos
  MODIFY COLUMN hash TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ADD COLUMN content MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN upstream MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  ADD COLUMN nar_url_id BIGINT,
  ADD KEY idx_narinfos_nar_url_id (nar_url_id),
  ADD CONSTRAINT fk_narinfos_nar_url FOREIGN KEY (nar_url_id) REFERENCES nar_urls (id);

-- migrate:down
ALTER TABLE narinfos DROP FOREIGN KEY fk_narinfos_nar_url;
ALTER TABLE narinfos
  DROP KEY idx_narinfos_nar_url_id,
  DROP COLUMN nar_url_id,
  DROP COLUMN upstream,
  DROP COLUMN content;
DROP TABLE nar_urls;
