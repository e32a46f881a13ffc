/*
 * The record in memory: what proto/telemetry.proto says, in the form that decoders fill and the ledger reads.
 *
 * A frame is what becomes durable together: batches of records (one origin each), the windows that they cover, the tally
 * of what came in, what was set aside, and changes of what the fold depends on (epochs). A batch opens with its symbols:
 * each repeated string is interned once (batch_sym) and records refer to it by number; 0 is "absent", which is not "".
 *
 * Units: instants int64 unix nanoseconds UTC (0 = absent), durations int64 nanoseconds, sizes bytes, tokens tokens, money
 * int64 nano-units of the currency. NONE (INT64_MIN) marks an absent number: unknown is never zero.
 * Tokens: `input` includes cached tokens, `output` includes reasoning, whatever the vendor's rule is.
 *
 * Ownership:     everything lives in the frame's arena; arena_reset ends it. Views given to the frame_ and batch_ functions
 *                are copied.
 * Errors:        functions that allocate return NULL or false when the arena's limit is reached: split the window.
 * Thread-safety: none; a frame belongs to one thread until it is handed over.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "collector/base/arena.h"

#define NONE INT64_MIN

typedef uint32_t sym; /* number of a string in its batch; 0: absent */

enum cloud { CLOUD_NONE, CLOUD_AZURE, CLOUD_AWS, CLOUD_GCP, CLOUD_OPENAI, CLOUDS };
enum platform {
    PLATFORM_NONE,
    PLATFORM_AZURE_OPENAI,
    PLATFORM_BEDROCK,
    PLATFORM_BEDROCK_MANTLE,
    PLATFORM_VERTEX_AI,
    PLATFORM_OPENAI_API,
    PLATFORMS
};
enum outcome {
    OUTCOME_NONE,
    OUTCOME_SUCCESS,
    OUTCOME_THROTTLED,
    OUTCOME_CLIENT_ERROR,
    OUTCOME_SERVER_ERROR,
    OUTCOME_UNKNOWN,
    OUTCOMES
};
enum lane { LANE_LIVE, LANE_BACKFILL };
enum record_kind { RECORD_CALL, RECORD_MEASURE, RECORD_AUDIT, RECORD_CHARGE, RECORD_GAP, RECORD_KINDS };

/* Who the records of a batch come from. */
struct origin {
    enum cloud cloud;
    enum platform platform;
    sym account;      /* subscription id (lower case), AWS account (12 digits), project id, organization */
    sym cloud_region; /* as the cloud spells it; "global" too */
    sym resource;     /* Azure account name, mantle project, Vertex endpoint, OpenAI project */
    sym resource_id;  /* the cloud's full id, lower case where the cloud compares without case */
    sym jurisdiction; /* where the cloud stored the record: "eu", "us", ... (model/region.h); absent: unknown */
    sym source;       /* id of the source in the configuration */
};

struct key_value {
    sym name;
    sv value;
};

/* Identifiers of single events: a canonical lower-case UUID travels as 16 bytes, anything else as text. */
typedef sv ident;

