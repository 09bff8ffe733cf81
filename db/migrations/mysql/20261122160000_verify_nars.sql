-- What lies at rest is looked at again, what was looked at longest ago first. As seconds since 1970, so that all
-- three databases order it alike, with 0 for never.

-- migrate:up
ALTER TABLE nar_urls
  ADD COLUMN verified_at BIGINT NOT NULL DEFAULT 0,
  ADD KEY idx_nar_urls_verified_at (at_rest, verified_at);
-- All narinfos are read in the order of their hashes. An index on the beginning of a TEXT has no order to read by.
ALTER TABLE narinfos MODIFY COLUMN hash VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;

-- migrate:down
ALTER TABLE narinfos MODIFY COLUMN hash TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;
ALTER TABLE nar_urls
  DROP KEY idx_nar_urls_verified_at,
  DROP COLUMN verified_at;
