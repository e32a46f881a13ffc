/* Errors: texts grow at the front, codes stay, names are unique. */
#include <errno.h>
#include <string.h>

#include "collector/base/err.h"

#include "tests/tap.h"

static void context_goes_to_the_front(void)
{
    struct err e = { 0 };

    OK(err_set(&e, ERR_PARSE, "byte %d: want '%c'", 0, '{') == ERR_PARSE);
    OK(err_wrap(&e, "page %d", 3) == ERR_PARSE);
    OK(err_wrap(&e, "azure") == ERR_PARSE);
    OK(e.code == ERR_PARSE && strcmp(e.text, "azure: page 3: byte 0: want '{'") == 0);
}

static void a_new_error_forgets_the_old_one(void)
{
    struct err e = { .code = ERR_THROTTLED, .sys = 7, .retry_after_ms = 9, .text = "old" };

    OK(err_set(&e, ERR_RETRY, "new: %s", e.text) == ERR_RETRY);
    OK(e.sys == 0 && e.retry_after_ms == 0 && strcmp(e.text, "new: old") == 0);
}

static void errno_is_kept_and_named(void)
{
    struct err e = { 0 };

    errno = ENOENT;
    OK(err_sys(&e, "%s", "/a/b") == ERR_IO);
    OK(e.code == ERR_IO && e.sys == ENOENT && strcmp(e.text, "/a/b: No such file or directory") == 0);
    errno = EACCES;
    OK(err_sys(NULL, "x") == ERR_IO);
}

static void long_texts_are_cut_at_the_end(void)
{
    struct err e = { 0 };
    char text[1000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_LIMIT, "%s", text);
    OK(strlen(e.text) == sizeof e.text - 1);
    OK(err_wrap(&e, "front") == ERR_LIMIT);
    OK(strlen(e.text) == sizeof e.text - 1 && strncmp(e.text, "front: xxx", 10) == 0);
    OK(err_wrap(&e, "%s", text) == ERR_LIMIT);
    OK(strlen(e.text) == sizeof e.text - 1);
    for (int i = 0; i < 100; i++)
        err_wrap(&e, "level %d", i);
    OK(strncmp(e.text, "level 99: level 98: ", 20) == 0);
    errno = EIO;
    err_sys(&e, "%s", text);
    OK(strstr(e.text, ": Input/output error") != NULL);
}

static void nobody_has_to_ask_for_the_text(void)
{
    OK(err_set(NULL, ERR_GONE, "x") == ERR_GONE);
    OK(err_wrap(NULL, "x") != ERR_OK);
}

static void every_code_has_a_name_of_its_own(void)
{
    for (int i = 0; i < ERR_CODES; i++) {
        OK(err_name((enum err_code)i) && err_name((enum err_code)i)[0]);
        for (int j = 0; j < i; j++)
            if (strcmp(err_name((enum err_code)i), err_name((enum err_code)j)) == 0)
                OK(false);
    }
    OK(strcmp(err_name(ERR_CODES), "unknown") == 0);
    OK(strcmp(err_name(ERR_THROTTLED), "throttled") == 0);
}

static void what_needs_a_person_is_not_retryable(void)
{
    OK(err_retryable(ERR_RETRY) && err_retryable(ERR_THROTTLED) && err_retryable(ERR_PARTIAL));
    OK(!err_retryable(ERR_OK) && !err_retryable(ERR_CONFIG) && !err_retryable(ERR_CANCELLED) &&
       !err_retryable(ERR_REFUSED));
    OK(!err_retryable(ERR_CODES));
}

int main(void)
{
    RUN(context_goes_to_the_front);
    RUN(a_new_error_forgets_the_old_one);
    RUN(errno_is_kept_and_named);
    RUN(long_texts_are_cut_at_the_end);
    RUN(nobody_has_to_ask_for_the_text);
    RUN(every_code_has_a_name_of_its_own);
    RUN(what_needs_a_person_is_not_retryable);
    return tap_done();
}
