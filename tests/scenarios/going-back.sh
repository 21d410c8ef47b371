#!/usr/bin/env bash
# One site goes back in the middle of a rotation of keys, under traffic in both directions, and nothing of it is lost: who
# goes back has the others leave the tunnel first that ends by it.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
# shellcheck source=tests/lab/flow.sh
. "$here/flow.sh"
begin
plain_net 3

phase() { [[ $(asked one '"\(.rotation.phase)"') == "$1" ]]; }
over() { [[ $(asked one .rotation) == null ]]; }
carries() { site "$1" ip route get "192.168.$2.2" | grep -q "dev $3 "; } # S TO DEV
no_spare() { ! interfaces "$1" | grep -qx pt0s; }

flows() { for pair in '1 2' '2 1' '1 3'; do flow "$pair" "192.168.${pair#* }.2" host "${pair% *}"; done; }
flowed_all() { # WHAT
    local pair sent lost all=0
    for pair in '1 2' '2 1' '1 3'; do
        IFS='|' read -r sent lost _ <<<"$(flowed "$pair")"
        ((sent > 200 && lost == 0)) || fail "$1: $lost of $sent packets from ${pair/ / to } were lost"
        all=$((all + sent))
    done
    shown "$1: $all packets, none lost"
}

# To hold a phase open the agent of three stands still, which has nothing to do with who goes back. In 'rekey' it has
# reported to have moved to the spare tunnel before; so that nobody goes on meanwhile, two stands still until then.
holds() { kill -STOP "${AGENT_PID[$1]}"; }
goes_on() { kill -CONT "${AGENT_PID[$1]}"; }
has_moved() { # NAME: and has said so
    [[ $(asked one ".rotation | .phase == \"spare\" and .version != null and all(.waiting[]; .site != \"$1\")") == true ]]
}
rotate_to() { # PHASE
    if [[ $1 == spare ]]; then holds 3; else holds 2; fi
    ctl site rotate-key one --network net
    within 30 phase spare || fail "no spare tunnels: $(asked one .rotation)"
    if [[ $1 == rekey ]]; then
        within 30 has_moved three || fail "three does not move to the spare tunnel: $(asked one .rotation)"
        holds 3
        goes_on 2
        within 30 phase rekey || fail "not re-keyed: $(asked one .rotation)"
    fi
    local dev t
    dev=$([[ $1 == spare ]] && echo pt0s || echo pt000)
    for t in 1 2; do within 30 carries "$t" "$((3 - t))" "$dev" || fail "site $t does not move to $dev"; done
}

for phase in spare rekey; do
    for s in 1 2; do
        rotate_to "$phase"
        flows
        site "$s" patronus-agent revert --state "$WORK/site$s" >"$WORK/log/revert" 2>&1 || fail "no way back: $(<"$WORK/log/revert")"
        dev=$([[ $phase == spare ]] && echo pt000 || echo pt0s)
        { carries 1 2 "$dev" && carries 2 1 "$dev"; } || fail "traffic does not go by $dev after the revert"
        sleep 2
        flowed_all "site $s goes back in $phase"
        site "$s" patronus-agent resume --state "$WORK/site$s"
        goes_on 3
        within 60 over || fail "the rotation does not end: $(asked one .rotation)"
        for t in 1 2 3; do within 20 no_spare "$t" || fail "site $t still has the spare tunnel"; done
    done
done

# Given up, with one agent gone whose traffic goes by the spare tunnel: that stays until the agent is back.
rotate_to spare
within 30 has_moved two || fail "two does not say that it moved: $(asked one .rotation)"
stop_agent 2
flows
ctl site rotate-key one --network net --cancel
within 30 phase back || fail "it is not given up: $(asked one .rotation)"
within 30 carries 1 2 pt000 || fail 'traffic does not move back'
sleep 6
carries 2 1 pt0s || fail 'who sees to the tunnels of two?'
start_agent 2
goes_on 3
within 60 over || fail "it does not end: $(asked one .rotation)"
for t in 1 2 3; do within 20 no_spare "$t" || fail "site $t still has the spare tunnel"; done
flowed_all 'the rotation is given up while an agent is gone'
