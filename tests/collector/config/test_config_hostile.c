/*
 * What nobody writes by hand: files built to exhaust, cut in half, or not text at all. Each is refused with a place, in
 * time that grows with its size only.
 */
#include <stdlib.h>
#include <time.h>

#include "collector/config/config.h"
#include "collector/config/web.h"

#include "tests/tap.h"

static void repeat(struct buf *b, const char *piece, size_t n)
{
    while (n--)
        buf_put(b, sv_of(piece));
}

/* Generous for a sanitizer build on a busy machine; what is quadratic takes minutes. */
enum { CPU_SECONDS_MAX = 20 };

/* Whether it is refused, within the time, with a text that begins like `message`. */
static bool refused(sv text, enum err_code want, const char *message)
{
    struct config_file f;
    struct err e = { 0 };
    clock_t start = clock();
    enum err_code code = config_parse(&f, "x.yaml", text, &e);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    bool good = code == want && sv_starts(sv_of(e.text), sv_of(message)) && seconds < CPU_SECONDS_MAX;

    if (!good)
        printf("# got %s: %s (%.1f s)\n# want %s\n", err_name(code), code ? e.text : "", seconds, message);
    config_done(&f);
    return good;
}

static void a_billion_laughs_stop_at_the_first(void)
{
    struct buf b = { 0 };

    buf_put(&b, SV("a: &a [ha, ha]\n"));
    for (int c = 'b'; c < 'z'; c++)
        buf_printf(&b, "%c: &%c [*%c, *%c, *%c]\n", c, c, c - 1, c - 1, c - 1);
    OK(refused(buf_sv(&b), ERR_CONFIG, "x.yaml:1: anchors and aliases"));
    buf_done(&b);
}

static void depth_is_limited(void)
{
    /* clang-format off */
    static const struct { const char *front, *piece, *back; } deep[] = {
        { "a: ", "[",     ""  },
        { "a: ", "{a: ",  ""  },
        { "a:\n ", "- ",  "b" },
        { "",    "? ",    "b" },
        { "a: ", "[[],",  ""  },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        struct buf b = { 0 };

        buf_put(&b, sv_of(deep[i].front));
        repeat(&b, deep[i].piece, 100000);
        buf_put(&b, sv_of(deep[i].back));
        OK(refused(buf_sv(&b), ERR_CONFIG, i == 3 ? "x.yaml:1: a key must be text" : "x.yaml:"));
        buf_done(&b);
    }
}

static void sixteen_levels_are_enough_and_allowed(void)
{
    struct buf b = { 0 };
    struct config_file f;
    struct err e = { 0 };

    buf_put(&b, SV("a: "));
    repeat(&b, "[", CONFIG_DEPTH_MAX - 1);
    repeat(&b, "]", CONFIG_DEPTH_MAX - 1);
    OK(config_parse(&f, "x.yaml", buf_sv(&b), &e) == ERR_OK);
    config_done(&f);
    buf_clear(&b);
    buf_put(&b, SV("a: "));
    repeat(&b, "[", CONFIG_DEPTH_MAX);
    repeat(&b, "]", CONFIG_DEPTH_MAX);
    OK(refused(buf_sv(&b), ERR_CONFIG, "x.yaml:1: nested deeper than 16 levels"));
    buf_done(&b);
}

static void width_is_limited(void)
{
    struct buf b = { 0 };

    buf_put(&b, SV("a: ["));
    repeat(&b, "1,", CONFIG_NODES_MAX + 1);
    buf_put(&b, SV("]\n"));
    OK(refused(buf_sv(&b), ERR_CONFIG, "x.yaml:1: more than 100000 values"));
    buf_clear(&b);
    repeat(&b, "#", CONFIG_FILE_MAX + 1);
    OK(refused(buf_sv(&b), ERR_LIMIT, "x.yaml: larger than 1048576 bytes"));
    buf_done(&b);
}

