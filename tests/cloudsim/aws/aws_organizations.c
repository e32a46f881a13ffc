/*
 * Organizations, the regions of an account, and its quotas (discovery.md 2.1, 2.3, 2.5), with what trips readers up: a
 * first page that is empty and has a token, State or Status or both absent, times in exponent form, a quota whose value
 * cannot be trusted.
 */
#include <stdio.h>

#include "tests/cloudsim/aws/aws_api.h"

enum { PAGE_ACCOUNTS = 5, PAGE_REGIONS = 4, PAGE_QUOTAS = 10, QUOTA_MODELS_MAX = 64 };

/* clang-format off */
/* Regions beside those of the world. */
static const struct { sv name; const char *status; } further_regions[] = {
    { SVT("eu-west-1"),      "ENABLED_BY_DEFAULT" }, /* answers, and nobody uses Bedrock there */
    { SVT("ap-southeast-5"), "DISABLED" },
    { SVT("me-central-1"),   "ENABLING" },
};
/* clang-format on */
enum { FURTHER = sizeof further_regions / sizeof further_regions[0], ALL_REGIONS = AWS_REGIONS + FURTHER };

bool aws_region_answers(sv name)
{
    for (unsigned i = 0; i < FURTHER; i++)
        if (sv_eq(further_regions[i].name, name))
            return true;
    return aws_region_find(name) != NULL;
}

bool aws_region_disabled(sv name)
{
    return aws_region_answers(name) && !aws_region_find(name) && !sv_eq(name, further_regions[0].name);
}

/* ---- paging ---- */

struct page {
    unsigned from, until; /* of what is listed */
    bool more;
};

/* `most` a page or what the caller wants, if less. empty_first: the first page has a token and nothing else. */
static bool page_of(struct exchange *x, const char *name, unsigned most, bool empty_first, unsigned n, struct page *out)
{
    int64_t wanted;
    unsigned at, first = empty_first ? 1 : 0;

    if (json_i64(json_get(aws_request(x)->body, SV("MaxResults")), &wanted) && (wanted < 1 || wanted > 100)) {
        aws_refuse(x, "InvalidInputException", "You specified an invalid value for MaxResults.");
        return false;
    }
    if (json_is_absent(json_get(aws_request(x)->body, SV("MaxResults"))))
        wanted = most;
    /* A token names the next item plus one, so that 0 is the very first page. */
    if (!aws_offset(x, aws_text(x, "NextToken"), name, "InvalidInputException", &at))
        return false;
    if (at < first) {
        *out = (struct page){ 0, 0, n > 0 };
        return true;
    }
    out->from = at - first;
    out->until = out->from + (wanted < most ? (unsigned)wanted : most);
    out->more = out->until < n;
    if (out->until > n)
        out->until = n;
    return true;
}

static void close_page(struct exchange *x, struct buf *b, const char *name, bool empty_first, const struct page *p)
{
    buf_putc(b, ']');
    if (p->more) {
        bool first = p->from == p->until;

        buf_putc(b, ',');
        put_member(b, "NextToken", aws_next(x, name, first ? 1 : p->until + (empty_first ? 1 : 0)));
    }
    buf_putc(b, '}');
}

/* ---- accounts ---- */

/* "ou-a/ou-b/" down to this one. */
static void put_ou_path(const struct aws_world *w, struct buf *b, int ou)
{
    if (ou < 0)
        return;
    put_ou_path(w, b, w->ous[ou].parent);
    buf_printf(b, "%.*s/", SV_ARG(w->ous[ou].id));
}

static int ou_of(const struct aws_account *a)
{
    return a->ou < AWS_OUS ? (int)a->ou : -1;
}

static void put_account(const struct aws_world *w, struct buf *b, const struct aws_account *a)
{
    const char *state = a->kind == AWS_SUSPENDED ? "SUSPENDED" : "ACTIVE";

    buf_putc(b, '{');
    put_member(b, "Id", a->id);
    buf_putc(b, ',');
    put_member(b, "Arn", a->arn);
    buf_putc(b, ',');
    put_member(b, "Email", a->email);
    buf_putc(b, ',');
    put_member(b, "Name", a->name);
    /* One without Status, one without State, one with neither; the suspended one always tells. */
    if (a->kind == AWS_SUSPENDED || (a->index != 1 && a->index != 3))
        buf_printf(b, ",\"Status\":\"%s\"", state);
    if (a->kind == AWS_SUSPENDED || (a->index != 2 && a->index != 3))
        buf_printf(b, ",\"State\":\"%s\"", state);
    buf_printf(b, ",\"Paths\":[\"%.*s/%.*s/", SV_ARG(w->organization_id), SV_ARG(w->root_id));
    put_ou_path(w, b, ou_of(a));
    buf_printf(b, "%.*s/\"],\"JoinedMethod\":\"%s\",\"JoinedTimestamp\":1.7%02u475200123E9}", SV_ARG(a->id),
               a->index % 3 ? "CREATED" : "INVITED", a->index % 90);
}

