#!/usr/bin/env bash
# 1,000 random changes of a site, some of which cut it off: after each the kernel holds what the old bundle says, or what
# the new one says, exactly. What that is, the harness works out from the bundle, and reads back with wg and ip.

together() { # FILE...
    cat "$@" | sed -n 's/^row //p' | awk '
        { changes += $1; kept += $2; undone += $3 }
        END {
            printf "shown: %d random changes: %d are there exactly, %d were undone exactly\n", changes, kept, undone
            exit !(changes >= 1000 && kept > 900 && undone > 0)
        }' || { echo 'FAILED: fewer changes than promised' >&2; return 1; }
}
# shellcheck source=tests/lab/side-by-side.sh
. "$(dirname "$(readlink -f "$0")")/../lab/side-by-side.sh" 4
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,2
# shellcheck source=tests/lab/forge.sh
. "$here/forge.sh"

COUNT=250
SEED=$((${PATRONUS_TEST_SEED:-20261125} + PART))
begin
ctl apply -f - <<'YAML'
{kind: network, name: net, range: 10.210.0.0/24, confirm: {timeout_s: 5}}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks:
  - {name: a, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254}
  - {name: b, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254}
---
kind: site
name: two
network: net
prefixes: [192.168.2.0/24]
uplinks:
  - {name: a, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254}
  - {name: b, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254}
YAML
join net 1 one 2 two
publish net
take_bundles net 1 one
within 10 reaches 1 2 || fail 'there is no way'

keys() { for ((i = 0; i < $1; i++)); do wg genkey | wg pubkey; done | jq -R . | jq -s -c .; } # COUNT
GHOSTS=$(keys 6)
jq -c --argjson seed "$SEED" --argjson count "$COUNT" --argjson ghosts "$GHOSTS" --argjson strangers "$(keys 2)" \
    -f "$here/random.jq" "$BUNDLES/one.json" >"$WORK/changes"

expected() { # FILE
    jq -r --argjson gateways '["203.0.113.254", "192.0.2.254"]' -f "$here/expected.jq" "$1" | LC_ALL=C sort
}
# shellcheck disable=SC2016  # for the shell inside
seen() {
    site 1 bash -c 'cd "$1" && wg show all dump >wg && ip -d -j address show >links &&
        ip -4 -d -j route show table all >routes && ip -d -j rule show >rules' _ "$WORK"
    jq -n -r --rawfile wg "$WORK/wg" --slurpfile links "$WORK/links" --slurpfile routes "$WORK/routes" \
        --slurpfile rules "$WORK/rules" --argjson ghosts "$GHOSTS" -f "$here/seen.jq" | LC_ALL=C sort
}
# Which of its tunnels carries a site's traffic is measured, not said by the bundle.
by_any() { sed 's/^\(route main .* dev pt0\)[0-3][0-3] /\1.. /' "$1"; }
holds() { # FILE of expected lines
    seen >"$WORK/seen"
    diff <(by_any "$1") <(by_any "$WORK/seen") >"$WORK/difference"
}

expected "$BUNDLES/one.json" >"$WORK/old"
holds "$WORK/old" || fail "before any change: $(<"$WORK/difference")"

version=1 kept=0 undone=0
while read -r line; do
    version=$((version + 1))
    jq .content <<<"$line" >"$WORK/content.json"
    forged one "$version" "$WORK/content.json"
    expected "$WORK/content.json" >"$WORK/new"
    if apply_file 1 "one-$version" >"$WORK/said" 2>&1; then
        mv "$WORK/new" "$WORK/old"
        kept=$((kept + 1))
    else
        [[ $line == '{"bad":true'* ]] || fail "seed $SEED: change $version was not taken: $(<"$WORK/said")"
        undone=$((undone + 1))
    fi
    holds "$WORK/old" || fail "seed $SEED: after change $version, neither old nor new: $(<"$WORK/difference") $(<"$WORK/said")"
done <"$WORK/changes"
within 10 reaches 1 2 || fail 'there is no way at the end'

# A difference of one setting is seen.
site 1 ip link set pt000 mtu 1279
if holds "$WORK/old"; then fail 'the harness does not see another MTU'; fi
echo "row $((kept + undone)) $kept $undone"
