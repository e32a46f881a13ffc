/* Who may ask AWS what: signatures and each way to be wrong, roles, metadata services, lists, quotas, faults, prices. */
#include "tests/cloudsim/aws/aws_api.h"
#include "tests/cloudsim/sigv4.h"
#include "tests/cloudsim/test/client.h"

/* A call as a client would sign it; zero members take what is right. */
struct ask {
    const char *service, *region, *method, *target, *type;
    const char *body;
    sv path; /* path and query as sent */
    struct aws_keys keys;
    int64_t late_s;           /* the client's clock */
    const char *unsigned_one; /* a header that is sent but not signed */
    const char *also_signed;  /* a header that is named as signed and not sent */
    bool spoil;               /* the signature's last digit is another */
    bool no_header;
    bool query_mode;
};

static struct aws_keys own_keys(void)
{
    return (struct aws_keys){ aws_of(&sim)->world.access_key_id, aws_of(&sim)->world.secret_access_key, SV_NONE };
}

static sv basic_time(int64_t at)
{
    struct buf b = { .at = NULL };
    sv out;

    buf_time(&b, at, 0);
    out = arena_printf(&arena, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", b.at, b.at + 5, b.at + 8, b.at + 11, b.at + 14, b.at + 17);
    buf_done(&b);
    return out;
}

static size_t headers_of(const struct ask *c, sv date, struct sigv4_header *out)
{
    size_t n = 0;

    if (c->type)
        out[n++] = (struct sigv4_header){ SV("content-type"), sv_of(c->type) };
    out[n++] = (struct sigv4_header){ SV("host"), arena_printf(&arena, "127.0.0.1:%u", http_server_port(sim.tls)) };
    out[n++] = (struct sigv4_header){ SV("x-amz-date"), date };
    if (c->keys.token.len)
        out[n++] = (struct sigv4_header){ SV("x-amz-security-token"), c->keys.token };
    if (c->target)
        out[n++] = (struct sigv4_header){ SV("x-amz-target"), sv_of(c->target) };
    return n;
}

static sv authorization(const struct ask *c, const struct sigv4_request *q, sv date)
{
    sv names = SV_NONE, scope, signature, day = sv_first(date, 8);

    for (size_t i = 0; i < q->n_headers; i++)
        if (!c->unsigned_one || !sv_eq(q->headers[i].name, sv_of(c->unsigned_one)))
            names = arena_printf(&arena, "%.*s%s%.*s", SV_ARG(names), names.len ? ";" : "", SV_ARG(q->headers[i].name));
    scope = arena_printf(&arena, "%.*s/%s/%s/aws4_request", SV_ARG(day), c->region, c->service);
    signature =
        sigv4_signature(&arena, c->keys.secret, day, sv_of(c->region), sv_of(c->service),
                        sigv4_string_to_sign(&arena, date, scope, sigv4_canonical_request(&arena, q, names, NULL)));
    if (c->spoil)
        ((char *)(uintptr_t)signature.at)[63] ^= 1;
    if (c->also_signed)
        names = arena_printf(&arena, "%s;%.*s", c->also_signed, SV_ARG(names));
    return arena_printf(&arena, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s",
                        SV_ARG(c->keys.key_id), SV_ARG(scope), SV_ARG(names), SV_ARG(signature));
}

static int ask(struct ask c)
{
    struct sigv4_header headers[8];
    sv date = basic_time(clock_now() + c.late_s * NANO_PER_S);
    struct http_request h = { .body = sv_of(c.body), .body_limit_bytes = 256 << 20 };
    struct sigv4_request q = { .headers = headers };
    struct err e;

    if (!c.keys.key_id.len)
        c.keys = own_keys();
    c.region = c.region ? c.region : "us-east-1";
    h.method = c.method ? c.method : "POST";
    if (!c.path.len)
        c.path = SV("/");
    h.url = arena_printf(&arena, "%.*s%.*s", SV_ARG(tls_origin()), SV_ARG(c.path));
    q.method = sv_of(h.method);
    q.target = c.path;
    q.payload = sigv4_sha256_hex(&arena, h.body);
    q.n_headers = headers_of(&c, date, headers);
    for (size_t i = 0; i < q.n_headers; i++)
        if (!sv_eq(headers[i].name, SV("host")))
            http_request_header(&h, headers[i].name, headers[i].value);
    if (c.query_mode)
        http_request_header(&h, SV("x-amzn-query-mode"), SV("true"));
    if (!c.no_header)
        http_request_header(&h, SV("Authorization"), authorization(&c, &q, date));
    return http_do(client, &h, &answer, &e) ? 0 : answer.status;
}

#define JSON_1_1  "application/x-amz-json-1.1"
#define FORM      "application/x-www-form-urlencoded; charset=utf-8"
#define ORG(op)   .service = "organizations", .type = JSON_1_1, .target = "AWSOrganizationsV20161128." op
#define STS(form) .service = "sts", .type = FORM, .body = form
#define LOGGING   .service = "bedrock", .method = "GET", .path = SV("/logging/modelinvocations")

/* What __type, X-Amzn-ErrorType or Code says, without namespace. */
static sv error_kind(void)
{
    sv type = json_sv(json_get(parsed(), SV("__type"))), header = http_response_header(&answer, SV("x-amzn-errortype"));
    sv body = buf_sv(&answer.body);

    if (header.len)
        return sv_cut(&header, ':');
    if (type.len)
        return sv_skip(type, sv_find(type, '#') < type.len ? sv_find(type, '#') + 1 : 0);
    while (body.len && !sv_starts(body, SV("<Code>")))
        body = sv_skip(body, 1);
    body = sv_skip(body, 6);
    return sv_cut(&body, '<');
}

static bool refused(int got, int status, const char *kind)
{
    if (got == status && sv_eq(error_kind(), sv_of(kind)))
        return true;
    printf("# status %d, %.*s\n", got, SV_ARG(sv_first(buf_sv(&answer.body), 400)));
    return false;
}

static bool says(const char *text)
{
    return sv_has(buf_sv(&answer.body), sv_of(text));
}

static sv element(const char *name)
{
    sv body = buf_sv(&answer.body), open = arena_printf(&arena, "<%s>", name);

    while (body.len && !sv_starts(body, open))
        body = sv_skip(body, 1);
    body = sv_skip(body, open.len);
    return arena_copy(&arena, sv_cut(&body, '<'));
}

static struct aws_keys keys_answered(void)
{
    return (struct aws_keys){ element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken") };
}

static const char *assume_form(sv account, const char *role, sv external_id, const char *rest)
{
    return format("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%%3Aaws%%3Aiam%%3A%%3A%.*s%%3Arole%%2F%s&"
                  "RoleSessionName=test-1&ExternalId=%.*s%s",
                  SV_ARG(account), role, SV_ARG(external_id), rest);
}

static struct aws_keys assumed(unsigned account)
{
    must(ask((struct ask){ STS(assume_form(aws_of(&sim)->world.accounts[account].id, "trefoil-read",
                                           aws_of(&sim)->world.external_id, "")) }) == 200,
         "AssumeRole failed");
    return keys_answered();
}

static void a_signed_call_is_served_and_carries_its_request_id(void)
{
    OK(ask((struct ask){ ORG("ListRoots"), .body = "{}" }) == 200);
    OK(http_response_header(&answer, SV("x-amzn-requestid")).len == 36);
    OK(sv_eq(http_response_header(&answer, SV("content-type")), SV(JSON_1_1)));
    OK(sv_starts(http_response_header(&answer, SV("date")), SV("Tue, 24 Nov 2026 10:")));
    OK(ask((struct ask){ LOGGING }) == 200);
    OK(ask((struct ask){ STS("Action=GetCallerIdentity&Version=2011-06-15") }) == 200);
    OK(sv_eq(element("Account"), aws_of(&sim)->world.accounts[0].id) && sv_has(element("Arn"), SV(":user/trefoil")));
    OK(sv_eq(element("RequestId"), http_response_header(&answer, SV("x-amzn-requestid"))));
}

static void each_wrong_signature_is_answered_in_each_dialect(void)
{
    struct aws_keys unknown = { SV("AKIAIOSFODNN7EXAMPLE"), SV("secret"), SV_NONE }, wrong = own_keys();
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";

    wrong.secret = SV("wrong");
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .keys = unknown }), 400,
               "UnrecognizedClientException"));
    OK(refused(ask((struct ask){ STS(who), .keys = unknown }), 403, "InvalidClientTokenId"));
    OK(refused(ask((struct ask){ LOGGING, .keys = unknown }), 403, "UnrecognizedClientException"));
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .keys = wrong }), 400, "InvalidSignatureException"));
    OK(refused(ask((struct ask){ STS(who), .keys = wrong }), 403, "SignatureDoesNotMatch"));
    OK(refused(ask((struct ask){ LOGGING, .keys = wrong }), 403, "InvalidSignatureException"));
    OK(refused(ask((struct ask){ LOGGING, .spoil = true }), 403, "InvalidSignatureException"));
    OK(refused(ask((struct ask){ STS(who), .spoil = true }), 403, "SignatureDoesNotMatch"));
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .no_header = true }), 400,
               "MissingAuthenticationTokenException"));
    OK(refused(ask((struct ask){ STS(who), .no_header = true }), 403, "MissingAuthenticationToken"));
    OK(refused(ask((struct ask){ LOGGING, .no_header = true }), 403, "MissingAuthenticationTokenException"));
}

