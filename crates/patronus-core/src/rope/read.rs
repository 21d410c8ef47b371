//! Reading a rope as a stream.

use std::io::{self, Read};

use super::Slice;

/// Gives a rope's bytes from the beginning to the end.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    current: &'a [u8],
    rest: std::slice::Iter<'a, Slice>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(slices: &'a [Slice]) -> Self {
        Self { current: &[], rest: slices.iter() }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.current = self.rest.next().map_or(&[][..], Slice::bytes);
        }
        self.current.read(buffer)
    }
}
