/* Secrets by reference: what is read, what is refused, and that no message holds the content. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/config/secret.h"

#include "tests/tap.h"

static char dir[] = "/tmp/trefoil-secret-XXXXXX";
static char path[96], reference[128];

static void write_file(sv content, mode_t mode)
{
    FILE *f = fopen(path, "w");

    if (!f || fwrite(content.at, 1, content.len, f) != content.len)
        exit(99);
    fclose(f);
    chmod(path, mode);
}

static struct secret the_file(void)
{
    return (struct secret){ reference };
}

static bool reads(struct secret s, sv want)
{
    struct buf b = { 0 };
    struct err e = { 0 };
    bool good = secret_read(s, &b, &e) == ERR_OK && sv_eq(buf_sv(&b), want);

    if (!good)
        printf("# got %zu bytes, error '%s'\n", b.len, e.text);
    secret_wipe(&b);
    return good && !b.at && !b.len;
}

static bool refused(struct secret s, const char *format, const char *argument)
{
    struct buf b = { 0 };
    struct err e = { 0 };
    char want[300];
    bool good;

    snprintf(want, sizeof want, format, argument, argument);
    good = secret_read(s, &b, &e) == ERR_CONFIG && strcmp(e.text, want) == 0 && !b.at;
    if (!good)
        printf("# got  %s\n# want %s\n", e.text, want);
    buf_done(&b);
    return good;
}

static void marks_and_line_ends_are_cut_off(void)
{
    /* clang-format off */
    const struct { sv content, want; } rows[] = {
        { SV("sesame"),                  SV("sesame")        },
        { SV("sesame\n"),                SV("sesame")        },
        { SV("sesame\r\n"),              SV("sesame")        },
        { SV("\xEF\xBB\xBFsesame\r\n"),  SV("sesame")        },
        { SV("  open sesame \n"),        SV("  open sesame ") },
        { SV("two\nlines\n\n"),          SV("two\nlines")    },
        { SV("a\0b"),                    SV("a\0b")          },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(rows[i].content, 0600);
        OK(reads(the_file(), rows[i].want));
    }
}

static void a_file_is_read_anew_each_time(void)
{
    write_file(SV("first"), 0400);
    OK(reads(the_file(), SV("first")));
    unlink(path);
    write_file(SV("second"), 0400);
    OK(reads(the_file(), SV("second")));
}

static void a_file_open_to_others_is_refused(void)
{
    write_file(SV("sesame"), 0644);
    OK(refused(the_file(), "secret file %s: mode 0644 is open to others: chmod 600 %s", path));
    chmod(path, 0640);
    OK(refused(the_file(), "secret file %s: mode 0640 is open to others: chmod 600 %s", path));
    chmod(path, 0602);
    OK(refused(the_file(), "secret file %s: mode 0602 is open to others: chmod 600 %s", path));
    chmod(path, 0600);
    OK(reads(the_file(), SV("sesame")));
}

static void what_is_no_secret_is_refused(void)
{
    struct secret none = { NULL };

    unlink(path);
    OK(refused(the_file(), "secret file %s: No such file or directory", path));
    mkfifo(path, 0600);
    OK(refused(the_file(), "secret file %s: not a regular file", path));
    unlink(path);
    mkdir(path, 0700);
    OK(refused(the_file(), "secret file %s: not a regular file", path));
    rmdir(path);
    write_file(SV("\xEF\xBB\xBF\r\n"), 0600);
    OK(refused(the_file(), "secret file:%s: empty", path));
    OK(refused(none, "secret: want file:PATH or env:NAME", ""));
    OK(!secret_is_set(none) && secret_is_set(the_file()));
}

static void size_is_limited(void)
{
    struct buf b = { 0 };

    for (size_t i = 0; i < SECRET_BYTES_MAX; i++)
        buf_putc(&b, 'x');
    write_file(buf_sv(&b), 0600);
    OK(reads(the_file(), buf_sv(&b)));
    buf_putc(&b, 'x');
    write_file(buf_sv(&b), 0600);
    OK(refused(the_file(), "secret file %s: larger than 65536 bytes: is it the right file?", path));
    buf_done(&b);
}

static void the_environment_is_a_source(void)
{
    struct secret s = { "env:TREFOIL_TEST_SECRET" };

    unsetenv("TREFOIL_TEST_SECRET");
    OK(refused(s, "secret env:TREFOIL_TEST_SECRET: this environment variable is not set", ""));
    setenv("TREFOIL_TEST_SECRET", "", 1);
    OK(refused(s, "secret env:TREFOIL_TEST_SECRET: empty", ""));
    setenv("TREFOIL_TEST_SECRET", "sesame\n", 1);
    OK(reads(s, SV("sesame")));
}

static void a_later_read_replaces_the_former(void)
{
    struct buf b = { 0 };
    struct err e = { 0 };

    write_file(SV("first and longer"), 0600);
    OK(secret_read(the_file(), &b, &e) == ERR_OK);
    write_file(SV("second"), 0600);
    OK(secret_read(the_file(), &b, &e) == ERR_OK && sv_eq(buf_sv(&b), SV("second")));
    secret_wipe(&b);
}

static void only_the_two_forms_are_references(void)
{
    static const char *const good[] = { "file:/a", "file:relative", "env:A", "env:_a9" };
    static const char *const bad[] = { "", "sesame", "file:", "env:", "env:9A", "env:A B", "env:A=B", "File:/a", "/a" };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        OK(secret_reference_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(!secret_reference_ok(bad[i]));
    OK(!secret_reference_ok(NULL));
}

int main(void)
{
    if (!mkdtemp(dir))
        return 99;
    snprintf(path, sizeof path, "%s/key", dir);
    snprintf(reference, sizeof reference, "file:%s", path);
    RUN(marks_and_line_ends_are_cut_off);
    RUN(a_file_is_read_anew_each_time);
    RUN(a_file_open_to_others_is_refused);
    RUN(what_is_no_secret_is_refused);
    RUN(size_is_limited);
    RUN(the_environment_is_a_source);
    RUN(a_later_read_replaces_the_former);
    RUN(only_the_two_forms_are_references);
    unlink(path);
    rmdir(dir);
    return tap_done();
}
