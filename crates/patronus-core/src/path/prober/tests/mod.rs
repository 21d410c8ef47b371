mod chaos;
mod wan;

use patronus_types::path::PathSettings;

use super::*;
use crate::path::hearing::Heard;
use crate::path::select::Standing;
use wan::{DEAD, GOOD, HERE, Link, THERE, Wan, ms, plan, s};

fn fast() -> PathSettings {
    PathSettings { interval_ms: 20, ..PathSettings::default() }
}

#[test]
fn all_paths_are_measured_as_the_network_is() {
    let mut wan = Wan::new(PathSettings::default(), 4, 7);
    wan.both((0, 1), Link { delay: ms(40), ..GOOD });
    wan.both((1, 0), Link { delay: ms(5), jitter: ms(8), ..GOOD });
    wan.run(s(60));
    let view = |path| wan.ends[0].selector().view(path);
    for (path, least, most) in [(0, 20.0, 20.1), (1, 80.0, 80.1), (2, 10.0, 26.0), (3, 20.0, 20.1)] {
        let figures = view(path).figures.unwrap();
        assert!((least..=most).contains(&figures.latency_ms), "{path}: {figures:?}");
        assert!(figures.loss < 0.001 && (figures.jitter_ms > 1.0) == (path == 2), "{path}: {figures:?}");
    }
    assert_eq!(wan.ends[0].refused(), Refused::default());
    let minutes = wan.ends[0].take_minute();
    let (lost, came) = (minutes[0].outgoing.lost, minutes[0].outgoing.came);
    assert!(lost == 0 && (590..=605).contains(&came), "{minutes:?}");
    assert!(minutes[0].score_sum / u64::from(minutes[0].scored) >= 96);
    assert_eq!(wan.ends[0].take_minute()[0], Summary::default());
}

/// With default settings within 400 ms of the last packet, with fast ones within 100 ms, whatever the phases are.
#[test]
fn a_blackout_is_left_in_time_and_both_ends_leave() {
    for (settings, most) in [(PathSettings::default(), ms(400)), (fast(), ms(100))] {
        let mut gaps = Vec::new();
        for seed in 1..21 {
            let mut wan = Wan::new(settings.clone(), 4, seed * 0x9e37_79b9);
            wan.run(s(8) + ms(seed * 7));
            assert_eq!(wan.chosen(0).path, Some(0));
            let died = wan.now;
            wan.moves.clear();
            wan.uplink(0, DEAD);
            wan.run(s(2));
            for end in 0..2 {
                let moves: Vec<_> = wan.moves.iter().filter(|(_, who, _)| *who == end).collect();
                assert_eq!(moves.len(), 1, "{moves:?}");
                assert_eq!(moves[0].2, Some(3), "the one that shares nothing");
                gaps.push(moves[0].0 - died);
            }
        }
        gaps.sort();
        assert!(*gaps.last().unwrap() <= most - ms(20), "{:?} of {}", gaps.last(), gaps.len());
    }
}

#[test]
fn one_way_loss_moves_both_directions_in_the_same_moment() {
    for seed in 1..30 {
        let mut wan = Wan::new(PathSettings::default(), 4, seed * 0x9e37_79b9);
        wan.run(s(20) + ms(seed * 13));
        wan.moves.clear();
        let died = wan.now;
        for remote in 0..2 {
            wan.links.insert((0, 0, remote), DEAD);
        }
        wan.run(s(5));
        let at: Vec<Duration> = wan.moves.iter().map(|(at, _, _)| *at - died).collect();
        assert_eq!(at.len(), 2, "{:?}", wan.moves);
        assert!(at[1] - at[0] <= ms(20) && at[1] < ms(380), "{at:?}");
    }
}

