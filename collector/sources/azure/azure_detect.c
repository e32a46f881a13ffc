/* Which of Azure's formats some bytes are, for `normalize --from auto`. */
#include "collector/sources/azure/azure_log.h"
#include "collector/sources/detect.h"

/* clang-format off */
static const struct format_keys formats[] = {
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

sv azure_detect(sv bytes)
{
    return detect_format(bytes, formats, sizeof formats / sizeof *formats);
}
