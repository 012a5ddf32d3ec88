/** Paths that a program's source seems to answer at, the likeliest for a webhook first. `file` is its name in the workspace. */
export function pathsInCode(sources: readonly { readonly file: string; readonly text: string }[]): string[] {
  const found = sources.flatMap(({ file, text }) => [...pathsOfFile(file), ...pathsOfText(text)])
  const unique = [...new Set(found)].filter((path) => path.length <= 200 && !/\.\w{1,5}$/.test(path))
  const likely = unique.filter((path) => hints.test(path))
  return [...likely, ...unique.filter((path) => !hints.test(path))].slice(0, mostPaths)
}

const hints = /hook|messenger|telegram|whatsapp|instagram|github|facebook|callback|bot\b/i
const mostPaths = 12

/** Next's routes are named by their files. */
function pathsOfFile(file: string): string[] {
  const plain = file.replaceAll('\\', '/')
  const [, route] =
    /(?:^|\/)app\/(.*)\/route\.[jt]sx?$/.exec(plain) ?? /(?:^|\/)pages\/(api\/.*)\.[jt]sx?$/.exec(plain) ?? []
  return route === undefined || route.includes('[') ? [] : [`/${route.replace(/\/index$/, '')}`]
}

function pathsOfText(text: string): string[] {
  return patterns.flatMap((pattern) =>
    Array.from(text.matchAll(pattern), ([, path = '']) => (path.startsWith('/') ? path : `/${path}`)),
  )
}

const literal = String.raw`['"\x60](\/[\w\-./~]*)['"\x60]`

/** Each takes time in proportion to the text. */
const patterns = [
  // Express, Fastify, Koa, Flask, FastAPI, Go's net/http.
  new RegExp(String.raw`\.(?:get|post|all|use|route|any|HandleFunc|Handle)\(\s{0,20}${literal}`, 'g'),
  new RegExp(
    String.raw`\b(?:path|route|webhookPath|webhook_path|pathname)["']?\s{0,5}[:=]{1,3}\s{0,5}${literal}`,
    'gi',
  ),
  // Django.
  /\bpath\(\s{0,20}['"]([\w\-.~][\w\-./~]*)['"]/g,
]
