//! Loaders for completions: each asks the installed program, so that it never disagrees with it.

use clap::ValueEnum as _;

use crate::commands::completions::Shell;

const BASH: &str = r#"# bash completion for patronusctl: asks the installed program
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
"#;

const ZSH: &str = r#"#compdef patronusctl
# zsh completion for patronusctl: asks the installed program
(( $+commands[patronusctl] )) || return 1
source <(PATRONUSCTL_COMPLETE=zsh patronusctl)
# Loaded by the completion system itself: complete this first time too.
if [[ $funcstack[1] == _patronusctl ]]; then
    _clap_dynamic_completer_patronusctl "$@"
fi
"#;

const FISH: &str = r#"# fish completion for patronusctl: asks the installed program
if command -q patronusctl
    PATRONUSCTL_COMPLETE=fish patronusctl | source
end
"#;

const ELVISH: &str = r#"# elvish completion for patronusctl: asks the installed program
if (has-external patronusctl) {
    eval (E:PATRONUSCTL_COMPLETE=elvish patronusctl | slurp)
}
"#;

const POWERSHELL: &str = r#"# PowerShell completion for patronusctl: asks the installed program
if (Get-Command patronusctl -ErrorAction SilentlyContinue) {
    $env:PATRONUSCTL_COMPLETE = "powershell"
    patronusctl | Out-String | Invoke-Expression
    Remove-Item Env:\PATRONUSCTL_COMPLETE
}
"#;

/// The loader for a shell, and the file name that the shell expects.
pub fn loader(shell: Shell) -> (&'static str, &'static str) {
    match shell {
        Shell::Bash => ("patronusctl.bash", BASH),
        Shell::Zsh => ("_patronusctl", ZSH),
        Shell::Fish => ("patronusctl.fish", FISH),
        Shell::Elvish => ("patronusctl.elv", ELVISH),
        Shell::Powershell => ("patronusctl.ps1", POWERSHELL),
    }
}

/// All of them.
pub fn loaders() -> impl Iterator<Item = (&'static str, &'static str)> {
    Shell::value_variants().iter().map(|shell| loader(*shell))
}
