//! Any bytes at all.

use proptest::prelude::*;

use super::*;

#[test]
fn truncated_at_any_byte() {
    let archive = gzip(&tar(&[("bundle.json", b"{\"format\":1}"), ("wg/tunnel-00.conf", &[b'x'; 700])]));
    assert!(read_default(&archive).is_ok());
    for end in 0..archive.len() {
        assert!(read_default(&archive[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_tar_truncated_at_any_byte_in_a_whole_gzip() {
    let tar = tar(&[("a", b"abc"), ("b", &[1; 600])]);
    for end in 0..tar.len() {
        assert!(read_default(&gzip(&tar[..end])).is_err(), "{end}");
        assert!(read_tar(&tar[..end], &Limits::DEFAULT).is_err(), "{end}");
    }
}

#[test]
fn every_bit_that_flips_is_noticed_or_without_meaning() {
    let archive = gzip(&tar(&[("a", b"abc")]));
    let whole = read_default(&archive).unwrap();
    for position in 0..archive.len() * 8 {
        let mut flipped = archive.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        // What carries no content (gzip's time, a match that could lie elsewhere) may differ; the tar may not.
        if let Ok(contents) = read_default(&flipped) {
            assert_eq!(contents, whole, "{position}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(read_default(&bytes).is_err());
        prop_assert!(read_tar(&bytes[..], &Limits::DEFAULT).is_err());
        prop_assert!(read_default(&gzip(&bytes)).is_err());
    }

    #[test]
    fn damaged_headers_never_panic(changes in prop::collection::vec((0usize..3072, any::<u8>()), 1..8), mended: bool) {
        let mut bytes = tar(&[("a", b"abc"), ("dir/b", &[1; 100])]);
        let end = bytes.len();
        for (position, byte) in changes {
            bytes[position % end] = byte;
        }
        if mended {
            // A right checksum, so that what lies behind it is reached.
            bytes[148..156].copy_from_slice(b"        ");
            let sum: u32 = bytes[..512].iter().map(|&byte| u32::from(byte)).sum();
            bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let limits = Limits { expanded: 1 << 16, ..Limits::DEFAULT };
        if let Ok(contents) = read(&gzip(&bytes), &limits) {
            for file in contents.files {
                let plain = file.name.split('/').all(|part| !matches!(part, "" | "." | ".."));
                prop_assert!(plain && !file.name.starts_with('/'));
            }
        }
    }

    #[test]
    fn what_was_packed_is_read(files in prop::collection::btree_map("[a-z]{1,8}(/[a-z0-9.]{1,5}x)?", prop::collection::vec(any::<u8>(), 0..1500), 0..8)) {
        let packed = pack(files.iter().map(|(name, content)| (name.clone(), draft(content))));
        prop_assume!(packed.is_ok());
        let rope = packed.unwrap().seal();
        let contents = read_default(&compress(&rope).unwrap()).unwrap();
        let expected: Vec<File> = files.into_iter().map(|(name, data)| File { name, data }).collect();
        prop_assert_eq!(contents.files, expected);
        prop_assert_eq!(contents.hashes, rope.hashes());
    }
}
