/* A daemon in a child: a reload that cannot be taken leaves the old sources at work. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/core/daemon.h"

#include "tests/collector/core/daemon_client.h"
#include "tests/collector/core/fake_source.h"
#include "tests/tap.h"

static char dir[32], config[64], data[64];
static pid_t child;

static void write_config(const char *more)
{
    FILE *f = fopen(config, "w");

    fprintf(f,
            "azure:\n  credential: client_secret\n  tenant_id: 11111111-1111-1111-1111-111111111111\n"
            "  client_id: 22222222-2222-2222-2222-222222222222\n  client_secret: \"file:%s/secret\"\n"
            "  subscriptions: [33333333-3333-3333-3333-333333333333]\n"
            "  endpoints:\n    authority: http://127.0.0.1:9\n    resource_manager: http://127.0.0.1:9\n"
            "    metrics: http://127.0.0.1:9\n    logs: http://127.0.0.1:9\n    imds: http://127.0.0.1:9\n%s",
            dir, more);
    fclose(f);
}

static void begin(void)
{
    const struct flags flags = { .config_file = config, .storage_path = data, .listen_address = listen_at };
    FILE *secret;
    char path[64];
    struct err e = { 0 };

    strcpy(dir, "/tmp/trefoil-reload-XXXXXX");
    OK(mkdtemp(dir) != NULL);
    snprintf(config, sizeof config, "%s/trefoil.yaml", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(path, sizeof path, "%s/secret", dir);
    umask(077);
    secret = fopen(path, "w");
    fputs("s", secret);
    fclose(secret);
    write_config("");
    free_port();
    child = fork();
    if (child == 0) {
        enum err_code code = daemon_run(&flags, &e);

        fprintf(stderr, "%s\n", e.text);
        _exit(code != ERR_OK);
    }
}

static void end(void)
{
    int status = -1;

    kill(child, SIGTERM);
    OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fake_remove(dir);
}

static void a_reload_that_cannot_be_taken_leaves_the_old_sources_at_work(void)
{
    begin();
    OK(get("/api/v1/sources", "\"scope\""));
    write_config("  metrics: { lookback: 1m, settle: 20m }\n");
    kill(child, SIGHUP);
    OK(get("/metrics", "\ntrefoil_config_last_reload_successful 0"));
    OK(get("/api/v1/sources", "\"scope\""));
    write_config("");
    kill(child, SIGHUP);
    OK(get("/metrics", "\ntrefoil_config_last_reload_successful 1"));
    OK(get("/api/v1/sources", "\"scope\""));
    end();
}

int main(void)
{
    RUN(a_reload_that_cannot_be_taken_leaves_the_old_sources_at_work);
    return tap_done();
}
