/*
 * What all clouds judge alike: words, lives, token files, URLs that a secret may travel to.
 */
#include "collector/sources/credential.h"

#include "tests/collector/sources/auth_loop.h"
#include "tests/tap.h"

static void a_life_is_held_within_limits(void)
{
    OK(credential_life_ms(3600, 7200) == 3600 * 1000);
    OK(credential_life_ms(0, 7200) == CREDENTIAL_LIFE_MIN_S * 1000);
    OK(credential_life_ms(INT64_MIN, 7200) == CREDENTIAL_LIFE_MIN_S * 1000);
    OK(credential_life_ms(INT64_MAX, 7200) == 7200 * 1000);
}

static void only_words_go_into_headers(void)
{
    OK(credential_is_word(SV("ya29.a-b_c/+=~")) && credential_is_word(SV("!")));
    OK(!credential_is_word(SV("")) && !credential_is_word(SV("a b")) && !credential_is_word(SV("a\nb")));
    OK(!credential_is_word(SV("a\x7f")) && !credential_is_word(SV("\xc3\xa9")) && !credential_is_word(SV("a\0b")));
}

static void only_identifiers_go_into_messages(void)
{
    OK(sv_eq(credential_error_word(SV("invalid_grant"), 40), SV("invalid_grant")));
    OK(credential_error_word(SV("the secret is x"), 40).len == 0);
    OK(credential_error_word(SV("invalid_grant"), 12).len == 0);
}

static void a_token_file_is_trimmed_or_named(void)
{
    char path[] = "/tmp/trefoil-credential-XXXXXX";
    int fd = mkstemp(path);
    struct err e = { 0 };
    struct buf b;
    sv token = SV_NONE;

    OK(fd >= 0 && write(fd, " a.b.c\n", 7) == 7);
    buf_init(&b, 64);
    OK(credential_read_file("token file", path, 64, &b, &token, &e) == ERR_OK && sv_eq(token, SV("a.b.c")));
    buf_clear(&b);
    OK(ftruncate(fd, 1) == 0);
    OK(credential_read_file("token file", path, 64, &b, &token, &e) == ERR_CONFIG && strstr(e.text, "is empty"));
    OK(ftruncate(fd, 65) == 0);
    OK(credential_read_file("token file", path, 64, &b, &token, &e) == ERR_CONFIG && strstr(e.text, path));
    unlink(path);
    OK(credential_read_file("token file", path, 64, &b, &token, &e) == ERR_CONFIG && strstr(e.text, "mounted"));
    close(fd);
    buf_done(&b);
}

static void an_empty_variable_is_an_unset_one(void)
{
    memset(test_environment, 0, sizeof test_environment);
    test_setenv("EMPTY", "");
    test_setenv("FULL", "x");
    OK(!credential_environment(test_getenv, "EMPTY") && !credential_environment(test_getenv, "NONE"));
    OK(strcmp(credential_environment(test_getenv, "FULL"), "x") == 0);
    setenv("TEST_CREDENTIAL", "own", 1);
    OK(strcmp(credential_environment(NULL, "TEST_CREDENTIAL"), "own") == 0);
}

static void plain_http_stays_on_the_machine(void)
{
    static const char *const more[] = { "169.254.169.254", "[fd00:ec2::254]", NULL };
    /* clang-format off */
    static const struct { const char *url; bool good; } rows[] = {
        { "https://any.example/x", true },           { "http://any.example/x", false },
        { "http://127.1.2.3:80/x", true },           { "http://localhost:8080/x", true },
        { "http://[::1]:8/x", true },                { "http://169.254.169.254/x", true },
        { "http://[fd00:ec2::254]/x", true },        { "http://169.254.169.253/x", false },
        { "http://127.0.0.1.evil.example/", false }, { "http://localhost@evil.example/", false },
        { "http://evil.example/?127.0.0.1", false }, { "ftp://127.0.0.1/", false },
        { "file:///etc/passwd", false },             { "", false },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# %s\n", rows[i].url);
        OK(credential_url_ok(sv_of(rows[i].url), more) == rows[i].good);
    }
}

int main(void)
{
    RUN(a_life_is_held_within_limits);
    RUN(only_words_go_into_headers);
    RUN(only_identifiers_go_into_messages);
    RUN(a_token_file_is_trimmed_or_named);
    RUN(an_empty_variable_is_an_unset_one);
    RUN(plain_http_stays_on_the_machine);
    return tap_done();
}
