/* The command line: one table of options, each with a unit and a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/cloud.h"

enum kind { TEXT, NUMBER, COUNT, SPAN, INSTANT, SHARE, SWITCH, NAMES };

struct arg {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *unit, *help;
};

#define O(member) offsetof(struct sim_options, member)

/* clang-format off */
static const struct arg args[] = {
    { "--listen",           TEXT,    O(listen),           "HOST:PORT", "control door and metadata services, plain HTTP (default 127.0.0.1:0, any port)" },
    { "--tls-port",         COUNT,   O(tls_port),         "PORT",      "port of the clouds' own APIs on 127.0.0.1 (default 0, any)" },
    { "--seed",             COUNT,   O(seed),             "N",         "same seed, same world (default 1)" },
    { "--calls-per-minute", NUMBER,  O(calls_per_minute), "R",         "mean over the day on Azure (default 600); half as many on AWS, a quarter on each other" },
    { "--history",          SPAN,    O(history_ms),       "DURATION",  "how much has happened before the start (default 2h)" },
    { "--duration",         SPAN,    O(duration_ms),      "DURATION",  "when the workload ends, after the start in simulated time (default 0, never)" },
    { "--speed",            NUMBER,  O(speed),            "S",         "simulated seconds per second (default 1)" },
    { "--late",             SHARE,   O(late),             "P",         "share of metric points that appear up to 20 min late (default 0.02)" },
    { "--revise",           SHARE,   O(revise),           "P",         "share of metric points that change up to 20 min later (default 0.02)" },
    { "--control-late",     SHARE,   O(control_late),     "P",         "share of metric points that appear or change 1 to 60 h late (default 0)" },
    { "--control-within",   SPAN,    O(control_within_ms), "DURATION", "how late those are at the most, more than 1h (default 60h)" },
    { "--clouds",           NAMES,   O(clouds),           "LIST",      "names separated by commas (default all)" },
    { "--write-config",     TEXT,    O(dir),              "DIR",       "where certificates, secrets and trefoil.yaml go (required)" },
    { "--origin",           INSTANT, O(origin_unix_nano), "TIME",      "what the simulated clock shows at the anchor (default: the anchor)" },
    { "--anchor",           INSTANT, O(anchor_unix_nano), "TIME",      "a real instant (default now); with --origin and --seed a restart goes on in the same world" },
    { "--unverified",       SWITCH,  0,                   "NAME=VALUE","the other reading of an assumption, see below; may be repeated" },
};
static const struct { const char *name, *first, *second, *about; } switches[SWITCHES] = {
    [SW_GETBATCH]      = { "getbatch",      "served",  "refused", "whether metrics:getBatch serves this resource type" },
    [SW_OPENAI_MODELS] = { "openai_models", "empty",   "filled",  "whether accounts of kind OpenAI fill the Models metrics too" },
    [SW_PROPERTIES]    = { "properties",    "mixed",   "string",  "whether a log row's properties are sometimes an object" },
    [SW_LOCATION]      = { "location",      "present", "absent",  "columns location_s, Tenant_s, EnqueueTime_s of the log table" },
    [SW_STATUS_CODE]   = { "status_code",   "exact",   "class",   "StatusCode of metrics: 200, 429 or 2xx, 4xx" },
    [SW_INVOCATIONS]   = { "invocations",   "successes", "accepted", "what Bedrock's metric Invocations counts" },
    [SW_RUNTIME_OPENAI] = { "runtime_openai", "counted", "uncounted", "whether AWS/Bedrock counts ChatCompletions and Responses" },
    [SW_OPERATIONS]    = { "operations",    "short",   "long",    "ChatCompletions, Responses or CreateChatCompletion, CreateResponse in logs" },
    [SW_COST_KEYS]     = { "cost_keys",     "accepted", "refused", "whether OpenAI's costs can be grouped by api_key_id" },
    [SW_FUTURE_END]    = { "future_end",    "served",  "refused", "some of OpenAI's requests whose end_time lies in the future" },
    [SW_PRICE]         = { "price",         "five",    "entry",   "GetMetricData charges five statistics of a metric once, or each" },
    [SW_ALIGNED]       = { "aligned",       "delta",   "gauge",   "what kind ALIGN_SUM makes of a delta metric of Cloud Monitoring" },
};
/* clang-format on */

static void print_help(void)
{
    printf("cloudsim: the clouds' telemetry APIs on one machine, with a known truth.\n\n");
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
        printf("  %-19s %-11s %s\n", args[i].name, args[i].unit, args[i].help);
    for (const struct cloud *const *c = clouds; *c; c++)
        printf("  %-19s %-11s %s (default %u)\n", (*c)->count.option, "N", (*c)->count.help, (*c)->count.dflt);
    printf("\nTIME is RFC 3339 or unix nanoseconds, DURATION like 90s, 5m, 2h, 1d. Assumptions:\n");
    for (size_t i = 0; i < SWITCHES; i++)
        printf("  %-14s %s | %s: %s\n", switches[i].name, switches[i].first, switches[i].second, switches[i].about);
    printf("\nControl door: GET /truth?from=&until=  GET /requests  GET /clock  GET, POST, DELETE /faults\n");
}

