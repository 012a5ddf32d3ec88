import assert from 'node:assert/strict'
import { Failure } from '../../../src/base/failure'
import { gatewayProfile, isBaseDomain, readGatewayBanner } from '../../../src/servers/gateway'
import type { GatewayProfile } from '../../../src/servers/profile'

const line = 'expose-gateway v=1 base=dev.example.com dir=/run/expose'

describe('the banner of a prepared gateway', () => {
  it('is found among other lines', () => {
    const gateway = { base: 'dev.example.com', directory: '/run/expose' }
    for (const banner of [
      line,
      `${line}\n`,
      `${line}\r\n`,
      `Authorized use only.\n\n${line}\nWelcome\n`,
      `${line}\n${line}\n`,
      `${line}  \n`,
    ]) {
      assert.deepEqual(readGatewayBanner(banner), gateway, JSON.stringify(banner))
    }
  })

  it('is read strictly', () => {
    for (const banner of [
      '',
      'Welcome',
      `x${line}`,
      ` ${line}`,
      `${line} more=1`,
      'expose-gateway v=2 base=dev.example.com dir=/run/expose',
      'expose-gateway v=1 dir=/run/expose base=dev.example.com',
      'expose-gateway v=1  base=dev.example.com dir=/run/expose',
      'expose-gateway v=1 base=dev.example.com',
      'expose-gateway v=1 base=dev.example.com dir=',
      'expose-gateway v=1 base=Dev.example.com dir=/run/expose',
      'expose-gateway v=1 base=com dir=/run/expose',
      'expose-gateway v=1 base=192.0.2.1 dir=/run/expose',
      'expose-gateway v=1 base=dev.example.com:8443 dir=/run/expose',
      'expose-gateway v=1 base=user@dev.example.com dir=/run/expose',
      'expose-gateway v=1 base=dev.example.com/x dir=/run/expose',
      'expose-gateway v=1 base=-x.example.com dir=/run/expose',
      'expose-gateway v=1 base={name}.example.com dir=/run/expose',
      'expose-gateway v=1 base=dev.example.com dir=run/expose',
      'expose-gateway v=1 base=dev.example.com dir=/',
      'expose-gateway v=1 base=dev.example.com dir=/run/expose/',
      'expose-gateway v=1 base=dev.example.com dir=/run//expose',
      'expose-gateway v=1 base=dev.example.com dir=/run/../etc',
      'expose-gateway v=1 base=dev.example.com dir=/run/./x',
      'expose-gateway v=1 base=dev.example.com dir=/run/..',
      'expose-gateway v=1 base=dev.example.com dir=/run/{name}',
      `${line}\nexpose-gateway v=1 base=evil.example.com dir=/run/expose`,
    ]) {
      assert.equal(readGatewayBanner(banner), undefined, banner)
    }
  })

  it('knows a domain that names fit below', () => {
    const label = 'a'.repeat(63)
    const table: readonly [string, boolean][] = [
      ['example.com', true],
      ['dev.localhost', true],
      ['xn--bcher-kva.example', true],
      ['1.example.com', true],
      [`${label}.${label}.${label.slice(0, 61)}`, true],
      [`${label}.${label}.${label.slice(0, 62)}`, false],
      [`${label}a.example.com`, false],
      ['example.com.', false],
      ['.example.com', false],
      ['exa mple.com', false],
      ['example.com\n', false],
      ['example.1', false],
      ['bücher.example', false],
    ]
    for (const [text, expected] of table) assert.equal(isBaseDomain(text), expected, text)
  })
})

describe('the profile of a gateway', () => {
  const profile: GatewayProfile = {
    kind: 'gateway',
    id: 'mine',
    ssh: 'expose@dev.example.com',
    destination: { user: 'expose', host: 'dev.example.com' },
    identityFile: '~/.ssh/id_ed25519',
  }

  it('comes from its banner', () => {
    assert.deepEqual(gatewayProfile(profile, line), {
      ...profile,
      kind: 'own',
      bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
      publicUrl: 'https://{name}.dev.example.com',
      tls: 'server',
      proxyProtocol: false,
    })
  })

  it('says what to do where there is no such banner, or one of another time', () => {
    const failureOf = (banner: string) => {
      try {
        gatewayProfile(profile, banner)
      } catch (error) {
        if (error instanceof Failure) return error
      }
      return assert.fail('nothing was said')
    }
    const none = failureOf('Welcome')
    assert.equal(none.kind, 'not-a-gateway')
    assert.match(none.message, /^expose@dev\.example\.com does not say where its tunnels become public/)
    assert.match(none.advice, /Prepare a Server/)
    const later = failureOf('expose-gateway v=2 base=dev.example.com dir=/run/expose')
    assert.equal(later.kind, 'gateway-unreadable')
    assert.equal(later.said, 'expose-gateway v=2 base=dev.example.com dir=/run/expose')
    assert.match(later.advice, /Update Expose Port/)
  })
})