static void headers_that_matter_must_be_signed_and_signed_ones_sent(void)
{
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .unsigned_one = "x-amz-target" }), 400,
               "InvalidSignatureException"));
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .unsigned_one = "host" }), 400,
               "InvalidSignatureException") &&
       says("'Host'"));
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .also_signed = "expect" }), 400,
               "IncompleteSignatureException") &&
       says("'expect' is named as a SignedHeader, but it does not exist"));
    OK(ask((struct ask){ ORG("ListRoots"), .body = "{}", .unsigned_one = "content-type" }) == 200);
}

static void a_clock_may_be_off_by_fifteen_minutes(void)
{
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";

    OK(ask((struct ask){ STS(who), .late_s = -899 }) == 200);
    OK(ask((struct ask){ STS(who), .late_s = 899 }) == 200);
    OK(refused(ask((struct ask){ STS(who), .late_s = -901 }), 403, "SignatureDoesNotMatch"));
    OK(says("Signature expired: 20261124T094459Z is now earlier than 20261124T094500Z (20261124T100000Z - 15 min.)"));
    OK(refused(ask((struct ask){ STS(who), .late_s = 901 }), 403, "SignatureDoesNotMatch") &&
       says("Signature not yet current"));
    OK(refused(ask((struct ask){ ORG("ListRoots"), .body = "{}", .late_s = 901 }), 400, "InvalidSignatureException"));
}

