/* A daemon in a child, with a source of ours in the place of the clouds: its pages answer while it replays, and while a reload
 * waits for a source that does not end. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "collector/base/disk.h"
#include "collector/core/daemon.h"

#include "tests/collector/core/daemon_client.h"
#include "tests/collector/core/fake_source.h"

enum { FRAMES = 12, FRAME_BYTES = 700 << 10, GATE_MS = 1500, STUCK_MS = 4000 };

static char dir[32], config[64], data[64], gate[64];
static pid_t child;

/* ---- the source ---- */

struct stuck_config {
    const char *id;
};

/* clang-format off */
static const struct option stuck_options[] = { { .name = "id", .type = OPT_STRING, .offset = 0, .dflt = "stuck", .help = "Its name." }, { 0 } };
/* clang-format on */

static enum err_code stuck_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct source_job *j = job_list_add(out);

    (void)self;
    (void)e;
    *j = (struct source_job){
        .kind = JOB_SNAPSHOT, .scope = SV("s"), .group = SV("g"), .signal = SV("metrics"), .interval_ms = 1
    };
    return ERR_OK;
}

/* No cancel reaches it. */
static enum err_code stuck_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                                struct err *e)
{
    (void)self;
    (void)job;
    (void)w;
    (void)out;
    (void)e;
    sleep_ms(STUCK_MS);
    return ERR_OK;
}

static struct source *stuck_open(const void *cfg, const struct source_env *env, struct err *e);
static void stuck_close(struct source *self)
{
    free(self);
}

static const struct source_ops stuck_ops = { .name = "stuck",
                                             .options = stuck_options,
                                             .config_size = sizeof(struct stuck_config),
                                             .rules = fake_rules,
                                             .n_rules = 1,
                                             .open = stuck_open,
                                             .jobs = stuck_jobs,
                                             .poll = stuck_poll,
                                             .close = stuck_close };

static struct source *stuck_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct source *s = calloc(1, sizeof *s);

    (void)cfg;
    (void)e;
    *s = (struct source){ &stuck_ops, env };
    return s;
}

const struct source_ops *const source_registry[] = { &stuck_ops, NULL };

/* ---- the disk ---- */

/* Recovery, in the main thread, reads as always; the replay's every read waits while there is a gate. */
static ssize_t slow_pread(int fd, void *out, size_t n, off_t from)
{
    if (getpid() != (pid_t)syscall(SYS_gettid))
        for (int i = 0; i < GATE_MS / 10 && access(gate, F_OK) == 0; i++)
            sleep_ms(10);
    return disk_system.pread(fd, out, n, from);
}

static void fill_journal(void)
{
    static char bytes[FRAME_BYTES];
    char path[80];
    uint64_t x = 1;
    struct journal *j;
    bool ok = true;

    snprintf(path, sizeof path, "%s/journal", data);
    mkdir(data, 0700);
    j = journal_open(&(struct journal_options){ .dir = path }, NULL, NULL);
    for (int i = 0; j && i < FRAMES; i++) {
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)((x = x * 6364136223846793005U + 1442695040888963407U) >> 56);
        ok &= journal_append(j, SV("x"), sv_make(bytes, sizeof bytes), NULL, NULL) == ERR_OK;
    }
    OK(j && ok);
    journal_close(j);
}

/* ---- the child ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    fputs(text, f);
    fclose(f);
}

static void prepare(void)
{
    strcpy(dir, "/tmp/trefoil-daemon-XXXXXX");
    OK(mkdtemp(dir) != NULL);
    snprintf(config, sizeof config, "%s/trefoil.yaml", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(gate, sizeof gate, "%s/gate", dir);
    write_file(config, "stuck: {}\n");
    free_port();
}

static void start(void)
{
    static struct disk slow;
    const struct flags flags = { .config_file = config, .storage_path = data, .listen_address = listen_at };
    struct err e = { 0 };

    fflush(stdout);
    child = fork();
    if (child)
        return;
    slow = disk_system;
    slow.pread = slow_pread;
    disk_set(&slow);
    if (daemon_run(&flags, &e)) {
        fprintf(stderr, "%s\n", e.text);
        _exit(1);
    }
    _exit(0);
}

/* Whether it ends with 0, in at most that time. */
static bool stop(int64_t most_ms)
{
    int64_t until = now_ms() + most_ms;
    int status = -1;
    pid_t ended = 0;

    kill(child, SIGTERM);
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && now_ms() < until)
        sleep_ms(10);
    if (ended == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void while_it_replays_its_pages_say_so_and_it_can_be_ended(void)
{
    prepare();
    fill_journal();
    write_file(gate, "");
    start();
    OK(get("/-/ready", "HTTP/1.1 503"));
    OK(get("/-/ready", "replaying 0 of 12"));
    OK(get("/-/healthy", "HTTP/1.1 200"));
    OK(get("/metrics", "HTTP/1.1 503") && !strstr(get_once("/metrics"), "genai_"));
    OK(get("/", "HTTP/1.1 200") && strstr(get_once("/"), "Replaying "));
    OK(get("/api/v1/sources", "\"ready\":false"));
    /* A frame takes a few reads, which may still wait for the gate; all twelve frames would take three times as long. */
    OK(stop(5 * GATE_MS));
    unlink(gate);
    start();
    OK(get("/-/ready", "HTTP/1.1 200"));
    OK(get("/metrics", "\ntrefoil_journal_corrupt_frames_total"));
    OK(get("/api/v1/sources", "\"ready\":true"));
    OK(stop(STUCK_MS + 5000));
    fake_remove(dir);
}

static void while_a_reload_waits_for_a_source_its_pages_answer(void)
{
    static const char *const paths[] = { "/-/healthy", "/-/ready", "/metrics", "/api/v1/sources", "/" };
    int64_t began, worst = 0;
    bool all = true, over = false;

    prepare();
    start();
    OK(get("/api/v1/sources", "\"polls\":") && get("/-/ready", "HTTP/1.1 200"));
    sleep_ms(1500); /* it is polled within a second of the start */
    write_file(config, "stuck: {id: other}\n");
    kill(child, SIGHUP);
    for (int i = 0; !over && i < 200; i++) {
        for (size_t k = 0; k < sizeof paths / sizeof paths[0]; k++) {
            began = now_ms();
            all &= strstr(get_once(paths[k]), "HTTP/1.1 200") != NULL;
            worst = now_ms() - began > worst ? now_ms() - began : worst;
        }
        over = strstr(get_once("/api/v1/sources"), "\"other\"") != NULL;
        sleep_ms(50);
    }
    OK(over && all);
    OK(worst < 1000);
    printf("# slowest answer: %lld ms\n", (long long)worst);
    OK(get("/metrics", "\ntrefoil_config_last_reload_successful 1"));
    write_file(config, "stuck: {id: other, nonsense: 1}\n");
    kill(child, SIGHUP);
    OK(get("/metrics", "\ntrefoil_config_last_reload_successful 0"));
    OK(get("/api/v1/sources", "\"other\"") && get("/api/v1/sources", "\"error\":null,\"records\""));
    OK(stop(STUCK_MS + 5000));
    fake_remove(dir);
}

int main(void)
{
    RUN(while_it_replays_its_pages_say_so_and_it_can_be_ended);
    RUN(while_a_reload_waits_for_a_source_its_pages_answer);
    return tap_done();
}
