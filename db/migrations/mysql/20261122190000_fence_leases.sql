-- Who lost a lease of several instances without noticing comes with a smaller fence than its successor, and is
-- refused here.

-- migrate:up
ALTER TABLE nar_urls ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
CREATE TABLE lease_fences (
  name VARCHAR(700) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  fence BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- migrate:down
DROP TABLE lease_fences;
ALTER TABLE nar_urls DROP COLUMN fence;