/* parent: -2 all, -1 the root, else an OU; direct children only. */
static void list_accounts(struct exchange *x, const char *name, int parent)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_account *found[AWS_ACCOUNTS_MAX + 2];
    unsigned n = 0;
    struct page p;
    struct buf *b;

    for (unsigned i = 0; i < w->n_accounts; i++)
        if (parent == -2 || ou_of(&w->accounts[i]) == parent)
            found[n++] = &w->accounts[i];
    if (!page_of(x, name, PAGE_ACCOUNTS, true, n, &p))
        return;
    b = aws_reply(x);
    buf_put(b, SV("{\"Accounts\":["));
    for (unsigned i = p.from; i < p.until; i++) {
        if (i > p.from)
            buf_putc(b, ',');
        put_account(w, b, found[i]);
    }
    close_page(x, b, name, true, &p);
}

void aws_list_accounts(struct exchange *x)
{
    list_accounts(x, "accounts", -2);
}

/* The OU or root (-1) that ParentId names. */
static bool parent_of(struct exchange *x, int *out)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    sv id = aws_text(x, "ParentId");

    *out = -1;
    if (sv_eq(id, w->root_id))
        return true;
    for (int i = 0; i < AWS_OUS; i++) {
        *out = i;
        if (sv_eq(w->ous[i].id, id))
            return true;
    }
    aws_refuse(
        x, sv_starts(id, SV("ou-")) || sv_starts(id, SV("r-")) ? "ParentNotFoundException" : "InvalidInputException",
        "You specified a root or organizational unit (OU) that doesn't exist.");
    return false;
}

void aws_list_accounts_for_parent(struct exchange *x)
{
    int parent;

    if (parent_of(x, &parent))
        list_accounts(x, arena_printf(&x->arena, "accounts of %d", parent).at, parent);
}

static void put_arn(struct exchange *x, struct buf *b, const char *kind, sv id)
{
    const struct aws_world *w = &aws_of(x->sim)->world;

    buf_printf(b, "\"Arn\":\"arn:aws:organizations::%.*s:%s/%.*s/%.*s\",", SV_ARG(w->accounts[w->n_accounts - 1].id),
               kind, SV_ARG(w->organization_id), SV_ARG(id));
}

void aws_list_ous_for_parent(struct exchange *x)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    int parent, found[AWS_OUS];
    unsigned n = 0;
    struct page p;
    struct buf *b;

    if (!parent_of(x, &parent))
        return;
    for (int i = 0; i < AWS_OUS; i++)
        if (w->ous[i].parent == parent)
            found[n++] = i;
    if (!page_of(x, "ous", 1, false, n, &p))
        return;
    b = aws_reply(x);
    buf_put(b, SV("{\"OrganizationalUnits\":["));
    for (unsigned i = p.from; i < p.until; i++) {
        const struct aws_ou *ou = &w->ous[found[i]];

        buf_put(b, i > p.from ? SV(",{") : SV("{"));
        put_member(b, "Id", ou->id);
        buf_putc(b, ',');
        put_arn(x, b, "ou", ou->id);
        put_member(b, "Name", ou->name);
        buf_printf(b, ",\"Path\":\"%.*s/%.*s/", SV_ARG(w->organization_id), SV_ARG(w->root_id));
        put_ou_path(w, b, found[i]);
        buf_put(b, SV("\"}"));
    }
    close_page(x, b, "ous", false, &p);
}

void aws_list_roots(struct exchange *x)
{
    struct buf *b = aws_reply(x);

    buf_put(b, SV("{\"Roots\":[{"));
    put_member(b, "Id", aws_of(x->sim)->world.root_id);
    buf_putc(b, ',');
    put_arn(x, b, "root", aws_of(x->sim)->world.root_id);
    buf_put(b, SV("\"Name\":\"Root\",\"PolicyTypes\":[]}],\"NextToken\":null}"));
}

