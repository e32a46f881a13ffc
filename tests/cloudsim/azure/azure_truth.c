/*
 * Truth, Azure's part. Per family exactly the labels that Azure can tell:
 *  - requests from one metric family, tokens without a tier, filtered requests by category and action;
 *  - calls behind mean durations (those that have a last byte) and mean times to the first token (those that are streamed);
 *  - logged calls once per call: by its model row, else, when there is only an envelope row, with empty deployment and
 * model;
 *  - tokens, parts and first token from usage rows, durations from model rows that state one that is not negative;
 *  - calls and tokens by caller: by the object id of the model row, by the masked address where only an envelope row is;
 *  - deployments of another publisher than OpenAI nowhere.
 * Outcomes that a platform can report are there at 0 as soon as their siblings are.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/azure/azure.h"

struct call_sums {
    uint64_t at[OP_LABELS][OUTCOMES];
};

struct dep_sums {
    uint64_t requests[OP_LABELS][TIERS][STATUSES];
    uint64_t input, output;
    uint64_t streamed, finished; /* calls behind the mean time to the first token and the mean duration */
    uint64_t blocked[RAI_CATEGORIES], detected[RAI_CATEGORIES];
    struct call_sums logged;
    uint64_t logged_input, logged_output, logged_cached;
    uint64_t duration[BUCKETS], first_token[BUCKETS];
};

struct account_sums {
    struct call_sums envelope_only;
};

enum { MODELS_MAX = 64 };

/* Of one subscription. */
struct caller_sums {
    struct {
        sv model;
        uint64_t calls[WORLD_CALLERS], tokens[WORLD_CALLERS];
    } by_model[MODELS_MAX];
    unsigned n_models;
    uint64_t envelope_only[WORLD_CALLERS];
};

/* The identity labels; `d` NULL for what only envelope rows tell. */
static void identity(struct truth_writer *w, const struct world *world, const struct account *a,
                     const struct deployment *d)
{
    truth_label(w, "account", world->subs[a->sub].id);
    truth_label(w, "cloud_region", a->location);
    truth_label(w, "platform", SV("azure_openai"));
    truth_label(w, "resource", a->name);
    truth_label(w, "deployment", d ? d->name : SV_NONE);
    truth_label(w, "model", d ? d->model : SV_NONE);
}

static void sum_minute(struct dep_sums *s, struct account_sums *as, const struct minute *m)
{
    for (size_t i = 0; i < m->n_cells; i++) {
        const struct cell *c = &m->cells[i];

        s->requests[op_rows[c->op].label][c->tier_served][c->status] += c->calls;
        s->input += c->input;
        s->output += c->output;
        s->streamed += c->stream ? c->calls : 0;
        s->finished += c->timed;
    }
    for (size_t i = 0; i < m->n_rai; i++) {
        s->detected[m->rai[i].category] += m->rai[i].calls;
        s->blocked[m->rai[i].category] += m->rai[i].blocked ? m->rai[i].calls : 0;
    }
    for (unsigned op = 0; op < OP_LABELS; op++) {
        for (unsigned o = 0; o < OUTCOMES; o++) {
            s->logged.at[op][o] += m->logged.calls[op][o];
            as->envelope_only.at[op][o] += m->logged.envelope_only[op][o];
        }
    }
    s->logged_input += m->logged.input;
    s->logged_output += m->logged.output;
    s->logged_cached += m->logged.cached;
    for (unsigned i = 0; i < BUCKETS; i++) {
        s->duration[i] += m->logged.duration[i];
        s->first_token[i] += m->logged.first_token[i];
    }
}

static void sum_callers(struct caller_sums *s, sv model, const struct minute *m)
{
    unsigned at = 0;

    while (at < s->n_models && !sv_eq(s->by_model[at].model, model))
        at++;
    if (at == MODELS_MAX)
        return;
    s->n_models += at == s->n_models;
    s->by_model[at].model = model;
    for (unsigned i = 0; i < WORLD_CALLERS; i++) {
        s->by_model[at].calls[i] += m->logged.by_caller[i].calls;
        s->by_model[at].tokens[i] += m->logged.by_caller[i].tokens;
        s->envelope_only[i] += m->logged.by_caller[i].envelope_only;
    }
}

