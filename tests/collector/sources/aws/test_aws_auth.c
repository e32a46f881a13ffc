/*
 * Credentials end to end against a loopback STS and metadata services: each way of the chain, roles in accounts, renewal,
 * failure and refusal. The clock is the test's own.
 */
#include "tests/collector/sources/aws/sts_server.h"
#include "tests/tap.h"

static struct err problem;

/* The access key id that an account gets; empty: problem tells. */
static const char *key_of(struct sts_server *s, struct aws_auth *a, const char *account)
{
    struct sigv4_credentials c = { 0 };
    sv id;

    problem = (struct err){ 0 };
    if (aws_auth_get(a, sv_of(account), &s->memory, &c, &problem))
        return "";
    id = arena_copy(&s->memory, c.access_key_id);
    return id.at;
}

static bool is(const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        printf("# got '%s', %s\n", a, problem.text);
    return strcmp(a, b) == 0;
}

static struct aws_auth *open_auth(struct sts_server *s, const struct aws_auth_config *c)
{
    problem = (struct err){ 0 };
    return aws_auth_new(c, &s->env, &problem);
}

/* ---- The ways ---- */

static void the_environment_comes_first_unless_a_profile_was_configured(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    OK(test_file(s.credentials, "[default]\naws_access_key_id=FILE\naws_secret_access_key=x\n[p]\naws_access_key_id=P\n"
                                "aws_secret_access_key=x\n"));
    test_setenv("AWS_ACCESS_KEY_ID", "ENV");
    test_setenv("AWS_SECRET_ACCESS_KEY", "x");
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ENV") && strcmp(aws_auth_kind(a), "environment") == 0);
    aws_auth_free(a);
    c.profile = "p";
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "P") && strcmp(aws_auth_kind(a), "profile p") == 0);
    aws_auth_free(a);
    c.profile = NULL;
    test_setenv("AWS_PROFILE", "p");
    test_setenv("AWS_ACCESS_KEY_ID", "");
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "P"));
    aws_auth_free(a);
    test_setenv("AWS_ACCESS_KEY_ID", "ENV");
    test_setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG && strstr(problem.text, "AWS_CREDENTIAL_EXPIRATION"));
    aws_auth_free(a);
    OK(s.assumed + s.callers + s.imds == 0);
    sts_server_stop(&s);
}

