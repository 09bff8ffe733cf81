-- Eviction takes the NARs that were used longest ago. Those that are gone already keep their rows: without this
-- index it would read through all of them first. MySQL has no partial index, so a column says what it is about.

-- migrate:up
ALTER TABLE nar_urls
  ADD COLUMN at_rest TINYINT AS (stored_size IS NOT NULL) VIRTUAL,
  ADD KEY idx_nar_urls_at_rest (at_rest, last_accessed_at);

-- migrate:down
ALTER TABLE nar_urls
  DROP KEY idx_nar_urls_at_rest,
  DROP COLUMN at_rest;