static void the_scope_names_the_service_and_a_region_that_answers(void)
{
    struct ask c = { ORG("ListRoots"), .body = "{}" };

    c.service = "logs";
    OK(refused(ask(c), 400, "InvalidSignatureException") && says("correct service: 'organizations'"));
    c.service = "organizations";
    c.region = "us-west-2"; /* a global service is signed for its home */
    OK(refused(ask(c), 400, "InvalidSignatureException") && says("valid region"));
    OK(refused(ask((struct ask){ LOGGING, .region = "mars-north-1" }), 403, "InvalidSignatureException"));
    OK(refused(ask((struct ask){ LOGGING, .region = "ap-southeast-5" }), 403, "UnrecognizedClientException"));
    OK(ask((struct ask){ LOGGING, .region = "eu-west-1" }) == 200 && sv_eq(buf_sv(&answer.body), SV("{}")));
}

static void an_assumed_role_reads_its_account_until_it_expires(void)
{
    struct aws_keys k = assumed(5), spoilt;
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";

    OK(sv_starts(k.key_id, SV("ASIA")) && k.key_id.len == 20 && k.token.len > 600);
    OK(ask((struct ask){ STS(who), .keys = k }) == 200 &&
       sv_eq(element("Account"), aws_of(&sim)->world.accounts[5].id));
    OK(sv_has(element("Arn"), SV(":assumed-role/trefoil-read/test-1")));
    OK(refused(ask((struct ask){ ORG("ListAccounts"), .body = "{}", .keys = k }), 400, "AccessDeniedException"));
    OK(ask((struct ask){ ORG("DescribeOrganization"), .body = "{}", .keys = k }) == 200);
    spoilt = k;
    spoilt.token = SV_NONE;
    OK(refused(ask((struct ask){ STS(who), .keys = spoilt }), 403, "InvalidClientTokenId"));
    spoilt.token = arena_copy(&arena, k.token);
    ((char *)(uintptr_t)spoilt.token.at)[20] ^= 1;
    OK(refused(ask((struct ask){ STS(who), .keys = spoilt }), 403, "InvalidClientTokenId"));
    OK(refused(ask((struct ask){ STS(who), .keys = k, .unsigned_one = "x-amz-security-token" }), 403,
               "SignatureDoesNotMatch"));
    clock_advance(3599 * NANO_PER_S);
    OK(ask((struct ask){ STS(who), .keys = k }) == 200);
    clock_advance(NANO_PER_S);
    OK(refused(ask((struct ask){ STS(who), .keys = k }), 403, "ExpiredToken"));
    OK(refused(ask((struct ask){ LOGGING, .keys = k }), 403, "ExpiredTokenException"));
    OK(refused(ask((struct ask){ ORG("DescribeOrganization"), .body = "{}", .keys = k }), 400,
               "ExpiredTokenException"));
    clock_set_manual(ORIGIN);
}

static int assume(unsigned account, const char *role, sv external_id, const char *rest)
{
    return ask((struct ask){ STS(assume_form(aws_of(&sim)->world.accounts[account].id, role, external_id, rest)) });
}

static void a_role_is_assumed_by_whom_it_trusts_alone(void)
{
    struct aws_keys member = assumed(1);
    sv id = aws_of(&sim)->world.external_id;

    OK(refused(assume(2, "trefoil-read", SV("another"), ""), 403, "AccessDenied") &&
       says("sts:AssumeRole on resource"));
    OK(refused(assume(2, "admin", id, ""), 403, "AccessDenied"));
    OK(refused(assume(12, "trefoil-read", id, ""), 403, "AccessDenied")); /* the suspended account */
    OK(refused(assume(13, "trefoil-read", id, ""), 403, "AccessDenied")); /* the management account */
    OK(refused(ask((struct ask){ STS(assume_form(SV("999999999999"), "trefoil-read", id, "")) }), 403, "AccessDenied"));
    OK(refused(ask((struct ask){ STS(assume_form(aws_of(&sim)->world.accounts[2].id, "trefoil-read", id, "")),
                                 .keys = member }),
               403, "AccessDenied"));
    OK(refused(assume(2, "trefoil-read", id, "&DurationSeconds=60"), 400, "ValidationError"));
    OK(assume(2, "trefoil-read", id, "&DurationSeconds=900") == 200 &&
       sv_eq(element("Expiration"), SV("2026-11-24T10:15:00Z")));
    OK(refused(ask((struct ask){ STS("Action=AssumeRole&Version=2011-06-15&RoleSessionName=ab") }), 400,
               "ValidationError"));
    OK(refused(ask((struct ask){ STS("Action=NoSuchThing&Version=2011-06-15") }), 400, "InvalidAction"));
}

static void expire_tokens_ends_what_was_issued(void)
{
    struct aws_keys k = assumed(1);

    clock_advance(NANO_PER_S);
    OK(control("POST", "/faults", "{\"kind\":\"expire_tokens\"}") == 200);
    OK(refused(ask((struct ask){ LOGGING, .keys = k }), 403, "ExpiredTokenException"));
    OK(ask((struct ask){ LOGGING, .keys = assumed(1) }) == 200);
    OK(ask((struct ask){ LOGGING }) == 200); /* keys of a user do not end */
}

