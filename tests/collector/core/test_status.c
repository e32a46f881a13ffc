/* What the program tells of itself. */
#include "collector/core/status.h"

#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

static const struct policy keep = { .identity = POLICY_KEEP };

#define T0 (INT64_C(1795168800) * NANO_PER_S)

enum { SOURCES = 100 };

static bool commit_of(struct spine *s, int number)
{
    struct arena arena;
    struct frame *f;
    bool ok;

    arena_init(&arena, 1 << 20);
    f = frame_new(&arena, arena_printf(&arena, "source-%d", number), SV("s"));
    f->tally.received = f->tally.rejected[REASON_POLICY] = 1;
    ok = spine_commit(s, f, NULL) == ERR_OK;
    arena_done(&arena);
    return ok;
}

static void no_source_vanishes_from_the_conservation_however_many_there_are(void)
{
    char dir[32];
    struct spine *s = fake_spine(dir, &keep);
    struct status status = { .spine = s };
    struct buf out;
    bool ok = true;
    int found = 0;

    for (int i = 0; i < SOURCES; i++)
        ok &= commit_of(s, i);
    OK(ok);
    buf_init(&out, 4 << 20);
    status_metrics(&status, &out);
    buf_putc(&out, '\0');
    for (int i = 0; i < SOURCES; i++) {
        char line[80];

        snprintf(line, sizeof line, "\ntrefoil_received_records_total{source=\"source-%d\"} 1\n", i);
        found += strstr(out.at, line) != NULL;
    }
    OK(found == SOURCES);
    buf_done(&out);
    spine_close(s);
    fake_remove(dir);
}

/* Polls one window, then sets our clock an hour back: what is complete lies in its future. */
static void no_lag_is_negative_when_the_clock_was_set_back(void)
{
    char dir[32];
    struct err e = { 0 };
    struct spine *s;
    struct fake fake;
    struct instance in, *all[] = { &in };
    struct scheduler *scheduler;
    struct buf out;

    clock_set_scale((struct clock_scale){ clock_now(), T0, 100 });
    s = fake_spine(dir, &keep);
    fake_init(&fake, &in, "f");
    in.env.limits = rate_limits_new();
    fake.answer = fake_one_a_minute;
    scheduler = scheduler_new(s, all, 1, 1, &e);
    scheduler_go(scheduler);
    for (int i = 0; i < 2000 && fake_total(spine_ledger(s)) < 50; i++)
        usleep(5000);
    scheduler_free(scheduler);
    clock_step(-24 * NANO_PER_H);
    scheduler = scheduler_new(s, all, 1, 1, &e); /* as after a reload: nobody has spoken to the cloud since */
    scheduler_go(scheduler);
    buf_init(&out, 4 << 20);
    for (int i = 0; i < 2000; i++) {
        buf_clear(&out);
        status_metrics(&(struct status){ .spine = s, .scheduler = scheduler, .instances = all, .n_instances = 1 },
                       &out);
        buf_putc(&out, '\0');
        if (strstr(out.at, "\ntrefoil_lag_seconds{source=\"f\""))
            break;
        usleep(5000);
    }
    OK(strstr(out.at, "\ntrefoil_lag_seconds{source=\"f\"") != NULL);
    for (const char *p = out.at; (p = strstr(p, "_lag_seconds{"));) {
        p = strchr(p, '}');
        OK(p && p[1] == ' ' && p[2] != '-');
    }
    buf_clear(&out);
    status_json(&(struct status){ .spine = s, .scheduler = scheduler, .instances = all, .n_instances = 1 }, &out);
    buf_putc(&out, '\0');
    OK(strstr(out.at, "\"lag_seconds\":") != NULL && strstr(out.at, "lag_seconds\":-") == NULL);
    buf_done(&out);
    scheduler_free(scheduler);
    rate_limits_free(in.env.limits);
    source_stats_free(in.stats);
    spine_close(s);
    fake_remove(dir);
    clock_set_system();
}

/* One request of `platform`, as its rule maps it; then all its siblings. */
static bool request_of(struct spine *s, enum cloud cloud, enum platform platform, sv labels, sv born)
{
    const struct rule rule = { .platform = platform,
                               .theirs = SVT("Requests"),
                               .ours = SVT("genai_requests_total"),
                               .stat = SVT("value"),
                               .weight = 1,
                               .labels = labels,
                               .born = born };
    struct arena arena;
    struct frame *f;
    struct batch *b;
    struct measure *m;
    bool ok;

    arena_init(&arena, 1 << 20);
    f = frame_new(&arena, sv_of(cloud_name(cloud)), SV("s"));
    *frame_add_epoch(f) =
        (struct epoch){ .kind = EPOCH_MAPPING, .hash = 1, .rules = (struct rule *)(uintptr_t)&rule, .n_rules = 1 };
    b = frame_add_batch(f);
    b->origin = (struct origin){ .cloud = cloud, .platform = platform };
    m = batch_add_measure(b);
    m->series = m->key = 1 + (uint64_t)platform;
    m->name = batch_sym(b, SV("Requests"));
    m->model = batch_sym(b, SV("gpt-6-sol"));
    m->start_unix_nano = T0;
    m->end_unix_nano = T0 + NANO_PER_MIN;
    m->value = 1;
    f->tally.received = f->tally.stored = 1;
    ok = spine_commit(s, f, NULL) == ERR_OK;
    arena_done(&arena);
    return ok;
}

static size_t series_of(struct spine *s)
{
    size_t n;

    ledger_read_lock(spine_ledger(s));
    n = ledger_series_count(spine_ledger(s));
    ledger_read_unlock(spine_ledger(s));
    return n;
}

static void the_page_leaves_empty_what_a_platform_does_not_tell(void)
{
    static const char told[] =
        "<tr><td>gcp</td><td>gpt-6-sol</td><td class=n>0</td><td class=n>0</td><td class=n></td>";
    static const char untold[] =
        "<tr><td>openai</td><td>gpt-6-sol</td><td class=n>0</td><td class=n></td><td class=n></td>";
    char dir[32];
    struct spine *s = fake_spine(dir, &keep);
    struct status status = { .spine = s };
    struct buf out;

    OK(request_of(s, CLOUD_GCP, PLATFORM_VERTEX_AI, SV("outcome=success"), SV("outcome=throttled")));
    OK(request_of(s, CLOUD_OPENAI, PLATFORM_OPENAI_API, SV("outcome=unknown"), SV("")));
    for (int i = 0; i < 500 && series_of(s) < 3; i++)
        usleep(10000);
    buf_init(&out, 4 << 20);
    status_page(&status, &out);
    buf_putc(&out, '\0');
    OK(strstr(out.at, told) && strstr(out.at, untold));
    OK(strstr(out.at, "<tr class=sum><td>gcp</td><td>all</td>") &&
       strstr(out.at, "<tr class=sum><td>openai</td><td>all</td>"));
    buf_done(&out);
    spine_close(s);
    fake_remove(dir);
}

int main(void)
{
    RUN(no_source_vanishes_from_the_conservation_however_many_there_are);
    RUN(no_lag_is_negative_when_the_clock_was_set_back);
    RUN(the_page_leaves_empty_what_a_platform_does_not_tell);
    return tap_done();
}
