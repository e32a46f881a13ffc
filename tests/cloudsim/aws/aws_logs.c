/*
 * CloudWatch Logs: FilterLogEvents over the group of invocation records and the group of the trail, DescribeLogGroups.
 * Filter and order are by an event's timestamp; what can be read depends on when it was ingested.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cloudsim/aws/aws_entries.h"
#include "tests/cloudsim/aws/aws_filter.h"
#include "tests/cloudsim/aws/aws_page.h"
#include "tests/cloudsim/rng.h"

enum {
    EVENTS_MAX = 10000,
    PAGE_BYTES = 1 << 20,
    SCAN_MAX = 3000, /* events looked at for one page: with a narrow filter it may be empty */
    EMPTY_ONE_IN = 5,
    GROUPS_PAGE = 50,
    PATTERN_BYTES_MAX = 1024,
};

static const char noise_group[] = "/aws/lambda/nightly-report";

/* ---- groups ---- */

static bool has_record_group(const struct aws_place *p)
{
    return p && p->log_group.len;
}

/* Which entries a group holds; false when there is no such group. */
static bool find_group(const struct exchange *x, const struct aws_place *place, sv name, unsigned *kinds)
{
    *kinds = 0;
    if (has_record_group(place) && sv_eq(name, place->log_group))
        *kinds = 1U << ENTRY_RECORD;
    else if (sv_eq(name, aws_of(x->sim)->world.trail_group))
        *kinds = 1U << ENTRY_INFERENCE | 1U << ENTRY_DATA | 1U << ENTRY_MANAGEMENT;
    else
        return sv_eq(name, sv_of(noise_group));
    return true;
}

static sv stream_of(struct exchange *x, unsigned kinds)
{
    return kinds == 1U << ENTRY_RECORD
               ? SV("aws/bedrock/modelinvocations")
               : arena_printf(&x->arena, "%.*s_CloudTrail_%.*s", SV_ARG(aws_request(x)->account->id),
                              SV_ARG(aws_request(x)->region));
}

/* The name in a name or an ARN: "arn:aws:logs:us-east-1:111122223333:log-group:NAME". */
static sv group_name(const struct exchange *x)
{
    sv name = json_sv(json_get(aws_request(x)->body, SV("logGroupName"))), key = SV(":log-group:");
    sv id = json_sv(json_get(aws_request(x)->body, SV("logGroupIdentifier")));

    if (!sv_starts(id, SV("arn:")))
        return id.len ? id : name;
    for (size_t i = 0; i + key.len < id.len; i++)
        if (sv_starts(sv_skip(id, i), key))
            return sv_skip(id, i + key.len);
    return id;
}

/* ---- FilterLogEvents ---- */

struct log_request {
    sv group, stream;
    unsigned kinds;
    int64_t from, to; /* both included */
    uint64_t limit;
    const struct aws_filter *filter;
    bool no_stream; /* streams were named, and not ours */
};

static bool wants_stream(const struct exchange *x, sv stream)
{
    json names = json_get(aws_request(x)->body, SV("logStreamNames")), item;
    sv prefix = json_sv(json_get(aws_request(x)->body, SV("logStreamNamePrefix")));

    for (struct json_iter it = json_items(names); json_item(&it, &item);)
        if (sv_eq(json_sv(item), stream))
            return true;
    return json_count(names) == 0 && sv_starts(stream, prefix);
}

