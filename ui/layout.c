#include "ui/layout.h"

enum {
    TABS_W = 60,
    TABS_H = 16,
    THREE_W = 80,
    THREE_H = 24,
    FOUR_W = 110,
    FOUR_H = 34,
    BESIDE_W = 160, /* Log stands beside Compare */
    SIX_W = 180,
    SIX_H = 50,
    STACKED_W = 84, /* at most */
    STACKED_H = 46,
    LEARNED_H = 20,
    LESSON_BESIDE_W = 120 /* three panes and a column have room */
};

static int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

static enum layout_kind kind_of(int w, int h) {
    if (w < LAYOUT_MIN_W || h < LAYOUT_MIN_H) return LAYOUT_TOO_SMALL;
    if (w <= STACKED_W && h >= STACKED_H) return LAYOUT_STACKED;
    if (w < TABS_W || h < TABS_H) return LAYOUT_STATUS;
    if (w < THREE_W || h < THREE_H) return LAYOUT_TABS;
    if (w < FOUR_W || h < FOUR_H) return LAYOUT_THREE;
    return w < SIX_W || h < SIX_H ? LAYOUT_FOUR : LAYOUT_SIX;
}

/* The next `rows` rows of `middle`, taken from its top. */
static struct rect take_rows(struct rect *middle, int rows) {
    struct rect r = {middle->x, middle->y, middle->w, rows};
    middle->y += rows;
    middle->h -= rows;
    return r;
}

/* `columns` columns from the left of `r`, the rest from its right. */
static struct rect left_of(struct rect r, int columns) {
    return (struct rect){r.x, r.y, columns, r.h};
}
static struct rect right_of(struct rect r, int columns) {
    return (struct rect){r.x + columns, r.y, r.w - columns, r.h};
}

/* Loss and Layers share a row of panes: 46 and 34 of 80 columns; a table wider than 64 has no
 * more to tell. */
static void top_panes(struct layout *l, struct rect row) {
    int layers = clamp(row.w * 34 / 80, 34, 64);
    l->panes[PANE_LOSS] = left_of(row, row.w - layers);
    l->panes[PANE_LAYERS] = right_of(row, row.w - layers);
}

static void three_panes(struct layout *l, struct rect middle, int focus) {
    int compare = (middle.h * 2 + 4) / 5;
    top_panes(l, take_rows(&middle, middle.h - compare));
    l->panes[focus == PANE_LOG ? PANE_LOG : PANE_COMPARE] = middle;
}

static void four_panes(struct layout *l, struct rect middle) {
    bool beside = middle.w >= BESIDE_W;
    int log = beside ? 0 : clamp(middle.h / 5, 5, 12);
    int compare = clamp(middle.h * 2 / 5, 11, 24);
    top_panes(l, take_rows(&middle, middle.h - compare - log));
    if (beside) {
        l->panes[PANE_COMPARE] = left_of(middle, middle.w - middle.w / 3);
        l->panes[PANE_LOG] = right_of(middle, middle.w - middle.w / 3);
    } else {
        l->panes[PANE_COMPARE] = take_rows(&middle, compare);
        l->panes[PANE_LOG] = middle;
    }
}

/* At the left what one watches and steers, at the right what one looks up. */
static void six_panes(struct layout *l, struct rect middle) {
    int side = clamp(middle.w * 5 / 16, 56, 84);
    struct rect left = left_of(middle, middle.w - side);
    struct rect right = right_of(middle, middle.w - side);
    top_panes(l, take_rows(&left, left.h - clamp(left.h * 2 / 5, 17, 32)));
    l->panes[PANE_COMPARE] = left;
    l->panes[PANE_SPEED] = take_rows(&right, clamp(right.h * 2 / 5, 19, 32));
    l->panes[PANE_GUIDE] = take_rows(&right, clamp(middle.h / 3, 14, 30));
    l->panes[PANE_LOG] = right;
}

/* Columns of a lesson at the right; 0: it stands above the panes. */
static int lesson_columns(int w, int h) {
    bool beside = w >= LESSON_BESIDE_W && h >= THREE_H;
    return beside ? clamp(w / 4, 40, 60) : 0;
}

/* Rows of a lesson above the panes. */
static int lesson_rows(enum layout_kind kind, int h) {
    if (kind == LAYOUT_STATUS) return 1;
    return kind == LAYOUT_TABS ? 5 : h < FOUR_H ? 7 : 10;
}

