import assert from 'node:assert/strict'
import { Duplex, PassThrough } from 'node:stream'
import { isCancelled, type Failure } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import { becomeRoot } from '../../../src/servers/prepare/becomeRoot'
import {
  passwordCommand,
  probeCommand,
  readStatus,
  runCommand,
  runInput,
} from '../../../src/servers/prepare/command'
import { commandByHand, describePreparation, dnsRecords } from '../../../src/servers/prepare/describe'
import { GatewayScript } from '../../../src/servers/prepare/gatewayScript'
import { Lines, readGatewayStatus, readScriptLine } from '../../../src/servers/prepare/output'
import {
  installArguments,
  keyArguments,
  readDomain,
  readGatewayKey,
} from '../../../src/servers/prepare/request'
import type { SessionSource } from '../../../src/servers/prepare/session'

const blob = 'AAAAC3NzaC1lZDI1NTE5AAAAIFti145ibprYIvA+xh2DH0NeMUtmtXWfyAq+mGll+5U3'
const key = `ssh-ed25519 ${blob} laptop`

describe('what a gateway is prepared for', () => {
  it('is a domain', () => {
    const table: readonly [string, string | undefined][] = [
      ['dev.example.com', 'dev.example.com'],
      [' Dev.Example.COM. ', 'dev.example.com'],
      ['*.dev.example.com', 'dev.example.com'],
      ['com', undefined],
      ['192.0.2.1', undefined],
      ['https://dev.example.com', undefined],
      ["dev.example.com'; reboot", undefined],
      ['', undefined],
    ]
    for (const [text, domain] of table) assert.equal(readDomain(text), domain, text)
  })

  it('is a public key in one line, without options', () => {
    assert.deepEqual(readGatewayKey(` ${key}\n`), {
      line: key,
      type: 'ssh-ed25519',
      fingerprint: 'SHA256:M58JLlyxoh4hmCiKX5spfT0XlqmrQI1RzjPEPKwRS/Q',
      comment: 'laptop',
    })
    assert.equal(readGatewayKey(`ssh-ed25519 ${blob}`)?.line, `ssh-ed25519 ${blob}`)
    assert.equal(readGatewayKey(`ssh-ed25519 ${blob} josé's \u001b[1mlaptop`)?.comment, "jos's [1mlaptop")
    for (const text of [
      '',
      blob,
      `ssh-rsa ${blob} laptop`,
      'ssh-ed25519 AAAA laptop',
      `ssh-ed25519 ${blob.slice(0, -4)} laptop`,
      `command="id" ${key}`,
      `restrict ${key}`,
      `${key}\n${key}`,
      '-----BEGIN OPENSSH PRIVATE KEY-----',
    ]) {
      assert.equal(readGatewayKey(text), undefined, text)
    }
  })

  it('becomes arguments, and nothing that was not looked at does', () => {
    const request = { domain: 'Dev.example.com', publicKeys: [key] }
    assert.deepEqual(installArguments(request), ['--domain', 'dev.example.com', '--key', key])
    const more = {
      email: 'a@example.com',
      acmeDirectory: 'https://ca.example/dir',
      acmeCa: '/etc/ssl/ca.pem',
    }
    assert.deepEqual(installArguments({ ...request, ...more }).slice(4), [
      ...[
        '--email',
        'a@example.com',
        '--acme-directory',
        'https://ca.example/dir',
        '--acme-ca',
        '/etc/ssl/ca.pem',
      ],
    ])
    assert.throws(() => installArguments({ ...request, domain: 'x y' }), RangeError)
    assert.throws(() => keyArguments(['ssh-ed25519 nonsense']), RangeError)
  })

  it('is said in words, and as the line to run by hand', () => {
    const request = { domain: 'dev.example.com', publicKeys: [key] }
    const text = describePreparation(request, 'root@192.0.2.1').join('\n')
    assert.match(text, /^root@192\.0\.2\.1 becomes a gateway: .* https:\/\/NAME\.dev\.example\.com\.$/m)
    assert.match(text, /with SHA256:M58J\S+, and nothing else/)
    assert.equal(
      commandByHand(request),
      `sudo sh prepare-gateway.sh install --domain dev.example.com --key '${key}'`,
    )
    assert.deepEqual(dnsRecords('dev.example.com', '192.0.2.1'), ['*.dev.example.com. A 192.0.2.1'])
    assert.deepEqual(dnsRecords('dev.example.com', '2001:db8::1'), ['*.dev.example.com. AAAA 2001:db8::1'])
  })
})