static bool read_log_request(struct exchange *x, const struct aws_place *place, struct log_request *r)
{
    int64_t from_ms = 0, to_ms = x->now / NANO_PER_MS, limit = EVENTS_MAX;
    sv pattern = json_sv(json_get(aws_request(x)->body, SV("filterPattern")));
    bool from_head = true;

    *r = (struct log_request){ .group = group_name(x) };
    json_i64(json_get(aws_request(x)->body, SV("startTime")), &from_ms);
    json_i64(json_get(aws_request(x)->body, SV("endTime")), &to_ms);
    json_i64(json_get(aws_request(x)->body, SV("limit")), &limit);
    json_bool(json_get(aws_request(x)->body, SV("startFromHead")), &from_head);
    if (!r->group.len)
        aws_refuse(x, "InvalidParameterException", "Either logGroupName or logGroupIdentifier must be specified.");
    else if (limit < 1 || limit > EVENTS_MAX)
        aws_refuse(
            x, "InvalidParameterException",
            "1 validation error detected: Value '%lld' at 'limit' failed to satisfy constraint: Member must have "
            "value less than or equal to %d",
            (long long)limit, EVENTS_MAX);
    else if (from_ms < 0 || from_ms > to_ms || to_ms > INT64_MAX / NANO_PER_MS)
        aws_refuse(x, "InvalidParameterException", "End time should not be less than start time.");
    else if (!from_head)
        aws_refuse(x, "InvalidParameterException", "startFromHead: this simulation reads from the head alone.");
    else if (pattern.len > PATTERN_BYTES_MAX || !aws_filter_parse(pattern, &x->arena, &r->filter))
        aws_refuse(x, "InvalidParameterException", "Invalid filter pattern");
    else if (!find_group(x, place, r->group, &r->kinds))
        aws_refuse(x, "ResourceNotFoundException", "The specified log group does not exist.");
    else {
        r->from = from_ms * NANO_PER_MS;
        r->to = to_ms * NANO_PER_MS;
        r->limit = (uint64_t)limit;
        r->stream = stream_of(x, r->kinds);
        r->no_stream = !wants_stream(x, r->stream);
        return true;
    }
    return false;
}

static void put_event_id(struct buf *b, const struct aws_place *place, const struct aws_entry *e)
{
    uint64_t h = rng_name(rng_name(rng_name(place->stream, e->deployment), (uint64_t)e->minute), e->k * 4 + e->kind);

    buf_printf(b, "\"eventId\":\"3%019lld%018llu%018llu\"", (long long)(e->at / NANO_PER_MS),
               (unsigned long long)(h % UINT64_C(1000000000000000000)),
               (unsigned long long)(rng_mix(h) % UINT64_C(1000000000000000000)));
}

static void put_log_event(struct buf *b, const struct log_request *r, const struct aws_place *place,
                          const struct aws_entry *e, sv message)
{
    buf_put(b, SV("\n{"));
    put_member(b, "logStreamName", r->stream);
    buf_printf(b, ",\"timestamp\":%lld,", (long long)(e->at / NANO_PER_MS));
    put_member(b, "message", message);
    buf_printf(b, ",\"ingestionTime\":%lld,", (long long)(e->visible / NANO_PER_MS));
    put_event_id(b, place, e);
    buf_putc(b, '}');
}

struct log_page {
    struct exchange *x;
    const struct log_request *request;
    const struct aws_place *place;
    struct json_parser *parser;
    struct buf message;
    size_t put, bytes, scanned;
};

/* Writes the entry if the filter lets it; false when the page is full before it. */
static bool put_matching(struct log_page *p, struct buf *b, const struct aws_entry *e)
{
    struct aws_entry_view view;

    if (p->scanned == SCAN_MAX || p->put == p->request->limit || p->bytes >= PAGE_BYTES)
        return false;
    p->scanned++;
    buf_clear(&p->message);
    if (!aws_entry_open(p->x->sim, p->place, e, &view)) {
        b->failed = true;
        return false;
    }
    aws_entry_write(p->x->sim, &view, &p->message);
    if (!aws_filter_match(p->request->filter, buf_sv(&p->message), p->parser))
        return true;
    if (p->put && p->bytes + p->message.len + 26 > PAGE_BYTES)
        return false;
    if (p->put++)
        buf_putc(b, ',');
    p->bytes += p->message.len + 26; /* what an event costs beside its message */
    put_log_event(b, p->request, p->place, e, buf_sv(&p->message));
    return true;
}

