import assert from 'node:assert/strict'
import { gateAnswers, gatePage, type GateAnswer } from '../../../src/http/gatePage'

describe('gatePage', () => {
  const rows: [accept: string, gets: 'JSON' | 'a page'][] = [
    ['', 'a page'],
    ['*/*', 'a page'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'a page'],
    ['application/json', 'JSON'],
    ['APPLICATION/JSON; charset=utf-8', 'JSON'],
    ['application/vnd.api+json', 'JSON'],
    ['application/*', 'JSON'],
    ['application/json, text/plain, */*', 'JSON'],
    ['application/json, */*;q=0.1', 'JSON'],
    ['application/problem+json, text/html', 'JSON'],
    ['text/html, application/json', 'a page'],
    ['text/html, application/json;q=0.9', 'a page'],
    ['text/html;q=0.8, application/json;q=0.9', 'JSON'],
    ['application/json;q=0, */*', 'a page'],
    ['application/json;q=0', 'a page'],
    ['*/*;q=0.1, application/json;q=0.2', 'JSON'],
    ['image/png', 'a page'],
    [';q=1,,;', 'a page'],
    ['application/json;q=x', 'JSON'],
  ]
  for (const [accept, gets] of rows) {
    it(`gives ${gets} to ${accept === '' ? 'who says nothing' : accept}`, () => {
      const { contentType, body } = gatePage(gateAnswers.noAnswer, accept)
      assert.equal(contentType, gets === 'JSON' ? 'application/json' : 'text/html; charset=utf-8')
      assert.match(body, /The app does not answer/)
      if (gets === 'JSON') {
        const { error, reason } = JSON.parse(body) as Record<string, unknown>
        assert.deepEqual([error, reason], ['bad_gateway', 'no answer'])
      }
    })
  }

  const answers: [string, GateAnswer][] = Object.entries(gateAnswers)
  for (const [name, answer] of answers) {
    it(`${name}: needs nothing else to be shown`, () => {
      const { body } = gatePage(answer, 'text/html')
      assert.doesNotMatch(body, /<script|<link|<img|url\(|https?:/)
      assert.ok(body.includes(`<title>${answer.title}</title>`) && body.includes(answer.detail))
      assert.match(body, new RegExp(`>${answer.status} · Expose Port<`))
    })
  }

  it('shows words as they are', () => {
    const { body } = gatePage({ status: 403, kind: 'x', title: 'a<b>&', detail: '<script>' }, '')
    assert.match(body, /<h1>a&lt;b&gt;&amp;<\/h1><p>&lt;script&gt;<\/p>/)
  })
})
