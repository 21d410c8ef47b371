//! What it costs to compile a full mesh of a thousand sites: `cargo bench -p patronus-core --bench compile [-- SITES]`.
//!
//! Prints the milliseconds of one core for compiling with both digests, for signing, the peak of memory, and the ratio
//! to copying the same bytes (the least that any compiler that makes them must do).

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement needs a clock and an output")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use patronus_core::mesh::{Compilation, Input, Site, compile};
use patronus_core::rope::Rope;
use patronus_core::signature::{SigningKey, Statement, sign};
use patronus_core::{address, lint};
use patronus_types::network::{NetworkSpec, Topology};
use patronus_types::site::SiteInput;
use patronus_types::{NetworkId, PublicKey, SiteId, Timestamp};

const ROUNDS: usize = 5;

fn main() {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1000);
    let input = network(count);
    let linting = best(|| drop(black_box(lint::lint(&input))));
    let compiling = best(|| drop(black_box(compile(&input))));
    let Ok(compilation) = compile(&input) else { return println!("the sample network does not compile") };
    let hashing = best(|| compilation.sites.iter().for_each(|site| _ = black_box(site.tar.hashes())));
    let signing = best(|| sign_all(&input, &compilation));
    let copying = best(|| compilation.sites.iter().for_each(|site| _ = black_box(copy(&site.tar))));
    let mut hubs = input.clone();
    hubs.spec.topology = Topology::HubSpoke;
    hubs.sites.iter_mut().take(2).for_each(|site| site.spec.hub = true);
    let hub_spoke = best(|| drop(black_box(compile(&hubs))));
    let peak = peak_mb();

    let bytes: u64 = compilation.sites.iter().map(|site| site.hashes.len).sum();
    let slices: usize = compilation.sites.iter().map(|site| site.tar.slices().len()).sum();
    println!("sites               {count}");
    println!("bundles             {} MB in {slices} slices", bytes / 1_000_000);
    println!("lint                {:.1} ms", ms(linting));
    println!("compile and digest  {:.0} ms", ms(compiling));
    println!("  of it digests     {:.0} ms", ms(hashing));
    println!("  of it compiling   {:.1} ms", ms(compiling.saturating_sub(hashing)));
    println!("sign                {:.1} ms", ms(signing));
    println!("sum                 {:.0} ms", ms(compiling + signing));
    println!("hub-spoke, 2 hubs   {:.0} ms", ms(hub_spoke));
    println!("copy of the bytes   {:.0} ms", ms(copying));
    println!("compiling / copy    {:.2}", compiling.saturating_sub(hashing).as_secs_f64() / copying.as_secs_f64());
    println!("sum / copy          {:.1}", (compiling + signing).as_secs_f64() / copying.as_secs_f64());
    println!("peak memory         {peak} MB");
}

fn best(mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Into a warm buffer of one site, as a compiler without shared chunks would write it.
fn copy(tar: &Rope) -> usize {
    thread_local! {
        static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        tar.slices().iter().for_each(|slice| buffer.extend_from_slice(slice.bytes()));
        black_box(&*buffer).len()
    })
}

fn sign_all(input: &Input, compilation: &Compilation) {
    let key = SigningKey::from_seed(&[1; 32], [2; 8]);
    for site in &compilation.sites {
        let statement = Statement {
            network: input.network,
            site: site.id,
            version: 1,
            digest: site.hashes.digest,
            previous: None,
            issued_at: Timestamp::UNIX_EPOCH,
            terms: Default::default(),
        };
        drop(black_box(sign(&key, &site.hashes.prehash, &statement)));
    }
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn network(count: u32) -> Input {
    let spec = NetworkSpec::named(text("bench"));
    let sites = (0..count).map(|index| site(&spec, index)).collect();
    Input { network: NetworkId::new(1, &[0; 10]), spec, sites, rotation: None, policies: Vec::new() }
}

fn site(network: &NetworkSpec, index: u32) -> Site {
    let endpoint = Ipv4Addr::from(0xc612_0000 + index);
    let prefix = Ipv4Addr::from(0x0a00_0000 + (index << 8));
    let input: SiteInput = text_json(&format!(
        r#"{{"name": "site-{index:04}", "endpoints": ["{endpoint}"], "prefixes": ["{prefix}/24"]}}"#
    ));
    let mut key = [7; 32];
    key[..4].copy_from_slice(&index.to_be_bytes());
    let Ok((spec, _)) = input.into_spec() else { unreachable!("one shorthand") };
    Site {
        id: SiteId::new(u64::from(index), &[0; 10]),
        spec,
        addresses: address::of_site(network, index + 1).unwrap_or_default(),
        public_keys: vec![PublicKey(key)],
        port_base: Some(51_820),
        spare_key: None,
    }
}

fn text<T: std::str::FromStr>(text: &str) -> T {
    let Ok(value) = text.parse() else { unreachable!("a constant") };
    value
}

fn text_json<T: serde::de::DeserializeOwned>(json: &str) -> T {
    let Ok(value) = serde_json::from_str(json) else { unreachable!("a constant") };
    value
}
