/*
 * What logs and audit are asked for. FilterLogEvents takes milliseconds and both ends are inside; LookupEvents takes
 * seconds and returns the newest first. Asked for writes only: Bedrock's inference is a management event that would
 * drown all else (discovery.md 2.6).
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws_log.h"

enum { EVENTS_PER_PAGE = 10000, LOOKUPS_PER_PAGE = 50 };

const char aws_trail_pattern[] =
    "{ ($.eventSource = \"bedrock.amazonaws.com\") || ($.eventSource = \"bedrock-mantle.amazonaws.com\") }";

static void member(struct buf *out, const char *name, sv value)
{
    if (value.len == 0)
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, value);
}

void aws_body_filter_events(struct buf *out, sv group, sv pattern, int64_t from_unix_nano, int64_t to_unix_nano,
                            sv token)
{
    buf_put(out, SV("{\"logGroupName\":"));
    buf_json(out, group);
    buf_printf(out, ",\"startTime\":%lld,\"endTime\":%lld,\"limit\":%d", (long long)(from_unix_nano / NANO_PER_MS),
               (long long)((to_unix_nano - 1) / NANO_PER_MS), EVENTS_PER_PAGE);
    member(out, "filterPattern", pattern);
    member(out, "nextToken", token);
    buf_putc(out, '}');
}

void aws_body_lookup_events(struct buf *out, int64_t from_unix_nano, int64_t to_unix_nano, sv token)
{
    buf_printf(out,
               "{\"StartTime\":%lld,\"EndTime\":%lld,\"MaxResults\":%d,\"LookupAttributes\":["
               "{\"AttributeKey\":\"ReadOnly\",\"AttributeValue\":\"false\"}]",
               (long long)(from_unix_nano / NANO_PER_S), (long long)(to_unix_nano / NANO_PER_S), LOOKUPS_PER_PAGE);
    member(out, "NextToken", token);
    buf_putc(out, '}');
}