static void other_accounts_get_a_role_and_our_own_none(void)
{
    struct sts_server s;
    struct aws_auth *a;
    struct aws_caller who = { 0 };

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    OK(strcmp(s.form,
              "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Ftrefoil-read&"
              "RoleSessionName=trefoil-test&DurationSeconds=3600&ExternalId=ext-1") == 0);
    OK(strstr(s.authorization, "Credential=AKIAOWN/") && strstr(s.authorization, "/eu-central-1/sts/aws4_request"));
    OK(is(key_of(&s, a, "333333333333"), "ASIA3333333333332") &&
       is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    OK(is(key_of(&s, a, OWN_ACCOUNT), "AKIAOWN") && is(key_of(&s, a, ""), "AKIAOWN"));
    OK(s.assumed == 2 && s.callers == 1);
    OK(aws_auth_account(a, &who, &problem) == ERR_OK && sv_eq(who.account, SV(OWN_ACCOUNT)));
    OK(sv_eq(who.partition, SV("aws")) && sv_eq(who.arn, SV("arn:aws:iam::" OWN_ACCOUNT ":user/collector")) &&
       s.callers == 1);
    OK(is(key_of(&s, a, "12"), "") && problem.code == ERR_CONFIG);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void without_a_role_other_accounts_are_out_of_reach(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    c.role_arn = NULL;
    test_setenv("AWS_ACCESS_KEY_ID", "ENV");
    test_setenv("AWS_SECRET_ACCESS_KEY", "x");
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, "222222222222"), "") && problem.code == ERR_CONFIG && strstr(problem.text, "set role_arn"));
    OK(is(key_of(&s, a, OWN_ACCOUNT), "ENV"));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_profile_may_be_a_chain_of_roles(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    c.profile = "outer";
    OK(test_file(s.config,
                 "[profile outer]\nrole_arn = arn:aws:iam::555555555555:role/outer\nsource_profile = inner\n"
                 "external_id = o\nrole_session_name = me\nduration_seconds = 900\n"
                 "[profile inner]\nrole_arn = arn:aws:iam::444444444444:role/inner\nsource_profile = base\n"));
    OK(test_file(s.credentials, "[base]\naws_access_key_id=AKIABASE\naws_secret_access_key=x\n"));
    a = open_auth(&s, &c);
    OK(a && is(key_of(&s, a, ""), "ASIA5555555555552") && s.assumed == 2);
    OK(strstr(s.authorization, "Credential=ASIA4444444444441/") && strcmp(s.token, "tOkEn1") == 0);
    OK(strstr(s.form, "RoleSessionName=me&DurationSeconds=900&ExternalId=o"));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_web_identity_is_read_anew_for_each_renewal(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    test_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", s.web_token);
    test_setenv("AWS_ROLE_ARN", "arn:aws:iam::666666666666:role/irsa");
    OK(test_file(s.web_token, "jwt-1\n"));
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ASIA6666666666661") && strstr(s.form, "&WebIdentityToken=jwt-1") &&
       s.authorization[0] == '\0');
    OK(test_file(s.web_token, "jwt-2\n"));
    clock_advance(46 * NANO_PER_MIN);
    OK(is(key_of(&s, a, ""), "ASIA6666666666662") && strstr(s.form, "&WebIdentityToken=jwt-2"));
    unlink(s.web_token);
    clock_advance(2 * NANO_PER_H);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG && strstr(problem.text, "mounted and readable"));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void an_ended_web_identity_names_its_file(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    test_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", s.web_token);
    test_setenv("AWS_ROLE_ARN", "arn:aws:iam::666666666666:role/irsa");
    OK(test_file(s.web_token, "jwt-1\n"));
    s.status = 400;
    s.failures = -1;
    s.body = "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token "
             "expired</Message></Error></ErrorResponse>";
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG &&
       strstr(problem.text, "check that what writes it runs"));
    OK(is(key_of(&s, a, ""), "") && s.web == 1);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_container_hands_out_its_tasks_role(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;
    char full[128];

    OK(sts_server_start(&s));
    c = sts_config(&s);
    c.container_url = s.base;
    test_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/task/1");
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ASIATASK1") && s.token[0] == '\0');
    aws_auth_free(a);
    snprintf(full, sizeof full, "%s/task/pod", s.base);
    test_setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
    test_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", full);
    test_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "second choice");
    test_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", s.web_token);
    OK(test_file(s.web_token, "pod-token\n"));
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ASIATASK2") && strcmp(s.token, "pod-token") == 0);
    OK(test_file(s.web_token, "two\nlines"));
    clock_advance(7 * NANO_PER_H);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG && !strstr(problem.text, "lines\n"));
    aws_auth_free(a);
    test_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/task");
    OK(!open_auth(&s, &c) && problem.code == ERR_CONFIG && strstr(problem.text, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    sts_server_stop(&s);
}

static void the_instance_metadata_is_the_last_resort(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;
    sv region = SV_NONE;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    c.region = NULL;
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ASIAIMDS1") && strcmp(aws_auth_kind(a), "instance metadata") == 0);
    OK(aws_auth_region(a, &region, &problem) == ERR_OK && sv_eq(region, SV("eu-north-1")));
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221") && strstr(s.authorization, "/eu-north-1/sts/"));
    aws_auth_free(a);
    s.role_list = "";
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG && strstr(problem.text, "instance profile"));
    aws_auth_free(a);
    s.role_list = "../../user-data";
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_PARSE);
    aws_auth_free(a);
    s.imds_status = 403;
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "") && problem.code == ERR_CONFIG && strstr(problem.text, "IMDSv2"));
    aws_auth_free(a);
    c.imds_url = NULL;
    test_setenv("AWS_EC2_METADATA_DISABLED", "true");
    OK(!open_auth(&s, &c) && strstr(problem.text, "no credentials"));
    sts_server_stop(&s);
}

static void ended_sets_of_the_metadata_service_are_used_on(void)
{
    struct sts_server s;
    struct aws_auth_config c;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    c = sts_config(&s);
    s.imds_life_s = -60;
    a = open_auth(&s, &c);
    OK(is(key_of(&s, a, ""), "ASIAIMDS1"));
    clock_advance(100 * NANO_PER_S);
    OK(is(key_of(&s, a, ""), "ASIAIMDS1") && s.imds == 1);
    clock_advance(9 * NANO_PER_MIN);
    OK(is(key_of(&s, a, ""), "ASIAIMDS2") && s.imds == 2);
    aws_auth_free(a);
    sts_server_stop(&s);
}

