//! What paths were like.

use patronus_types::{SiteId, Timestamp};

use super::world::{World, at, site_id};
use crate::PathBlock;

fn block(site: SiteId, at: Timestamp, seconds: u32, peers: &[SiteId]) -> PathBlock {
    PathBlock { site, at, seconds, peers: peers.to_vec(), block: at.as_second().to_be_bytes().to_vec() }
}

pub async fn blocks_are_kept_folded_and_forgotten(world: &World) {
    let network = world.network("alpha").await;
    let (ams, fra) = (world.site(network.id, "ams").await, world.site(network.id, "fra").await);
    let hour = Timestamp::from_millisecond(at(0).as_millisecond() / 3_600_000 * 3_600_000).unwrap();
    let minute = |minutes: i64| hour + jiff::SignedDuration::from_secs(60 * minutes);
    for minutes in [0, 1, 59, 60, 61] {
        let kept = block(ams.id, minute(minutes), 60, &[fra.id]);
        for _ in 0..2 {
            world.store.keep_path_block(kept.clone()).await.unwrap();
        }
    }
    world.store.keep_path_block(block(fra.id, minute(5), 60, &[ams.id])).await.unwrap();
    world.store.keep_path_block(block(site_id(), minute(5), 60, &[ams.id])).await.unwrap();
    let read = |site, since, until| async move {
        let found = world.store.path_blocks(site, minute(since), minute(until)).await.unwrap();
        found.into_iter().map(|block| (block.at, block.seconds)).collect::<Vec<_>>()
    };
    let all = read(ams.id, 0, 1000).await;
    assert_eq!(all, [0, 1, 59, 60, 61].map(|minutes| (minute(minutes), 60)));
    assert_eq!(read(ams.id, 1, 60).await.len(), 2, "the end is not part of it");
    let found = world.store.path_blocks(ams.id, minute(1), minute(2)).await.unwrap();
    assert_eq!(found, [block(ams.id, minute(1), 60, &[fra.id])]);
    let newest = world.store.newest_path_blocks(minute(30)).await.unwrap();
    assert_eq!(newest, [block(ams.id, minute(61), 60, &[fra.id])], "the other's is older");

    let mut unfolded = world.store.unfolded_paths(minute(60), 10).await.unwrap();
    unfolded.sort_unstable();
    assert_eq!(unfolded, [(ams.id, hour), (fra.id, hour)]);
    assert_eq!(world.store.unfolded_paths(minute(60), 1).await.unwrap().len(), 1);
    world.store.fold_path_blocks(block(ams.id, hour, 3600, &[fra.id])).await.unwrap();
    assert_eq!(read(ams.id, 0, 1000).await, [(hour, 3600), (minute(60), 60), (minute(61), 60)]);
    assert_eq!(world.store.unfolded_paths(minute(60), 10).await.unwrap(), [(fra.id, hour)]);

    assert_eq!(world.store.forget_path_blocks(minute(60), 1).await.unwrap(), 1);
    assert_eq!(world.store.forget_path_blocks(minute(60), 10).await.unwrap(), 1);
    assert_eq!(read(ams.id, 0, 1000).await.len(), 2);
    world.store.delete_site(&world.write(), ams.id, 1).await.unwrap();
    assert!(read(ams.id, 0, 1000).await.is_empty(), "it goes with its site");
    assert_eq!(world.store.forget_path_blocks(minute(1000), 10).await.unwrap(), 0);
}
