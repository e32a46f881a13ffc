/*
 * The Activity Log of a subscription (discovery.md 1.1, 1.2). Its filter is no OData: two times and at most one more
 * condition, word for word. Events are there 3 to 20 min after they happened, newest first. Errors have no wrapper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collector/net/http_client.h"

#include "tests/cloudsim/azure/azure.h"

enum { PER_PAGE = 20, RETENTION_DAYS = 90, EVENTS_MAX = 200000 };

enum condition { COND_NONE, COND_GROUP, COND_RESOURCE, COND_PROVIDER, COND_CORRELATION };

struct activity_filter {
    int64_t from, to;
    enum condition condition;
    sv value;
};

/* Takes "WORDS 'value'" off the front. */
static bool take(sv *s, const char *words, sv *value)
{
    sv w = sv_of(words);

    if (!sv_starts(*s, w))
        return false;
    *s = sv_skip(*s, w.len);
    *value = sv_first(*s, sv_find(*s, '\''));
    if (value->len == s->len)
        return false;
    *s = sv_skip(*s, value->len + 1);
    return true;
}

static bool parse_filter(sv text, struct activity_filter *f, int64_t now)
{
    static const char *const words[] = { "", " and resourceGroupName eq '", " and resourceUri eq '",
                                         " and resourceProvider eq '", " and correlationId eq '" };
    sv at;

    *f = (struct activity_filter){ .to = now };
    if (!take(&text, "eventTimestamp ge '", &at) || !sv_to_time(at, &f->from))
        return false;
    if (take(&text, " and eventTimestamp le '", &at) && !sv_to_time(at, &f->to))
        return false;
    for (unsigned i = COND_GROUP; i <= COND_CORRELATION && f->condition == COND_NONE; i++)
        if (take(&text, words[i], &f->value))
            f->condition = (enum condition)i;
    return text.len == 0;
}

static sv uuid_of(struct exchange *x, uint64_t hi, uint64_t lo)
{
    char out[36];

    uuid_text(hi, lo, out);
    return arena_copy(&x->arena, sv_make(out, sizeof out));
}

static sv resource_of(struct exchange *x, const struct activity *a)
{
    const struct account *account = &azure_of(x->sim)->world.accounts[a->account];

    return arena_printf(&x->arena, "%.*s%s", SV_ARG(a->at % 3 ? account->id : account->id_upper),
                        activity_ops[a->op].suffix);
}

static bool passes(struct exchange *x, const struct activity_filter *f, const struct activity *a)
{
    if (a->at < f->from || a->at > f->to || a->visible > x->now)
        return false;
    switch (f->condition) {
    case COND_NONE:
        return true;
    case COND_GROUP:
        return sv_eq_nocase(f->value, azure_of(x->sim)->world.accounts[a->account].group);
    case COND_RESOURCE:
        return sv_eq_nocase(f->value, resource_of(x, a));
    case COND_PROVIDER:
        return sv_eq_nocase(f->value, sv_of(activity_ops[a->op].provider));
    case COND_CORRELATION:
        return sv_eq_nocase(f->value, uuid_of(x, a->group_hi, a->group_lo));
    }
    return false;
}

static int newest_first(const void *a, const void *b)
{
    const struct activity *x = a, *y = b;

    if (x->at != y->at)
        return x->at > y->at ? -1 : 1;
    return x->id_hi > y->id_hi ? -1 : x->id_hi < y->id_hi;
}

/* Behind the last event of the page before: "TIME_ID". */
static bool after_token(sv token, const struct activity *a)
{
    sv rest = token, at = sv_cut(&rest, '_');
    struct activity last = { .at = 0 };

    return !token.len || (sv_to_i64(at, &last.at) && sv_to_u64(rest, &last.id_hi) && newest_first(&last, a) < 0);
}

static size_t find_events(struct exchange *x, const struct activity_filter *f, struct activity **out)
{
    const struct workload *l = azure_of(x->sim)->workload;
    int64_t first = f->from / NANO_PER_MIN - 2, last = (f->to < x->now ? f->to : x->now) / NANO_PER_MIN;
    unsigned sub = (unsigned)(azure_request(x)->sub - azure_of(x->sim)->world.subs);
    sv token = query_of(x, "$skiptoken");
    size_t n = 0, cap = 0;

    first = first < workload_first(l) ? workload_first(l) : first;
    last = last >= workload_last(l) ? workload_last(l) - 1 : last;
    for (int64_t m = first; m <= last && n < EVENTS_MAX; m++) {
        struct activity of_minute[EVENTS_PER_MINUTE_MAX];
        unsigned k = activity_of(&azure_of(x->sim)->world, l, sub, m, of_minute);

        for (unsigned i = 0; i < k; i++) {
            struct activity *more;

            if (!passes(x, f, &of_minute[i]) || !after_token(token, &of_minute[i]))
                continue;
            more = arena_grow(&x->arena, *out, n, &cap, sizeof *more);
            if (!more)
                return n;
            *out = more;
            more[n++] = of_minute[i];
        }
    }
    if (n)
        qsort(*out, n, sizeof **out, newest_first);
    return n;
}

static void put_localized(struct buf *b, const char *name, sv value)
{
    buf_printf(b, ",\"%s\":{\"value\":\"%.*s\",\"localizedValue\":\"%.*s\"}", name, SV_ARG(value), SV_ARG(value));
}

