//! What policies do with real packets: a model that shares nothing with the product, the product's evaluator, and the kernel
//! with what the agent writes must say the same.

mod compare;
mod defects;
mod draw;
mod flows;
mod lab;
mod limits;
mod memory;
mod model;
mod packet;
mod sites;
mod stream;
mod tun;
mod world;

use patronus_tests::say;

use compare::{Counts, differences};
use draw::Draw;
use lab::Lab;
use world::World;

const SEED: u64 = 4;
const SETS: u16 = 60;
const PACKETS: u16 = 200;

#[test]
fn the_kernel_does_what_the_evaluator_and_the_model_say() {
    lab::run("policies against the kernel", || async {
        let (mut world, mut draw, mut seen) = (World::new(), Draw::new(SEED), Counts::default());
        let lab = Lab::new(&world);
        for number in 0..SETS {
            let (set, packets) = (draw.set(), draw.packets(PACKETS));
            let order = world.order(&set);
            lab.apply(&order).await;
            let differences = differences(&lab, (&set, &order), &packets, &mut seen).await;
            assert!(differences.is_empty(), "seed {SEED}, set {number}: {}\n{}", differences.len(), differences[0]);
            lab::forget_flows();
            world.release(&lab.flow_marks().await);
        }
        say(&format!("policies: {SETS} sets, {} packets: {:?}\n", SETS * PACKETS, seen.0));
        seen.assert_all(50);
    });
}
