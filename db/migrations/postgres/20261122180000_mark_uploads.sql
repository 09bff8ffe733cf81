-- A narinfo that a client sent stays servable after a restart although no upstream's key has signed it.

-- migrate:up
ALTER TABLE narinfos ADD COLUMN uploaded SMALLINT NOT NULL DEFAULT 0;

-- migrate:down
ALTER TABLE narinfos DROP COLUMN uploaded;