static void write_caller(struct truth_writer *w, const char *family, sv account, sv model, sv caller, uint64_t v)
{
    if (!v)
        return;
    truth_begin(w, family, "azure");
    truth_label(w, "account", account);
    truth_label(w, "model", model);
    truth_label(w, "caller", caller);
    truth_end(w, v);
}

static void write_callers(struct truth_writer *w, const struct world *world, sv account, const struct caller_sums *s)
{
    for (unsigned i = 0; i < WORLD_CALLERS; i++) {
        const struct caller *c = &world->callers[i];
        uint64_t envelope_only = 0;
        bool first = true; /* of those with this masked address */

        for (unsigned k = 0; k < s->n_models; k++) {
            sv model = s->by_model[k].model;

            write_caller(w, "genai_caller_calls_total", account, model, c->object_id, s->by_model[k].calls[i]);
            write_caller(w, "genai_caller_tokens_total", account, model, c->object_id, s->by_model[k].tokens[i]);
        }
        for (unsigned k = 0; k < WORLD_CALLERS; k++) {
            if (!sv_eq(world->callers[k].masked_ip, c->masked_ip))
                continue;
            first = first && k >= i;
            envelope_only += s->envelope_only[k];
        }
        if (first)
            write_caller(w, "genai_caller_calls_total", account, SV_NONE, c->masked_ip, envelope_only);
    }
}

static void write_requests(struct truth_writer *w, const struct world *world, const struct deployment *d,
                           const struct dep_sums *s)
{
    const struct account *a = &world->accounts[d->account];

    for (unsigned op = 0; op < OP_LABELS; op++) {
        for (unsigned t = 0; t < TIERS; t++) {
            uint64_t any = 0;

            for (unsigned c = 0; c < STATUSES; c++)
                any += s->requests[op][t][c];
            for (unsigned c = 0; any && c < STATUSES; c++) {
                unsigned code = status_rows[c].code;
                bool sibling = code == 200 || code == 429 || code == 400 || code == 500;

                if (!s->requests[op][t][c] && !sibling)
                    continue;
                truth_begin(w, "genai_requests_total", "azure");
                identity(w, world, a, d);
                truth_label(w, "operation", sv_of(op_labels[op]));
                truth_label(w, "tier", sv_of(tier_labels[t]));
                truth_label(w, "outcome", sv_of(outcome_names[status_rows[c].outcome]));
                truth_label(w, "code", sv_of(status_rows[c].text));
                truth_end(w, s->requests[op][t][c]);
            }
        }
    }
}

static void write_tokens(struct truth_writer *w, const struct world *world, const struct deployment *d,
                         const struct dep_sums *s)
{
    const uint64_t values[2] = { s->input, s->output };
    const char *const names[2] = { "input", "output" };

    for (unsigned i = 0; i < 2; i++) {
        if (!values[i])
            continue;
        truth_begin(w, "genai_tokens_total", "azure");
        identity(w, world, &world->accounts[d->account], d);
        truth_label(w, "tier", SV_NONE);
        truth_label(w, "direction", sv_of(names[i]));
        truth_end(w, values[i]);
    }
}

static void write_means(struct truth_writer *w, const struct world *world, const struct deployment *d,
                        const struct dep_sums *s)
{
    const uint64_t values[2] = { s->finished, s->streamed };
    const char *const names[2] = { "genai_request_duration_mean_seconds_count",
                                   "genai_time_to_first_token_mean_seconds_count" };

    for (unsigned i = 0; i < 2; i++) {
        if (!values[i])
            continue;
        truth_begin(w, names[i], "azure");
        identity(w, world, &world->accounts[d->account], d);
        truth_end(w, values[i]);
    }
}

