/* CloudTrail's LookupEvents: management events of one place, newest first, each with its whole JSON in a string. */
#include <stdlib.h>

#include "tests/cloudsim/aws/aws_entries.h"
#include "tests/cloudsim/aws/aws_page.h"

enum { PAGE_EVENTS = 50, EMPTY_ONE_IN = 10 };
#define KEPT_NS (90 * 24 * NANO_PER_H)

struct lookup {
    int64_t from, to;
    sv key, value; /* of the one attribute; key empty: none */
    uint64_t limit;
};

static bool read_lookup(struct exchange *x, struct lookup *l)
{
    json attributes = json_get(aws_request(x)->body, SV("LookupAttributes")), item;
    double start, end;
    int64_t limit = PAGE_EVENTS;

    *l = (struct lookup){ .from = x->now - KEPT_NS, .to = x->now };
    if (json_f64(json_get(aws_request(x)->body, SV("StartTime")), &start))
        l->from = (int64_t)start * NANO_PER_S;
    if (json_f64(json_get(aws_request(x)->body, SV("EndTime")), &end))
        l->to = (int64_t)end * NANO_PER_S;
    json_i64(json_get(aws_request(x)->body, SV("MaxResults")), &limit);
    for (struct json_iter it = json_items(attributes); json_item(&it, &item);) {
        l->key = json_sv(json_get(item, SV("AttributeKey")));
        l->value = json_sv(json_get(item, SV("AttributeValue")));
    }
    l->limit = (uint64_t)limit;
    if (json_count(attributes) > 1)
        aws_refuse(x, "InvalidLookupAttributesException", "You can only specify one lookup attribute.");
    else if (limit < 1 || limit > PAGE_EVENTS)
        aws_refuse(x, "InvalidMaxResultsException", "MaxResults must be between 1 and %d.", PAGE_EVENTS);
    else if (l->from > l->to)
        aws_refuse(x, "InvalidTimeRangeException", "The start time must be before the end time.");
    else
        return true;
    return false;
}

static bool is_asked(const struct lookup *l, const struct aws_trail_view *t)
{
    char id[36];

    if (!l->key.len)
        return true;
    if (sv_eq(l->key, SV("ReadOnly")))
        return sv_eq(l->value, t->read_only ? SV("true") : SV("false"));
    if (sv_eq(l->key, SV("EventName")))
        return sv_eq(l->value, t->name);
    if (sv_eq(l->key, SV("EventSource")))
        return sv_eq(l->value, t->source);
    if (sv_eq(l->key, SV("Username")))
        return sv_eq(l->value, t->username);
    uuid_text(t->id_hi, t->id_lo, id);
    return sv_eq(l->key, SV("EventId")) && sv_eq(l->value, sv_make(id, sizeof id));
}

static void put_event(struct exchange *x, struct buf *b, const struct aws_entry_view *v, const struct aws_trail_view *t)
{
    struct buf text = { .at = NULL };
    char id[36];

    uuid_text(t->id_hi, t->id_lo, id);
    aws_entry_write(x->sim, v, &text);
    buf_put(b, SV("\n{"));
    put_member(b, "EventId", sv_make(id, sizeof id));
    buf_putc(b, ',');
    put_member(b, "EventName", t->name);
    buf_printf(b, ",\"ReadOnly\":\"%s\",\"EventTime\":%lld.0,", t->read_only ? "true" : "false",
               (long long)(v->entry->at / NANO_PER_S));
    put_member(b, "EventSource", t->source);
    buf_putc(b, ',');
    put_member(b, "Username", t->username);
    buf_put(b, SV(",\"Resources\":[],"));
    put_member(b, "CloudTrailEvent", buf_sv(&text));
    buf_putc(b, '}');
    b->failed |= text.failed;
    buf_done(&text);
}

/* page->at counts the entries, newest first, that were looked at. */
static bool put_page(struct exchange *x, struct buf *b, const struct lookup *l, const struct aws_place *place,
                     const struct aws_entry_list *all, struct page *page)
{
    uint64_t put = 0;

    for (; page->at < all->n; page->at++) {
        struct aws_entry_view v;
        struct aws_trail_view t;

        if (!aws_entry_open(x->sim, place, &all->at[all->n - 1 - page->at], &v)) {
            b->failed = true;
            return false;
        }
        aws_trail_of(x->sim, &v, &t);
        if (!is_asked(l, &t))
            continue;
        if (put == l->limit)
            return true;
        if (put++)
            buf_putc(b, ',');
        put_event(x, b, &v, &t);
    }
    return false;
}

void aws_lookup_events(struct exchange *x)
{
    const struct aws_place *place =
        aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
    struct aws_entry_list all = { .n = 0 };
    struct page page;
    struct lookup l;
    struct buf *b;
    bool more;

    if (!read_lookup(x, &l))
        return;
    if (!aws_page_read(x, "NextToken", &page)) {
        aws_refuse(x, "InvalidNextTokenException", "The NextToken is invalid or was made for other parameters.");
        return;
    }
    aws_entries_find(x->sim, place, 1U << ENTRY_INFERENCE | 1U << ENTRY_MANAGEMENT, l.from, l.to, page.now, &all);
    b = aws_reply(x);
    buf_put(b, SV("{\"Events\":["));
    more = aws_page_empty(&page, EMPTY_ONE_IN) || put_page(x, b, &l, place, &all, &page);
    buf_putc(b, ']');
    if (more) {
        buf_putc(b, ',');
        put_member(b, "NextToken", aws_page_token(x, &page));
    }
    buf_putc(b, '}');
    if (b->failed || all.failed)
        aws_refuse(x, "InternalFailure", "out of memory");
    aws_entries_free(&all);
}
