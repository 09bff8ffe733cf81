-- Who lost a lease of several instances without noticing comes with a smaller fence than its successor, and is
-- refused here.

-- migrate:up
ALTER TABLE nar_urls ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
CREATE TABLE lease_fences (
  name TEXT PRIMARY KEY NOT NULL,       -- of the lease
  fence BIGINT NOT NULL
);

-- migrate:down
DROP TABLE lease_fences;
ALTER TABLE nar_urls DROP COLUMN fence;