static sv lower(const char *s, char *out, size_t size)
{
    size_t n = 0;

    for (; s[n] && n + 1 < size; n++)
        out[n] = (char)tolower((unsigned char)s[n]);
    return sv_make(out, n);
}

static void write_filtered(struct truth_writer *w, const struct world *world, const struct deployment *d,
                           const struct dep_sums *s)
{
    for (unsigned c = 0; c < RAI_CATEGORIES; c++) {
        for (unsigned blocked = 0; blocked < 2; blocked++) {
            uint64_t v = blocked ? s->blocked[c] : s->detected[c];
            char name[32];

            if (!v)
                continue;
            truth_begin(w, "genai_filtered_requests_total", "azure");
            identity(w, world, &world->accounts[d->account], d);
            truth_label(w, "category", lower(rai_categories[c], name, sizeof name));
            truth_label(w, "action", blocked ? SV("blocked") : SV("detected"));
            truth_end(w, v);
        }
    }
}

static void write_calls(struct truth_writer *w, const struct world *world, const struct account *a,
                        const struct deployment *d, const struct call_sums *v)
{
    for (unsigned op = 0; op < OP_LABELS; op++) {
        for (unsigned o = 0; o < OUTCOMES; o++) {
            if (!v->at[op][o])
                continue;
            truth_begin(w, "genai_logged_calls_total", "azure");
            identity(w, world, a, d);
            truth_label(w, "operation", sv_of(op_labels[op]));
            truth_label(w, "outcome", sv_of(outcome_names[o]));
            truth_end(w, v->at[op][o]);
        }
    }
}

static void write_logged_tokens(struct truth_writer *w, const struct world *world, const struct deployment *d,
                                const struct dep_sums *s)
{
    const struct account *a = &world->accounts[d->account];
    const struct {
        const char *family, *name, *value;
        uint64_t sum;
    } rows[] = {
        { "genai_logged_tokens_total", "direction", "input", s->logged_input },
        { "genai_logged_tokens_total", "direction", "output", s->logged_output },
        { "genai_logged_token_parts_total", "part", "cache_read", s->logged_cached },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].sum)
            continue;
        truth_begin(w, rows[i].family, "azure");
        identity(w, world, a, d);
        truth_label(w, rows[i].name, sv_of(rows[i].value));
        truth_end(w, rows[i].sum);
    }
}

static void write_histogram(struct truth_writer *w, const struct world *world, const struct deployment *d,
                            const char *count_family, const char *bucket_family, const uint64_t buckets[BUCKETS])
{
    const struct account *a = &world->accounts[d->account];
    uint64_t n = 0;
    char le[32];

    for (unsigned i = 0; i < BUCKETS; i++)
        n += buckets[i];
    if (!n)
        return;
    truth_begin(w, count_family, "azure");
    identity(w, world, a, d);
    truth_end(w, n);
    n = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        n += buckets[i];
        truth_begin(w, bucket_family, "azure");
        identity(w, world, a, d);
        truth_label(w, "le", truth_bound(i, le));
        truth_end(w, n);
    }
}

static void write_deployment(struct truth_writer *w, const struct world *world, const struct deployment *d,
                             const struct dep_sums *s)
{
    write_requests(w, world, d, s);
    write_tokens(w, world, d, s);
    write_means(w, world, d, s);
    write_filtered(w, world, d, s);
    write_calls(w, world, &world->accounts[d->account], d, &s->logged);
    write_logged_tokens(w, world, d, s);
    write_histogram(w, world, d, "genai_request_duration_seconds_count", "genai_request_duration_seconds_bucket",
                    s->duration);
    write_histogram(w, world, d, "genai_time_to_first_token_seconds_count", "genai_time_to_first_token_seconds_bucket",
                    s->first_token);
}

