/* grammar_parts.h - a grammar in memory, shared by its reader and its writer of lines. All text is borrowed
 * from the grammar's own copy of the file. */
#ifndef THAW_ENGINE_DATA_GRAMMAR_PARTS_H
#define THAW_ENGINE_DATA_GRAMMAR_PARTS_H
#include "engine/data/bytes_map.h"
#include "engine/data/grammar.h"

struct grammar_span {
    const char *at;
    size_t n;
};

/* A piece of a text: letters as they are, or something in <>. Names are numbers in grammar.names. */
struct grammar_piece {
    enum { PIECE_TEXT, PIECE_RULE, PIECE_VALUE, PIECE_FEATURE, PIECE_ANSWER } kind;
    bool keeps, silent, capital;
    int rule;                 /* PIECE_RULE: of grammar.rules */
    uint32_t variable;        /* which it keeps, or whose value it is; of <rule> the rule's own name */
    uint32_t feature;         /* PIECE_FEATURE */
    struct grammar_span text; /* PIECE_TEXT */
};

/* x=v, x.f!=v,w: whether a variable, or its feature, is one of some values. */
struct grammar_condition {
    uint32_t variable, feature; /* feature BYTES_MAP_NONE: the variable's own text */
    bool differs;
    struct grammar_span values; /* with commas between */
};

struct grammar_feature {
    uint32_t name;
    struct grammar_span value;
};

struct grammar_range {
    int first, n;
};

struct grammar_alternative {
    int weight, line; /* line: of the file */
    struct grammar_range pieces, features, conditions;
};

struct grammar_rule {
    uint32_t name;
    bool decides; /* the first that fits, instead of a draw */
    int line;
    struct grammar_range alternatives;
};

struct grammar_level {
    struct grammar_span name;
    uint64_t lines;
    int rule, line;
};

struct grammar {
    char *text; /* the file */
    struct bytes_map names;
    struct grammar_level *levels;
    struct grammar_rule *rules;
    struct grammar_alternative *alternatives;
    struct grammar_piece *pieces;
    struct grammar_feature *features;
    struct grammar_condition *conditions;
    int n_levels, n_rules, n_alternatives, n_pieces, n_features, n_conditions;
};

/* The rule of a name, or -1. */
int grammar_find_rule(const struct grammar *g, uint32_t name);
#endif
