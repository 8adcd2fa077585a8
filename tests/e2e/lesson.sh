#!/usr/bin/env bash
# lesson.sh - lessons: listed, started with their run, for a class, at the state that a word tells; and whether a run
# came to what its lesson says.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 2
make_texts
make_config tiny.yaml tiny 30 60
mkdir -p configs assets/lessons && cp tiny.yaml configs/

lesson() { # lesson NAME AT_LEAST: of the tiny config; what it expects can be met or not
    cat >"assets/lessons/$1.yaml" <<EOF
name: $1
title: Two tiny texts
minutes: 1
config: tiny
set: {stages.1.steps: 40}
summary: Two texts, a few steps each.
notes: Nothing to prepare.
steps:
  - {title: The first step, text: It begins., point: loss}
  - title: The second step
    text: It goes on.
    point: layers
    wait: {stage: finetune}
    question: {ask: "What is frozen?", answer: "The lower half."}
    expect:
      - {set: domain, measure: loss_drop, at_least: $2}
      - {group: embed, measure: from_base, at_most: 0}
      - {measure: steps, at_least: 70, at_most: 70}
EOF
}
lesson small 0.01
lesson proud 99

must "the list" "$thaw" lesson
ok "ours is in it" grep -qE "small +1 min +Two tiny texts" "$out"
ok "and the program's" says "The screen in three minutes"
must "notes" "$thaw" lesson small --notes
ok "for the teacher" says "Nothing to prepare."
ok "with the answers" says "= The lower half."
try "$thaw" lesson smal
same "a wrong name is wrong use" 2 "$status"
ok "which was meant" grep -qF 'there is no lesson "smal"; the nearest is "small"' "$err"
printf 'name: bad\ntitel: x\n' >assets/lessons/bad.yaml
try "$thaw" lesson bad
ok "what is wrong, and where" grep -qF 'bad.yaml:2:1: there is no key "titel"; the nearest known one is "title"' "$err"

must "a lesson with its run" "$thaw" lesson small --headless --set seed=9
ok "its own settings hold" has_event small step type=end step=70
ok "the seed as asked" has_event small seed type=run seed=9
ok "it lies beside the run" cmp -s assets/lessons/small.yaml "$runs/small/lesson.yaml"
same "the state that it began with" small:1:seed9 "$(cat "$runs/small/lesson.state")"

must "the run came to it" "$thaw" lesson small --check small
ok "each figure is told" says "pass  from_base of embed at most 0: 0"
try "$thaw" lesson proud --check small
same "not all of it" 1 "$status"
ok "which figure failed" says "FAIL  loss_drop of domain at least 99"
ok "and which did not" says "pass  steps at least 70, at most 70: 70"

must "a frame of it" "$thaw" watch small --snapshot 120x40
ok "the lesson stands beside the run" says "Lesson 1/2: The first step"
ok "and points at a pane" says "1 Loss <- lesson"

must "the same at its second step, with a setting" "$thaw" lesson small:2:seed9:stages.0.steps=10 --headless --name again
ok "the setting holds" has_event again step type=end step=50
same "and stays in the word" small:2:seed9:stages.0.steps=10 "$(cat "$runs/again/lesson.state")"
must "a frame of it" "$thaw" watch again --snapshot 80x24
ok "at that step" says "Lesson 2/2: The second step"
try "$thaw" lesson small:3 --headless
same "there is no third step" 2 "$status"

must "for a class" "$thaw" lesson small --class --name room --set stages.1.steps=100000
ok "what students type" says "  thaw watch $runs/room"
ok "who may" says "Whoever is in the group \"$(id -gn)\" may watch"
ok "what the teacher types" says "  thaw attach room"
same "the group may read it" 2750 "$(stat -c %a "$runs/room")"
same "and the lesson" 640 "$(stat -c %a "$runs/room/lesson.yaml")"
wait_for "it trains" reached room 5
must "a student looks" "$thaw" watch "$runs/room" --snapshot 80x24
ok "and has the lesson" says "Lesson 1/2"
must "it stops" "$thaw" send room stop
wait_for "its end" ended room

printf 'nonsense' >"$runs/room/lesson.yaml"
must "a lesson that is not sound costs the run nothing" "$thaw" watch room --snapshot 120x40
ok "it is told" says "lesson.yaml:1:1: a lesson must be keys with"
finish