#[test]
fn return_waits_for_the_hold_time_and_a_lossy_path_is_not_flapped_to() {
    let mut wan = Wan::new(PathSettings::default(), 4, 5);
    wan.run(s(20));
    wan.uplink(0, DEAD);
    wan.run(s(30));
    wan.uplink(0, Link { delay: ms(1), ..GOOD });
    wan.moves.clear();
    let mended = wan.now;
    wan.run(s(29));
    assert!(wan.moves.is_empty(), "{:?}", wan.moves);
    wan.run(s(6));
    assert!(wan.moves.iter().all(|(at, _, to)| *at - mended >= s(30) && *to <= Some(1)), "{:?}", wan.moves);
    assert_eq!(wan.moves.len(), 2, "18 ms better is better");
    // Ten minutes of 30 % loss, on for 15 s and off for 15 s.
    wan.moves.clear();
    for _ in 0..20 {
        wan.uplink(0, Link { loss_pct: 30, ..GOOD });
        wan.run(s(15));
        wan.uplink(0, GOOD);
        wan.run(s(15));
    }
    assert_eq!(wan.moves.len(), 2, "each end leaves once: {:?}", wan.moves);
}

#[test]
fn a_brownout_is_left_within_three_seconds() {
    let mut after = Vec::new();
    for seed in 1..=100 {
        let mut wan = Wan::new(PathSettings::default(), 4, seed * 0x51ab_33c7);
        wan.run(s(30));
        let began = wan.now;
        wan.moves.clear();
        wan.uplink(0, Link { loss_pct: 20, ..GOOD });
        wan.run(s(6));
        for end in 0..2 {
            let first = wan.moves.iter().find(|(_, who, _)| *who == end).map(|(at, _, _)| *at - began);
            after.push(first.unwrap_or(Duration::MAX));
        }
    }
    after.sort();
    assert!(after[after.len() * 99 / 100] <= s(3), "{after:?}");
    println!("half of them after {:?}, all after {:?}", after[after.len() / 2], after.last());
}

#[test]
fn a_late_wake_reads_before_it_judges() {
    let mut wan = Wan::new(fast(), 4, 3);
    wan.run(s(20));
    wan.moves.clear();
    for stall in [110, 150, 250, 400] {
        wan.sleep(ms(stall));
        wan.run(s(2));
    }
    assert!(wan.reads > 0);
    assert!(wan.moves.is_empty(), "all fell silent together, so nothing moves: {:?}", wan.moves);
    assert_eq!(wan.chosen(0).standing, Standing::Eligible);
}

#[test]
fn an_agent_that_leaves_and_comes_back_moves_nothing() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    wan.moves.clear();
    let now = wan.now;
    wan.ends[1].leave(now);
    wan.run(ms(500));
    assert_eq!(wan.heard(0), [Heard::Unknown; 4]);
    wan.ends[1] = Prober::new(plan(HERE, PathSettings::default(), 4), 99, wan.now);
    wan.run(s(10));
    assert_eq!(wan.heard(0), [Heard::Both; 4]);
    assert!(wan.moves.iter().all(|(_, end, _)| *end == 1), "{:?}", wan.moves);
}

#[test]
fn a_path_that_died_while_the_far_agent_was_away_is_left_when_that_is_back() {
    for is_heard in [true, false] {
        let mut wan = Wan::new(PathSettings::default(), 4, 3);
        wan.run(s(20));
        let now = wan.now;
        wan.ends[1].leave(now);
        wan.run(s(1));
        wan.uplink(0, DEAD);
        assert_eq!((wan.chosen(0).path, wan.heard(0)), (Some(0), vec![Heard::Unknown; 4]));
        // It is enough to hear it; or that is all there is.
        let others = if is_heard { GOOD } else { DEAD };
        (0..2).for_each(|remote| _ = wan.links.insert((0, 1, remote), others));
        wan.run(s(4));
        wan.ends[1] = Prober::new(plan(HERE, PathSettings::default(), 4), 99, wan.now);
        wan.run(s(8));
        let (chosen, heard) = if is_heard { (3, Heard::Both) } else { (0, Heard::OneWay) };
        assert_eq!(wan.chosen(0).path, Some(chosen));
        assert_eq!(wan.heard(0), vec![Heard::Silent, Heard::Silent, heard, heard]);
    }
}

#[test]
fn a_device_that_vanishes_is_left_at_once_and_nothing_is_sent_by_it() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    wan.moves.clear();
    let now = wan.now;
    wan.ends[0].handle_uplink(0, false, now);
    wan.run(ms(10));
    assert_eq!(wan.moves, [(now, 0, Some(3))]);
    let dead = |wan: &Wan| wan.ends[0].lines.iter().filter(|line| line.due.is_none()).count();
    wan.run(s(5));
    assert_eq!((dead(&wan), wan.chosen(1).path), (2, Some(3)));
    wan.ends[0].handle_uplink(0, true, wan.now);
    wan.run(s(5));
    assert_eq!((dead(&wan), wan.heard(0)), (0, vec![Heard::Both; 4]));
}

