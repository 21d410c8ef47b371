//! Whatever the network does, within a moment no traffic goes where nothing passes while it could go where something does.

use proptest::prelude::*;

use super::*;

/// How long the two ends may take: silence, and a path that came back has to settle.
const MOMENT: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone)]
enum Event {
    /// One direction of one way, from this end.
    Way {
        end: usize,
        local: u8,
        remote: u8,
        loss_pct: u64,
    },
    /// All ways of the first end's uplink.
    Uplink {
        local: u8,
        loss_pct: u64,
    },
    /// The first end does not run for so long.
    Stall(u64),
    Traffic(bool),
}

fn event() -> impl Strategy<Value = (Event, u64)> {
    let loss = prop::sample::select(vec![0u64, 0, 10, 30, 100, 100]);
    let event = prop_oneof![
        3 => (0usize..2, 0u8..2, 0u8..2, loss.clone()).prop_map(|(end, local, remote, loss_pct)| Event::Way { end, local, remote, loss_pct }),
        3 => (0u8..2, loss).prop_map(|(local, loss_pct)| Event::Uplink { local, loss_pct }),
        1 => (50u64..3000).prop_map(Event::Stall),
        1 => any::<bool>().prop_map(Event::Traffic),
    ];
    (event, 1u64..20_000)
}

fn play(wan: &mut Wan, event: &Event) {
    match *event {
        Event::Way { end, local, remote, loss_pct } => {
            wan.links.insert((end, local, remote), Link { loss_pct, ..GOOD });
        }
        Event::Uplink { local, loss_pct } => wan.uplink(local, Link { loss_pct, ..GOOD }),
        Event::Stall(millis) => wan.sleep(ms(millis)),
        Event::Traffic(flows) => wan.traffic = flows,
    }
}

/// What a path, numbered as by `end`, loses in one direction and in the other.
fn losses(wan: &Wan, end: usize, path: usize) -> (u64, u64) {
    let (local, remote) = (u8::try_from(path / 2).unwrap(), u8::try_from(path % 2).unwrap());
    let of = |key| wan.links.get(&key).map_or(0, |link| link.loss_pct);
    (of((end, local, remote)), of((1 - end, remote, local)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_traffic_goes_where_nothing_passes(events in prop::collection::vec(event(), 1..12), seed: u64) {
        let mut wan = Wan::new(PathSettings::default(), 4, seed);
        wan.run(s(5));
        for (event, wait) in &events {
            play(&mut wan, event);
            // Where no traffic flows, silence takes longer to be heard.
            wan.run(if wan.traffic { MOMENT } else { s(5) } + ms(*wait));
            for end in 0..2 {
                let clean = (0..4).filter(|path| losses(&wan, end, *path) == (0, 0)).count();
                let chosen = wan.chosen(end).path.unwrap();
                let (out, back) = losses(&wan, end, chosen);
                prop_assert!(clean == 0 || out < 100 && back < 100, "{event:?}: end {end} has {chosen}, {:?}", wan.heard(end));
            }
        }
    }

    #[test]
    fn a_seed_is_a_run(events in prop::collection::vec(event(), 1..6), seed: u64) {
        let run = || {
            let mut wan = Wan::new(PathSettings::default(), 4, seed);
            for (event, wait) in &events {
                play(&mut wan, event);
                wan.run(ms(*wait));
            }
            (wan.moves.clone(), wan.sent, wan.ends[1].take_minute())
        };
        prop_assert_eq!(run(), run());
    }
}
