//! What befalls the world.

use std::time::Duration;

use super::World;
use crate::fault::Fault;
use crate::wan::{Place, Port, Weather};

impl World {
    pub(super) fn befall(&mut self, fault: Fault) {
        let now = self.now();
        self.trail.note(now, &fault);
        self.count_lost();
        match fault {
            Fault::Weather(place, weather) => self.set_weather(&[place], weather),
            Fault::Uplink(port, weather) => self.set_weather(&[Place::From(port), Place::To(port)], weather),
            Fault::Device(port, is_present) => self.device(port, is_present),
            Fault::Drain(port, drained) => self.drain(port, drained),
            Fault::Stall(site, _) | Fault::Sleep(site, _) | Fault::Leap(site, _) if !self.sites[site].is_running() => {}
            Fault::Stall(site, time) => self.stall(site, time),
            Fault::Sleep(site, time) => {
                self.sites[site].clock.stop(now + time, now);
                self.stall(site, time);
            }
            Fault::Leap(site, time) => {
                self.sites[site].clock.leap(time, now);
                self.model.note_well(site, true, now);
                self.settle(site);
            }
            Fault::Leave(site) => self.end(site, true),
            Fault::Kill(site) => self.end(site, false),
            Fault::Begin(site) => self.begin(site),
            Fault::Traffic(low, high, flows) => self.set_traffic((low, high), flows),
            Fault::Rubbish(site, lies) => self.model.note_lies(site, lies, now),
        }
    }

    fn set_weather(&mut self, places: &[Place], weather: Weather) {
        places.iter().for_each(|place| self.wan.set(*place, weather));
        self.tell_weather();
    }

    pub(super) fn tell_weather(&mut self) {
        let now = self.now();
        self.wan.links().for_each(|(link, weather)| self.model.note_weather(link, weather, now));
    }

    fn device(&mut self, port: Port, is_present: bool) {
        let now = self.now();
        self.set_weather(&[Place::Device(port)], if is_present { Weather::CLEAR } else { Weather::DEAD });
        self.sites[port.site].handle_uplink(port.uplink, is_present, now);
        self.settle(port.site);
    }

    fn drain(&mut self, port: Port, drained: bool) {
        let now = self.now();
        self.drained.insert(port, drained);
        self.model.note_drain(port, drained, now);
        let told = std::iter::once(port.site).chain(self.peers[port.site].clone());
        for site in told.collect::<Vec<_>>() {
            if let Ok(plan) = self.model.setup().plan(site, &self.drained) {
                self.sites[site].follow(plan, now);
                self.settle(site);
            }
        }
    }

    fn stall(&mut self, site: usize, time: Duration) {
        let now = self.now();
        self.sites[site].stall(now + time);
        self.model.note_trouble(site, now);
        // It is well from when it wakes: known beforehand, and told beforehand.
        self.model.note_well(site, false, now + time);
        self.settle(site);
    }

    fn end(&mut self, site: usize, says_so: bool) {
        let now = self.now();
        if says_so {
            self.model.note_leave(site, now);
        }
        self.sites[site].end(says_so, now);
        self.model.note_trouble(site, now);
        self.settle(site);
    }

    fn begin(&mut self, site: usize) {
        let now = self.now();
        if let Ok(plan) = self.model.setup().plan(site, &self.drained) {
            self.heard.retain(|(who, _, _)| *who != site);
            self.sites[site].begin(plan, now);
            self.model.note_begin(site, now);
            self.settle(site);
        }
    }

    fn set_traffic(&mut self, pair: (usize, usize), flows: bool) {
        let now = self.now();
        match flows {
            true => _ = self.traffic.insert(pair),
            false => _ = self.traffic.remove(&pair),
        }
        self.model.note_traffic(pair, flows, now);
    }
}
