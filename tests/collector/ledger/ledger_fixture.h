/* Frames for ledger tests: one source "az", one account, a mapping of four rules. */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include <math.h>

#include "collector/base/clock.h"
#include "collector/ledger/ledger.h"
#include "collector/model/key.h"

#define T0 (INT64_C(1795168800) * NANO_PER_S) /* 2026-11-20T10:00:00Z */

/* clang-format off */
static const struct rule fixture_rules[] = {
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Requests"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = 1,
      .born = SVT("outcome=success,code=200;outcome=throttled,code=429") },
    { .platform = PLATFORM_AZURE_OPENAI, .family = SVT("models"), .fact = SVT("tokens"), .theirs = SVT("In"), .ours = SVT("genai_tokens_total"),
      .stat = SVT("value"), .weight = 1, .labels = SVT("direction=input") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Latency"), .ours = SVT("genai_request_duration_mean_seconds"), .stat = SVT("sum"), .weight = 0.001 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Latency"), .ours = SVT("genai_request_duration_mean_seconds"), .stat = SVT("count"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Utilization"), .ours = SVT("genai_provisioned_utilization_ratio"), .stat = SVT("value"), .weight = 0.01 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Out"), .ours = SVT("genai_rate_used"), .stat = SVT("value"), .weight = 1, .labels = SVT("unit=tokens") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Prompt"), .ours = SVT("genai_rate_used"), .stat = SVT("value"), .weight = 1, .labels = SVT("unit=tokens") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("RequestResponse"), .ours = SVT("genai_logged_calls_total"), .stat = SVT("call"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("RequestResponse"), .ours = SVT("genai_request_duration_seconds"), .stat = SVT("duration"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("RequestResponse"), .ours = SVT("genai_caller_calls_total"), .stat = SVT("call"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("RequestResponse"), .ours = SVT("genai_caller_tokens_total"), .stat = SVT("input_tokens"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("RequestResponse"), .ours = SVT("genai_caller_tokens_total"), .stat = SVT("output_tokens"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Usage"), .ours = SVT("genai_logged_tokens_total"), .stat = SVT("input_tokens"), .weight = 1,
      .labels = SVT("direction=input") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Invocation"), .ours = SVT("genai_served_calls_total"), .stat = SVT("call"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Invocation"), .ours = SVT("genai_logged_calls_total"), .stat = SVT("call"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .family = SVT("accepted"), .theirs = SVT("Accepted"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = 1,
      .labels = SVT("outcome=success") },
    { .platform = PLATFORM_AZURE_OPENAI, .family = SVT("accepted"), .theirs = SVT("Failed"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = -1,
      .labels = SVT("outcome=success") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Silent"), .ours = SVT("genai_requests_total"), .stat = SVT("value"), .weight = -1,
      .labels = SVT("outcome=unknown") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Typed"), .part = SVT("input"), .ours = SVT("genai_tokens_total"), .stat = SVT("value"), .weight = 1,
      .labels = SVT("direction=input") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Typed"), .part = SVT("cache_read_input"), .ours = SVT("genai_tokens_total"), .stat = SVT("value"),
      .weight = 1, .labels = SVT("direction=input") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Typed"), .part = SVT("cache_read_input"), .ours = SVT("genai_token_parts_total"),
      .stat = SVT("value"), .weight = 1, .labels = SVT("part=cache_read") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("Typed"), .part = SVT("*"), .ours = SVT("genai_token_parts_total"), .stat = SVT("value"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .family = SVT("models"), .theirs = SVT("Typed"), .part = SVT("reasoning"), .ours = SVT("genai_token_parts_total"),
      .stat = SVT("value"), .weight = 1, .labels = SVT("part=of_models") },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("UsedBy"), .ours = SVT("genai_caller_calls_total"), .stat = SVT("value"), .weight = 1 },
    { .platform = PLATFORM_AZURE_OPENAI, .theirs = SVT("audit"), .ours = SVT("genai_audit_events_total"), .stat = SVT("event"), .weight = 1 },
};
/* clang-format on */

static inline struct frame *fixture_frame(struct arena *a, int64_t from, int64_t to)
{
    struct frame *f = frame_new(a, SV("az"), SV("sub"));
    struct window *w = frame_add_window(f);

    *w = (struct window){ .source = SV("az"),
                          .scope = SV("sub"),
                          .group = SV("g"),
                          .from_unix_nano = from,
                          .to_unix_nano = to,
                          .read_at_unix_nano = to + 3 * NANO_PER_MIN,
                          .settled_to_unix_nano = to - 10 * NANO_PER_MIN };
    return f;
}

static inline void fixture_mapping(struct frame *f, int64_t valid_from)
{
    struct epoch *e = frame_add_epoch(f);

    *e = (struct epoch){ .kind = EPOCH_MAPPING,
                         .valid_from_unix_nano = valid_from,
                         .hash = 7,
                         .rules = (struct rule *)(uintptr_t)fixture_rules,
                         .n_rules = sizeof fixture_rules / sizeof fixture_rules[0] };
}

static inline void fixture_epoch(struct frame *f, enum epoch_kind kind, int64_t valid_from, sv subject, sv value)
{
    struct epoch *e = frame_add_epoch(f);

    *e = (struct epoch){ .kind = kind, .valid_from_unix_nano = valid_from, .subject = subject, .value = value };
}

static inline struct batch *fixture_batch(struct frame *f)
{
    struct batch *b = frame_add_batch(f);

    b->origin = (struct origin){ .cloud = CLOUD_AZURE,
                                 .platform = PLATFORM_AZURE_OPENAI,
                                 .account = batch_sym(b, SV("s1")),
                                 .cloud_region = batch_sym(b, SV("westeurope")),
                                 .resource = batch_sym(b, SV("acc")),
                                 .resource_id = batch_sym(b, SV("/s1/acc")) };
    b->observed_unix_nano = f->windows[0].read_at_unix_nano;
    return b;
}

static inline struct measure *fixture_measure(struct batch *b, sv name, sv deployment, int64_t start, double value)
{
    struct measure *m = batch_add_measure(b);
    struct key_value dim = { batch_sym(b, SV("deployment")), deployment };

    m->series = key_series(b, PLATFORM_AZURE_OPENAI, SV("/s1/acc"), name, &dim, 1);
    m->key = key_measure(m->series, start);
    m->name = batch_sym(b, name);
    m->start_unix_nano = start;
    m->end_unix_nano = start + NANO_PER_MIN;
    m->kind = MEASURE_COUNT;
    m->value = value;
    m->deployment = batch_sym(b, deployment);
    m->model = batch_sym(b, SV("gpt-5-mini"));
    m->outcome = OUTCOME_SUCCESS;
    m->code = batch_sym(b, SV("200"));
    m->operation = batch_sym(b, SV("chat"));
    return m;
}

/* First series of a family whose label has this value; false when there is none. */
static inline bool fixture_find(struct ledger *l, const char *family, enum label label, const char *value,
                                struct series_view *out)
{
    static const char *labels[LABELS];

    for (size_t i = 0; i < ledger_series_count(l); i++) {
        ledger_series(l, i, out, labels);
        if (out->family == family_find(sv_of(family)) && labels[label] && sv_eq(sv_of(labels[label]), sv_of(value)))
            return true;
    }
    return false;
}

/* All series have been shown at 0: they are born. */
static inline void fixture_bear(struct ledger *l, struct arena *a)
{
    struct frame *f = frame_new(a, SV("trefoil"), SV("births"));

    ledger_births(l, UINT64_MAX, INT64_MAX, 100000, f);
    ledger_fold(l, f);
}

#endif
