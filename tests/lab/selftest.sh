#!/usr/bin/env bash
# selftest.sh: shows that the lab does what the other tests rely on, with a WireGuard tunnel made by hand.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
lab=$here/netns-wan.sh

fail() {
    echo "selftest.sh: $*" >&2
    exit 1
}
ok() { echo "  ok  $*"; }
# Loss in percent of 20 pings in a second; more words go to ping.
lost() { # HOST CMD...
    "$@" ping -q -n -c 20 -i 0.05 -W 1 "$target" | sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p'
}
soon() { # COMMAND...: within 5 s
    local i
    for ((i = 0; i < 50; i++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    return 1
}

# Inside the lab: two sites, the second with two uplinks, one tunnel for each pair of uplinks.
tunnel() { # S NAME PORT ADDRESS PEER_KEY PEER_ADDRESS PEER_ENDPOINT
    site "$1" env LOG_LEVEL=error wireguard-go "$2" >"$LAB_DIR/$1-$2.log" 2>&1
    site "$1" wg set "$2" private-key "$LAB_DIR/$1-$2.key" listen-port "$3" \
        peer "$5" allowed-ips "$6/32" endpoint "$7"
    site "$1" ip addr add "$4/32" dev "$2"
    site "$1" ip link set dev "$2" mtu 1420 up
    site "$1" ip route add "$6/32" dev "$2"
}
key() { # S NAME: makes a key, prints the public half
    (umask 077 && wg genkey >"$LAB_DIR/$1-$2.key")
    wg pubkey <"$LAB_DIR/$1-$2.key"
}
inside() {
    local target k1a k1b k2a k2b
    soon site 1 ping -c1 -W1 203.0.113.2 || fail 'site 1 does not reach site 2'
    soon site 2 ping -c1 -W1 patronus.example || fail 'site 2 does not reach the server by name'
    soon server ping -6 -c1 -W1 2001:db8:2::2 || fail 'the server does not reach uplink 2 of site 2 by IPv6'
    soon host 1 ping -c1 -W1 192.168.1.1 || fail 'host 1 does not reach its site'
    ok 'sites, hosts and the server reach one another'

    target=203.0.113.2
    wan loss 2 1 100
    [[ $(lost site 1) == 100 ]] || fail 'loss 100 lets packets through'
    wan clear 2 1
    [[ $(lost site 1) == 0 ]] || fail 'packets are lost after clear'
    wan delay 2 1 30
    site 1 ping -q -c3 -i0.1 "$target" | awk -F/ '/^rtt/ { exit !($5 > 55 && $5 < 120) }' || fail 'a delay of 30 ms does not show'
    wan clear 2 1
    wan rate 2 1 1mbit
    wan rate 2 1 none
    wan down server
    if site 1 ping -c1 -W1 patronus.example >/dev/null; then fail 'the unplugged server answers'; fi
    wan up server
    soon site 1 ping -c1 -W1 patronus.example || fail 'the server does not come back'
    ok 'wan: loss, delay, rate, down, up, clear'

    if ! { : <>/dev/net/tun; } 2>/dev/null; then
        echo '  --  no tunnel: /dev/net/tun cannot be opened by this user'
        return
    fi
    k1a=$(key 1 a) k1b=$(key 1 b) k2a=$(key 2 a) k2b=$(key 2 b)
    tunnel 1 a 51820 10.9.0.1 "$k2a" 10.9.0.2 203.0.113.2:51820
    tunnel 1 b 51821 10.9.1.1 "$k2b" 10.9.1.2 192.0.2.2:51821
    tunnel 2 a 51820 10.9.0.2 "$k1a" 10.9.0.1 203.0.113.1:51820
    tunnel 2 b 51821 10.9.1.2 "$k1b" 10.9.1.1 203.0.113.1:51821
    site 2 ip route add default via 192.0.2.254 dev up2 table 201
    site 2 ip rule add ipproto udp sport 51821 lookup 201
    soon site 1 ping -c1 -W1 10.9.0.2 || fail 'no ping through the tunnel by uplink 1'
    soon site 1 ping -c1 -W1 10.9.1.2 || fail 'no ping through the tunnel by uplink 2'
    wan blackhole 2 2
    target=10.9.1.2
    [[ $(lost site 1) == 100 ]] || fail 'the tunnel by the black-holed uplink answers'
    target=10.9.0.2
    [[ $(lost site 1) == 0 ]] || fail 'the tunnel by the other uplink lost packets'
    wan clear 2 2
    soon site 1 ping -c1 -W1 10.9.1.2 || fail 'the tunnel does not come back'
    site 1 wg show a latest-handshakes | awk '{ exit !($2 > 0) }' || fail 'no handshake'
    ok 'a tunnel for each of two uplinks: real handshakes, one uplink lost, the other untouched'
}
if [[ ${1:-} == inside ]]; then
    inside
    exit 0
fi

# A process of the lab that can be found from outside by its odd argument.
running() { pgrep -f "sleep $1\$" >/dev/null; }
gone() { ! running "$1" && ! kill -0 "$2" 2>/dev/null; }
ends() { # SIGNAL: a lab with a tunnel device in it leaves nothing after this signal
    local mark="8640${RANDOM}" pid bridges
    bridges=$(ip -br link | wc -l)
    "$lab" -u 1,1 -- sh -c "site 1 sleep $mark & exec sleep $mark" &
    pid=$!
    soon running "$mark" || fail "the lab for signal $1 did not start"
    kill "-$1" "$pid"
    soon gone "$mark" "$pid" || fail "something of the lab lives on after $1"
    wait "$pid" 2>/dev/null || true
    [[ $(ip -br link | wc -l) == "$bridges" ]] || fail "devices are left after $1"
    ok "nothing is left after $1"
}

"$lab" -u 1,2 -- "$here/selftest.sh" inside
rc=0
"$lab" -u 1 -- sh -c 'exit 7' || rc=$?
[[ $rc == 7 ]] || fail "the exit status of COMMAND became $rc"
for signal in TERM KILL; do ends "$signal"; done

"$lab" -u 1,1 -- sh -c 'sleep 2; site 1 ping -q -c3 -i0.1 -W1 203.0.113.2 >/dev/null' &
first=$!
"$lab" -u 1,1 -- site 1 ping -q -c3 -i0.1 -W1 203.0.113.2 >/dev/null || fail 'the second of two labs does not work'
"$lab" -e "$first" -- site 2 ip -br addr show up1 | grep -q 203.0.113.2 || fail 'a running lab cannot be entered'
wait "$first" || fail 'the first of two labs was disturbed'
ok 'two labs at once; one entered from outside'
