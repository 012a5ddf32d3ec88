import assert from 'node:assert/strict'
import { fingerprint, publicKeyFromBlob } from '../../../src/ssh/publicKey'
import { fixture, publicKey } from './fixture'

describe('fingerprint', () => {
  for (const line of fixture('known_hosts/ssh-keygen-l.txt').trimEnd().split('\n')) {
    const [, expected = '', name = ''] = line.split(' ')
    it(`of ${name} is what ssh-keygen -l says`, () => assert.equal(fingerprint(publicKey(name)), expected))
  }
})

describe('publicKeyFromBlob', () => {
  const types: [string, string][] = [
    ['ed25519-a', 'ssh-ed25519'],
    ['rsa-a', 'ssh-rsa'],
    ['ecdsa-256', 'ecdsa-sha2-nistp256'],
    ['ecdsa-384', 'ecdsa-sha2-nistp384'],
    ['ecdsa-521', 'ecdsa-sha2-nistp521'],
  ]
  for (const [name, type] of types) {
    it(`reads the type ${type}`, () => assert.equal(publicKey(name).type, type))
  }

  const blob = publicKey('ed25519-a').blob
  const string = (bytes: Buffer | string) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, Buffer.from(bytes)])
  }
  const bad: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['three bytes', Buffer.alloc(3)],
    ['an empty type', Buffer.concat([string(''), string('x')])],
    ['a type alone', string('ssh-ed25519')],
    ['a type of 129 letters', Buffer.concat([string('x'.repeat(129)), string('x')])],
    ['a length beyond its end', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    ['a key that was cut off', blob.subarray(0, -1)],
    ['a key with something after it', Buffer.concat([blob, Buffer.from([0])])],
  ]
  for (const [what, bytes] of bad) {
    it(`does not take ${what} for a key`, () => assert.equal(publicKeyFromBlob(bytes), undefined))
  }
})
