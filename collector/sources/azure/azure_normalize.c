/* `normalize` for Azure: the decoders without an inventory, so that names which only it knows stay absent. */
#include "collector/base/clock.h"
#include "collector/sources/azure/azure.h"

const char *const azure_formats[] = { "azure-metrics", "azure-loganalytics", "azure-records", "azure-activity-log",
                                      NULL };

static enum err_code metrics(sv bytes, struct frame *out, struct err *e)
{
    struct json_parser *p = json_parser_new(256 << 20);
    const struct azure_metric_context c = { .source = out->source, .observed_unix_nano = clock_now() };
    enum err_code code = p ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
    json root;

    if (code == ERR_OK)
        code = json_parse(p, bytes, &root, e);
    if (code == ERR_OK)
        code = azure_decode_metrics(root, &c, out, e);
    json_parser_free(p);
    return code;
}

enum err_code azure_normalize(sv format, sv bytes, struct frame *out, struct err *e)
{
    const struct azure_log_context c = { .source = out->source, .observed_unix_nano = clock_now() };
    struct azure_decoder *d;
    enum err_code code;
    sv next;

    if (sv_eq(format, SV("azure-metrics")))
        return metrics(bytes, out, e);
    d = azure_decoder_new();
    if (!d)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (sv_eq(format, SV("azure-loganalytics")))
        code = azure_decode_log(d, bytes, &c, out, NULL, e);
    else if (sv_eq(format, SV("azure-activity-log")))
        code = azure_decode_activity(d, bytes, &c, out, &next, e);
    else
        code = azure_decode_records(d, bytes, &c, out, NULL, e);
    azure_decoder_free(d);
    return code;
}
