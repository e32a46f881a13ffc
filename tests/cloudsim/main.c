/* cloudsim: arguments, signals, start; see sim.h for the parts. Exit 0 fine, 1 failed, 2 usage. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tests/cloudsim/api.h"

enum { TOKEN_FILE_EVERY_S = 600 };

/* Waits for SIGINT or SIGTERM; meanwhile the projected tokens are renewed, as their owner would do. */
static void serve_until_signal(const struct sim *s, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct err e;

    while (poll(&p, 1, (int)clock_real_ms(TOKEN_FILE_EVERY_S * INT64_C(1000))) == 0)
        if (config_renew(s, &e))
            fprintf(stderr, "cloudsim: %s\n", e.text);
}

int main(int argc, char **argv)
{
    struct err e = { .code = ERR_OK };
    struct sim_options o;
    struct sim s;
    sigset_t set;
    bool help;
    int fd, rc = 0;

    if (!sim_parse_args(argc, argv, &o, &help, &e)) {
        if (!help)
            fprintf(stderr, "cloudsim: %s\n", e.text);
        return help ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (sim_open(&s, &o, &e) || config_write(&s, &e)) {
        fprintf(stderr, "cloudsim: %s\n", e.text);
        rc = 1;
    } else {
        printf("cloudsim: control=127.0.0.1:%u tls=127.0.0.1:%u config=%s/trefoil.yaml anchor=%lld origin=%lld\n",
               http_server_port(s.control), http_server_port(s.tls), s.options.dir,
               (long long)s.options.anchor_unix_nano, (long long)s.options.origin_unix_nano);
        fflush(stdout);
        serve_until_signal(&s, fd);
    }
    sim_close(&s);
    close(fd);
    return rc;
}
