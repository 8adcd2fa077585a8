/* grammar.h - endless text from a grammar: weighted rules, variables, agreement, questions with exactly
 * one right answer. A grammar is a file of plain YAML:
 *
 *   levels:
 *     match: 6000              the rule `match` makes a line; 6000 lines unless another number is asked
 *   choose:                    of these rules one alternative is drawn
 *     match:
 *       - A <=pitch> pitch and <!who=bowler><who.a> <who>. The plan is to<?> <plan>.
 *     pitch:
 *       - green
 *       - dry | weight=3 kind=hard
 *   decide:                    of these the first that fits is taken
 *     plan:
 *       - bowl it short | when who.kind=fast pitch=green,damp
 *       - wait for a mistake
 *
 * In a text, <rule> stands for what the rule gives. <x=rule> keeps that as variable x as well (<=rule>: as
 * a variable of the rule's name), <!x=rule> keeps it without writing it; <x> is the variable again, <x.f>
 * its feature f. A ^ in front (<^x>) makes the first letter a capital, and <?> marks where the answer
 * begins: before the blank that parts it from the question. Of two blanks in a row one is written, so
 * what stands between may be empty (""). Behind | stand features f=v for the variable that is kept, weight=N, and
 * after `when` conditions, all of which must hold: x=v, x.f=v, !=, and a choice of values with commas.
 *
 * A line depends on (grammar, level, seed, its number) alone. The split key of a line that asks is what its
 * variables are, so that all wordings of one case are on one side; that of any other line is the line. */
#ifndef THAW_ENGINE_DATA_GRAMMAR_H
#define THAW_ENGINE_DATA_GRAMMAR_H
#include "engine/data/source.h"

struct grammar; /* opaque */

enum { GRAMMAR_BYTES_MAX = 1 << 18, GRAMMAR_LINE_MAX = 2048, GRAMMAR_LINES_MAX = 10000000 };

/* Read a grammar; names of its rules that nobody defines are refused. ERR_PARSE: "line 7: ...". */
struct grammar *grammar_parse(const char *text, size_t n, struct err *err);
void grammar_destroy(struct grammar *g); /* NULL is fine */

/* The number of a level, or -1; its lines unless another number is asked for. */
int grammar_level(const struct grammar *g, const char *name);
uint64_t grammar_lines(const struct grammar *g, int level);

struct grammar_line {
    struct buf text;
    size_t answer; /* where it begins; 0: nothing is asked */
    uint64_t key;  /* of the split */
};
/* Make line `number`; `out` is cleared first and keeps its memory. ERR_RANGE when no alternative fits, a
 * rule comes to no end, or the line to more than GRAMMAR_LINE_MAX bytes; the message names the rule. */
bool grammar_make(const struct grammar *g, int level, uint64_t seed, uint64_t number, struct grammar_line *out,
                  struct err *err);

/* As in source_kind: `rest` is NAME:LEVEL[:LINES[:SEED]]; NAME stands in assets/grammars, a path ends in
 * .yaml. */
bool grammar_read(const char *rest, struct source_text *out, struct err *err);
bool grammar_check(const char *rest, struct err *err);
size_t grammar_path(const char *rest);
#endif
