# shellcheck shell=bash
# Streams of 100 packets a second, PATIENCE times fewer on a slow machine; and tunnels made by hand beside those of
# Patronus, to see what others lose.

declare -A FLOW=()
flow() { # NAME TARGET WHO...
    local name=$1 target=$2
    shift 2
    "$@" env --default-signal=INT ping -n -i "$(printf 0.%02d "$PATIENCE")" "$target" >"$WORK/flow-$name" 2>&1 &
    FLOW[$name]=$!
    within 10 grep -q icmp_seq "$WORK/flow-$name" || fail "no packet of the stream '$name' arrives"
}
# Prints "sent|lost|reordered". The very last packet may still be on its way when ping is told to stop.
flowed() { # NAME
    kill -INT "${FLOW[$1]}"
    # Not 'wait': who reads the numbers from a subshell is not the parent of ping.
    within 5 grep -q 'packets transmitted' "$WORK/flow-$1" || fail "the stream '$1' does not end"
    awk '
        / bytes from / && !/DUP/ && match($0, /icmp_seq=[0-9]+/) {
            seq = substr($0, RSTART + 9, RLENGTH - 9) + 0
            if (seq < last) moved++; else last = seq
        }
        / packets transmitted, / { sent = $1; lost = $1 - $4 }
        END { printf "%d|%d|%d\n", sent, (lost == 1 && last == sent - 1) ? 0 : lost, moved }' "$WORK/flow-$1"
}

# A tunnel made by hand is DEV at site S, with its key in DEV-S.key and its configuration in DEV-S/DEV.conf.
hand_key() { # DEV S
    (umask 077; wg genkey >"$WORK/$1-$2.key")
    wg pubkey <"$WORK/$1-$2.key" >"$WORK/$1-$2.pub"
}
hand_up() { # DEV S
    site "$2" env WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go wg-quick up "$WORK/$1-$2/$1.conf"
}
hand_sync() { # DEV S
    # shellcheck disable=SC2016  # for the shell inside
    site "$2" bash -c 'wg-quick strip "$1" | wg syncconf "$2" /dev/stdin' _ "$WORK/$1-$2/$1.conf" "$1"
}
