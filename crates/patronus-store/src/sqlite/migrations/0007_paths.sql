-- What paths were like: a block for each while that a site reported, later one for each hour. A block knows the other sites by
-- their places in a list, which seldom changes.
CREATE TABLE path_peers (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    sites TEXT NOT NULL
) STRICT;
CREATE TABLE path_blocks (
    site_id TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    peers INTEGER NOT NULL REFERENCES path_peers (id),
    block BLOB NOT NULL,
    PRIMARY KEY (site_id, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX path_blocks_by_age ON path_blocks (seconds, at);
