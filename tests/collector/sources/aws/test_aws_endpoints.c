/*
 * Endpoints against AWS's own rule tests (every case of every file in tests/data/aws/endpoints) and its partitions, and
 * what the operator may name instead.
 */
#include "collector/sources/aws/aws_endpoints.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static int good, bad;
static char service[64];

static bool flag(json params, const char *name)
{
    bool b = false;

    return json_bool(json_get(params, sv_of(name)), &b) && b;
}

static void run_case(json c)
{
    json params = json_get(c, SV("params")), expect = json_get(c, SV("expect"));
    json schemes = json_path(expect, "endpoint/properties/authSchemes"), scheme = { 0 };
    sv url = json_sv(json_path(expect, "endpoint/url")), signing = SV_NONE;
    struct json_iter it = json_items(schemes);
    char custom[128];
    struct aws_endpoint_options o = { .fips = flag(params, "UseFIPS"),
                                      .dual_stack = flag(params, "UseDualStack"),
                                      .sts_global = flag(params, "UseGlobalEndpoint"),
                                      .url = custom };
    struct aws_endpoint at = { 0 };
    struct buf out;
    struct err e = { 0 };
    enum err_code code;
    bool fits;

    snprintf(custom, sizeof custom, "%.*s", SV_ARG(json_sv(json_get(params, SV("Endpoint")))));
    if (json_item(&it, &scheme))
        signing = json_sv(json_get(scheme, SV("signingRegion")));
    buf_init(&out, 0);
    code = aws_endpoint(&o, sv_of(service), json_sv(json_get(params, SV("Region"))), &at, &out, &e);
    fits = url.len ? code == ERR_OK && sv_eq(buf_sv(&out), url) : code == ERR_CONFIG && e.text[0];
    fits = fits && (signing.len == 0 || sv_eq(at.signing_region, signing));
    if (!fits)
        printf("# %s: %.*s: got %.*s %s\n", service, SV_ARG(json_sv(json_get(c, SV("documentation")))),
               SV_ARG(buf_sv(&out)), e.text);
    good += fits;
    bad += !fits;
    buf_done(&out);
}

static void run_file(const char *name)
{
    const char *base = strrchr(name, '/') + 1;
    struct data_json d;
    struct json_iter it;
    json c;

    snprintf(service, sizeof service, "%.*s", (int)strcspn(base, "."), base);
    if (strcmp(service, "cloudwatch") == 0)
        snprintf(service, sizeof service, "monitoring");
    OK(data_json(name, &d));
    it = json_items(json_get(d.root, SV("testCases")));
    while (json_item(&it, &c))
        run_case(c);
    data_done(&d);
}

static void every_published_case_comes_out_right(void)
{
    OK(data_each("endpoints", "endpoint-tests", run_file) == 4);
    OK(good >= 190 && bad == 0);
    printf("# %d cases\n", good);
}

/* "{service}.{region}.{suffix}" of both kinds in every region that AWS lists. */
static bool partition_fits(json p)
{
    sv id = json_sv(json_get(p, SV("id"))), suffix = json_sv(json_path(p, "outputs/dnsSuffix"));
    sv dual = json_sv(json_path(p, "outputs/dualStackDnsSuffix"));
    struct json_iter it = json_members(json_get(p, SV("regions")));
    json skipped;
    sv region;
    bool fits = true;

    while (json_member(&it, &region, &skipped)) {
        struct aws_endpoint_options one = { 0 }, two = { .dual_stack = true };
        struct aws_endpoint at = { 0 };
        struct buf plain, both;

        buf_init(&plain, 0);
        buf_init(&both, 0);
        fits = fits && aws_endpoint(&one, SV("logs"), region, &at, &plain, NULL) == ERR_OK &&
               aws_endpoint(&two, SV("logs"), region, &at, &both, NULL) == ERR_OK && sv_eq(at.partition, id) &&
               sv_ends(buf_sv(&plain), suffix) && sv_ends(buf_sv(&both), dual) && sv_eq(aws_partition_of(region), id);
        buf_done(&plain);
        buf_done(&both);
    }
    return fits;
}

static void every_listed_region_belongs_to_its_partition(void)
{
    struct data_json d;
    struct json_iter it;
    json p;
    int n = 0, fit = 0;

    OK(data_json("endpoints/partitions.json", &d));
    it = json_items(json_get(d.root, SV("partitions")));
    while (json_item(&it, &p)) {
        n++;
        fit += partition_fits(p);
    }
    OK(n == 8 && fit == n);
    data_done(&d);
}

