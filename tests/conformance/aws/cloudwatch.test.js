import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { paginateGetMetricData, paginateListMetrics } from "@aws-sdk/client-cloudwatch";
import { add, assertSame, collect, everywhere, history, options, truth } from "./cloud.js";
import { identity, openai, runtimeModel } from "./models.js";

const names = (m) => (m.Dimensions ?? []).map((d) => d.Name).sort().join(",");
const valueOf = (m, name) => m.Dimensions.find((d) => d.Name === name).Value;

async function labelsOf(place, m) {
  if (m.Namespace === "AWS/Bedrock" && names(m) === "ModelId") {
    const of = await runtimeModel(place, valueOf(m, "ModelId"));
    return of && identity(place, "bedrock", "", of);
  }
  if (m.Namespace !== "AWS/BedrockMantle" || names(m) !== "Model,Project") return null;
  const model = openai(valueOf(m, "Model"));
  return model && identity(place, "bedrock_mantle", valueOf(m, "Project"), { deployment: "", model });
}

// metric -> what its statistics add to: [statistic, family, further labels, weight].
const requests = (outcome) => [["Sum", "genai_requests_total", { operation: "", tier: "", outcome, code: "" }, 1]];
const tokens = (direction) => ["Sum", "genai_tokens_total", { tier: "", direction }, 1];
const part = (name) => [tokens("input"), ["Sum", "genai_token_parts_total", { tier: "", part: name }, 1]];
const mean = (family) => [
  ["Sum", `${family}_sum`, {}, 0.001],
  ["SampleCount", `${family}_count`, {}, 1],
];
const table = {
  Invocations: requests("success"),
  InvocationThrottles: requests("throttled"),
  InvocationClientErrors: requests("client_error"),
  InvocationServerErrors: requests("server_error"),
  Inferences: requests("success"),
  InferenceClientErrors: requests("client_error"),
  InputTokenCount: [tokens("input")],
  OutputTokenCount: [tokens("output")],
  InputTokens: [tokens("input")],
  OutputTokens: [tokens("output")],
  CacheReadInputTokens: part("cache_read"),
  CacheWriteInputTokens: part("cache_write"),
  InvocationLatency: mean("genai_request_duration_mean_seconds"),
  TimeToFirstToken: mean("genai_time_to_first_token_mean_seconds"),
};

async function queriesOf(place, client) {
  const out = [];
  for (const Namespace of ["AWS/Bedrock", "AWS/BedrockMantle"]) {
    for (const m of await collect(paginateListMetrics({ client }, { Namespace }), "Metrics")) {
      const labels = table[m.MetricName] && (await labelsOf(place, m));
      for (const stat of labels ? new Set(table[m.MetricName].map((row) => row[0])) : [])
        out.push({ labels, metric: m, stat });
    }
  }
  return out;
}

async function read(place, sums, statuses) {
  const client = new CloudWatchClient(place.options);
  const all = await queriesOf(place, client);
  for (let at = 0; at < all.length; at += 500) {
    const some = all.slice(at, at + 500);
    const pages = paginateGetMetricData(
      { client },
      {
        StartTime: history.from,
        EndTime: history.until,
        ScanBy: at % 1000 ? "TimestampAscending" : "TimestampDescending",
        MetricDataQueries: some.map(({ metric, stat }, i) => ({
          Id: `q${i}`,
          MetricStat: { Metric: metric, Period: 60, Stat: stat },
        })),
      },
    );
    for (const r of await collect(pages, "MetricDataResults")) {
      const { labels, metric, stat } = some[Number(r.Id.slice(1))];
      statuses.add(r.StatusCode);
      assert.equal(r.Timestamps.length, r.Values.length);
      const total = r.Values.reduce((n, v) => n + v, 0);
      for (const [of, family, more, weight] of table[metric.MetricName])
        if (of === stat) add((sums[family] ??= new Map()), { ...labels, ...more }, total * weight);
    }
  }
}

const sums = {};
const statuses = new Set();
await everywhere((place) => read(place, sums, statuses));
const expected = await truth(history);

const families = [...new Set(Object.values(table).flat().map((row) => row[1]))];
for (const family of families)
  test(`metrics of both planes give ${family} as it is`, () => assertSame(sums[family] ?? new Map(), expected[family], family));

test("series are split over pages", () => {
  assert.deepEqual([...statuses].sort(), ["Complete", "PartialData"]);
});

test("a dimension set that does not exist is complete and empty", async () => {
  const client = new CloudWatchClient(options("us-east-1"));
  const Metric = { Namespace: "AWS/BedrockMantle", MetricName: "InputTokens", Dimensions: [{ Name: "Model", Value: "openai.gpt-oss-120b" }] };
  const answer = await collect(
    paginateGetMetricData(
      { client },
      {
        StartTime: history.from,
        EndTime: history.until,
        MetricDataQueries: [{ Id: "a", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
      },
    ),
    "MetricDataResults",
  );
  assert.deepEqual(answer.map((r) => [r.StatusCode, r.Values.length]), [["Complete", 0]]);
});

test("a wrong period is refused in the library's own words", async () => {
  const client = new CloudWatchClient(options("us-east-1"));
  const Metric = { Namespace: "AWS/Bedrock", MetricName: "Invocations" };
  const MetricDataQueries = [{ Id: "a", MetricStat: { Metric, Period: 90, Stat: "Sum" } }];
  const ask = new GetMetricDataCommand({ StartTime: history.from, EndTime: history.until, MetricDataQueries });
  await assert.rejects(client.send(ask), (e) => {
    assert.equal(e.$metadata.httpStatusCode, 400);
    assert.match(e.name, /^Validation/);
    return true;
  });
});
