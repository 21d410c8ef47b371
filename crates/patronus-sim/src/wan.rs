//! A network between uplinks that delays, loses, doubles and overtakes packets, each direction by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::random::Random;

/// Headers of IPv4 and UDP in the tunnel.
const HEADERS: usize = 28;

/// An uplink of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Which site.
    pub site: usize,
    /// Which of its uplinks.
    pub uplink: u8,
}

/// What is between two ports in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// From where.
    pub from: Port,
    /// To where.
    pub to: Port,
}

/// What something does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// How long they take at least.
    pub delay: Duration,
    /// How much longer at most; evenly distributed.
    pub jitter: Duration,
    /// The share that is lost.
    pub loss: f64,
    /// The share that comes twice.
    pub doubled: f64,
    /// The share that takes half as long again and some milliseconds, so that others overtake it.
    pub overtaken: f64,
    /// The largest that pass, in bytes of the tunnel's MTU.
    pub most_len: usize,
}

/// Where weather is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On all that leaves by a port.
    From(Port),
    /// On all that comes in by a port.
    To(Port),
    /// On both, where the device is.
    Device(Port),
    /// On one direction between two.
    Between(Link),
}

/// The whole network.
#[derive(Debug, Clone)]
pub struct Wan {
    base: Weather,
    weather: BTreeMap<Place, Weather>,
    links: BTreeMap<Link, (Weather, Random)>,
}

impl Weather {
    /// Nothing is done to packets.
    pub const CLEAR: Self =
        Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, doubled: 0.0, overtaken: 0.0, most_len: 1500 };

    /// Nothing passes.
    pub const DEAD: Self = Self { loss: 1.0, ..Self::CLEAR };

    /// It takes so many milliseconds.
    pub const fn slow(delay_ms: u64) -> Self {
        Self { delay: Duration::from_millis(delay_ms), ..Self::CLEAR }
    }

    /// This share is lost.
    pub const fn lossy(loss: f64) -> Self {
        Self { loss, ..Self::CLEAR }
    }

    /// What passes both.
    pub fn and(self, other: Self) -> Self {
        let either = |one: f64, two: f64| 1.0 - (1.0 - one) * (1.0 - two);
        Self {
            delay: self.delay + other.delay,
            jitter: self.jitter + other.jitter,
            loss: either(self.loss, other.loss),
            doubled: either(self.doubled, other.doubled),
            overtaken: either(self.overtaken, other.overtaken),
            most_len: self.most_len.min(other.most_len),
        }
    }

    /// Whether nothing passes.
    pub fn is_dead(&self) -> bool {
        self.loss >= 1.0
    }

    /// By how much one overtaken packet is late.
    pub fn overtaken_by(&self) -> Duration {
        self.delay / 2 + Duration::from_millis(5)
    }
}

impl Link {
    /// The other direction.
    pub fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

impl Wan {
    /// The same everywhere. Only these links exist.
    pub fn new(base: Weather, links: impl IntoIterator<Item = Link>, seed: u64) -> Self {
        // Each direction draws from a row of its own: what happens on one is no matter for another.
        let random = |link: &Link| {
            let port = |port: Port| port.site as u64 * 4 + u64::from(port.uplink);
            Random::new(seed, 0x1000 + port(link.from) * 0x10_0000 + port(link.to))
        };
        let links = links.into_iter().map(|link| (link, (base, random(&link)))).collect();
        Self { base, weather: BTreeMap::new(), links }
    }

    /// Sets the weather somewhere; it replaces what was set there before.
    pub fn set(&mut self, place: Place, weather: Weather) {
        self.weather.insert(place, weather);
        for (link, (now, _)) in &mut self.links {
            let ends = [Place::Device(link.from), Place::Device(link.to)];
            let places = [Place::From(link.from), Place::To(link.to), Place::Between(*link), ends[0], ends[1]];
            *now = places.iter().filter_map(|place| self.weather.get(place)).fold(self.base, |sum, it| sum.and(*it));
        }
    }

    /// What it is like on each link.
    pub fn links(&self) -> impl Iterator<Item = (Link, Weather)> {
        self.links.iter().map(|(link, (weather, _))| (*link, *weather))
    }

    /// How long a packet of so many bytes takes, once for each time it comes.
    pub fn send(&mut self, link: Link, len: usize) -> Vec<Duration> {
        let Some((weather, random)) = self.links.get_mut(&link) else { return Vec::new() };
        if random.chance(weather.loss) || len + HEADERS > weather.most_len {
            return Vec::new();
        }
        let copies = if random.chance(weather.doubled) { 2 } else { 1 };
        let mut delay = || {
            let late = if random.chance(weather.overtaken) { weather.overtaken_by() } else { Duration::ZERO };
            weather.delay + random.up_to(weather.jitter) + late
        };
        (0..copies).map(|_| delay()).collect()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}.{}", self.site, self.uplink)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(port) => write!(f, "from {port}"),
            Self::To(port) => write!(f, "to {port}"),
            Self::Device(port) => write!(f, "at the device of {port}"),
            Self::Between(link) => write!(f, "{} to {}", link.from, link.to),
        }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delay, jitter, loss, doubled, overtaken, most_len } = self;
        write!(f, "{} ms + {} ms, {:.0} % lost", delay.as_millis(), jitter.as_millis(), loss * 100.0)?;
        write!(f, ", {:.0} % doubled, {:.0} % overtaken, {most_len} bytes", doubled * 100.0, overtaken * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Port = Port { site: 0, uplink: 0 };
    const B: Port = Port { site: 1, uplink: 0 };
    const LINK: Link = Link { from: A, to: B };

    fn count(wan: &mut Wan, link: Link) -> usize {
        (0..1000).map(|_| wan.send(link, 40).len()).sum()
    }

    #[test]
    fn weather_adds_up_and_clears_again() {
        let mut wan = Wan::new(Weather::slow(10), [LINK, LINK.back()], 1);
        wan.set(Place::From(A), Weather::DEAD);
        assert_eq!((count(&mut wan, LINK), count(&mut wan, LINK.back())), (0, 1000));
        wan.set(Place::To(B), Weather::lossy(0.3));
        wan.set(Place::From(A), Weather { doubled: 1.0, ..Weather::slow(5) });
        let come = count(&mut wan, LINK);
        assert!((1300..1500).contains(&come), "{come}");
        wan.set(Place::To(B), Weather::CLEAR);
        assert_eq!(wan.send(LINK, 40), [Duration::from_millis(15); 2]);
        wan.set(Place::Between(LINK), Weather { most_len: 1300, ..Weather::CLEAR });
        assert_eq!(
            (wan.send(LINK, 1272).len(), wan.send(LINK, 1273).len(), wan.send(LINK.back(), 1400).len()),
            (2, 0, 1)
        );
    }

    #[test]
    fn an_overtaken_packet_comes_after_the_next() {
        let mut wan = Wan::new(Weather { overtaken: 0.5, ..Weather::slow(40) }, [LINK], 1);
        let times: Vec<u128> = (0..100).flat_map(|_| wan.send(LINK, 40)).map(|it| it.as_millis()).collect();
        assert!(times.contains(&40) && times.contains(&65) && times.len() == 100);
    }
}
