# Completion of thaw for bash: the program itself tells what may come next.
_thaw() {
    local word=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" = 1 ]; then
        words=$(thaw --help=words 2>/dev/null | cut -f 1)
    else
        words=$(thaw "${COMP_WORDS[1]}" --help=words 2>/dev/null | cut -f 1)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _thaw thaw
