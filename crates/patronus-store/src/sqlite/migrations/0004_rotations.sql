-- The replacing of sites' keys: of one site of a network at a time.

-- Which set of keys a site has, counted from its enrolment, and since when.
ALTER TABLE sites ADD COLUMN key_number INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sites ADD COLUMN keys_since INTEGER;
UPDATE sites SET keys_since = coalesce(enrolled_at, created_at) WHERE public_keys <> '';

CREATE TABLE rotations (
    network_id TEXT PRIMARY KEY REFERENCES networks (id) ON DELETE CASCADE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    site_id TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    phase TEXT NOT NULL,
    -- Of the set of keys that it brings.
    number INTEGER NOT NULL,
    -- The release that began the phase.
    version INTEGER,
    -- The sites without which it goes on, as JSON.
    without TEXT NOT NULL,
    -- Whether the server began it by itself.
    by_age INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rotations_by_site ON rotations (site_id);
