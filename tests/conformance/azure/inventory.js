// Accounts and deployments as the official client lists them; the other tests build on it.
import { CognitiveServicesManagementClient } from "@azure/arm-cognitiveservices";
import { armOptions, collect, credential, subscriptions } from "./cloud.js";

export const clientFor = (subscription) => new CognitiveServicesManagementClient(credential, subscription, armOptions);
const group = (id) => id.split("/")[4];

async function accountsOf(subscription) {
  const client = clientFor(subscription);
  const accounts = [];
  for (const a of await collect(client.accounts.list())) {
    const deployments = await collect(client.deployments.list(group(a.id), a.name));
    accounts.push({ ...a, subscription, group: group(a.id), deployments });
  }
  return accounts;
}

export const accounts = (await Promise.all(subscriptions.map(accountsOf))).flat();
export const genai = accounts.filter((a) => a.kind === "OpenAI" || a.kind === "AIServices");
export const accountOf = (id) => accounts.find((a) => a.id.toLowerCase() === id.toLowerCase());

// A resource as arm-monitor wants it: its paths bring the first slash themselves.
export const uri = (account) => account.id.slice(1);

// Deployments of other publishers are left out of everything (null).
export function deploymentOf(account, name) {
  const d = account.deployments.find((one) => one.name === name);
  return d?.properties.model.format === "OpenAI" ? d : null;
}

export function identity(account, deployment) {
  return {
    cloud: "azure",
    account: account.subscription,
    cloud_region: account.location,
    platform: "azure_openai",
    resource: account.name,
    deployment: deployment?.name ?? "",
    model: deployment?.properties.model.name ?? "",
  };
}
