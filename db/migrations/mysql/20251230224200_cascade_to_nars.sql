-- migrate:up
ALTER TABLE nars DROP FOREIGN KEY fk_nars_narinfo;
ALTER TABLE nars ADD CONSTRAINT fk_nars_narinfo
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE;

-- migrate:down
ALTER TABLE nars DROP FOREIGN KEY fk_nars_narinfo;
ALTER TABLE nars ADD CONSTRAINT fk_nars_narinfo
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id);
