/* panel_compare.c - base and tuned model side by side: texts, scores, what either would say. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/text.h"
#include "ui/blind.h"
#include "ui/compare_view.h"
#include "ui/panel.h"

enum compare_kind { COMPARE_TEXT, COMPARE_SCORE, COMPARE_TOP, COMPARE_KINDS };
enum { TALL_H = 10, WIDE_W = 108, TALLY_W = 72, PROMPT_MAX = 480 };
static const char *const kind_words[COMPARE_KINDS] = {"text", "score", "top-k"};

struct compare_panel {
    struct panel base; /* first: see self() */
    enum compare_kind kind;
    int picked;               /* pair; -1: follow the newest */
    int cursor;               /* token; -1: the one with the largest gain */
    char awaited[PROMPT_MAX]; /* own prompt that was sent, shown when it comes; "": none */
    struct blind blind;
    bool followed; /* the newest, before the blind vote began */
};

static struct compare_panel *self(struct panel *p) { return (struct compare_panel *)p; }
static const struct compare_panel *self_const(const struct panel *p) {
    return (const struct compare_panel *)p;
}

/* ---- what is shown */

static int pair_index(const struct compare_panel *cp) {
    const struct samples *s = &cp->base.history->samples;
    int awaited = cp->awaited[0] ? samples_find_own(s, cp->awaited) : -1;
    if (awaited >= 0) return awaited;
    if (cp->picked >= 0 && cp->picked < s->n) return cp->picked;
    return s->newest >= 0 ? s->newest : s->n > 0 ? 0 : -1;
}

static const struct sample_pair *pair_of(const struct compare_panel *cp) {
    int i = pair_index(cp);
    return i >= 0 ? &cp->base.history->samples.pairs[i] : NULL;
}

static int cursor_of(const struct compare_panel *cp, const struct sample *s) {
    if (s->n_tokens == 0) return -1;
    if (cp->cursor < 0) return compare_best_token(s);
    return cp->cursor < s->n_tokens ? cp->cursor : s->n_tokens - 1;
}

/* Token gains belong to a tuned text that a base has judged. */
static bool has_gains(const struct sample *s) {
    for (int i = 0; i < s->n_tokens; i++)
        if (isfinite(s->tokens[i].gain)) return true;
    return false;
}

/* The next pair, from `from` on and once around, that can be voted on and was not; -1: none. */
static int next_unvoted(const struct compare_panel *cp, int from) {
    const struct history *h = cp->base.history;
    for (int k = 0; k < h->samples.n; k++) {
        int i = (from + k) % h->samples.n;
        const struct sample_pair *pair = &h->samples.pairs[i];
        if (blind_can(pair) && !blind_voted(&cp->blind, h->name, pair)) return i;
    }
    return -1;
}

/* ---- drawing */

/* "prompt 1/8  seed 7  T 0.8"; of the blind vote the tally, which stays in sight behind it. */
static void title_right(const struct compare_panel *cp, char *out, size_t size) {
    const struct samples *s = &cp->base.history->samples;
    char tally[48];
    const struct sample_pair *pair = pair_of(cp);
    int i = pair_index(cp), used = 0;
    out[0] = '\0';
    if (!pair) return;
    if (pair->own)
        used = snprintf(out, size, "own prompt %d/%d", i + 1 - s->n_configured,
                        s->n - s->n_configured);
    else used = snprintf(out, size, "prompt %d/%d", i + 1, s->n_configured);
    const struct sample *made = pair->tuned.made ? &pair->tuned : &pair->base;
    if (!cp->blind.on && made->made && used > 0 && (size_t)used < size)
        used += snprintf(out + used, size - (size_t)used, "  seed %" PRIu64 "  T %.1f",
                         made->seed, made->temperature);
    bool tallied = cp->blind.on || (cp->blind.n_votes > 0 && cp->base.area.w >= TALLY_W);
    blind_tally(&cp->blind, tally, sizeof tally);
    if (tallied && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, "  %s", tally);
}

/* "9f3a", or "9f3a..c1" where there is room. */
static void fingerprint(const struct sample *s, bool wide, char out[16]) {
    size_t n = strlen(s->weights);
    if (!wide || n < 8) snprintf(out, 16, "%.4s", s->weights);
    else snprintf(out, 16, "%.4s..%s", s->weights, s->weights + n - 2);
}

