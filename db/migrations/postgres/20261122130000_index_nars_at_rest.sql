-- Eviction takes the NARs that were used longest ago. Those that are gone already keep their rows: without this
-- index it would read through all of them first.

-- migrate:up
CREATE INDEX idx_nar_urls_at_rest ON nar_urls (last_accessed_at) WHERE stored_size IS NOT NULL;

-- migrate:down
DROP INDEX idx_nar_urls_at_rest;