static sv file_text(const char *name)
{
    struct buf file = { .at = NULL };
    struct err e;
    sv out = SV_NONE;

    if (buf_read_file(&file, format("%s/%s", dir, name), 4096, &e) == ERR_OK)
        out = arena_copy(&arena, buf_sv(&file));
    buf_done(&file);
    return out;
}

static int web_identity(sv token, const char *role)
{
    const char *form = format("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=pod&RoleArn="
                              "arn:aws:iam::%.*s:role/%s&WebIdentityToken=%.*s",
                              SV_ARG(aws_of(&sim)->world.accounts[0].id), role, SV_ARG(token));

    return ask((struct ask){ STS(form), .no_header = true });
}

static void a_web_identity_gives_the_collectors_role_without_a_signature(void)
{
    struct err e;
    sv token;

    OK(config_write(&sim, &e) == ERR_OK);
    token = file_text("aws-web-identity-token");
    OK(web_identity(token, AWS_COLLECTOR_ROLE) == 200);
    OK(ask((struct ask){ ORG("ListRoots"), .body = "{}", .keys = keys_answered() }) == 200);
    OK(refused(web_identity(token, "trefoil-read"), 403, "AccessDenied"));
    OK(refused(web_identity(SV("a.b.c"), AWS_COLLECTOR_ROLE), 400, "InvalidIdentityToken"));
    OK(refused(web_identity(file_text("federated-token"), AWS_COLLECTOR_ROLE), 400, "InvalidIdentityToken"));
    clock_advance(3601 * NANO_PER_S);
    OK(refused(web_identity(token, AWS_COLLECTOR_ROLE), 400, "ExpiredTokenException"));
    clock_set_manual(ORIGIN + 2 * NANO_PER_S);
}

static int plain(const char *method, const char *path, const char *header, sv value)
{
    struct http_request q = { .method = method };
    struct err e;

    q.url = arena_printf(&arena, "http://127.0.0.1:%u%s", http_server_port(sim.control), path);
    if (header)
        http_request_header(&q, sv_of(header), value);
    return http_do(client, &q, &answer, &e) ? 0 : answer.status;
}

static struct aws_keys plain_keys(void)
{
    json v = parsed();

    return (struct aws_keys){ arena_copy(&arena, json_sv(json_get(v, SV("AccessKeyId")))),
                              arena_copy(&arena, json_sv(json_get(v, SV("SecretAccessKey")))),
                              arena_copy(&arena, json_sv(json_get(v, SV("Token")))) };
}

#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"

static void imds_version_two_wants_its_token(void)
{
    const char *header = "X-aws-ec2-metadata-token";
    sv token;

    OK(plain("PUT", "/latest/api/token", NULL, SV_NONE) == 400);
    OK(plain("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", SV("21601")) == 400);
    OK(plain("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", SV("60")) == 200);
    token = arena_copy(&arena, buf_sv(&answer.body));
    OK(plain("GET", IMDS_ROLES, NULL, SV_NONE) == 401);
    OK(plain("GET", IMDS_ROLES, header, token) == 200 && sv_eq(buf_sv(&answer.body), SV(AWS_COLLECTOR_ROLE)));
    OK(plain("GET", IMDS_ROLES "nobody", header, token) == 404);
    OK(plain("GET", IMDS_ROLES AWS_COLLECTOR_ROLE, header, token) == 200);
    OK(sv_eq(json_sv(json_get(parsed(), SV("Code"))), SV("Success")));
    OK(ask((struct ask){ ORG("ListRoots"), .body = "{}", .keys = plain_keys() }) == 200);
    clock_advance(61 * NANO_PER_S);
    OK(plain("GET", IMDS_ROLES, header, token) == 401);
    OK(ask((struct ask){ .service = "x", .method = "GET", .path = SV(IMDS_ROLES) }) == 404); /* not over TLS */
}

static void a_container_asks_with_the_token_of_its_file(void)
{
    OK(plain("GET", "/v2/credentials/abc", "Authorization", SV("wrong")) == 401);
    OK(plain("GET", "/v2/credentials/abc", "Authorization", file_text("aws-container-token")) == 200);
    OK(sv_eq(json_sv(json_get(parsed(), SV("AccountId"))), aws_of(&sim)->world.accounts[0].id));
    OK(ask((struct ask){ LOGGING, .keys = plain_keys() }) == 200);
}

/* Follows NextToken; counts the items of `list` and of pages. */
static unsigned pages_of(struct ask c, const char *list, const char *member, const char *parameters, unsigned *items,
                         bool *first_empty)
{
    unsigned pages = 0;
    sv token = SV_NONE;

    *items = 0;
    do {
        json v;

        c.body = format("{%s%s\"%s\":\"%.*s\"}", parameters, *parameters ? "," : "", token.len ? member : "None",
                        SV_ARG(token));
        must(ask(c) == 200, arena_printf(&arena, "%s: %.*s", list, SV_ARG(buf_sv(&answer.body))).at);
        v = parsed();
        if (pages++ == 0)
            *first_empty = json_count(json_get(v, sv_of(list))) == 0;
        *items += (unsigned)json_count(json_get(v, sv_of(list)));
        token = arena_copy(&arena, json_sv(json_get(v, sv_of(member))));
    } while (token.len && pages < 50);
    return pages;
}

