import assert from 'node:assert/strict'
import { decideRegistration, judgeDrift } from '../../../src/webhooks/decideRegistration'
import { KeptRegistrations, type KeptRegistration } from '../../../src/webhooks/keptRegistrations'
import type { Registration } from '../../../src/webhooks/provider'

const at = (callbackUrl: string, changes: Partial<Registration> = {}): Registration => ({
  ...{ callbackUrl, events: ['messages'], isActive: true, more: {} },
  ...changes,
})
const ours = at('https://ours.example/webhook')
const production = at('https://production.example/webhook')
const kept = (former: Registration | undefined): KeptRegistration => ({
  ...{ providerId: 'messenger', account: '123', former, ours, at: 1 },
  target: { host: 'localhost', port: 3000, serverId: 'my-vps', path: '/webhook' },
})

describe('what is done about what stands at a provider', () => {
  const wished = 'https://new.example/webhook'
  const rows: readonly [string, Registration | undefined, KeptRegistration | undefined, object][] = [
    ['nothing', undefined, undefined, { kind: 'register', former: undefined }],
    ['a page without a callback', at(''), undefined, { kind: 'register', former: at('') }],
    ['the same URL', at(wished), undefined, { kind: 'register', former: at(wished) }],
    ['another', production, undefined, { kind: 'must ask', former: production }],
    ['ours of before', ours, kept(production), { kind: 'register', former: production }],
    ['ours of before, where nothing stood', ours, kept(undefined), { kind: 'register', former: undefined }],
    ['another since', production, kept(undefined), { kind: 'must ask', former: production }],
  ]
  for (const [name, present, copy, expected] of rows) {
    it(name, () => assert.deepEqual(decideRegistration(present, copy, wished), expected))
  }
})

describe('what has become of a registration', () => {
  const rows: readonly [string, Registration | undefined, object][] = [
    ['it stands', ours, { kind: 'none' }],
    ['with more events', { ...ours, events: ['a', 'messages'] }, { kind: 'none' }],
    ['it is gone', undefined, { kind: 'gone' }],
    ['its callback is gone', at(''), { kind: 'gone' }],
    ['somebody changed it', production, { kind: 'other', callbackUrl: production.callbackUrl }],
    ['the provider gave up', { ...ours, isActive: false }, { kind: 'inactive' }],
    ['events are gone', { ...ours, events: [] }, { kind: 'events', missing: ['messages'] }],
  ]
  for (const [name, present, expected] of rows) {
    it(name, () => assert.deepEqual(judgeDrift(present, kept(undefined)), expected))
  }
})

describe('the copies of what stood there', () => {
  const memoryOf = (values: Record<string, unknown>) => ({
    keys: () => Object.keys(values),
    get: (key: string) => values[key],
    update: (key: string, value: unknown) => {
      values[key] = value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)
      return Promise.resolve()
    },
  })

  it('come back as they were put, and go', async () => {
    const copies = new KeptRegistrations(memoryOf({}))
    const later = { ...kept(undefined), providerId: 'telegram' as const, at: 2 }
    await copies.put(kept(production))
    await copies.put(later)
    assert.deepEqual(copies.all, [later, kept(production)])
    assert.deepEqual(copies.find('messenger', '123'), kept(production))
    await copies.remove(later)
    assert.deepEqual(copies.all, [kept(production)])
  })

  it('what is damaged counts as absent', () => {
    const copies = new KeptRegistrations(
      memoryOf({ 'webhook messenger 1': { former: 1 }, 'webhook x': null, other: kept(undefined) }),
    )
    assert.deepEqual(copies.all, [])
  })
})
