/** What may be wrong with a callback, seen from outside. */
export type Trouble =
  | { readonly kind: 'status'; readonly status: number; readonly reason: string }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'challenge'; readonly expected: string; readonly received: string }
  | { readonly kind: 'certificate name' }
  | { readonly kind: 'certificate untrusted' }
  | { readonly kind: 'certificate expired' }
  | { readonly kind: 'too slow' }
  | { readonly kind: 'no such name' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'no TLS' }
  | { readonly kind: 'not https' }
  | { readonly kind: 'port'; readonly port: number }
