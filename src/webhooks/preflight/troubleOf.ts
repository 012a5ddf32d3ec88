import type { ProbeAnswer } from './probe'
import type { Trouble } from './trouble'

/** Names what Node says when a connection fails. */
export function troubleOf({ code }: Extract<ProbeAnswer, { kind: 'error' }>): Trouble {
  if (untrusted.has(code)) return { kind: 'certificate untrusted' }
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return { kind: 'certificate name' }
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return { kind: 'certificate expired' }
    case 'ETIMEDOUT':
      return { kind: 'too slow' }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { kind: 'no such name' }
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return { kind: 'no TLS' }
    default:
      return { kind: 'unreachable' }
  }
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
])
