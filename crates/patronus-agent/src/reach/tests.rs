//! Against this machine itself.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

async fn ask(fields: &str) -> Result<(), String> {
    let json = format!(r#"{{"name": "a", "timeout_ms": 500, {fields}}}"#);
    Sockets.ask(&serde_json::from_str(&json).unwrap()).await
}

#[tokio::test]
async fn a_tcp_port_answers_or_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let probe = format!(r#""tcp": "127.0.0.1:{port}""#);
    assert_eq!(ask(&probe).await, Ok(()));
    drop(listener);
    assert_eq!(ask(&probe).await, Err(format!("127.0.0.1:{port}: connection refused: nothing listens there")));
}

#[tokio::test]
async fn a_url_answers_with_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = std::thread::spawn(move || {
        for answer in ["204 No Content", "302 Found\r\nlocation: /elsewhere", "silence"] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            if answer != "silence" {
                let _ = write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            } else {
                let _ = stream.read(&mut [0; 1]);
            }
        }
    });
    let probe = format!(r#""http": "http://127.0.0.1:{port}/up", "status": 204"#);
    assert_eq!(ask(&probe).await, Ok(()));
    let found = ask(&probe).await.unwrap_err();
    assert_eq!(found, format!("http://127.0.0.1:{port}/up: it answers with status 302, and 204 is asked for"));
    let silent = ask(&probe).await.unwrap_err();
    assert!(silent.contains("no answer"), "{silent}");
    tokio::task::spawn_blocking(move || serve.join().unwrap()).await.unwrap();
}

#[tokio::test]
async fn this_machine_answers_an_echo() {
    for address in ["127.0.0.1", "::1"] {
        match ask(&format!(r#""ping": "{address}""#)).await {
            // A sandbox without the privilege or without IPv6 says so.
            Err(why) if why.contains("permitted") || why.contains("Permission") || why.contains("assign") => {}
            answer => assert_eq!(answer, Ok(()), "{address}"),
        }
    }
}
