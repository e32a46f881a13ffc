/*
 * Durations and sizes as people write them, and back.
 *
 * Thread-safety: pure.
 */
#ifndef CONFIG_CONFIG_VALUE_H
#define CONFIG_CONFIG_VALUE_H

#include "collector/config/config.h"

/* "500ms", "90s", "5m", "2h", "7d", "1h30m" (units in falling order), "0". False for anything else, also on overflow.
 */
bool config_duration_parse(sv text, int64_t *ms);

/* "64MiB", "900KiB", "2GiB", "1TiB", "1GB" (powers of 1000: kB MB GB TB), "512B", "1024" bytes. */
bool config_size_parse(sv text, int64_t *bytes);

/* The shortest of the above that is exact: 5400000 is "90m", 1536 is "1536B". */
void config_duration_put(struct buf *out, int64_t ms);
void config_size_put(struct buf *out, int64_t bytes);

/* A value of this option's type with its unit: "4KiB", "64 threads". For limits in messages and in the reference. */
void config_number_put(struct buf *out, const struct option *o, double v);

#endif