/* One log row about one model invocation. Two rows of one call (Azure) stay two records; who reads joins them. */
struct call {
    uint64_t key;              /* the row's identity, see model/key.h */
    uint64_t call_key;         /* the call's identity: what rows about the same call share; 0: the row stands alone */
    int64_t time_unix_nano;    /* start of the call, else the row's own time */
    int64_t arrival_unix_nano; /* when the cloud made the row available (Log Analytics: ingestion_time()); 0 unknown */
    sym log;                   /* which log: "RequestResponse", "AzureOpenAIRequestUsage", "ModelInvocationLog", ... */
    ident request_id, response_id, trace_id;
    sym operation; /* chat, text_completion, embeddings, ... (OpenTelemetry gen_ai.operation.name) */
    sym operation_raw;
    sym api_type;                      /* chat_completions, responses, converse, ... */
    sym model_requested, model_served; /* the vendor's own spelling */
    sym model;                         /* canonical (model/canonical.h) */
    sym model_version;
    sym deployment;
    sym tier;
    sym stream; /* as the vendor says: "Streaming", "Non-Streaming", "true", ... */
    enum outcome outcome;
    sym error_type, finish_reason, filter_result;
    int64_t http_status;
    int64_t duration_nano, time_to_first_token_nano, time_per_output_token_nano;
    int64_t input_tokens, output_tokens;
    int64_t cache_read_tokens, cache_write_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens;
    int64_t request_bytes, response_bytes;
    sym caller_principal, caller_ip, user_agent; /* identity class */
    sym served_region, served_jurisdiction;
    ident content_input, content_output; /* content class: dropped unless a rule keeps it */
    struct key_value *metadata;          /* request metadata the caller sent along */
    size_t n_metadata;
    struct key_value *extra; /* unmapped leaves that policy allows; name = path */
    size_t n_extra;
};

enum measure_kind { MEASURE_COUNT, MEASURE_GAUGE, MEASURE_DISTRIBUTION, MEASURE_SUMMARY };

/* Figures that a cloud states of one time bucket. Which are present depends on the kind. */
struct measure {
    uint64_t key;    /* the native series' identity and the bucket: two measures with one key are revisions of one */
    uint64_t series; /* the native series alone */
    sym name;        /* the cloud's own metric name */
    sym family; /* which of several parallel families it belongs to ("models", "azure_openai"); 0: only one exists */
    int64_t start_unix_nano, end_unix_nano;
    enum measure_kind kind;
    sym unit;     /* as the cloud states it */
    double value; /* COUNT: the bucket's total; GAUGE: the value */
    /* SUMMARY, and what GAUGE comes with: NAN when absent. */
    double sum, count, min, max, p50, p95, p99;
    /* DISTRIBUTION: n_buckets counts with n_buckets - 1 ascending upper bounds between them, sum = mean * count. */
    double *bounds;
    int64_t *buckets;
    size_t n_buckets;
    /* Labels as resolved when the bucket was first seen. */
    sym deployment, model, operation, tier, code;
    enum outcome outcome;
    sym part; /* token part, filter category, quota name, ...: what the metric splits by beside the labels above */
    sym action;
    sym caller;                   /* identity class: who used it, where the cloud splits its figures by user or key */
    struct key_value *dimensions; /* native dimensions, as the cloud spells them */
    size_t n_dimensions;
    uint32_t revision; /* 0 first, then counted by the ledger */
};

struct audit {
    uint64_t key;
    int64_t time_unix_nano;
    ident event_id;
    sym action;  /* canonical lower-case operation: "microsoft.cognitiveservices/accounts/listkeys/action" */
    sym outcome; /* success, failure, started, unknown */
    sym actor;   /* identity class */
    sym actor_type, actor_ip;
    sym target; /* resource acted upon */
    sym category;
    sym status; /* as the cloud says */
    struct key_value *extra;
    size_t n_extra;
};

/* Money for usage in a period (FOCUS column names in the .proto). */
struct charge {
    uint64_t key;
    int64_t start_unix_nano, end_unix_nano;
    int64_t cost_nano;
    sym currency, service, sku, charge_category, model, deployment, unit;
    sym direction; /* input, output: what of the usage is charged, where the cloud tells */
    double quantity;
    bool estimated;
    struct key_value *extra;
    size_t n_extra;
};

struct gap {
    uint64_t key;
    int64_t start_unix_nano, end_unix_nano;
    sym signal, cause; /* "metrics", "calls", ...; "retention", "outage", "logging_off", "partial", ... */
    sv detail;
};

struct symtab;

