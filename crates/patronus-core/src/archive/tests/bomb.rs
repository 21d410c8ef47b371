//! A gibibyte in a megabyte: refused in under a second, with no more memory than any archive takes.

use std::io::Write;

use super::*;

const MIB: usize = 1 << 20;

/// Compresses entries and their zeros without having them in memory.
fn bomb(entries: usize, entry_mib: usize) -> Vec<u8> {
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    for index in 0..entries {
        let name = format!("zeros-{index}");
        let size = u64::try_from(entry_mib * MIB).unwrap();
        gzip.write_all(&super::super::header::file(&name, size).unwrap()).unwrap();
        (0..entry_mib).for_each(|_| gzip.write_all(&[0; MIB]).unwrap());
    }
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_size_in_a_header_is_enough_to_refuse() {
    let limits = Limits { expanded: 20 << 20, ..Limits::DEFAULT };
    assert_eq!(read(&bomb(1, 21), &limits), Err(ArchiveError::Expanded { limit: limits.expanded }));
}

/// Runs [`bombs`] in a process of its own, whose peak of memory is nobody else's.
#[test]
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_types, reason = "runs itself")]
fn bombs_cost_neither_memory_nor_time() {
    let program = std::env::current_exe().unwrap();
    let name = format!("{}::bombs", module_path!().split_once("::").unwrap().1);
    let arguments = ["--exact", &name, "--ignored", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // No test of that name is a success too.
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "run by bombs_cost_neither_memory_nor_time"]
fn bombs() {
    for (entries, entry_mib) in [(1, 1024), (1024, 1), (8000, 0)] {
        let archive = bomb(entries, entry_mib);
        let before = (peak_kib(), cpu_ns());
        let result = read_default(&archive);
        let (grown_kib, cpu_ms) = (peak_kib() - before.0, (cpu_ns() - before.1) / 1_000_000);
        println!("{entries} × {entry_mib} MiB in {} kB: {grown_kib} KiB, {cpu_ms} ms", archive.len() / 1000);
        assert_eq!(result.is_ok(), entry_mib == 0);
        assert!(grown_kib < 16 * 1024, "{grown_kib} KiB");
        assert!(cpu_ms < 1000, "{cpu_ms} ms");
    }
}

/// The most memory the process has had.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What this thread has had of a processor: a busy machine does not lengthen it.
#[cfg(target_os = "linux")]
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse().unwrap()
}
