import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudTrailClient, LookupEventsCommand, paginateLookupEvents } from "@aws-sdk/client-cloudtrail";
import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { add, assertSame, collect, everywhere, history, options, trailGroup, truth } from "./cloud.js";
import { identity, openai, outcomeOf } from "./models.js";

const audit = new Map();
const trailAudit = new Map();
const mantle = new Map();
let reads = 0;

function countAudit(sums, account, e) {
  const source = e.eventSource.replace(".amazonaws.com", "");
  if (!/^bedrock(-mantle)?$/.test(source) || e.readOnly || e.managementEvent === false) return;
  const action = `${source}:${e.eventName}`.toLowerCase();
  add(sums, { cloud: "aws", account, action, outcome: e.errorCode ? "failure" : "success" }, 1);
}

function countInference(place, e) {
  const model = e.eventName === "CreateInference" && openai(e.requestParameters.model);
  if (!model) return;
  const project = e.resources.find((r) => r.type === "AWS::BedrockMantle::Project").ARN.split("/").at(-1);
  const labels = identity(place, "bedrock_mantle", project, { deployment: "", model });
  add(mantle, { ...labels, operation: "", outcome: outcomeOf(e.errorCode) }, 1);
}

async function read(place) {
  const client = new CloudTrailClient(place.options);
  const LookupAttributes = [{ AttributeKey: "ReadOnly", AttributeValue: "false" }];
  const span = { StartTime: history.from, EndTime: history.until };
  let last = Infinity;
  for (const e of await collect(paginateLookupEvents({ client }, { ...span, LookupAttributes }), "Events")) {
    const event = JSON.parse(e.CloudTrailEvent);
    assert.equal(event.eventID, e.EventId);
    assert.ok(e.EventTime.getTime() <= last, "newest first");
    last = e.EventTime.getTime();
    countAudit(audit, place.account, event);
  }
  const logs = new CloudWatchLogsClient(place.options);
  const filterPattern = '{ ($.eventSource = "bedrock.amazonaws.com") || ($.eventSource = "bedrock-mantle.*") }';
  const pages = paginateFilterLogEvents(
    { client: logs },
    { logGroupName: trailGroup, startTime: history.from.getTime(), endTime: history.until.getTime(), filterPattern },
  );
  for (const { message } of await collect(pages, "events")) {
    const event = JSON.parse(message);
    reads += event.readOnly === true;
    countAudit(trailAudit, place.account, event);
    countInference(place, event);
  }
}

await everywhere(read);
const expected = await truth(history);

test("look-ups give genai_audit_events_total as it is", () => {
  assertSame(audit, expected.genai_audit_events_total, "genai_audit_events_total");
});

test("a trail's group holds the same management events", () => {
  assertSame(trailAudit, expected.genai_audit_events_total, "genai_audit_events_total");
});

test("a trail's data events give mantle's logged calls as they are", () => {
  const want = new Map([...expected.genai_logged_calls_total].filter(([k]) => k.includes("platform=bedrock_mantle")));
  assertSame(mantle, want, "genai_logged_calls_total");
  assert.ok(reads > 0, "inference of the other plane is in the group too");
});

test("two attributes are refused as the library expects", async () => {
  const client = new CloudTrailClient(options("us-east-1"));
  const LookupAttributes = [
    { AttributeKey: "ReadOnly", AttributeValue: "false" },
    { AttributeKey: "EventName", AttributeValue: "Converse" },
  ];
  await assert.rejects(client.send(new LookupEventsCommand({ LookupAttributes })), {
    name: "InvalidLookupAttributesException",
  });
});
