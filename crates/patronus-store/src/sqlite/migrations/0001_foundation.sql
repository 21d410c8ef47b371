-- The first schema. Times are milliseconds since 1970, ids and keys are text, digests are 32 bytes, declared things are
-- JSON as the wire has them. Every table says whose tenant a row is, except the contents of bundles: those are found by
-- their digest alone and shown only through a bundle, which says it.

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The number of each tenant's newest event. Counted in the transaction of the event: no gaps.
CREATE TABLE event_counters (
    tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
    newest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Events outlive what they tell of, so they refer to nothing but their tenant.
CREATE TABLE events (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    number INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    resource_kind TEXT,
    resource_id TEXT,
    resource_name TEXT,
    network_id TEXT,
    request_id TEXT,
    message TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (tenant_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    tenant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, scope, key)
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One login is a chain of refresh tokens, each used once.
CREATE TABLE logins (
    id INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX logins_by_user ON logins (user_id);

-- Used ones are kept until they expire: only then is a second use known for what it is.
CREATE TABLE refresh_tokens (
    hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    login_id INTEGER NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- Grows with what would be compiled; the network is clean while it equals `clean_generation`.
    generation INTEGER NOT NULL,
    clean_generation INTEGER,
    released_version INTEGER,
    -- The highest version an agent says it accepted: no release may have it again, also after a restored backup.
    accepted_version INTEGER NOT NULL DEFAULT 0,
    -- The lowest host index that was never given out.
    next_host INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- Host indexes of deleted sites, given out again late.
CREATE TABLE freed_hosts (
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    host INTEGER NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    freed_at INTEGER NOT NULL,
    PRIMARY KEY (network_id, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX freed_hosts_by_age ON freed_hosts (network_id, freed_at, host);

CREATE TABLE sites (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    network_id TEXT NOT NULL REFERENCES networks (id),
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    host INTEGER NOT NULL,
    -- Addresses and keys in order, with spaces between.
    addresses TEXT NOT NULL,
    public_keys TEXT NOT NULL,
    port_base INTEGER,
    source TEXT NOT NULL,
    enrolled_at INTEGER,
    left_at INTEGER,
    last_seen_at INTEGER,
    desired_version INTEGER,
    running_version INTEGER,
    agent_version TEXT,
    hostname TEXT,
    driver TEXT,
    last_outcome TEXT,
    -- The version of the last outcome, where that was not `applied`.
    failed_version INTEGER,
    report_seq INTEGER,
    last_report TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (network_id, name),
    UNIQUE (network_id, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX sites_by_name ON sites (tenant_id, name, id);

-- Whose a key is: one site's in the whole tenant.
CREATE TABLE site_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    public_key TEXT NOT NULL,
    site_id TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant_id, public_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_keys_by_site ON site_keys (site_id);

-- Tokens outlive their sites, so that what a revoked one was for can still be told.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    role TEXT NOT NULL,
    network_id TEXT,
    site_id TEXT,
    site TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER,
    -- What an enrolment token was used with, so that a repeat is known: nonce, keys, and the agent's token it gave.
    nonce_hash TEXT,
    public_keys TEXT,
    agent_token_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_site ON tokens (site_id) WHERE site_id IS NOT NULL;

CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    rollback_of INTEGER,
    message TEXT NOT NULL,
    generation INTEGER NOT NULL,
    declared TEXT NOT NULL,
    pending TEXT NOT NULL,
    sites INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (network_id, version)
) STRICT;

-- What a tar is made of, and its archive once one was asked for. `slices` names chunks by digest, offset and length.
CREATE TABLE contents (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    slices TEXT NOT NULL,
    archive BLOB,
    archive_digest BLOB
) STRICT;

CREATE TABLE chunks (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- Which contents need which chunks. A chunk goes when none does.
CREATE TABLE content_chunks (
    content BLOB NOT NULL REFERENCES contents (digest) ON DELETE CASCADE,
    chunk BLOB NOT NULL REFERENCES chunks (digest),
    PRIMARY KEY (content, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_chunks_by_chunk ON content_chunks (chunk);

-- A site's bundle in a release. Sites may be deleted, releases stay as they were.
CREATE TABLE bundles (
    network_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    site_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    site TEXT NOT NULL,
    digest BLOB NOT NULL REFERENCES contents (digest),
    size INTEGER NOT NULL,
    source TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (network_id, version, site_id),
    FOREIGN KEY (network_id, version) REFERENCES releases (network_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX bundles_by_digest ON bundles (digest, site_id);

-- Written by a probe, to show that writes work.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, at) VALUES (1, 0);
