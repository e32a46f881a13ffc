/*
 * What to ask, as URL. Pure, so that each form can be read in a test beside OpenAI's own documentation.
 *
 * Arrays go in the bracket form, as the official client sends them. Pages hold a limited number of buckets whatever the span:
 * a minute of a large organization has hundreds of results. `end_time` is left out for "until now": one in the future makes
 * some requests fail (openai.md 2.1).
 */
#include "collector/base/clock.h"
#include "collector/sources/openai/openai.h"

/* No limit is published for these endpoints: one request a second (openai.md 4), all from one bucket. */
#define MODEST 4, 1, 0

/* clang-format off */
const struct api openai_apis[OPENAI_APIS] = {
    { "usage.completions", MODEST },
    { "usage.embeddings", MODEST },
    { "usage.images", MODEST },
    { "usage.audio_speeches", MODEST },
    { "usage.audio_transcriptions", MODEST },
    { "usage.moderations", MODEST },
    { "usage.vector_stores", MODEST },
    { "usage.code_interpreter_sessions", MODEST },
    { "usage.file_search_calls", MODEST },
    { "usage.web_search_calls", MODEST },
    [OPENAI_API_COSTS]       = { "costs", MODEST },
    [OPENAI_API_PROJECTS]    = { "projects.list", MODEST },
    [OPENAI_API_RATE_LIMITS] = { "rate_limits.list", MODEST },
    [OPENAI_API_AUDIT_LOGS]  = { "audit_logs.list", MODEST },
};

static const struct { int64_t nano; const char *name; unsigned default_limit; } widths[] = {
    { NANO_PER_MIN,    "1m", 60 },
    { NANO_PER_H,      "1h", 24 },
};
/* clang-format on */

static void parameter(struct buf *out, const char *before, sv value)
{
    if (value.len == 0)
        return;
    buf_put(out, sv_of(before));
    http_escape(out, value);
}

static void span(struct buf *out, const struct openai_query *q)
{
    buf_printf(out, "?start_time=%lld", (long long)(q->from_unix_nano / NANO_PER_S));
    if (q->to_unix_nano)
        buf_printf(out, "&end_time=%lld", (long long)(q->to_unix_nano / NANO_PER_S));
}

static void groups(struct buf *out, unsigned wanted)
{
    for (int d = 0; d < OPENAI_DIMENSIONS; d++)
        if (wanted & OPENAI_BIT(d))
            parameter(out, "&group_by%5B%5D=", openai_dimension_names[d]);
}

void openai_url_usage(struct buf *out, sv base, const struct openai_kind *kind, const struct openai_query *q)
{
    buf_put(out, base);
    buf_printf(out, "/organization/usage/%s", kind->name);
    span(out, q);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i].nano == q->width_nano)
            buf_printf(out, "&bucket_width=%s&limit=%u", widths[i].name, widths[i].default_limit);
    groups(out, q->groups);
    parameter(out, "&page=", q->page);
}

void openai_url_costs(struct buf *out, sv base, const struct openai_query *q, bool by_api_key)
{
    buf_put(out, base);
    buf_put(out, SV("/organization/costs"));
    span(out, q);
    /* A day a page: it may have thousands of line items, projects and keys. */
    buf_printf(out, "&bucket_width=1d&limit=1&group_by%%5B%%5D=project_id&group_by%%5B%%5D=line_item%s",
               by_api_key ? "&group_by%5B%5D=api_key_id" : "");
    parameter(out, "&page=", q->page);
}

void openai_url_projects(struct buf *out, sv base, sv after)
{
    buf_put(out, base);
    buf_printf(out, "/organization/projects?limit=%d&include_archived=true", OPENAI_LIST_MAX);
    parameter(out, "&after=", after);
}

void openai_url_rate_limits(struct buf *out, sv base, sv project, sv after)
{
    buf_put(out, base);
    parameter(out, "/organization/projects/", project);
    buf_printf(out, "/rate_limits?limit=%d", OPENAI_LIST_MAX);
    parameter(out, "&after=", after);
}

void openai_url_audit_logs(struct buf *out, sv base, int64_t from_unix_nano, int64_t to_unix_nano, bool tenant,
                           sv after)
{
    buf_put(out, base);
    buf_printf(out, "/organization/audit_logs?effective_at%%5Bgte%%5D=%lld&effective_at%%5Blt%%5D=%lld&limit=%d%s",
               (long long)(from_unix_nano / NANO_PER_S), (long long)(to_unix_nano / NANO_PER_S), OPENAI_LIST_MAX,
               tenant ? "&tenant_only=true" : "");
    parameter(out, "&after=", after);
}
