/* One line per finding: "ok", "warn" or "FAIL", what was tried, and after an arrow what to do about it. */
#include "collector/core/check.h"

#include <stdio.h>
#include <unistd.h>

#include "collector/config/secret.h"
#include "collector/core/policy.h"
#include "collector/core/runner.h"

struct findings {
    struct check_report report;
    unsigned ok, warned, failed;
};

static void on_line(struct check_report *r, enum check_state s, const char *what, const char *remedy)
{
    static const char *const words[] = { [CHECK_OK] = "ok  ", [CHECK_WARN] = "warn", [CHECK_FAILED] = "FAIL" };
    struct findings *f = r->ctx;

    f->ok += s == CHECK_OK;
    f->warned += s == CHECK_WARN;
    f->failed += s == CHECK_FAILED;
    printf("%s  %s\n", words[s], what);
    if (remedy && remedy[0])
        printf("      -> %s\n", remedy);
    fflush(stdout);
}

/* How much of a budget the forecast takes; the forecast knows the least that is asked, so the truth may be more. */
static void compare(const struct settings_source *source, double calls_a_day, double usd_a_day, struct findings *f)
{
    double by_calls = source->budget.calls_per_day > 0 ? calls_a_day / (double)source->budget.calls_per_day : 0;
    double by_usd = source->budget.usd_per_day > 0 ? usd_a_day / source->budget.usd_per_day : 0;
    double times = by_calls > by_usd ? by_calls : by_usd;
    char what[200], remedy[160];

    if (times <= 1)
        return;
    if (by_calls >= by_usd)
        snprintf(what, sizeof what,
                 "%s: budget of %lld calls a day, forecast of %.0f: polling will be stretched %.1f times", source->id,
                 (long long)source->budget.calls_per_day, calls_a_day, times);
    else
        snprintf(what, sizeof what,
                 "%s: budget of %.2f USD a day, forecast of %.2f: polling will be stretched %.1f times", source->id,
                 source->budget.usd_per_day, usd_a_day, times);
    snprintf(remedy, sizeof remedy, "raise %s.budget, or make intervals %.1f times as long", source->ops->name, times);
    on_line(&f->report, CHECK_WARN, what, remedy);
}

static void forecast(const struct settings_source *source, struct findings *found)
{
    struct forecast_line lines[FORECAST_LINES_MAX];
    size_t n = source->ops->forecast ? source->ops->forecast(source->config, lines, FORECAST_LINES_MAX) : 0;
    int width = (int)strlen("together");
    double calls = 0, usd = 0;

    if (n)
        printf("\n%s: calls that this configuration will make\n", source->id);
    for (size_t i = 0; i < n; i++)
        width = (int)strlen(lines[i].api) > width ? (int)strlen(lines[i].api) : width;
    for (size_t i = 0; i < n; i++) {
        printf("  %-*s %8.2f a minute per %-44s %8.2f USD a month\n", width, lines[i].api, lines[i].calls_per_minute,
               lines[i].per, lines[i].usd_per_month);
        calls += lines[i].calls_per_minute;
        usd += lines[i].usd_per_month;
    }
    if (n)
        printf("  %-*s %8.2f a minute %48s %8.2f USD a month\n", width, "together", calls, "", usd);
    compare(source, calls * 24 * 60, usd / FORECAST_DAYS, found);
}

/* What cannot be opened was told already. */
static void connect_source(const struct settings *s, const struct settings_source *source, struct findings *f)
{
    struct err e = { 0 };
    unsigned before = f->failed;
    struct instance *in = instance_open(s, source, NULL, &e);
    bool open = in && in->source;

    printf("\n%s: %s\n", source->id, open ? "trying what it needs" : "not tried, see above");
    if (open && in->ops->check(in->source, &f->report, &e) && f->failed == before) /* else its lines told it */
        on_line(&f->report, CHECK_FAILED, e.text, "");
    instance_close(in);
}

/* A secret or a file that an option names; true when it is none, or can be read. */
static bool can_be_read(const struct option *o, const void *at, struct err *e)
{
    struct buf secret;
    enum err_code code;

    if (o->type == OPT_STRING && sv_ends(sv_of(o->name), SV("_file"))) {
        const char *path = *(const char *const *)at;

        return !path || !*path || access(path, R_OK) == 0 || err_sys(e, "%s", path) == ERR_OK;
    }
    if (o->type != OPT_SECRET || !secret_is_set(*(const struct secret *)at))
        return true;
    buf_init(&secret, SECRET_BYTES_MAX);
    code = secret_read(*(const struct secret *)at, &secret, e);
    secret_wipe(&secret);
    return code == ERR_OK;
}

/* Sections nest as deep as our tables do. */
static void read_references(const char *where, const struct option *table, const void *config, struct findings *f)
{
    for (const struct option *o = table; o->name; o++) {
        const void *at = (const char *)config + o->offset;
        struct err e = { 0 };
        char name[128];

        snprintf(name, sizeof name, "%s.%s", where, o->name);
        if (o->type == OPT_SECTION) {
            read_references(name, o->sub, at, f);
        } else if (!can_be_read(o, at, &e)) {
            err_wrap(&e, "%s", name);
            on_line(&f->report, CHECK_FAILED, e.text, "");
        }
    }
}

/* Opening calls nobody, and tells which options do not fit. A reference that cannot be read would be told twice. */
static void check_source(const struct settings *s, const struct settings_source *source, struct findings *f)
{
    struct err e = { 0 };
    unsigned before = f->failed;
    struct instance *in;

    read_references(source->id, source->ops->options, source->config, f);
    if (f->failed > before)
        return;
    in = instance_open(s, source, NULL, &e);
    if (!in || !in->source)
        on_line(&f->report, CHECK_FAILED, in ? in->open_error.text : e.text, "");
    instance_close(in);
}

static enum err_code check_secrets(const struct settings *s, struct err *e)
{
    struct policy p;
    enum err_code code;

    code = policy_init(&p, s->privacy.caller == PRIVACY_PSEUDONYMIZE ? POLICY_PSEUDONYMIZE : POLICY_DROP,
                       s->privacy.caller_key, e);
    policy_done(&p);
    return code;
}

enum err_code check(const struct flags *f, struct err *e)
{
    struct settings s;
    struct findings found = { .report = { .line = on_line, .ctx = &found } };
    bool connect = f->connect == FLAG_YES;
    enum err_code code = daemon_settings(f, &s, e);

    if (code)
        return code;
    code = check_secrets(&s, e);
    if (code) {
        settings_done(&s);
        return code;
    }
    if (s.scaled)
        clock_set_scale(s.clock);
    for (size_t i = 0; i < s.n_sources; i++)
        check_source(&s, &s.sources[i], &found);
    if (!found.failed)
        printf("%s: configuration is fine: %zu source%s\n", f->config_file, s.n_sources, s.n_sources == 1 ? "" : "s");
    for (size_t i = 0; i < s.n_sources; i++) {
        forecast(&s.sources[i], &found);
        if (connect)
            connect_source(&s, &s.sources[i], &found);
    }
    settings_done(&s);
    if (!connect)
        printf("\nno call was made; check --connect tries each credential and permission\n");
    else
        printf("\n%u ok, %u warnings, %u failed\n", found.ok, found.warned, found.failed);
    return found.failed ? err_set(e, ERR_CONFIG, "%u check%s failed", found.failed, found.failed == 1 ? "" : "s")
                        : ERR_OK;
}
