//! The program itself: its commands, its one line on stdout, its exit codes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};

use crate::harness::{PASSWORD, password_file};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patronus-server"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A server that is ended with the test, and the URL it says.
struct Running(Child, String);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").expect("one line").to_owned();
        Self(child, url)
    }

    fn terminate(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn init_then_serve_then_stop() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let password = password_file(dir.path());
    let init = ["init", "--data", data, "--password-file", password.path().to_str().unwrap()];
    let early = run(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(told(&early).contains("patronus-server init --data"), "{}", told(&early));

    let first = run(&init);
    assert!(first.status.success(), "{}", told(&first));
    let secret = std::fs::read(dir.path().join("data/secret")).unwrap();
    let again = run(&init);
    assert!(again.status.success() && told(&again).contains("nothing was changed"), "{}", told(&again));
    assert_eq!(std::fs::read(dir.path().join("data/secret")).unwrap(), secret);

    let server = Running::start(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert!(server.1.starts_with("http://127.0.0.1:"), "{}", server.1);
    let second = run(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(told(&second).contains("another patronus-server"), "{}", told(&second));
    assert!(run(&init).status.success(), "also while it runs");

    let other = dir.path().join("other");
    let other = other.to_str().unwrap();
    assert!(run(&["init", "--data", other, "--password-file", password.path().to_str().unwrap()]).status.success());
    let taken = run(&["serve", "--data", other, "--listen", server.1.strip_prefix("http://").unwrap()]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(told(&taken).contains("taken") && told(&taken).contains("--listen"), "{}", told(&taken));
    let elsewhere = run(&["serve", "--data", other, "--listen", "192.0.2.1:8443"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(told(&elsewhere).contains("--listen 0.0.0.0:8443"), "{}", told(&elsewhere));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_password_comes_from_stdin_and_must_be_long() {
    let dir = tempfile::tempdir().unwrap();
    let init = |folder: &str, password: &str| {
        let data = dir.path().join(folder);
        let mut command = program(&["init", "--data", data.to_str().unwrap(), "--password-file", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(init("good", PASSWORD).status.success());
    let short = init("short", "elevenchars\n");
    assert_eq!(short.status.code(), Some(1));
    assert!(told(&short).contains("at least 12"), "{}", told(&short));
    assert!(init("short", PASSWORD).status.success(), "it can be tried again");
    let unasked = run(&["init", "--data", dir.path().join("x").to_str().unwrap()]);
    assert!(told(&unasked).contains("--password-file"), "{}", told(&unasked));
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.tex"), "x").unwrap();
    let foreign = run(&["init", "--data", dir.path().to_str().unwrap(), "--password-file", "-"]);
    assert_eq!(foreign.status.code(), Some(1));
    assert!(told(&foreign).contains("not Patronus's"), "{}", told(&foreign));
    let file = dir.path().join("thesis.tex");
    for path in [file.clone(), file.join("data")] {
        let file = run(&["init", "--data", path.to_str().unwrap(), "--password-file", "-"]);
        assert_eq!(file.status.code(), Some(1));
        assert!(told(&file).contains("a file is in the way"), "{}", told(&file));
    }
    let nowhere = run(&["init", "--data", "/proc/nowhere", "--password-file", "-"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(told(&nowhere).contains("/proc/nowhere"), "{}", told(&nowhere));
}

#[test]
fn a_secret_of_another_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let arguments = ["--data", data.to_str().unwrap()];
    let password = password_file(dir.path());
    let init = [&["init", "--password-file", password.path().to_str().unwrap()], &arguments[..]].concat();
    assert!(run(&init).status.success());
    let secret = std::fs::read(data.join("secret")).unwrap();
    std::fs::write(data.join("secret"), [7; 32]).unwrap();
    let serve = [&["serve", "--listen", "127.0.0.1:0"], &arguments[..]].concat();
    let refused = run(&serve);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("secret") && told(&refused).contains("backup"), "{}", told(&refused));
    std::fs::write(data.join("secret"), secret).unwrap();
    assert_eq!(Running::start(&serve).terminate(), Some(0));
}

#[test]
fn a_lost_ca_is_made_anew_only_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let folder = ["--data", data.to_str().unwrap()];
    let password = password_file(dir.path());
    let init = [&["init", "--password-file", password.path().to_str().unwrap()], &folder[..]].concat();
    let serve = [&["serve", "--listen", "127.0.0.1:0", "--tls", "always"], &folder[..]].concat();
    let (new_ca, new_certificate) =
        ([&["init", "--new-ca"], &folder[..]].concat(), [&["init", "--new-certificate"], &folder[..]].concat());
    assert!(told(&run(&new_ca)).contains("is not initialised"));
    assert!(run(&init).status.success());
    let ca = std::fs::read(data.join("tls/ca.pem")).unwrap();

    std::fs::remove_file(data.join("tls/server.pem")).unwrap();
    let refused = run(&serve);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        told(&refused).contains("server.pem") && told(&refused).contains("--new-certificate"),
        "{}",
        told(&refused)
    );
    assert!(run(&new_certificate).status.success());
    assert_eq!(std::fs::read(data.join("tls/ca.pem")).unwrap(), ca);
    let server = Running::start(&serve);
    let running = run(&new_ca);
    assert!(told(&running).contains("another patronus-server"), "{}", told(&running));
    assert_eq!(server.terminate(), Some(0));

    for lost in ["tls/ca.pem", "tls/ca.key"] {
        std::fs::remove_file(data.join(lost)).unwrap();
        for arguments in [&serve[..], &["serve", "--listen", "127.0.0.1:0", "--data", folder[1]]] {
            let refused = run(arguments);
            assert_eq!(refused.status.code(), Some(1));
            let words = told(&refused);
            assert!([lost, "backup", "--new-ca", "enrolled anew"].iter().all(|word| words.contains(word)), "{words}");
        }
        assert!(!data.join(lost).exists(), "nothing is made in silence");
        assert!(told(&run(&init)).contains("nothing was changed"));
        let made = run(&new_ca);
        assert!(made.status.success() && told(&made).contains("patronus-agent leave"), "{}", told(&made));
        assert_eq!(Running::start(&serve).terminate(), Some(0));
    }
}

#[test]
fn usage_help_and_the_example() {
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(run(&["serve", "--listen", "nonsense"]).status.code(), Some(2));
    assert!(run(&["--version"]).status.success());
    let help = told(&run(&["init", "--help"]));
    assert!(help.contains("--password-file") && help.contains("--admin"), "{help}");
    let example = run(&["config", "example"]);
    assert!(told(&example).contains("#=listen: 127.0.0.1:8080"));
    let unsaid = run(&["serve"]);
    assert_eq!(unsaid.status.code(), Some(1));
    assert!(told(&unsaid).contains("--data DIR"), "{}", told(&unsaid));
}
