/*
 * Forms and answers of STS, documents of metadata services, failures with their remedy, and the small XML reader under
 * them.
 */
#include "collector/base/clock.h"
#include "collector/sources/aws/aws_token.h"
#include "collector/sources/aws/aws_xml.h"
#include "collector/sources/credential.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static struct arena memory;
static struct err problem;

static int64_t at(const char *text)
{
    int64_t t = 0;

    return sv_to_time(sv_of(text), &t) ? t : 0;
}

static enum err_code sts_sample(const char *name, const char *now, struct aws_token_answer *out)
{
    struct buf b;
    enum err_code code = ERR_IO;

    problem = (struct err){ 0 };
    if (data_read(name, &b))
        code = aws_token_sts(buf_sv(&b), at(now), &memory, out, &problem);
    buf_done(&b);
    return code;
}

static void sts_answers_are_read(void)
{
    struct aws_token_answer t = { 0 };

    OK(sts_sample("sts/assume-role.response.xml", "2026-09-21T14:14:00Z", &t) == ERR_OK);
    OK(sv_eq(t.keys.access_key_id, SV("ASIAEXAMPLEEXAMPLE01")) && t.life_ms == 3600 * 1000 && !t.stale);
    OK(sv_eq(t.keys.secret_access_key, SV("wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY")));
    OK(sv_eq(t.keys.session_token, SV("EXAMPLEtoken//////////wEXAMPLE==")));
    OK(sts_sample("sts/assume-role-with-web-identity.response.xml", "2026-09-21T15:13:59Z", &t) == ERR_OK);
    OK(t.life_ms == CREDENTIAL_LIFE_MIN_S * 1000);
    OK(sts_sample("sts/get-session-token.response.xml", "2011-07-11T19:00:00Z", &t) == ERR_OK);
    OK(sv_starts(t.keys.session_token,
                 SV("AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXC")));
    OK(sts_sample("sts/get-session-token.error.xml", "2011-07-11T19:00:00Z", &t) == ERR_PARSE);
}

static void the_caller_is_read(void)
{
    struct buf b;
    sv account = SV_NONE, arn = SV_NONE;

    OK(data_read("sts/get-caller-identity.response.xml", &b));
    OK(aws_token_caller(buf_sv(&b), &memory, &account, &arn, &problem) == ERR_OK);
    OK(sv_eq(account, SV("123456789012")) &&
       sv_eq(arn, SV("arn:aws:sts::123456789012:assumed-role/ExampleAppRole/session-a")));
    OK(aws_token_caller(
           SV("<GetCallerIdentityResult><Account>12345678901x</Account><Arn>arn:aws:x</Arn></GetCallerIdentityResult>"),
           &memory, &account, &arn, &problem) == ERR_PARSE);
    buf_done(&b);
}

static enum err_code metadata_sample(const char *name, const char *now, struct aws_token_answer *out)
{
    struct buf b;
    enum err_code code = ERR_IO;

    problem = (struct err){ 0 };
    if (data_read(name, &b))
        code = aws_token_metadata(buf_sv(&b), at(now), &memory, out, &problem);
    buf_done(&b);
    return code;
}

static void metadata_documents_are_read(void)
{
    struct aws_token_answer t = { 0 };

    OK(metadata_sample("credentials/constructed/container-credentials.json", "2026-09-21T20:04:00Z", &t) == ERR_OK);
    OK(sv_eq(t.keys.session_token, SV("EXAMPLEtoken")) && t.life_ms == 600 * 1000 && !t.stale);
    OK(metadata_sample("credentials/constructed/imds-credentials.json", "2026-09-21T14:14:00Z", &t) == ERR_OK);
    OK(t.life_ms == 6 * 3600 * 1000);
    /* During an outage the service hands out what has ended: it is used on. */
    OK(metadata_sample("credentials/constructed/imds-credentials.json", "2026-09-22T14:14:00Z", &t) == ERR_OK);
    OK(t.stale && t.life_ms == AWS_TOKEN_STALE_S * 1000);
    OK(metadata_sample("credentials/constructed/imds-credentials-failed.json", "2026-09-21T14:14:00Z", &t) ==
       ERR_CONFIG);
    OK(strstr(problem.text, "AssumeRoleUnauthorizedAccess"));
    OK(aws_token_metadata(SV("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}"), 0, &memory, &t, &problem) == ERR_OK);
    OK(t.life_ms == 0 && t.keys.session_token.len == 0);
    OK(aws_token_metadata(SV("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"x\\ny\"}"), 0, &memory, &t,
                          &problem) == ERR_PARSE);
    OK(aws_token_metadata(SV("{\"AccessKeyId\":\"wJalr"), 0, &memory, &t, &problem) == ERR_PARSE &&
       !strstr(problem.text, "wJalr"));
    OK(aws_token_metadata(SV("{}"), 0, &memory, &t, &problem) == ERR_PARSE);
}

