/* talk_print.h - answers for people and for scripts. */
#ifndef THAW_SRC_TALK_PRINT_H
#define THAW_SRC_TALK_PRINT_H
#include "src/talk.h"

/* Columns that two answers beside each other need. */
enum { TALK_COLUMNS_LEAST = 60 };
/* Of the terminal on stdout; 0: it is none. */
int talk_columns(void);

/* Two texts beside each other, wrapped, under their names, in `columns` columns. */
bool talk_print_beside(const char *left_name, const struct buf *left, const char *right_name,
                       const struct buf *right, int columns, struct err *err);

/* One object: {"prompt", "text", "tokens", "tokens_per_s", "dropped", "base": the same of the other model}.
 * base NULL: there is none. */
bool talk_print_json(const char *line, const struct talk_answer *answer, const struct talk_answer *base,
                     struct err *err);
/* {"prompt", "error"} for a line that was not answered. */
bool talk_print_refusal(const char *line, const char *why, struct err *err);
#endif
