import assert from "node:assert/strict";
import { test } from "node:test";
import { BedrockClient, GetModelInvocationLoggingConfigurationCommand } from "@aws-sdk/client-bedrock";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { paginateDescribeLogGroups, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { add, assertSame, collect, everywhere, history, options, truth } from "./cloud.js";
import { identity, outcomeOf, runtimeModel } from "./models.js";

const sums = {};
const ids = new Set();
const states = { on: 0, off: 0, group: 0 };
const chat = /^(Converse|ConverseStream|ChatCompletions|CreateChatCompletion|Responses|CreateResponse)$/;
const countries = { "us-east-1": "us", "us-west-2": "us", "us-east-2": "us", "eu-central-1": "eu", "ap-northeast-1": "jp" };
const addTo = (family, labels, value) => add((sums[family] ??= new Map()), labels, value);

async function count(place, r) {
  const of = await runtimeModel(place, r.modelId);
  if (!of) return;
  const labels = identity(place, "bedrock", "", of);
  const operation = chat.test(r.operation) ? "chat" : r.operation.toLowerCase();
  const input = r.input ?? {};
  const read = input.cacheReadInputTokenCount ?? 0;
  const write = input.cacheWriteInputTokenCount ?? 0;
  const served = r.inferenceRegion ?? r.region;
  addTo("genai_logged_calls_total", { ...labels, operation, outcome: outcomeOf(r.errorCode) }, 1);
  addTo("genai_logged_tokens_total", { ...labels, direction: "input" }, (input.inputTokenCount ?? 0) + read + write);
  addTo("genai_logged_tokens_total", { ...labels, direction: "output" }, r.output?.outputTokenCount ?? 0);
  addTo("genai_logged_token_parts_total", { ...labels, part: "cache_read" }, read);
  addTo("genai_logged_token_parts_total", { ...labels, part: "cache_write" }, write);
  addTo(
    "genai_served_calls_total",
    { cloud: "aws", platform: "bedrock", model: of.model, served_region: served, served_jurisdiction: countries[served] },
    1,
  );
  const body = r.output?.outputBodyJson;
  const last = Array.isArray(body) ? body.at(-1)["amazon-bedrock-invocationMetrics"] : undefined;
  addTo("genai_time_to_first_token_seconds_count", labels, last?.firstByteLatency === undefined ? 0 : 1);
}

async function read(place) {
  const bedrock = new BedrockClient(place.options);
  const { loggingConfig } = await bedrock.send(new GetModelInvocationLoggingConfigurationCommand({}));
  const group = loggingConfig?.cloudWatchConfig?.logGroupName;
  states[loggingConfig ? "on" : "off"]++;
  if (!group) return;
  states.group++;
  const client = new CloudWatchLogsClient(place.options);
  const groups = await collect(paginateDescribeLogGroups({ client, pageSize: 1 }, {}), "logGroups");
  assert.ok(groups.some((g) => g.logGroupName === group), `${group} is described`);
  const span = { startTime: history.from.getTime(), endTime: history.until.getTime() + 600_000 };
  const pages = paginateFilterLogEvents(
    { client },
    { logGroupName: group, ...span, filterPattern: '{ $.schemaType = "ModelInvocationLog" }', limit: 700 },
  );
  for (const e of await collect(pages, "events")) {
    assert.ok(!ids.has(e.eventId), `event ${e.eventId} comes twice`);
    ids.add(e.eventId);
    await count(place, JSON.parse(e.message));
  }
}

await everywhere(read);
const expected = await truth(history);

const runtime = (want) => new Map([...want].filter(([k]) => !k.includes("platform=bedrock_mantle")));
for (const family of [
  "genai_logged_calls_total",
  "genai_logged_tokens_total",
  "genai_logged_token_parts_total",
  "genai_served_calls_total",
  "genai_time_to_first_token_seconds_count",
])
  test(`invocation records give ${family} as it is`, () =>
    assertSame(sums[family] ?? new Map(), runtime(expected[family]), family));

test("logging is on with a group, on without, and off", () => {
  assert.ok(states.off > 0 && states.group > 0 && states.on > states.group, JSON.stringify(states));
});

test("an unknown group is the library's ResourceNotFoundException", async () => {
  const client = new CloudWatchLogsClient(options("us-east-1"));
  await assert.rejects(client.send(new FilterLogEventsCommand({ logGroupName: "/no/such" })), {
    name: "ResourceNotFoundException",
  });
});