struct batch {
    struct origin origin;
    int64_t observed_unix_nano; /* server time at which it was read */
    uint32_t mapping_version;
    struct symtab *symbols;
    struct call *calls;
    struct measure *measures;
    struct audit *audits;
    struct charge *charges;
    struct gap *gaps;
    size_t n_calls, n_measures, n_audits, n_charges, n_gaps;
    size_t cap[RECORD_KINDS];
    struct arena *arena;
    struct batch *next;
};

/* What was read: one query group of one scope of one source, from and to in the time by which the source is read (bucket
 * time for metrics, arrival for logs), whole, at server time read_at. */
#define OWN_SOURCE SV("trefoil") /* of frames that no cloud is behind: limits, births, damage */
struct window {
    sv source, scope, group;
    int64_t from_unix_nano, to_unix_nano, read_at_unix_nano;
    int64_t
        settled_to_unix_nano; /* the part [from, settled_to) was read a settle time or more after it ended; the runner's */
    int64_t decide_to_unix_nano; /* logs: envelope rows that arrived before this may be counted as calls; 0 none */
    bool control;                /* a coarse control read */
    bool controls;               /* control reads of what it covers will follow: sums by the hour are to be kept */
};

/* received = stored + duplicate + sum(rejected) + sum(quarantined), per source and page. `stored` counts records. */
enum reason {
    REASON_NONE,
    REASON_PUBLISHER,
    REASON_NOT_INFERENCE,
    REASON_POLICY,
    REASON_OUT_OF_RANGE,
    REASON_MALFORMED,
    REASON_LIMIT,
    REASON_NO_VALUE,
    REASONS
};
struct tally {
    int64_t received, stored, duplicate;
    int64_t rejected[REASONS];
    int64_t quarantined[REASONS];
};

/* Bytes that could not be mapped, kept for inspection, size-limited, content policy applied. */
struct quarantine {
    enum reason reason;
    sv what; /* where it stood: "row 7 of AzureDiagnostics" */
    sv bytes;
    bool truncated;
};

/* A change of what the fold depends on besides records, valid for buckets that start at valid_from or later. */
enum epoch_kind {
    EPOCH_MAPPING,
    EPOCH_AUTHORITY,
    EPOCH_INVENTORY,
    EPOCH_PRICES,
    EPOCH_LIMITS,
    EPOCH_TEAMS,
    EPOCH_COUNT_FROM,
    EPOCH_KINDS
};
struct epoch {
    enum epoch_kind kind;
    int64_t valid_from_unix_nano;
    sv subject;         /* AUTHORITY: "<fact> <resource id>"; INVENTORY: resource id; COUNT_FROM: source id; else "" */
    sv value;           /* AUTHORITY: the choice ("models", "logs", ...); COUNT_FROM: decimal nanoseconds */
    uint64_t hash;      /* of the content, to see whether anything changed */
    struct rule *rules; /* MAPPING */
    size_t n_rules;
    struct inventory_item *items; /* INVENTORY: all deployments of the resource; none left out */
    size_t n_items;
};

/* A mapping row: what the ledger makes of a measure (sources/<cloud>/<p>_map.c writes them as tables). */
struct rule {
    enum platform platform;
    sv family; /* measure.family it belongs to, "" any */
    sv fact;   /* authority fact: "requests", "tokens", "duration", ...; the rule counts where the authority of
                        (fact, resource) equals `family`; "" counts always */
    sv theirs; /* measure.name */
    sv part; /* measure.part it belongs to, "" any; "*" one that no other row of its platform, family and name names */
    sv ours; /* metric family: "genai_requests_total" */
    sv stat; /* which figure: "value", "sum", "count", "min", "max", "p50", ... */
    double weight; /* 0.001 turns milliseconds into seconds; below 0 only where `family` is one reading of a figure */
    sv labels;     /* fixed labels: "direction=input" */
    sv born; /* sibling label sets born at 0 with a new series: "outcome=success,code=200;outcome=throttled,code=429" */
};

