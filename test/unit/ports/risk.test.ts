import assert from 'node:assert/strict'
import { surelyKnownProgram } from '../../../src/ports/knownPrograms'
import { programName } from '../../../src/ports/programName'
import { riskOf } from '../../../src/ports/risk'

const running = (port: number, name: string, command = name) => ({ port, process: { pid: 1, name, command } })

describe('riskOf', () => {
  const byPort: [number, string][] = [
    [22, 'an SSH server'],
    [445, 'Windows file sharing (SMB)'],
    [2375, 'the Docker daemon'],
    [2379, 'etcd'],
    [3306, 'a MySQL database'],
    [3389, 'a Remote Desktop'],
    [5005, 'a Java debugger'],
    [5432, 'a PostgreSQL database'],
    [5678, 'a Python debugger'],
    [5900, 'a VNC screen'],
    [6379, 'a Redis database'],
    [6443, 'the Kubernetes API'],
    [8888, 'a Jupyter server'],
    [9200, 'an Elasticsearch index'],
    [9222, 'a browser under remote control'],
    [9229, 'a Node.js debugger'],
    [11211, 'a Memcached cache'],
    [27017, 'a MongoDB database'],
  ]
  for (const [port, what] of byPort)
    it(`knows ${port} as ${what}`, () => assert.equal(riskOf({ port })?.what, what))

  const byProcess: [ReturnType<typeof running>, string | undefined][] = [
    [running(15432, 'postgres'), 'a PostgreSQL database'],
    [running(4000, 'redis-server'), 'a Redis database'],
    [running(2022, 'sshd'), 'an SSH server'],
    [running(1433, 'sqlservr.exe'), 'a SQL Server database'],
    [running(9300, 'node', 'node --inspect=0.0.0.0:9300 app.js'), 'a Node.js debugger'],
    [running(9229, 'node', 'node --inspect app.js'), 'a Node.js debugger'],
    [running(3000, 'node', 'node --inspect=9300 app.js'), undefined],
    [running(3000, 'node', 'node --inspect app.js'), undefined],
    [running(9333, 'chrome', 'chrome --remote-debugging-port=9333'), 'a browser under remote control'],
    [
      running(8001, 'java', 'java -agentlib:jdwp=transport=dt_socket,server=y,address=*:8001 -jar a.jar'),
      'a Java debugger',
    ],
    [
      running(8080, 'java', 'java -agentlib:jdwp=transport=dt_socket,server=y,address=*:8001 -jar a.jar'),
      undefined,
    ],
    [running(5680, 'python3', 'python3 -m debugpy --listen 0.0.0.0:5680 app.py'), 'a Python debugger'],
    [running(8889, 'python3', '/usr/bin/python3 /usr/bin/jupyter-lab'), 'a Jupyter server'],
    // Default ports of chatbot and workflow servers, which people do expose.
    [running(5678, 'node', 'node /usr/local/bin/n8n'), undefined],
    [running(5005, 'python3', 'python3 -m rasa run'), undefined],
    [running(8888, 'php', 'php -S localhost:8888'), undefined],
    [running(3000, 'node', 'node server.js'), undefined],
    [running(8000, 'python3', 'python3 manage.py runserver'), undefined],
    [running(3000, 'nc'), undefined],
  ]
  for (const [listening, what] of byProcess) {
    it(`says ${what} of ${listening.port} ${listening.process.command}`, () =>
      assert.equal(riskOf(listening)?.what, what))
  }

  it('reads as a sentence', () => {
    const risk = riskOf({ port: 9229 })
    assert.equal(
      `This is ${risk?.what}. Whoever knows the URL can ${risk?.consequence}.`,
      'This is a Node.js debugger. Whoever knows the URL can run any code on this machine.',
    )
  })

  it('is not sure of a port that others use too while the process is unknown', () => {
    assert.equal(surelyKnownProgram({ port: 5678 }), undefined)
    assert.equal(surelyKnownProgram({ port: 5432 })?.speaksOther, true)
    assert.equal(surelyKnownProgram(running(5678, 'python3'))?.oneClient, true)
  })
})

describe('programName', () => {
  const cases: [string, string, string | undefined][] = [
    ['vite', 'node', 'node /app/node_modules/.bin/vite --port 3000'],
    [
      'vite',
      'node.exe',
      '"C:\\Program Files\\nodejs\\node.exe" "C:\\My App\\node_modules\\vite\\bin\\vite.js"',
    ],
    ['bot', 'python3.11', 'python3.11 -u bot.py --verbose'],
    ['http.server', 'python3', 'python3 -m http.server 8000'],
    ['puma', 'ruby', 'ruby bin/puma -p 3000'],
    ['node', 'node', 'node -e server()'],
    ['node', 'node', 'node index.js'],
    ['node', 'node', 'node'],
    ['node', 'node', undefined],
    ['nginx', 'nginx', 'nginx: master process /usr/sbin/nginx'],
  ]
  for (const [expected, name, command] of cases) {
    it(`calls ${command ?? name} ${expected}`, () =>
      assert.equal(programName({ pid: 1, name, ...(command !== undefined && { command }) }), expected))
  }
})
