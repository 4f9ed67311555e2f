// The official TypeScript clients over streamable HTTP: prints what a few calls brought, as JSON.
//
// node http_client.mjs FOLDER PACKAGE ERA URL [TOKEN]   PACKAGE and ERA are those of client.mjs.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, wanted, era, url, token] = process.argv.slice(2);
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
const seen = { tools: (await client.listTools()).tools, progress: [] };
const more = { onprogress: (one) => seen.progress.push(one) };
const call = (name, given) => {
  const params = { name, arguments: given };
  return old ? client.callTool(params, undefined, more) : client.callTool(params, more);
};
seen.echo = await call("echo", { message: "hi" });
seen.sum = await call("get-sum", { a: 1, b: 2 });
seen.long = await call("trigger-long-running-operation", { duration: 0.2, steps: 2 });
seen.resources = await client.listResources();
seen.read = await client.readResource({ uri: seen.resources.resources[0].uri });
await transport.terminateSession();
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
