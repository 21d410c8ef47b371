//! Runs the program in an environment of its own: an empty home, no variables but those that are named.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A token that looks like one.
pub const TOKEN: &str = "ptn_api_0000000000000000000000000000000000";

/// An environment.
pub struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    /// One that talks to a server with a token.
    pub fn at(url: &str) -> Self {
        Self::bare().with("PATRONUS_SERVER", url).with("PATRONUS_TOKEN", TOKEN)
    }

    /// One that knows nothing.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program with arguments, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patronusctl"));
        self.dress(command.args(arguments));
        command
    }

    /// Puts any program into this environment.
    pub fn dress<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        // What a test completes must not hang on how busy the machine is.
        command
            .env("HOME", self.folder.path())
            .env("PATRONUS_COMPLETE_TIMEOUT", "30s")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
    }

    /// Runs a line; words may be in single quotes.
    pub fn run(&self, line: &str) -> Ran {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Ran::new(self.command(&words).output().unwrap())
    }

    /// Runs a line with something on stdin.
    pub fn run_with(&self, line: &str, stdin: &str) -> Ran {
        use std::io::Write as _;
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.command(&words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Ran::new(child.wait_with_output().unwrap())
    }

    /// What some lines print, one after the other, as a person would see it; places that differ from run to run are named.
    pub fn transcript(&self, url: &str, lines: &[&str]) -> String {
        let shown = lines.iter().map(|line| {
            let ran = self.run(line);
            let stderr = ran.stderr.lines().map(|line| format!("2> {line}\n")).collect::<String>();
            format!("$ patronusctl {line}\n{}{stderr}[{}]\n\n", ran.stdout, ran.code)
        });
        let folder = self.folder.path().display().to_string();
        shown.collect::<String>().replace(url, "http://SERVER").replace(&folder, "HOME")
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
