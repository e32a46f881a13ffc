/*
 * Truth, OpenAI's part: usage as its books have it when all is final, by the labels that it can tell. A part of tokens
 * is told only by models that tell it; callers by user, without one by key. A day's cost is what stands there at the
 * moment of the question.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/openai/openai.h"

enum { CALLERS_MAX = 1024, COSTS_MAX = 4096, DAYS_TOLD = 4 };

/* clang-format off */
static const struct { const char *part; enum openai_figure figures[3]; unsigned n, tells; } parts[] = {
    { "cache_read",   { FIG_CACHED_TEXT, FIG_CACHED_AUDIO, FIG_CACHED_IMAGE }, 3, TELLS_CACHED },
    { "cache_write",  { FIG_CACHE_WRITE },             1, TELLS_CACHE_WRITE },
    { "audio_input",  { FIG_AUDIO, FIG_CACHED_AUDIO }, 2, TELLS_PARTS },
    { "audio_output", { FIG_OUT_AUDIO },               1, TELLS_PARTS },
    { "image_input",  { FIG_IMAGE, FIG_CACHED_IMAGE }, 2, TELLS_PARTS },
    { "image_output", { FIG_OUT_IMAGE },               1, TELLS_PARTS },
};
/* clang-format on */

struct caller_sum {
    const char *model;
    sv caller;
    uint64_t calls, tokens;
};

struct usage {
    struct sim *sim;
    struct truth_writer *w;
    struct caller_sum callers[CALLERS_MAX];
    unsigned n_callers;
};

static const struct openai_world *world_of(struct sim *s)
{
    return &openai_of(s)->world;
}

static void begin(struct sim *s, struct truth_writer *w, const char *family, const struct openai_project *p,
                  const char *model)
{
    truth_begin(w, family, "openai");
    truth_label(w, "account", world_of(s)->organization);
    truth_label(w, "cloud_region", p ? sv_of(p->region) : SV_NONE);
    truth_label(w, "platform", SV("openai_api"));
    truth_label(w, "resource", p ? p->id : SV_NONE);
    truth_label(w, "deployment", SV_NONE);
    truth_label(w, "model", sv_of(model));
}

/* Of the model's use in the project: label tier of a variant. */
static sv tier_of(const struct openai_world *w, const struct openai_stream *st, unsigned variant)
{
    if (st->kind != OPENAI_COMPLETIONS)
        return SV_NONE;
    return variant == 3 ? SV("batch")
                        : sv_make(openai_dim_of(w, st, variant, DIM_SERVICE_TIER).at,
                                  openai_dim_of(w, st, variant, DIM_SERVICE_TIER).len);
}

static void write_value(const struct usage *u, const struct openai_stream *st, const char *family, const char *label,
                        const char *value, sv tier, uint64_t n)
{
    if (!n)
        return;
    begin(u->sim, u->w, family, &world_of(u->sim)->projects[st->project], st->model->label);
    truth_label(u->w, "tier", tier);
    truth_label(u->w, label, sv_of(value));
    truth_end(u->w, n);
}

static void write_requests(const struct usage *u, const struct openai_stream *st, sv tier, uint64_t n)
{
    if (!n)
        return;
    begin(u->sim, u->w, "genai_requests_total", &world_of(u->sim)->projects[st->project], st->model->label);
    truth_label(u->w, "operation", sv_of(openai_kinds[st->kind].operation));
    truth_label(u->w, "tier", tier);
    truth_label(u->w, "outcome", SV("unknown"));
    truth_label(u->w, "code", SV_NONE);
    truth_end(u->w, n);
}

