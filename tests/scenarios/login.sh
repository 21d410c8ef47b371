#!/usr/bin/env bash
# A login is kept in the desktop's keyring and nowhere else, and survives many programs that renew it at once.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1
# Shorter than the margin before a token ends in which it is renewed: every command renews the login.
export PATRONUS_ACCESS_TOKEN_S=10
init_server
start_server

login_to() { # STORE
    ctl login --server "$SERVER_URL" --user admin --password-file "$WORK/password" --ca-file "$WORK/server/tls/ca.pem" --store "$1"
}
secrets_in_files() { # the files of a person that hold a secret
    grep -rlE 'ptn_refresh_|eyJ' "$HOME" "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME" || true
}
renew_at_once() { # COMMANDS: each renews the login three times
    local jobs=() job failed=0
    for ((job = 0; job < $1; job++)); do
        (for _ in 1 2 3; do server patronusctl whoami >/dev/null || exit 1; done) &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || failed=$((failed + 1)); done
    ((failed == 0)) || fail "$failed of $1 were logged out by the others"
}
suspicions() { # how often a refresh token was used twice
    server patronusctl event list --limit 1000 -o jsonl | jq -s 'map(select(.type == "user.refresh-reused")) | length'
}
in_keyring() { secret-tool lookup service patronusctl username default; }
with_keyring() {
    gnome-keyring-daemon --unlock --components=secrets <"$WORK/password" >/dev/null
    login_to keyring
    [[ $(in_keyring) == *ptn_refresh_* ]] || fail 'the login is not in the keyring'
    [[ -z $(secrets_in_files) ]] || fail "a secret is in a file: $(secrets_in_files)"
    local before
    before=$(suspicions)
    renew_at_once 4
    [[ $(suspicions) == "$before" ]] || fail 'a refresh token from the keyring was used twice'
    [[ -z $(secrets_in_files) ]] || fail "a renewed secret is in a file: $(secrets_in_files)"
    ctl logout
    if in_keyring; then fail 'the login is still in the keyring after logout'; fi
    local status=0
    ctl whoami 2>/dev/null || status=$?
    ((status == 4)) || fail "after logout whoami ends with $status, not 4"
    shown 'the keyring holds the login, no file does, and logout takes it out'
}

# As on a desktop, but nobody's own.
export HOME=$WORK/home XDG_DATA_HOME=$WORK/data XDG_RUNTIME_DIR=$WORK/run
mkdir -p "$HOME" "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME"
unset DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY

status=0
login_to keyring 2>"$WORK/refused" || status=$?
((status == 17)) || fail "without a keyring login ends with $status, not 17"
grep -q -- '--store file' "$WORK/refused" || fail "without a keyring nobody says what to do: $(<"$WORK/refused")"
[[ -z $(secrets_in_files) ]] || fail 'a login that could not be kept is in a file'
shown 'without a keyring there is no login, and the error names --store file'

login_to file
[[ -n $(secrets_in_files) ]] || fail 'the login is in no file'
renew_at_once 8
[[ $(suspicions) == 0 ]] || fail 'a refresh token was used twice'
[[ $(stat -c %a "$XDG_CONFIG_HOME"/patronusctl/credentials/default.json) == 600 ]] || fail 'others can read the credential'
renewals=$(grep -c 'op="AuthRefresh" status=200' "$WORK/log/server.log" || true)
((renewals >= 24)) || fail "only $renewals renewals were made"
shown 'eight programs that renew one login 24 times do not log each other out'

# Whatever instant the kill lands at, the file is the old login or the new one. A kill between the server's answer and
# the file's renaming costs the login (the token is used up, its successor is gone), but never more.
kept=$XDG_CONFIG_HOME/patronusctl/credentials/default.json
lost=0
for ((round = 0; round < 40; round++)); do
    server patronusctl whoami >/dev/null 2>"$WORK/killed" &
    sleep "0.0$((RANDOM % 40 + 10))"
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    jq -e .refresh_token "$kept" >/dev/null || fail "round $round left half a login"
    if ! server patronusctl whoami >/dev/null 2>"$WORK/after"; then
        grep -q 'the login has ended' "$WORK/after" || fail "after a kill: $(<"$WORK/after")"
        lost=$((lost + 1))
        login_to file >/dev/null
    fi
done
ctl logout
[[ -z $(secrets_in_files) ]] || fail "after logout there is a secret in: $(secrets_in_files)"
shown "a kill in the midst of it leaves no half file ($lost of $round logins had to be renewed by hand); logout leaves no secret"

for program in dbus-run-session gnome-keyring-daemon secret-tool; do
    if ! command -v "$program" >/dev/null; then
        [[ ${CI:-} != true ]] || fail "$program is missing: run scripts/setup test"
        echo "SKIPPED: a login in the keyring, for $program is missing (scripts/setup test)" >&2
        exit 0
    fi
done
export WORK SERVER_URL
export -f login_to secrets_in_files renew_at_once suspicions in_keyring with_keyring ctl run show shown fail
server dbus-run-session -- bash -euo pipefail -c with_keyring
