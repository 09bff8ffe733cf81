-- Who lost a lease of several instances without noticing comes with a smaller fence than its successor, and is
-- refused here.

-- migrate:up
ALTER TABLE nar_urls ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
CREATE TABLE lease_fences (
  name TEXT COLLATE "C" PRIMARY KEY,
  fence BIGINT NOT NULL
);

-- migrate:down
DROP TABLE lease_fences;
ALTER TABLE nar_urls DROP COLUMN fence;
