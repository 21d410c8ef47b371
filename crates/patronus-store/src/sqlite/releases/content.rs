//! What bundles are made of: slices over chunks that many bundles share, all named by their SHA-256.
//!
//! A content is there while a bundle names it, a chunk while a content does. Both are checked when they are read: a bit
//! that fell over on the disk must not travel under a good name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use patronus_types::Digest;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::kept::Kept;
use crate::sqlite::codec::{Json, Sha};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Unit, not_found, row};
use crate::{Chunk, NewBundle, NewRelease, Slice, StoreError, StoredBundle};

/// Stores what the bundles of a release are made of, as far as it is not stored.
pub(super) fn keep(unit: &Unit<'_>, new: &NewRelease) -> Outcome<()> {
    let chunks: BTreeMap<Digest, &Chunk> = new.chunks.iter().map(|chunk| (chunk.digest, chunk)).collect();
    for bundle in &new.bundles {
        let known = unit.row("SELECT 1 FROM contents WHERE digest = ?1", [Sha(bundle.digest)], |_| Ok(()))?;
        if known.is_none() {
            keep_one(unit, bundle, &chunks)?;
        }
    }
    Ok(())
}

fn keep_one(unit: &Unit<'_>, bundle: &NewBundle, chunks: &BTreeMap<Digest, &Chunk>) -> Outcome<()> {
    let needed: BTreeSet<Digest> = bundle.slices.iter().map(|slice| slice.chunk).collect();
    let mut lengths = BTreeMap::new();
    for digest in &needed {
        lengths.insert(*digest, keep_chunk(unit, *digest, chunks.get(digest).copied())?);
    }
    refuse_misfit(bundle, &lengths)?;
    unit.execute(
        "INSERT INTO contents (digest, size, slices) VALUES (?1, ?2, ?3)",
        params![Sha(bundle.digest), bundle.size, Json(&bundle.slices)],
    )?;
    for digest in needed {
        unit.execute(
            "INSERT INTO content_chunks (content, chunk) VALUES (?1, ?2)",
            params![Sha(bundle.digest), Sha(digest)],
        )?;
    }
    Ok(())
}

/// Stores a chunk if it is not stored; answers its length.
fn keep_chunk(unit: &Unit<'_>, digest: Digest, chunk: Option<&Chunk>) -> Outcome<u64> {
    let stored = unit.row("SELECT length(bytes) FROM chunks WHERE digest = ?1", [Sha(digest)], |row| row.get(0))?;
    if let Some(length) = stored {
        return Ok(length);
    }
    let chunk = chunk.ok_or_else(|| StoreError::Damaged(format!("chunk {digest} of the release is missing")))?;
    unit.execute("INSERT INTO chunks (digest, bytes) VALUES (?1, ?2)", params![Sha(digest), &chunk.bytes[..]])?;
    Ok(u64::try_from(chunk.bytes.len()).unwrap_or(u64::MAX))
}

fn refuse_misfit(bundle: &NewBundle, lengths: &BTreeMap<Digest, u64>) -> Outcome<()> {
    let fits = |slice: &Slice| {
        let end = slice.offset.checked_add(slice.len);
        end.zip(lengths.get(&slice.chunk)).is_some_and(|(end, length)| end <= *length)
    };
    let size = bundle.slices.iter().try_fold(0u64, |sum, slice| sum.checked_add(slice.len));
    if size == Some(bundle.size) && bundle.slices.iter().all(fits) {
        return Ok(());
    }
    let message = format!("the slices of site `{}` do not make up its {} bytes", bundle.name, bundle.size);
    Err(StoreError::Damaged(message).into())
}

/// Removes what no bundle needs any more.
pub(in crate::sqlite) fn forget_unused(unit: &Unit<'_>) -> Outcome<()> {
    unit.execute(
        "DELETE FROM contents WHERE NOT EXISTS (SELECT 1 FROM bundles WHERE bundles.digest = contents.digest)",
        [],
    )?;
    unit.execute("DELETE FROM chunks WHERE NOT EXISTS (SELECT 1 FROM content_chunks WHERE chunk = chunks.digest)", [])?;
    Ok(())
}

/// Reads what a bundle is made of.
pub(super) fn load(connection: &Connection, kept: &Kept, digest: Digest) -> Outcome<StoredBundle> {
    let sql = "SELECT slices FROM contents WHERE digest = ?1";
    let found = row(connection, sql, [Sha(digest)], |row| row.get::<_, Json<Vec<Slice>>>(0))?;
    let Json(slices) = found.ok_or_else(|| not_found("bundle", digest))?;
    let named: BTreeSet<Digest> = slices.iter().map(|slice| slice.chunk).collect();
    let chunks = named.into_iter().map(|chunk| load_chunk(connection, kept, chunk)).collect::<Outcome<_>>()?;
    Ok(StoredBundle { slices, chunks, archive: archive(connection, digest)? })
}

fn load_chunk(connection: &Connection, kept: &Kept, digest: Digest) -> Outcome<Chunk> {
    if let Some(chunk) = kept.get(digest) {
        return Ok(chunk);
    }
    let sql = "SELECT bytes FROM chunks WHERE digest = ?1";
    let bytes: Option<Arc<[u8]>> = row(connection, sql, [Sha(digest)], |row| Ok(row.get_ref(0)?.as_blob()?.into()))?;
    let bytes = bytes.filter(|bytes| sha256(bytes) == digest).ok_or_else(|| damaged("chunk", digest))?;
    let chunk = Chunk { digest, bytes };
    kept.put(&chunk);
    Ok(chunk)
}

/// Reads the archive made of a bundle.
pub(super) fn archive(connection: &Connection, digest: Digest) -> Outcome<Option<Arc<[u8]>>> {
    let sql = "SELECT archive, archive_digest FROM contents WHERE digest = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let archive: Option<Arc<[u8]>> = row.get_ref(0)?.as_blob_or_null()?.map(Into::into);
        Ok((archive, row.get::<_, Option<Sha>>(1)?))
    };
    match row(connection, sql, [Sha(digest)], read)?.ok_or_else(|| not_found("bundle", digest))? {
        (Some(archive), Some(Sha(expected))) if sha256(&archive) == expected => Ok(Some(archive)),
        (None, _) => Ok(None),
        (Some(_), _) => Err(damaged("archive of bundle", digest).into()),
    }
}

/// Keeps the archive made of a bundle; a second one is not needed.
pub(super) fn keep_archive(connection: &Connection, digest: Digest, archive: &[u8]) -> Outcome<()> {
    connection
        .prepare_cached("UPDATE contents SET archive = ?2, archive_digest = ?3 WHERE digest = ?1 AND archive IS NULL")?
        .execute(params![Sha(digest), archive, Sha(sha256(archive))])?;
    Ok(())
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn damaged(kind: &str, digest: Digest) -> StoreError {
    StoreError::Damaged(format!("{kind} {digest}: check the disk, then restore a backup"))
}