static void the_organization_lists_every_account_once(void)
{
    const struct aws_world *w = &aws_of(&sim)->world;
    unsigned items, direct = 0, below = 0;
    bool empty;

    for (unsigned i = 0; i < w->n_accounts; i++)
        direct += w->accounts[i].ou == 0;
    OK(pages_of((struct ask){ ORG("ListAccounts") }, "Accounts", "NextToken", "", &items, &empty) == 4);
    OK(empty && items == 14);
    OK(pages_of((struct ask){ ORG("ListAccounts") }, "Accounts", "NextToken", "\"MaxResults\":2", &items, &empty) == 8);
    OK(items == 14);
    OK(pages_of((struct ask){ ORG("ListAccountsForParent") }, "Accounts", "NextToken",
                format("\"ParentId\":\"%.*s\"", SV_ARG(w->ous[0].id)), &items, &empty) >= 2);
    OK(items == direct && direct > 0);
    for (unsigned i = 0; i < AWS_OUS; i++) {
        pages_of((struct ask){ ORG("ListAccountsForParent") }, "Accounts", "NextToken",
                 format("\"ParentId\":\"%.*s\"", SV_ARG(w->ous[i].id)), &items, &empty);
        below += items;
    }
    OK(below == 13); /* all but the management account */
    OK(pages_of((struct ask){ ORG("ListOrganizationalUnitsForParent") }, "OrganizationalUnits", "NextToken",
                format("\"ParentId\":\"%.*s\"", SV_ARG(w->root_id)), &items, &empty) == 2);
    OK(items == 2); /* "ai" and "sandbox" */
    OK(refused(ask((struct ask){ ORG("ListAccountsForParent"), .body = "{\"ParentId\":\"ou-xxxx-11111111\"}" }), 400,
               "ParentNotFoundException"));
    OK(refused(ask((struct ask){ ORG("ListAccounts"), .body = "{\"NextToken\":\"nonsense\"}" }), 400,
               "InvalidInputException"));
    OK(refused(ask((struct ask){ ORG("ListAccounts"), .body = "{" }), 400, "SerializationException"));
    OK(refused(ask((struct ask){ ORG("CloseAccount"), .body = "{}" }), 400, "UnknownOperationException"));
}

static void an_account_may_lack_state_or_status(void)
{
    unsigned with_status = 0, with_state = 0, suspended = 0;
    sv token = SV_NONE;

    do {
        json v, a;
        struct json_iter it;

        must(ask((struct ask){ ORG("ListAccounts"),
                               .body = token.len ? format("{\"NextToken\":\"%.*s\"}", SV_ARG(token)) : "{}" }) == 200,
             "ListAccounts");
        v = parsed();
        for (it = json_items(json_get(v, SV("Accounts"))); json_item(&it, &a);) {
            double joined = 0;

            with_status += !json_is_absent(json_get(a, SV("Status")));
            with_state += !json_is_absent(json_get(a, SV("State")));
            suspended += sv_eq(json_sv(json_get(a, SV("State"))), SV("SUSPENDED"));
            must(json_f64(json_get(a, SV("JoinedTimestamp")), &joined) && joined > 1.7e9 && joined < 1.8e9, "joined");
        }
        token = arena_copy(&arena, json_sv(json_get(v, SV("NextToken"))));
    } while (token.len);
    OK(with_status == 12 && with_state == 12 && suspended == 1);
}

static void regions_and_quotas_are_paged(void)
{
    unsigned items;
    bool empty;

    OK(pages_of((struct ask){ .service = "account", .path = SV("/listRegions"), .type = "application/json" }, "Regions",
                "NextToken", "\"RegionOptStatusContains\":[\"ENABLED\",\"ENABLED_BY_DEFAULT\"]", &items, &empty) == 2);
    OK(items == 6);
    OK(pages_of((struct ask){ .service = "servicequotas",
                              .type = JSON_1_1,
                              .target = "ServiceQuotasV20190624.ListServiceQuotas" },
                "Quotas", "NextToken", "\"ServiceCode\":\"bedrock\"", &items, &empty) >= 2);
    OK(items > 10 && !empty);
    OK(says("\"Value\":") && !says("L-00000000"));
}

