//! Archives that an enemy, or a bad disk, would send.

use super::*;

fn refused(entries: &[Entry]) -> ArchiveError {
    read_default(&gzip(&tar_of(entries))).unwrap_err()
}

fn name_fault(raw: &[u8], kind: u8) -> NameFault {
    match refused(&[Entry::new(raw, kind)]) {
        ArchiveError::Name { fault, .. } => fault,
        other => panic!("{raw:?}: {other}"),
    }
}

#[test]
fn names_that_lead_elsewhere() {
    let cases: [(&[u8], NameFault); 16] = [
        (b"", NameFault::Empty),
        (b"./", NameFault::Empty),
        (b"/etc/passwd", NameFault::Absolute),
        (b"//etc/passwd", NameFault::Absolute),
        (b"..", NameFault::Component),
        (b"../a", NameFault::Component),
        (b"./../a", NameFault::Component),
        (b"a/../b", NameFault::Component),
        (b"a/..", NameFault::Component),
        (b"a/./b", NameFault::Component),
        (b"a//b", NameFault::Component),
        (b"a\\b", NameFault::Character),
        (b"C:a", NameFault::Character),
        (b"a\nb", NameFault::Character),
        (b"\xff\xfe", NameFault::Encoding),
        (b"a/", NameFault::FileWithSlash),
    ];
    for (raw, fault) in cases {
        assert_eq!(name_fault(raw, b'0'), fault, "{}", raw.escape_ascii());
    }
    for raw in [&b"/"[..], b"../", b"a/../"] {
        assert!(matches!(name_fault(raw, b'5'), NameFault::Absolute | NameFault::Component));
    }
}

#[test]
fn names_that_are_too_long_or_hide_something() {
    let mut long = Entry::new(&[b'a'; 100], b'0');
    long.prefix = vec![b'b'; 155];
    assert!(matches!(refused(&[long]), ArchiveError::Name { fault: NameFault::Length, .. }));
    let hidden = Entry::new(b"a\0/../../etc/passwd", b'0');
    assert!(matches!(refused(&[hidden]), ArchiveError::Damaged { at: 0, .. }));
}

#[test]
fn a_prefix_is_part_of_the_name() {
    let mut entry = Entry::new(b"b", b'0');
    entry.prefix = b"..".to_vec();
    assert!(matches!(refused(&[entry]), ArchiveError::Name { fault: NameFault::Component, .. }));
    let mut entry = Entry::new(b"b", b'0');
    entry.prefix = b"a".to_vec();
    assert_eq!(read_default(&gzip(&tar_of(&[entry]))).unwrap().files[0].name, "a/b");
}

#[test]
fn everything_but_files_and_directories() {
    for kind in *b"12346789LKSDVMANXz\x01\xff" {
        let mut entry = Entry::new(b"a", kind);
        entry.content = b"/etc/passwd\0".to_vec();
        assert!(matches!(refused(&[entry]), ArchiveError::Kind { .. }), "{kind}");
    }
}

#[test]
fn names_used_twice() {
    let twice = |first: (&[u8], u8), second: (&[u8], u8)| {
        refused(&[Entry::new(first.0, first.1), Entry::new(second.0, second.1)])
    };
    for (first, second) in [
        ((&b"a"[..], b'0'), (&b"a"[..], b'0')),
        ((b"a", b'0'), (b"./a", b'0')),
        ((b"a", b'5'), (b"a/", b'5')),
        ((b"a", b'0'), (b"a", b'5')),
        ((b"a/", b'5'), (b"a", b'0')),
    ] {
        assert!(matches!(twice(first, second), ArchiveError::Name { fault: NameFault::Duplicate, .. }));
    }
    for (first, second) in [((&b"a"[..], b'0'), (&b"a/b"[..], b'0')), ((b"a/b/c", b'0'), (b"a", b'0'))] {
        assert!(matches!(twice(first, second), ArchiveError::Name { fault: NameFault::FileAndDirectory, .. }));
    }
}

#[test]
fn too_many_entries() {
    let entries: Vec<Entry> = (0..10_001).map(|index| Entry::new(format!("{index}").as_bytes(), b'0')).collect();
    assert_eq!(read_default(&gzip(&tar_of(&entries[..10_000]))).unwrap().files.len(), 10_000);
    assert_eq!(refused(&entries), ArchiveError::Entries { limit: 10_000 });
}

#[test]
fn too_many_bytes() {
    let archive = gzip(&tar(&[("a", &[0; 5000])]));
    let len = u64::try_from(archive.len()).unwrap();
    let limits = Limits { compressed: len, expanded: 512 + 5120 + 1024, entries: 1 };
    assert!(read(&archive, &limits).is_ok());
    let less = Limits { compressed: len - 1, ..limits };
    assert_eq!(read(&archive, &less), Err(ArchiveError::Compressed { len, limit: len - 1 }));
    let less = Limits { expanded: limits.expanded - 1, ..limits };
    assert_eq!(read(&archive, &less), Err(ArchiveError::Expanded { limit: less.expanded }));
}

