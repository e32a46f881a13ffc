/* Pure functions and small tables; see story.h. */
#include "tests/cloudsim/story.h"

#include <math.h>

const char *const outcome_names[OUTCOMES] = { "success", "throttled", "client_error", "server_error" };

/* clang-format off */
const int64_t bucket_bounds_us[BUCKETS] = { 10000, 20000, 40000, 80000, 160000, 320000, 640000, 1280000, 2560000, 5120000,
    10240000, 20480000, 40960000, 81920000, 163840000, 327680000, 655360000, INT64_MAX };
/* clang-format on */

unsigned bucket_of(int64_t us)
{
    unsigned i = 0;

    while (us > bucket_bounds_us[i])
        i++;
    return i;
}

double workload_rhythm(int64_t minute)
{
    double hour = (double)(minute % 1440) / 60.0;
    int64_t weekday = (minute / 1440 + 3) % 7; /* 0 is Monday */
    double day = 1.0 + 0.6 * sin((hour - 8.0) / 24.0 * 2.0 * M_PI);

    return weekday >= 5 ? day * 0.55 : day;
}

void uuid_text(uint64_t hi, uint64_t lo, char out[36])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;

    hi = (hi & ~UINT64_C(0xf000)) | 0x4000;
    lo = (lo & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63);
    for (unsigned i = 0; i < 32; i++) {
        uint64_t word = i < 16 ? hi : lo;

        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[(word >> (60 - 4 * (i % 16))) & 15];
    }
}
