//! Examples, for `--help` and the man pages. A test parses each of them.

/// The examples of a command, by its words.
pub fn examples(path: &str) -> &'static [&'static str] {
    match path {
        "login" => &[
            "patronusctl login --server https://patronus.example.net --user admin",
            "patronusctl login --server http://127.0.0.1:8080 --user admin --password-file pw --store file",
        ],
        "logout" => &["patronusctl logout", "patronusctl logout --context lab"],
        "whoami" => &["patronusctl whoami"],
        "status" => &["patronusctl status", "patronusctl status -o json"],
        "context list" => &["patronusctl context list"],
        "context use" => &["patronusctl context use lab"],
        "context show" => &["patronusctl context show", "patronusctl context show lab"],
        "context set" => &[
            "patronusctl context set lab --server https://a.example.net --server https://b.example.net",
            "patronusctl context set lab --network office",
            "patronusctl context set ci --server https://a.example.net --credential-file ./patronus.token",
        ],
        "context delete" => &["patronusctl context delete lab"],
        "network list" => &["patronusctl network list"],
        "network get" => &["patronusctl network get lab -o yaml"],
        "network create" => &[
            "patronusctl network create lab",
            "patronusctl network create lab --range 10.20.0.0/16 --topology hub-spoke",
        ],
        "network update" => &["patronusctl network update lab --mtu 1380"],
        "network delete" => &["patronusctl network delete lab --confirm lab"],
        "site list" => &[
            "patronusctl site list",
            "patronusctl site list --status inactive -o name",
            "patronusctl site list -l region=eu --sort-by last_seen_at",
        ],
        "site get" => &["patronusctl site get ams -o json"],
        "site describe" => &["patronusctl site describe ams"],
        "site create" => &[
            "patronusctl site create ams --location Amsterdam --endpoint 203.0.113.7 --prefix 192.168.1.0/24",
            "patronusctl site create lon --uplink name=fibre,device=eth0,endpoint=198.51.100.4 --uplink name=lte,device=wwan0,cost=500",
        ],
        "site update" => &[
            "patronusctl site update ams --endpoint 203.0.113.8",
            "patronusctl site update ams --add-prefix 192.168.2.0/24 --remove-prefix 192.168.1.0/24 --label tier=gold",
            "patronusctl site update ams --uplink name=lte,device=wwan0,cost=500",
        ],
        "site drain" => &["patronusctl site drain ams --uplink fiber"],
        "site undrain" => &["patronusctl site undrain ams --uplink fiber"],
        "site hold" => {
            &["patronusctl site hold ams", "patronusctl site list -l region=eu -o name | patronusctl site hold -"]
        }
        "site unhold" => &["patronusctl site unhold ams"],
        "site shadow" => {
            &["patronusctl site shadow ams && patronusctl bundle publish && patronusctl site describe ams"]
        }
        "site rotate-key" => &[
            "patronusctl site rotate-key ams --wait",
            "patronusctl site rotate-key ams --force --yes",
            "patronusctl site rotate-key ams --cancel",
        ],
        "site delete" => {
            &["patronusctl site delete ams --confirm ams", "patronusctl site delete -l retired --confirm 3"]
        }
        "bundle list" => &["patronusctl bundle list"],
        "bundle get" => &["patronusctl bundle get latest", "patronusctl bundle get 7/ams -o json"],
        "path list" => &["patronusctl path list --site ams", "patronusctl path list --status down -o name"],
        "path get" => &["patronusctl path get ams/fiber..fra/lte -o json"],
        "path health" => &[
            "patronusctl path health ams/fiber..fra/lte --since 2h",
            "patronusctl path health ams/fiber..fra/lte --since 30m -o jsonl --fields timestamp,latency_ms",
        ],
        "path why" => &["patronusctl path why ams fra", "patronusctl path why ams fra --protocol tcp --dport 443"],
        "path watch" => &["patronusctl path watch --site ams"],
        "policy list" => &["patronusctl policy list --network office"],
        "policy apps" => &["patronusctl policy apps", "patronusctl policy apps -o yaml"],
        "policy get" => &["patronusctl policy get web -o yaml"],
        "policy create" => &[
            "patronusctl policy create web --priority 100 --app web --prefer fiber --prefer kind=lte",
            "patronusctl policy create no-telnet --priority 200 --protocol tcp --dport 23 --action drop",
            "patronusctl policy create backup --priority 50 --src site:ams --dport 873 --rate 20000000bit/s",
        ],
        "policy update" => &["patronusctl policy update web --priority 300"],
        "policy delete" => &["patronusctl policy delete web --confirm web"],
        "policy test" => {
            &["patronusctl policy test --from ams --to fra --protocol tcp --dport 443", "patronusctl policy test"]
        }
        "bundle publish" => &["patronusctl bundle publish --message 'new-uplink' --wait"],
        "bundle upload" => &["patronusctl bundle upload ams.tar.gz --site ams"],
        "bundle download" => {
            &["patronusctl bundle download 7/ams", "patronusctl bundle download 7/ams --out - > ams.tar.gz"]
        }
        "bundle diff" => {
            &["patronusctl bundle diff", "patronusctl bundle diff 6 7", "patronusctl bundle diff 7 --exit-code"]
        }
        "bundle verify" => &[
            "patronusctl bundle verify 7/ams",
            "patronusctl bundle verify ams.tar.gz --signature ams.tar.minisig --key lab.pub",
        ],
        "bundle rollback" => &["patronusctl bundle rollback --to 6 --yes --wait"],
        "bundle export" => &["patronusctl bundle export 7/ams --dir ./ams"],
        "token create" => &[
            "patronusctl token create --kind enrol --site ams --out ams.invitation",
            "patronusctl token create --kind api --role viewer --description monitoring --expires 720h",
        ],
        "token list" => &["patronusctl token list"],
        "token get" => &["patronusctl token get token_01k9zq3v6p8r2m4n5t7w9x1y3z"],
        "token revoke" => &["patronusctl token revoke token_01k9zq3v6p8r2m4n5t7w9x1y3z --yes"],
        "event list" => &["patronusctl event list --limit 20", "patronusctl event list --type site. -o jsonl"],
        "event watch" => &["patronusctl event watch", "patronusctl event watch --after 120 -o jsonl"],
        "apply" => &["patronusctl apply -f network.yaml -f sites/", "patronusctl apply -f - --dry-run"],
        "version" => &["patronusctl version", "patronusctl version --client"],
        "completions" => &["patronusctl completions bash > /etc/bash_completion.d/patronusctl"],
        "man" => &["patronusctl man /usr/local/share/man/man1"],
        "help" => &["patronusctl help exit-codes", "patronusctl help site create"],
        _ => &[],
    }
}
