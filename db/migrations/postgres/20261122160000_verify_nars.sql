-- What lies at rest is looked at again, what was looked at longest ago first. As seconds since 1970, so that all
-- three databases order it alike, with 0 for never.

-- migrate:up
ALTER TABLE nar_urls ADD COLUMN verified_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX idx_nar_urls_verified_at ON nar_urls (verified_at) WHERE stored_size IS NOT NULL;

-- migrate:down
DROP INDEX idx_nar_urls_verified_at;
ALTER TABLE nar_urls DROP COLUMN verified_at;
