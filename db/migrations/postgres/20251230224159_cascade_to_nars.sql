-- migrate:up
ALTER TABLE nars DROP CONSTRAINT IF EXISTS nars_narinfo_id_fkey;
ALTER TABLE nars ADD CONSTRAINT nars_narinfo_id_fkey
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE;

-- migrate:down
ALTER TABLE nars DROP CONSTRAINT IF EXISTS nars_narinfo_id_fkey;
ALTER TABLE nars ADD CONSTRAINT nars_narinfo_id_fkey
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id);
