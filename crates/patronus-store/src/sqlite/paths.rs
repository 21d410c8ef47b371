//! What paths were like.

use patronus_types::{Digest, SiteId, Timestamp};
use rusqlite::{Connection, Row, params};
use sha2::{Digest as _, Sha256};

use super::SqliteStore;
use super::codec::{Columns, Ms, Sha, Text, joined};
use super::failure::Outcome;
use super::unit::{row as one, rows};
use crate::{PathBlock, Paths, Result};

const HOUR_S: u32 = 3600;
const HOUR_MS: i64 = 3_600_000;

macro_rules! select {
    () => {
        "SELECT b.site_id, b.at, b.seconds, p.sites, b.block FROM path_blocks b JOIN path_peers p ON p.id = b.peers"
    };
}

#[async_trait::async_trait]
impl Paths for SqliteStore {
    async fn keep_path_block(&self, block: PathBlock) -> Result<()> {
        self.maintain(move |connection| keep(connection, &block)).await
    }

    async fn path_blocks(&self, site: SiteId, since: Timestamp, until: Timestamp) -> Result<Vec<PathBlock>> {
        let sql = concat!(select!(), " WHERE b.site_id = ?1 AND b.at >= ?2 AND b.at < ?3 ORDER BY b.at");
        self.readers
            .long(move |connection| rows(connection, sql, params![Text(site), Ms(since), Ms(until)], read))
            .await
    }

    async fn newest_path_blocks(&self, since: Timestamp) -> Result<Vec<PathBlock>> {
        let sql = concat!(
            select!(),
            " WHERE b.at >= ?1 AND b.at = (SELECT max(at) FROM path_blocks WHERE site_id = b.site_id)"
        );
        self.readers.long(move |connection| rows(connection, sql, [Ms(since)], read)).await
    }

    async fn unfolded_paths(&self, before: Timestamp, most: u32) -> Result<Vec<(SiteId, Timestamp)>> {
        let sql = "SELECT site_id, at / ?2 * ?2 FROM path_blocks WHERE seconds < ?3 AND at < ?1 GROUP BY 1, 2 LIMIT ?4";
        let read = |row: &Row<'_>| {
            let mut columns = Columns::new(row);
            Ok((columns.text()?, columns.time()?))
        };
        self.readers
            .long(move |connection| rows(connection, sql, params![Ms(before), HOUR_MS, HOUR_S, most], read))
            .await
    }

    async fn fold_path_blocks(&self, block: PathBlock) -> Result<()> {
        self.maintain(move |connection| {
            let begin = block.at.as_millisecond();
            connection
                .prepare_cached("DELETE FROM path_blocks WHERE site_id = ?1 AND at >= ?2 AND at < ?3")?
                .execute(params![Text(block.site), begin, begin + HOUR_MS])?;
            keep(connection, &block)
        })
        .await
    }

    async fn forget_path_blocks(&self, before: Timestamp, most: u32) -> Result<usize> {
        self.maintain(move |connection| {
            let forgotten = connection
                .prepare_cached(
                    "DELETE FROM path_blocks WHERE (site_id, at) IN
                        (SELECT site_id, at FROM path_blocks WHERE at < ?1 LIMIT ?2)",
                )?
                .execute(params![Ms(before), most])?;
            connection.execute("DELETE FROM path_peers WHERE id NOT IN (SELECT peers FROM path_blocks)", [])?;
            Ok(forgotten)
        })
        .await
    }
}

fn keep(connection: &Connection, block: &PathBlock) -> Outcome<()> {
    let known = one(connection, "SELECT 1 FROM sites WHERE id = ?1", [Text(block.site)], |_| Ok(()))?;
    if known.is_none() {
        return Ok(());
    }
    let sites = joined(&block.peers);
    let digest = Sha(Digest(Sha256::digest(sites.as_bytes()).into()));
    connection
        .prepare_cached("INSERT INTO path_peers (digest, sites) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![digest, sites])?;
    connection
        .prepare_cached(
            "INSERT INTO path_blocks (site_id, at, seconds, peers, block)
             SELECT ?1, ?2, ?3, id, ?5 FROM path_peers WHERE digest = ?4 ON CONFLICT DO NOTHING",
        )?
        .execute(params![Text(block.site), Ms(block.at), block.seconds, digest, block.block])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<PathBlock> {
    let mut columns = Columns::new(row);
    Ok(PathBlock {
        site: columns.text()?,
        at: columns.time()?,
        seconds: columns.plain()?,
        peers: columns.texts()?,
        block: columns.plain()?,
    })
}
