/* lesson_file.h - a lesson (ui/lesson.h) from a YAML file. Strict, as configs are: known keys only, each once, at
 * most 64 KiB. Messages read "FILE:LINE:COLUMN: what is wrong, what was expected". The format, by example:
 *
 *   name: cricket
 *   title: One captain's plan for every match
 *   minutes: 10
 *   mechanism: 3                       # its place among the lessons about the mechanism; without: an example's
 *   config: cricket                    # as in `thaw run cricket`
 *   set: {stages.1.steps: 150}         # over the config; a list as text: "[embed]"
 *   summary: What it is about, in a sentence or two.
 *   notes: >                           # for the teacher: `thaw lesson cricket --notes`
 *     What to prepare, what to ask.
 *   steps:
 *     - title: The loss falls          # fits into a row of the smallest screen
 *       text: >                        # a blank line begins a paragraph
 *         What is to be seen, and why.
 *       point: loss                    # a pane, or lifecycle, status, learned, keys
 *       try: Space on block.2          # what to do
 *       wait: {stage: match, step: 20} # or {stage: match}, {step: 20}, {key: Space}, {event: freeze}
 *       question: {ask: "Why?", answer: "Because."}
 *       keys: {only: [Space]}          # of those that change the run; {off: [p, K]}: all but these
 *       expect: {set: match, measure: accuracy, at_least: 0.5}  # or a list; {group: embed, measure: from_base, ...}
 */
#ifndef THAW_SRC_LESSON_FILE_H
#define THAW_SRC_LESSON_FILE_H
#include "engine/core/err.h"
#include "ui/lesson.h"

enum { LESSON_BYTES_MAX = 1 << 16 };

bool lesson_read(const char *path, struct lesson *out, struct err *err);
/* The same from memory; `file` stands for the file in messages. */
bool lesson_parse(const char *text, size_t n, const char *file, struct lesson *out, struct err *err);
#endif
