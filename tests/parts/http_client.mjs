// The official TypeScript clients over streamable HTTP: prints what a few calls brought, as JSON.
//
// node http_client.mjs FOLDER PACKAGE ERA CALLS URL [TOKEN]   PACKAGE and ERA are those of client.mjs; CALLS is JSON,
// a list of tools with their arguments.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, wanted, era, calls, url, token] = process.argv.slice(2);
const require = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const old = wanted === "sdk";
const { Client } = await load(old ? "@modelcontextprotocol/sdk/client/index.js" : "@modelcontextprotocol/client");
const { StreamableHTTPClientTransport } = await load(
  old ? "@modelcontextprotocol/sdk/client/streamableHttp.js" : "@modelcontextprotocol/client",
);

const options = { capabilities: {} };
if (era === "probe") options.versionNegotiation = { mode: "auto" };
const client = new Client({ name: "parts", version: "1.0.0" }, options);
const headers = token ? { Authorization: `Bearer ${token}` } : {};
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
await client.connect(transport);
const seen = { tools: (await client.listTools()).tools, progress: [], calls: [] };
seen.revision = client.getNegotiatedProtocolVersion?.();
const more = { onprogress: (one) => seen.progress.push(one) };
const call = (name, given) => {
  const params = { name, arguments: given };
  return old ? client.callTool(params, undefined, more) : client.callTool(params, more);
};
for (const [name, given] of JSON.parse(calls)) seen.calls.push(await call(name, given));
seen.resources = await client.listResources();
seen.read = await client.readResource({ uri: seen.resources.resources[0].uri });
await transport.terminateSession();
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
