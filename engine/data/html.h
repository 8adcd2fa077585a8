/* html.h - web pages as paragraphs: what stands between tags that begin a new line.
 * Comments, scripts, styles, the head, navigation and preformatted text (it is code, mostly) are left out,
 * other tags taken off, and characters like &amp; and &#8212; written as themselves. Blanks become single
 * spaces. It is no parser of HTML: what is broken gives other text, never an error. A page that is not UTF-8 is left
 * out. */
#ifndef THAW_ENGINE_DATA_HTML_H
#define THAW_ENGINE_DATA_HTML_H
#include "engine/data/source.h"

/* As in source_kind: files ending in .html, .htm or .xhtml below a folder, or a file, or a glob. */
bool html_read(const char *rest, struct source_text *out, struct err *err);

/* The paragraphs of one page, which is UTF-8, each a unit. False: no memory. */
bool html_add(const char *page, size_t n, struct source_text *out, struct err *err);
#endif