static void put_log_page(struct exchange *x, const struct log_request *r, const struct aws_place *place,
                         const struct aws_entry_list *l, struct page *page)
{
    struct log_page p = { .x = x, .request = r, .place = place, .parser = json_parser_new(1 << 20) };
    bool more = aws_page_empty(page, EMPTY_ONE_IN);
    struct buf *b = aws_reply(x);

    buf_put(b, SV("{\"events\":["));
    if (!more && p.parser)
        while (page->at < l->n && put_matching(&p, b, &l->at[page->at]))
            page->at++;
    more |= page->at < l->n;
    buf_put(b, SV("],\"searchedLogStreams\":[]"));
    if (more) {
        buf_putc(b, ',');
        put_member(b, "nextToken", aws_page_token(x, page));
    }
    buf_putc(b, '}');
    if (b->failed || !p.parser || p.message.failed)
        aws_refuse(x, "ServiceUnavailableException", "The service cannot complete the request.");
    json_parser_free(p.parser);
    buf_done(&p.message);
}

void aws_filter_log_events(struct exchange *x)
{
    const struct aws_place *place =
        aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
    struct aws_entry_list l = { .n = 0 };
    struct log_request r;
    struct page page;

    if (!read_log_request(x, place, &r))
        return;
    if (!aws_page_read(x, "nextToken", &page)) {
        aws_refuse(x, "InvalidParameterException", "The specified nextToken is invalid.");
        return;
    }
    aws_entries_find(x->sim, r.kinds && !r.no_stream ? place : NULL, r.kinds, r.from, r.to, page.now, &l);
    if (l.failed)
        aws_refuse(x, "ServiceUnavailableException", "The service cannot complete the request.");
    else
        put_log_page(x, &r, place, &l, &page);
    aws_entries_free(&l);
}

/* ---- DescribeLogGroups ---- */

static void put_group(struct exchange *x, struct buf *b, sv name)
{
    sv arn = arena_printf(&x->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s", SV_ARG(aws_request(x)->region),
                          SV_ARG(aws_request(x)->account->id), SV_ARG(name));

    buf_put(b, SV("\n{"));
    put_member(b, "logGroupName", name);
    buf_put(b, SV(",\"creationTime\":1760000000000,\"retentionInDays\":30,\"metricFilterCount\":0,\"storedBytes\":0,"
                  "\"logGroupClass\":\"STANDARD\","));
    put_member(b, "logGroupArn", arn);
    buf_putc(b, ',');
    put_member(b, "arn", arena_printf(&x->arena, "%.*s:*", SV_ARG(arn)));
    buf_putc(b, '}');
}

static bool group_asked(const struct exchange *x, sv name)
{
    sv prefix = json_sv(json_get(aws_request(x)->body, SV("logGroupNamePrefix")));
    sv pattern = json_sv(json_get(aws_request(x)->body, SV("logGroupNamePattern")));

    return sv_starts(name, prefix) && (!pattern.len || sv_has(name, pattern));
}

void aws_describe_log_groups(struct exchange *x)
{
    const struct aws_place *place =
        aws_place_find(&aws_of(x->sim)->world, aws_request(x)->account, aws_request(x)->region);
    sv names[3] = { sv_of(noise_group), aws_of(x->sim)->world.trail_group,
                    has_record_group(place) ? place->log_group : SV_NONE };
    int64_t limit = GROUPS_PAGE;
    struct page page;
    size_t put = 0;
    struct buf *b;

    json_i64(json_get(aws_request(x)->body, SV("limit")), &limit);
    if (limit < 1 || limit > GROUPS_PAGE) {
        aws_refuse(x, "InvalidParameterException", "limit must be between 1 and %d", GROUPS_PAGE);
        return;
    }
    if (!aws_page_read(x, "nextToken", &page)) {
        aws_refuse(x, "InvalidParameterException", "The specified nextToken is invalid.");
        return;
    }
    b = aws_reply(x);
    buf_put(b, SV("{\"logGroups\":["));
    for (; page.at < sizeof names / sizeof names[0] && put < (size_t)limit; page.at++) {
        if (!names[page.at].len || !group_asked(x, names[page.at]))
            continue;
        if (put++)
            buf_putc(b, ',');
        put_group(x, b, names[page.at]);
    }
    buf_putc(b, ']');
    if (page.at < sizeof names / sizeof names[0]) {
        buf_putc(b, ',');
        put_member(b, "nextToken", aws_page_token(x, &page));
    }
    buf_putc(b, '}');
}
