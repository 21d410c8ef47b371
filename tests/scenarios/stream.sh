#!/usr/bin/env bash
# 200 changes of the tunnels of two sites under a stream of 100 packets a second: nothing is lost, and no more comes out of
# order than in a lab beside it where nothing changes. The same changes to tunnels made by hand, with `wg syncconf` and
# with `wg-quick down` and `up`, are shown for comparison.

together() { # FILE...
    local idle=$1 ours=$2
    printf '%-34s %8s %8s %10s\n' '200 changes' sent lost reordered
    cat "$idle" "$ours" | sed -n 's/^row //p' | awk -F '|' '{ printf "%-34s %8d %8d %10d\n", $1, $2, $3, $4 }'
    cat "$idle" "$ours" | awk -F '|' '
        /^row Patronus, idle/ { idle = $4; seen++ }
        /^row Patronus, 200/ { lost = $3; moved = $4; sent = $2; seen++ }
        END { exit !(seen == 2 && sent > 2000 && lost == 0 && moved <= idle) }' || {
        echo 'FAILED: packets were lost or came out of order' >&2
        return 1
    }
}
# shellcheck source=tests/lab/side-by-side.sh
. "$(dirname "$(readlink -f "$0")")/../lab/side-by-side.sh" 2
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
# shellcheck source=tests/lab/forge.sh
. "$here/forge.sh"
# shellcheck source=tests/lab/flow.sh
. "$here/flow.sh"

begin
plain_net 2 'range: 10.210.0.0/24'
NAMES=([1]=one [2]=two)
take_bundles net 1 one two
for s in 1 2; do site "$s" ip address add "203.0.113.10$s/24" dev up1; done

# The contents of all changes, FOLDER/1 to 200 for each site, and as bundles.
GHOST=$(wg genkey | wg pubkey)
contents() { # S
    mkdir -p "$WORK/changes$1"
    jq -c --arg ghost "$GHOST" --arg other "203.0.113.10$((3 - $1))" -f "$here/changes.jq" "$BUNDLES/${NAMES[$1]}.json" |
        split -l 1 -a 3 --numeric-suffixes=1 - "$WORK/changes$1/"
}

# Tunnels made by hand: 'sync' on port 51900 with addresses in 10.98.0.0/24, 'quick' on 51950 in 10.99.0.0/24.
# The same change for wg-quick, as FILE of the dialect.
dialect() { # DEV S NUMBER PORT NET
    jq -r --arg key "$(<"$WORK/$1-$2.key")" --arg far "$(<"$WORK/$1-$((3 - $2)).pub")" --arg port "$4" --arg net "$5" \
        --arg own "$2" --arg other "$((3 - $2))" '
        def ranges: [.allowed_ips[] | select(startswith("172.16.")) | sub("172.16"; $net | sub("10"; "172"))];
        def peer($key; $address): "[Peer]", "PublicKey = \($key)", "AllowedIPs = \([$address] + ranges | join(", "))",
            "Endpoint = \(.uplinks[0].endpoint | sub(":.*"; ":" + $port))",
            "PersistentKeepalive = \(.uplinks[0].keepalive_s // 0)";
        "[Interface]", "PrivateKey = \($key)", "ListenPort = \($port)", "Address = \($net).0.\($own)/24", "MTU = \(.mtu)",
        (.peers[0] | peer($far; "\($net).0.\($other)/32")),
        (.peers[1:][] | peer(.uplinks[0].public_key; "\($net).0.77/32"))' "$WORK/changes$2/$3"
}
set_up() { # DEV PORT NET
    local s
    for s in 1 2; do hand_key "$1" "$s"; done
    for s in 1 2; do
        mkdir -m 700 "$WORK/$1-$s"
        dialect "$1" "$s" 001 "$2" "$3" >"$WORK/$1-$s/$1.conf"
        chmod 600 "$WORK/$1-$s/$1.conf"
        hand_up "$1" "$s" 2>>"$WORK/log/$1.log"
    done
}

number() { printf %03d "$1"; }
by_syncconf() { # S NUMBER
    dialect sync "$1" "$2" 51900 10.98 >"$WORK/sync-$1/sync.conf"
    hand_sync sync "$1"
    site "$1" ip link set sync mtu "$(sed -n 's/MTU = //p' "$WORK/sync-$1/sync.conf")"
}
by_quick() { # S NUMBER
    site "$1" wg-quick down "$WORK/quick-$1/quick.conf"
    dialect quick "$1" "$2" 51950 10.99 >"$WORK/quick-$1/quick.conf"
    hand_up quick "$1"
}
by_patronus() { # S NUMBER
    local version=$((10#$2 + 1))
    forged "${NAMES[$1]}" "$version" "$WORK/changes$1/$2"
    apply_file "$1" "${NAMES[$1]}-$version"
}

# One change after the other, on both sites at the same time.
all_changes() { # NAME
    local i both
    for ((i = 1; i <= 200; i++)); do
        "by_$1" 1 "$(number "$i")" >"$WORK/log/$1-1.log" 2>&1 &
        both=$!
        "by_$1" 2 "$(number "$i")" >"$WORK/log/$1-2.log" 2>&1 || return 1
        wait "$both" || return 1
    done
}

contents 1
contents 2
set_up sync 51900 10.98
set_up quick 51950 10.99
flow patronus 192.168.2.2 host 1
flow sync 10.98.0.2 site 1
flow quick 10.99.0.2 site 1
if ((PART == 0)); then
    within 500 test -e "$SHARED/done" || fail 'the lab beside this one does not come to its end'
    what=idle
else
    what='200 changes'
    trap 'told; touch "$SHARED/done"' EXIT
    for s in 1 2; do site "$s" cat /sys/class/net/pt000/ifindex; done >"$WORK/made"
    all_changes syncconf &
    sync=$!
    all_changes quick &
    quick=$!
    all_changes patronus || fail "a change is not taken: $(cat "$WORK"/log/patronus-*.log)"
    ours=$(flowed patronus)
    wait "$sync" || fail "wg syncconf: $(cat "$WORK"/log/syncconf-*.log)"
    wait "$quick" || fail "wg-quick: $(cat "$WORK"/log/quick-*.log)"
    for s in 1 2; do site "$s" cat /sys/class/net/pt000/ifindex; done | diff "$WORK/made" - || fail 'an interface was made anew'
    for s in 1 2; do
        mtu=$(jq .mtu "$WORK/changes$s/200")
        site "$s" ip link show pt000 | grep -q "mtu $mtu " || fail "site $s has not come to the last change"
    done
fi
echo "row Patronus, $what|${ours:-$(flowed patronus)}"
echo "row wg syncconf, $what|$(flowed sync)"
echo "row wg-quick down and up, $what|$(flowed quick)"
