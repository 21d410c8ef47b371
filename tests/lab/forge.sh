# shellcheck shell=bash
# Bundles that no server would publish, signed all the same and brought to a site as files. Sourced by scenarios.

# Downloads what the sites run, to begin from: BUNDLES/NAME.tar.gz and BUNDLES/NAME.json.
BUNDLES=$WORK/bundles
take_bundles() { # NETWORK VERSION NAME...
    local network=$1 version=$2 name
    shift 2
    mkdir -p "$BUNDLES"
    for name in "$@"; do
        ctl bundle download "bundle/$version/$name" --network "$network" --out "$BUNDLES/$name.tar.gz"
        forge content "$BUNDLES/$name.tar.gz" >"$BUNDLES/$name.json"
    done
}

# Signs a content as a version of the site: BUNDLES/NAME-VERSION.tar.gz, and its signature beside it.
forged() { # NAME VERSION CONTENT FORGE-OPTIONS...
    local name=$1 version=$2 content=$3
    shift 3
    forge pack "$BUNDLES/$name.tar.gz" --content "$content" --version "$version" --key "$WORK/server/signing.key" \
        --out "$BUNDLES/$name-$version" "$@"
}

apply_file() { # S NAME-VERSION
    site "$1" patronus-agent apply --state "$WORK/site$1" --file "$BUNDLES/$2.tar.gz"
}
