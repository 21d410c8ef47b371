//! Whether the disk has room for writes.

use std::path::Path;

use crate::{Result, StoreError};

/// Less than this is called full, or less than a share of a small disk.
const LEAST_BYTES: u64 = 4 * 1024 * 1024;
const LEAST_SHARE: u64 = 16;

/// Refuses a disk on which only the smallest writes would succeed.
pub(super) fn check(path: &Path) -> Result<()> {
    let disk = rustix::fs::statvfs(path)
        .map_err(|error| StoreError::Database(format!("cannot ask how much room {} has: {error}", path.display())))?;
    let (free, all) = (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    if enough(free, all) { Ok(()) } else { Err(StoreError::Full) }
}

fn enough(free: u64, all: u64) -> bool {
    free >= LEAST_BYTES.min(all / LEAST_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_some_megabytes_or_a_part_of_a_small_disk() {
        let mib = 1024 * 1024;
        assert!(enough(4 * mib, 100_000 * mib) && !enough(4 * mib - 1, 100_000 * mib));
        assert!(enough(mib, 2 * mib) && !enough(mib / 16, 2 * mib));
    }
}