static void fifty_thousand_keys_are_compared_in_time(void)
{
    struct buf b = { 0 };

    for (unsigned i = 0; i < 50000; i++)
        buf_printf(&b, "k%u: 1\n", i);
    buf_put(&b, SV("k7: 1\n"));
    OK(refused(buf_sv(&b), ERR_CONFIG, "x.yaml:50001: key 'k7' stands twice, first in line 8"));
    buf_done(&b);
}

static void bytes_that_are_no_text_are_refused_with_their_line(void)
{
    OK(refused(sv_make("a: 1\nb: \0\n", 10), ERR_CONFIG, "x.yaml:2: not valid YAML: control characters"));
    OK(refused(sv_make("a: 1\n\0b: 2\n", 11), ERR_CONFIG, "x.yaml:2: not valid YAML: control characters"));
    OK(refused(SV("a: 1\nb: \xc0\xaf\n"), ERR_CONFIG, "x.yaml:2: not valid YAML: invalid"));
    OK(refused(SV("a: \xf4\x90\x80\x80\n"), ERR_CONFIG, "x.yaml:1: not valid YAML: invalid"));
    OK(refused(SV("a: \xe2\x82"), ERR_CONFIG, "x.yaml:1: not valid YAML: incomplete"));
    OK(refused(sv_make("\xff\xfe"
                       "a\0:\0 \0b\0",
                       10),
               ERR_CONFIG, "x.yaml:1: not valid YAML: invalid leading"));
    OK(refused(SV("\x7f"
                  "ELF\x02\x01\x01"),
               ERR_CONFIG, "x.yaml:1: not valid YAML: control characters"));
    OK(refused(SV("<!DOCTYPE html>\n<html>\n"), ERR_CONFIG, "x.yaml:1: want a mapping"));
}

static const char whole[] = "tls_server_config:\n"
                            "  cert_file: \"server.pem\"\n"
                            "  key_file: 'server.key'\n"
                            "http_server_config: {headers: {X-Frame-Options: deny}}\n"
                            "basic_auth_users:\n"
                            "  joe: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

/* A cut at any byte either leaves a whole file (at the end of a line), or is refused with a place. */
static void half_of_a_file_is_refused(void)
{
    size_t loaded = 0;

    for (size_t n = 0; n < sizeof whole; n++) {
        struct web_config w;
        struct err e = { 0 };
        char *copy = malloc(n + 1); /* of its own size, so that a read past the cut is seen */
        enum err_code code;
        bool good;

        memcpy(copy, whole, n);
        code = web_parse(&w, "x.yaml", sv_make(copy, n), &e);
        free(copy);
        good =
            code ? code == ERR_CONFIG && sv_starts(sv_of(e.text), SV("x.yaml:")) : !w.n_users || n + 2 >= sizeof whole;
        if (!good)
            OK(good);
        loaded += code == ERR_OK;
        web_done(&w);
    }
    OK(loaded >= 3 && loaded < 40);
    printf("# %zu of %zu cuts are valid files\n", loaded, sizeof whole);
}

static void a_file_that_cannot_be_read_says_why(void)
{
    struct config_file f;
    struct err e = { 0 };

    OK(config_load(&f, "/nonexistent/trefoil.yaml", &e) == ERR_IO);
    OK(strcmp(e.text, "/nonexistent/trefoil.yaml: No such file or directory") == 0);
    config_done(&f);
    OK(config_load(&f, "/tmp", &e) == ERR_IO);
    OK(strcmp(e.text, "/tmp: Is a directory") == 0);
    config_done(&f);
}

int main(void)
{
    RUN(a_billion_laughs_stop_at_the_first);
    RUN(depth_is_limited);
    RUN(sixteen_levels_are_enough_and_allowed);
    RUN(width_is_limited);
    RUN(fifty_thousand_keys_are_compared_in_time);
    RUN(bytes_that_are_no_text_are_refused_with_their_line);
    RUN(half_of_a_file_is_refused);
    RUN(a_file_that_cannot_be_read_says_why);
    return tap_done();
}