describe('the command that runs the script', () => {
  const mark = 'm0123'

  it('is constant for the login shell, whatever the arguments are', () => {
    for (const command of [probeCommand, passwordCommand, runCommand({ kind: 'sudo' }, mark)]) {
      // Single quotes hold neither a quote nor what fish and csh read inside of them.
      assert.match(command, /^exec sh -c '[^'\\!]*'(?: sh '[^'\\!]*')?$/)
    }
    assert.doesNotMatch(runCommand({ kind: 'root' }, mark), /sudo/)
    assert.throws(() => runCommand({ kind: 'root' }, 'a b'), RangeError)
  })

  it('sends the password before the mark, and the arguments with the script', () => {
    const input = runInput(
      { kind: 'sudo with password', password: 'pass word' },
      { mark, script: '#!/bin/sh\r\nmain "$@"\r\n', args: ['install', "it's", '$(id) `id`'] },
    )
    assert.equal(
      input,
      `pass word\n${mark}\nset -- 'install' 'it'\\''s' '$(id) \`id\`'\n#!/bin/sh\nmain "$@"\n`,
    )
    assert.match(runInput({ kind: 'sudo' }, { mark, script: '', args: [] }), /^m0123\n/)
  })

  it('ends with its exit code', () => {
    assert.equal(readStatus('expose-status 0'), 0)
    assert.equal(readStatus('expose-status 143'), 143)
    assert.equal(readStatus(' expose-status 0'), undefined)
    assert.equal(readStatus('status 0'), undefined)
  })
})

describe('what the script prints', () => {
  it('is read line by line', () => {
    const table: readonly [string, unknown][] = [
      [
        '[3/9] Create the locked user "expose"',
        { kind: 'step', number: 3, of: 9, title: 'Create the locked user "expose"' },
      ],
      ['warning: no DNS', { kind: 'warning', text: 'no DNS' }],
      ['error: Port 80 is in use.', { kind: 'error', text: 'Port 80 is in use.' }],
      ['said: a: b', { kind: 'said', text: 'a: b' }],
      ['advice: Stop it.', { kind: 'advice', text: 'Stop it.' }],
      ['taken back: the server is as it was before', { kind: 'taken back' }],
      ['done: nothing was changed', { kind: 'done', text: 'nothing was changed' }],
      ['domain: dev.example.com', { kind: 'fact', name: 'domain', value: 'dev.example.com' }],
      // What other programs say is indented.
      ['    error: not ours', { kind: 'detail', text: '    error: not ours' }],
      ['  wrote /etc/expose/banner', { kind: 'detail', text: '  wrote /etc/expose/banner' }],
      ['something: else', { kind: 'detail', text: 'something: else' }],
    ]
    for (const [line, read] of table) assert.deepEqual(readScriptLine(line), read, line)
  })

  it('is cut into lines however it arrives, without colours and bars', () => {
    const lines: string[] = []
    const reader = new Lines((line) => lines.push(line))
    for (const piece of ['one\ntw', 'o\r\n10%\r100%', '\n\u001b[31mred\u001b[0m\u0007\nlast'])
      reader.add(piece)
    assert.deepEqual(lines, ['one', 'two', '100%', 'red'])
    reader.end()
    assert.equal(lines.at(-1), 'last')
    reader.add('x'.repeat(70_000))
    assert.equal(lines.at(-1)?.length, 70_000)
  })

  it('tells what a server is', () => {
    const lines = [
      'prepared: yes',
      'domain: a.example.com',
      'directory: /run/expose',
      'caddy: running',
      'sshd: set up',
      'key: 256 SHA256:x me (ED25519)',
    ]
    assert.deepEqual(readGatewayStatus(lines.map(readScriptLine)), {
      ...{ isPrepared: true, domain: 'a.example.com', directory: '/run/expose' },
      ...{ isCaddyRunning: true, isSshdSetUp: true, keys: ['256 SHA256:x me (ED25519)'] },
    })
    assert.deepEqual(readGatewayStatus([readScriptLine('prepared: no')]), {
      ...{ isPrepared: false, isCaddyRunning: false, isSshdSetUp: false, keys: [] },
    })
  })
})