/* What an inventory says of one deployment (or of the resource itself when `deployment` is empty). */
struct inventory_item {
    sv deployment, model_id, model_version, model, publisher, sku, processing, jurisdiction;
    sv team, owner, cost_center, env;
    double capacity;  /* NAN unknown */
    sv capacity_unit; /* tokens, units, ... */
    int64_t created_unix_nano;
};

enum mark_kind { MARK_BORN, MARK_EXPIRED, MARK_RETURNED, MARK_RESTARTED, MARK_KINDS };
/* Life of an exposed series: journalled so that what was shown can be computed again. */
struct mark {
    enum mark_kind kind;
    uint64_t series; /* hash of family and label set; 0 (RESTARTED): all */
};

/* What a source's calls to one API cost since its last frame: durable with the frame, so that a budget survives a kill. */
struct spend {
    sv api, account;
    int64_t calls, billed_units, usd_nano;
};

struct frame {
    enum lane lane;
    sv source, scope;
    int64_t written_unix_nano; /* our clock */
    struct batch *batches, *last_batch;
    struct window *windows;
    size_t n_windows, cap_windows;
    struct tally tally;
    struct quarantine *quarantined;
    size_t n_quarantined, cap_quarantined;
    struct epoch *epochs;
    size_t n_epochs, cap_epochs;
    struct mark *marks;
    size_t n_marks, cap_marks;
    struct spend *spends;
    size_t n_spends, cap_spends;
    struct arena *arena;
};

/* A frame in `arena`, empty. NULL at the limit. */
struct frame *frame_new(struct arena *arena, sv source, sv scope);
struct batch *frame_add_batch(struct frame *f);
struct window *frame_add_window(struct frame *f);
struct epoch *frame_add_epoch(struct frame *f);
struct mark *frame_add_mark(struct frame *f);
struct spend *frame_add_spend(struct frame *f);
/* Counts it in the tally. */
struct quarantine *frame_add_quarantine(struct frame *f, enum reason reason, sv what, sv bytes);

/* New record with every number absent; the pointer holds until the next record of that kind is added. NULL also once a
 * symbol of the batch was lost to the limit: a record must not look as if its cloud had not told. */
struct call *batch_add_call(struct batch *b);
struct measure *batch_add_measure(struct batch *b);
struct audit *batch_add_audit(struct batch *b);
struct charge *batch_add_charge(struct batch *b);
struct gap *batch_add_gap(struct batch *b);
size_t frame_records(const struct frame *f);

/* Interns; "" gives 0 (absent) as does a full table (then b->arena is at its limit and the next add fails). */
sym batch_sym(struct batch *b, sv s);
sv batch_sv(const struct batch *b, sym s);
/* The number that `s` has already, else 0. The codec asks it for values of pairs: intern those that repeat. */
sym batch_sym_find(const struct batch *b, sv s);
/* An empty table instead of the one there is (which lives on in the arena). False at the limit: then nothing changed. */
bool batch_new_symbols(struct batch *b);
/* Whether a symbol was lost to the arena's limit. */
bool batch_symbols_full(const struct batch *b);
/* Leaves only symbols that records refer to. False at the arena's limit: the frame must not be used then. */
bool frame_compact(struct frame *f);

/* Gives `s` the next number whether or not it stands there already: for who reads a table back. 0 at the limit. */
sym batch_add_symbol(struct batch *b, sv s);
size_t batch_symbols(const struct batch *b); /* numbers run from 1 to this */

const char *cloud_name(enum cloud c);
const char *platform_name(enum platform p);
const char *outcome_name(enum outcome o);
const char *reason_name(enum reason r);
enum platform platform_parse(sv name); /* PLATFORM_NONE if unknown */
enum cloud cloud_parse(sv name);

/* 2xx success, 429 throttled, other 4xx client_error, 5xx server_error; else unknown. */
enum outcome outcome_of_status(int64_t status);

#endif