static bool account_or_ou(struct exchange *x, sv id, int *parent)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_account *a = aws_account_find(w, id);

    if (a)
        *parent = ou_of(a);
    for (unsigned i = 0; i < AWS_OUS && !a; i++) {
        if (!sv_eq(w->ous[i].id, id))
            continue;
        *parent = w->ous[i].parent;
        return true;
    }
    return a != NULL;
}

void aws_list_parents(struct exchange *x)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    struct buf *b;
    int parent;

    if (!account_or_ou(x, aws_text(x, "ChildId"), &parent)) {
        aws_refuse(x, "ChildNotFoundException", "You specified a child that doesn't exist.");
        return;
    }
    b = aws_reply(x);
    buf_put(b, SV("{\"Parents\":[{"));
    put_member(b, "Id", parent < 0 ? w->root_id : w->ous[parent].id);
    buf_printf(b, ",\"Type\":\"%s\"}]}", parent < 0 ? "ROOT" : "ORGANIZATIONAL_UNIT");
}

void aws_list_account_tags(struct exchange *x)
{
    const struct aws_account *a = aws_account_find(&aws_of(x->sim)->world, aws_text(x, "ResourceId"));
    struct buf *b;
    int parent;

    if (!a && !account_or_ou(x, aws_text(x, "ResourceId"), &parent)) {
        aws_refuse(x, "TargetNotFoundException", "You specified a target that doesn't exist.");
        return;
    }
    b = aws_reply(x);
    buf_put(b, SV("{\"Tags\":["));
    if (a && a->team.len) {
        buf_put(b, SV("{\"Key\":\"team\","));
        put_member(b, "Value", a->team);
        buf_put(b, SV("},{\"Key\":\"env\",\"Value\":\"prod\"}"));
    }
    buf_put(b, SV("]}"));
}

void aws_describe_organization(struct exchange *x)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_account *m = &w->accounts[w->n_accounts - 1];
    struct buf *b = aws_reply(x);

    buf_put(b, SV("{\"Organization\":{"));
    put_member(b, "Id", w->organization_id);
    buf_printf(b, ",\"Arn\":\"arn:aws:organizations::%.*s:organization/%.*s\",\"FeatureSet\":\"ALL\",", SV_ARG(m->id),
               SV_ARG(w->organization_id));
    put_member(b, "MasterAccountArn", m->arn);
    buf_putc(b, ',');
    put_member(b, "MasterAccountId", m->id);
    buf_putc(b, ',');
    put_member(b, "MasterAccountEmail", m->email);
    buf_put(b, SV(",\"AvailablePolicyTypes\":[]}}"));
}

/* ---- regions ---- */

static bool wanted_status(struct exchange *x, const char *status)
{
    json list = json_get(aws_request(x)->body, SV("RegionOptStatusContains")), one;
    struct json_iter it = json_items(list);

    while (json_item(&it, &one))
        if (sv_eq(json_sv(one), sv_of(status)))
            return true;
    return json_count(list) == 0;
}

void aws_list_regions(struct exchange *x)
{
    sv names[ALL_REGIONS];
    const char *status[ALL_REGIONS];
    unsigned n = 0;
    struct page p;
    struct buf *b;

    for (unsigned i = 0; i < ALL_REGIONS; i++) {
        names[n] = i < AWS_REGIONS ? aws_regions[i].name : further_regions[i - AWS_REGIONS].name;
        status[n] = i == AWS_REGIONS - 1 ? "ENABLED"
                    : i < AWS_REGIONS    ? "ENABLED_BY_DEFAULT"
                                         : further_regions[i - AWS_REGIONS].status;
        n += wanted_status(x, status[n]);
    }
    if (!page_of(x, "regions", PAGE_REGIONS, false, n, &p))
        return;
    b = aws_reply(x);
    buf_put(b, SV("{\"Regions\":["));
    for (unsigned i = p.from; i < p.until; i++)
        buf_printf(b, "%s{\"RegionName\":\"%.*s\",\"RegionOptStatus\":\"%s\"}", i > p.from ? "," : "", SV_ARG(names[i]),
                   status[i]);
    close_page(x, b, "regions", false, &p);
}

/* ---- quotas ---- */

