/* roff.h - pages of the manual on stdout, with the man macros, see man(7). Text is given as it is to be read: what roff
 * would take for its own is escaped. */
#ifndef THAW_SRC_ROFF_H
#define THAW_SRC_ROFF_H

void roff_text(const char *text);
/* The page's head, and its section NAME. `title` and `name` are roff already: "THAW\\-CONFIG", "thaw\\-config". */
void roff_title(const char *title, const char *name, int section, const char *about);
void roff_paragraph(const char *text);
/* Each line of the text is a paragraph. */
void roff_paragraphs(const char *text);
/* Lines as they stand. */
void roff_lines(const char *lines);
/* A line, `tag` in bold and `more` (NULL: none) in italics, and what they mean below it. */
void roff_item(const char *tag, const char *more, const char *text);
#endif
