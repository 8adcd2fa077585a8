/* packages.h - descriptions of Debian's packages: plain English about thousands of programs.
 * From files of paragraphs of fields, as apt keeps them (Translation-en, Packages) and `apt-cache dumpavail`
 * prints them: "Package: hello", then "Description: ..." or "Description-en: ..." with its further lines. A
 * package gives a line `hello : example package`, and each paragraph of its long description as one line;
 * lists and what is set off by two blanks are left out. The split key is the package's name.
 * Source of the format: Debian Policy, sections 5.1 and 5.6.13. */
#ifndef THAW_ENGINE_DATA_PACKAGES_H
#define THAW_ENGINE_DATA_PACKAGES_H
#include "engine/data/source.h"

/* As in source_kind: a file (it may be gzip's), a folder or a glob, such as
 * all of /var/lib/apt/lists that end in Translation-en. */
bool packages_read(const char *rest, struct source_text *out, struct err *err);
#endif
