-- What a site does with the version it should run: `apply`, `hold` or `shadow`.
ALTER TABLE sites ADD COLUMN mode TEXT NOT NULL DEFAULT 'apply';
