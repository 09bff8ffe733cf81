-- What was served and fetched, by day: what `ncps stats` says. Instances that share a database add to one row.

-- migrate:up
CREATE TABLE daily_counts (
  day VARCHAR(10) NOT NULL,
  name VARCHAR(64) NOT NULL,
  number BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (day, name)
);

-- migrate:down
DROP TABLE daily_counts;
