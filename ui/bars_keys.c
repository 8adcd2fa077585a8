/* bars_keys.c - the row of the keys, and that of the tabs. */
#include <string.h>

#include "ui/bars.h"
#include "ui/keys.h"

enum { GAP = 2 };

/* The keys in the order in which they get room. */
static const enum action hint_order[] = {
    ACTION_DETACH,       ACTION_HELP,    ACTION_NEXT_PANE, ACTION_TOGGLE, ACTION_PAUSE,
    ACTION_COMPARE_VIEW, ACTION_COMMAND, ACTION_ZOOM_IN,   ACTION_LOG_Y,  ACTION_PROMPT_NEXT};
enum { HINTS_MAX = sizeof hint_order / sizeof hint_order[0] };

/* Behind those of every screen: what a replay is steered with. */
static const enum action replay_order[] = {ACTION_PAUSE, ACTION_FASTER, ACTION_MARK_NEXT,
                                           ACTION_STEP_ON, ACTION_REPLAY};

static bool is_over(const struct bars_hints *k) {
    return k->life == LIFE_ENDED || k->life == LIFE_DEAD;
}

/* Whether a key does something now. */
static bool hint_works(const struct bars_hints *k, const struct key_binding *b) {
    bool replay = k->life == LIFE_REPLAY;
    switch (b->action) {
    case ACTION_PAUSE:
        return replay || !is_over(k);
    case ACTION_FASTER:
    case ACTION_MARK_NEXT:
    case ACTION_STEP_ON:
    case ACTION_REPLAY:
        return replay;
    case ACTION_LOG_Y: /* in the compare pane `l` moves the cursor */
        return layout_shows(k->layout, PANE_LOSS) && k->focus != PANE_COMPARE;
    case ACTION_ZOOM_IN:
        return layout_shows(k->layout, PANE_LOSS);
    case ACTION_PROMPT_NEXT:
        return layout_shows(k->layout, PANE_COMPARE);
    default:
        return !b->changes_run || !(replay || is_over(k));
    }
}

static const char *hint_of(const struct bars_hints *k, const struct key_binding *b) {
    bool stands = k->life == LIFE_REPLAY && (k->replay->paused || k->replay->at_end);
    if (b->action == ACTION_PAUSE && stands) return "play";
    if (b->action == ACTION_PAUSE && k->life == LIFE_PAUSED) return "resume";
    if (b->action == ACTION_DETACH && (is_over(k) || k->life == LIFE_REPLAY)) return "leave";
    return b->hint;
}

static int label_columns(const struct key_binding *b) { return (int)strcspn(b->label, " "); }

static int hint_columns(const struct bars_hints *k, const struct key_binding *b) {
    return label_columns(b) + 1 + (int)strlen(hint_of(k, b)) + GAP;
}

static const struct key_binding *binding_of(enum action action) {
    for (int i = 0; i < n_key_bindings; i++)
        if (key_bindings[i].action == action) return &key_bindings[i];
    return NULL;
}

/* Give room to a key of the line; *left: columns that are not spoken for. */
static void give_room(const struct bars_hints *k, enum action action, int *left,
                      bool given[ACTION_COUNT]) {
    const struct key_binding *b = binding_of(action);
    if (!b || given[action] || !hint_works(k, b) || hint_columns(k, b) > *left) return;
    *left -= hint_columns(k, b);
    given[action] = true;
}

void bars_hint(struct canvas *c, struct rect r, const struct bars_hints *k) {
    bool given[ACTION_COUNT] = {false};
    int left = r.w + GAP, x = 0;
    for (int i = 0; i < HINTS_MAX; i++) {
        bool first = hint_order[i] == ACTION_NEXT_PANE && k->life == LIFE_REPLAY;
        for (size_t n = 0; first && n < sizeof replay_order / sizeof replay_order[0]; n++)
            give_room(k, replay_order[n], &left, given);
        if (hint_order[i] == ACTION_COMPARE_VIEW && k->focus == PANE_LOSS) {
            give_room(k, ACTION_LOG_Y, &left, given);
            give_room(k, ACTION_ZOOM_IN, &left, given);
            give_room(k, ACTION_COMMAND, &left, given);
        }
        give_room(k, hint_order[i], &left, given);
    }
    struct rect old = canvas_clip(c, r);
    for (int i = 0; i < n_key_bindings; i++) {
        const struct key_binding *b = &key_bindings[i];
        if (!given[b->action]) continue;
        bool dim = k->watching && b->changes_run && k->life != LIFE_REPLAY;
        const char *word = hint_of(k, b);
        canvas_text(c, x, 0, dim ? STYLE_DIM : STYLE_KEY, b->label, (size_t)label_columns(b));
        canvas_text(c, x + label_columns(b) + 1, 0, dim ? STYLE_DIM : STYLE_NORMAL, word,
                    strlen(word));
        x += hint_columns(k, b);
    }
    canvas_clip(c, old);
}

void bars_tabs(struct canvas *c, struct rect r, const char *const *titles, int n, int focus) {
    struct rect old = canvas_clip(c, r);
    for (int i = 0, x = 0; i < n; i++) {
        enum style style = i == focus ? STYLE_ACTIVE : STYLE_DIM;
        x += canvas_printf(c, x, 0, style, i == focus ? "[%d %s]" : " %d %s ", i + 1,
                           titles[i]) +
             1;
    }
    canvas_clip(c, old);
}

int bars_tab_at(const char *const *titles, int n, int x) {
    for (int i = 0, from = 0; i < n; i++) {
        int w = (int)strlen(titles[i]) + 4;
        if (x >= from && x < from + w) return i;
        from += w + 1;
    }
    return -1;
}
