use proptest::prelude::*;

use super::*;

const INTERVAL: Duration = Duration::from_millis(100);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn figures(estimate: &Estimate) -> Figures {
    estimate.figures().unwrap()
}

#[test]
fn smoothing_is_that_of_the_standards() {
    let mut estimate = Estimate::default();
    assert_eq!(estimate.figures(), None, "nothing is made up");
    for trip in [20, 28, 20] {
        assert_eq!(estimate.handle_trip(ms(trip), INTERVAL), Trip::Taken);
    }
    // 20, then 20 + 8/8 = 21, then 21 − 1/8; the differences 8 and 8: 8/16 = 0.5, then 0.5 + 7.5/16.
    assert!((figures(&estimate).latency_ms - 20.875).abs() < 1e-4);
    assert!((figures(&estimate).jitter_ms - 0.968_75).abs() < 1e-4);
}

#[test]
fn a_late_packet_says_nothing_of_latency_unless_all_are() {
    let mut estimate = Estimate::default();
    assert_eq!(estimate.handle_trip(ms(5_100), INTERVAL), Trip::Late, "it waited for a handshake");
    assert_eq!(estimate.handle_trip(ms(40), INTERVAL), Trip::Taken);
    assert_eq!(estimate.handle_trip(ms(1_042), INTERVAL), Trip::Late);
    assert_eq!(estimate.handle_trip(ms(1_038), INTERVAL), Trip::Taken, "late is more than ten intervals");
    let mut estimate = Estimate::default();
    estimate.handle_trip(ms(40), INTERVAL);
    let taken: Vec<bool> = (0..12).map(|_| estimate.handle_trip(ms(2_000), INTERVAL) == Trip::Taken).collect();
    assert_eq!(taken, [vec![false; 9], vec![true; 3]].concat());
    assert!((figures(&estimate).latency_ms - 2_000.0).abs() < 0.1, "the old way is no start");
}

#[test]
fn a_satellite_is_not_late_at_the_fastest_interval() {
    let mut estimate = Estimate::default();
    assert_eq!(estimate.handle_trip(ms(620), ms(20)), Trip::Taken);
    assert_eq!(estimate.handle_trip(ms(810), ms(20)), Trip::Taken);
    assert_eq!(estimate.handle_trip(ms(900), ms(20)), Trip::Late);
}

#[test]
fn numbers_tell_what_came() {
    let mut estimate = Estimate::default();
    let newest = |lost| Arrival::Newest(Count { lost, came: 1 });
    for (seq, said) in [
        (u32::MAX, Arrival::Anew),
        (0, newest(0)),
        (3, newest(2)),
        (2, Arrival::Overtaken),
        (2, Arrival::Twice),
        (3, Arrival::Twice),
        (1, Arrival::Overtaken),
        (u32::MAX - 5, Arrival::Twice),
        (4, newest(0)),
        (50, newest(45)),
        (2_000_000_000, Arrival::Anew),
        (7, Arrival::Anew),
    ] {
        assert_eq!(estimate.handle_seq(seq), said, "{seq}");
    }
}

#[test]
fn what_the_far_end_heard_is_what_was_not_lost() {
    let mut estimate = Estimate::default();
    estimate.handle_trip(ms(20), INTERVAL);
    for (ack, received, lost, came) in [
        (100, 40, 0, 0), // The first says only where to begin.
        (110, 50, 0, 10),
        (120, 55, 5, 5),
        (120, 56, 0, 0), // One of the five was overtaken.
        (119, 55, 0, 0), // So was what said so.
        (130, 66, 0, 10),
    ] {
        assert_eq!(estimate.handle_told(ack, received), Count { lost, came }, "{ack} {received}");
    }
    assert!((figures(&estimate).loss - 4.0 / 32.0).abs() < 1e-6, "{}", figures(&estimate).loss);
    assert_eq!(estimate.handle_told(140, 1), Count::default(), "it counts anew");
    assert_eq!(estimate.handle_told(141, 2), Count { lost: 0, came: 1 });
}

#[test]
fn an_outage_that_is_over_is_no_loss_but_a_lossy_path_stays_one() {
    let mut estimate = Estimate::default();
    estimate.handle_trip(ms(20), INTERVAL);
    let told = |estimate: &mut Estimate, ack, received| _ = estimate.handle_told(ack, received);
    told(&mut estimate, 1000, 1000);
    told(&mut estimate, 1064, 1064);
    told(&mut estimate, 1400, 1066);
    assert_eq!(figures(&estimate).loss, 0.0);
    told(&mut estimate, 1420, 1080);
    assert!(figures(&estimate).loss > 0.15);
}

/// A brownout of 20 % is seen within 30 packets nearly always, and a loss of 1 % is hardly ever taken for one.
#[test]
fn a_brownout_is_told_from_chance() {
    let trial = |seed: u64, percent: u64, packets: u32| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut estimate = Estimate::default();
        estimate.handle_trip(ms(20), INTERVAL);
        estimate.handle_told(0, 0);
        estimate.handle_told(128, 128);
        let mut received = 128;
        (129..129 + packets).any(|ack| {
            received += u32::from(random() % 100 >= percent);
            estimate.handle_told(ack, received);
            figures(&estimate).score() < 80.0
        })
    };
    let of = |percent, packets| (0..1000).filter(|&seed| trial(seed, percent, packets)).count();
    let (brownout, chance) = (of(20, 30), of(1, 30));
    assert!(brownout >= 930, "{brownout} of 1000 seen");
    assert!(chance <= 10, "{chance} of 1000 taken for one");
}

proptest! {
    #[test]
    fn figures_are_always_figures(trips in prop::collection::vec((0u64..20_000_000_000, 20u64..10_000), 1..100), told in prop::collection::vec(any::<(u32, u32)>(), 0..50)) {
        let mut estimate = Estimate::default();
        for (trip, interval) in trips {
            estimate.handle_trip(Duration::from_nanos(trip), ms(interval));
        }
        for (ack, received) in told {
            estimate.handle_told(ack, received);
        }
        if let Some(Figures { latency_ms, loss, jitter_ms }) = estimate.figures() {
            prop_assert!((0.0..30_000.0).contains(&latency_ms));
            prop_assert!((0.0..=1.0).contains(&loss) && (0.0..30_000.0).contains(&jitter_ms));
        }
    }

    #[test]
    fn latency_lies_between_the_trips(trips in prop::collection::vec(1u64..150, 1..100)) {
        let mut estimate = Estimate::default();
        for &trip in &trips {
            prop_assert_eq!(estimate.handle_trip(ms(trip), INTERVAL), Trip::Taken);
        }
        let (least, most) = (*trips.iter().min().unwrap() as f32, *trips.iter().max().unwrap() as f32);
        let latency = figures(&estimate).latency_ms;
        prop_assert!(latency >= least - 0.01 && latency <= most + 0.01);
        prop_assert!(figures(&estimate).jitter_ms <= most - least + 0.01);
    }
}
