-- What holds for a release alone, and what became of each of its bundles. Releases from before have neither.
ALTER TABLE releases ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE bundles ADD COLUMN outcome TEXT;
