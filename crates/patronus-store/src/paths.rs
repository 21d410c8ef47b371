//! What paths were like.

use patronus_types::{SiteId, Timestamp};

use crate::Result;

/// What a site's paths were like for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathBlock {
    /// The site.
    pub site: SiteId,
    /// When the while began.
    pub at: Timestamp,
    /// How long it was, in seconds.
    pub seconds: u32,
    /// The other sites, by whose places here the block knows its paths.
    pub peers: Vec<SiteId>,
    /// The sums, as `patronus_core::path::summary` writes them.
    pub block: Vec<u8>,
}

/// What a store does with them. Nothing here is an event, and nothing has an author.
#[async_trait::async_trait]
pub trait Paths {
    /// Keeps a block; one of a site that is gone is dropped, as is a second one of the same moment.
    async fn keep_path_block(&self, block: PathBlock) -> Result<()>;

    /// The blocks of a site that begin from a time on up to another, oldest first.
    async fn path_blocks(&self, site: SiteId, since: Timestamp, until: Timestamp) -> Result<Vec<PathBlock>>;

    /// The newest block of each site, as far as it is not older than a time.
    async fn newest_path_blocks(&self, since: Timestamp) -> Result<Vec<PathBlock>>;

    /// Sites and hours (their beginnings) that have blocks shorter than an hour from before a time, at most so many.
    async fn unfolded_paths(&self, before: Timestamp, most: u32) -> Result<Vec<(SiteId, Timestamp)>>;

    /// Puts one block in the place of those of its site that begin in its hour.
    async fn fold_path_blocks(&self, block: PathBlock) -> Result<()>;

    /// Forgets blocks from before a time, at most so many; answers how many.
    async fn forget_path_blocks(&self, before: Timestamp, most: u32) -> Result<usize>;
}
