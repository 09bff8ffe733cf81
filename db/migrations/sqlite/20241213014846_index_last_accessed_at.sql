-- migrate:up
CREATE INDEX idx_narinfos_last_accessed_at ON narinfos (last_accessed_at);
CREATE INDEX idx_nars_last_accessed_at ON nars (last_accessed_at);

-- migrate:down
DROP INDEX idx_nars_last_accessed_at;
DROP INDEX idx_narinfos_last_accessed_at;
