/* panel_guide.c - what goes on at this stage of the run, and what the words of a pane mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/bars.h"
#include "ui/guide.h"
#include "ui/panel.h"
#include "ui/wrap.h"

/* From two columns' width on the other panes' words stand beside those of the one that is
 * looked at; no line is so long that the eye loses it. */
enum { WORD_W = 11, TWO_COLUMNS_W = 100, LINE_W = 88 };

struct guide_panel {
    struct panel base; /* first: see self() */
    enum pane about;   /* whose words are explained */
    /* How far it is scrolled, as long as it is about the same. */
    int scroll;
    enum pane scrolled_about;
    enum guide_moment scrolled_at;
};

static struct guide_panel *self(struct panel *p) { return (struct guide_panel *)p; }
static const struct guide_panel *self_const(const struct panel *p) {
    return (const struct guide_panel *)p;
}

/* A place that moves down the text: drawn where it is in sight, counted anyway. */
struct place {
    struct canvas *c; /* NULL: only counted */
    int x, w, h;
    int y; /* of the next row; negative above the first in sight */
};

static void put(struct place *at, int indent, enum style style, const char *text) {
    size_t n = strlen(text);
    int w = at->w - indent > 1 ? at->w - indent : 1, rows = wrap_rows(text, n, w);
    for (int row = 0; row < rows; row++, at->y++)
        if (at->c && at->y >= 0 && at->y < at->h)
            wrap_put(at->c, at->x + indent, at->y, w, style, text, n, row);
}

static void put_word(struct place *at, const struct guide_word *word) {
    if (at->c && at->y >= 0 && at->y < at->h)
        canvas_field(at->c, at->x, at->y, WORD_W - 1, false, STYLE_KEY, word->word,
                     strlen(word->word));
    put(at, WORD_W, STYLE_NORMAL, word->meaning);
}

/* "FINE-TUNE, stage 2 of 2", or how the run stands. */
static void moment_title(const struct history *h, enum guide_moment moment, char *out,
                         size_t size) {
    static const char *const titles[GUIDE_MOMENTS] = {[GUIDE_PREPARING] =
                                                          "BEFORE THE FIRST STEP",
                                                      [GUIDE_PAUSED] = "PAUSED",
                                                      [GUIDE_ENDED] = "THE RUN HAS ENDED"};
    char stage[48];
    if (titles[moment]) {
        snprintf(out, size, "%s", titles[moment]);
        return;
    }
    bars_stage_word(h->stages[h->stage].name, stage, sizeof stage);
    snprintf(out, size, "%s, stage %d of %d", stage, h->stage + 1, h->n_stages);
}

static void put_moment(struct place *at, const struct history *h) {
    enum guide_moment moment = guide_moment(h);
    char title[80];
    moment_title(h, moment, title, sizeof title);
    put(at, 0, STYLE_ACTIVE, title);
    put(at, 0, STYLE_NORMAL, guide_moment_text(moment));
}

static void put_page(struct place *at, enum pane pane) {
    static const char *const titles[] = {[PANE_LOSS] = "THE LOSS PANE",
                                         [PANE_LAYERS] = "THE LAYERS PANE",
                                         [PANE_COMPARE] = "THE COMPARE PANE",
                                         [PANE_LOG] = "THE LOG PANE",
                                         [PANE_SPEED] = "THE SPEED PANE"};
    const struct guide_page *page = guide_page(pane);
    put(at, 0, STYLE_ACTIVE, titles[pane]);
    put(at, 0, STYLE_NORMAL, page->text);
    for (int i = 0; i < page->n_words; i++) put_word(at, &page->words[i]);
}

static void put_others(struct place *at, enum pane but) {
    for (int pane = 0, n = 0; pane < PANE_GUIDE; pane++) {
        if (pane == (int)but) continue;
        if (n++ > 0) at->y++;
        put_page(at, (enum pane)pane);
    }
}

/* All of it from row -scroll on; returns the rows that it takes. */
static int put_all(const struct panel *p, struct canvas *c, int scroll) {
    int w = p->area.w - 4, h = p->area.h - 2;
    bool beside = w >= TWO_COLUMNS_W;
    int columns = beside ? w / 2 - 1 : w < LINE_W ? w : LINE_W;
    struct place at = {c, 1, columns, h, -scroll};
    put_moment(&at, p->history);
    at.y++;
    put_page(&at, self_const(p)->about);
    int left = at.y;
    if (beside) at.x += w - columns, at.y = -scroll;
    else at.y++;
    put_others(&at, self_const(p)->about);
    return (left > at.y ? left : at.y) + scroll;
}

static int most_scroll(const struct panel *p) {
    int over = put_all(p, NULL, 0) - (p->area.h - 2);
    return over > 0 ? over : 0;
}

static int scroll_of(const struct panel *p) {
    const struct guide_panel *gp = self_const(p);
    bool same = gp->scrolled_about == gp->about && gp->scrolled_at == guide_moment(p->history);
    int most = most_scroll(p);
    return !same ? 0 : gp->scroll < most ? gp->scroll : most;
}

static void guide_draw(const struct panel *p, struct canvas *c) {
    int scroll = scroll_of(p), most = most_scroll(p);
    const char *more = scroll < most ? p->focus ? "j k: more" : "6, then j k: more" : "";
    struct rect whole = panel_frame(p, c, PANE_GUIDE + 1, more);
    put_all(p, c, scroll);
    canvas_clip(c, whole);
}

static void scroll_by(struct guide_panel *gp, int by) {
    int most = most_scroll(&gp->base), to = scroll_of(&gp->base) + by;
    gp->scroll = to < 0 ? 0 : to > most ? most : to;
    gp->scrolled_about = gp->about;
    gp->scrolled_at = guide_moment(gp->base.history);
}

static bool guide_act(struct panel *p, enum action action, struct outbox *out) {
    int page = p->area.h > 4 ? p->area.h - 3 : 1, all = most_scroll(p);
    (void)out;
    switch (action) {
    case ACTION_UP:
        scroll_by(self(p), -1);
        break;
    case ACTION_DOWN:
        scroll_by(self(p), 1);
        break;
    case ACTION_PAGE_UP:
        scroll_by(self(p), -page);
        break;
    case ACTION_PAGE_DOWN:
        scroll_by(self(p), page);
        break;
    case ACTION_TOP:
        scroll_by(self(p), -all);
        break;
    case ACTION_BOTTOM:
        scroll_by(self(p), all);
        break;
    default:
        return false;
    }
    return true;
}

static void guide_mouse(struct panel *p, const struct term_mouse *m, int x, int y,
                        struct outbox *out) {
    (void)x;
    (void)y;
    (void)out;
    if (m->wheel_up || m->wheel_down) scroll_by(self(p), m->wheel_up ? -3 : 3);
}

static void guide_destroy(struct panel *p) { free(p); }

static const struct panel_ops guide_ops = {.title = "Guide",
                                           .draw = guide_draw,
                                           .act = guide_act,
                                           .mouse = guide_mouse,
                                           .destroy = guide_destroy};

struct panel *panel_guide_create(const struct history *h, struct wishes *w) {
    struct guide_panel *gp = calloc(1, sizeof *gp);
    if (!gp) return NULL;
    gp->base = (struct panel){.ops = &guide_ops, .history = h, .wishes = w};
    return &gp->base;
}

void panel_guide_about(struct panel *p, enum pane pane) {
    if (pane != PANE_GUIDE) self(p)->about = pane;
}
