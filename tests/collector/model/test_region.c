/* Regions: the table itself, the traps in names, and that nothing is guessed. */
#include "collector/base/buf.h"
#include "collector/model/region.h"

#include "tests/tap.h"

static bool country_is(enum cloud c, const char *region, const char *country, const char *jurisdiction)
{
    return sv_eq(region_country(c, sv_of(region)), sv_of(country)) &&
           sv_eq(region_jurisdiction(c, sv_of(region)), sv_of(jurisdiction));
}

static void a_prefix_says_nothing(void)
{
    OK(country_is(CLOUD_AWS, "eu-central-2", "CH", "ch"));
    OK(country_is(CLOUD_AWS, "eu-west-2", "GB", "gb"));
    OK(country_is(CLOUD_AWS, "eu-central-1", "DE", "eu"));
    OK(country_is(CLOUD_AZURE, "norwayeast", "NO", "no"));
    OK(country_is(CLOUD_GCP, "europe-west6", "CH", "ch"));
    OK(country_is(CLOUD_GCP, "europe-west1", "BE", "eu"));
    OK(country_is(CLOUD_GCP, "europe-west12", "IT", "eu"));
}

static void spelling_does_not_matter(void)
{
    OK(country_is(CLOUD_AZURE, "West Europe", "NL", "eu"));
    OK(country_is(CLOUD_AZURE, "EastUS2", "US", "us"));
    OK(country_is(CLOUD_AWS, " US-East-1 ", "US", "us"));
}

static void unknown_is_empty(void)
{
    OK(country_is(CLOUD_AWS, "eu-central-9", "", ""));
    OK(country_is(CLOUD_GCP, "global", "", ""));
    OK(country_is(CLOUD_GCP, "eastus", "", "")); /* another cloud's region */
    OK(country_is(CLOUD_NONE, "us-east-1", "", ""));
    OK(country_is(CLOUD_AZURE, "", "", ""));
    OK(country_is(CLOUD_AZURE, "an absurdly long name of a region that no cloud would ever give to one of its places",
                  "", ""));
    OK(region_country(CLOUD_AWS, SV("us-east-1\0x")).len == 0);
}

/* Each row of deploy/regions.csv is found again. */
static void the_whole_table_is_compiled_in(void)
{
    struct buf file;
    sv rest, line;
    int rows = 0, wrong = 0;

    buf_init(&file, 0);
    if (!OK(buf_read_file(&file, "deploy/regions.csv", 1 << 20, NULL) == ERR_OK))
        return;
    rest = buf_sv(&file);
    for (line = sv_cut(&rest, '\n'), line = sv_cut(&rest, '\n'); line.len > 0; line = sv_cut(&rest, '\n'), rows++) {
        const enum cloud c = cloud_parse(sv_cut(&line, ','));
        const sv name = sv_cut(&line, ',');
        sv country;

        (void)sv_cut(&line, ',');
        country = sv_cut(&line, ',');
        wrong += !sv_eq(region_country(c, name), country) || country.len != 2;
        wrong += (line.at[0] == '1') != sv_eq(region_jurisdiction(c, name), SV("eu"));
    }
    OK(rows > 150);
    OK(wrong == 0);
    buf_done(&file);
}

int main(void)
{
    RUN(a_prefix_says_nothing);
    RUN(spelling_does_not_matter);
    RUN(unknown_is_empty);
    RUN(the_whole_table_is_compiled_in);
    return tap_done();
}