/* All of one label tier. */
static void write_tier(const struct usage *u, const struct openai_stream *st, sv tier, const uint64_t *f)
{
    write_requests(u, st, tier, f[FIG_REQUESTS]);
    write_value(u, st, "genai_tokens_total", "direction", "input", tier, f[FIG_INPUT]);
    write_value(u, st, "genai_tokens_total", "direction", "output", tier, f[FIG_OUTPUT]);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        uint64_t sum = 0;

        for (unsigned k = 0; k < parts[i].n; k++)
            sum += f[parts[i].figures[k]];
        if (openai_tells(st) & parts[i].tells)
            write_value(u, st, "genai_token_parts_total", "part", parts[i].part, tier, sum);
    }
}

/* Variants of one label are one series. */
static void write_model(const struct usage *u, const struct openai_stream *st, const struct openai_cell *sum)
{
    const struct openai_world *w = world_of(u->sim);

    for (unsigned v = 0; v < OPENAI_VARIANTS; v++) {
        sv tier = tier_of(w, st, v);
        uint64_t f[OPENAI_FIGURES] = { 0 };
        bool first = true;

        for (unsigned k = 0; k < v; k++)
            first = first && !sv_eq(tier_of(w, st, k), tier);
        for (unsigned k = v; first && k < OPENAI_VARIANTS; k++)
            for (unsigned i = 0; sv_eq(tier_of(w, st, k), tier) && i < OPENAI_FIGURES; i++)
                f[i] += sum[k].f[i];
        write_tier(u, st, tier, f);
    }
}

static void add_caller(struct usage *u, const struct openai_stream *st, const struct openai_cell *cells)
{
    const struct openai_world *w = world_of(u->sim);
    sv user = openai_dim_of(w, st, 0, DIM_USER_ID), caller = user.len ? user : openai_dim_of(w, st, 0, DIM_API_KEY_ID);
    unsigned at = 0;

    while (at < u->n_callers && (!sv_eq(u->callers[at].caller, caller) || u->callers[at].model != st->model->label))
        at++;
    if (at == CALLERS_MAX) {
        u->w->out->failed = true;
        return;
    }
    u->n_callers += at == u->n_callers;
    u->callers[at].caller = caller;
    u->callers[at].model = st->model->label;
    for (unsigned v = 0; v < OPENAI_VARIANTS; v++) {
        u->callers[at].calls += cells[v].f[FIG_REQUESTS];
        u->callers[at].tokens += cells[v].f[FIG_INPUT] + cells[v].f[FIG_OUTPUT];
    }
}

static void write_caller(const struct usage *u, const char *family, const struct caller_sum *c, uint64_t n)
{
    if (!n)
        return;
    truth_begin(u->w, family, "openai");
    truth_label(u->w, "account", world_of(u->sim)->organization);
    truth_label(u->w, "model", sv_of(c->model));
    truth_label(u->w, "caller", c->caller);
    truth_end(u->w, n);
}

/* Streams of one project and model stand next to each other. */
static void write_usage(struct usage *u, struct span span)
{
    const struct openai_world *w = world_of(u->sim);
    struct openai_cell sum[OPENAI_VARIANTS] = { 0 };

    for (unsigned i = 0; i < w->n_streams; i++) {
        const struct openai_stream *st = &w->streams[i], *next = i + 1 < w->n_streams ? st + 1 : NULL;
        struct openai_cell cells[OPENAI_VARIANTS] = { 0 };

        if (st->kind >= OPENAI_CALLED)
            continue;
        for (int64_t m = span.first; m < span.last; m++)
            openai_usage_of(openai_of(u->sim)->workload, st, m, INT64_MAX, cells);
        add_caller(u, st, cells);
        for (unsigned v = 0; v < OPENAI_VARIANTS; v++)
            for (unsigned k = 0; k < OPENAI_FIGURES; k++)
                sum[v].f[k] += cells[v].f[k];
        if (next && next->project == st->project && next->model == st->model && next->kind == st->kind)
            continue;
        write_model(u, st, sum);
        memset(sum, 0, sizeof sum);
    }
    for (unsigned i = 0; i < u->n_callers; i++) {
        write_caller(u, "genai_caller_calls_total", &u->callers[i], u->callers[i].calls);
        write_caller(u, "genai_caller_tokens_total", &u->callers[i], u->callers[i].tokens);
    }
}

