/*
 * Which of Azure's formats some bytes are, for `normalize --from auto`. Decided on the names at the top of the first
 * document and inside of its first element; a document that is cut off or broken is decided on the names that occur in
 * its beginning.
 */
#include "collector/base/json.h"
#include "collector/sources/azure/azure_log.h"

enum { LOOK_BYTES_MAX = 64 << 10 };

/* clang-format off */
/* In order: a row fits when every name occurs as a key ("name": or "name" :) in the first bytes. */
static const struct {
    const char *format;
    const char *keys[3];
} formats[] = {
    { "azure-loganalytics",  { "tables", "columns", "rows" } },
    { "azure-metrics",       { "values", "resourceid", "timeseries" } },
    { "azure-metrics",       { "value", "timespan", "timeseries" } },
    { "azure-metrics",       { "value", "timespan", "cost" } },
    { "azure-activity-log",  { "value", "eventDataId" } },
    { "azure-activity-log",  { "value", "eventTimestamp" } },
    { "azure-records",       { "records", "resourceId" } },
    { "azure-records",       { "time", "resourceId", "category" } },
    { "azure-records",       { "time", "resourceId", "operationName" } },
    { "azure-records",       { "time", "resourceId", "metricName" } },
};
/* clang-format on */

static bool has_key(sv text, const char *name)
{
    sv key = sv_of(name), rest = text;

    for (;;) {
        size_t n = sv_find(rest, '"');

        rest = sv_skip(rest, n + 1);
        if (rest.len <= key.len)
            return false;
        if (sv_starts(rest, key) && rest.at[key.len] == '"' && sv_starts(sv_trim(sv_skip(rest, key.len + 1)), SV(":")))
            return true;
    }
}

sv azure_detect(sv bytes)
{
    sv text = sv_first(sv_trim(sv_starts(bytes, SV("\xef\xbb\xbf")) ? sv_skip(bytes, 3) : bytes), LOOK_BYTES_MAX);

    if (text.len == 0 || (*text.at != '{' && *text.at != '['))
        return SV_NONE;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        bool all = true;

        for (size_t k = 0; k < 3 && formats[i].keys[k]; k++)
            all = all && has_key(text, formats[i].keys[k]);
        if (all)
            return sv_of(formats[i].format);
    }
    return SV_NONE;
}
