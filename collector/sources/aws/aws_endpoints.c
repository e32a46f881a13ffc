/*
 * Endpoints by rule and exception, as AWS publishes them (aws.md section 5): a partition's suffixes, and rows for what
 * does not follow them. Regions that no row knows belong to the commercial partition, so a region opened tomorrow works.
 */
#include "collector/sources/aws/aws_endpoints.h"

#include <ctype.h>

/* clang-format off */
static const struct partition {
    sv prefix; /* of region names; longer ones first */
    sv name, suffix, dual_suffix, home; /* home: where services of the whole partition sign */
} partitions[] = {
    { SVT("us-gov-"),  SVT("aws-us-gov"), SVT("amazonaws.com"),    SVT("api.aws"),                       SVT("us-gov-west-1") },
    { SVT("us-isob-"), SVT("aws-iso-b"),  SVT("sc2s.sgov.gov"),    SVT("api.aws.scloud"),                SVT("us-isob-east-1") },
    { SVT("us-isof-"), SVT("aws-iso-f"),  SVT("csp.hci.ic.gov"),   SVT("api.aws.hci.ic.gov"),            SVT("us-isof-south-1") },
    { SVT("us-iso-"),  SVT("aws-iso"),    SVT("c2s.ic.gov"),       SVT("api.aws.ic.gov"),                SVT("us-iso-east-1") },
    { SVT("eu-isoe-"), SVT("aws-iso-e"),  SVT("cloud.adc-e.uk"),   SVT("api.cloud-aws.adc-e.uk"),        SVT("eu-isoe-west-1") },
    { SVT("eusc-"),    SVT("aws-eusc"),   SVT("amazonaws.eu"),     SVT("api.amazonwebservices.eu"),      SVT("eusc-de-east-1") },
    { SVT("cn-"),      SVT("aws-cn"),     SVT("amazonaws.com.cn"), SVT("api.amazonwebservices.com.cn"),  SVT("cn-northwest-1") },
    { SVT("aws-us-gov-global"), SVT("aws-us-gov"), SVT("amazonaws.com"),    SVT("api.aws"),                      SVT("us-gov-west-1") },
    { SVT("aws-cn-global"),     SVT("aws-cn"),     SVT("amazonaws.com.cn"), SVT("api.amazonwebservices.com.cn"), SVT("cn-northwest-1") },
    { SVT("aws-iso-b-global"),  SVT("aws-iso-b"),  SVT("sc2s.sgov.gov"),    SVT("api.aws.scloud"),               SVT("us-isob-east-1") },
    { SVT("aws-iso-e-global"),  SVT("aws-iso-e"),  SVT("cloud.adc-e.uk"),   SVT("api.cloud-aws.adc-e.uk"),       SVT("eu-isoe-west-1") },
    { SVT("aws-iso-f-global"),  SVT("aws-iso-f"),  SVT("csp.hci.ic.gov"),   SVT("api.aws.hci.ic.gov"),           SVT("us-isof-south-1") },
    { SVT("aws-iso-global"),    SVT("aws-iso"),    SVT("c2s.ic.gov"),       SVT("api.aws.ic.gov"),               SVT("us-iso-east-1") },
    { SVT(""),         SVT("aws"),        SVT("amazonaws.com"),    SVT("api.aws"),                       SVT("us-east-1") },
};

/* Where the name without "-fips" is the FIPS one. */
static const struct { sv partition, service; bool dual_stack; } plain_is_fips[] = {
    { SVT("aws-us-gov"), SVT("monitoring"), false },
    { SVT("aws-us-gov"), SVT("monitoring"), true },
    { SVT("aws-us-gov"), SVT("logs"),       false },
    { SVT("aws-us-gov"), SVT("sts"),        false },
};

/* One endpoint for a whole partition, in its home region. */
static const sv of_partition[] = { SVT("organizations"), SVT("account") };

/* Regions from before STS had regional endpoints. */
static const sv global_sts[] = {
    SVT("ap-northeast-1"), SVT("ap-south-1"), SVT("ap-southeast-1"), SVT("ap-southeast-2"), SVT("aws-global"), SVT("ca-central-1"),
    SVT("eu-central-1"), SVT("eu-north-1"), SVT("eu-west-1"), SVT("eu-west-2"), SVT("eu-west-3"), SVT("sa-east-1"),
    SVT("us-east-1"), SVT("us-east-2"), SVT("us-west-1"), SVT("us-west-2"),
};

