//! Many summaries as bytes: `1` (the format), the number of rows, and then column by column one number for each row, each in
//! as many bytes as it needs (LEB128). The first column is the paths' keys, each less the one before it.

use super::Summary;

const FORMAT: u8 = 1;
/// The most paths in a block: of a thousand sites with four uplinks on both sides.
pub const MAX_ROWS: usize = 16_384;
/// Columns beside the keys.
const COLUMNS: usize = 11;

/// Why bytes are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Another format, or none.
    #[error("it does not begin as a block of path summaries does")]
    Format,
    /// It ends too early, or goes on.
    #[error("it does not end where its rows do")]
    Length,
    /// Too many rows, or a number too large.
    #[error("a number in it is too large")]
    Size,
    /// The same key twice.
    #[error("two of its rows are of one path")]
    Twice,
    /// Figures that no measurement gives.
    #[error("the figures of the path with key {0} contradict one another")]
    Unsound(u32),
}

/// The bytes of rows in ascending order of their keys, each key once. What a key means is agreed elsewhere.
pub fn encode(rows: &[(u32, Summary)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 + rows.len() * 26);
    bytes.push(FORMAT);
    write(&mut bytes, rows.len() as u64);
    let mut before = 0;
    for (key, _) in rows {
        write(&mut bytes, u64::from(key.saturating_sub(before)));
        before = *key;
    }
    for column in 0..COLUMNS {
        rows.iter().for_each(|(_, row)| write(&mut bytes, columns(row)[column]));
    }
    bytes
}

/// Reads a block.
///
/// # Errors
/// Where it is none, or figures in it cannot be: nothing of it is to be believed then.
pub fn decode(bytes: &[u8]) -> Result<Vec<(u32, Summary)>, Broken> {
    let Some((&FORMAT, mut rest)) = bytes.split_first() else { return Err(Broken::Format) };
    let count = usize::try_from(read(&mut rest)?).ok().filter(|count| *count <= MAX_ROWS).ok_or(Broken::Size)?;
    // Each number has a byte at least: nothing is reserved for rows that cannot be there.
    if rest.len() < count * (COLUMNS + 1) {
        return Err(Broken::Length);
    }
    let mut keys = Vec::with_capacity(count);
    let mut key = 0u64;
    for row in 0..count {
        let step = read(&mut rest)?;
        if row > 0 && step == 0 {
            return Err(Broken::Twice);
        }
        key = key.checked_add(step).ok_or(Broken::Size)?;
        keys.push(u32::try_from(key).map_err(|_| Broken::Size)?);
    }
    let mut rows = vec![[0u64; COLUMNS]; count];
    for column in 0..COLUMNS {
        for row in &mut rows {
            row[column] = read(&mut rest)?;
        }
    }
    if !rest.is_empty() {
        return Err(Broken::Length);
    }
    let sound = |(key, row)| {
        let summary = summary(row)?;
        if summary.is_sound() { Ok((key, summary)) } else { Err(Broken::Unsound(key)) }
    };
    keys.into_iter().zip(rows).map(sound).collect()
}

/// The order of the columns.
fn columns(row: &Summary) -> [u64; COLUMNS] {
    [
        row.outgoing.lost.into(),
        row.outgoing.came.into(),
        row.incoming.lost.into(),
        row.incoming.came.into(),
        row.trips.into(),
        row.latency_sum_us,
        row.latency_min_us.into(),
        row.latency_max_us.into(),
        row.jitter_sum_us,
        row.scored.into(),
        row.score_sum,
    ]
}

fn summary(columns: [u64; COLUMNS]) -> Result<Summary, Broken> {
    let small = |column: usize| u32::try_from(columns[column]).map_err(|_| Broken::Size);
    let mut summary =
        Summary { latency_sum_us: columns[5], jitter_sum_us: columns[8], score_sum: columns[10], ..Summary::default() };
    (summary.outgoing.lost, summary.outgoing.came) = (small(0)?, small(1)?);
    (summary.incoming.lost, summary.incoming.came) = (small(2)?, small(3)?);
    (summary.trips, summary.latency_min_us, summary.latency_max_us) = (small(4)?, small(6)?, small(7)?);
    summary.scored = small(9)?;
    Ok(summary)
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read(bytes: &mut &[u8]) -> Result<u64, Broken> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Broken::Length)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return Err(Broken::Size);
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Broken::Size)
}