describe('running the script over a connection', () => {
  const signal = new AbortController().signal

  /** Answers each command with what `answer` says to it; `typed` is what stood on its standard input. */
  function server(answer: (command: string, typed: string) => string | undefined) {
    const commands: string[] = []
    const source = {
      settings: { user: 'admin', hostName: 'host' } as SessionSource['settings'],
      isOpen: true,
      openSession: (request: 'shell' | { exec: string }): Promise<Duplex> => {
        const command = request === 'shell' ? '' : request.exec
        commands.push(command)
        return Promise.resolve(session((typed) => answer(command, typed)))
      },
    }
    return { source, commands }
  }

  function session(answer: (typed: string) => string | undefined): Duplex {
    const output = new PassThrough()
    let typed = ''
    const reply = () => {
      const text = answer(typed)
      if (text !== undefined) output.end(text)
    }
    const input = new PassThrough()
    input.on('data', (chunk: Buffer) => {
      typed += chunk.toString()
      reply()
    })
    input.once('end', () => {
      typed += '<end>'
      reply()
    })
    const channel = Duplex.from({ writable: input, readable: output })
    // What ran there has ended, and with it the session.
    output.once('end', () => setImmediate(() => channel.destroy()))
    return channel
  }

  const ended = (text: string, code = 0) => `${text}\nexpose-status ${code}\n`

  it('becomes root by what the server offers', async () => {
    const ask = () => Promise.reject(new Error('nobody has to be asked'))
    const offers = (text: string, code: number) => server(() => ended(text, code)).source
    assert.deepEqual(await becomeRoot(offers('uid 0\nsh: sudo: not found', 127), { ask, signal }), {
      kind: 'root',
    })
    assert.deepEqual(await becomeRoot(offers('uid 1000', 0), { ask, signal }), { kind: 'sudo' })
    await assert.rejects(becomeRoot(offers('uid 1000\nsh: 1: sudo: not found', 127), { ask, signal }), {
      kind: 'sudo-missing',
    })
    await assert.rejects(
      becomeRoot(offers('uid 1000\nsudo: sorry, you must have a tty to run sudo', 1), { ask, signal }),
      (error: Failure) => {
        assert.equal(error.kind, 'sudo-not-allowed')
        assert.match(error.said ?? '', /must have a tty/)
        return true
      },
    )
  })

  it('tries a password before anything else is sent, and asks again when it is wrong', async () => {
    const { source, commands } = server((command, typed) => {
      if (command === probeCommand) return ended('uid 1000\nsudo: a password is required', 1)
      if (!typed.endsWith('<end>')) return undefined
      return typed === 'right\n<end>' ? ended('') : ended('sudo: 1 incorrect password attempt', 1)
    })
    const answers = ['wrong', 'right']
    const asked: boolean[] = []
    const ask = ({ isRetry }: { isRetry: boolean }) => {
      asked.push(isRetry)
      return Promise.resolve(answers.shift())
    }
    assert.deepEqual(await becomeRoot(source, { ask, signal }), {
      kind: 'sudo with password',
      password: 'right',
    })
    assert.deepEqual(asked, [false, true])
    assert.deepEqual(commands, [probeCommand, passwordCommand, passwordCommand])
    await assert.rejects(becomeRoot(source, { ask, signal }), isCancelled)
  })

  const script = (answer: (typed: string) => string | undefined) =>
    new GatewayScript({
      transport: server((command, typed) => (command === probeCommand ? ended('uid 0') : answer(typed)))
        .source,
      script: 'main "$@"; exit $?\n',
      askPassword: () => Promise.resolve(undefined),
      log: silentLog,
    })

  it('gives the summary and the warnings of a run that did all it should', async () => {
    const run = await script((typed) => {
      assert.match(typed, /set -- 'add-key' '--key' 'ssh-ed25519 \S+ laptop' '--until-eof'\nmain/)
      return ended('[1/1] Add the key\nwarning: careful\ndone: keys that may open tunnels: 2')
    }).addKey(key, signal)
    assert.equal(run.summary, 'keys that may open tunnels: 2')
    assert.deepEqual(run.warnings, ['careful'])
    assert.match(run.text, /^\[1\/1\] Add the key\n/)
  })

  it('fails with what the script said, and whether all of it was taken back', async () => {
    const said = 'error: It broke.\nsaid: line 1\nsaid: line 2\nadvice: Mend it.\ntaken back: as before'
    await assert.rejects(script(() => ended(said, 1)).uninstall(signal), (error: Failure) => {
      assert.equal(error.kind, 'preparation-refused')
      assert.equal(error.message, 'It broke.')
      assert.equal(error.said, 'line 1\nline 2')
      assert.equal(error.advice, 'Mend it. Everything was taken back: the server is as it was before.')
      return true
    })
    await assert.rejects(script(() => ended('sh: 12: oops', 2)).uninstall(signal), (error: Failure) => {
      assert.equal(error.kind, 'preparation-failed')
      assert.match(error.said ?? '', /oops/)
      return true
    })
    // A code of 0 without the last line is no success either.
    await assert.rejects(script(() => ended('')).uninstall(signal), { kind: 'preparation-failed' })
    await assert.rejects(script(() => 'This account is not available.\n').uninstall(signal), {
      kind: 'no-shell',
    })
  })

  it('tells the script of a cancellation by the end of its input, and waits for it', async () => {
    const change = new AbortController()
    let typedAtLast = ''
    const run = script((typed) => {
      typedAtLast = typed
      if (!typed.endsWith('<end>')) {
        setImmediate(() => change.abort())
        return undefined
      }
      return ended('taken back: as before', 143)
    }).install({ domain: 'a.example.com', publicKeys: [key] }, change.signal)
    await assert.rejects(run, isCancelled)
    assert.match(typedAtLast, /<end>$/)
  })
})
