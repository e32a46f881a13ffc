/*
 * Truth, AWS's part, computed from the calls and from nothing that the simulated APIs answer:
 *  - requests, tokens and latency as the metrics of either plane can know them: mantle's throttles are client errors,
 *    its server errors are nowhere, and it has no latency;
 *  - logged calls of runtime where invocation logging reaches a group (throttled ones are not logged), of mantle where a
 *    trail takes data events;
 *  - logged calls and their tokens by caller, by the ARN that either log tells;
 *  - management events of the two sources, once each;
 *  - other publishers' models nowhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/aws/aws_api.h"

struct sums {
    uint64_t requests[OUTCOMES];
    uint64_t input, output, cache_read, cache_write;
    uint64_t latency_ms, latency_n, ttft_ms, ttft_n;
    uint64_t logged[AWS_OPS][OUTCOMES];
    uint64_t logged_input, logged_output, logged_read, logged_write;
    uint64_t first_byte[BUCKETS];
};

/* Of one model: what its calls add up to outside of their deployment, kept at the first deployment of that model. */
struct model_sums {
    uint64_t served[AWS_REGIONS]; /* over all accounts */
    struct {
        uint64_t calls, tokens;
    } by_caller[AWS_CALLERS]; /* in one account */
};

static bool logs_reach_a_group(const struct aws_place *p)
{
    return p->logging == AWS_LOG_GROUP || p->logging == AWS_LOG_BOTH;
}

static void add_metrics(const struct sim *s, const struct aws_deployment *d, const struct aws_call *c, struct sums *t)
{
    enum outcome o = aws_outcome(c);

    if (d->plane == AWS_RUNTIME && !aws_op_rows[c->op].native && s->options.switches[SW_RUNTIME_OPENAI])
        return;
    if (d->plane == AWS_MANTLE && o == OUTCOME_THROTTLED)
        o = OUTCOME_CLIENT_ERROR;
    if (d->plane == AWS_MANTLE && o == OUTCOME_SERVER_ERROR)
        return;
    t->requests[o]++;
    t->input += c->input;
    t->output += c->output;
    t->cache_read += c->cache_read;
    t->cache_write += c->cache_write;
    if (c->error || d->plane == AWS_MANTLE)
        return;
    t->latency_ms += c->latency_ms;
    t->latency_n++;
    t->ttft_ms += c->ttft_ms;
    t->ttft_n += c->ttft_ms > 0;
}

static void add_logs(const struct aws_deployment *d, const struct aws_place *p, const struct aws_call *c,
                     struct sums *t, struct model_sums *model, struct model_sums *own)
{
    if (d->plane == AWS_MANTLE) {
        t->logged[0][aws_outcome(c)] += p->trail_data;
        own->by_caller[c->caller].calls += p->trail_data;
        return;
    }
    if (!logs_reach_a_group(p) || !c->logged_at)
        return;
    t->logged[c->op][aws_outcome(c)]++;
    t->logged_input += c->input + c->cache_read + c->cache_write;
    t->logged_output += c->output;
    t->logged_read += c->cache_read;
    t->logged_write += c->cache_write;
    if (c->op == AWS_INVOKE_STREAM && c->ttft_ms)
        t->first_byte[bucket_of(c->ttft_ms * INT64_C(1000))]++;
    model->served[c->served]++;
    own->by_caller[c->caller].calls++;
    own->by_caller[c->caller].tokens += c->input + c->cache_read + c->cache_write + c->output;
}

static void begin(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, const char *family)
{
    const struct aws_place *p = &aws_of(s)->world.places[d->place];

    truth_begin(w, family, "aws");
    truth_label(w, "account", aws_of(s)->world.accounts[p->account].id);
    truth_label(w, "cloud_region", p->region->name);
    truth_label(w, "platform", d->plane == AWS_RUNTIME ? SV("bedrock") : SV("bedrock_mantle"));
    truth_label(w, "resource", d->project);
    truth_label(w, "deployment", d->label_deployment);
    truth_label(w, "model", d->label_model);
}

static void write_requests(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, const struct sums *t)
{
    uint64_t any = 0;

    for (unsigned o = 0; o < OUTCOMES; o++)
        any += t->requests[o];
    for (unsigned o = 0; any && o < OUTCOMES; o++) {
        if (d->plane == AWS_MANTLE && o != OUTCOME_SUCCESS && o != OUTCOME_CLIENT_ERROR)
            continue;
        begin(s, w, d, "genai_requests_total");
        truth_label(w, "operation", SV_NONE);
        truth_label(w, "tier", SV_NONE);
        truth_label(w, "outcome", sv_of(outcome_names[o]));
        truth_label(w, "code", SV_NONE);
        truth_end(w, t->requests[o]);
    }
}

