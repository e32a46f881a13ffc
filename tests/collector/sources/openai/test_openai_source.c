/* The source against a small OpenAI on loopback: projects first, pages whole or not at all, refusals with their remedy. */
#include "tests/collector/sources/openai/fake_openai.h"
#include "tests/tap.h"

static sv region_of(const struct frame *f, const char *project)
{
    const struct batch *b = fake_batch(f, project);

    return b ? batch_sv(b, b->origin.cloud_region) : SV("(none)");
}

static void usage_waits_for_the_projects(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)))
        return;
    OK(fake_jobs(&f) > 0 && fake_job(&f, "inventory")->discovers && !fake_job(&f, "usage/completions"));
    f.fault = (struct fake_fault){ "/projects", 500, "", NULL, 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_RETRY);
    OK(fake_jobs(&f) > 0 && !fake_job(&f, "usage/completions")); /* a passing fault is no answer */
    f.fault = (struct fake_fault){ 0 };
    OK(fake_poll(&f, "inventory", &out, &e) == ERR_OK && f.projects == 2);
    OK(fake_jobs(&f) > 10 && fake_job(&f, "usage/completions") && fake_job(&f, "usage/vector_stores"));
    OK(fake_job(&f, "usage/completions")->grain_ms == 60000 &&
       fake_job(&f, "usage/vector_stores")->grain_ms == 3600000);
    fake_stop(&f);
}

static void a_window_of_usage_is_read_with_its_labels(void)
{
    struct fake f;
    struct frame *out;
    struct err e;
    const struct batch *b;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    OK(fake_count(out, "num_model_requests", NULL) == 10 && fake_count(out, "output_tokens", "proj_eu") == 5);
    OK(out->tally.received == 30 && frame_records(out) == 30);
    b = fake_batch(out, "proj_eu");
    OK(b && sv_eq(batch_sv(b, b->origin.account), SV("org-test")) && sv_eq(region_of(out, "proj_eu"), SV("eu")));
    OK(sv_eq(region_of(out, "proj_us"), SV("global")));
    OK(b && sv_eq(batch_sv(b, b->measures[0].model), SV("gpt-5-mini")) &&
       sv_eq(batch_sv(b, b->measures[0].operation), SV("chat")) &&
       sv_eq(batch_sv(b, b->measures[0].tier), SV("default")));
    OK(fake_has(sv_of(f.target), "&bucket_width=1m&limit=60&group_by%5B%5D=project_id&group_by%5B%5D=model"));
    fake_stop(&f);
}

static void pages_are_followed_to_the_last_one(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.page_buckets = 2;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.usage == 3);
    OK(fake_count(out, "num_model_requests", NULL) == 10);
    f.page_buckets = 1;
    f.cursor_repeats = true;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARTIAL && fake_has(sv_of(e.text), "repeats"));
    f.no_cursor = true;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARTIAL);
    f.page_buckets = 0;
    f.bucket_step = "300";
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_PARSE && fake_has(sv_of(e.text), "asked for"));
    fake_stop(&f);
}

/* Labels are fixed when a bucket is first seen, so a project is looked for before it is counted without its region. */
static void a_project_that_is_new_is_looked_for_once(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    f.fresh = "proj_new";
    f.fresh_is_listed = true;
    OK(f.projects == 2 && fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.projects == 4);
    OK(sv_eq(region_of(out, "proj_new"), SV("us")));
    f.fresh = "proj_secret";
    f.fresh_is_listed = false;
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK && f.projects == 4); /* not each minute */
    OK(fake_count(out, "num_model_requests", "proj_secret") == 5 && region_of(out, "proj_secret").len == 0);
    fake_stop(&f);
}

static void the_key_is_read_anew_and_never_told(void)
{
    struct fake f;
    struct frame *out;
    struct err e;

    if (!OK(fake_start(&f)) || !OK(fake_discover(&f)))
        return;
    setenv("TEST_OPENAI_KEY", "sk-admin-bad", 1);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_AUTH);
    OK(fake_has(sv_of(e.text), "env:TEST_OPENAI_KEY") && !fake_has(sv_of(e.text), "sk-admin-b") &&
       e.retry_after_ms > 30000);
    setenv("TEST_OPENAI_KEY", FAKE_KEY, 1);
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_OK);
    unsetenv("TEST_OPENAI_KEY");
    OK(fake_poll(&f, "usage/completions", &out, &e) == ERR_CONFIG);
    fake_stop(&f);
}

int main(void)
{
    /* One request a second is the source's own limit. */
    clock_set_scale((struct clock_scale){ clock_now(), clock_now(), 60 });
    RUN(usage_waits_for_the_projects);
    RUN(a_window_of_usage_is_read_with_its_labels);
    RUN(pages_are_followed_to_the_last_one);
    RUN(a_project_that_is_new_is_looked_for_once);
    RUN(the_key_is_read_anew_and_never_told);
    return tap_done();
}
