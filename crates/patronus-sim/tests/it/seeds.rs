//! What holds for whatever a seed draws. `PATRONUS_SIM_SEEDS=FROM..TO` plays more of them.

use std::ops::Range;

use patronus_sim::scenario::drawn;

use super::*;

/// How many are played twice.
const TWICE: u64 = 2;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("PATRONUS_SIM_SEEDS") else { return 0..9 };
    let (from, to) = text.split_once("..").expect("PATRONUS_SIM_SEEDS=FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn everything_holds_whatever_happens() {
    for seed in seeds() {
        let played = drawn(seed, 3).play();
        played.unwrap_or_else(|failure| {
            panic!(
                "{failure:#}\nagain: cargo run -p patronus-sim -- --scenario drawn --sites 3 --seeds {seed}..{}",
                seed + 1
            )
        });
    }
}

#[test]
fn a_seed_is_a_run_and_another_seed_another() {
    let runs: Vec<u64> = (0..TWICE).map(|seed| drawn(seed, 3).play_twice().unwrap().hash).collect();
    assert!(runs[0] != runs[1]);
    for name in ["blackout", "stall", "kill", "drop"] {
        scenario(name, 5).play_twice().unwrap();
    }
}