#[test]
fn sizes_that_are_no_plain_numbers() {
    for size in [
        &b"\x80\0\0\0\0\0\0\0\0\0\0\x05"[..],
        b"-0000000005\0",
        b"00000000008\0",
        b"            ",
        b"5 5\0\0\0\0\0\0\0\0\0",
    ] {
        let mut entry = Entry::new(b"a", b'0');
        entry.content = b"12345".to_vec();
        entry.size = Some(size.to_vec());
        assert!(matches!(refused(&[entry]), ArchiveError::Damaged { at: 0, .. }), "{}", size.escape_ascii());
    }
    let mut largest = Entry::new(b"a", b'0');
    largest.size = Some(b"777777777777".to_vec());
    assert!(matches!(refused(&[largest]), ArchiveError::Expanded { .. }));
    let mut directory = Entry::new(b"a", b'5');
    directory.content = b"content".to_vec();
    assert!(matches!(refused(&[directory]), ArchiveError::Damaged { .. }));
}

#[test]
fn extended_headers() {
    let record = |key: &str, value: &str| {
        let rest = format!(" {key}={value}\n");
        let len = (1..).find(|digits| format!("{}", rest.len() + digits).len() == *digits).unwrap() + rest.len();
        format!("{len}{rest}")
    };
    let with = |kind: u8, records: &str| {
        let mut extension = Entry::new(b"PaxHeader", kind);
        extension.content = records.as_bytes().to_vec();
        read_default(&gzip(&tar_of(&[extension, Entry::new(b"a", b'0')])))
    };
    for key in ["mtime", "atime", "LIBARCHIVE.creationtime", "SCHILY.xattr.com.apple.provenance", "comment"] {
        assert_eq!(with(b'x', &record(key, "1.5")).unwrap().files.len(), 1, "{key}");
        assert!(with(b'g', &record(key, "1.5")).is_ok());
    }
    for key in ["path", "linkpath", "size", "GNU.sparse.name", "GNU.sparse.realsize", "hdrcharset", "mtimes", ""] {
        let both = record("mtime", "1") + &record(key, "../x");
        assert_eq!(with(b'x', &both), Err(ArchiveError::Extension(key.to_owned())));
    }
    for malformed in
        ["5", "x mtime=1\n", "0 mtime=1\n", "99 mtime=1\n", "9 mtime=1\n", "+10 mtime=1\n", "8 mtime\n", "1 =\n"]
    {
        assert!(matches!(with(b'x', malformed), Err(ArchiveError::Damaged { .. })), "{malformed:?}");
    }
    let mut long = Entry::new(b"PaxHeader", b'x');
    long.content = record("comment", &"x".repeat(70_000)).into_bytes();
    assert!(matches!(refused(&[long]), ArchiveError::Damaged { .. }));
}

#[test]
fn what_is_no_archive() {
    for bytes in [&b""[..], b"\x1f", b"hello", b"PK\x03\x04", &tar(&[("a", b"")])] {
        assert_eq!(read_default(bytes), Err(ArchiveError::NotTarGz));
    }
    assert_eq!(read_default(&gzip(&[1; 2000])), Err(ArchiveError::NotTarGz));
    assert_eq!(read_default(&gzip(b"")), Err(ArchiveError::Truncated { at: 0 }));
    assert_eq!(read_default(&gzip(&[0; 512])), Err(ArchiveError::Truncated { at: 512 }));
    assert_eq!(read_default(&gzip(&[0; 1024])).unwrap().files, []);
}

#[test]
fn what_follows_the_end() {
    let tar = tar(&[("a", b"abc")]);
    let zeros = |count: usize| [&tar[..], &vec![0; count]].concat();
    assert!(read_default(&gzip(&zeros(9 * 1024))).is_ok(), "packers fill the record");
    assert_eq!(read_default(&gzip(&zeros(3 << 20))), Err(ArchiveError::Trailing));

    let mut extended = zeros(512);
    extended.push(1);
    assert_eq!(read_default(&gzip(&extended)), Err(ArchiveError::Trailing));
    let two_tars = [&tar[..], &tar[..]].concat();
    assert_eq!(read_default(&gzip(&two_tars)), Err(ArchiveError::Trailing));
    let lone_empty_block = [&tar[..tar.len() - 512], &tar[..]].concat();
    assert_eq!(read_default(&gzip(&lone_empty_block)), Err(ArchiveError::Trailing));

    let archive = gzip(&tar);
    for rest in [&b"\0"[..], b"garbage", &archive] {
        assert_eq!(read_default(&[&archive[..], rest].concat()), Err(ArchiveError::Trailing));
    }
}

#[test]
fn what_hides_after_a_file() {
    let mut tar = tar(&[("a", b"abc")]);
    tar[1000] = 1;
    assert!(matches!(read_default(&gzip(&tar)), Err(ArchiveError::Damaged { at: 515, .. })));
}

#[test]
fn messages_say_what_to_do_and_show_nothing_raw() {
    let error = refused(&[Entry::new(b"a\x1b[2Jb", b'0')]).to_string();
    assert_eq!(error, r"the entry `a\u{1b}[2Jb` has a control character, `\` or `:` in its name; rename the file");
    let error = refused(&[Entry::new(b"a", b'2')]).to_string();
    assert_eq!(error, "the entry `a` is a symbolic link; only files and directories are accepted");
}