static void write_account(struct sim *s, struct truth_writer *w, const struct account *a, struct span span,
                          struct dep_sums *sums, struct caller_sums *callers)
{
    struct account_sums as = { .envelope_only = { { { 0 } } } };

    for (unsigned i = 0; i < a->n_deployments; i++) {
        const struct deployment *d = &azure_of(s)->world.deployments[a->first_deployment + i];

        if (!d->openai)
            continue;
        memset(sums, 0, sizeof *sums);
        for (int64_t m = span.first; m < span.last; m++) {
            const struct minute *minute = workload_minute(azure_of(s)->workload, d->index, m);

            if (minute) {
                sum_minute(sums, &as, minute);
                sum_callers(callers, d->model, minute);
            } else {
                w->out->failed = true;
            }
            workload_unref(minute);
        }
        write_deployment(w, &azure_of(s)->world, d, sums);
    }
    write_calls(w, &azure_of(s)->world, a, NULL, &as.envelope_only);
}

static void write_audit(struct sim *s, struct truth_writer *w, unsigned sub, int64_t from, int64_t until)
{
    const struct subscription *of = &azure_of(s)->world.subs[sub];
    uint64_t sums[ACTIVITY_COUNTED][AUDIT_OUTCOMES] = { { 0 } }, keys = 0;
    int64_t first = workload_first(azure_of(s)->workload), last = until / NANO_PER_MIN + 1;
    struct activity events[EVENTS_PER_MINUTE_MAX];
    char name[96];

    last = last < workload_last(azure_of(s)->workload) ? last : workload_last(azure_of(s)->workload);
    for (int64_t m = first; m < last; m++) {
        unsigned n = activity_of(&azure_of(s)->world, azure_of(s)->workload, sub, m, events);

        for (unsigned i = 0; i < n; i++)
            if (events[i].op < ACTIVITY_COUNTED && events[i].at >= from && events[i].at < until)
                sums[events[i].op][activity_outcomes[events[i].status]]++;
        for (unsigned i = 0; i < of->n_accounts; i++) {
            struct audit_row row;

            keys += audit_of(&azure_of(s)->world, azure_of(s)->workload, of->first_account + i, m, &row) &&
                    row.at >= from && row.at < until;
        }
    }
    for (unsigned op = 0; op <= ACTIVITY_COUNTED; op++) {
        for (unsigned o = 0; o < AUDIT_OUTCOMES; o++) {
            bool key = op == ACTIVITY_COUNTED;
            uint64_t v = key ? (o == AUDIT_UNKNOWN ? keys : 0) : sums[op][o];

            if (!v)
                continue;
            truth_begin(w, "genai_audit_events_total", "azure");
            truth_label(w, "account", of->id);
            truth_label(w, "action", key ? SV("listkey") : lower(activity_ops[op].operation, name, sizeof name));
            truth_label(w, "outcome", sv_of(activity_outcome_names[o]));
            truth_end(w, v);
        }
    }
}

static void write_azure(struct sim *s, struct truth_writer *w, struct span span, int64_t from, int64_t until,
                        struct dep_sums *sums, struct caller_sums *callers)
{
    for (unsigned i = 0; i < azure_of(s)->world.n_accounts; i++)
        write_account(s, w, &azure_of(s)->world.accounts[i], span, sums, &callers[azure_of(s)->world.accounts[i].sub]);
    for (unsigned i = 0; i < azure_of(s)->world.n_subs; i++)
        write_callers(w, &azure_of(s)->world, azure_of(s)->world.subs[i].id, &callers[i]);
    for (unsigned i = 0; i < azure_of(s)->world.n_subs; i++)
        write_audit(s, w, i, from, until);
}

void azure_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    struct dep_sums *sums = calloc(1, sizeof *sums);
    struct caller_sums *callers = calloc(azure_of(s)->world.n_subs, sizeof *callers);

    if (sums && callers)
        write_azure(s, w, sim_span(s, from, until), from, until, sums, callers);
    else
        w->out->failed = true;
    free(sums);
    free(callers);
}
