import assert from 'node:assert/strict'
import { readPublicUrl } from '../../../../src/servers/validation/publicUrl'

describe('readPublicUrl', () => {
  const accepted: [text: string, usual?: string][] = [
    ['https://dev.example.com'],
    ['https://dev.example.com/'],
    ['https://dev.example.com:8888'],
    ['https://dev.example.com:443'],
    ['https://dev.example.com/app/'],
    ['https://{name}.dev.example.com'],
    ['https://app-{name}.dev.example.com'],
    ['https://{name}-{name}.example.com/{name}'],
    ['https://p{port}.dev.example.com'],
    ['https://dev.example.com:{port}'],
    ['https://p{port}.dev.example.com/{port}'],
    ['https://{name}.dev.localhost:8443'],
    ['https://localhost'],
    ['http://dev.example.com'],
    ['tcp://dev.example.com:5432'],
    ['tcp://dev.example.com:{port}'],
    ['tcp://192.0.2.1:{port}'],
    ['tcp://[2001:db8::1]:5432'],
    ['https://[2001:db8::1]:8443'],
    ['https://a_b.example.com'],
    ['https://xn--r8jz45g.example'],
    ['HTTPS://{name}.Dev.Example.COM/App', 'https://{name}.dev.example.com/App'],
    ['TCP://Dev.Example.com:1', 'tcp://dev.example.com:1'],
    ['https://例え.example', 'https://xn--r8jz45g.example'],
    ['https://{name}.bücher.example', 'https://{name}.xn--bcher-kva.example'],
    ['tcp://bücher.example:{port}', 'tcp://xn--bcher-kva.example:{port}'],
    ['https://0x7f.1', 'https://127.0.0.1'],
    ['https://[2001:DB8:0::1]', 'https://[2001:db8::1]'],
    [`https://${'a'.repeat(63)}.example`],
  ]
  for (const [text, usual = text] of accepted) {
    it(`reads ${text.slice(0, 60)}`, () => {
      const read = readPublicUrl(text)
      assert.ok('value' in read, JSON.stringify(read))
      assert.equal(read.value.text, usual)
    })
  }

  it('takes it apart', () => {
    assert.deepEqual(readPublicUrl('tcp://dev.example.com:{port}'), {
      value: {
        text: 'tcp://dev.example.com:{port}',
        scheme: 'tcp',
        host: 'dev.example.com',
        port: '{port}',
      },
    })
    const read = readPublicUrl('https://{name}.dev.example.com:8443/app')
    assert.ok('value' in read)
    const { scheme, host, port } = read.value
    assert.deepEqual([scheme, host, port], ['https', '{name}.dev.example.com', 8443])
  })

  const refused: [text: string, says: string][] = [
    ['dev.example.com', '"dev.example.com" is not a URL; write "https://dev.example.com"'],
    ['ftp://dev.example.com', 'is not a URL'],
    ['wss://dev.example.com', 'is not a URL'],
    ['https:dev.example.com', 'is not a URL'],
    ['https:///dev.example.com', 'is not a URL'],
    ['https://', 'is not a URL'],
    ['https://dev example.com', 'is not a URL'],
    ['https://dev.example.com\\@evil.example', 'is not a URL'],
    ['https://dev.example.com/\\evil', 'is not a URL'],
    ['https://dev.example.com:', 'is not a URL'],
    ['https://dev.example.com:{name}', 'is not a URL'],
    ['https://dev.example.com:80{port}', 'is not a URL'],
    ['https://a:b:c', 'is not a URL'],
    ['https://::1', 'is not a URL'],
    ['https://[::1', 'is not a URL'],
    ['https://[::1]x', 'is not a URL'],
    ['https://[1.2.3.4]', '"[1.2.3.4]" is not a host name'],
    ['https://[{name}]', 'is not a host name'],
    ['https://dev.example.com:0', 'has the port 0; ports run from 1 to 65535'],
    ['https://dev.example.com:65536', 'has the port 65536'],
    ['https://dev.example.com:999999999999', 'has the port 999999999999'],
    ['https://*.dev.example.com', 'holds a *; write {name} there: "https://{name}.dev.example.com"'],
    ['https://dev.example.com.', 'has a dot at its end; write "dev.example.com" there'],
    ['https://{name}.dev.example.com..', 'write "{name}.dev.example.com" there'],
    ['https://dev..example.com', '"dev..example.com" is not a host name'],
    ['https://.example.com', 'is not a host name'],
    ['https://-dev.example.com', 'is not a host name'],
    ['https://dev-.example.com', 'is not a host name'],
    ['https://{name}-.example.com', 'is not a host name'],
    ['https://dev%41.example.com', 'is not a host name'],
    ['https://dev!.example.com', 'is not a host name'],
    ['https://{name}ü.example.com', 'is not a host name'],
    ['https://{name}.1', 'is not a host name'],
    ['https://256.1.1.1', 'is not a host name'],
    ['https://xn--a.example', 'is not a host name'],
    [`https://${'a'.repeat(64)}.example`, 'more than 63 letters'],
    [`https://${'a'.repeat(61)}{port}.example`, 'more than 63 letters'],
    [`https://${'abcdefgh.'.repeat(29)}example`, 'more than 253'],
    ['https://ada@dev.example.com', 'may hold no user, query or fragment'],
    ['https://dev.example.com?', 'may hold no user, query or fragment'],
    ['https://dev.example.com/#', 'may hold no user, query or fragment'],
    ['https://{host}.example.com', '{host} cannot be filled in here; use {name} or {port}'],
    ['https://{name.example.com', '{name.example.com cannot be filled in'],
    ['https://{{name}}.example.com', '{{name} cannot be filled in'],
    ['https://{Name}.example.com', '{Name} cannot be filled in'],
    ['https://dev.example.com/{name}', '{name} must stand in the host name'],
    ['https://dev.example.com/{port}', '{port} must stand in the host name'],
    ['https://{name}.dev.example.com/{port}', '{port} must stand in the host name'],
    ['tcp://dev.example.com:1/', 'has a path, but tcp:// has none; write "tcp://dev.example.com:1"'],
  ]
  for (const [text, says] of refused) {
    it(`refuses ${text.slice(0, 60)}`, () => {
      const read = readPublicUrl(text)
      assert.ok('wrong' in read, JSON.stringify(read))
      assert.ok(read.wrong.includes(says), read.wrong)
    })
  }
})
