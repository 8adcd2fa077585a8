/* html.h - the words of a page: what came from outside is escaped here, and nowhere else.
 * The page is HTML and well-formed XML at once, so that any reader of either takes it. Text
 * from models, corpora, names and logs passes the sanitiser first (control characters and bidi
 * controls become visible escapes), then what markup takes for its own is escaped. */
#ifndef THAW_SRC_REPORT_HTML_H
#define THAW_SRC_REPORT_HTML_H
#include <stdint.h>

#include "engine/core/buf.h"

/* Append text from outside, fit for an element and for an attribute in quotes. */
void html_text(struct buf *out, const char *s);
/* The same of n bytes; newlines stay when keep_newlines. */
void html_bytes(struct buf *out, const char *s, size_t n, bool keep_newlines);

/* Markup of our own, in which every %s is a text from outside and escaped; %%, and the letters
 * that printf has for an int (%d), a double (%.2f, %g ...) and an int64_t (PRId64) as there. */
void html_put(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* <th scope="row">, with a text from outside. */
void html_row_head(struct buf *out, const char *text);
/* A cell with a number that ui/format.h has made (blanks around it are left out). */
void html_number(struct buf *out, const char *formatted);
/* <section id="..."><h2>; both are our own words. */
void html_section(struct buf *out, const char *id, const char *title);
void html_section_end(struct buf *out);
#endif
