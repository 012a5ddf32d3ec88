import { linkParameter } from '../access/linkParameter'

/** True for fields whose value lets others in. Signatures of webhooks do not: they hold for one body only. */
export function isSecretField(name: string): boolean {
  const lower = name.toLowerCase()
  return (
    secretFields.has(lower) || /(?:^|[-_])(?:token|secret|password|jwt|api-?key|jwt-assertion)$/.test(lower)
  )
}

const secretFields = new Set([
  ...['authorization', 'proxy-authorization', 'authentication', 'cookie', 'set-cookie'],
  ...['apikey', 'x-apikey', 'x-functions-key', 'x-goog-api-key', 'ocp-apim-subscription-key', 'x-auth-key'],
  ...['x-session-id', 'x-auth', 'x-csrftoken', 'x-xsrftoken'],
])

/** True for members of a body whose value lets others in, however the name is written: api_key, apiKey, API-KEY. */
export function isSecretMember(name: string): boolean {
  const plain = name.replace(/[^a-z0-9]/gi, '').toLowerCase()
  return secretMember.test(plain) && !pageToken.test(plain)
}

/** The same for parameters of a query, where some more names are used for keys only. */
export function isSecretParameter(name: string): boolean {
  return isSecretMember(name) || /^(?:key|auth|sig)$/i.test(name) || name === linkParameter
}

const secretMember =
  /(?:token|secrets?|passwords?|passwd|passphrase|pwd|apikeys?|accesskey|privatekey|secretkey|secretaccesskey|signingkey|credentials?|authorization|jwt|assertion|sessionid|cookies?)$/
/** They say where a list goes on. */
const pageToken = /(?:page|next|continuation|sync|cursor)token$/
