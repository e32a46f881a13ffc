/* AWS's section of the configuration. The files that it names are written with the access layer (aws_sts.c). */
#include "tests/cloudsim/aws/aws_api.h"

void aws_config_write(const struct sim *s, struct buf *b, const char *dir)
{
    unsigned tls = http_server_port(s->tls), control = http_server_port(s->control);
    const struct aws_world *w = &aws_of(s)->world;

    buf_printf(b,
               "aws:\n  id: aws\n  profile: collector\n  shared_credentials_file: %s/aws-credentials\n"
               "  config_file: %s/aws-config\n  role_arn: \"arn:aws:iam::{account}:role/%.*s\"\n"
               "  external_id: \"file:%s/aws-external-id\"\n",
               dir, dir, SV_ARG(w->role_name), dir);
    buf_printf(b, "  accounts:\n    organization_unit: %.*s\n  regions: auto\n", SV_ARG(w->ous[0].id));
    buf_printf(b, "  logs:\n    group: auto\n    trail_group: %.*s\n", SV_ARG(w->trail_group));
    buf_printf(b, "  metrics:\n    invocations: %s\n", s->options.switches[SW_INVOCATIONS] ? "accepted" : "successes");
    buf_printf(b,
               "  endpoints:\n    url: \"https://127.0.0.1:%u\"\n    imds: \"http://127.0.0.1:%u\"\n"
               "    container: \"http://127.0.0.1:%u\"\n    ca_file: %s/ca.pem\n    allow_plain: false\n",
               tls, control, control, dir);
}