static void profiles_are_listed_by_type_and_found_by_id_or_arn(void)
{
    const struct aws_world *w = &aws_of(&sim)->world;
    const struct aws_place *place = &w->places[w->accounts[0].first_place];
    unsigned counted[2] = { 0 }, want[2] = { 0 };
    const struct aws_profile *app = NULL;
    struct buf arn = { .at = NULL };

    for (unsigned i = 0; i < place->n_profiles; i++) {
        const struct aws_profile *p = &w->profiles[place->first_profile + i];

        want[p->application]++;
        app = p->application ? p : app;
    }
    for (unsigned type = 0; type < 2; type++) {
        sv token = SV_NONE;

        do {
            sv path = arena_printf(&arena, "/inference-profiles?%s%.*stype=%s", token.len ? "nextToken=" : "",
                                   SV_ARG(token), type ? "APPLICATION" : "SYSTEM_DEFINED");
            struct buf escaped = { .at = NULL };

            must(ask((struct ask){ .service = "bedrock",
                                   .region = arena_copy(&arena, place->region->name).at,
                                   .method = "GET",
                                   .path = path }) == 200,
                 "profiles");
            counted[type] += (unsigned)json_count(json_get(parsed(), SV("inferenceProfileSummaries")));
            http_escape(&escaped, json_sv(json_get(parsed(), SV("nextToken"))));
            token = escaped.len ? arena_printf(&arena, "%.*s&", (int)escaped.len, escaped.at) : SV_NONE;
            buf_done(&escaped);
        } while (token.len);
    }
    OK(counted[0] == want[0] && counted[1] == want[1] && want[0] && want[1]);
    must(app != NULL, "no application profile");
    http_escape(&arn, app->arn);
    OK(ask((struct ask){ .service = "bedrock",
                         .method = "GET",
                         .path = arena_printf(&arena, "/inference-profiles/%.*s", (int)arn.len, arn.at) }) == 200);
    OK(sv_eq(json_sv(json_get(parsed(), SV("inferenceProfileId"))), app->id));
    OK(ask((struct ask){ .service = "bedrock",
                         .method = "GET",
                         .path = arena_printf(&arena, "/inference-profiles/%.*s", SV_ARG(app->id)) }) == 200);
    OK(refused(ask((struct ask){ .service = "bedrock", .method = "GET", .path = SV("/inference-profiles/none") }), 404,
               "ResourceNotFoundException"));
    OK(ask((struct ask){ .service = "bedrock",
                         .path = SV("/listTagsForResource"),
                         .type = "application/json",
                         .body = format("{\"resourceARN\":\"%.*s\"}", SV_ARG(app->arn)) }) == 200 &&
       says("\"key\":\"team\""));
    buf_done(&arn);
}

static void logging_is_told_per_place_and_off_is_an_absent_member(void)
{
    const struct aws_world *w = &aws_of(&sim)->world;
    unsigned on = 0, off = 0, want_off = 0;

    for (unsigned i = 0; i < w->n_places; i++) {
        const struct aws_place *p = &w->places[i];

        must(ask((struct ask){ LOGGING, .region = arena_copy(&arena, p->region->name).at,
                               .keys = assumed(p->account) }) == 200,
             "logging");
        want_off += p->logging == AWS_LOG_OFF;
        off += sv_eq(buf_sv(&answer.body), SV("{}"));
        on += p->log_group.len &&
              sv_eq(json_sv(json_path(parsed(), "loggingConfig/cloudWatchConfig/logGroupName")), p->log_group);
        clock_advance(NANO_PER_S / 2);
    }
    OK(want_off > 0 && off == want_off && on >= w->n_places / 2);
}

#define LOOKUP                                                                                                         \
    .service = "cloudtrail", .type = JSON_1_1,                                                                         \
    .target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails"

static void quotas_are_per_account_and_region_and_throttling_is_400(void)
{
    struct aws_keys other = assumed(1);
    int status = 0;
    unsigned good = 0;

    clock_advance(60 * NANO_PER_S);
    for (unsigned i = 0; i < 50 && (status = ask((struct ask){ LOOKUP, .body = "{}" })) == 200; i++)
        good++;
    OK(good == 20 && refused(status, 400, "ThrottlingException"));
    OK(ask((struct ask){ LOOKUP, .body = "{}", .region = "us-west-2" }) == 200);
    OK(ask((struct ask){ LOOKUP, .body = "{}", .keys = other }) == 200);
    for (unsigned i = 0; i < 50 && (status = ask((struct ask){ LOGGING })) == 200; i++)
        ;
    OK(refused(status, 429, "ThrottlingException"));
    for (unsigned i = 0; i < 50 && (status = ask((struct ask){ ORG("ListRoots"), .body = "{}" })) == 200; i++)
        ;
    OK(refused(status, 400, "TooManyRequestsException"));
    OK(http_response_header(&answer, SV("retry-after")).len == 0);
    clock_advance(NANO_PER_S);
    OK(ask((struct ask){ LOOKUP, .body = "{}" }) == 200);
    OK(requests_total(sim.requests, "cloudtrail:DescribeTrails", true) == 1);
}

static void fault(const char *text)
{
    must(control("POST", "/faults", text) == 200, text);
}

static void faults_hit_the_account_and_region_they_name(void)
{
    struct aws_keys first = assumed(1), second = assumed(2);

    clock_advance(60 * NANO_PER_S);
    fault(format("{\"api\":\"bedrock:*\",\"account\":\"%.*s\",\"region\":\"us-west-2\",\"kind\":\"deny\"}",
                 SV_ARG(aws_of(&sim)->world.accounts[1].id)));
    OK(refused(ask((struct ask){ LOGGING, .keys = first, .region = "us-west-2" }), 403, "AccessDeniedException"));
    OK(says("is not authorized to perform: bedrock:GetModelInvocationLoggingConfiguration"));
    OK(ask((struct ask){ LOGGING, .keys = first }) == 200);
    OK(ask((struct ask){ LOGGING, .keys = second, .region = "us-west-2" }) == 200);
    fault(format("{\"api\":\"sts:AssumeRole\",\"account\":\"%.*s\",\"kind\":\"deny\"}",
                 SV_ARG(aws_of(&sim)->world.accounts[3].id)));
    OK(refused(assume(3, "trefoil-read", aws_of(&sim)->world.external_id, ""), 403, "AccessDenied"));
    OK(assume(2, "trefoil-read", aws_of(&sim)->world.external_id, "") == 200);
    fault("{\"clear\":true}");
}

