//! What to do where a server cannot be reached or trusted.

use std::net::IpAddr;

use patronus_client::{Mistrust, Obstacle, ServerUrl};

/// For a server that is not there, or speaks something else.
pub fn unreachable(server: &str, obstacle: Obstacle) -> Vec<String> {
    match obstacle {
        Obstacle::Refused => vec![
            "start it, or name the address it prints when it starts (`listening on URL`): patronus-server serve"
                .to_owned(),
        ],
        Obstacle::UnknownHost => vec!["write its name as DNS or /etc/hosts has it, or its address".to_owned()],
        Obstacle::NotHttp => over(server, true),
        Obstacle::NotTls => over(server, false),
        Obstacle::Other => {
            vec!["see whether host and port are right, and whether a firewall stands between".to_owned()]
        }
    }
}

/// For a server that is there and may not be the right one.
pub fn untrusted(server: &str, mistrust: &Mistrust) -> Vec<String> {
    match mistrust {
        Mistrust::UnknownIssuer => {
            vec!["copy tls/ca.pem from the server's data folder and add --ca-file ca.pem".to_owned()]
        }
        Mistrust::OtherName(names) => other_name(server, names),
        Mistrust::NotTls => over(server, false),
        Mistrust::Expired => vec![
            "set the clock of this machine right, or restart the server: it renews its certificate when it starts"
                .to_owned(),
        ],
        Mistrust::Other => Vec::new(),
    }
}

/// The same address by the other scheme. Only loopback addresses are spoken to in the clear.
fn over(server: &str, tls: bool) -> Vec<String> {
    match ServerUrl::parse(server).ok().and_then(|server| server.over(tls)) {
        Some(other) => vec![format!("add --server {}", other.as_str())],
        None => vec!["name the port on which it speaks TLS: --server https://HOST:PORT".to_owned()],
    }
}

fn other_name(server: &str, names: &[String]) -> Vec<String> {
    let (host, port) = host_and_port(server);
    // A name from elsewhere is of more use than one of the server's own machine.
    let known = names.iter().filter(|name| !name.starts_with('*')).min_by_key(|name| {
        let address = name.parse::<IpAddr>();
        let local = *name == "localhost" || address.as_ref().is_ok_and(IpAddr::is_loopback);
        (local, address.is_ok())
    });
    let mut help: Vec<String> = known
        .into_iter()
        .map(|name| {
            let name = if name.contains(':') { format!("[{name}]") } else { name.clone() };
            format!("name it as its certificate does: --server https://{name}{port}")
        })
        .collect();
    help.push(format!(
        "or stop the server, run patronus-server init --data DIR --name {host} --new-certificate, and start it again"
    ));
    help
}

/// The host without brackets, and the port with its colon.
fn host_and_port(server: &str) -> (&str, &str) {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let (host, port) = match rest.rfind(':').filter(|colon| !rest[*colon..].contains(']')) {
        Some(colon) => rest.split_at(colon),
        None => (rest, ""),
    };
    (host.trim_matches(['[', ']']), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_has_its_next_step() {
        let said = |server: &str, obstacle| unreachable(server, obstacle).join("\n");
        assert_eq!(said("http://127.0.0.1:8443", Obstacle::NotHttp), "add --server https://127.0.0.1:8443");
        assert_eq!(said("https://127.0.0.1:8080", Obstacle::NotTls), "add --server http://127.0.0.1:8080");
        assert!(said("https://a.example:8080", Obstacle::NotTls).contains("the port on which it speaks TLS"));
        assert!(said("https://a.example", Obstacle::Refused).contains("listening on URL"));
        assert!(said("https://a.example", Obstacle::UnknownHost).contains("DNS"));
    }

    #[test]
    fn each_mistrust_has_its_next_step() {
        let said = |server: &str, mistrust| untrusted(server, &mistrust).join("\n");
        assert!(said("https://a.example", Mistrust::UnknownIssuer).contains("--ca-file ca.pem"));
        assert!(said("https://a.example", Mistrust::Expired).contains("restart the server"));
        let names = || ["127.0.0.1", "localhost", "192.0.2.1", "b.example"].map(str::to_owned).to_vec();
        let other = said("https://a.example:8443", Mistrust::OtherName(names()));
        assert!(other.contains("--server https://b.example:8443") && other.contains("--name a.example "), "{other}");
        let v6 = said("https://[::1]:1", Mistrust::OtherName(vec!["fd00::1".to_owned()]));
        assert!(v6.contains("--server https://[fd00::1]:1") && v6.contains("--name ::1 "), "{v6}");
    }
}
