use proptest::prelude::*;

use super::*;

fn summary() -> impl Strategy<Value = Summary> {
    let counts = (0u32..10_000, 0u32..10_000, 0u32..10_000, 0u32..10_000);
    let trips = prop::collection::vec((0u64..3_000_000, 0u64..500_000), 0..20);
    (counts, trips, prop::collection::vec(0f32..=100.0, 0..20)).prop_map(|((a, b, c, d), trips, scores)| {
        let mut summary = Summary {
            outgoing: Count { lost: a, came: b },
            incoming: Count { lost: c, came: d },
            ..Summary::default()
        };
        trips
            .iter()
            .for_each(|(trip, jitter)| summary.add_trip(Duration::from_micros(*trip), Duration::from_micros(*jitter)));
        scores.iter().for_each(|score| summary.add_score(*score));
        summary
    })
}

fn rows() -> impl Strategy<Value = Vec<(u32, Summary)>> {
    prop::collection::btree_map(any::<u32>(), summary(), 0..40).prop_map(|rows| rows.into_iter().collect())
}

fn health(summary: &Summary) -> PathHealth {
    summary.health(PathId::from_bits(1), Timestamp::UNIX_EPOCH, 60)
}

#[test]
fn figures_are_those_of_the_while_and_null_without_one() {
    let mut summary = Summary { outgoing: Count { lost: 3, came: 597 }, ..Summary::default() };
    for trip in [20, 22, 30] {
        summary.add_trip(Duration::from_millis(trip), Duration::from_micros(1500));
    }
    summary.add_score(90.0);
    summary.add_score(0.0);
    let told = health(&summary);
    let of = |decimal: Option<Decimal>| decimal.map(Decimal::get);
    assert_eq!(
        (of(told.latency_ms), of(told.latency_min_ms), of(told.latency_max_ms)),
        (Some(24.0), Some(20.0), Some(30.0))
    );
    assert_eq!((of(told.packet_loss_pct), of(told.jitter_ms), told.health_score), (Some(0.5), Some(1.5), 45));
    let nothing = health(&Summary::default());
    assert_eq!(
        (nothing.latency_ms, nothing.packet_loss_pct, nothing.jitter_ms, nothing.health_score),
        (None, None, None, 0)
    );
}

#[test]
fn an_ordinary_minute_takes_few_bytes() {
    let mut minute =
        Summary { outgoing: Count { lost: 1, came: 59 }, incoming: Count { lost: 0, came: 60 }, ..Summary::default() };
    (0..60).for_each(|_| minute.add_trip(Duration::from_micros(23_456), Duration::from_micros(700)));
    (0..60).for_each(|_| minute.add_score(97.0));
    let rows: Vec<(u32, Summary)> = (0..999).map(|key| (key * 16, minute)).collect();
    let bytes = encode(&rows).len();
    assert!(bytes < 999 * 26, "{bytes}");
    assert_eq!(decode(&encode(&rows)), Ok(rows));
}

#[test]
fn what_cannot_be_is_not_believed() {
    let one = |summary: Summary| decode(&encode(&[(7, summary)]));
    let good = Summary { trips: 2, latency_sum_us: 30, latency_min_us: 10, latency_max_us: 20, ..Summary::default() };
    assert!(one(good).is_ok());
    for bad in [
        Summary { latency_sum_us: 41, ..good },
        Summary { latency_sum_us: 19, ..good },
        Summary { latency_min_us: 21, ..good },
        Summary { trips: 0, ..good },
        Summary { scored: 1, score_sum: 101, ..good },
        Summary { jitter_sum_us: 1 << 40, ..good },
    ] {
        assert_eq!(one(bad), Err(Broken::Unsound(7)), "{bad:?}");
    }
    let bytes = encode(&[(7, good)]);
    assert_eq!(decode(&[]), Err(Broken::Format));
    assert_eq!(decode(&[2, 0]), Err(Broken::Format));
    assert_eq!(decode(&[1]), Err(Broken::Length));
    assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(Broken::Length));
    assert_eq!(decode(&[&[1], &[0xff; 9][..], &[1]].concat()), Err(Broken::Size), "so many rows");
    assert_eq!(decode(&[&[1], &[0xff; 11][..]].concat()), Err(Broken::Size));
    let twice = [&[1, 2, 7, 0][..], &[0; 22]].concat();
    assert_eq!(decode(&twice), Err(Broken::Twice));
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in rows()) {
        prop_assert_eq!(decode(&encode(&rows)), Ok(rows));
    }

    #[test]
    fn rubbish_is_refused_or_sound(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        if let Ok(rows) = decode(&bytes) {
            prop_assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(rows.iter().all(|(_, row)| row.is_sound() && health(row).health_score <= 100));
        }
    }

    #[test]
    fn minutes_add_up_in_any_order(one in summary(), two in summary(), three in summary()) {
        let sum = |parts: &[Summary]| parts.iter().fold(Summary::default(), |mut sum, part| {
            sum.merge(part);
            sum
        });
        let all = sum(&[one, two, three]);
        prop_assert_eq!(sum(&[three, one, two]), all);
        prop_assert_eq!(sum(&[one, sum(&[two, three])]), all);
        prop_assert!(all.is_sound());
    }
}
