/* pod.h - Perl's documentation as paragraphs: what stands between "=head1" and "=cut", in .pod files and in the
 * programs (.pm, .pl) that hold their own.
 * Headings, items and plain paragraphs are a unit each, in one line; verbatim paragraphs (they begin with a
 * blank: code, mostly), =begin blocks and =for paragraphs are left out. Of B<bold> and its like the text stays,
 * of L<text|target> the text; E<gt> becomes its character, X<index> nothing. The split key is the paragraph.
 * Source: perlpod(1). */
#ifndef THAW_ENGINE_DATA_POD_H
#define THAW_ENGINE_DATA_POD_H
#include "engine/data/source.h"

/* As in source_kind: a file, a folder or a glob. A file that is not UTF-8 is passed over. */
bool pod_read(const char *rest, struct source_text *out, struct err *err);

/* The paragraphs of one file's text, which is UTF-8, each a unit. False: no memory. */
bool pod_add(const char *text, size_t n, struct source_text *out, struct err *err);
#endif