static bool parse_span(sv text, int64_t *ms)
{
    static const struct {
        const char *suffix;
        double ms;
    } units[] = { { "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 }, { "d", 8.64e7 } };
    double v;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        sv suffix = sv_of(units[i].suffix);

        if (!sv_ends(text, suffix) || !sv_to_f64(sv_first(text, text.len - suffix.len), &v))
            continue;
        *ms = (int64_t)(v * units[i].ms);
        return v >= 0 && v * units[i].ms < 1e15;
    }
    *ms = 0;
    return sv_eq(text, SV("0"));
}

static bool parse_switch(sv text, struct sim_options *o)
{
    sv name = sv_cut(&text, '=');

    for (size_t i = 0; i < SWITCHES; i++) {
        if (!sv_eq(name, sv_of(switches[i].name)))
            continue;
        o->switches[i] = sv_eq(text, sv_of(switches[i].second));
        return o->switches[i] || sv_eq(text, sv_of(switches[i].first));
    }
    return false;
}

static bool parse_clouds(sv text, unsigned *out)
{
    *out = 0;
    while (text.len) {
        sv word = sv_cut(&text, ',');
        unsigned bit = 0;

        for (const struct cloud *const *c = clouds; *c; c++)
            bit |= sv_eq(word, sv_of((*c)->name)) ? 1U << (*c)->id : 0;
        if (!bit)
            return false;
        *out |= bit;
    }
    return *out != 0;
}

static bool parse_arg(const struct arg *a, const char *value, struct sim_options *o)
{
    void *at = (char *)o + a->offset;
    uint64_t n;

    switch (a->kind) {
    case TEXT:
        memcpy(at, &value, sizeof value);
        return value[0] != '\0';
    case NUMBER:
        return sv_to_f64(sv_of(value), at) && *(double *)at > 0;
    case SHARE:
        return sv_to_f64(sv_of(value), at) && *(double *)at >= 0 && *(double *)at <= 1;
    case COUNT:
        if (!sv_to_u64(sv_of(value), &n))
            return false;
        if (a->offset == O(seed))
            o->seed = n;
        else
            *(unsigned *)at = (unsigned)n;
        return n <= 65535 || a->offset == O(seed);
    case SPAN:
        return parse_span(sv_of(value), at);
    case INSTANT:
        return sv_to_i64(sv_of(value), at) || sv_to_time(sv_of(value), at);
    case SWITCH:
        return parse_switch(sv_of(value), o);
    case NAMES:
        return parse_clouds(sv_of(value), at);
    }
    return false;
}

/* How many of what a cloud has; `value` may be NULL. */
static bool parse_count(const char *name, const char *value, struct sim_options *o, struct err *e)
{
    for (const struct cloud *const *c = clouds; *c; c++) {
        uint64_t n = 0;

        if (strcmp((*c)->count.option, name) != 0)
            continue;
        if (!value || !sv_to_u64(sv_of(value), &n) || n < (*c)->count.least || n > (*c)->count.most) {
            err_set(e, ERR_CONFIG, "%s wants %u to %u", name, (*c)->count.least, (*c)->count.most);
            return false;
        }
        o->count[(*c)->id] = (unsigned)n;
        return true;
    }
    err_set(e, ERR_CONFIG, "unknown option %s, see --help", name);
    return false;
}

bool sim_parse_args(int argc, char **argv, struct sim_options *out, bool *help, struct err *e)
{
    *out = (struct sim_options){
        .listen = "127.0.0.1:0",
        .seed = 1,
        .calls_per_minute = 600,
        .speed = 1,
        .late = 0.02,
        .revise = 0.02,
        .history_ms = 2 * 3600 * 1000,
    };
    for (const struct cloud *const *c = clouds; *c; c++) {
        out->count[(*c)->id] = (*c)->count.dflt;
        out->clouds |= 1U << (*c)->id;
    }
    *help = false;
    for (int i = 1; i < argc; i += 2) {
        const struct arg *a = args, *end = args + sizeof args / sizeof args[0];

        if (!strcmp(argv[i], "--help")) {
            print_help();
            *help = true;
            return false;
        }
        while (a < end && strcmp(a->name, argv[i]) != 0)
            a++;
        if (a == end && !parse_count(argv[i], argv[i + 1], out, e))
            return false;
        if (a < end && (i + 1 == argc || !parse_arg(a, argv[i + 1], out))) {
            err_set(e, ERR_CONFIG, "%s wants %s", a->name, a->unit);
            return false;
        }
    }
    if (out->control_within_ms &&
        (out->control_within_ms <= 3600 * 1000 || out->control_within_ms > CONTROL_FINAL_S * 1000)) {
        err_set(e, ERR_CONFIG, "--control-within wants more than 1h and not more than 60h");
        return false;
    }
    if (out->dir)
        return true;
    err_set(e, ERR_CONFIG, "--write-config DIR is required");
    return false;
}