static bool is_at(const struct aws_endpoint_options *o, const char *of, const char *region, const char *url,
                  const char *signing)
{
    struct aws_endpoint at = { 0 };
    struct buf b;
    struct err e = { 0 };
    bool same;

    buf_init(&b, 0);
    same = aws_endpoint(o, sv_of(of), sv_of(region), &at, &b, &e) == ERR_OK && sv_eq(buf_sv(&b), sv_of(url)) &&
           sv_eq(at.signing_region, sv_of(signing));
    if (!same)
        printf("# %.*s signed for %.*s %s\n", SV_ARG(buf_sv(&b)), SV_ARG(at.signing_region), e.text);
    buf_done(&b);
    return same;
}

static void a_partition_has_one_organizations_endpoint(void)
{
    struct aws_endpoint_options o = { 0 };

    OK(is_at(&o, "organizations", "eu-central-1", "https://organizations.us-east-1.amazonaws.com", "us-east-1"));
    OK(is_at(&o, "organizations", "cn-north-1", "https://organizations.cn-northwest-1.amazonaws.com.cn",
             "cn-northwest-1"));
    OK(is_at(&o, "organizations", "us-gov-east-1", "https://organizations.us-gov-west-1.amazonaws.com",
             "us-gov-west-1"));
    OK(is_at(&o, "account", "ap-northeast-1", "https://account.us-east-1.amazonaws.com", "us-east-1"));
    o.fips = true;
    OK(is_at(&o, "organizations", "us-east-2", "https://organizations-fips.us-east-1.amazonaws.com", "us-east-1"));
}

static void a_url_template_is_filled_in(void)
{
    struct aws_endpoint_options o = { .url = "https://{service}.vpce-1.{region}.example.com/" };

    OK(is_at(&o, "monitoring", "eu-west-1", "https://monitoring.vpce-1.eu-west-1.example.com", "eu-west-1"));
    o.url = "https://127.0.0.1:4443";
    OK(is_at(&o, "organizations", "eu-west-1", "https://127.0.0.1:4443", "us-east-1"));
    o.url = "https://{unknown}/{";
    OK(is_at(&o, "logs", "eu-west-1", "https://{unknown}/{", "eu-west-1"));
}

static const char *ignored = NULL;

static const char *test_environment(const char *name)
{
    if (strcmp(name, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == 0)
        return ignored;
    return strcmp(name, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS") == 0 ? "https://logs.example"
           : strcmp(name, "AWS_ENDPOINT_URL") == 0               ? "https://all.example"
                                                                 : NULL;
}

static void the_environment_names_endpoints_unless_told_not_to(void)
{
    struct aws_endpoint_options o = { .environment = test_environment };

    OK(is_at(&o, "logs", "eu-west-1", "https://logs.example", "eu-west-1"));
    OK(is_at(&o, "monitoring", "eu-west-1", "https://all.example", "eu-west-1"));
    o.url = "https://mine.example";
    OK(is_at(&o, "logs", "eu-west-1", "https://mine.example", "eu-west-1"));
    o.url = NULL;
    ignored = "true";
    OK(is_at(&o, "logs", "eu-west-1", "https://logs.eu-west-1.amazonaws.com", "eu-west-1"));
}

static void a_region_cannot_change_the_host(void)
{
    struct aws_endpoint_options o = { 0 };
    struct aws_endpoint at;
    struct buf b;
    struct err e = { 0 };

    buf_init(&b, 0);
    OK(aws_endpoint(&o, SV("sts"), SV("evil.example/"), &at, &b, &e) == ERR_CONFIG && b.len == 0);
    OK(aws_endpoint(&o, SV("sts"), SV(""), &at, &b, &e) == ERR_CONFIG && strstr(e.text, "AWS_REGION"));
    OK(!aws_region_ok(SV("us-east-1.evil")) && !aws_region_ok(SV("")) && aws_region_ok(SV("mars-north-9")));
    OK(sv_eq(aws_partition_of(SV("mars-north-9")), SV("aws")));
    buf_done(&b);
}

int main(void)
{
    RUN(every_published_case_comes_out_right);
    RUN(every_listed_region_belongs_to_its_partition);
    RUN(a_partition_has_one_organizations_endpoint);
    RUN(a_url_template_is_filled_in);
    RUN(the_environment_names_endpoints_unless_told_not_to);
    RUN(a_region_cannot_change_the_host);
    return tap_done();
}
