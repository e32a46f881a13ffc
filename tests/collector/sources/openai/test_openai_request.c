/* URLs as OpenAI's document has them. */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai.h"

#include "tests/tap.h"

#define BASE SV("https://api.openai.com/v1")
#define ORG  "https://api.openai.com/v1/organization/"

static void urls_are_those_of_the_document(void)
{
    struct openai_query q = { .from_unix_nano = 60 * NANO_PER_S,
                              .to_unix_nano = 180 * NANO_PER_S,
                              .width_nano = NANO_PER_MIN,
                              .groups = OPENAI_BIT(OPENAI_PROJECT) | OPENAI_BIT(OPENAI_BATCH),
                              .page = SV("page_AAA=") };
    struct buf b;

    buf_init(&b, 0);
    openai_url_usage(&b, BASE, &openai_kinds[0], &q);
    OK(sv_eq(buf_sv(&b), SV(ORG "usage/completions?start_time=60&end_time=180&bucket_width=1m&limit=60&group_by%5B%5D="
                                "project_id&group_by%5B%5D=batch&page=page_AAA%3D")));
    buf_clear(&b);
    q.page = SV_NONE;
    q.width_nano = NANO_PER_H;
    q.groups = 0;
    openai_url_usage(&b, BASE, &openai_kinds[OPENAI_KINDS - 1], &q);
    OK(sv_eq(buf_sv(&b), SV(ORG "usage/web_search_calls?start_time=60&end_time=180&bucket_width=1h&limit=24")));
    buf_clear(&b);
    q.to_unix_nano = 0;
    openai_url_costs(&b, BASE, &q, true);
    OK(sv_eq(buf_sv(&b), SV(ORG "costs?start_time=60&bucket_width=1d&limit=1&group_by%5B%5D=project_id&group_by%5B%5D="
                                "line_item&group_by%5B%5D=api_key_id")));
    buf_clear(&b);
    openai_url_projects(&b, BASE, SV("proj&x"));
    OK(sv_eq(buf_sv(&b), SV(ORG "projects?limit=100&include_archived=true&after=proj%26x")));
    buf_clear(&b);
    openai_url_rate_limits(&b, BASE, SV("../x"), SV_NONE);
    OK(sv_eq(buf_sv(&b), SV(ORG "projects/..%2Fx/rate_limits?limit=100")));
    buf_clear(&b);
    openai_url_audit_logs(&b, BASE, 60 * NANO_PER_S, 180 * NANO_PER_S, true, SV("a"));
    OK(sv_eq(buf_sv(&b), SV(ORG "audit_logs?effective_at%5Bgte%5D=60&effective_at%5Blt%5D=180&limit=100&tenant_only="
                                "true&after=a")));
    buf_done(&b);
}

int main(void)
{
    RUN(urls_are_those_of_the_document);
    return tap_done();
}