/* clang-format off */
/* `mantle`: of models on that plane; else of models on the other. */
static const struct quota_row {
    const char *name, *value;
    bool mantle, untold;
} quota_rows[] = {
    { "On-demand InvokeModel tokens per minute for",              "1.0E7",     false, false },
    { "On-demand InvokeModel requests per minute for",            "10000.0",   false, false },
    { "Cross-Region InvokeModel tokens per minute for",           "4000000.0", false, true  },
    { "Global cross-region model inference tokens per minute for", "2.0E7",    false, false },
    { "Model invocation max tokens per day for",                  "1.44E10",   false, false },
    { "Bedrock Mantle input tokens per minute for",               "8000000.0", true,  false },
    { "Bedrock Mantle output tokens per minute for",              "800000.0",  true,  false },
};
/* clang-format on */
enum { QUOTA_ROWS = sizeof quota_rows / sizeof quota_rows[0] };

static bool seen_before(const struct aws_deployment *const *found, unsigned n, const struct aws_deployment *d)
{
    for (unsigned i = 0; i < n; i++)
        if (found[i]->plane == d->plane && sv_eq(found[i]->label_model, d->label_model))
            return true;
    return false;
}

/* One for each model and plane that the place uses. */
static unsigned quota_models(const struct exchange *x, const struct aws_deployment **found)
{
    const struct aws_world *w = &aws_of(x->sim)->world;
    const struct aws_place *p = aws_place_find(w, aws_request(x)->account, aws_request(x)->region);
    unsigned n = 0;

    for (unsigned i = 0; p && i < p->n_deployments && n < QUOTA_MODELS_MAX; i++) {
        const struct aws_deployment *d = &w->deployments[p->first_deployment + i];

        if (!seen_before(found, n, d))
            found[n++] = d;
    }
    return n;
}

static void put_quota(struct exchange *x, struct buf *b, const struct aws_deployment *d, const struct quota_row *row,
                      unsigned number)
{
    buf_printf(
        b,
        "{\"ServiceCode\":\"bedrock\",\"ServiceName\":\"Amazon Bedrock\",\"QuotaArn\":\"arn:aws:servicequotas:%.*s:"
        "%.*s:bedrock/L-%08X\",\"QuotaCode\":\"L-%08X\",\"QuotaName\":\"%s %s%.*s\",\"Value\":%s,\"Unit\":\"None\","
        "\"Adjustable\":true,\"GlobalQuota\":false,\"QuotaAppliedAtLevel\":\"ACCOUNT\"",
        SV_ARG(aws_request(x)->region), SV_ARG(aws_request(x)->account->id), number, number, row->name,
        d->openai ? "OpenAI " : "", SV_ARG(d->label_model), row->value);
    if (row->untold)
        buf_put(b, SV(",\"Period\":{\"PeriodValue\":1,\"PeriodUnit\":\"MINUTE\"},\"ErrorReason\":{\"ErrorCode\":"
                      "\"SERVICE_QUOTA_NOT_AVAILABLE_ERROR\",\"ErrorMessage\":\"The value is not available.\"}"));
    buf_putc(b, '}');
}

void aws_list_service_quotas(struct exchange *x)
{
    const struct aws_deployment *models[QUOTA_MODELS_MAX];
    unsigned n_models, n = 0, at = 0;
    struct page p;
    struct buf *b;

    if (!sv_eq(aws_text(x, "ServiceCode"), SV("bedrock"))) {
        aws_refuse(x, "NoSuchResourceException", "The request failed because the specified service does not exist.");
        return;
    }
    n_models = quota_models(x, models);
    for (unsigned m = 0; m < n_models; m++)
        for (unsigned r = 0; r < QUOTA_ROWS; r++)
            n += quota_rows[r].mantle == (models[m]->plane == AWS_MANTLE);
    if (!page_of(x, "quotas", PAGE_QUOTAS, false, n, &p))
        return;
    b = aws_reply(x);
    buf_put(b, SV("{\"Quotas\":["));
    for (unsigned m = 0; m < n_models; m++)
        for (unsigned r = 0; r < QUOTA_ROWS; r++) {
            if (quota_rows[r].mantle != (models[m]->plane == AWS_MANTLE))
                continue;
            if (at >= p.from && at < p.until) {
                if (at > p.from)
                    buf_putc(b, ',');
                put_quota(x, b, models[m], &quota_rows[r], 0x1000 + 16 * m + r);
            }
            at++;
        }
    close_page(x, b, "quotas", false, &p);
}
