/* What `check` says without calling anybody. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/core/check.h"

#include "tests/tap.h"

static char dir[] = "/tmp/trefoil-check-XXXXXX";

/* Its lines on standard output, in `out`. */
static enum err_code run_check(const char *yaml, struct buf *out)
{
    char config[64], told[64];
    const struct flags flags = { .config_file = config };
    int stdout_fd = dup(STDOUT_FILENO), fd;
    struct err e = { 0 };
    enum err_code code;
    FILE *f;

    snprintf(config, sizeof config, "%s/trefoil.yaml", dir);
    snprintf(told, sizeof told, "%s/told", dir);
    f = fopen(config, "w");
    fputs(yaml, f);
    fclose(f);
    fflush(stdout);
    fd = open(told, O_CREAT | O_RDWR | O_TRUNC, 0600);
    dup2(fd, STDOUT_FILENO);
    code = check(&flags, &e);
    fflush(stdout);
    dup2(stdout_fd, STDOUT_FILENO);
    close(fd);
    close(stdout_fd);
    buf_clear(out);
    OK(buf_read_file(out, told, 1 << 20, NULL) == ERR_OK);
    return code;
}

static bool says(const struct buf *b, const char *text)
{
    return memmem(b->at, b->len, text, strlen(text)) != NULL;
}

/* S-24 */
static void a_budget_below_the_forecast_is_a_warning_that_says_by_how_much(void)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    setenv("OPENAI_ADMIN_KEY", "sk-admin-x", 1);
    OK(run_check("openai: {budget: {calls_per_day: 100}}\n", &out) == ERR_OK);
    OK(says(&out, "warn  openai: budget of 100 calls a day, forecast of ") && says(&out, "stretched 9"));
    OK(says(&out, "raise openai.budget, or make intervals"));
    OK(run_check("openai: {budget: {calls_per_day: 1000000}}\n", &out) == ERR_OK && !says(&out, "stretched"));
    OK(run_check("openai: {}\n", &out) == ERR_OK && !says(&out, "stretched"));
    OK(run_check("aws: {region: eu-west-1, budget: {usd_per_day: 0.01}}\n", &out) == ERR_OK);
    OK(says(&out, "warn  aws: budget of 0.01 USD a day, forecast of "));
    OK(run_check("openai: {budget: {calls_per_day: -1}}\n", &out) == ERR_CONFIG);
    OK(run_check("openai: {budget: {calls: 1}}\n", &out) == ERR_CONFIG);
    buf_done(&out);
}

int main(void)
{
    char command[64];

    OK(mkdtemp(dir) != NULL);
    RUN(a_budget_below_the_forecast_is_a_warning_that_says_by_how_much);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    OK(system(command) == 0);
    return tap_done();
}