/* Whether the weights that made a text are the newest there are. */
static bool is_live(const struct history *h, const struct sample *s) {
    return s->step >= h->step && h->state != RUN_ENDED;
}

/* Which weights made a text: "live @372" says that there are no newer ones. */
static void draw_made(const struct history *h, struct canvas *c, int x, const struct sample *s,
                      bool wide) {
    char print[16], age[48] = "";
    fingerprint(s, wide, print);
    if (!wide) {
        canvas_printf(c, x, 1, STYLE_DIM, "%s @%" PRId64, print, s->step);
        return;
    }
    if (!is_live(h, s) && h->step > s->step)
        snprintf(age, sizeof age, ", %" PRId64 " steps ago", h->step - s->step);
    canvas_printf(c, x, 1, STYLE_DIM, " %s@%" PRId64 "%s  %s", is_live(h, s) ? "live " : "",
                  s->step, age, print);
}

static void draw_heads(const struct panel *p, struct canvas *c, int mid,
                       const struct sample_pair *pair) {
    bool wide = c->clip.w >= WIDE_W;
    char print[16];
    canvas_printf(c, 1, 1, STYLE_BASE, "BASE");
    if (pair->base.made) {
        const struct history *h = p->history;
        int64_t at = h->n_stages > 0 ? h->stages[h->n_stages - 1].first : -1;
        fingerprint(&pair->base, wide, print);
        if (wide && at >= 0)
            canvas_printf(c, 6, 1, STYLE_DIM, "  base/ @%" PRId64 "  %s", at, print);
        else canvas_printf(c, 6, 1, STYLE_DIM, "%s", print);
    }
    canvas_printf(c, mid + 2, 1, STYLE_STRONG, "TUNED");
    if (pair->tuned.made) draw_made(p->history, c, mid + 8, &pair->tuned, wide);
}

static void draw_side(struct canvas *c, struct rect r, const struct sample *s,
                      const struct sample *against, enum style style) {
    if (!s->made) canvas_field(c, r.x, r.y, r.w, false, STYLE_DIM, "not made yet", 12);
    else
        compare_draw_words(c, r, s->text, against && against->made ? against->text : NULL,
                           style);
}

static void draw_means(struct canvas *c, int x, int y, const struct sample *s) {
    if (!isfinite(s->mean_gain)) return;
    x += canvas_printf(c, x, y, compare_gain_style(s->mean_gain), "mean %+.2f nat",
                       s->mean_gain);
    if (isfinite(s->kl) && x + 10 <= c->clip.w)
        canvas_printf(c, x, y, STYLE_DIM, "   KL %.2f", s->kl);
}

/* Rows from the bottom: the cursor's token, the gains (or the table where there is room),
 * texts. */
static void draw_texts(const struct compare_panel *cp, struct canvas *c, int mid,
                       const struct sample_pair *pair) {
    int h = c->clip.h, w = c->clip.w;
    const struct sample *tuned = &pair->tuned;
    bool gains = has_gains(tuned), table = gains && h >= TALL_H && w >= 72;
    int below = !gains ? 0 : table ? 6 : h >= 6 ? 2 : h >= 5 ? 1 : 0;
    int cursor = cursor_of(cp, tuned), rows = h - 2 - below;
    draw_side(c, (struct rect){1, 2, mid - 2, rows}, &pair->base, NULL, STYLE_NORMAL);
    draw_side(c, (struct rect){mid + 2, 2, w - mid - 3, rows}, tuned, &pair->base,
              STYLE_NORMAL);
    canvas_vline(c, mid, 1, rows + 1, STYLE_FRAME);
    if (below == 0) return;
    if (table) {
        draw_means(c, mid + 2, 0, tuned);
        canvas_hline(c, 1, h - 6, w - 2, STYLE_FRAME);
        compare_draw_table(c, (struct rect){1, h - 5, w - 2, 4}, tuned, cursor,
                           w >= WIDE_W - 10);
    } else {
        int y = h - below;
        canvas_put(c, mid, y, c->glyphs == GLYPHS_ASCII ? '|' : 0x2502, STYLE_FRAME);
        compare_draw_gains(c, 1, y, mid - 2, tuned, cursor);
        draw_means(c, mid + 2, y, tuned);
    }
    if (below == 1) return;
    canvas_put(c, mid, h - 1, c->glyphs == GLYPHS_ASCII ? '|' : 0x2502, STYLE_FRAME);
    compare_draw_at(c, h - 1, mid, tuned, cursor);
}

