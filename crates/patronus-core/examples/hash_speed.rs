//! How fast the digests of a thousand-site mesh are computed: both, and each alone.
//!
//! `cargo run --release -p patronus-core --example hash_speed` prints CPU-bound wall time over 380 MB of slices.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement needs a clock and an output")]

use std::time::Instant;

use blake2::Blake2b512;
use patronus_core::rope::{Chunk, Rope};
use sha2::{Digest, Sha256};

const SITES: usize = 1000;
const PEER_BLOCK: usize = 190;

fn main() {
    let ropes = ropes();
    let total: u64 = ropes.iter().map(Rope::len).sum();
    println!("{} ropes, {} slices, {} MB", ropes.len(), ropes[0].slices().len(), total / 1_000_000);
    for _ in 0..3 {
        measure("both", total, || ropes.iter().map(|rope| rope.hashes().len).sum());
        measure("SHA-256", total, || ropes.iter().map(alone::<Sha256>).sum());
        measure("BLAKE2b-512", total, || ropes.iter().map(alone::<Blake2b512>).sum());
    }
}

/// Per site two files of 999 peer blocks each: everything before its own block, and everything after.
fn ropes() -> Vec<Rope> {
    let blocks: Vec<u8> = (0u32..).flat_map(u32::to_le_bytes).take(SITES * PEER_BLOCK).collect();
    let chunk = Chunk::new(blocks);
    let own = |site: usize| [0..site * PEER_BLOCK, (site + 1) * PEER_BLOCK..SITES * PEER_BLOCK];
    (0..SITES)
        .map(|site| own(site).into_iter().chain(own(site)).filter_map(|range| chunk.slice(range)).collect())
        .collect()
}

fn alone<D: Digest>(rope: &Rope) -> u64 {
    let mut hasher = D::new();
    rope.slices().iter().for_each(|slice| hasher.update(slice.bytes()));
    u64::from(hasher.finalize()[0]) & 1
}

fn measure(what: &str, total: u64, work: impl FnOnce() -> u64) {
    let start = Instant::now();
    let result = std::hint::black_box(work());
    let elapsed = start.elapsed();
    let rate = u128::from(total) * 1000 / elapsed.as_micros().max(1);
    println!("{what:12} {:4} ms, {} MB/s ({result})", elapsed.as_millis(), rate / 1000);
}
