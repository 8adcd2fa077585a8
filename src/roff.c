#include "src/roff.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A hyphen that can be copied, no escape, no request at a line's beginning. */
static void put(const char *text, size_t n) {
    bool begins = true;
    for (size_t i = 0; i < n; i++) {
        if (begins && (text[i] == '.' || text[i] == '\'')) fputs("\\&", stdout);
        begins = text[i] == '\n';
        if (text[i] == '-') fputs("\\-", stdout);
        else if (text[i] == '\\') fputs("\\e", stdout);
        else putchar(text[i]);
    }
}

void roff_text(const char *text) { put(text, strlen(text)); }

void roff_title(const char *title, const char *name, int section, const char *about) {
    printf(".TH %s %d \"\" \"thaw " THAW_VERSION "\" \"thaw\"\n.SH NAME\n%s \\- ", title,
           section, name);
    roff_text(about);
    putchar('\n');
}

void roff_paragraphs(const char *text) {
    while (*text) {
        size_t n = strcspn(text, "\n");
        puts(".PP");
        put(text, n);
        putchar('\n');
        text += n + (text[n] == '\n');
    }
}

void roff_paragraph(const char *text) {
    puts(".PP");
    roff_text(text);
    putchar('\n');
}

void roff_lines(const char *lines) {
    fputs(".nf\n", stdout);
    roff_text(lines);
    fputs("\n.fi\n", stdout);
}

void roff_item(const char *tag, const char *more, const char *text) {
    fputs(".TP\n\\fB", stdout);
    roff_text(tag);
    fputs("\\fR", stdout);
    if (more && *more) {
        fputs(" \\fI", stdout);
        roff_text(more);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    roff_text(text);
    putchar('\n');
}
