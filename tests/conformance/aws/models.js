// What a ModelId means, written a second time on purpose.
import { BedrockClient, paginateListInferenceProfiles } from "@aws-sdk/client-bedrock";
import { collect } from "./cloud.js";

const lastPart = (id) => id.slice(id.lastIndexOf("/") + 1);

// "openai.gpt-oss-120b-1:0" -> "gpt-oss-120b"; null for other publishers.
export function openai(id) {
  const m = lastPart(id).match(/^(?:[a-z-]+\.)?openai\.(.+)$/);
  return m ? m[1].replace(/-\d+:\d+$/, "").replace(/-\d{4}-?\d\d-?\d\d$/, "") : null;
}

const byPlace = new Map();

// Opaque ids of application profiles and the models behind them.
async function profilesOf(place) {
  const name = `${place.account} ${place.region}`;
  if (!byPlace.has(name)) {
    const client = new BedrockClient(place.options);
    const pages = paginateListInferenceProfiles({ client, pageSize: 1 }, { typeEquals: "APPLICATION" });
    const all = await collect(pages, "inferenceProfileSummaries");
    byPlace.set(name, new Map(all.map((p) => [p.inferenceProfileId, openai(p.models[0].modelArn)])));
  }
  return byPlace.get(name);
}

// Deployment and model of a ModelId; null when it is not OpenAI's.
export async function runtimeModel(place, id) {
  const profiles = await profilesOf(place);
  const last = lastPart(id);
  const model = openai(id) ?? profiles.get(last);
  if (!model) return null;
  const isProfile = id.startsWith("arn:") || profiles.has(last) || !last.startsWith("openai.");
  return { deployment: isProfile ? last : "", model };
}

export const identity = (place, platform, resource, { deployment, model }) => ({
  cloud: "aws",
  account: place.account,
  cloud_region: place.region,
  platform,
  resource,
  deployment,
  model,
});

export function outcomeOf(code) {
  if (!code) return "success";
  if (/^(Throttling|ServiceQuotaExceeded|TooManyRequests|ModelNotReadyException)/.test(code)) return "throttled";
  return /^(InternalServer|ServiceUnavailable|InternalFailure)/.test(code) ? "server_error" : "client_error";
}