/* ---- costs ---- */

struct costs {
    struct {
        const struct openai_project *project;
        const char *model, *direction;
        int64_t nano;
    } at[COSTS_MAX];
    unsigned n;
};

static const char *direction_of(const char *item)
{
    static const char *const directions[][2] = { { "input", "input" },
                                                 { "cached input", "input" },
                                                 { "cached_input", "input" },
                                                 { "cache write", "input" },
                                                 { "output", "output" } };

    for (size_t i = 0; i < sizeof directions / sizeof directions[0]; i++)
        if (!strcmp(directions[i][0], item))
            return directions[i][1];
    return "";
}

static void add_cost(void *ctx, const struct openai_charge *c)
{
    const char *direction = c->model ? direction_of(c->item) : "", *model = direction[0] ? c->stream->model->label : "";
    struct costs *sums = ctx;
    unsigned i = 0;

    while (i < sums->n && (sums->at[i].project != c->project || strcmp(sums->at[i].model, model) != 0 ||
                           strcmp(sums->at[i].direction, direction) != 0))
        i++;
    if (i == COSTS_MAX)
        return;
    if (i == sums->n) {
        sums->at[i].project = c->project;
        sums->at[i].model = model;
        sums->at[i].direction = direction;
        sums->at[i].nano = 0;
        sums->n++;
    }
    sums->at[i].nano += c->nano;
}

static void write_costs(struct sim *s, struct truth_writer *w, struct costs *sums)
{
    int64_t now = clock_now(), today = now / (24 * NANO_PER_H);

    for (unsigned offset = 0; offset < DAYS_TOLD; offset++) {
        char text[2] = { (char)('0' + offset), '\0' };

        sums->n = 0;
        openai_charges(s, today - offset, now, add_cost, sums);
        for (unsigned i = 0; i < sums->n; i++) {
            begin(s, w, "genai_billed_cost", sums->at[i].project, sums->at[i].model);
            truth_label(w, "direction", sv_of(sums->at[i].direction));
            truth_label(w, "currency", SV("USD"));
            truth_label(w, "day_offset", sv_of(text));
            truth_end_decimal(w, (uint64_t)sums->at[i].nano, 9);
        }
    }
}

/* ---- audit ---- */

static void write_audit(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    const struct openai_world *world = world_of(s);
    struct openai_event events[OPENAI_EVENTS_MAX];
    uint64_t sums[OPENAI_EVENT_TYPES] = { 0 };
    int64_t last = until / NANO_PER_MIN + 1;

    for (int64_t m = s->first; m < s->last && m < last; m++) {
        unsigned n = openai_events_of(world, s, m, events);

        for (unsigned i = 0; i < n; i++)
            if (events[i].at_s * NANO_PER_S >= from && events[i].at_s * NANO_PER_S < until)
                sums[events[i].type]++;
    }
    for (unsigned i = 0; i < OPENAI_EVENT_TYPES; i++) {
        const char *type = openai_event_types[i].name;

        if (!sums[i])
            continue;
        truth_begin(w, "genai_audit_events_total", "openai");
        truth_label(w, "account", world->organization);
        truth_label(w, "action", sv_of(type));
        truth_label(w, "outcome", sv_ends(sv_of(type), SV(".failed")) ? SV("failure") : SV("success"));
        truth_end(w, sums[i]);
    }
}

void openai_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    struct usage *u = calloc(1, sizeof *u);
    struct costs *costs = calloc(1, sizeof *costs);

    if (u && costs) {
        u->sim = s;
        u->w = w;
        write_usage(u, sim_span(s, from, until));
        write_costs(s, w, costs);
        write_audit(s, w, from, until);
    } else {
        w->out->failed = true;
    }
    free(u);
    free(costs);
}
