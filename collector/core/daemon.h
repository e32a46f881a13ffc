/*
 * `run`: the daemon. Opens the spine, the sources and the exporters, serves HTTP until it is told to stop.
 *
 * Signals: SIGTERM and SIGINT end it in order (the second one at once, with nothing lost: what was acknowledged is durable);
 * SIGHUP reloads the configuration. A reload that fails leaves everything as it was.
 */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include "collector/core/flags.h"
#include "collector/core/settings.h"

/* Loads the settings, the command line applied, at least one source configured. */
MUST_USE enum err_code daemon_settings(const struct flags *f, struct settings *s, struct err *e);

/* Blocks until the end. ERR_OK after an orderly stop. */
MUST_USE enum err_code daemon_run(const struct flags *f, struct err *e);

/* Opens one configured source with what it needs around it; instance_close accepts NULL and what is half built. */
struct instance;
MUST_USE struct instance *instance_open(const struct settings *s, const struct settings_source *from,
                                        struct ledger *ledger, struct err *e);
void instance_close(struct instance *in);

#endif
