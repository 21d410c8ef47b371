//! What is written, judged by others and by ourselves.

use std::io::Read as _;

use super::*;
use crate::digest::hashes;
use crate::rope::Chunk;

#[test]
fn the_bytes_are_fixed() {
    let tar = tar(&[("bundle.json", b"{}\n"), ("wg/tunnel-00.conf", b"[Interface]\n")]);
    assert_eq!(tar.len(), 3072);
    // If this changes, every site is told of a new bundle on the next publish: that needs a reason.
    let expected = "844236261eb22ccda84ce98313e5a6a735dac2d229163d5f0577c04db6454ffa";
    assert_eq!(hashes(&tar).digest.to_string(), expected);
}

#[test]
fn headers_live_in_the_private_chunk() {
    let shared = Chunk::new(vec![7; 5000]);
    let mut content = draft(b"{");
    content.push_slice(shared.slice(0..5000).unwrap());
    content.push_bytes(b"}");
    let rope = pack([("a".to_owned(), content), ("b".to_owned(), draft(b"x"))]).unwrap().seal();
    assert_eq!(rope.chunks().len(), 2);
    assert_eq!(rope.slices().len(), 3, "header and brace, shared, everything after");
    assert_eq!(rope.len() % 512, 0);
}

#[test]
fn compressing_is_deterministic_and_tells_nothing() {
    let rope = pack([("a".to_owned(), draft(&[1; 9000]))]).unwrap().seal();
    let archive = compress(&rope).unwrap();
    assert_eq!(archive, compress(&rope).unwrap());
    assert_eq!(archive[3], 0, "no name, comment or extra field");
    assert_eq!(archive[4..8], [0; 4], "no time");
    assert_eq!(archive[9], 255, "no system");

    let contents = read_default(&archive).unwrap();
    assert_eq!(contents.hashes, rope.hashes());
    assert_eq!(contents.files, [File { name: "a".to_owned(), data: vec![1; 9000] }]);
    assert_eq!(check(&archive, &Limits::DEFAULT), Ok(rope.hashes()));
    assert_eq!(read_tar(rope.reader(), &Limits::DEFAULT), Ok(contents));
}

#[test]
fn the_tar_crate_reads_what_we_write() {
    let ours = tar(&[("one", b"1"), ("empty", b""), ("dir/block", &[9; 512])]);
    let mut archive = ::tar::Archive::new(&ours[..]);
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let fixed = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
        assert_eq!(fixed, (0o644, 0, 0, 0));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        seen.push((entry.path().unwrap().display().to_string(), content.len()));
    }
    assert_eq!(seen, [("one".to_owned(), 1), ("empty".to_owned(), 0), ("dir/block".to_owned(), 512)]);
}

#[test]
fn we_read_what_the_tar_crate_writes() {
    for header in [::tar::Header::new_ustar(), ::tar::Header::new_gnu()] {
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut directory = header.clone();
        directory.set_entry_type(::tar::EntryType::Directory);
        directory.set_size(0);
        directory.set_mode(0o4777);
        builder.append_data(&mut directory.clone(), "wg/", &b""[..]).unwrap();
        let mut file = header;
        file.set_size(3);
        file.set_mtime(1_700_000_000);
        builder.append_data(&mut file, "wg/a.conf", &b"abc"[..]).unwrap();
        let contents = read_default(&gzip(&builder.into_inner().unwrap())).unwrap();
        assert_eq!(contents.files, [File { name: "wg/a.conf".to_owned(), data: b"abc".to_vec() }]);
    }
}

#[test]
fn names_that_could_not_be_read_back_are_not_written() {
    let long = "x".repeat(101);
    for name in ["", "/a", "../a", "./a", "a/", "a//b", "a\0b", &long] {
        let refused = pack([(name.to_owned(), draft(b""))]);
        assert!(matches!(refused, Err(ArchiveError::Name { .. })), "{name:?}");
    }
    assert!(pack(["a", "a"].map(|name| (name.to_owned(), draft(b"")))).is_err());
    assert!(pack(["a", "a/b"].map(|name| (name.to_owned(), draft(b"")))).is_err());
}

/// The program that operators pack with: what it makes by default is accepted.
#[test]
#[allow(clippy::disallowed_types, reason = "runs the reference program")]
fn archives_of_the_tar_program_are_accepted() {
    use std::process::Command;

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("wg")).unwrap();
    std::fs::write(dir.path().join("wg/a.conf"), b"abc").unwrap();
    for arguments in [&["-czf", "-", "."][..], &["-czf", "-", "wg"], &["--format=posix", "-czf", "-", "wg"]] {
        let Ok(output) = Command::new("tar").args(arguments).current_dir(dir.path()).output() else {
            writeln!(std::io::stderr(), "SKIPPED: there is no tar program here").unwrap();
            return;
        };
        assert!(output.status.success());
        let contents = read_default(&output.stdout).unwrap();
        assert_eq!(contents.files, [File { name: "wg/a.conf".to_owned(), data: b"abc".to_vec() }], "{arguments:?}");
    }
}
