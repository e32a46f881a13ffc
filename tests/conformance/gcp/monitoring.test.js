// Cloud Monitoring, read raw and aggregated: both ways have to lead to the truth.
import assert from "node:assert/strict";
import { test } from "node:test";
import { add, assertSame, collect, history, monitoring, truth } from "./cloud.js";
import { endpointIsOurs, identity, operationOf, outcomeOf, projects } from "./inventory.js";

const managed = (name) => `aiplatform.googleapis.com/publisher/online_serving/${name}`;
const deployed = (name) => `aiplatform.googleapis.com/prediction/online/${name}`;
const expected = await truth(history);
const bounds = [...new Set([...expected.genai_request_duration_seconds_bucket.keys()].map((k) => k.match(/(?:^|,)le=([^,]+)/)[1]))]
  .map((text) => ({ text, value: text === "+Inf" ? Infinity : Number(text) }))
  .sort((a, b) => a.value - b.value);

const input = ["input", "cache_read_input", "cache_write_input", "cache_write_1h_input"];
const parts = { cache_read_input: "cache_read", cache_write_input: "cache_write", cache_write_1h_input: "cache_write" };

// What a number of one series adds to, as [family, further labels].
function ofTokens({ type, request_type: tier }) {
  if (type === "output") return [["genai_tokens_total", { tier, direction: "output" }]];
  if (type === "input") return [["genai_tokens_total", { tier, direction: "input" }]];
  const part = [["genai_token_parts_total", { tier, part: parts[type] ?? type }]];
  return input.includes(type) ? [["genai_tokens_total", { tier, direction: "input" }], ...part] : part;
}
const ofCalls = (m) => [
  ["genai_requests_total", { operation: operationOf(m.method), tier: m.request_type, outcome: outcomeOf(m.response_code), code: m.response_code }],
];
const ofResponses = (m) => [
  ["genai_requests_total", { operation: "", tier: "", outcome: outcomeOf(m.response_code), code: m.response_code }],
];

const reads = [
  { type: managed("model_invocation_count"), labels: ["method", "request_type", "response_code"], of: ofCalls },
  { type: managed("token_count"), labels: ["type", "request_type"], of: ofTokens },
  {
    type: managed("model_invocation_latencies"),
    more: 'metric.labels.latency_type = "model"',
    histogram: "genai_request_duration_seconds",
  },
  { type: managed("first_token_latencies"), histogram: "genai_time_to_first_token_seconds" },
  { type: deployed("response_count"), labels: ["response_code"], of: ofResponses },
  {
    type: deployed("prediction_latencies"),
    more: 'metric.labels.latency_type = "total"',
    histogram: "genai_request_duration_seconds",
  },
];

const at = (date) => ({ seconds: Math.floor(date.getTime() / 1000) });
const seconds = (d) => Number(d.seconds);
const isManaged = (read) => read.type.includes("/publisher/");

function request(project, read, more) {
  const filter = [`metric.type = "${read.type}"`, read.more, isManaged(read) && 'resource.labels.publisher = "openai"'];
  return {
    name: `projects/${project.projectId}`,
    filter: filter.filter(Boolean).join(" AND "),
    interval: { startTime: at(history.from), endTime: at(history.until) },
    ...more,
  };
}

function aggregated(read) {
  const metric = (read.labels ?? []).concat(isManaged(read) ? [] : ["deployed_model_id", "model_display_name", "endpoint_display_name"]);
  const resource = isManaged(read) ? ["location", "model_user_id"] : ["location", "endpoint_id"];
  return {
    aggregation: {
      alignmentPeriod: { seconds: 60 },
      perSeriesAligner: "ALIGN_SUM",
      crossSeriesReducer: "REDUCE_SUM",
      groupByFields: [...resource.map((l) => `resource.labels.${l}`), ...metric.map((l) => `metric.labels.${l}`)],
    },
  };
}

// Upper bounds of a distribution's buckets, in seconds.
function upperBounds({ linearBuckets: l, exponentialBuckets: e, explicitBuckets: x }) {
  const of = (n, f) => [...Array.from({ length: n + 1 }, (_, i) => f(i) / 1000), Infinity];
  if (l) return of(l.numFiniteBuckets, (i) => l.offset + l.width * i);
  if (e) return of(e.numFiniteBuckets, (i) => e.scale * e.growthFactor ** i);
  return [...x.bounds.map((b) => b / 1000), Infinity];
}

