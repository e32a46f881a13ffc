/*
 * `normalize` for AWS: the decoders without discovery, so that what only it knows (which model stands behind an application
 * profile) stays absent. All formats go the same way, since a record tells what it is. An answer of GetMetricData is none
 * of them: it names its series by the ids of the request.
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws_log.h"

const char *const aws_formats[] = { "aws-invocation-logs", "aws-cloudtrail", "aws-log-events", "aws-lookup-events",
                                    NULL };

enum err_code aws_normalize(sv format, sv bytes, struct frame *out, struct err *e)
{
    const struct aws_log_context c = {
        .source = out->source, .observed_unix_nano = clock_now(), .account = SV_NONE, .region = SV_NONE
    };
    struct aws_decoder *d = aws_decoder_new();
    enum err_code code = d ? aws_decode_records(d, bytes, &c, out, e) : err_set(e, ERR_LIMIT, "out of memory");

    (void)format;
    aws_decoder_free(d);
    return code;
}
