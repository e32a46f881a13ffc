/*
 * Shared files: the samples of AWS's own library and ours, and what broken or hostile ones are answered with.
 */
#include "collector/sources/aws/aws_ini.h"

#include "tests/collector/sources/aws/data.h"
#include "tests/tap.h"

static struct arena memory;
static struct err problem;

static enum err_code parse(struct aws_ini *ini, enum aws_ini_kind kind, const char *text)
{
    *ini = (struct aws_ini){ 0 };
    problem = (struct err){ 0 };
    return aws_ini_parse(ini, kind, "file", sv_of(text), &memory, &problem);
}

static enum err_code sample(struct aws_ini *ini, enum aws_ini_kind kind, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "tests/data/aws/credentials/%s", name);
    *ini = (struct aws_ini){ 0 };
    problem = (struct err){ 0 };
    return aws_ini_read(ini, kind, path, true, &memory, &problem);
}

static bool holds(const struct aws_ini *ini, const char *profile, const char *key, const char *value)
{
    return sv_eq(aws_ini_get(ini, sv_of(profile), sv_of(key)), sv_of(value));
}

static void the_samples_read_as_their_library_reads_them(void)
{
    struct aws_ini ini;

    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config") == ERR_OK);
    OK(holds(&ini, "default", "aws_access_key_id", "foo") && holds(&ini, "personal", "aws_security_token", "fiebaz"));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_bad_profile") == ERR_OK);
    OK(holds(&ini, "my profile", "aws_access_key_id", "default") &&
       holds(&ini, "personal1", "aws_access_key_id", "access_personal1"));
    OK(!aws_ini_has(&ini, SV("personal")) && !aws_ini_has(&ini, SV("missing end quote")));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config_nested") == ERR_OK);
    OK(holds(&ini, "default", "region", "us-west-2") && holds(&ini, "default", "s3", "") &&
       holds(&ini, "default", "signature_version", ""));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config_nested_bad") == ERR_OK);
    OK(holds(&ini, "default", "region", "us-west-2"));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config_nocreds") == ERR_OK);
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config_other") == ERR_OK);
    OK(holds(&ini, "default", "aws_access_key_id", "other_foo"));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_third_config") == ERR_OK);
    OK(holds(&ini, "third", "aws_secret_access_key", "third_baz"));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_services_config") == ERR_OK);
    OK(holds(&ini, "default", "services", "my-services") && !aws_ini_has(&ini, SV("my-services")));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_sso_session_config") == ERR_OK);
    OK(holds(&ini, "default", "sso_session", "sso"));
    OK(sample(&ini, AWS_INI_CONFIG, "constructed/shared-config.ini") == ERR_OK);
    OK(holds(&ini, "prod", "external_id", "example-external-id") && holds(&ini, "nested", "region", "us-west-2"));
    OK(sample(&ini, AWS_INI_CREDENTIALS, "constructed/shared-credentials.ini") == ERR_OK);
    OK(holds(&ini, "base", "aws_session_token", "EXAMPLEtoken"));
}

static void errors_name_file_and_line_and_not_the_text(void)
{
    struct aws_ini ini;

    OK(sample(&ini, AWS_INI_CREDENTIALS, "botocore-cfg/aws_credentials") == ERR_CONFIG);
    OK(strstr(problem.text, "aws_credentials:1: ") && !strstr(problem.text, "foo"));
    OK(sample(&ini, AWS_INI_CONFIG, "botocore-cfg/aws_config_bad") == ERR_CONFIG && strstr(problem.text, "_bad:1: "));
    OK(parse(&ini, AWS_INI_CONFIG, "[default]\nregion = a\nwJalrSECRET\n") == ERR_CONFIG);
    OK(strcmp(problem.text, "file:3: want 'key = value' or '[section]'") == 0);
    OK(parse(&ini, AWS_INI_CONFIG, "[default\n") == ERR_CONFIG && parse(&ini, AWS_INI_CONFIG, "[a] b\n") == ERR_CONFIG);
    OK(parse(&ini, AWS_INI_CONFIG, "[default]\n= x\n") == ERR_CONFIG);
    OK(parse(&ini, AWS_INI_CONFIG, "[default]\nkey = a\001b\n") == ERR_CONFIG && strstr(problem.text, "file:2"));
    OK(sample(&ini, AWS_INI_CONFIG, "no-such-file") == ERR_CONFIG && strstr(problem.text, "no-such-file"));
}

static void spelling_is_free(void)
{
    struct aws_ini ini;

    OK(parse(&ini, AWS_INI_CONFIG,
             "\xef\xbb\xbf# first\r\n[ default ] ; behind\r\nRegion=eu-west-1\r\nregion =  eu-west-2 # why\r\n"
             "url = http://h/#x\r\n[profile\t'a b']\r\nx==y=\r\n[default]\r\nlast = 1") == ERR_OK);
    OK(holds(&ini, "default", "region", "eu-west-2") && holds(&ini, "default", "url", "http://h/#x"));
    OK(holds(&ini, "a b", "x", "=y=") && holds(&ini, "default", "last", "1"));
    OK(parse(&ini, AWS_INI_CREDENTIALS, "[profile x]\na=1\n[x]\na=2\n") == ERR_OK);
    OK(holds(&ini, "profile x", "a", "1") && holds(&ini, "x", "a", "2"));
    OK(parse(&ini, AWS_INI_CONFIG, "") == ERR_OK && ini.n == 0 && aws_ini_get(&ini, SV("x"), SV("y")).len == 0);
}

static void a_missing_file_is_an_empty_one_unless_it_was_named(void)
{
    struct aws_ini ini = { 0 };

    OK(aws_ini_read(&ini, AWS_INI_CONFIG, "build/no/such", false, &memory, &problem) == ERR_OK && ini.n == 0);
    OK(aws_ini_read(&ini, AWS_INI_CONFIG, "build/no/such", true, &memory, &problem) == ERR_CONFIG);
    OK(aws_ini_read(&ini, AWS_INI_CONFIG, "tests", false, &memory, &problem) == ERR_CONFIG);
}

int main(void)
{
    arena_init(&memory, 0);
    RUN(the_samples_read_as_their_library_reads_them);
    RUN(errors_name_file_and_line_and_not_the_text);
    RUN(spelling_is_free);
    RUN(a_missing_file_is_an_empty_one_unless_it_was_named);
    arena_done(&memory);
    return tap_done();
}
