//! Loaders for completions: each asks the installed program, so that it never disagrees with it.

use crate::commands::completions::Shell;

const BASH: &str = r#"# bash completion for patronusctl: asks the installed program
if command -v patronusctl >/dev/null 2>&1; then
    source <(PATRONUSCTL_COMPLETE=bash patronusctl)
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

/// The loader for a shell.
pub fn loader(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        Shell::Elvish => ELVISH,
        Shell::Powershell => POWERSHELL,
    }
}

/// All loaders, by the file names that the shells expect.
pub fn loaders() -> Vec<(&'static str, &'static str)> {
    vec![
        ("patronusctl.bash", BASH),
        ("_patronusctl", ZSH),
        ("patronusctl.fish", FISH),
        ("patronusctl.elv", ELVISH),
        ("patronusctl.ps1", POWERSHELL),
    ]
}