static void forms_are_escaped(void)
{
    struct aws_role role = {
        .arn = SV("arn:aws:iam::1:role/a/b"), .session_name = SV("x@y"), .external_id = SV("e:/+ 1"), .duration_s = 900
    };
    struct buf b;

    buf_init(&b, 0);
    aws_token_assume_form(&b, &role);
    OK(sv_eq(buf_sv(&b), SV("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Fb&"
                            "RoleSessionName=x%40y&DurationSeconds=900&ExternalId=e%3A%2F%2B%201")));
    buf_clear(&b);
    aws_token_web_form(&b, &role, SV("t.o+k"));
    OK(sv_ends(buf_sv(&b), SV("&DurationSeconds=900&WebIdentityToken=t.o%2Bk")) &&
       !sv_has(buf_sv(&b), SV("ExternalId")));
    buf_clear(&b);
    aws_token_caller_form(&b);
    OK(sv_eq(buf_sv(&b), SV("Action=GetCallerIdentity&Version=2011-06-15")));
    buf_clear(&b);
    aws_role_arn(&b, SV("arn:{partition}:iam::{account}:role/{x}{account}"), SV("aws-cn"), SV("111122223333"));
    OK(sv_eq(buf_sv(&b), SV("arn:aws-cn:iam::111122223333:role/{x}111122223333")));
    buf_done(&b);
}

static enum err_code refused(int status, const char *body)
{
    struct http_response r = { .status = status };
    enum err_code code;

    problem = (struct err){ 0 };
    buf_init(&r.body, 0);
    buf_put(&r.body, sv_of(body));
    code = aws_token_error(&r, SV("AssumeRole x"), &problem);
    http_response_done(&r);
    return code;
}

static void refusals_tell_the_remedy(void)
{
    struct data_json d;

    OK(data_json("errors/sts-access-denied.query.json", &d));
    OK(refused(403, json_sv(json_get(d.root, SV("body"))).at) == ERR_DENIED && strstr(problem.text, "trust policy"));
    OK(strstr(problem.text, "AssumeRole x: http 403 AccessDenied: User: arn:aws:iam::123456789012:user/example"));
    data_done(&d);
    OK(refused(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>does not match</Message></Error>") ==
           ERR_CONFIG &&
       strstr(problem.text, "secret access key does not belong"));
    OK(refused(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 1</Message></Error>") ==
           ERR_RETRY &&
       strstr(problem.text, "clock"));
    OK(refused(403, "<Error><Code>InvalidClientTokenId</Code></Error>") == ERR_AUTH &&
       strstr(problem.text, "unknown here"));
    OK(refused(400, "<Error><Code>InvalidIdentityToken</Code></Error>") == ERR_CONFIG);
    OK(refused(403, "<Error><Code>RegionDisabledException</Code></Error>") == ERR_CONFIG &&
       strstr(problem.text, "STS is off"));
    OK(refused(400, "<Error><Code>Throttling</Code></Error>") == ERR_THROTTLED);
    OK(refused(500, "") == ERR_RETRY);
}

static bool text_is(const char *document, const char *expected)
{
    sv out = SV_NONE;
    bool found = aws_xml_text(sv_of(document), SV("a"), SV("b"), &memory, &out);

    return expected ? found && sv_eq(out, sv_of(expected)) : !found;
}

static void xml_is_read_as_far_as_it_is_needed(void)
{
    OK(text_is(
        "<?xml version='1.0'?><!-- <a><b>no</b></a> --><x:a y=\"<>\"><z/><n:b> 1 &lt;&#65;&#x42;&amp;&gt; </n:b></x:a>",
        "1 <AB&>"));
    OK(text_is("<a><b><![CDATA[<&amp;>]]> x</b></a>", "<&amp;> x"));
    OK(text_is("<a><b>1<c>2</c>3</b></a>", "13") && text_is("<a><b/></a>", "") && text_is("<a><b></b></a>", ""));
    OK(text_is("<q><b>no</b><a><c><b>no</b></c><b>yes</b></a></q>", "yes"));
    OK(text_is("<a><b>&unknown; &#0; &#xD800; & &#1114112;</b></a>", "&unknown; &#0; &#xD800; & &#1114112;"));
    OK(text_is("<a><b>1", NULL) && text_is("<a></x><b>1</b></a>", NULL) &&
       text_is("<!DOCTYPE a []><a><b>1</b></a>", NULL));
    OK(text_is("", NULL) && text_is("<", NULL) && text_is("<a", NULL) && text_is("<a><b x='>1</b></a>", NULL) &&
       text_is("<>", NULL));
    OK(text_is("<a><b>\xc3\xa9&#233;&#8364;&#128512;</b></a>", "\xc3\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
}

static void xml_has_a_depth(void)
{
    struct buf b;
    sv out;

    buf_init(&b, 0);
    for (int i = 0; i < 100000; i++)
        buf_put(&b, SV("<a>"));
    buf_put(&b, SV("<b>1</b>"));
    OK(!aws_xml_text(buf_sv(&b), SV("a"), SV("b"), &memory, &out));
    buf_done(&b);
}

int main(void)
{
    arena_init(&memory, 0);
    RUN(sts_answers_are_read);
    RUN(the_caller_is_read);
    RUN(metadata_documents_are_read);
    RUN(forms_are_escaped);
    RUN(refusals_tell_the_remedy);
    RUN(xml_is_read_as_far_as_it_is_needed);
    RUN(xml_has_a_depth);
    arena_done(&memory);
    return tap_done();
}
