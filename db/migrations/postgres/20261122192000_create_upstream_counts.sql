-- What came from each upstream, and what of it was served, by day. Instances that share a database add to one row.

-- migrate:up
CREATE TABLE upstream_counts (
  day VARCHAR(10) NOT NULL,
  upstream VARCHAR(255) NOT NULL,
  name VARCHAR(64) NOT NULL,
  number BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (day, upstream, name)
);

-- migrate:down
DROP TABLE upstream_counts;
