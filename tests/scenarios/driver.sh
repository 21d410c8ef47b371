#!/usr/bin/env bash
# Running sites move from userspace WireGuard to the kernel's, and one of them back, under traffic of which nothing is lost:
# by the commands of docs/key-rotation.md, word for word. Needs a kernel that has WireGuard.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,2
# shellcheck source=tests/lab/flow.sh
. "$here/flow.sh"
page=docs/key-rotation.md
{ ip link add wg0 type wireguard && ip link delete wg0; } 2>/dev/null ||
    fail 'the kernel has no WireGuard here: make test-kernel brings one that has'

# "INTERFACE tun" for each userspace tunnel of a site, "INTERFACE wireguard" for each of the kernel.
kinds() { # S
    local kind
    for kind in tun wireguard; do
        site "$1" ip -o link show type "$kind" | sed "s/^[0-9]*: \([^:@]*\).*/\1 $kind/"
    done | sort
}
has() { [[ $(kinds "$1") == "$2" ]]; } # S KINDS
key() { site "$1" wg show pt000 public-key; }
forgot() { ! site "$1" wg show all peers | grep -qF "$2"; } # S KEY
waits() { site "$1" patronus-agent status --state "$WORK/site$1" | grep -q 'there are tunnels that run on'; }
content() { ! waits "$1"; }
pairs=('1 2' '2 1')
names=([1]=amsterdam [2]=berlin)

# What the page has a person do at amsterdam and at the server, done for any site: its commands are read from there.
# shellcheck disable=SC2016
mapfile -t lines < <(sed -n '/^## To another driver$/,/^## /p' "$page" | sed -n '/^```console$/,/^```$/s/^[$#] //p')
follow() { # S
    local line words
    for line in "${lines[@]}"; do
        read -ra words <<<"${line//amsterdam/${names[$1]}}"
        show "${words[@]}"
        case $line in
            'systemctl restart patronus-agent')
                stop_agent "$1"
                start_agent "$1" --config "$WORK/agent$1.yaml"
                within 10 waits "$1" || fail "site $1 does not say that its tunnels have another driver"
                ;;
            patronusctl*) server "${words[@]}" ;;
            *) site "$1" env PATRONUS_STATE="$WORK/site$1" "${words[@]}" ;;
        esac || fail "the page says: $line"
    done
}

moves() { # S DRIVER FROM TO
    local s=$1 far=$((3 - $1)) before there old pair sent lost moved
    before=$(kinds "$s") there=$(kinds "$far") old=$(key "$s")
    [[ $before == *" $3"* && $before != *" $4"* ]] || fail "site $s begins with ${before//$'\n'/, }"
    echo "driver: $2" >"$WORK/agent$s.yaml"
    for pair in "${pairs[@]}"; do flow "$pair" "192.168.${pair#* }.2" host "${pair% *}"; done
    follow "$s"
    within 10 has "$s" "${before//$3/$4}" || fail "site $s has $(kinds "$s")"
    within 10 has "$far" "$there" || fail "the tunnels of site $far are others, too: $(kinds "$far")"
    [[ $(key "$s") != "$old" ]] || fail "site $s has its old key"
    within 10 forgot "$far" "$old" || fail "site $far knows the old key still"
    within 10 content "$s" || fail "site $s says still that its tunnels have another driver"
    for pair in "${pairs[@]}"; do
        IFS='|' read -r sent lost moved <<<"$(flowed "$pair")"
        ((sent > 200 && lost == 0)) || fail "$lost of $sent packets from ${pair/ / to } were lost"
        shown "$sent packets from ${pair/ / to } while ${names[$s]} moved from $3 to $4, none lost, $moved out of order"
    done
}

begin
ctl apply -f - <<'YAML'
{kind: network, name: office}
---
{kind: site, name: amsterdam, network: office, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
kind: site
name: berlin
network: office
prefixes: [192.168.2.0/24]
uplinks:
  - {name: fibre, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254}
  - {name: lte, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254, cost: 200}
YAML
for s in 1 2; do
    enrol_site "$s" "${names[$s]}" office
    echo 'driver: userspace' >"$WORK/agent$s.yaml"
    start_agent "$s" --config "$WORK/agent$s.yaml"
done
publish office
for pair in "${pairs[@]}"; do
    # shellcheck disable=SC2086
    within 10 reaches $pair || fail "no way for $pair"
done
moves 1 auto tun wireguard
moves 2 kernel tun wireguard
for s in 1 2; do [[ -z $(site "$s" ls /run/wireguard) ]] || fail "userspace programs are left at site $s"; done
shown 'no userspace program is left'
moves 1 userspace wireguard tun