/* The kind of what is left beside a lesson. */
static enum layout_kind kind_beside(int w, int h) {
    enum layout_kind whole = kind_of(w, h);
    int columns = lesson_columns(w, h);
    if (columns > 0) return kind_of(w - columns, h);
    if (whole != LAYOUT_THREE && whole != LAYOUT_FOUR) return whole;
    enum layout_kind left = kind_of(w, h - lesson_rows(whole, h));
    return left == LAYOUT_STATUS ? LAYOUT_TABS : left;
}

/* Take a lesson's part from `middle`. */
static void place_lesson(struct layout *l, struct rect *middle, bool whole) {
    int columns = lesson_columns(l->w, l->h);
    if (whole) l->lesson = take_rows(middle, middle->h);
    else if (columns > 0) {
        l->lesson = right_of(*middle, middle->w - columns);
        *middle = left_of(*middle, middle->w - columns);
    } else l->lesson = take_rows(middle, lesson_rows(kind_of(l->w, l->h), l->h));
}

static void stacked_panes(struct layout *l, struct rect middle) {
    int log = clamp(middle.h / 7, 5, 12);
    int layers = clamp(middle.h * 3 / 10, 10, 24);
    int compare = clamp(middle.h / 4, 10, 20);
    l->panes[PANE_LOSS] = take_rows(&middle, middle.h - layers - compare - log);
    l->panes[PANE_LAYERS] = take_rows(&middle, layers);
    l->panes[PANE_COMPARE] = take_rows(&middle, compare);
    l->panes[PANE_LOG] = middle;
}

/* The bars at top and bottom; returns what is left between them. */
static struct rect place_bars(struct layout *l) {
    struct rect middle = {0, 0, l->w, l->h};
    l->lifecycle = take_rows(&middle, 1);
    l->status = take_rows(&middle, 1);
    if (l->kind == LAYOUT_TABS) l->tabs = take_rows(&middle, 1);
    int y = l->h;
    l->hint = (struct rect){0, --y, l->w, 1};
    l->message = (struct rect){0, --y, l->w, 1};
    if (l->h >= LEARNED_H) l->learned = (struct rect){0, --y, l->w, 1};
    middle.h = y - middle.y;
    return middle;
}

bool layout_opens(const struct layout *l, int pane) {
    bool panes = l->kind == LAYOUT_THREE || l->kind == LAYOUT_FOUR || l->kind == LAYOUT_STACKED;
    return panes && (pane == PANE_SPEED || pane == PANE_GUIDE);
}

struct layout layout_make(int w, int h, int zoomed, int focus) {
    return layout_make_lesson(w, h, zoomed, focus, LAYOUT_NO_LESSON);
}

struct layout layout_make_lesson(int w, int h, int zoomed, int focus,
                                 enum layout_lesson lesson) {
    bool beside = lesson == LAYOUT_LESSON;
    struct layout l = {.kind = beside ? kind_beside(w, h) : kind_of(w, h), .w = w, .h = h};
    if (l.kind == LAYOUT_TOO_SMALL) {
        if (w > 0 && h > 0) l.message = (struct rect){0, 0, w, 1};
        return l;
    }
    struct rect middle = place_bars(&l);
    if (lesson != LAYOUT_NO_LESSON) place_lesson(&l, &middle, !beside);
    if (!beside && lesson != LAYOUT_NO_LESSON) return l;
    if (focus < 0 || focus >= PANE_COUNT) focus = PANE_LOSS;
    if (l.kind == LAYOUT_STATUS) l.sparkline = middle;
    else if (zoomed >= 0 && zoomed < PANE_COUNT) l.panes[zoomed] = middle;
    else if (l.kind == LAYOUT_TABS || layout_opens(&l, focus)) l.panes[focus] = middle;
    else if (l.kind == LAYOUT_THREE) three_panes(&l, middle, focus);
    else if (l.kind == LAYOUT_FOUR) four_panes(&l, middle);
    else if (l.kind == LAYOUT_SIX) six_panes(&l, middle);
    else stacked_panes(&l, middle);
    return l;
}

bool rect_holds(struct rect r, int x, int y) {
    return x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h;
}

bool layout_shows(const struct layout *l, int pane) {
    return pane >= 0 && pane < PANE_COUNT && l->panes[pane].w > 0 && l->panes[pane].h > 0;
}

int layout_pane_at(const struct layout *l, int x, int y) {
    for (int pane = 0; pane < PANE_COUNT; pane++)
        if (rect_holds(l->panes[pane], x, y)) return pane;
    return -1;
}