#[test]
fn a_narrow_hop_is_found_and_left() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    wan.uplink(0, Link { most_len: 1300, ..GOOD });
    wan.run(s(90));
    let narrow = wan.ends[0].selector().view(0).narrow.unwrap();
    assert!((1292..=1300).contains(&narrow), "{narrow}");
    assert_eq!(wan.chosen(0).path, Some(3), "one that is not");
}

#[test]
fn what_is_worth_less_is_measured_less() {
    let sent = |traffic, ways, time| {
        let mut wan = Wan::new(PathSettings::default(), ways, 3);
        wan.traffic = traffic;
        wan.run(s(30) + time);
        let before = wan.sent;
        wan.run(s(100));
        wan.sent - before
    };
    // Two ends, and a full-size packet a minute is answered at once.
    let about = |sent: usize, wanted: usize| assert!((wanted..wanted + 30).contains(&sent), "{sent} for {wanted}");
    about(sent(true, 4, s(0)), 2 * 4 * 1000);
    about(sent(false, 4, s(0)), 2 * 4 * 100);
    about(sent(true, 1, s(0)), 2 * 100);
    about(sent(false, 4, s(3700)), 2 * 4 * 10);
}

#[test]
fn a_longer_interval_is_not_taken_for_silence_though_packets_are_lost() {
    let mut silent = 0;
    for seed in 1..20 {
        let mut wan = Wan::new(PathSettings::default(), 4, seed * 77);
        wan.run(s(8));
        (0..2).for_each(|local| wan.uplink(local, Link { loss_pct: 2, ..GOOD }));
        wan.traffic = false;
        for _ in 0..130 {
            wan.run(ms(100));
            silent += wan.heard(0).iter().filter(|heard| **heard != Heard::Both).count();
        }
    }
    assert_eq!(silent, 0);
}

#[test]
fn rubbish_strangers_and_floods_are_counted_and_change_nothing() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    let there: IpAddr = THERE.parse().unwrap();
    let view = wan.ends[0].selector().view(0);
    let now = wan.now;
    let end = &mut wan.ends[0];
    end.handle_packet((0, 0), there, b"PT but no packet of ours, whatever follows behind", now);
    end.handle_packet((0, 0), there, &[0; 1500], now);
    let packet = Packet { hears: true, interval_ms: 100, received: 1, ..Packet::default() };
    end.handle_packet((0, 0), "10.210.0.3".parse().unwrap(), &packet.encode(), now);
    end.handle_packet((0, 0), there, &Packet { local: 1, ..packet }.encode(), now);
    end.handle_packet((3, 3), there, &packet.encode(), now);
    assert_eq!(end.refused(), Refused { rubbish: 2, stranger: 2, misled: 1, ..Refused::default() });
    assert_eq!(end.selector().view(0), view);
    // A thousand packets in one moment, each a full-size one that wants an answer.
    for seq in 1..=1000 {
        let full = Packet { full: true, seq, ..packet };
        end.handle_packet((0, 0), there, &full.encode(), now);
    }
    assert!(end.refused().too_many >= 990);
    let answers = std::iter::from_fn(|| end.poll_action()).filter(|action| matches!(action, Action::Send(_))).count();
    assert!(answers <= 9, "{answers}");
}

#[test]
fn figures_that_lie_are_no_measurements() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    let before = wan.ends[0].selector().view(0).figures.unwrap();
    let seq = wan.ends[0].lines[0].estimate.highest().unwrap();
    for (step, (ack, echo, hold_us, received)) in
        [(u32::MAX, 0, 0, 1), (5, u64::MAX, 0, u32::MAX), (7, 1, u32::MAX, 9), (0, 0, 0, 0)].into_iter().enumerate()
    {
        let step = u32::try_from(step).unwrap() + 1;
        let lie = Packet {
            hears: true,
            interval_ms: 100,
            seq: seq + step,
            ack,
            echo,
            hold_us,
            received,
            ..Packet::default()
        };
        let now = wan.now + ms(20) * step;
        wan.ends[0].handle_packet((0, 0), THERE.parse().unwrap(), &lie.encode(), now);
    }
    let after = wan.ends[0].selector().view(0).figures.unwrap();
    assert_eq!((after.latency_ms, after.jitter_ms), (before.latency_ms, before.jitter_ms));
    assert!(after.loss >= 0.0 && after.loss <= 1.0);
}

