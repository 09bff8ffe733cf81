-- migrate:up
-- SQLite cannot change a reference: the table is made anew.
CREATE TABLE nars_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  narinfo_id INTEGER NOT NULL REFERENCES narinfos (id) ON DELETE CASCADE,
  hash TEXT NOT NULL UNIQUE,
  compression TEXT NOT NULL DEFAULT '',
  file_size INTEGER NOT NULL,
  query TEXT NOT NULL DEFAULT '',
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP,
  last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO nars_new (id, narinfo_id, hash, compression, file_size, query, created_at, updated_at, last_accessed_at)
SELECT id, narinfo_id, hash, compression, file_size, query, created_at, updated_at, last_accessed_at FROM nars;
DROP TABLE nars;
ALTER TABLE nars_new RENAME TO nars;
CREATE INDEX idx_nars_narinfo_id ON nars (narinfo_id);
CREATE INDEX idx_nars_last_accessed_at ON nars (last_accessed_at);

-- migrate:down
CREATE TABLE nars_old (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  narinfo_id INTEGER NOT NULL REFERENCES narinfos (id),
  hash TEXT NOT NULL UNIQUE,
  compression TEXT NOT NULL DEFAULT '',
  file_size INTEGER NOT NULL,
  query TEXT NOT NULL DEFAULT '',
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP,
  last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO nars_old (id, narinfo_id, hash, compression, file_size, query, created_at, updated_at, last_accessed_at)
SELECT id, narinfo_id, hash, compression, file_size, query, created_at, updated_at, last_accessed_at FROM nars;
DROP TABLE nars;
ALTER TABLE nars_old RENAME TO nars;
CREATE INDEX idx_nars_narinfo_id ON nars (narinfo_id);
CREATE INDEX idx_nars_last_accessed_at ON nars (last_accessed_at);
