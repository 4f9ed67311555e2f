"""What a server can see and send, inferred from words and said in the kernel's terms.

Nobody ran the server, so this reads its package, image, URL, name and listed
tools for words of capability (mail, fetch, database ...). Each class of words
stands for rows of the one leg table (``nucleus.policy.legs``). A server whose
words say nothing is unreviewed: the worst row, at low confidence.

Whether rows complete the three legs is not decided here: the kernel is asked
with one request for each row (``witness``).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, final
from urllib.parse import urlsplit

from nucleus.audit.launch import is_local
from nucleus.audit.model import Confidence
from nucleus.audit.servers import Server
from nucleus.kernel.boundary import admit
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.decide import ALLOW, UNINHABITABLE_RULE
from nucleus.kernel.exposure import CLEAN, EXFIL, PRIVATE, UNTRUSTED
from nucleus.kernel.facts import EGRESS, SCOPE_ALLOW, TRUSTED_YES
from nucleus.kernel.state import BUDGET_LIMIT, Request, State
from nucleus.lean import dataclass
from nucleus.policy import legs as table
from nucleus.policy.legs import Row

CLASSES: Final[dict[str, tuple[Row, ...]]] = {
    "files": (table.WORKSPACE_READ, table.WRITE),
    "web": (table.FETCH,),
    "browser": (table.SERVICE_READ, table.FETCH, table.POST),
    "search": (table.SEARCH,),
    "mail": (table.SERVICE_READ, table.PUBLISH),
    "chat": (table.SERVICE_READ, table.PUBLISH),
    "forge": (table.SERVICE_READ, table.PUBLISH),
    "documents": (table.SERVICE_READ, table.PUBLISH),
    "records": (table.SERVICE_READ, table.PUBLISH),
    "database": (table.SERVICE_READ,),
    "shell": (table.RUN,),
    "cloud": (table.SERVICE_READ, table.SPAWN),
    "money": (table.SERVICE_READ, table.PUBLISH),
    "telemetry": (table.SERVICE_READ,),
    "reference": (table.SEARCH,),
    "memory": (table.SERVICE_READ, table.WRITE),
    "history": (table.HISTORY_READ, table.COMMIT),
    "design": (table.SERVICE_READ,),
    "nothing": (),
}
"""Class -> rows of the leg table."""
_WORDS: Final[dict[str, str]] = {
    word: kind
    for kind, words in {
        "files": "filesystem file files fs folder folders directory disk vault obsidian pdf excel xlsx docx csv markitdown desktop",  # noqa: E501  one pattern or table row, one line
        "browser": "browser browse browsing playwright puppeteer selenium webdriver chrome chromium firefox devtools browserbase stagehand hyperbrowser",  # noqa: E501  one pattern or table row, one line
        "web": "fetch crawl crawler crawling scrape scraper scraping firecrawl web webpage website http https curl url urls rss feed youtube twitter reddit hackernews screenshot apify download downloader wikipedia news arxiv social",  # noqa: E501  one pattern or table row, one line
        "search": "search websearch searxng serp serper google bing brave duckduckgo ddg exa tavily perplexity kagi linkup jina",  # noqa: E501  one pattern or table row, one line
        "mail": "mail email gmail outlook imap smtp inbox sendgrid mailgun postmark resend mailchimp",
        "chat": "slack discord telegram whatsapp teams signal messenger imessage mattermost zulip matrix sms twilio chat messages line wechat feishu lark dingtalk zoom",  # noqa: E501  one pattern or table row, one line
        "forge": "github gitlab repos repositories discussions bitbucket gitea forgejo jira linear asana trello clickup monday shortcut youtrack issue issues ticket tickets pull pullrequest azuredevops ado redmine plane taiga todoist zendesk intercom",  # noqa: E501  one pattern or table row, one line
        "documents": "notion confluence gdrive drive onedrive sharepoint dropbox box gdocs sheets gsheets airtable coda evernote wiki docusign wordpress cms contentful sanity ghost webflow miro workspace gsuite office365 m365 notebook",  # noqa: E501  one pattern or table row, one line
        "records": "calendar crm hubspot salesforce pipedrive contacts sap erp netsuite attio apollo linkedin zapier make n8n ifttt composio pipedream home homeassistant",  # noqa: E501  one pattern or table row, one line
        "database": "postgres postgresql mysql mariadb sqlite mssql sqlserver sql oracle mongo mongodb redis database databases db dbhub duckdb clickhouse snowflake bigquery redshift elasticsearch opensearch neo4j cassandra dynamodb qdrant pinecone chroma weaviate milvus prisma motherduck",  # noqa: E501  one pattern or table row, one line
        "shell": "shell bash terminal tmux iterm exec execute executor command commander cmd powershell ssh repl interpreter sandbox docker kubernetes kubectl k8s helm ansible code runner e2b jupyter automation computer applescript macos windows adb burp nmap pentest redteam hacking",  # noqa: E501  one pattern or table row, one line
        "cloud": "aws azure gcp gcloud cloudflare vercel netlify terraform pulumi heroku railway render fly digitalocean hetzner cloudrun lambda ec2 s3 firebase supabase neon planetscale convex appwrite",  # noqa: E501  one pattern or table row, one line
        "money": "stripe paypal square plaid payment payments billing invoice quickbooks xero bank wallet crypto trading alpaca shopify commerce binance coinbase solana ethereum",  # noqa: E501  one pattern or table row, one line
        "telemetry": "sentry datadog grafana prometheus newrelic splunk loki logs observability posthog amplitude mixpanel analytics honeycomb pagerduty rollbar bugsnag",  # noqa: E501  one pattern or table row, one line
        "reference": "docs documentation context context7 reference learn deepwiki gitmcp devdocs mdn library libraries docset swagger openapi schema storybook shadcn components llms",  # noqa: E501  one pattern or table row, one line
        "memory": "memory knowledge memo mem0 remember brain zettel graphiti basic recall notes",
        "history": "git",
        "design": "figma sketch canva penpot framer blender",
        "nothing": "thinking sequentialthinking sequential reasoning think time clock calculator calc math random uuid echo weather units convert regex diagram mermaid chart charts",  # noqa: E501  one pattern or table row, one line
    }.items()
    for word in words.split()
}
_RUNNERS: Final = frozenset(
    {"docker", "podman", "docker-compose", "make", "npm", "yarn", "pnpm", "dotnet", "cargo", "go", "java", "uv"}
)
"""Programs that say nothing of what they start."""
_HOSTED = frozenset(
    {"supabase", "neon", "planetscale", "firebase", "snowflake", "bigquery", "motherduck", "convex", "appwrite"}
)
_NOISE = frozenset({
    "mcp", "server", "servers", "modelcontextprotocol", "com", "org", "io", "dev", "net", "ai", "app", "www", "latest", "the", "sse",  # noqa: E501  one pattern or table row, one line
    "stdio", "http", "https", "run", "index", "main", "dist", "build", "src", "js", "ts", "py", "mjs", "node", "python", "official",  # noqa: E501  one pattern or table row, one line
})  # fmt: skip
_LONGEST: Final = 40
_GLUED: Final = 5
"""Words shorter than this are never looked for at the start of a longer one."""
_READ_ONLY = re.compile(r"read[-_]?only|readonly|restricted", re.IGNORECASE)
_SENDS = re.compile(
    r"send|post|publish|create|update|write|delete|remove|reply|comment|upload|push|merge|share|invite|insert|apply|execute|add|set|edit|put|save|move|archive|deploy",
    re.IGNORECASE,
)
_BROWSES = re.compile(r"fetch|navigate|browse|crawl|scrape|open_?url|goto|download|http|click|web", re.IGNORECASE)
_SEARCHES = re.compile(r"web_?search|search_?web|google|internet", re.IGNORECASE)
_RUNS = re.compile(r"exec|shell|bash|command|terminal|run_?(?:code|script|python)|eval|process", re.IGNORECASE)


@final
@dataclass(frozen=True, slots=True)
class Reach:
    """What a server can do: rows of the leg table, and how that is known."""

    rows: tuple[Row, ...]
    confidence: Confidence
    why: str


def words_of(text: str) -> "list[str]":
    """Return the lower-case words of a name, split at punctuation and at capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|[a-z]*\d+[a-z]*", text)]