#[test]
fn a_new_plan_keeps_what_is_known_and_what_is_carried() {
    let mut wan = Wan::new(PathSettings::default(), 4, 3);
    wan.run(s(20));
    wan.uplink(0, DEAD);
    wan.run(s(5));
    wan.moves.clear();
    let mut other = plan(THERE, PathSettings::default(), 4);
    let stranger =
        Peer { name: "new".parse().unwrap(), address: "10.210.0.9".parse().unwrap(), ..other.peers[0].clone() };
    other.peers.insert(0, stranger);
    let now = wan.now;
    wan.ends[0].handle_plan(other, now);
    let selector = wan.ends[0].selector();
    assert_eq!(selector.decision(1, 0).path, Some(7));
    assert_eq!(selector.view(7).heard, Heard::Both);
    assert_eq!(selector.decision(0, 0).path, None);
    wan.ends[0].handle_timeout(now);
    assert_eq!(wan.ends[0].selector().decision(1, 0).path, Some(7), "and stays");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut wan = Wan::new(PathSettings::default(), 4, seed);
        wan.uplink(1, Link { loss_pct: 10, jitter: ms(30), ..GOOD });
        wan.run(s(60));
        (wan.moves.clone(), wan.sent, wan.ends[0].take_minute())
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4).2, run(5).2);
}

#[test]
fn a_thousand_paths_begin_in_turns_and_keep_their_budget() {
    let mut many = plan(THERE, PathSettings::default(), 1);
    let peer = many.peers[0].clone();
    many.peers = (0..1000u32)
        .map(|index| Peer {
            address: std::net::Ipv4Addr::from(0x0ad2_0000 + index).into(),
            name: format!("s{index}").parse().unwrap(),
            ..peer.clone()
        })
        .collect();
    many.metered = vec![true];
    let mut prober = Prober::new(many, 1, s(1));
    let (mut bursts, mut now) = (Vec::new(), s(1));
    while now < s(100) {
        now = prober.poll_timeout().unwrap().max(now);
        prober.handle_timeout(now);
        while let Some(action) = prober.poll_action() {
            if let Action::Send(burst) = action
                && burst.packets.len() > 1
            {
                bursts.push((now, burst.packets.len()));
            }
        }
    }
    assert!(prober.is_over_budget(0) && !prober.is_over_budget(1));
    let largest = |from| bursts.iter().filter(|(at, _)| *at > from).map(|(_, len)| *len).max().unwrap();
    assert!(largest(s(0)) <= 128 && largest(s(30)) <= 32, "{} {}", largest(s(0)), largest(s(30)));
    let sent: usize = bursts.iter().filter(|(at, _)| *at > s(30)).map(|(_, len)| *len).sum();
    assert!((6_800..=7_200).contains(&sent), "each ten seconds: {sent}");
}

#[test]
fn who_does_not_begin_sessions_waits_until_it_is_spoken_to() {
    let waiting = Way { local: 0, remote: 0, cost: 0, drained: false, begins: false };
    let mut plan = plan(THERE, PathSettings::default(), 1);
    plan.peers[0].ways = vec![waiting];
    let sends = |end: &mut Prober, now: Duration| {
        if end.poll_timeout().is_some_and(|at| at <= now) {
            end.handle_timeout(now);
        }
        std::iter::from_fn(|| end.poll_action()).any(|action| matches!(action, Action::Send(_)))
    };
    let first = |mut end: Prober| (50_000..70_000).find(|now| sends(&mut end, ms(*now)));
    assert!(
        first(Prober::new(plan.clone(), 3, s(50))).is_some_and(|at| (60_000..61_100).contains(&at)),
        "or it begins at last"
    );
    let mut spoken = Prober::new(plan, 3, s(50));
    let packet = Packet { interval_ms: 100, received: 0, seq: 5, ..Packet::default() };
    spoken.handle_packet((0, 0), THERE.parse().unwrap(), &packet.encode(), ms(50_500));
    assert!(first(spoken).is_some_and(|at| at <= 51_600));
}