static void write_token_rows(struct sim *s, struct truth_writer *w, const struct aws_deployment *d,
                             const struct sums *t)
{
    const bool parts = d->plane == AWS_RUNTIME;
    const struct {
        const char *family, *name, *value;
        bool tier, there;
        uint64_t sum;
    } rows[] = {
        /* Mantle's input is what is billed: cached tokens are no part of our mantle calls' story. */
        { "genai_tokens_total", "direction", "input", true, true,
          t->input + (parts ? t->cache_read + t->cache_write : 0) },
        { "genai_tokens_total", "direction", "output", true, true, t->output },
        { "genai_token_parts_total", "part", "cache_read", true, parts, t->cache_read },
        { "genai_token_parts_total", "part", "cache_write", true, parts, t->cache_write },
        { "genai_logged_tokens_total", "direction", "input", false, true, t->logged_input },
        { "genai_logged_tokens_total", "direction", "output", false, true, t->logged_output },
        { "genai_logged_token_parts_total", "part", "cache_read", false, true, t->logged_read },
        { "genai_logged_token_parts_total", "part", "cache_write", false, true, t->logged_write },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].there || !rows[i].sum)
            continue;
        begin(s, w, d, rows[i].family);
        if (rows[i].tier)
            truth_label(w, "tier", SV_NONE);
        truth_label(w, rows[i].name, sv_of(rows[i].value));
        truth_end(w, rows[i].sum);
    }
}

static void write_mean(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, const char *count_family,
                       const char *sum_family, uint64_t n, uint64_t ms)
{
    if (!n)
        return;
    begin(s, w, d, count_family);
    truth_end(w, n);
    begin(s, w, d, sum_family);
    truth_end_decimal(w, ms, 3);
}

/* Operations of one label are one series. */
static void write_logged(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, const struct sums *t)
{
    for (unsigned op = 0; op < AWS_OPS; op++) {
        bool first = true;

        for (unsigned k = 0; k < op; k++)
            first &= strcmp(aws_op_rows[k].label, aws_op_rows[op].label) != 0;
        for (unsigned o = 0; first && o < OUTCOMES; o++) {
            uint64_t n = 0;

            for (unsigned k = op; k < AWS_OPS; k++)
                n += strcmp(aws_op_rows[k].label, aws_op_rows[op].label) ? 0 : t->logged[k][o];
            if (!n)
                continue;
            begin(s, w, d, "genai_logged_calls_total");
            truth_label(w, "operation", d->plane == AWS_MANTLE ? SV_NONE : sv_of(aws_op_rows[op].label));
            truth_label(w, "outcome", sv_of(outcome_names[o]));
            truth_end(w, n);
        }
    }
}

static void write_first_byte(struct sim *s, struct truth_writer *w, const struct aws_deployment *d,
                             const struct sums *t)
{
    uint64_t n = 0;
    char le[32];

    for (unsigned i = 0; i < BUCKETS; i++)
        n += t->first_byte[i];
    if (!n)
        return;
    begin(s, w, d, "genai_time_to_first_token_seconds_count");
    truth_end(w, n);
    n = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        n += t->first_byte[i];
        begin(s, w, d, "genai_time_to_first_token_seconds_bucket");
        truth_label(w, "le", truth_bound(i, le));
        truth_end(w, n);
    }
}

static void write_deployment(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, struct span span,
                             struct model_sums *model, struct model_sums *own)
{
    const struct aws_place *p = &aws_of(s)->world.places[d->place];
    struct sums t = { .input = 0 };

    for (int64_t number = span.first; number < span.last; number++) {
        const struct aws_minute *m = aws_minute(aws_of(s)->workload, d->index, number);

        w->out->failed |= !m;
        for (uint32_t k = 0; m && k < m->n; k++) {
            add_metrics(s, d, &m->calls[k], &t);
            add_logs(d, p, &m->calls[k], &t, model, own);
        }
        aws_minute_unref(m);
    }
    write_requests(s, w, d, &t);
    write_token_rows(s, w, d, &t);
    write_mean(s, w, d, "genai_request_duration_mean_seconds_count", "genai_request_duration_mean_seconds_sum",
               t.latency_n, t.latency_ms);
    write_mean(s, w, d, "genai_time_to_first_token_mean_seconds_count", "genai_time_to_first_token_mean_seconds_sum",
               t.ttft_n, t.ttft_ms);
    write_logged(s, w, d, &t);
    write_first_byte(s, w, d, &t);
}

/* The first deployment of the same model, in any account or in this one: its sums are the model's. */
static unsigned first_of_model(const struct aws_world *w, unsigned deployment, bool anywhere)
{
    const struct aws_deployment *d = &w->deployments[deployment];
    unsigned i = 0;

    while (!sv_eq(w->deployments[i].label_model, d->label_model) ||
           (!anywhere && w->places[w->deployments[i].place].account != w->places[d->place].account))
        i++;
    return i;
}

