import type { CallbackRules } from '../provider'
import type { Trouble } from '../preflight/trouble'

/** The rules of Meta's webhooks (https://developers.facebook.com/docs/graph-api/webhooks/getting-started). */
export const metaRules: Omit<CallbackRules, 'harmless'> = {
  verification: (verifyToken, challenge) =>
    new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': challenge,
      'hub.verify_token': verifyToken,
    }).toString(),
  verifyTokenFrom: 'verifyToken',
  wouldSay,
  snippets: {
    verification: `app.get('/webhook', (req, res) => {
  const isOurs = req.query['hub.mode'] === 'subscribe' && req.query['hub.verify_token'] === process.env.VERIFY_TOKEN
  if (!isOurs) return res.sendStatus(403)
  res.type('text/plain').send(String(req.query['hub.challenge']))
})
`,
    signature: `const { createHmac, timingSafeEqual } = require('node:crypto')

// Before anything else reads the body: the signature is of the bytes as they came.
app.use(express.json({
  verify(req, res, body) {
    const expected = Buffer.from('sha256=' + createHmac('sha256', process.env.APP_SECRET).update(body).digest('hex'))
    const given = Buffer.from(req.get('X-Hub-Signature-256') ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw Object.assign(new Error('wrong signature'), { status: 403 })
  },
}))
`,
  },
}

/** As people report it; texts without a code of their own stand in 2200. */
function wouldSay(trouble: Trouble): string | undefined {
  const failed = (reason: string) =>
    `(#2200) Callback verification failed with the following errors: ${reason}`
  switch (trouble.kind) {
    case 'status':
      return failed(`HTTP Status Code = ${trouble.status}; HTTP Message = ${trouble.reason}`)
    case 'redirect':
      return failed('curl_errno = 47; curl_error = Maximum (2) redirects followed')
    case 'challenge':
      return `(#2201) response does not match challenge, expected value="${trouble.expected}", received="${trouble.received}"`
    case 'certificate name':
      return failed(
        'curl_errno = 51; curl_error = SSL: no alternative certificate subject name matches target host name',
      )
    case 'certificate untrusted':
    case 'certificate expired':
      return failed('curl_errno = 60; curl_error = SSL certificate problem')
    case 'too slow':
      return failed('curl_errno = 28; curl_error = Operation timed out')
    case 'no such name':
      return failed('curl_errno = 6; curl_error = Could not resolve host')
    case 'unreachable':
      return failed('curl_errno = 7; curl_error = Failed to connect')
    case 'no TLS':
      return failed('curl_errno = 35; curl_error = SSL connect error')
    case 'not https':
      return '(#100) callback_url must be an https URL'
    case 'port':
      return undefined
  }
}