static void draw_scores(const struct compare_panel *cp, struct canvas *c,
                        const struct sample_pair *pair) {
    const struct sample *tuned = &pair->tuned;
    int w = c->clip.w, h = c->clip.h;
    bool summary = w >= 72;
    int used = compare_draw_table(c, (struct rect){1, 2, w - 2, h - 2}, tuned,
                                  cursor_of(cp, tuned), summary);
    if (used == 0)
        canvas_printf(c, 1, 2, STYLE_DIM, "no room for the table: Enter opens the pane");
    else if (2 + used < h) draw_means(c, 1, 2 + used, tuned);
}

static void draw_tops(const struct compare_panel *cp, struct canvas *c, int mid,
                      const struct sample_pair *pair) {
    const struct sample *tuned = &pair->tuned;
    int cursor = cursor_of(cp, tuned), h = c->clip.h;
    canvas_vline(c, mid, 1, h - 1, STYLE_FRAME);
    compare_draw_at(c, 2, mid, tuned, cursor);
    int rows = h - 3;
    if (rows > 2 && has_gains(tuned)) {
        compare_draw_gains(c, 1, h - 1, mid - 2, tuned, cursor);
        rows--;
    }
    compare_draw_top(c, (struct rect){0, 3, c->clip.w, rows}, mid, tuned, cursor);
}

/* Before there is a base: the one model as it speaks now. */
static void draw_model(const struct panel *p, struct canvas *c,
                       const struct sample_pair *pair) {
    const struct sample *s = &pair->tuned;
    const struct history *h = p->history;
    int w = c->clip.w, rows = c->clip.h - 3;
    bool later = h->stage + 1 < h->n_stages;
    canvas_printf(c, 1, 1, STYLE_STRONG, "MODEL");
    draw_made(h, c, 7, s, w >= WIDE_W);
    draw_side(c, (struct rect){1, 2, w - 2, rows}, s, NULL, STYLE_NORMAL);
    canvas_printf(c, 1, c->clip.h - 1, STYLE_DIM, "%s",
                  later ? "base and tuned stand side by side when fine-tuning starts"
                        : "the base's text is on its way");
}

static void draw_prompt(struct canvas *c, const char *prompt) {
    canvas_put(c, 1, 0, '>', STYLE_KEY);
    canvas_field(c, 3, 0, c->clip.w - 4, false, STYLE_STRONG, prompt, strlen(prompt));
}

/* The pair that is voted on stands still, whatever the history has by now. */
static void draw_blind(const struct compare_panel *cp, struct canvas *c,
                       const struct sample_pair *pair) {
    const struct blind *b = &cp->blind;
    draw_prompt(c, b->held ? b->prompt : pair->prompt);
    if (b->held) blind_draw(b, c, next_unvoted(cp, pair_index(cp) + 1) >= 0);
    else
        canvas_printf(c, 1, 2, STYLE_DIM, "%s",
                      blind_can(pair) ? "two texts are there now: Enter shows them"
                                      : "no two texts to choose from for this prompt yet");
}

static void draw_pair(const struct panel *p, struct canvas *c, const struct sample_pair *pair) {
    const struct compare_panel *cp = self_const(p);
    int mid = c->clip.w / 2;
    draw_prompt(c, pair->prompt);
    if (!pair->tuned.made && !pair->base.made) {
        canvas_printf(c, 1, 2, STYLE_DIM, "no text for this prompt yet");
        return;
    }
    if (!pair->base.made && !has_gains(&pair->tuned)) {
        draw_model(p, c, pair);
        return;
    }
    draw_heads(p, c, mid, pair);
    if (cp->kind == COMPARE_TEXT) draw_texts(cp, c, mid, pair);
    else if (!has_gains(&pair->tuned))
        canvas_printf(c, 1, 2, STYLE_DIM,
                      "the tuned text has not been scored against the base yet");
    else if (cp->kind == COMPARE_SCORE) draw_scores(cp, c, pair);
    else draw_tops(cp, c, mid, pair);
}