static void write_caller(struct sim *s, struct truth_writer *w, const struct aws_deployment *d, unsigned caller,
                         const char *family, uint64_t value)
{
    sv account = aws_of(s)->world.accounts[aws_of(s)->world.places[d->place].account].id,
       role = aws_of(s)->world.callers[caller];
    char arn[256];

    if (!value)
        return;
    snprintf(arn, sizeof arn, "arn:aws:sts::%.*s:assumed-role/%.*s/session-%u", SV_ARG(account), SV_ARG(role), caller);
    truth_begin(w, family, "aws");
    truth_label(w, "account", account);
    truth_label(w, "model", d->label_model);
    truth_label(w, "caller", sv_of(arn));
    truth_end(w, value);
}

static void write_callers(struct sim *s, struct truth_writer *w, const struct model_sums *models)
{
    for (unsigned i = 0; i < aws_of(s)->world.n_deployments; i++) {
        for (unsigned c = 0; c < AWS_CALLERS; c++) {
            const struct aws_deployment *d = &aws_of(s)->world.deployments[i];

            write_caller(s, w, d, c, "genai_caller_calls_total", models[i].by_caller[c].calls);
            write_caller(s, w, d, c, "genai_caller_tokens_total", models[i].by_caller[c].tokens);
        }
    }
}

static void write_served(struct sim *s, struct truth_writer *w, const struct model_sums *models)
{
    for (unsigned i = 0; i < aws_of(s)->world.n_deployments; i++) {
        for (unsigned r = 0; r < AWS_REGIONS; r++) {
            if (!models[i].served[r])
                continue;
            truth_begin(w, "genai_served_calls_total", "aws");
            truth_label(w, "platform", SV("bedrock"));
            truth_label(w, "model", aws_of(s)->world.deployments[i].label_model);
            truth_label(w, "served_region", aws_regions[r].name);
            truth_label(w, "served_jurisdiction", aws_regions[r].jurisdiction);
            truth_end(w, models[i].served[r]);
        }
    }
}

static sv action_of(const struct aws_event_name *n, struct arena *a)
{
    sv source = sv_of(n->source);

    return arena_lower(a, arena_printf(a, "%.*s:%s", (int)sv_find(source, '.'), source.at, n->name));
}

/* Events are per (account, region), the family only per account. */
static void write_audit(struct sim *s, struct truth_writer *w, const struct aws_account *a, int64_t from, int64_t until)
{
    uint64_t sums[AWS_EVENTS_COUNTED][2] = { { 0 } };
    int64_t first = aws_workload_first(aws_of(s)->workload), last = until / NANO_PER_MIN + 1;
    struct aws_event events[AWS_EVENTS_MAX];
    struct arena scratch;

    last = last < aws_workload_last(aws_of(s)->workload) ? last : aws_workload_last(aws_of(s)->workload);
    for (unsigned p = a->first_place; p < a->first_place + a->n_places; p++) {
        for (int64_t m = first; m < last; m++) {
            unsigned n = aws_events(&aws_of(s)->world, aws_of(s)->workload, p, m, events);

            for (unsigned i = 0; i < n; i++)
                if (events[i].name < AWS_EVENTS_COUNTED && events[i].at >= from && events[i].at < until)
                    sums[events[i].name][events[i].failed]++;
        }
    }
    arena_init(&scratch, 0);
    for (unsigned i = 0; i < AWS_EVENTS_COUNTED; i++) {
        for (unsigned failed = 0; failed < 2; failed++) {
            if (!sums[i][failed])
                continue;
            truth_begin(w, "genai_audit_events_total", "aws");
            truth_label(w, "account", a->id);
            truth_label(w, "action", action_of(&aws_event_names[i], &scratch));
            truth_label(w, "outcome", failed ? SV("failure") : SV("success"));
            truth_end(w, sums[i][failed]);
        }
    }
    arena_done(&scratch);
}

void aws_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until)
{
    struct span span = sim_span(s, from, until);
    struct model_sums *models = calloc(aws_of(s)->world.n_deployments + 1, sizeof *models);

    if (!models) {
        w->out->failed = true;
        return;
    }
    for (unsigned i = 0; i < aws_of(s)->world.n_deployments; i++)
        if (aws_of(s)->world.deployments[i].openai)
            write_deployment(s, w, &aws_of(s)->world.deployments[i], span,
                             &models[first_of_model(&aws_of(s)->world, i, true)],
                             &models[first_of_model(&aws_of(s)->world, i, false)]);
    write_served(s, w, models);
    write_callers(s, w, models);
    for (unsigned i = 0; i < aws_of(s)->world.n_members; i++)
        write_audit(s, w, &aws_of(s)->world.accounts[i], from, until);
    free(models);
}
