/* The data APIs of AWS, so that the access layer links: each refuses until its own file takes its place. */
#include "tests/cloudsim/api.h"

static void not_yet(struct exchange *x)
{
    aws_refuse(x, "InternalFailure", "%s is not simulated yet", x->row->name);
}

void aws_list_metrics(struct exchange *x)
{
    not_yet(x);
}

void aws_get_metric_data(struct exchange *x)
{
    not_yet(x);
}

void aws_filter_log_events(struct exchange *x)
{
    not_yet(x);
}

void aws_describe_log_groups(struct exchange *x)
{
    not_yet(x);
}

void aws_lookup_events(struct exchange *x)
{
    not_yet(x);
}