/* What can be asked: an own prompt is asked once, so its texts grow old. */
static const char *footer_hint(const struct panel *p, const struct sample_pair *pair) {
    if (p->watching) return " [ ] prompt ";
    bool old = pair->own && pair->tuned.made && !is_live(p->history, &pair->tuned);
    if (!old) return " [ ] prompt  e own ";
    return p->area.w >= 60 ? " [ ] prompt  e asks again " : " e asks again ";
}

/* " c view [text] score top-k  [ ] prompt  e own " in the lower edge. */
static void draw_footer(const struct panel *p, struct canvas *c,
                        const struct sample_pair *pair) {
    static const char blind[] = " b blind vote ";
    int x = 2;
    if (p->area.w < 50) return;
    if (self_const(p)->blind.on) {
        x += panel_footer(p, c, x, STYLE_TITLE, " [blind vote] ");
        panel_footer(p, c, x, STYLE_DIM, " [ ] prompt  b ends it ");
        return;
    }
    x += panel_footer(p, c, x, STYLE_DIM, " c view ");
    for (int k = 0; k < COMPARE_KINDS; k++) {
        char word[16];
        bool now = k == (int)self_const(p)->kind;
        snprintf(word, sizeof word, now ? "[%s] " : "%s ", kind_words[k]);
        x += panel_footer(p, c, x, now ? STYLE_TITLE : STYLE_DIM, word);
    }
    x += panel_footer(p, c, x, STYLE_DIM, footer_hint(p, pair));
    if (x + (int)sizeof blind < p->area.w - 2) panel_footer(p, c, x, STYLE_DIM, blind);
}

static void compare_draw(const struct panel *p, struct canvas *c) {
    char right[96];
    title_right(self_const(p), right, sizeof right);
    struct rect whole = panel_frame(p, c, 3, right);
    const struct sample_pair *pair = pair_of(self_const(p));
    if (pair && self_const(p)->blind.on) draw_blind(self_const(p), c, pair);
    else if (pair) draw_pair(p, c, pair);
    else canvas_printf(c, 1, 0, STYLE_DIM, "no prompts yet");
    canvas_clip(c, whole);
    if (pair) draw_footer(p, c, pair);
}

/* ---- keys */

static void pick(struct compare_panel *cp, int by) {
    int n = cp->base.history->samples.n, at = pair_index(cp);
    if (n == 0) return;
    cp->picked = ((at < 0 ? 0 : at) + by + n) % n;
    cp->awaited[0] = '\0';
    cp->cursor = -1;
}

static bool move_cursor(struct compare_panel *cp, enum action action) {
    const struct sample_pair *pair = pair_of(cp);
    if (!pair || pair->tuned.n_tokens == 0) return true;
    int n = pair->tuned.n_tokens, at = cursor_of(cp, &pair->tuned);
    if (action == ACTION_LEFT && at > 0) at--;
    if (action == ACTION_RIGHT && at + 1 < n) at++;
    if (action == ACTION_TOP) at = 0;
    if (action == ACTION_BOTTOM) at = n - 1;
    cp->cursor = at;
    return true;
}

/* ---- the blind vote */

/* Hold the pair that is picked. */
static void hold(struct compare_panel *cp) {
    const struct sample_pair *pair = pair_of(cp);
    cp->picked = pair_index(cp); /* what is newer does not push it away */
    cp->awaited[0] = '\0';
    if (pair) blind_take(&cp->blind, cp->base.history->name, pair);
}

static void hold_next(struct compare_panel *cp, int from) {
    int next = next_unvoted(cp, from);
    if (next >= 0) {
        cp->picked = next;
        cp->awaited[0] = '\0';
    }
    hold(cp);
}

static void begin_vote(struct compare_panel *cp) {
    int at = pair_index(cp);
    cp->blind.on = true;
    cp->followed = cp->picked < 0;
    hold_next(cp, at + 1); /* the one that was in sight has been seen with its names */
}

static void end_vote(struct compare_panel *cp) {
    cp->blind.on = false;
    if (cp->followed) cp->picked = -1;
}

static void vote_enter(struct compare_panel *cp) {
    if (!cp->blind.held) hold(cp);
    else if (!cp->blind.revealed) blind_cast(&cp->blind);
    else if (next_unvoted(cp, 0) >= 0) hold_next(cp, pair_index(cp) + 1);
}

