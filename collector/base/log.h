/*
 * The log: one line per event on standard error, logfmt or JSON, never blocking, never twice.
 *
 * The same text within a minute is counted, not repeated; the count comes with the next one, and log_repeated() has all
 * of them. At most LOG_LINES_PER_S lines a second and LOG_LINES_PER_H an hour are written, each of at most LOG_LINE_BYTES.
 * A line for which standard error has no room at once (a pipe that nobody reads, a full disk, nobody there) is left out. What is
 * left out is counted in log_dropped().
 * Control bytes are escaped. Secrets have no print path (config/secret.h).
 *
 * Thread-safety: all functions, any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum { LOG_LINES_PER_S = 50, LOG_LINES_PER_H = 20000, LOG_LINE_BYTES = 4096 };

void log_set(enum log_level least, bool json);
bool log_level_parse(const char *name, enum log_level *out); /* debug, info, warn, error */

/* `component` is a short constant ("azure", "journal"). */
void log_at(enum log_level level, const char *component, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

uint64_t log_dropped(void);
uint64_t log_repeated(void);

#endif