// A bucket of theirs goes whole into the one of ours that holds its upper bound.
function addDistribution(sums, family, labels, d) {
  const uppers = upperBounds(d.bucketOptions ?? { explicitBuckets: { bounds: [] } });
  let counted = 0;
  assert.ok((d.bucketCounts ?? []).length <= uppers.length, "more counts than buckets");
  add((sums[`${family}_count`] ??= new Map()), labels, Number(d.count));
  for (const [i, text] of (d.bucketCounts ?? []).entries()) {
    counted += Number(text);
    for (const le of bounds)
      if (le.value >= uppers[i] * (1 - 1e-12)) add((sums[`${family}_bucket`] ??= new Map()), { ...labels, le: le.text }, Number(text));
  }
  assert.equal(counted, Number(d.count));
}

function labelsOf(project, read, series) {
  const { location, model_user_id: model, endpoint_id: resource } = series.resource.labels;
  const m = series.metric.labels ?? {};
  if (isManaged(read)) return identity(project, { location, model });
  if (!endpointIsOurs(m)) return null;
  return identity(project, { location, resource, deployment: m.deployed_model_id, model: m.model_display_name });
}

// Points of one series come twice when the answer repeats it.
async function sumOf(project, read, more, seen = new Set()) {
  const sums = {};
  for (const series of await collect(monitoring.listTimeSeriesAsync(request(project, read, more), { autoPaginate: false }))) {
    const labels = labelsOf(project, read, series);
    const name = JSON.stringify([series.metric, series.resource]);
    for (const point of labels ? series.points : []) {
      const id = name + point.interval.endTime.seconds;
      if (seen.has(id)) continue;
      seen.add(id);
      assert.ok(seconds(point.interval.endTime) > seconds(at(history.from)), "intervals are half open");
      if (read.histogram) addDistribution(sums, read.histogram, labels, point.value.distributionValue);
      else
        for (const [family, further] of read.of(series.metric.labels))
          add((sums[family] ??= new Map()), { ...labels, ...further }, Number(point.value.int64Value));
    }
  }
  return sums;
}

function merge(into, sums) {
  for (const [family, of] of Object.entries(sums))
    for (const [k, v] of of) (into[family] ??= new Map()).set(k, (into[family].get(k) ?? 0) + v);
}

async function everything(aggregation) {
  const sums = {};
  for (const project of projects) for (const read of reads) merge(sums, await sumOf(project, read, aggregation(read)));
  return sums;
}

const families = [
  "genai_requests_total",
  "genai_tokens_total",
  "genai_token_parts_total",
  "genai_request_duration_seconds_count",
  "genai_request_duration_seconds_bucket",
  "genai_time_to_first_token_seconds_count",
  "genai_time_to_first_token_seconds_bucket",
];
const raw = await everything(() => ({}));
const reduced = await everything(aggregated);

for (const family of families) {
  test(`raw series give ${family} as it is`, () => assertSame(raw[family] ?? new Map(), expected[family], family));
  test(`aggregated series give ${family} as it is`, () => assertSame(reduced[family] ?? new Map(), expected[family], family));
}

test("a list of descriptors tells what is there, active ones alone when asked", async () => {
  const filter = 'metric.type = starts_with("aiplatform.googleapis.com/")';
  const name = `projects/${projects[0].projectId}`;
  const every = await collect(monitoring.listMetricDescriptorsAsync({ name, filter }, { autoPaginate: false }));
  const active = await collect(monitoring.listMetricDescriptorsAsync({ name, filter, activeOnly: true }, { autoPaginate: false }));
  const typesOf = (list) => new Set(list.map((d) => d.type));
  assert.ok(typesOf(every).has(managed("token_count")) && typesOf(active).has(managed("token_count")));
  assert.ok(active.length < every.length);
  const tokens = every.find((d) => d.type === managed("token_count"));
  assert.deepEqual([tokens.metricKind, tokens.valueType], ["DELTA", "INT64"]);
  assert.ok(tokens.labels.some((l) => l.key === "type"));
});

test("points come newest first, and a small page cuts a series", async () => {
  const more = { pageSize: 50 };
  const ask = request(projects[0], reads[1], more);
  const pages = [];
  for (let pageToken = ""; pages.length < 3; ) {
    const [series, next, answer] = await monitoring.listTimeSeries({ ...ask, pageToken }, { autoPaginate: false });
    pages.push(series);
    pageToken = next?.pageToken ?? answer.nextPageToken;
    if (!pageToken) break;
  }
  assert.equal(pages.length, 3);
  for (const series of pages.flat()) {
    const ends = series.points.map((p) => seconds(p.interval.endTime));
    assert.deepEqual(ends, ends.toSorted((a, b) => b - a));
  }
  for (const page of pages) assert.ok(page.reduce((n, s) => n + s.points.length, 0) <= 50);
});

test("headers alone have no points", async () => {
  const series = await collect(monitoring.listTimeSeriesAsync(request(projects[0], reads[0], { view: "HEADERS" }), { autoPaginate: false }));
  assert.ok(series.length > 0);
  assert.equal(series.reduce((n, s) => n + (s.points?.length ?? 0), 0), 0);
});