/* While it is on, whatever would tell the sides apart ends it first. */
static bool vote_act(struct compare_panel *cp, enum action action) {
    switch (action) {
    case ACTION_LEFT:
        blind_choose(&cp->blind, BLIND_LEFT);
        break;
    case ACTION_RIGHT:
    case ACTION_LOG_Y: /* `l` */
        blind_choose(&cp->blind, BLIND_RIGHT);
        break;
    case ACTION_ENTER:
        vote_enter(cp);
        break;
    case ACTION_PROMPT_PREVIOUS:
    case ACTION_UP:
    case ACTION_PROMPT_NEXT:
    case ACTION_DOWN:
        pick(cp, action == ACTION_PROMPT_NEXT || action == ACTION_DOWN ? 1 : -1);
        hold(cp);
        break;
    case ACTION_BLIND:
    case ACTION_BACK:
    case ACTION_COMPARE_VIEW:
        end_vote(cp);
        break;
    case ACTION_TOP:
    case ACTION_BOTTOM:
    case ACTION_FOLLOW:
        break;
    default:
        return false;
    }
    return true;
}

static bool compare_act(struct panel *p, enum action action, struct outbox *out) {
    struct compare_panel *cp = self(p);
    (void)out;
    if (cp->blind.on) return vote_act(cp, action);
    switch (action) {
    case ACTION_BLIND:
        begin_vote(cp);
        break;
    case ACTION_COMPARE_VIEW:
        cp->kind = (enum compare_kind)((cp->kind + 1) % COMPARE_KINDS);
        break;
    case ACTION_PROMPT_PREVIOUS:
    case ACTION_UP:
        pick(cp, -1);
        break;
    case ACTION_PROMPT_NEXT:
    case ACTION_DOWN:
        pick(cp, 1);
        break;
    case ACTION_LEFT:
    case ACTION_RIGHT:
    case ACTION_TOP:
    case ACTION_BOTTOM:
        return move_cursor(cp, action);
    case ACTION_LOG_Y:
        return move_cursor(cp, ACTION_RIGHT); /* `l`: there is no y axis here */
    case ACTION_FOLLOW:
        cp->picked = cp->cursor = -1;
        cp->awaited[0] = '\0';
        break;
    case ACTION_BACK:
        if (cp->cursor < 0) return false;
        cp->cursor = -1;
        break;
    default:
        return false;
    }
    return true;
}

static void compare_mouse(struct panel *p, const struct term_mouse *m, int x, int y,
                          struct outbox *out) {
    struct compare_panel *cp = self(p);
    bool wheel = m->wheel_up || m->wheel_down;
    (void)y;
    (void)out;
    if (wheel) pick(cp, m->wheel_up ? -1 : 1);
    if (wheel && cp->blind.on) hold(cp);
    if (!wheel && cp->blind.on)
        blind_choose(&cp->blind, x <= p->area.w / 2 ? BLIND_LEFT : BLIND_RIGHT);
}

static void compare_destroy(struct panel *p) {
    blind_deinit(&self(p)->blind);
    free(p);
}

static const struct panel_ops compare_ops = {.title = "Compare",
                                             .draw = compare_draw,
                                             .act = compare_act,
                                             .mouse = compare_mouse,
                                             .destroy = compare_destroy};

struct panel *panel_compare_create(const struct history *h, struct wishes *w) {
    struct compare_panel *cp = calloc(1, sizeof *cp);
    if (!cp) return NULL;
    cp->base = (struct panel){.ops = &compare_ops, .history = h, .wishes = w};
    cp->picked = cp->cursor = -1;
    blind_init(&cp->blind);
    return &cp->base;
}

const char *panel_compare_prompt(const struct panel *p) {
    const struct sample_pair *pair = pair_of(self_const(p));
    return pair ? pair->prompt : "";
}

void panel_compare_follow_own(struct panel *p, const char *prompt) {
    struct compare_panel *cp = self(p);
    cp->blind.on = false; /* its texts are to be seen */
    snprintf(cp->awaited, sizeof cp->awaited, "%s", prompt);
    cp->cursor = -1;
}

void panel_compare_take(struct panel *p, const struct prefs *prefs) {
    self(p)->kind = (enum compare_kind)prefs->at[PREF_COMPARE];
}

void panel_compare_tell(const struct panel *p, struct prefs *prefs) {
    prefs->at[PREF_COMPARE] = (int)self_const(p)->kind;
}
