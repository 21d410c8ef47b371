# shellcheck shell=bash
# Compares what a site's kernel holds before and after: the harness looks, not the agent. Sourced by scenario.sh.

kernel() { site "$1" "$here/kernel-state.sh"; } # S

# The same without what is another after a start from nothing.
lasting() { kernel "$1" | grep -v -e '^index ' -e '"fe80:'; } # S

remember() { # S...
    local s
    for s in "$@"; do kernel "$s" >"$WORK/kernel$s"; done
}

# Whether it is as it was when it was remembered; else what differs.
unchanged() { # S
    kernel "$1" >"$WORK/kernel$1.now"
    diff "$WORK/kernel$1" "$WORK/kernel$1.now" >"$WORK/kernel$1.diff"
}
as_before() { # S...
    local s
    for s in "$@"; do
        unchanged "$s" || fail "site $s is not as it was: $(<"$WORK/kernel$s.diff")"
    done
}

# What an agent keeps that a change which is undone must not touch, by its bytes.
files() { # S
    (
        cd "$WORK/site$1/networks"/*/
        for link in current previous; do echo "$link $(readlink "$link")"; done
        for path in identity.json earlier.json current/ previous/; do
            if [[ -e $path ]]; then find "$path" -type f -exec sha256sum {} +; fi
        done
    ) | LC_ALL=C sort
}

# What is not Patronus's, of the kinds that Patronus makes itself.
plant_foreign() { # S
    site "$1" bash -e <<'SITE'
ip route add 10.97.0.0/16 dev lo protocol static
ip rule add from 10.97.0.1 lookup 1234 priority 4001
nft -f - <<'NFT'
table inet patronus-foreign {
    chain c {
        type filter hook input priority 0
        tcp dport 9 counter
    }
}
NFT
SITE
}
foreign_is_there() { # S
    local route rule chain
    route=$(site "$1" ip route show 10.97.0.0/16)
    rule=$(site "$1" ip rule show priority 4001)
    chain=$(site "$1" nft list chain inet patronus-foreign c)
    [[ $route == *'dev lo'* && $rule == *'from 10.97.0.1 lookup 1234'* && $chain == *'dport 9'* ]]
}
