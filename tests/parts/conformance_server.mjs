// The server that the conformance suite's scenarios expect, over standard streams: node conformance_server.mjs FOLDER
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)).href);
const { Server } = await load("server/index.js");
const { StdioServerTransport } = await load("server/stdio.js");
const types = await load("types.js");

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const text = (words) => ({ content: [{ type: "text", text: words }] });
const image = { type: "image", data: PIXEL, mimeType: "image/png" };
const embedded = (uri, mimeType, words) => ({ type: "resource", resource: { uri, mimeType, text: words } });
const choices = (names) => names.map(([value, title]) => ({ const: value, title }));
const DEFAULTS = {
  name: { type: "string", description: "Name", default: "John Doe" },
  age: { type: "integer", description: "Age", default: 30 },
  score: { type: "number", description: "Score", default: 95.5 },
  status: { type: "string", description: "Status", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", description: "Verified", default: true },
};
const ENUMS = {
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: { type: "string", oneOf: choices([["value1", "First"], ["value2", "Second"], ["value3", "Third"]]) },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["One", "Two", "Three"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: { type: "array", items: { anyOf: choices([["value1", "First"], ["value2", "Second"], ["value3", "Third"]]) } },
};
const capabilities = { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {}, completions: {} };
const server = new Server({ name: "conformance", version: "1.0.0" }, { capabilities });
const elicit = async (message, properties, required = []) => {
  const params = { message, requestedSchema: { type: "object", properties, required } };
  return server.request({ method: "elicitation/create", params }, types.ElicitResultSchema);
};
const log = (data) => server.sendLoggingMessage({ level: "info", data });

const tools = {
  test_simple_text: () => text("This is a simple text response for testing."),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [{ type: "audio", data: SOUND, mimeType: "audio/wav" }] }),
  test_embedded_resource: () => ({
    content: [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
  }),
  test_multiple_content_types: () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      image,
      embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
  }),
  test_tool_with_logging: async () => {
    await log("Tool execution started");
    await wait(50);
    await log("Tool processing data");
    await wait(50);
    await log("Tool execution completed");
    return text("Tool with logging executed");
  },
  test_error_handling: () => ({ ...text("This tool intentionally returns an error for testing"), isError: true }),
  test_tool_with_progress: async (_given, token) => {
    for (const progress of [0, 50, 100]) {
      const params = { progressToken: token, progress, total: 100 };
      if (token !== undefined) await server.notification({ method: "notifications/progress", params });
      await wait(50);
    }
    return text("Tool with progress executed");
  },
  test_sampling: async ({ prompt }) => {
    const messages = [{ role: "user", content: { type: "text", text: prompt } }];
    const sampled = await server.createMessage({ messages, maxTokens: 100 });
    return text(`LLM response: ${sampled.content.text}`);
  },
  test_elicitation: async ({ message }) => {
    const field = (description) => ({ type: "string", description });
    const asked = { username: field("User's response"), email: field("User's email address") };
    const answer = await elicit(message, asked, ["username", "email"]);
    return text(`User response: ${JSON.stringify(answer)}`);
  },
  test_elicitation_sep1034_defaults: async () => {
    const answer = await elicit("Please review the defaults", DEFAULTS);
    return text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
  },
  test_elicitation_sep1330_enums: async () => {
    const answer = await elicit("Please choose", ENUMS);
    return text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
  },
  json_schema_2020_12_tool: ({ name }) => text(`Hello ${name}`),
};
const argument = { type: "string", description: "an argument" };
const schemas = {
  test_sampling: { type: "object", properties: { prompt: argument }, required: ["prompt"] },
  test_elicitation: { type: "object", properties: { message: argument }, required: ["message"] },
  json_schema_2020_12_tool: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: { address: { type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
    properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" } },
    additionalProperties: false,
  },
};
server.setRequestHandler(types.ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({
    name,
    description: `Tool ${name}`,
    inputSchema: schemas[name] ?? { type: "object", properties: {} },
  })),
}));
server.setRequestHandler(types.CallToolRequestSchema, ({ params }) => {
  if (!Object.hasOwn(tools, params.name)) throw new types.McpError(types.ErrorCode.InvalidParams, "no such tool");
  return tools[params.name](params.arguments ?? {}, params._meta?.progressToken);
});

const words = "This is the content of the static text resource.";
const resources = {
  "test://static-text": { mimeType: "text/plain", text: words },
  "test://static-binary": { mimeType: "image/png", blob: PIXEL },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched" },
};
server.setRequestHandler(types.ListResourcesRequestSchema, () => ({
  resources: Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri, description: "A resource", mimeType })),
}));
const uriTemplate = "test://template/{id}/data";
server.setRequestHandler(types.ListResourceTemplatesRequestSchema, () => ({
  resourceTemplates: [{ uriTemplate, name: "template", description: "A template", mimeType: "application/json" }],
}));
server.setRequestHandler(types.ReadResourceRequestSchema, ({ params: { uri } }) => {
  if (Object.hasOwn(resources, uri)) return { contents: [{ uri, ...resources[uri] }] };
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) throw new types.McpError(-32002, "no such resource", { uri });
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: "application/json", text: data }] };
});
server.setRequestHandler(types.SubscribeRequestSchema, () => ({}));
server.setRequestHandler(types.UnsubscribeRequestSchema, () => ({}));

const said = (content) => ({ role: "user", content });
const prompts = {
  test_simple_prompt: () => [said({ type: "text", text: "This is a simple prompt for testing." })],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [
    said({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  ],
  test_prompt_with_embedded_resource: ({ resourceUri }) => [
    said(embedded(resourceUri, "text/plain", "Embedded resource content for testing.")),
    said({ type: "text", text: "Please process the embedded resource above." }),
  ],
  test_prompt_with_image: () => [said(image), said({ type: "text", text: "Please analyze the image above." })],
};
const required = (names) => names.map((name) => ({ name, description: "an argument", required: true }));
const wanted = {
  test_prompt_with_arguments: required(["arg1", "arg2"]),
  test_prompt_with_embedded_resource: required(["resourceUri"]),
};
server.setRequestHandler(types.ListPromptsRequestSchema, () => ({
  prompts: Object.keys(prompts).map((name) => ({ name, description: `Prompt ${name}`, arguments: wanted[name] ?? [] })),
}));
server.setRequestHandler(types.GetPromptRequestSchema, ({ params }) => ({
  messages: prompts[params.name](params.arguments ?? {}),
}));
server.setRequestHandler(types.CompleteRequestSchema, () => ({
  completion: { values: ["paris", "park", "party"], total: 150, hasMore: false },
}));

await server.connect(new StdioServerTransport());
process.stdin.on("end", () => process.exit(0));
