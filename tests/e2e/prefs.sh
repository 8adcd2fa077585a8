#!/usr/bin/env bash
# prefs.sh - what the screen keeps, in a real terminal: settings survive a restart, the tour comes once, options stand
# above the file, and a file or folder that cannot be used costs one sentence.
# shellcheck source=tests/e2e/tmux.sh
. "$(dirname "$0")/tmux.sh"
run=kept
settings=$XDG_CONFIG_HOME/thaw/settings.json

make_texts
make_config "$work/$run.yaml" "$run" 2 1000000
"$thaw" run "$work/$run.yaml" --detach >"$out" 2>"$err" </dev/null || give_up "no run: $(cat "$err")"
wait_for "the last stage" has_event "$run" index type=stage name=finetune
must "a log that holds still" "$thaw" send "$run" pause

attach() { # attach [OPTION...]: a screen with its curve
    enter "clear; $thaw attach $run $*"
    wait_for "the screen $*" shows '1 Loss'
}
leave() {
    press q
    wait_for "the shell" at_prompt
}

# --- the first start: the tour, once

rm -r "$XDG_CONFIG_HOME"
terminal one 100 30
attach
wait_for "the tour" shows '1 of 5'
press Enter
wait_for "its second hint" shows '2 of 5'
press Escape
wait_for "its end" shows_not ' of 5'
wait_for "the settings, which are kept when the frame is out" test -s "$settings"
same "the settings' folder" 700 "$(stat -c %a "$XDG_CONFIG_HOME/thaw")"
same "the settings' file" 600 "$(stat -c %a "$settings")"

# --- settings survive a restart

press s
wait_for "another smoothing" shows 'EMA\.99'
write ":set x-unit tokens"
press Enter
wait_for "another unit" shows 'x-unit is tokens now'
write ":theme colour-blind"
press Enter
wait_for "other colours" shows 'theme is colour-blind now'
leave
for key in tour smoothing x-unit theme; do ok "$key is kept" "$json_get" "$key" <"$settings" >"$out"; done
attach
wait_for "the smoothing of before" shows 'EMA\.99'
ok "no tour any more" shows_not ' of 5'
press : Up
wait_for "the line that was typed last" shows ':theme colour-blind'
press Escape
write ":set theme"
press Enter
wait_for "the theme of before" shows 'theme is colour-blind, of'
leave
attach --theme light
write ":theme"
press Enter
wait_for "the option stands above the file" shows 'theme is light, of'
leave
same "an option is not kept" colour-blind "$("$json_get" theme <"$settings")"

# --- watchers get no tour; a snapshot neither, and no settings

rm "$settings"
enter "clear; $thaw watch $run"
wait_for "a watcher's screen" shows '1 Loss'
settle
ok "no tour for who watches" shows_not ' of 5'
leave
ok "nothing is written by who only looks" not test -e "$settings"
echo '{"tour": "done", "smoothing": "raw"}' >"$settings"
must "a snapshot" "$thaw" watch "$run" --snapshot 80x24
ok "a snapshot is the same for everyone" says "EMA.90"
must "a snapshot in a theme" "$thaw" watch "$run" --snapshot 80x24 --color --theme colour-blind-light
try "$thaw" watch "$run" --theme pink
same "a theme that is none" 2 "$status"
ok "it names those that are" grep -q "colour-blind" "$err"

# --- a file that is not sound: one sentence, and it is left alone

echo '{"smoothing": "much"}' >"$settings"
attach
wait_for "a sentence" shows 'smoothing is one of raw, 0\.5'
press Escape 4
wait_for "the same in the log" shows 'smoothing is one of raw, 0\.5'
press 1 s
wait_for "the screen works" shows 'EMA\.99'
leave
same "the file" '{"smoothing": "much"}' "$(cat "$settings")"

# --- a place that cannot be written: one sentence

rm -r "$XDG_CONFIG_HOME" && mkdir "$XDG_CONFIG_HOME"
if [ "$(id -u)" = 0 ]; then : >"$XDG_CONFIG_HOME/thaw"; else chmod 500 "$XDG_CONFIG_HOME"; fi
attach
settle
ok "no tour where it would come each time" shows_not ' of 5'
press s
wait_for "the screen works all the same" shows 'EMA\.99'
press 4
wait_for "a sentence in the log" shows 'cannot (open|create|write)'
leave
finish