def reach_of(server: Server) -> Reach:
    """Return what the words of a server say that it can do."""
    named = _named_words(server)
    classes = classes_in(named)
    confidence = Confidence.MEDIUM
    if not classes:
        classes = classes_in(words_of(server.name))
        named = words_of(server.name)
    elif any(word in _WORDS for word in words_of(server.name)):
        confidence = Confidence.HIGH
    if not classes:
        return Reach((table.UNREVIEWED,), Confidence.LOW, "nothing in its words says what it does")
    rows = list(dict.fromkeys(row for name in classes for row in CLASSES[name]))
    if any(word in _HOSTED for word in named):
        rows.append(table.PUBLISH)
    text = " ".join(word.text() for word in server.words) + (server.url.text() if server.url is not None else "")
    if _READ_ONLY.search(text) or _READ_ONLY.search(server.name):
        rows = [row for row in rows if row not in {table.PUBLISH, table.WRITE, table.COMMIT}]
    if server.tools is not None:
        rows = limited(server.tools, rows)
    if server.remote() is not None and rows and table.SERVICE_READ not in rows and not _loopback(server):
        rows.append(table.FETCH)
    return Reach(tuple(dict.fromkeys(rows)), confidence, "from its words: " + ", ".join(sorted(classes)))


def _loopback(server: Server) -> bool:
    url = server.remote()
    try:
        host = urlsplit(url.text()).hostname if url is not None else ""
    except ValueError:
        return False
    return host in {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104  compared, not bound


def _named_words(server: Server) -> "list[str]":
    """Return the words of what is launched or called."""
    found: list[str] = []
    if server.launch.target and not (server.launch.kind == "npm" and is_local(server.launch.target)):
        target = server.launch.target
        if server.launch.kind == "program" and server.launch.program in _RUNNERS:
            target = ""
        if server.launch.kind in {"interpreter", "program"} or is_local(target):
            target = "/".join(re.split(r"[\\/]", target)[-2:])
        found.extend(words_of(re.sub(r"@[\w.^~-]+$|\.(?:exe|cmd|bat)$", "", target)))
    url = server.remote()
    if url is not None:
        try:
            parts = urlsplit(url.text())
            found.extend(words_of((parts.hostname or "") + " " + parts.path + " " + parts.query))
        except ValueError:
            found.extend(words_of(url.text()))
    return [word for word in found if word not in _NOISE]


def classes_in(words: "Iterable[str]") -> "list[str]":
    """Return the classes that words belong to; plurals and glued words count where they end in a known word."""
    found: list[str] = []
    for word in words:
        kind = _WORDS.get(word) or _WORDS.get(word.removesuffix("s")) or _WORDS.get(word.rstrip("0123456789"))
        if kind is None and _GLUED < len(word) < _LONGEST:
            kind = next(
                (_WORDS[word[:end]] for end in range(len(word) - 1, _GLUED - 1, -1) if word[:end] in _WORDS), None
            )
        if kind is not None and kind not in found:
            found.append(kind)
    return [kind for kind in found if kind != "nothing"] or found


def classes_of(name: str) -> "list[str]":
    """Return the classes that the words of one name belong to."""
    return classes_in(words_of(name))


def limited(tools: "Iterable[str]", rows: "Sequence[Row]") -> "list[Row]":
    """Return the rows that are left when only ``tools`` can be called."""
    kept: list[Row] = []
    for name in tools:
        if _RUNS.search(name):
            kept.append(table.RUN)
        elif _SEARCHES.search(name):
            kept.append(table.SEARCH)
        elif _BROWSES.search(name):
            kept.append(table.FETCH)
        elif _SENDS.search(name):
            kept.extend(row for row in rows if not row.legs)
        else:
            kept.extend(row for row in rows if row.legs)
    return list(dict.fromkeys(kept))


def legs(rows: "Iterable[Row]") -> int:
    """Return the legs of rows: what results bring in or a payload holds, and whether anything can leave."""
    seen = CLEAN
    for row in rows:
        seen |= (row.legs | row.carried) & (PRIVATE | UNTRUSTED) | (EXFIL if row.sink & EGRESS else CLEAN)
    return seen


def names(bits: int) -> str:
    """Return legs as words."""
    words = [(PRIVATE, "reads private data"), (UNTRUSTED, "reads untrusted content"), (EXFIL, "can send data out")]
    return ", ".join(word for bit, word in words if bits & bit) or "has none of the three legs"


def request(row: Row, *, trusted: int = TRUSTED_YES) -> Request:
    """Return the request that exercises a row once, everything else as permissive as facts can be."""
    return Request(
        row.op, 0, 1, row.legs, row.carried, row.sink, SCOPE_ALLOW, trusted, 0, row.attested, row.public, row.fixed, 0
    )


def witness(rows: "Sequence[Row]", authority: int = EVERYTHING) -> "tuple[Row, ...]":
    """Return calls, each allowed by the kernel until the last, which it would ask about as uninhabitable.

    Empty: these rows do not complete the three legs under ``authority``. Every
    destination is taken as trusted, so only the exposure rule can speak.
    """
    for last in (row for row in rows if row.sink & EGRESS):
        state = State(authority, CLEAN, BUDGET_LIMIT, 0)
        path: list[Row] = []
        for row in sorted(rows, key=lambda row: (bool(row.sink), row.op, row.legs)):
            verdict, _, after = admit(state, request(row))
            if verdict == ALLOW and after.exposure & ~state.exposure & (PRIVATE | UNTRUSTED):
                state = after
                path.append(row)
        verdict, rules, _ = admit(state, request(last))
        if verdict != ALLOW and rules & UNINHABITABLE_RULE:
            return (*path, last)
    return ()
