import { mask } from '../../base/redactor'
import { isSecretParameter } from './secretNames'

/** Pairs of names and values as a query and a form have them, with secret values masked. All else stays as it is. */
export function maskParameters(
  text: string,
  options: { readonly shown?: string; readonly isSecret?: (name: string) => boolean } = {},
): string {
  const { shown = mask, isSecret = isSecretParameter } = options
  return text
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      const isEmpty = at === -1 || at === pair.length - 1
      return isEmpty || !isSecret(nameOf(pair)) ? pair : `${pair.slice(0, at + 1)}${shown}`
    })
    .join('&')
}

function nameOf(pair: string): string {
  const [name = ''] = new URLSearchParams(`&${pair}`).keys()
  return name
}

/** A target or a URL with its query masked, and with the password a URL may have. */
export function maskUrl(url: string): string {
  const [, front = '', query, fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(.*)$/s.exec(url) ?? []
  const shown = front.replace(/^([a-z][a-z\d+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/i, `$1:${mask}@`)
  const shownQuery = query === undefined ? '' : `?${maskParameters(query)}`
  // An answer of OAuth's implicit flow has its token there (RFC 6749 4.2.2).
  const shownFragment = fragment === '' ? '' : `#${maskParameters(fragment.slice(1))}`
  return shown + shownQuery + shownFragment
}
