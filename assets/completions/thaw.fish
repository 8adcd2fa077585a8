# Completion of thaw for fish: the program itself tells what may come next.
complete -c thaw -n __fish_use_subcommand -f -a '(thaw --help=words 2>/dev/null)'
complete -c thaw -n 'not __fish_use_subcommand' -a '(thaw (commandline -opc)[2] --help=words 2>/dev/null)'
