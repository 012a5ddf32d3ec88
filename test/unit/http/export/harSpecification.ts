import assert from 'node:assert/strict'
import type { Har } from '../../../../src/http/export/harTypes'

type Kind = 'string' | 'number' | 'date' | 'url' | readonly [Shape] | Shape
interface Shape {
  readonly [name: string]: Kind
}

const pair: Shape = { name: 'string', value: 'string' }
const head: Shape = {
  ...{ httpVersion: 'string', cookies: [pair], headers: [pair], headersSize: 'number', bodySize: 'number' },
}

/** HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/; with a question mark what may be left out. */
const har: Shape = {
  log: {
    version: 'string',
    creator: { name: 'string', version: 'string', 'comment?': 'string' },
    'comment?': 'string',
    entries: [
      {
        startedDateTime: 'date',
        time: 'number',
        request: {
          ...head,
          method: 'string',
          url: 'url',
          queryString: [pair],
          'postData?': { mimeType: 'string', text: 'string', 'comment?': 'string' },
        },
        response: {
          ...head,
          status: 'number',
          statusText: 'string',
          redirectURL: 'string',
          content: {
            size: 'number',
            mimeType: 'string',
            'compression?': 'number',
            'text?': 'string',
            'encoding?': 'string',
            'comment?': 'string',
          },
        },
        cache: {},
        timings: {
          ...{ blocked: 'number', dns: 'number', connect: 'number', send: 'number', wait: 'number' },
          ...{ receive: 'number', ssl: 'number' },
        },
        'comment?': 'string',
      },
    ],
  },
}

/** Fails where it is not as the specification says: a field is missing, unknown or of another type. */
export function checkHar(value: unknown): Har {
  check(value, har, 'har')
  return value as Har
}

function check(value: unknown, kind: Kind, at: string): void {
  if (kind === 'string' || kind === 'number') return assert.equal(typeof value, kind, at)
  if (kind === 'date') return assert.match(String(value), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, at)
  if (kind === 'url') return assert.ok(URL.canParse(String(value)), at)
  if (isList(kind)) {
    assert.ok(Array.isArray(value), at)
    for (const [index, one] of value.entries()) check(one, kind[0], `${at}[${index}]`)
    return
  }
  assert.ok(typeof value === 'object' && value !== null, at)
  const found = new Map(Object.entries(value))
  for (const [name, inner] of Object.entries(kind)) {
    const plain = name.replace(/\?$/, '')
    if (found.has(plain) || plain === name) check(found.get(plain), inner, `${at}.${plain}`)
    found.delete(plain)
  }
  // What is not of the specification has an underscore in front.
  for (const name of found.keys()) assert.match(name, /^_/, at)
}

function isList(kind: Kind): kind is readonly [Shape] {
  return Array.isArray(kind)
}
