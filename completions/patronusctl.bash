# bash completion for patronusctl: asks the installed program
if command -v patronusctl >/dev/null 2>&1; then
    source <(PATRONUSCTL_COMPLETE=bash patronusctl)

    # Readline splits words at = and : too, as in --output=json and https://; the program wants them whole.
    _patronusctl() {
        local line=$COMP_LINE rest piece before='' i at=0
        local -a whole=()
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
            piece=${COMP_WORDS[i]}
            rest=${line#"${line%%[![:blank:]]*}"}
            if ((i > 0)) && [[ $rest == "$line" ]]; then
                ((i == COMP_CWORD)) && before=${whole[${#whole[@]} - 1]}
                whole[${#whole[@]} - 1]+=$piece
            else
                whole+=("$piece")
            fi
            ((i == COMP_CWORD)) && at=$((${#whole[@]} - 1))
            line=${rest#"$piece"}
        done
        # Right behind a = the word to complete is empty, and the = itself stands for it.
        case ${COMP_WORDS[COMP_CWORD]} in =* | :*) before+=${COMP_WORDS[COMP_CWORD]} ;; esac
        local -a COMP_WORDS=("${whole[@]}")
        local COMP_CWORD=$at
        _clap_complete_patronusctl "$1" "$before$2" "$3"
        for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$before"}; done
    }
    _patronusctl_spec=$(complete -p patronusctl)
    eval "${_patronusctl_spec/_clap_complete_patronusctl/_patronusctl}"
    unset _patronusctl_spec
fi