static void each_fault_speaks_the_services_dialect(void)
{
    struct ask c = { ORG("ListRoots"), .body = "{}" };
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";

    fault("{\"api\":\"organizations:ListRoots\",\"kind\":\"throttle\"}");
    OK(refused(ask(c), 400, "TooManyRequestsException"));
    fault("{\"clear\":true}");
    fault("{\"api\":\"*\",\"kind\":\"expired\"}");
    OK(refused(ask(c), 400, "ExpiredTokenException"));
    OK(refused(ask((struct ask){ STS(who) }), 403, "ExpiredToken"));
    fault("{\"clear\":true}");
    fault("{\"api\":\"sts:*\",\"kind\":\"status\",\"status\":503}");
    OK(refused(ask((struct ask){ STS(who) }), 503, "InternalFailure"));
    fault("{\"clear\":true}");
    fault("{\"api\":\"sts:*\",\"kind\":\"unknown_key\"}");
    OK(refused(ask((struct ask){ STS(who) }), 403, "InvalidClientTokenId"));
    fault("{\"clear\":true}");
    fault("{\"api\":\"imds:token\",\"kind\":\"deny\"}");
    OK(plain("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", SV("60")) == 403);
    fault("{\"clear\":true}");
}

static void cloudwatch_tells_its_older_code_to_whom_asks(void)
{
    struct ask c = { .service = "monitoring",
                     .type = "application/x-amz-json-1.0",
                     .target = "GraniteServiceVersion20100801.ListMetrics",
                     .body = "{\"Namespace\":\"AWS/Bedrock\"}" };

    fault("{\"api\":\"cloudwatch:*\",\"kind\":\"throttle\"}");
    OK(refused(ask(c), 400, "ThrottlingException"));
    OK(http_response_header(&answer, SV("x-amzn-query-error")).len == 0);
    c.query_mode = true;
    OK(refused(ask(c), 400, "ThrottlingException"));
    OK(sv_eq(http_response_header(&answer, SV("x-amzn-query-error")), SV("Throttling;Sender")));
    fault("{\"clear\":true}");
    c.spoil = true;
    OK(refused(ask(c), 400, "InvalidSignatureException"));
    OK(http_response_header(&answer, SV("x-amzn-query-error")).len == 0); /* the front has one code */
}

static void a_target_may_leave_its_package_away(void)
{
    struct ask c = {
        .service = "cloudtrail", .type = JSON_1_1, .target = "CloudTrail_20131101.DescribeTrails", .body = "{}"
    };

    OK(ask(c) == 200);
    c.target = "20131101.DescribeTrails";
    OK(refused(ask(c), 400, "UnknownOperationException"));
    c.target = "DescribeTrails";
    OK(refused(ask(c), 400, "UnknownOperationException"));
}

static void a_skewed_server_tells_its_time_and_takes_signatures_of_it(void)
{
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";
    struct buf date = { .at = NULL };

    fault("{\"api\":\"sts:*\",\"kind\":\"skew\",\"seconds\":1800}");
    OK(refused(ask((struct ask){ STS(who) }), 403, "SignatureDoesNotMatch") && says("Signature expired"));
    put_http_date(&date, clock_now() + 1800 * NANO_PER_S);
    OK(sv_eq(http_response_header(&answer, SV("date")), buf_sv(&date)));
    OK(ask((struct ask){ STS(who), .late_s = 1800 }) == 200);
    fault("{\"clear\":true}");
    buf_done(&date);
}

static void a_fault_that_could_hit_nothing_is_refused(void)
{
    OK(control("POST", "/faults", "{\"api\":\"metric.list\",\"kind\":\"drop\"}") == 400);
    OK(control("POST", "/faults", "{\"api\":\"log:*\",\"kind\":\"drop\"}") == 400);
    OK(control("POST", "/faults", "{\"api\":\"logs:*\",\"account\":\"000000000001\",\"kind\":\"drop\"}") == 400);
    OK(control("POST", "/faults", "{\"api\":\"logs:*\",\"region\":\"mars\",\"kind\":\"drop\"}") == 400);
}

static void a_fault_of_a_cloud_takes_all_of_it_and_nothing_else(void)
{
    struct ask c = { .service = "monitoring",
                     .type = "application/x-amz-json-1.0",
                     .target = "GraniteServiceVersion20100801.ListMetrics",
                     .body = "{\"Namespace\":\"AWS/Bedrock\"}",
                     .keys = assumed(8) };

    fault("{\"cloud\":\"aws\",\"kind\":\"drop\"}");
    OK(ask(c) == 0 && post_token(NULL, "https://management.azure.com/.default") == 200);
    fault("{\"clear\":true}");
    fault("{\"cloud\":\"azure\",\"api\":\"*\",\"kind\":\"status\",\"status\":503}");
    OK(ask(c) == 200 && post_token(NULL, "https://management.azure.com/.default") == 503);
    fault("{\"clear\":true}");
    OK(control("POST", "/faults", "{\"cloud\":\"mars\",\"kind\":\"drop\"}") == 400);
    OK(control("POST", "/faults", "{\"cloud\":\"azure\",\"api\":\"logs:*\",\"kind\":\"drop\"}") == 400);
}

