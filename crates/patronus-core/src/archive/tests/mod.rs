mod bomb;
mod hostile;
mod property;
mod written;

use std::io::Write as _;

use super::*;
use crate::rope::Draft;

fn draft(bytes: &[u8]) -> Draft {
    let mut draft = Draft::default();
    draft.push_bytes(bytes);
    draft
}

/// A valid tar of the given files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let files = files.iter().map(|(name, content)| ((*name).to_owned(), draft(content)));
    pack(files).unwrap().seal().to_vec()
}

/// Compresses anything, whether it is a tar or not.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_default(archive: &[u8]) -> Result<Contents, ArchiveError> {
    read(archive, &Limits::DEFAULT)
}

/// One entry with a header of any content, for archives that no honest packer writes.
struct Entry {
    name: Vec<u8>,
    prefix: Vec<u8>,
    kind: u8,
    content: Vec<u8>,
    size: Option<Vec<u8>>,
    magic: &'static [u8],
}

impl Entry {
    fn new(name: &[u8], kind: u8) -> Self {
        Self { name: name.to_vec(), prefix: Vec::new(), kind, content: Vec::new(), size: None, magic: b"ustar\x0000" }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut block = [0u8; 512];
        let size = self.size.clone().unwrap_or_else(|| format!("{:011o}\0", self.content.len()).into_bytes());
        let fields: [(usize, &[u8]); 6] = [
            (0, &self.name),
            (124, &size),
            (148, b"        "),
            (156, &[self.kind]),
            (257, self.magic),
            (345, &self.prefix),
        ];
        for (at, bytes) in fields {
            block[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let padding = vec![0; self.content.len().next_multiple_of(512) - self.content.len()];
        [&block[..], &self.content, &padding].concat()
    }
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