static void put_who(struct exchange *x, struct buf *b, const struct activity *a)
{
    const struct caller *c = &azure_of(x->sim)->world.callers[a->caller];
    const struct activity_op *op = &activity_ops[a->op];
    sv resource = resource_of(x, a);

    buf_printf(
        b, "{\"authorization\":{\"action\":\"%s\",\"scope\":\"%.*s\"},\"caller\":\"%.*s\",\"channels\":\"Operation\",",
        op->operation, SV_ARG(resource), SV_ARG(a->caller % 2 ? c->name : c->object_id));
    buf_printf(b,
               "\"claims\":{\"aud\":\"https://management.azure.com/\",\"http://schemas.microsoft.com/identity/claims/"
               "objectidentifier\":\"%.*s\",\"ver\":\"1.0\"}",
               SV_ARG(c->object_id));
}

static void put_event(struct exchange *x, struct buf *b, const struct activity *a)
{
    const struct activity_op *op = &activity_ops[a->op];
    const char *status = activity_status_values[a->status];
    sv resource = resource_of(x, a), id = uuid_of(x, a->id_hi, a->id_lo), group = uuid_of(x, a->group_hi, a->group_lo);

    put_who(x, b, a);
    buf_printf(b, ",\"correlationId\":\"%.*s\",\"operationId\":\"%.*s\",\"description\":\"\",\"eventDataId\":\"%.*s\"",
               SV_ARG(group), SV_ARG(group), SV_ARG(id));
    put_localized(b, "eventName", a->begins ? SV("BeginRequest") : SV("EndRequest"));
    put_localized(b, "category", a->status == ACT_ACTIVE ? SV("ResourceHealth") : SV("Administrative"));
    buf_put(b, SV(",\"eventTimestamp\":\""));
    put_ticks_time(b, a->at);
    buf_printf(b, "\",\"id\":\"%.*s/events/%.*s/ticks/%lld\",\"level\":\"%s\"", SV_ARG(resource), SV_ARG(id),
               (long long)(a->at / 100 + INT64_C(621355968000000000)),
               a->status == ACT_FAILED ? "Error" : "Informational");
    put_localized(b, "operationName", sv_of(op->operation));
    put_localized(b, "resourceProviderName", sv_of(op->provider));
    put_localized(b, "resourceType", sv_of(op->type));
    buf_printf(b, ",\"resourceGroupName\":\"%.*s\",\"resourceId\":\"%.*s\"",
               SV_ARG(azure_of(x->sim)->world.accounts[a->account].group), SV_ARG(resource));
    if (status)
        put_localized(b, "status", sv_of(status));
    else
        buf_put(b, SV(",\"status\":{\"value\":null,\"localizedValue\":\"\"}"));
    put_localized(b, "subStatus", a->status == ACT_SUCCEEDED ? SV("OK") : SV_NONE);
    buf_put(b, SV(",\"submissionTimestamp\":\""));
    put_ticks_time(b, a->visible);
    buf_printf(b, "\",\"subscriptionId\":\"%.*s\",\"tenantId\":\"%.*s\",\"properties\":{%s},\"relatedEvents\":[]",
               SV_ARG(azure_request(x)->sub->id), SV_ARG(azure_of(x->sim)->world.tenant_id),
               a->begins ? "" : "\"statusCode\":\"OK\",\"serviceRequestId\":null");
    if (!a->begins)
        buf_printf(
            b, ",\"httpRequest\":{\"clientRequestId\":\"%.*s\",\"clientIpAddress\":\"192.0.2.%u\",\"method\":\"PUT\"}",
            SV_ARG(group), a->caller);
    buf_putc(b, '}');
}

static void put_next_link(struct exchange *x, struct buf *b, const struct activity *last)
{
    sv target = http_server_raw_target(x->q), path = sv_cut(&target, '?'), origin = exchange_origin(x);

    buf_printf(b, ",\"nextLink\":\"%.*s%.*s?api-version=2015-04-01&$filter=", SV_ARG(origin), SV_ARG(path));
    http_escape(b, query_of(x, "$filter"));
    buf_printf(b, "&$skiptoken=%lld_%llu\"", (long long)last->at, (unsigned long long)last->id_hi);
}

void azure_activity(struct exchange *x)
{
    struct activity *events = NULL;
    struct activity_filter f;
    struct buf *b;
    size_t n;

    if (!parse_filter(query_of(x, "$filter"), &f, x->now)) {
        reply_bare_error(x, 400, "BadRequest",
                         "The $filter is invalid: want eventTimestamp ge '...' and eventTimestamp le '...' "
                         "and at most one of resourceGroupName, resourceUri, resourceProvider, correlationId.");
        return;
    }
    if (f.from < x->now - RETENTION_DAYS * 24 * NANO_PER_H) {
        reply_bare_error(x, 400, "BadRequest", "The start time cannot be more than 90 days in the past.");
        return;
    }
    n = find_events(x, &f, &events);
    b = reply_json(x, 200);
    buf_put(b, SV("{\"value\":["));
    for (size_t i = 0; i < n && i < PER_PAGE; i++) {
        if (i)
            buf_putc(b, ',');
        put_event(x, b, &events[i]);
    }
    buf_putc(b, ']');
    if (n > PER_PAGE)
        put_next_link(x, b, &events[PER_PAGE - 1]);
    buf_putc(b, '}');
}