static void entras_faults_are_entras(void)
{
    fault("{\"api\":\"token\",\"kind\":\"throttle\",\"seconds\":9}");
    OK(post_token(NULL, "https://management.azure.com/.default") == 429);
    OK(sv_eq(http_response_header(&answer, SV("retry-after")), SV("9")));
    OK(sv_eq(json_sv(json_get(parsed(), SV("error"))), SV("temporarily_unavailable")));
    OK(sv_starts(json_sv(json_get(parsed(), SV("error_description"))), SV("AADSTS90055:")));
    fault("{\"clear\":true}");
    fault("{\"api\":\"token\",\"kind\":\"deny\"}");
    OK(post_token(NULL, "https://management.azure.com/.default") == 401);
    OK(sv_eq(json_sv(json_get(parsed(), SV("error"))), SV("unauthorized_client")));
    fault("{\"clear\":true}");
}

static double price_of(const char *api, sv account)
{
    struct json_iter it, accounts;
    double price = -1;
    json a, one;

    must(control("GET", "/requests", NULL) == 200, "/requests");
    for (it = json_items(json_get(parsed(), SV("apis"))); json_item(&it, &a);)
        if (sv_eq(json_sv(json_get(a, SV("api"))), sv_of(api)))
            for (accounts = json_items(json_get(a, SV("accounts"))); json_item(&accounts, &one);)
                if (sv_eq(json_sv(json_get(one, SV("account"))), account))
                    json_f64(json_get(one, SV("list_price_usd")), &price);
    return price;
}

static void calls_are_counted_and_priced_per_account(void)
{
    struct ask c = { .service = "monitoring",
                     .type = "application/x-amz-json-1.0",
                     .target = "GraniteServiceVersion20100801.ListMetrics",
                     .body = "{\"Namespace\":\"AWS/Bedrock\"}",
                     .keys = assumed(4) };

    ask(c);
    ask(c);
    OK(price_of("cloudwatch:ListMetrics", aws_of(&sim)->world.accounts[4].id) == 0.00002);
    OK(price_of("cloudwatch:ListMetrics", aws_of(&sim)->world.accounts[5].id) == -1);
    OK(price_of("sts:GetCallerIdentity", aws_of(&sim)->world.accounts[0].id) == 0);
}

#define METRIC(id, name, stat)                                                                                         \
    "{\"Id\":\"" id "\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/Bedrock\",\"MetricName\":\"" name              \
    "\"},\"Period\":60,\"Stat\":\"" stat "\"}}"

static void metric_data_is_priced_by_metrics_and_not_when_refused(void)
{
    /* clang-format off */
    static const char metrics[] = "{\"StartTime\":1795510800,\"EndTime\":1795512600,\"MetricDataQueries\":["
        METRIC("a", "Invocations", "Sum") ","
        METRIC("b", "InvocationLatency", "Sum") ","
        METRIC("c", "InvocationLatency", "p95") "]}";
    /* clang-format on */
    sv account = aws_of(&sim)->world.accounts[6].id;
    struct ask c = { .service = "monitoring",
                     .type = "application/x-amz-json-1.0",
                     .target = "GraniteServiceVersion20100801.GetMetricData",
                     .body = metrics,
                     .keys = assumed(6) };

    OK(ask(c) == 200);
    OK(price_of("cloudwatch:GetMetricData", account) == 0.00002); /* two metrics, three statistics */
    c.spoil = true;
    OK(ask(c) == 400 && price_of("cloudwatch:GetMetricData", account) == 0.00002);
}

int main(void)
{
    start_sim((struct sim_options){ .seed = 11,
                                    .calls_per_minute = 60,
                                    .history_ms = 3600 * 1000,
                                    .count = { [AWS] = 12 },
                                    .clouds = CLOUD_AZURE | CLOUD_AWS });
    RUN(a_signed_call_is_served_and_carries_its_request_id);
    RUN(each_wrong_signature_is_answered_in_each_dialect);
    RUN(headers_that_matter_must_be_signed_and_signed_ones_sent);
    RUN(a_clock_may_be_off_by_fifteen_minutes);
    RUN(the_scope_names_the_service_and_a_region_that_answers);
    RUN(an_assumed_role_reads_its_account_until_it_expires);
    RUN(a_role_is_assumed_by_whom_it_trusts_alone);
    RUN(expire_tokens_ends_what_was_issued);
    RUN(a_web_identity_gives_the_collectors_role_without_a_signature);
    RUN(imds_version_two_wants_its_token);
    RUN(a_container_asks_with_the_token_of_its_file);
    RUN(the_organization_lists_every_account_once);
    RUN(an_account_may_lack_state_or_status);
    RUN(regions_and_quotas_are_paged);
    RUN(profiles_are_listed_by_type_and_found_by_id_or_arn);
    RUN(logging_is_told_per_place_and_off_is_an_absent_member);
    RUN(quotas_are_per_account_and_region_and_throttling_is_400);
    RUN(faults_hit_the_account_and_region_they_name);
    RUN(each_fault_speaks_the_services_dialect);
    RUN(cloudwatch_tells_its_older_code_to_whom_asks);
    RUN(a_target_may_leave_its_package_away);
    RUN(a_skewed_server_tells_its_time_and_takes_signatures_of_it);
    RUN(a_fault_that_could_hit_nothing_is_refused);
    RUN(a_fault_of_a_cloud_takes_all_of_it_and_nothing_else);
    RUN(entras_faults_are_entras);
    RUN(calls_are_counted_and_priced_per_account);
    RUN(metric_data_is_priced_by_metrics_and_not_when_refused);
    stop_sim();
    return tap_done();
}
