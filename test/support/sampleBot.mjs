// A small Messenger bot to put behind a public URL: PORT=3000 node sampleBot.mjs
// GET  /          a page for people            GET /api/echo  the request, as JSON
// GET  /webhook   answers the verification     GET /sse       the time, each second
// POST /webhook   takes events in              WebSocket /ws  echoes text
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 3000)
const host = process.env.HOST ?? '127.0.0.1'
const verifyToken = process.env.VERIFY_TOKEN ?? 'expose-port'
/** With it set, an event without Messenger's signature is refused. */
const appSecret = process.env.APP_SECRET
/** With it set, the bot answers what people write to the page. */
const pageToken = process.env.PAGE_TOKEN
const graphApi = process.env.GRAPH_API ?? 'https://graph.facebook.com'
let events = 0

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://bot')
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    if (url.pathname === '/') page(response)
    else if (url.pathname === '/webhook' && request.method === 'GET') verify(url.searchParams, response)
    else if (url.pathname === '/webhook' && request.method === 'POST') receive(request, body, response)
    else if (url.pathname === '/api/echo') echo(request, body, response)
    else if (url.pathname === '/sse') sendTime(response)
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n')
  })
})
server.on('upgrade', webSocketEcho)
server.on('error', (error) => {
  console.error(`The bot cannot listen on ${host}:${port}: ${error.message}`)
  process.exitCode = 1
})
server.listen(port, host, () => {
  console.log(`Sample bot: http://${host}:${server.address().port}  (verify token: ${verifyToken})`)
})

function page(response) {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sample bot</title>
<style>body{font:18px/1.5 system-ui;max-width:36em;margin:12vh auto;padding:0 1em}code{background:#8882}</style>
<h1>🤖 The sample bot is up</h1>
<p>It has received <b id="events">${events}</b> webhook event${events === 1 ? '' : 's'}.</p>
<p>Callback URL: <code id="callback"></code><br>Verify token: <code>${verifyToken}</code></p>
<script>document.getElementById('callback').textContent = location.origin + '/webhook'</script>
</html>`)
}

// https://developers.facebook.com/docs/messenger-platform/webhooks: answer with the challenge, alone.
function verify(query, response) {
  const accepted = query.get('hub.mode') === 'subscribe' && query.get('hub.verify_token') === verifyToken
  console.log(accepted ? 'webhook verified' : 'webhook verification refused: wrong verify token')
  response.writeHead(accepted ? 200 : 403, { 'content-type': 'text/plain' })
  response.end(accepted ? query.get('hub.challenge') : undefined)
}

function receive(request, body, response) {
  if (appSecret !== undefined && !isSigned(request.headers['x-hub-signature-256'], body)) {
    console.log('event refused: wrong signature')
    return response.writeHead(403).end()
  }
  events += 1
  console.log(`event ${events}: ${body}`)
  // After the event is taken in: Meta waits for that, and not for what the bot says.
  if (pageToken !== undefined) answerMessages(body).catch((error) => console.error('no answer:', error))
  return response.writeHead(200, { 'content-type': 'text/plain' }).end('EVENT_RECEIVED')
}

// https://developers.facebook.com/docs/messenger-platform/reference/send-api
async function answerMessages(body) {
  const messages = (JSON.parse(body).entry ?? []).flatMap(({ messaging = [] }) => messaging)
  for (const { sender, message } of messages) {
    if (message?.text === undefined || message.is_echo) continue
    const response = await fetch(`${graphApi}/v25.0/me/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${pageToken}` },
      body: JSON.stringify({
        recipient: { id: sender.id },
        messaging_type: 'RESPONSE',
        message: { text: `You said: ${message.text}` },
      }),
    })
    console.log(`answered ${sender.id}: ${response.status}`)
  }
}

function isSigned(signature = '', body) {
  const expected = Buffer.from(`sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`)
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function echo({ method, url, headers }, body, response) {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ method, url, headers, body: body.toString() }, null, 2))
}

function sendTime(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const send = () => {
    if (response.destroyed) return
    response.write(`data: ${new Date().toISOString()}\n\n`)
    setTimeout(send, 1000)
  }
  send()
}

// RFC 6455, as far as short text in single frames goes.
function webSocketEcho(request, socket) {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
  )
  let buffered = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 6) {
      const length = buffered[1] & 0x7f
      if (length > 125) return socket.destroy()
      if (buffered.length < 6 + length) return undefined
      const frame = buffered.subarray(0, 6 + length)
      buffered = buffered.subarray(6 + length)
      answerFrame(socket, frame)
    }
    return undefined
  })
}

function answerFrame(socket, frame) {
  const payload = frame.subarray(6).map((byte, index) => byte ^ frame[2 + (index % 4)])
  const answers = { 0x1: 0x81, 0x8: 0x88, 0x9: 0x8a } // text, close, ping -> pong
  const first = answers[frame[0] & 0x0f]
  if (first === undefined) return
  socket.write(Buffer.concat([Buffer.from([first, payload.length]), payload]))
  if (first === 0x88) socket.end()
}
