#!/usr/bin/env bash
# Whoever is at a site has the last word: a bundle from a file, back to what ran before, nothing new; with the server and
# without it, with the agent and without it. And the server can hold a site, or have it only look.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
begin
plain_net 2 'confirm: {timeout_s: 6}'

# What runs at site one shows in the kernel: version N has a route to 192.168.20N.0/24 behind site two, and no other does.
agent() { # VERB OPTIONS...
    local verb=$1
    shift
    run site 1 patronus-agent "$verb" --state "$WORK/site1" "$@"
}
route() { [[ $(site 1 ip -o route show "192.168.20$1.0/24") == *'dev pt'* ]]; }
runs() { # VERSION
    local other
    for other in 2 3 4 5 6 7 8 9; do
        if [[ $other == "$1" ]]; then route "$other" || return 1; elif route "$other"; then return 1; fi
    done
}
keeps() { # VERSION SECONDS: and does not change meanwhile
    local until=$((SECONDS + $2))
    while ((SECONDS < until)); do
        runs "$1" || fail "version $1 does not stay: $(site 1 ip route show)"
        sleep 0.2
    done
}
next() { # VERSION OPTIONS...: publishes it; it is for site one to take or not
    local version=$1
    shift
    ctl site update two --network net --prefix 192.168.2.0/24 --prefix "192.168.20$version.0/24" "$@"
    ctl bundle publish --network net ${RISK:+--accept-risk "$RISK"}
}
download() { ctl bundle download "$1/one" --network net --out "$WORK/$1.tar.gz"; }
says() { # WORD: what the server shows of site one
    ctl site describe one --network net | grep "$1" >/dev/null
}
stream_start 1 2

next 2
within 10 runs 2 || fail 'version 2 does not come'
stop_agent 1
next 3
download 3
next 4
download 4
stop_server

# No server and no agent: the file is all there is.
agent apply --file "$WORK/3.tar.gz"
runs 3 || fail 'version 3 does not run'
if agent apply --file "$WORK/3.tar.gz" --signature "$WORK/4.tar.minisig" 2>"$WORK/refused"; then
    fail 'a bundle runs under the signature of another'
fi
grep -q 'error: the archive holds' "$WORK/refused" || fail "another reason: $(<"$WORK/refused")"
runs 3 || fail 'version 3 does not stay'
# With an agent and no server.
start_agent 1
within 10 test -S "$WORK/site1/agent.sock" || fail 'the agent does not start'
agent apply --file "$WORK/4.tar.gz" 2>"$WORK/steps" | grep '^version 4 runs' >/dev/null || fail 'version 4 is not said to run'
for step in 'is verified' staged 'proves it' proven; do grep -q "$step" "$WORK/steps" || fail "no step: $step"; done
runs 4 || fail 'version 4 does not run'
[[ $(agent apply --file "$WORK/4.tar.gz" 2>&1 | tail -n 1) == 'version 4 runs already' ]] || fail 'twice is not once'
if agent apply --file "$WORK/3.tar.gz"; then fail 'an older version is taken'; fi
shown 'bundles from files run without a server, by an agent and without one; wrong and old ones are refused'

# Back, without a server; and the server does not take it back.
agent revert
runs 3 || fail 'the site did not go back'
agent revert
runs 3 || fail 'twice is not once'
start_server
within 20 says '^reverted  *version 4' || fail "the server does not know: $(ctl site describe one --network net)"
keeps 3 4
agent resume
within 10 runs 4 || fail 'resume does not go on'
agent revert
stop_agent 1
agent revert
runs 3 || fail 'the site did not stay where it went back to'
next 5
start_agent 1
within 10 runs 5 || fail 'a newer version does not come'
# Without an agent.
stop_agent 1
agent revert
runs 3 || fail 'the site did not go back without an agent'
start_agent 1
keeps 3 3
agent resume
within 10 runs 5 || fail 'resume does not go on'
shown 'a site goes back with and without the server and its agent, and stays there'

# In the middle of a proof: the server is behind site two now, and cannot be reached there.
RISK=loses-server next 6 --prefix 198.51.100.0/25
within 10 route 6 || fail 'version 6 is not tried'
before=$SECONDS
agent revert
((SECONDS - before <= 3)) || fail 'the site waited'
runs 5 || fail 'version 6 was not undone'
keeps 5 8
shown 'a change that has yet to prove itself is undone at once, and not tried again'

# Paused: nothing comes, whoever restarts what.
agent pause
agent pause
within 10 says '^mode  *paused by somebody there' || fail "the server does not know: $(ctl site describe one --network net)"
next 7 2>&1 | grep 'site .one. was paused by somebody there' >/dev/null || fail 'publishing does not warn'
ctl bundle publish --network net --wait --wait-timeout 10s
stop_agent 1
start_agent 1
keeps 5 3
site 1 patronus-agent status --state "$WORK/site1" | grep 'paused here' >/dev/null || fail 'the status does not say so'
agent resume
within 10 runs 7 || fail 'resume does not go on'
shown 'a paused site keeps what it runs, also through a restart, and publishing says so'

# The same from the server.
ctl site hold one --network net
next 8
ctl bundle publish --network net --wait --wait-timeout 10s
keeps 7 3
ctl site shadow one --network net
within 10 says '^shadow  *would change .*routes' || fail "nothing is foreseen: $(ctl site describe one --network net)"
says '^shadow  *version 8: ' || fail 'another version is foreseen'
keeps 7 2
ctl site unhold one --network net
within 10 runs 8 || fail 'unhold does not go on'
ctl event list --network net | grep 'site.held' >/dev/null || fail 'no event'
shown 'a held site keeps what it runs, one in shadow says what it would do'

read -r sent lost < <(stream_stop 1 2)
((sent > 500 && lost == 0)) || fail "$lost of $sent packets were lost"
shown "$sent packets between the sites meanwhile, none lost"
agent leave
[[ -z $(interfaces 1) ]] || fail "left behind: $(interfaces 1)"
if agent pause; then fail 'a site that left is paused'; fi
