//! What befalls a world.

use std::fmt;
use std::time::Duration;

use crate::wan::{Place, Port, Weather};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The weather changes somewhere.
    Weather(Place, Weather),
    /// The same in both directions of an uplink.
    Uplink(Port, Weather),
    /// The device of an uplink vanishes, or is there again.
    Device(Port, bool),
    /// An uplink is drained, or no longer.
    Drain(Port, bool),
    /// An agent does not run for a while; what comes waits for it.
    Stall(usize, Duration),
    /// A host is asleep for a while, its clock too.
    Sleep(usize, Duration),
    /// A host's clock leaps ahead.
    Leap(usize, Duration),
    /// An agent says that it leaves.
    Leave(usize),
    /// An agent is killed: it says nothing.
    Kill(usize),
    /// It begins anew, knowing what the kernel's routes say.
    Begin(usize),
    /// Traffic between two sites begins or ends.
    Traffic(usize, usize, bool),
    /// From now on what a site sends to others is rubbish, or no longer.
    Rubbish(usize, bool),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weather(place, weather) => write!(f, "weather {place}: {weather}"),
            Self::Uplink(port, weather) => write!(f, "weather of {port}: {weather}"),
            Self::Device(port, true) => write!(f, "the device of {port} is there"),
            Self::Device(port, false) => write!(f, "the device of {port} is gone"),
            Self::Drain(port, true) => write!(f, "{port} is drained"),
            Self::Drain(port, false) => write!(f, "{port} is not drained"),
            Self::Stall(site, time) => write!(f, "s{site} stalls for {time:?}"),
            Self::Sleep(site, time) => write!(f, "s{site} sleeps for {time:?}, and its clock too"),
            Self::Leap(site, time) => write!(f, "the clock of s{site} leaps by {time:?}"),
            Self::Leave(site) => write!(f, "s{site} leaves"),
            Self::Kill(site) => write!(f, "s{site} is killed"),
            Self::Begin(site) => write!(f, "s{site} begins anew"),
            Self::Traffic(low, high, true) => write!(f, "traffic between s{low} and s{high}"),
            Self::Traffic(low, high, false) => write!(f, "no traffic between s{low} and s{high}"),
            Self::Rubbish(site, true) => write!(f, "s{site} sends rubbish"),
            Self::Rubbish(site, false) => write!(f, "s{site} sends no more rubbish"),
        }
    }
}