/* The SDKs' names in AWS_ENDPOINT_URL_...: of others, the host name in upper case. */
static const struct { sv service; const char *variable; } variables[] = {
    { SVT("monitoring"),    "AWS_ENDPOINT_URL_CLOUDWATCH" },
    { SVT("logs"),          "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS" },
    { SVT("sts"),           "AWS_ENDPOINT_URL_STS" },
    { SVT("bedrock"),       "AWS_ENDPOINT_URL_BEDROCK" },
    { SVT("organizations"), "AWS_ENDPOINT_URL_ORGANIZATIONS" },
    { SVT("account"),       "AWS_ENDPOINT_URL_ACCOUNT" },
    { SVT("cloudtrail"),    "AWS_ENDPOINT_URL_CLOUDTRAIL" },
    { SVT("servicequotas"), "AWS_ENDPOINT_URL_SERVICE_QUOTAS" },
    { SVT("s3"),            "AWS_ENDPOINT_URL_S3" },
    { SVT("firehose"),      "AWS_ENDPOINT_URL_FIREHOSE" },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool is_in(const sv *list, size_t n, sv s)
{
    for (size_t i = 0; i < n; i++)
        if (sv_eq(list[i], s))
            return true;
    return false;
}

static const struct partition *partition_of(sv region)
{
    const struct partition *p = partitions;

    while (!sv_starts(region, p->prefix))
        p++;
    return p;
}

sv aws_partition_of(sv region)
{
    return partition_of(region)->name;
}

bool aws_region_ok(sv region)
{
    for (size_t i = 0; i < region.len; i++)
        if (!isalnum((unsigned char)region.at[i]) && region.at[i] != '-')
            return false;
    return region.len > 0 && region.len <= 63;
}

/* ---- What the operator names ---- */

static sv variable(const struct aws_endpoint_options *o, const char *name)
{
    return o->environment ? sv_of(o->environment(name)) : SV_NONE;
}

static sv custom_url(const struct aws_endpoint_options *o, sv service)
{
    sv url = sv_of(o->url);

    if (url.len || sv_eq_nocase(variable(o, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), SV("true")))
        return url;
    for (size_t i = 0; i < COUNT(variables) && !url.len; i++)
        if (sv_eq(variables[i].service, service))
            url = variable(o, variables[i].variable);
    return url.len ? url : variable(o, "AWS_ENDPOINT_URL");
}

static void put_custom(struct buf *b, sv url, sv service, sv region)
{
    const struct {
        sv mark, value;
    } marks[] = { { SV("{service}"), service }, { SV("{region}"), region } };

    while (sv_ends(url, SV("/")))
        url.len--;
    while (url.len) {
        size_t i = 0;

        while (i < COUNT(marks) && !sv_starts(url, marks[i].mark))
            i++;
        buf_put(b, i < COUNT(marks) ? marks[i].value : sv_first(url, 1));
        url = sv_skip(url, i < COUNT(marks) ? marks[i].mark.len : 1);
    }
}

/* ---- AWS's own ---- */

static bool is_plain_fips(sv partition, sv service, bool dual_stack)
{
    for (size_t i = 0; i < COUNT(plain_is_fips); i++)
        if (sv_eq(plain_is_fips[i].partition, partition) && sv_eq(plain_is_fips[i].service, service) &&
            plain_is_fips[i].dual_stack == dual_stack)
            return true;
    return false;
}

static void put_host(struct buf *b, const struct aws_endpoint_options *o, const struct partition *p, sv service,
                     sv region)
{
    bool fips = o->fips && !is_plain_fips(p->name, service, o->dual_stack);
    sv suffix = o->dual_stack ? p->dual_suffix : p->suffix;

    buf_printf(b, "https://%.*s%s.%.*s.%.*s", SV_ARG(service), fips ? "-fips" : "", SV_ARG(region), SV_ARG(suffix));
}

/* "us-east-1" of "aws-global" and of services that a partition has once. */
static sv region_for(const struct partition *p, sv service, sv region)
{
    return is_in(of_partition, COUNT(of_partition), service) || sv_ends(region, SV("-global")) ? p->home : region;
}

static bool is_global_sts(const struct aws_endpoint_options *o, sv service, sv region)
{
    return sv_eq(service, SV("sts")) && !o->fips && !o->dual_stack &&
           (sv_eq(region, SV("aws-global")) || (o->sts_global && is_in(global_sts, COUNT(global_sts), region)));
}

enum err_code aws_endpoint(const struct aws_endpoint_options *o, sv service, sv region, struct aws_endpoint *out,
                           struct buf *url, struct err *e)
{
    sv custom = custom_url(o, service);
    const struct partition *p = partition_of(region);
    struct aws_endpoint at = { .partition = p->name, .custom = custom.len > 0 };

    if (custom.len && (o->fips || o->dual_stack))
        return err_set(e, ERR_CONFIG, "%s and a custom endpoint are not supported together: leave one of them out",
                       o->fips ? "FIPS" : "dual-stack");
    if (!custom.len && region.len == 0)
        return err_set(e, ERR_CONFIG, "no region: set one, or AWS_REGION");
    if (region.len && !aws_region_ok(region))
        return err_set(e, ERR_CONFIG, "'%.*s' is no region", SV_ARG(sv_first(region, 80)));
    at.signing_region = region_for(p, service, region);
    if (custom.len) {
        put_custom(url, custom, service, at.signing_region);
    } else if (is_global_sts(o, service, region)) {
        at.signing_region = p->home;
        buf_put(url, SV("https://sts.amazonaws.com"));
    } else {
        put_host(url, o, p, service, at.signing_region);
    }
    if (url->failed)
        return err_set(e, ERR_LIMIT, "endpoint URL too long");
    *out = at;
    return ERR_OK;
}
