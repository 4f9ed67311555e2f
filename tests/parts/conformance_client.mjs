// The client that the conformance suite's scenarios expect, over standard streams: it starts CMD... URL.
//
// node conformance_client.mjs FOLDER CMD... URL    the scenario is in the environment; prints what the server lists
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, command, ...args] = process.argv.slice(2);
const require = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)).href);
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const { ElicitRequestSchema } = await load("types.js");

const calls = {
  tools_call: ["add_numbers", { a: 5, b: 3 }],
  "elicitation-sep1034-client-defaults": ["test_client_elicitation_defaults", {}],
  "sse-retry": ["test_reconnection", {}],
};
const capabilities = { elicitation: { form: { applyDefaults: true } } };
const client = new Client({ name: "conformance", version: "1.0.0" }, { capabilities });
client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: {} }));
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
console.log(JSON.stringify((await client.listTools()).tools));
const call = calls[process.env.MCP_CONFORMANCE_SCENARIO];
if (call) await client.callTool({ name: call[0], arguments: call[1] });
await client.close();