/* ---- Renewal ---- */

static void a_set_is_renewed_a_quarter_of_an_hour_ahead(void)
{
    struct sts_server s;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    clock_advance(42 * NANO_PER_MIN);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    clock_advance(3 * NANO_PER_MIN + NANO_PER_S);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222222") && s.assumed == 2);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_failing_renewal_leaves_the_old_set_until_it_really_ends(void)
{
    struct sts_server s;
    struct aws_auth *a;
    int asked;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    s.status = 400;
    s.failures = -1;
    s.body = "<Error><Code>Throttling</Code></Error>";
    clock_advance(46 * NANO_PER_MIN);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221") && s.assumed == 2);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221") && s.assumed == 2); /* not asked again at once */
    clock_advance(13 * NANO_PER_MIN);
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221") && s.assumed == 3);
    asked = s.assumed;
    clock_advance(2 * NANO_PER_MIN);
    OK(is(key_of(&s, a, "222222222222"), "") && problem.code == ERR_THROTTLED && s.assumed == asked + 1);
    s.failures = 0;
    clock_advance(10 * NANO_PER_MIN);
    OK(strncmp(key_of(&s, a, "222222222222"), "ASIA222222222222", 16) == 0);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_denied_role_is_tried_once_an_hour_and_harms_no_other(void)
{
    struct sts_server s;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    s.status = 403;
    s.failures = -1;
    s.only = "222222222222";
    s.body = "<Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: "
             "sts:AssumeRole</Message></Error>";
    OK(is(key_of(&s, a, "222222222222"), "") && problem.code == ERR_DENIED && s.assumed == 1);
    OK(strstr(problem.text, "AssumeRole arn:aws:iam::222222222222:role/trefoil-read") &&
       strstr(problem.text, "ExternalId"));
    OK(strncmp(key_of(&s, a, "333333333333"), "ASIA3333", 8) == 0 && s.assumed == 2);
    clock_advance(59 * NANO_PER_MIN);
    OK(is(key_of(&s, a, "222222222222"), "") && problem.code == ERR_DENIED && s.assumed == 2);
    s.failures = 0;
    clock_advance(2 * NANO_PER_MIN);
    OK(strncmp(key_of(&s, a, "222222222222"), "ASIA2222", 8) == 0);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_refused_set_is_renewed_once(void)
{
    struct sts_server s;
    struct aws_auth *a;
    const char *first;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    first = key_of(&s, a, "222222222222");
    aws_auth_refused(a, SV("222222222222"), SV("ASIAOTHER"));
    OK(is(key_of(&s, a, "222222222222"), first));
    aws_auth_refused(a, SV("222222222222"), sv_of(first));
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222222"));
    aws_auth_refused(a, SV("222222222222"), SV("ASIA2222222222222"));
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222222") && s.assumed == 2);
    clock_advance(6 * NANO_PER_MIN);
    aws_auth_refused(a, SV("222222222222"), SV("ASIA2222222222222"));
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222223"));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void rotated_keys_of_a_file_are_found_when_the_old_ones_are_refused(void)
{
    struct sts_server s;
    struct aws_auth *a;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    OK(is(key_of(&s, a, ""), "AKIAOWN"));
    OK(test_file(s.credentials, "[default]\naws_access_key_id = AKIANEW\naws_secret_access_key = n\n"));
    OK(is(key_of(&s, a, ""), "AKIAOWN"));
    s.status = 403;
    s.failures = 1;
    s.body = "<Error><Code>InvalidClientTokenId</Code></Error>";
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221"));
    OK(strstr(s.authorization, "Credential=AKIANEW/") && is(key_of(&s, a, ""), "AKIANEW"));
    clock_advance(61 * NANO_PER_MIN);
    OK(test_file(s.credentials, "[default]\naws_access_key_id = AKIATHIRD\naws_secret_access_key = n\n"));
    OK(is(key_of(&s, a, ""), "AKIATHIRD"));
    OK(test_file(s.credentials, "broken"));
    clock_advance(61 * NANO_PER_MIN);
    OK(is(key_of(&s, a, ""), "AKIATHIRD"));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_wrong_clock_is_learned_from_the_answer(void)
{
    struct sts_server s;
    struct aws_auth *a;
    int64_t now = clock_now();
    char day[16];
    struct buf b;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    clock_set_manual(now - 48 * NANO_PER_H);
    s.status = 403;
    s.failures = 1;
    s.body = "<Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 1 is now earlier than "
             "2</Message></Error>";
    /* The one wait between two attempts is by our clock. */
    clock_set_scale(
        (struct clock_scale){ .anchor_unix_nano = now, .origin_unix_nano = now - 48 * NANO_PER_H, .speed = 1 });
    OK(is(key_of(&s, a, "222222222222"), "ASIA2222222222221") && s.callers == 2);
    buf_init(&b, 0);
    buf_time(&b, (int64_t)time(NULL) * NANO_PER_S, 0);
    snprintf(day, sizeof day, "/%.4s%.2s%.2s/", b.at, b.at + 5, b.at + 8);
    OK(strstr(s.authorization, day) != NULL);
    buf_done(&b);
    clock_set_manual(now);
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void a_request_is_signed_with_its_accounts_set(void)
{
    struct http_request q = { .method = "POST",
                              .url = SV("https://monitoring.eu-west-1.amazonaws.com/"),
                              .body = SV("{}") };
    struct sts_server s;
    struct aws_auth *a;
    sv used = SV_NONE;

    OK(sts_server_start(&s));
    a = sts_auth(&s);
    OK(aws_auth_sign(a, SV("222222222222"), SV("eu-west-1"), SV("monitoring"), &s.memory, &q, &used, &problem) ==
       ERR_OK);
    OK(sv_eq(used, SV("ASIA2222222222221")) && q.n_headers == 4);
    OK(sv_starts(q.headers[3].value, SV("AWS4-HMAC-SHA256 Credential=ASIA2222222222221/")));
    OK(sv_has(q.headers[3].value,
              SV("/eu-west-1/monitoring/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token,")));
    aws_auth_free(a);
    sts_server_stop(&s);
}

static void no_text_holds_a_secret(void)
{
    struct sts_server s;
    struct aws_auth *a;
    bool clean = true;
    static const char *const answers[] = {
        "<Error><Code>AccessDenied</Code></Error>", "", "<a>tOkEn9</a>", "{\"x\":\"tOkEn9\"}",
        "<Error><Code>SignatureDoesNotMatch</Code><Message>no\n\ntOkEn9</Message></Error>"
    };
    static const int statuses[] = { 200, 302, 400, 403 };

    OK(sts_server_start(&s));
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 4; k++) {
            clock_advance(NANO_PER_MIN); /* the quota's tokens */
            a = sts_auth(&s);
            s.failures = -1;
            s.only = "AssumeRole";
            s.status = statuses[k];
            s.body = answers[i];
            clean = clean && key_of(&s, a, "222222222222")[0] == '\0' && problem.code && problem.text[0] &&
                    !strstr(problem.text, "sEcReT") && !strstr(problem.text, "tOkEn") && !strstr(problem.text, "ext-1");
            if (!clean)
                printf("# %d %s -> %s\n", statuses[k], answers[i], problem.text);
            aws_auth_free(a);
        }
    OK(clean);
    sts_server_stop(&s);
}

int main(void)
{
    int64_t now = clock_now();

    setenv("TEST_AWS_EXTERNAL_ID", "ext-1", 1);
    clock_set_manual(now);
    RUN(the_environment_comes_first_unless_a_profile_was_configured);
    RUN(other_accounts_get_a_role_and_our_own_none);
    RUN(without_a_role_other_accounts_are_out_of_reach);
    RUN(a_profile_may_be_a_chain_of_roles);
    RUN(a_web_identity_is_read_anew_for_each_renewal);
    RUN(an_ended_web_identity_names_its_file);
    RUN(a_container_hands_out_its_tasks_role);
    RUN(the_instance_metadata_is_the_last_resort);
    RUN(ended_sets_of_the_metadata_service_are_used_on);
    RUN(a_set_is_renewed_a_quarter_of_an_hour_ahead);
    RUN(a_failing_renewal_leaves_the_old_set_until_it_really_ends);
    RUN(a_denied_role_is_tried_once_an_hour_and_harms_no_other);
    RUN(a_refused_set_is_renewed_once);
    RUN(rotated_keys_of_a_file_are_found_when_the_old_ones_are_refused);
    RUN(a_wrong_clock_is_learned_from_the_answer);
    RUN(a_request_is_signed_with_its_accounts_set);
    RUN(no_text_holds_a_secret);
    return tap_done();
}
