import type { CapturedExchange } from '../capturedExchange'
import { maskSecrets } from '../mask/maskSecrets'
import { curlCommand } from './curl'
import type { Exported } from './exported'
import { harOf } from './har'
import { httpFileRequest } from './httpFile'

/** cURL for a POSIX shell, a `.http` file as VS Code's REST Client and JetBrains read it, or HAR 1.2. */
export type ExportFormat = 'curl' | 'http' | 'har'

export interface ExportOptions {
  /** Masked as `maskSecrets` does unless they are asked for. */
  readonly secrets?: 'masked' | 'shown'
  /**
   * The origin to call, without a path; that of the public URL. Without it what the visitor called, by HTTPS.
   */
  readonly originOf?: (exchange: CapturedExchange) => string | undefined
  /** Of this program, for the creator of a HAR. */
  readonly version: string
}

/**
 * The exchanges as text, to be put on the clipboard or into a file. What is not as it was (a body that was cut, masked
 * secrets, what the format cannot say) is said in comments.
 */
export async function exportExchanges(
  format: ExportFormat,
  exchanges: readonly CapturedExchange[],
  { secrets = 'masked', originOf, version }: ExportOptions,
): Promise<string> {
  const exported: Exported[] = []
  for (const exchange of exchanges) {
    const shown = secrets === 'masked' ? await maskSecrets(exchange) : exchange
    const origin = originOf?.(exchange) ?? `https://${exchange.request.host}`
    exported.push({ exchange: shown, origin, isMasked: shown !== exchange })
  }
  switch (format) {
    case 'curl':
      return exported.map(curlCommand).join('\n')
    case 'http':
      return exported.map(httpFileRequest).join('\n')
    case 'har':
      return JSON.stringify(await harOf(exported, { version }), undefined, 2)
  }
}
