/* A workload on AWS that becomes a service account of Google's: its metadata service, its proof, and what may be wrong. */
#include "tests/cloudsim/sigv4.h"
#include "tests/cloudsim/test/gcp_access_client.h"

#define QUERY "?Action=GetCallerIdentity&Version=2011-06-15"

/* A signed request to AWS's STS; zero members take what is right. */
struct proof {
    const char *key_id, *secret, *token, *target, *host, *url, *method, *service, *names;
    int64_t late_s;
};

static sv basic_time(int64_t at)
{
    struct buf b = { .at = NULL };
    sv out;

    buf_time(&b, at, 0);
    out = arena_printf(&arena, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", b.at, b.at + 5, b.at + 8, b.at + 11, b.at + 14, b.at + 17);
    buf_done(&b);
    return out;
}

static sv or_right(const char *given, sv right)
{
    return given ? sv_of(given) : right;
}

/* What a client gives to Google as its subject token. */
static sv subject(struct proof p)
{
    sv date = basic_time(clock_now() + p.late_s * NANO_PER_S), day = sv_first(date, 8);
    sv names = or_right(p.names, SV("host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource"));
    sv service = or_right(p.service, SV("sts")), signature, scope;
    struct sigv4_header headers[] = {
        { SV("host"), or_right(p.host, SV("sts.eu-west-1.amazonaws.com")) },
        { SV("x-amz-date"), date },
        { SV("x-amz-security-token"), or_right(p.token, g->aws_token) },
        { SV("x-goog-cloud-target-resource"), or_right(p.target, g->aws_audience) },
    };
    struct sigv4_request q = { .method = or_right(p.method, SV("POST")),
                               .target = SV("/" QUERY),
                               .payload = sigv4_sha256_hex(&arena, SV_NONE),
                               .headers = headers,
                               .n_headers = 4 };
    struct buf b = { .at = NULL }, encoded = { .at = NULL };

    scope = arena_printf(&arena, "%.*s/eu-west-1/%.*s/aws4_request", SV_ARG(day), SV_ARG(service));
    signature =
        sigv4_signature(&arena, or_right(p.secret, g->aws_secret), day, SV("eu-west-1"), service,
                        sigv4_string_to_sign(&arena, date, scope, sigv4_canonical_request(&arena, &q, names, NULL)));
    buf_put(&b, SV("{\"headers\":[{\"key\":\"Authorization\",\"value\":\"AWS4-HMAC-SHA256 "));
    buf_printf(&b, "Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s\"}",
               SV_ARG(or_right(p.key_id, g->aws_key_id)), SV_ARG(scope), SV_ARG(names), SV_ARG(signature));
    for (size_t i = 0; i < 4; i++)
        if (headers[i].value.len)
            buf_printf(&b, ",{\"key\":\"%.*s\",\"value\":\"%.*s\"}", SV_ARG(headers[i].name), SV_ARG(headers[i].value));
    buf_printf(&b, "],\"method\":\"%.*s\",\"url\":\"%.*s\"}", SV_ARG(q.method),
               SV_ARG(or_right(p.url, SV("https://sts.eu-west-1.amazonaws.com" QUERY))));
    http_escape(&encoded, buf_sv(&b));
    signature = arena_copy(&arena, buf_sv(&encoded));
    buf_done(&b);
    buf_done(&encoded);
    return signature;
}

static int exchange(sv token, const char *audience)
{
    return POST_FORM("/v1/token", "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "audience", audience,
                     "scope", PLATFORM, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token",
                     "subject_token", token.at, "subject_token_type", "urn:ietf:params:aws:token-type:aws4_request");
}

static bool taken(struct proof p)
{
    return exchange(subject(p), g->aws_audience.at) == 200;
}

static bool refused_as(struct proof p, const char *why)
{
    return exchange(subject(p), g->aws_audience.at) == 400 && oauth_said("invalid_grant", why);
}

static void a_signed_request_becomes_a_federated_token(void)
{
    sv url = arena_printf(&arena, "%.*s/v1/projects/-/serviceAccounts/%.*s:generateAccessToken", SV_ARG(tls_origin()),
                          SV_ARG(g->who[GCP_READER].name));

    OK(taken((struct proof){ 0 }));
    OK(send_to("POST", url, token_in("access_token"), "application/json", SV("{\"scope\":[\"" PLATFORM "\"]}")) == 200);
    OK(get(token_in("accessToken"), format("/v3/projects/%.*s", SV_ARG(project(0)->id))) == 200);
}

/* Google's own library sends the header and does not sign it. */
static void the_target_need_not_be_signed(void)
{
    OK(taken((struct proof){ .names = "host;x-amz-date;x-amz-security-token" }));
    OK(taken((struct proof){ .names = "host;x-amz-date;x-amz-security-token", .target = "" }));
    OK(taken((struct proof){ .target = format("https:%.*s", SV_ARG(g->aws_audience)) }));
    OK(taken((struct proof){ .url = "https://sts.eu-west-1.amazonaws.com/" QUERY }));
}

static void a_proof_is_refused_for_what_is_wrong_with_it(void)
{
    OK(refused_as((struct proof){ .secret = "another" }, "SignatureDoesNotMatch"));
    OK(refused_as((struct proof){ .key_id = "ASIA0000000000000000" }, "InvalidClientTokenId"));
    OK(refused_as((struct proof){ .token = "stale" }, "InvalidClientTokenId"));
    OK(refused_as((struct proof){ .target = "//iam.googleapis.com/projects/1/x" }, "x-goog-cloud-target-resource"));
    OK(refused_as((struct proof){ .late_s = -1000 }, "ExpiredToken"));
    OK(refused_as((struct proof){ .late_s = 1000 }, "ExpiredToken"));
    OK(refused_as((struct proof){ .names = "host;x-amz-date" }, "IncompleteSignature"));
    OK(refused_as((struct proof){ .method = "GET" }, "InvalidAction"));
    OK(refused_as((struct proof){ .service = "iam" }, "InvalidAction"));
    OK(refused_as((struct proof){ .url = "https://sts.eu-west-1.amazonaws.com.evil.example" QUERY }, "InvalidAction"));
    OK(refused_as((struct proof){ .url = "https://sts.eu-west-1.amazonaws.com?Action=AssumeRole" }, "InvalidAction"));
    OK(refused_as((struct proof){ .host = "sts.us-east-1.amazonaws.com" }, "InvalidAction"));
}

static void what_is_no_proof_is_refused(void)
{
    OK(exchange(SV("nothing"), g->aws_audience.at) == 400 && oauth_said("invalid_request", "subject token"));
    OK(exchange(SV("%7B%22headers%22%3A%5B%5D%7D"), g->aws_audience.at) == 400 && oauth_said("invalid_request", ""));
    OK(exchange(subject((struct proof){ 0 }), g->audience.at) == 400 && oauth_said("invalid_target", "audience"));
}

/* ---- the instance's metadata service ---- */

static int metadata(const char *method, const char *path, const char *name, const char *value)
{
    sv url = arena_printf(&arena, "http://127.0.0.1:%u/gcp/aws/%s", http_server_port(sim.control), path);
    struct http_request q = { .method = method, .url = url, .body_limit_bytes = 1 << 20 };
    struct err e;

    if (name)
        http_request_header(&q, sv_of(name), sv_of(value));
    return http_do(client, &q, &answer, &e) ? 0 : answer.status;
}

static void the_instance_hands_out_keys_in_a_session(void)
{
    const char *session;

    OK(metadata("PUT", "token", NULL, NULL) == 400);
    OK(metadata("PUT", "token", "X-aws-ec2-metadata-token-ttl-seconds", "300") == 200);
    session = arena_copy(&arena, buf_sv(&answer.body)).at;
    OK(metadata("GET", "zone", NULL, NULL) == 401);
    OK(metadata("GET", "zone", "X-aws-ec2-metadata-token", session) == 200 &&
       sv_eq(buf_sv(&answer.body), SV("eu-west-1b")));
    OK(metadata("GET", "credentials", "X-aws-ec2-metadata-token", session) == 200 &&
       sv_eq(buf_sv(&answer.body), SV("trefoil-ec2")));
    OK(metadata("GET", "credentials/other", "X-aws-ec2-metadata-token", session) == 404);
    OK(metadata("GET", "credentials/trefoil-ec2", "X-aws-ec2-metadata-token", session) == 200 &&
       sv_eq(token_in("AccessKeyId"), g->aws_key_id) && sv_eq(token_in("Code"), SV("Success")));
}

int main(void)
{
    start_gcp();
    RUN(a_signed_request_becomes_a_federated_token);
    RUN(the_target_need_not_be_signed);
    RUN(a_proof_is_refused_for_what_is_wrong_with_it);
    RUN(what_is_no_proof_is_refused);
    RUN(the_instance_hands_out_keys_in_a_session);
    stop_sim();
    return tap_done();
}
