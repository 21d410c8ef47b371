//! One 512-byte header of a tar, as written and as read.

use super::{ArchiveError, NameFault};

pub(super) const BLOCK: usize = 512;
pub(super) const ZERO: [u8; BLOCK] = [0; BLOCK];
/// What a header's own name field holds; longer names need extensions, which we neither write nor need.
pub(super) const NAME_FIELD: usize = 100;

type Block = [u8; BLOCK];
type Field = std::ops::Range<usize>;

const NAME: Field = 0..NAME_FIELD;
const MODE: Field = 100..108;
const UID: Field = 108..116;
const GID: Field = 116..124;
const SIZE: Field = 124..136;
const MTIME: Field = 136..148;
const CHECKSUM: Field = 148..156;
const KIND: usize = 156;
const MAGIC: Field = 257..265;
const PREFIX: Field = 345..500;

const POSIX: &[u8] = b"ustar\x0000";
const GNU: &[u8] = b"ustar  \0";

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// An extended header: `key=value` records about the next entry, or about all.
    Extension,
    /// Anything else, with a word for it.
    Other(&'static str),
}

impl Kind {
    fn of(flag: u8) -> Self {
        match flag {
            b'0' | 0 => Self::File,
            b'5' => Self::Directory,
            b'x' | b'g' => Self::Extension,
            b'1' => Self::Other("a hard link"),
            b'2' => Self::Other("a symbolic link"),
            b'3' | b'4' => Self::Other("a device"),
            b'6' => Self::Other("a FIFO"),
            b'L' | b'K' => Self::Other("a name of more than 100 bytes in GNU's form"),
            b'S' => Self::Other("a sparse file"),
            _ => Self::Other("of an unknown kind"),
        }
    }
}

/// A header that was read: its checksum and numbers hold, its name is not yet judged.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) size: u64,
    pub(super) kind: Kind,
}

impl Header {
    /// Reads the header that stands at byte `at` of the tar.
    pub(super) fn parse(block: &Block, at: u64) -> Result<Self, ArchiveError> {
        let damaged = |fault| ArchiveError::Damaged { at, fault };
        let posix = block[MAGIC] == *POSIX;
        if !posix && block[MAGIC] != *GNU {
            return Err(if at == 0 { ArchiveError::NotTarGz } else { damaged("there is no header") });
        }
        if octal(&block[CHECKSUM]) != Some(checksum(block)) {
            return Err(damaged("the header's checksum is wrong"));
        }
        let size = octal(&block[SIZE]).ok_or_else(|| damaged("the size is not a plain number"))?;
        let name = text(&block[NAME]).ok_or_else(|| damaged("the name goes on after its end"))?;
        // GNU's older form keeps times in the place of the prefix.
        let prefix = if posix { text(&block[PREFIX]) } else { Some(&[][..]) };
        let prefix = prefix.ok_or_else(|| damaged("the name goes on after its end"))?;
        let name = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        Ok(Self { name, size, kind: Kind::of(block[KIND]) })
    }
}

/// The header of a file: everything that could differ between two machines is fixed.
pub(super) fn file(name: &str, size: u64) -> Result<Block, ArchiveError> {
    let too_long = || ArchiveError::Name { name: name.to_owned(), fault: NameFault::Length };
    let size = format!("{size:011o}\0");
    if name.len() > NAME_FIELD || size.len() > SIZE.len() {
        return Err(too_long());
    }
    let mut block = ZERO;
    let mut set = |field: Field, bytes: &[u8]| block[field.start..field.start + bytes.len()].copy_from_slice(bytes);
    set(NAME, name.as_bytes());
    set(MODE, b"0000644\0");
    set(UID, b"0000000\0");
    set(GID, b"0000000\0");
    set(SIZE, size.as_bytes());
    set(MTIME, b"00000000000\0");
    set(KIND..KIND + 1, b"0");
    set(MAGIC, POSIX);
    let sum = format!("{:06o}\0 ", checksum(&block));
    block[CHECKSUM].copy_from_slice(sum.as_bytes());
    Ok(block)
}

/// How many zeros follow a body, up to the next block.
pub(super) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % 512).unwrap_or_default();
    (BLOCK - over) % BLOCK
}

/// The sum of the header's bytes, its own field counted as spaces.
fn checksum(block: &Block) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    sum(block) - sum(&block[CHECKSUM]) + 8 * u64::from(b' ')
}

/// A number in octal digits, with spaces before and spaces or zeros after it.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|&byte| byte == 0 || byte == b' ').unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || rest.iter().any(|&byte| byte != 0 && byte != b' ') {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Text up to the first zero; only zeros may follow, or two readers could see two names.
fn text(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    field[end..].iter().all(|&byte| byte == 0).then_some(&field[..end])
}
