/* page.h - `thaw report`: a run, or several beside each other, as one HTML page that needs
 * nothing else: no network, no script. */
#ifndef THAW_SRC_REPORT_PAGE_H
#define THAW_SRC_REPORT_PAGE_H
#include "src/report/compared.h"

/* Append the page of n runs, 1 to COMPARED_RUNS_MAX. Its size does not grow with the runs'
 * length. */
bool report_page(const struct fold *runs, int n, struct buf *out, struct err *err);
/* Read the runs and make their page: what the command and the screen's `:report` do. */
bool report_make(const struct run_paths *runs, int n, struct buf *out, struct err *err);
/* The same into a file, atomically. */
bool report_write(const struct run_paths *runs, int n, const char *file, struct err *err);

extern const char
    *const report_style[]; /* style.c: CSS, a rule each, up to NULL; without "<" and "&" */
#endif
