import type { CapturedRequest } from '../capturedExchange'
import { bytesOfWire, textOfUtf8 } from '../wireText'
import { cutRemark, maskedRemark, type Exported } from './exported'

/**
 * A request for a `.http` file, as VS Code's REST Client and JetBrains' HTTP Client read it; each begins with a separator
 * of its own. The format holds only text, and gives some lines a meaning: what it cannot hold is left out, and a
 * comment says so. Fields of the connection are left out, for the clients write their own.
 */
export function httpFileRequest({ exchange, origin, isMasked }: Exported): string {
  const { request } = exchange
  const text = textOfUtf8(request.body.bytes)
  const obstacle = text === undefined ? 'it is not text' : obstacleIn(text)
  const fields = request.fields.filter(([name]) => !written.has(name.toLowerCase()))
  const target = request.target === '*' ? '/' : shown(request.target)
  return [
    `### ${request.method} ${target}`,
    ...(isMasked ? [`# ${maskedRemark}`] : []),
    ...lossesOf(request, obstacle).map((remark) => `# ${remark}`),
    `${request.method} ${origin}${target} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${shown(value)}`),
    '',
    ...(text === undefined || text === '' || obstacle !== undefined ? [] : [text, '']),
    '',
  ].join('\n')
}

/** By the client. */
const written = new Set(['host', 'content-length', 'transfer-encoding', 'connection'])

function lossesOf(request: CapturedRequest, obstacle: string | undefined): string[] {
  const cut = cutRemark('request', request.body)
  const hasEnd = textOfUtf8(request.body.bytes)?.endsWith('\n') === true
  return [
    ...(cut === undefined ? [] : [cut]),
    ...(obstacle === undefined ? [] : [`Its body is left out: ${obstacle}. Copied as cURL it is whole.`]),
    ...(hasEnd && obstacle === undefined ? ['Its body ends in a line break, which may be lost.'] : []),
    ...(request.target === '*' ? ['Its target is *, which this format cannot say.'] : []),
    ...(request.trailers.length > 0 ? ['Its trailers are left out.'] : []),
  ]
}

/** Why a `.http` file would not send this body as it is; undefined when it would. */
function obstacleIn(body: string): string | undefined {
  if (/[^\n\t\P{Cc}]/u.test(body)) return 'it has control characters'
  if (body.startsWith('\n')) return 'it begins with an empty line'
  if (body.includes('{{')) return 'it has {{, which begins a variable'
  return /^(?:#|\/\/|<|> )/m.test(body)
    ? 'it has a line that begins like a comment or the name of a file'
    : undefined
}

function shown(wire: string): string {
  return textOfUtf8(bytesOfWire(wire)) ?? wire
}
