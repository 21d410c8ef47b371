"""Types lines into an interactive shell and says what TAB offers there: press_tab.py bash|zsh LINE...

The loader is where the shell looks by itself: nothing is sourced but the shell's own completion system. A key of the
test's own inserts every candidate, another one prints the line and empties it.
"""

import os
import pty
import re
import select
import shutil
import sys
import time

ALL, SHOW = b"\x18a", b"\x18s"
DEADLINE_S = 20

RC = {
    "bash": r"""
bind 'set enable-bracketed-paste off'
show() { printf '\nLINE<%s>\n' "$READLINE_LINE"; READLINE_LINE=''; READLINE_POINT=0; }
bind '"\C-xa": insert-completions'
bind -x '"\C-xs": show'
. "${BASH_COMPLETION:-/usr/share/bash-completion/bash_completion}"
printf 'LINE<%s>\n' ready
""",
    "zsh": r"""
unsetopt zle_bracketed_paste prompt_sp; PS1='> '
fpath=($HOME/loaders $fpath)
autoload -Uz compinit && compinit -u -d $HOME/.zcompdump
zle -C every complete-word _generic
zstyle ':completion:every::::' completer _all_matches _complete
zstyle ':completion:every:*' insert yes
show() { printf '\nLINE<%s>\n' "$BUFFER"; BUFFER= }
zle -N show
bindkey '^Xa' every
bindkey '^Xs' show
printf 'LINE<%s>\n' ready
""",
}


def start(shell, home):
    name = {"bash": ".bashrc", "zsh": ".zshrc"}[shell]
    with open(os.path.join(home, name), "w") as rc:
        rc.write(RC[shell])
    words = {"bash": ["bash", "--rcfile", os.path.join(home, name), "-i"], "zsh": ["zsh", "--no-globalrcs", "-i"]}[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(shutil.which(shell), words)
    return terminal


def shown(terminal):
    """What the shell says the line is."""
    seen, end = b"", time.monotonic() + DEADLINE_S
    while True:
        found = re.search(rb"\nLINE<(.*?)>\r?\n", seen.replace(b"\r", b""), re.DOTALL)
        if found:
            return found.group(1).decode()
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        part = b""
        if ready:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                pass  # Linux says so when the shell has ended.
        if not part:
            sys.exit(f"the shell does not answer; it printed: {seen!r}")
        seen += part


def main():
    shell, lines = sys.argv[1], sys.argv[2:]
    terminal = start(shell, os.environ["HOME"])
    os.write(terminal, b"\n")
    shown(terminal)
    for line in lines:
        os.write(terminal, line.encode() + ALL + SHOW)
        print(shown(terminal))


main()
